"""Computes the same thing once: nodes with equal operator, inputs and attributes share one output."""

from __future__ import annotations

from dataclasses import replace

from picozoo.ir.program import Node, Program, rewire
from picozoo.specs import Target


def run(program: Program, target: Target) -> Program:
    """A program in which no two nodes of a function compute the same value."""
    program = program.copy()
    for f in program.functions.values():
        seen: dict[tuple[object, ...], Node] = {}
        mapping: dict[str, str] = {}
        kept = []
        for node in f.nodes:
            inputs = tuple(mapping.get(r, r) for r in node.inputs)
            types = tuple(f.types[r] for r in node.outputs)
            first = seen.setdefault((node.op, inputs, node.attrs, types), node)
            # a loop's regions are its own; a copy is there to have storage of its own
            if first is not node and node.op not in ("while_loop", "copy"):
                mapping.update(zip(node.outputs, first.outputs, strict=True))
            else:
                kept.append(replace(node, inputs=inputs))
        f.nodes = kept
        rewire(f, mapping)
    return program
