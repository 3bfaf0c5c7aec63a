"""Puts a copy where a result, a state's new value or a loop's value is not computed but only named.

After this pass every result, update and body result is made by a node of its own function, so that the planner can give
it a place; and, on chips whose flash is not in the data address space, every constant is read by kernels that can reach
it there or copied to RAM first.
"""

from __future__ import annotations

from dataclasses import replace

from picozoo import ops
from picozoo.ir.program import Function, Node, Program
from picozoo.ops._op import NoAttrs
from picozoo.specs import Target


def run(program: Program, target: Target) -> Program:
    """The program with the copies that the planner and the target need."""
    program = program.copy()
    for f in program.functions.values():
        if target.progmem:
            _stage(program, f)
        _outputs(program, f)
    return program


def _stage(program: Program, f: Function) -> None:
    nodes: list[Node] = []
    for node in f.nodes:
        allowed = ops.get(node.op).flash_inputs
        inputs = list(node.inputs)
        if node.op != "while_loop":
            for i, ref in enumerate(node.inputs):
                if ref[0] == "@" and i not in allowed:
                    inputs[i] = _copy(program, f, nodes, ref)
        nodes.append(replace(node, inputs=tuple(inputs)))
    f.nodes = nodes


def _copy(program: Program, f: Function, nodes: list[Node], ref: str) -> str:
    out = f.fresh(f"{ref[1:]}.copy")
    f.types[out] = program.type_of(f, ref)
    taken = {n.name for n in (*f.nodes, *nodes)}
    name, k = out[1:], 1
    while name in taken:
        name, k = f"{out[1:]}_{k}", k + 1
    nodes.append(Node("copy", name, (ref,), (out,), NoAttrs()))
    return out


def _outputs(program: Program, f: Function) -> None:
    made = f.producers()

    def origin(ref: str) -> str:
        while ref in made and made[ref].op == "reshape":
            ref = made[ref].inputs[0]
        return ref

    def own(ref: str, seen: set[str]) -> str:
        root = origin(ref)
        if root in made and root not in seen:
            seen.add(root)
            return ref
        return _copy(program, f, f.nodes, ref)

    # a function may hand back its own parameter, but not a constant, a state, or one value twice from a region
    if f.public:
        f.results = tuple(r if origin(r)[0] == "%" else _copy(program, f, f.nodes, r) for r in f.results)
        taken: set[str] = set()
        f.updates = {s: own(r, taken) for s, r in f.updates.items()}
    else:
        taken = set()
        f.results = tuple(
            r if i < len(f.params) and r == f.params[i] else own(r, taken) for i, r in enumerate(f.results)
        )
