"""Removes nodes whose outputs nobody reads, then constants and regions that nothing refers to."""

from __future__ import annotations

from picozoo import ops
from picozoo.ir.program import Function, Program
from picozoo.specs import Target


def run(program: Program, target: Target) -> Program:
    """A program with the same results and no unread node, constant, region or local type."""
    program = program.copy()
    for f in program.functions.values():
        _nodes(f)
    used = {r for f in program.functions.values() for n in f.nodes for r in ops.get(n.op).regions(n.attrs)}
    program.functions = {k: f for k, f in program.functions.items() if f.public or k in used}
    refs = {r for f in program.functions.values() for n in f.nodes for r in n.inputs}
    refs |= {r for f in program.functions.values() for r in (*f.results, *f.updates.values())}
    program.constants = {k: v for k, v in program.constants.items() if k in refs}
    program.constant_types = {k: v for k, v in program.constant_types.items() if k in refs}
    return program


def _nodes(f: Function) -> None:
    live = {*f.results, *f.updates.values()}
    kept = []
    for node in reversed(f.nodes):
        if any(r in live for r in node.outputs):
            kept.append(node)
            live.update(node.inputs)
    f.nodes = kept[::-1]
    defined = set(f.params) | {r for n in f.nodes for r in n.outputs}
    f.types = {r: t for r, t in f.types.items() if r in defined}
