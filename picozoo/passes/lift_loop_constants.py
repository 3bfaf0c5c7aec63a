"""Lets the regions of a loop read constants and states themselves, instead of being handed them as extra inputs.

Capture hands a region everything it reads. A constant reached through a parameter would hide from the passes that fold
constants, and from the target's rules about where constants may lie.
"""

from __future__ import annotations

from dataclasses import replace

from picozoo.ir.program import Node, Program, rewire
from picozoo.specs import Target


def run(program: Program, target: Target) -> Program:
    """A program where no `while_loop` has a constant or a state among its extra inputs."""
    program = program.copy()
    # outer regions come first in the dictionary after their function; a second round reaches what the first handed down
    for _ in range(len(program.functions)):
        for f in program.functions.values():
            f.nodes = [_lift(program, n) if n.op == "while_loop" else n for n in f.nodes]
    return program


def _lift(program: Program, node: Node) -> Node:
    keep = [i for i, r in enumerate(node.inputs) if i < node.attrs.carried or r[0] == "%"]
    if len(keep) == len(node.inputs):
        return node
    for name in (node.attrs.cond, node.attrs.body):
        region = program.functions[name]
        gone = {region.params[i]: node.inputs[i] for i in range(len(node.inputs)) if i not in keep}
        rewire(region, gone)
        region.params = tuple(region.params[i] for i in keep)
        region.types = {r: t for r, t in region.types.items() if r not in gone}
    return replace(node, inputs=tuple(node.inputs[i] for i in keep))
