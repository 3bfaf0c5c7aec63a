"""Small helpers for passes that look at a node and its neighbours."""

from __future__ import annotations

from picozoo.ir.program import Function, Node


def only_reader(f: Function, uses: dict[str, list[Node | None]], ref: str) -> Node | None:
    """The one node that reads `ref`, if it is read once and is no result."""
    readers = uses.get(ref, [])
    return readers[0] if len(readers) == 1 else None


def replace_node(f: Function, old: Node, *new: Node) -> None:
    """Put nodes in the place of another, in order."""
    at = next(i for i, n in enumerate(f.nodes) if n is old)
    f.nodes[at : at + 1] = list(new)
