"""The order of nodes: against every order of small graphs, and on graphs where the greedy order fails."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Function, Node, Program
from picozoo.ir.verify import verify
from picozoo.ops import get
from picozoo.passes import schedule
from picozoo.specs import Target, TensorType


def graph(rng: np.random.Generator, n: int) -> Program:
    """Branches that widen, narrow, and meet: every node reads one or two of the last values made."""
    f = Function("forward", ("%x",), (), [], {"%x": TensorType((int(rng.integers(1, 9)), 4))})
    p = Program("graph", {"forward": f})
    for k in range(n):
        recent = list(f.types)[-5:]
        a = str(rng.choice(recent))
        same = [r for r in recent if r != a and f.types[r] == f.types[a]]
        if same and rng.random() < 0.4:
            node = Node("add", f"n{k}", (a, str(rng.choice(same))), (f"%v{k}",), get("add").Attrs())
            t = f.types[a]
        elif rng.random() < 0.2:
            node, t = Node("relu", f"n{k}", (a,), (f"%v{k}",), get("relu").Attrs()), f.types[a]
        else:
            rows, wide = f.types[a].shape[0], 4 * int(rng.integers(1, 9))
            w = p.add_constant(
                "w",
                rng.normal(size=(wide, f.types[a].shape[1])).astype(np.float32),
                TensorType((wide, f.types[a].shape[1])),
            )
            node, t = Node("linear", f"n{k}", (a, w), (f"%v{k}",), get("linear").Attrs()), TensorType((rows, wide))
        f.types[f"%v{k}"] = t
        f.nodes.append(node)
    read = {r for node in f.nodes for r in node.inputs}
    f.results = tuple(r for node in f.nodes for r in node.outputs if r not in read)
    return verify(p)


def orders(f: Function) -> Iterator[list[Node]]:
    """Every order in which the nodes could run."""

    def go(made: set[str], left: list[Node], order: list[Node]) -> Iterator[list[Node]]:
        if not left:
            yield order
        for node in left:
            if all(r[0] != "%" or r in made for r in node.inputs):
                yield from go({*made, *node.outputs}, [m for m in left if m is not node], [*order, node])

    yield from go(set(f.params), f.nodes, [])


def test_least_is_the_least_of_all_orders() -> None:
    rng, better = np.random.default_rng(1), 0
    for _ in range(60):
        p = graph(rng, int(rng.integers(3, 8)))
        f = p.main
        best = min(schedule.peak(p, f, o) for o in orders(f))
        found = schedule.least(p, f, 1 << 30)
        assert found is not None and schedule.peak(p, f, found) == best
        assert schedule.least(p, f, best) is None
        better += best < min(schedule.peak(p, f, o) for o in (f.nodes, schedule.greedy(p, f)))
    assert better >= 1, "graphs on which the greedy order is best throughout test nothing"


@pytest.mark.parametrize("seed", range(3))
def test_twenty_nodes_in_their_best_order(seed: int) -> None:
    """Never above the greedy order, the same results, and found within the limit."""
    rng = np.random.default_rng(seed)
    p = graph(rng, 20)
    f, q = p.main, schedule.run(p, Target())
    now = schedule.peak(q, q.main, q.main.nodes)
    assert now <= min(schedule.peak(p, f, f.nodes), schedule.peak(p, f, schedule.greedy(p, f)))
    assert schedule.least(p, f, int(now * schedule.GAIN), 1 << 20) is None
    x = rng.normal(size=f.types["%x"].shape).astype(np.float32)
    for a, b in zip(Interpreter(p).call("forward", x), Interpreter(verify(q)).call("forward", x), strict=True):
        np.testing.assert_array_equal(a, b)


def test_many_branches_are_given_up() -> None:
    """Thirty equal branches have 2^30 sets: the search stops and the order stays."""
    f = Function("forward", ("%x",), (), [], {"%x": TensorType((64,))})
    f.nodes = [Node("tanh", f"n{k}", ("%x",), (f"%v{k}",), get("tanh").Attrs()) for k in range(30)]
    f.types.update({f"%v{k}": TensorType((64,)) for k in range(30)})
    f.results = tuple(f"%v{k}" for k in range(30))
    p = verify(Program("wide", {"forward": f}))
    assert schedule.least(p, f, 1 << 30, 20) is None
    assert schedule.run(p, Target()).main.nodes == f.nodes
