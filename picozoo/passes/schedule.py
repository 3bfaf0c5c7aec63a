"""Orders nodes so that less memory is alive at once.

First a greedy order: of the nodes that could run next, the one that leaves the fewest bytes alive, ties in the order
written. Then a search for the order with the smallest fullest step, over sets of nodes that have run, the sets with the
smallest peak first; it gives up after `MOST` of them, which functions with many parallel branches have. An order
replaces the one before only where its fullest step is smaller, and that of the search only by a hundredth or more.

Source: for the search, Ahn et al., "Ordering chaos: memory-aware scheduling of irregularly wired neural networks for
edge devices", 2020, section 3. Differs: best first, and a node that frees as much as it needs runs at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from picozoo import ops
from picozoo.ir.program import Function, Node, Program
from picozoo.specs import Target

MOST = 3000  # sets of nodes that the search looks at, for half a second at most
GAIN = 0.99  # what is less than a hundredth may be lost again when places are given


def run(program: Program, target: Target) -> Program:
    """The program with nodes reordered where that lowers the peak."""
    program = program.copy()
    for f in program.functions.values():
        f.nodes = best_order(program, f)
    return program


def best_order(program: Program, f: Function, most: int = MOST) -> list[Node]:
    """The function's nodes as written, or in the greedy or the best order found if its fullest step is smaller."""
    order = greedy(program, f)
    tops = peak(program, f, order), peak(program, f, f.nodes)
    return least(program, f, int(min(tops) * GAIN), most) or (order if tops[0] < tops[1] else f.nodes)


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


@dataclass(frozen=True)
class _Value:
    """Bytes of a value, the nodes that read it, as bits, and whether it must last to the end."""

    size: int
    readers: int
    kept: bool


class _Search:
    """Sets of nodes that have run are bits of a number: node k is bit k."""

    def __init__(self, program: Program, f: Function) -> None:
        self.program, self.f = program, f
        kept = {*f.results, *f.updates.values()}
        made = {r: 1 << k for k, n in enumerate(f.nodes) for r in n.outputs}
        readers: dict[str, int] = {}
        for k, n in enumerate(f.nodes):
            for r in n.inputs:
                readers[r] = readers.get(r, 0) | 1 << k
        self.values = {r: _Value(_size(program, f, r), readers.get(r, 0), r in kept) for r in {*readers, *made}}
        self.inputs = [{r for r in n.inputs if r[0] == "%"} for n in f.nodes]
        self.needs = [sum({made[r] for r in ins if r in made}) for ins in self.inputs]
        self.start = sum(_size(program, f, p) for p in f.params if p in readers or p in kept)
        self.saved: dict[tuple[int, frozenset[str]], int] = {}

    def ready(self, done: int) -> Iterator[int]:
        """Nodes that can run next."""
        return (k for k, needs in enumerate(self.needs) if not done >> k & 1 and needs & ~done == 0)

    def run(self, k: int, done: int, alive: int) -> tuple[int, int]:
        """Bytes alive while node k runs, and after it."""
        node, after = self.f.nodes[k], done | 1 << k
        dying = frozenset(r for r in self.inputs[k] if not self.values[r].kept and self.values[r].readers & ~after == 0)
        if (k, dying) not in self.saved:
            self.saved[k, dying] = _taken_over(self.program, self.f, node, set(dying))
        outs = [self.values[r] for r in node.outputs]
        here = alive + sum(v.size for v in outs)
        rest = (
            here - sum(self.values[r].size for r in dying) - sum(v.size for v in outs if not v.readers and not v.kept)
        )
        return here - self.saved[k, dying], rest

    def best(self, below: int, most: int) -> list[Node] | None:
        """The order with the smallest peak, if that is smaller than `below` and found within `most` sets."""
        n = len(self.f.nodes)
        came: dict[int, tuple[int, int]] = {}  # set -> the set before, the node
        heap, seen = [(self.start, 0, 0, self.start, -1, 0)], 0
        while heap and seen < most:
            top, _, done, alive, k, before = heappop(heap)
            if done in came or (done == 0 and k >= 0):
                continue
            came[done] = (before, k)
            seen += 1
            if done == (1 << n) - 1:
                return self._path(came, done)
            moves = [(k, *self.run(k, done, alive)) for k in self.ready(done)]
            free = [m for m in moves if m[2] <= alive and m[1] <= top]
            for k, here, rest in free[:1] or moves:
                if max(top, here) < below:
                    after = done | 1 << k
                    heappush(heap, (max(top, here), -after.bit_count(), after, rest, k, done))
        return None

    def _path(self, came: dict[int, tuple[int, int]], done: int) -> list[Node]:
        order = []
        while done:
            done, k = came[done]
            order.append(self.f.nodes[k])
        return order[::-1]


def least(program: Program, f: Function, below: int, most: int = MOST) -> list[Node] | None:
    """The order with the smallest peak; None if none has less than `below`, or it takes too long to tell."""
    return _Search(program, f).best(below, most)
