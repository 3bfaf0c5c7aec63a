"""Small helpers for passes that look at a node and its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from picozoo.ir.program import Function, Node


def only_reader(f: Function, uses: dict[str, list[Node | None]], ref: str) -> Node | None:
    """The one node that reads `ref`, if it is read once and is no result."""
    readers = uses.get(ref, [])
    return readers[0] if len(readers) == 1 else None


def replace_node(f: Function, old: Node, *new: Node) -> None:
    """Put nodes in the place of another, in order."""
    at = next(i for i, n in enumerate(f.nodes) if n is old)
    f.nodes[at : at + 1] = list(new)


def trees(
    f: Function, sink: Node, joins: Callable[[Node], bool], fixed: Callable[[str], bool], first: Callable[[str], bool]
) -> Iterator[tuple[list[Node], list[str]]]:
    """Ever larger trees of nodes that only `sink` needs, in no order, each with the values that it reads.

    Args:
        joins: may the node be part of it?
        fixed: references that are no inputs of the tree, such as constants.
        first: values whose makers join before those of others.
    """
    uses, made, group = f.uses(), f.producers(), [sink]
    while True:
        refs = dict.fromkeys(r for n in group for r in n.inputs if not fixed(r))
        reads = [r for r in refs if made.get(r) not in group]
        yield group, reads
        inner = [r for r in reads if r in made and joins(made[r]) and all(u in group for u in uses[r])]
        if not inner:
            return
        group = [*group, *(made[r] for r in ([r for r in inner if first(r)] or inner))]
