"""Places bodies one after the other, each as low as those that lie there already let it: see `arena.plan_arena`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

# (bytes that another must begin before it or behind it, how far behind it that may begin exactly, if anywhere)
Gap = tuple[int, int, int | None]
Near = tuple[int, int, int, int | None]  # another life, and that
Body = tuple[tuple[int, int], ...]  # lives that keep their distance: (life, its begin in the body)


@dataclass(frozen=True)
class Search:
    """Try so many orders, each the best so far with a few bodies moved, until `goal` bytes are enough.

    What lies highest is always moved, to a place in the order that is drawn.
    """

    tries: int
    goal: int
    seed: int


class _Pair:
    """Where a body must not begin if another begins at 0."""

    def __init__(self, gaps: Sequence[Gap]) -> None:
        self.starts, self.stops = _merged(gaps)
        inside = {v for _, _, v in gaps if v is not None}
        self.exact = {at for at in inside if all(at <= lo or at >= hi or at == v for lo, hi, v in gaps)}

    def lets(self, at: int) -> bool:
        """May it begin there?"""
        k = bisect_left(self.starts, at)
        return k == 0 or at >= self.stops[k - 1] or at in self.exact


class Packer:
    """Bodies of lives, and how near to each other they may lie.

    Args:
        sizes: bytes of each life.
        bodies: of lives that have bytes.
        near: of each life the others that share a step with it, and where it must not begin if they begin at 0.
        align: every body begins at a multiple of it; bytes.
    """

    def __init__(
        self, sizes: Sequence[int], bodies: Sequence[Body], near: Sequence[Sequence[Near]], align: int
    ) -> None:
        self.align, self.bodies = align, bodies
        self.sizes = [max((start + sizes[i] for i, start in b), default=0) for b in bodies]
        home = {i: (k, start) for k, body in enumerate(bodies) for i, start in body}
        gaps: list[dict[int, list[Gap]]] = [{} for _ in bodies]
        for i, (k, start) in home.items():
            for j, lo, hi, exact in near[i]:
                if j not in home or (other := home[j])[0] == k:
                    continue
                by = other[1] - start
                gaps[k].setdefault(other[0], []).append((lo + by, hi + by, None if exact is None else exact + by))
        self.pairs = [{j: _Pair(found) for j, found in of.items()} for of in gaps]

    def place(self, order: Sequence[int], below: bool) -> tuple[list[int], int]:
        """Where each body begins, and the bytes of all; with `below` also under what lies there already.

        Args:
            order: of bodies, by index.
        """
        at: list[int | None] = [None] * len(self.bodies)
        low = high = 0
        for k in order:
            if not self.sizes[k]:
                continue
            there = [(pair, found) for j, pair in self.pairs[k].items() if (found := at[j]) is not None]
            begins = self._begins(there, below)
            size = self.sizes[k]
            fits = (v for v in begins if all(pair.lets(v - found) for pair, found in there))
            if below:
                best = min(fits, key=lambda v: (max(high, v + size) - min(low, v), v))
            else:
                best = next(fits)
            at[k] = best
            low, high = min(low, best), max(high, best + size)
        return [0 if v is None else v - low for v in at], high - low

    def best(self, ways: Sequence[tuple[Sequence[int], bool]], search: Search | None) -> tuple[list[int], int]:
        """The smallest of the given orders, or of those that a search finds from there."""
        found, _, way = min(((self.place(*way), k, way) for k, way in enumerate(ways)), key=lambda v: (v[0][1], v[1]))
        random = Random(search.seed if search else 0)
        for _ in range(search.tries if search else 0):
            if search and found[1] <= search.goal:
                break
            order = list(way[0])
            top = max(order, key=lambda k: found[0][k] + self.sizes[k])
            for body in (top, *(order[int(random.random() * len(order))] for _ in range(int(random.random() * 3)))):
                order.remove(body)
                order.insert(int(random.random() * (len(order) + 1)), body)
            other = order, random.random() < 0.5
            if (made := self.place(*other))[1] <= found[1]:
                found, way = made, other
        return found

    def _begins(self, there: Sequence[tuple[_Pair, int]], below: bool) -> list[int]:
        """Where a body may be tried: at the bottom, and beside each gap; in order."""
        align, found = self.align, {0}
        for pair, at in there:
            found.update(-(-(at + stop) // align) * align for stop in pair.stops)
            found.update(at + v for v in pair.exact if (at + v) % align == 0)
            if below:
                found.update((at + start) // align * align for start in pair.starts)
        return sorted(found if below else (v for v in found if v >= 0))


def _merged(gaps: Sequence[Gap]) -> tuple[list[int], list[int]]:
    """The same forbidden places as gaps that do not overlap, in order: places between a start and a stop."""
    starts: list[int] = []
    stops: list[int] = []
    for lo, hi in sorted((lo, hi) for lo, hi, _ in gaps if lo < hi):
        if stops and lo < stops[-1]:
            stops[-1] = max(stops[-1], hi)
        else:
            starts.append(lo)
            stops.append(hi)
    return starts, stops
