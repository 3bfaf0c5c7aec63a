"""Lets integers pass through what only moves them: mover(dequantize(q)) -> dequantize(mover(q)).

Files have no pair round what only moves elements, and `layout` puts transposes between a dequantize node and the layer
that reads it. With the dequantize node behind the mover (`Op.moves`), `lower_qdq` finds the layer's island; no value
changes.
"""

from __future__ import annotations

from dataclasses import replace

from picozoo import ops
from picozoo.ir.program import Function, Node, Program
from picozoo.specs import Target, TensorType


def run(program: Program, target: Target) -> Program:
    """The program with its dequantize nodes behind movers, if it came as quantize/dequantize pairs."""
    return sink(program) if "pairs" in program.meta else program


def sink(program: Program) -> Program:
    """As `run`, for every program."""
    program = program.copy()
    for f in program.functions.values():
        made: dict[str, Node] = {}
        nodes: list[Node] = []
        names = {n.name for n in f.nodes}
        for node in f.nodes:
            pair = _swapped(program, f, made, node, names)
            for n in pair:
                nodes.append(n)
                made.update(dict.fromkeys(n.outputs, n))
        f.nodes = nodes
    return program


def _swapped(program: Program, f: Function, made: dict[str, Node], node: Node, names: set[str]) -> list[Node]:
    """A mover of integers and the dequantize node behind it; the node itself if it must stay where it is."""
    before = made.get(node.inputs[0]) if node.inputs and ops.get(node.op).moves else None
    if before is None or before.op != "dequantize" or before.inputs[0][0] == "@":
        return [node]
    source, rest = program.type_of(f, before.inputs[0]), program.in_types(f, node)[1:]
    out: TensorType = source.with_(shape=f.types[node.outputs[0]].shape)
    per_tensor = source.quant is not None and source.quant.per_tensor
    if not per_tensor or not ops.get(node.op).lowers([source, *rest], [out], node.attrs):
        return [node]
    ref = f.fresh(f"{node.outputs[0]}.q")
    f.types[ref] = out
    name = ref[1:]
    while name in names:
        name += "_"
    names.add(name)
    moved = replace(node, inputs=(*before.inputs, *node.inputs[1:]), outputs=(ref,))
    return [moved, replace(before, name=name, inputs=(ref,), outputs=node.outputs)]
