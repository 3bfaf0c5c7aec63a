"""Puts a quantised sum behind the layer that makes one of its operands, where the target is better off with one kernel.

Of two layers that could take it, the later one does. No more RAM is taken than before (`fuse_elementwise.ram`).
"""

from __future__ import annotations

from picozoo import ops
from picozoo.ir.program import Function, Node, Program
from picozoo.passes.fuse_elementwise import ram
from picozoo.specs import Target, TensorType, dtype_of


def run(program: Program, target: Target) -> Program:
    """The program with sums fused; unchanged for targets that share kernels between layers."""
    if not target.fuse:
        return program
    program = program.copy()
    for f in program.functions.values():
        for node in [n for n in f.nodes if n.op == "add"]:
            _fuse(program, f, node, target)
    return program


def _fuse(program: Program, f: Function, node: Node, target: Target) -> None:
    at, uses = {n.outputs[0]: i for i, n in enumerate(f.nodes) if len(n.outputs) == 1}, f.uses()
    for ref in sorted((r for r in node.inputs if r in at), key=at.__getitem__, reverse=True):
        maker, other = f.nodes[at[ref]], node.inputs[ref == node.inputs[0]]
        if len(uses[ref]) > 1 or ref in f.results or other == ref or other[0] != "%":
            continue
        fused = _sum_form(program, f, maker, node, other, target)
        if fused is None:
            continue
        nodes = [fused if n is node else n for n in f.nodes if n is not maker]
        if ram(program, Function(f.name, f.params, f.results, nodes, f.types, f.updates)) <= ram(program, f):
            f.nodes = nodes
            del f.types[ref]
            return


def _sum_form(program: Program, f: Function, maker: Node, node: Node, other: str, target: Target) -> Node | None:
    y, added = f.types[node.outputs[0]], program.type_of(f, other)
    if y.quant is None or not y.shape == added.shape == f.types[maker.outputs[0]].shape:
        return None
    ins, outs = program.in_types(f, maker), program.out_types(f, maker)
    form = ops.get(maker.op).sum_form(ins, outs, maker.attrs, added, y, node.attrs.act, target)
    if form is None:
        return None
    more = [
        program.add_constant(f"{maker.name}.{i}", a, TensorType(a.shape, dtype_of(a))) for i, a in enumerate(form.more)
    ]
    return Node(form.op, node.name, (*maker.inputs, *more, other), node.outputs, form.attrs, node.source)
