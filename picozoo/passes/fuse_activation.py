"""Lets an operator clamp its own output: relu or relu6 after one with an attribute `act` becomes that attribute."""

from __future__ import annotations

from dataclasses import replace

from picozoo.ir.program import Function, Node, Program, rewire
from picozoo.passes._match import only_reader
from picozoo.specs import Target


def run(program: Program, target: Target) -> Program:
    """A program where a relu that is the only reader of an operator which can clamp is part of it."""
    program = program.copy()
    for f in program.functions.values():
        while _fuse_one(f):
            pass
    return program


def _fuse_one(f: Function) -> bool:
    uses = f.uses()
    for i, node in enumerate(f.nodes):
        if getattr(node.attrs, "act", None) != "none" or not f.types[node.outputs[0]].is_float:
            continue
        after = only_reader(f, uses, node.outputs[0])
        act = _kind(after) if after else ""
        if after is None or not act:
            continue
        f.nodes[i] = replace(node, attrs=replace(node.attrs, act=act))
        f.nodes.remove(after)
        rewire(f, {after.outputs[0]: node.outputs[0]})
        return True
    return False


def _kind(node: Node) -> str:
    if node.op == "relu":
        return "relu"
    return "relu6" if node.op == "clamp" and (node.attrs.low, node.attrs.high) == (0.0, 6.0) else ""
