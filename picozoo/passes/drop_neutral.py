"""Drops what changes nothing: casts to the same type, times or divided by one, plus or minus zero, and all but the last
of several reshapes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from picozoo.ir.program import Function, Node, Program, rewire
from picozoo.specs import Target

_NEUTRAL = {"mul": 1, "div": 1, "pow": 1, "add": 0, "sub": 0}
_EITHER = ("mul", "add")  # the constant may be the first operand


def run(program: Program, target: Target) -> Program:
    """A program without them."""
    program = program.copy()
    for f in program.functions.values():
        mapping: dict[str, str] = {}
        nodes = []
        made = f.producers()
        for old in f.nodes:
            node = replace(old, inputs=tuple(mapping.get(r, r) for r in old.inputs))
            if (same := _unchanged(program, f, node)) is not None:
                mapping[node.outputs[0]] = same
                continue
            before = made.get(node.inputs[0]) if node.op == "reshape" else None
            if before is not None and before.op == "reshape":
                node = replace(node, inputs=before.inputs)
            made.update(dict.fromkeys(node.outputs, node))
            nodes.append(node)
        f.nodes = nodes
        rewire(f, mapping)
    return program


def _unchanged(program: Program, f: Function, node: Node) -> str | None:
    """The input that the node gives as it is, or None."""
    if node.op != "cast" and (node.op not in _NEUTRAL or getattr(node.attrs, "act", "none") != "none"):
        return None
    out = f.types[node.outputs[0]]
    for i in (0, 1) if node.op in _EITHER else (0,):
        kept = node.inputs[i]
        if program.type_of(f, kept) == out and (node.op == "cast" or _neutral(program, node, node.inputs[1 - i])):
            return kept
    return None


def _neutral(program: Program, node: Node, ref: str) -> bool:
    value = program.constant(ref)
    if value is None or program.constant_types[ref].quant is not None:
        return False
    return bool(np.all(value == _NEUTRAL[node.op]))
