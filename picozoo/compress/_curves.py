"""Curves: a few element-by-element operators that together make a value of one other value, such as x * sigmoid(x).

In int8 they are one table. So the values inside need no ranges of their own: quantisation leaves them in float, and
`passes.tabulate` makes a table of what stands between the two 8-bit values. It is rounded once, not by each operator.
"""

from __future__ import annotations

from collections.abc import Iterator

from picozoo import ops
from picozoo.ir.program import Function, Node, Program
from picozoo.passes._match import trees


def curves(program: Program, f: Function) -> Iterator[tuple[list[Node], str]]:
    """(nodes in order, the value they are made of) of every longest curve of at least two operators.

    The last node gives its result; no other value of it is read elsewhere.
    """
    taken: set[str] = set()
    for sink in reversed(f.nodes):
        if sink.name in taken or not _bends(program, f, sink):
            continue
        found = _longest(program, f, sink)
        if found is not None:
            taken |= {n.name for n in found[0]}
            yield found


def _bends(program: Program, f: Function, node: Node) -> bool:
    """Is the node element by element, from values of its result's shape and constants of one element?"""
    if not ops.get(node.op).elementwise or len(node.outputs) != 1 or f.types[node.outputs[0]].dtype != "f32":
        return False
    types = {r: program.type_of(f, r) for r in node.inputs}
    whole = all(t.shape == f.types[node.outputs[0]].shape for r, t in types.items() if program.constant(r) is None)
    return whole and all(t.size == 1 for r, t in types.items() if program.constant(r) is not None)


def _longest(program: Program, f: Function, sink: Node) -> tuple[list[Node], str] | None:
    found = None
    for group, reads in trees(
        f, sink, lambda n: _bends(program, f, n), lambda r: program.constant(r) is not None, lambda r: True
    ):
        if len(reads) == 1 and len(group) > 1:
            found = [n for n in f.nodes if n in group], reads[0]
    return found
