"""Drops what changes nothing: a cast to the same type, and all but the last of several reshapes."""

from __future__ import annotations

from dataclasses import replace

from picozoo.ir.program import Program, rewire
from picozoo.specs import Target


def run(program: Program, target: Target) -> Program:
    """A program without casts to the same type, and with chains of reshapes made one."""
    program = program.copy()
    for f in program.functions.values():
        mapping: dict[str, str] = {}
        nodes = []
        made = f.producers()
        for node in f.nodes:
            inputs = tuple(mapping.get(r, r) for r in node.inputs)
            if node.op == "cast" and program.type_of(f, inputs[0]) == f.types[node.outputs[0]]:
                mapping[node.outputs[0]] = inputs[0]
                continue
            before = made.get(inputs[0]) if node.op == "reshape" else None
            if before is not None and before.op == "reshape":
                inputs = before.inputs
            new = replace(node, inputs=inputs)
            made.update(dict.fromkeys(new.outputs, new))
            nodes.append(new)
        f.nodes = nodes
        rewire(f, mapping)
    return program
