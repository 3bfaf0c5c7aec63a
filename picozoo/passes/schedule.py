"""Orders nodes so that less memory is alive at once.

A greedy order: of the nodes that could run next, the one that leaves the fewest bytes alive, ties in the order written.
It replaces the written order only where its largest step is smaller.
"""

from __future__ import annotations

from picozoo.ir.program import Function, Node, Program
from picozoo.specs import Target


def run(program: Program, target: Target) -> Program:
    """The program with nodes reordered where that lowers the peak."""
    program = program.copy()
    for f in program.functions.values():
        order = greedy(program, f)
        if peak(program, f, order) < peak(program, f, f.nodes):
            f.nodes = order
    return program


def _size(program: Program, f: Function, ref: str) -> int:
    return f.types[ref].nbytes if ref[0] == "%" else 0


def peak(program: Program, f: Function, order: list[Node]) -> int:
    """Bytes alive at the fullest step, without in-place sharing.

    Example:
        >>> peak(Program("p"), Function("f", (), (), [], {}), [])
        0
    """
    last = {r: i for i, n in enumerate(order) for r in n.inputs}
    last.update(dict.fromkeys((*f.results, *f.updates.values()), len(order)))
    alive = {p for p in f.params if p in last}
    top = sum(_size(program, f, r) for r in alive)
    for i, node in enumerate(order):
        alive.update(node.outputs)
        top = max(top, sum(_size(program, f, r) for r in alive))
        alive = {r for r in alive if last.get(r, -1) > i}
    return top


def greedy(program: Program, f: Function) -> list[Node]:
    """Repeatedly the ready node that frees most (outputs' bytes minus inputs that die there)."""
    readers: dict[str, int] = {}
    for n in f.nodes:
        for r in set(n.inputs):
            readers[r] = readers.get(r, 0) + 1
    for r in (*f.results, *f.updates.values()):
        readers[r] = readers.get(r, 0) + 1
    made = set(f.params)
    todo, order = list(f.nodes), []

    def growth(n: Node) -> int:
        dying = sum(_size(program, f, r) for r in set(n.inputs) if readers[r] == 1)
        return sum(_size(program, f, r) for r in n.outputs) - dying

    while todo:
        ready = [n for n in todo if all(r in made or r[0] != "%" for r in n.inputs)]
        best = min(ready, key=growth)
        order.append(best)
        todo.remove(best)
        made.update(best.outputs)
        for r in set(best.inputs):
            readers[r] -= 1
    return order
