"""Orders nodes so that less memory is alive at once.

A greedy order: of the nodes that could run next, the one that leaves the fewest bytes alive, ties in the order written.
It replaces the written order only where its largest step is smaller.
"""

from __future__ import annotations

from picozoo import ops
from picozoo.ir.program import Function, Node, Program
from picozoo.specs import Target


def run(program: Program, target: Target) -> Program:
    """The program with nodes reordered where that lowers the peak."""
    program = program.copy()
    for f in program.functions.values():
        f.nodes = best_order(program, f)
    return program


def best_order(program: Program, f: Function) -> list[Node]:
    """The function's nodes as written, or in the greedy order if its fullest step is smaller."""
    order = greedy(program, f)
    return order if peak(program, f, order) < peak(program, f, f.nodes) else f.nodes


def _size(program: Program, f: Function, ref: str) -> int:
    return f.types[ref].nbytes if ref[0] == "%" else 0


def peak(program: Program, f: Function, order: list[Node]) -> int:
    """Bytes alive at the fullest step, where an operator writes over an input of the same size if it can.

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
        here = sum(_size(program, f, r) for r in alive)
        top = max(top, here - _taken_over(program, f, node, {r for r in node.inputs if last[r] == i}))
        alive = {r for r in alive if last.get(r, -1) > i}
    return top


def _taken_over(program: Program, f: Function, node: Node, dying: set[str]) -> int:
    """Bytes of outputs that need no place of their own, since they take that of an input that dies here."""
    op = ops.get(node.op)
    if op.regions(node.attrs) and op.flattened:
        return 0
    saved = 0
    taken: set[str] = set()
    for out, i in op.inplace_pairs(program.in_types(f, node), program.out_types(f, node), node.attrs):
        ref, n = node.inputs[i], _size(program, f, node.outputs[out])
        free = ref in dying and node.inputs.count(ref) == 1 and not taken & {ref, node.outputs[out]}
        if free and _size(program, f, ref) == n:
            saved += n
            taken |= {ref, node.outputs[out]}
    return saved


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
