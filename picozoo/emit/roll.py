"""Finds what repeats among the layers of a function: bands of rows (`passes/bands.py`) become loops in C.

A band differs from the one before only in where its data lies. Where all places of a layer move on by the same distance
from band to band, one C function does them all: it is told which turn it is, or nothing if no place moves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from picozoo.errors import InvalidProgram

TURN = "turn"  # the loop variable in the C
_PLACE = re.compile(r"(?<=pz->arena \+ )\d+|(?<=pz->state \+ )\d+")
_HOLE = re.compile(r"(?<=pz->arena \+ )%|(?<=pz->state \+ )%")
_MOVED = re.compile(rf"(\d+) ([+-]) (\d+) \* {TURN}")


@dataclass(frozen=True)
class Repeat:
    """Layers `start` up to `start + period`, so many times."""

    start: int
    period: int
    turns: int

    @property
    def stop(self) -> int:
        """The first layer behind it."""
        return self.start + self.period * self.turns


@dataclass(frozen=True)
class Call:
    """How a layer is called: by the C function of layer `owner`, whose statements are `code`, told which turn it is."""

    owner: int
    code: str
    turn: int | None = None


@dataclass(frozen=True)
class Code:
    """C statements of a layer, and what the numbers in them are that say where its data lies.

    Example:
        >>> Code.of("f(pz->arena + 8);").at((4,))
        'f(pz->arena + 8 + 4 * turn);'
    """

    text: str
    places: tuple[int, ...]

    @classmethod
    def of(cls, code: str) -> Code:
        """Take the places out; a line break within a statement says nothing."""
        code = re.sub(r"(?<![;{}])\n +", " ", code)
        return cls(_PLACE.sub("%", code), tuple(map(int, _PLACE.findall(code))))

    def at(self, steps: Sequence[int]) -> str:
        """The statements with places that move on by so many bytes a turn."""
        places = iter(
            str(p) + (f" {'-' if s < 0 else '+'} {abs(s)} * {TURN}" if s else "")
            for p, s in zip(self.places, steps, strict=True)
        )
        return _HOLE.sub(lambda _: next(places), self.text)

    def turn(self, other: Code, steps: Sequence[int]) -> int | None:
        """The turn at which its places are those of the other; None if there is none."""
        at = {(b - a) / s for a, b, s in zip(self.places, other.places, steps, strict=True) if s} or {0.0}
        still = all(a == b for a, b, s in zip(self.places, other.places, steps, strict=True) if not s)
        turn = min(at)
        return int(turn) if still and len(at) == 1 and turn >= 0 and turn == int(turn) else None


def roll(names: Sequence[str], codes: Sequence[str]) -> tuple[list[Repeat], list[Call]]:
    """Layers in order as loops, and how each of them is called.

    Args:
        names: of layers; only layers of one name can be one C function.
        codes: C statements of layers.

    Raises:
        InvalidProgram: a turn of a loop would not be the layer that it stands for.

    Example:
        >>> parts, calls = roll(["a"] * 3, [f"f(pz->arena + {k});" for k in (0, 8, 16)])
        >>> parts, calls[2]
        ([Repeat(start=0, period=1, turns=3)], Call(owner=0, code='f(pz->arena + 0 + 8 * turn);', turn=2))
    """
    found = [Code.of(c) for c in codes]
    parts = repeats(names, found)
    own: dict[tuple[str, str], list[tuple[int, tuple[int, ...]]]] = {}  # layers with a C function, and their steps
    calls: dict[int, Call] = {}
    for part in sorted(parts, key=lambda p: p.turns == 1):  # what stands alone may be like a turn of a loop
        for k in range(part.start, part.start + part.period):
            by = steps(found[k], found[k + part.period if part.turns > 1 else k])
            owners = own.setdefault((names[k], found[k].text), [])
            owner, by, first = _owner(owners, found, k, by, part.turns > 1)
            code = found[owner].at(by) if any(by) else codes[owner]
            for t in range(part.turns):
                calls[k + t * part.period] = Call(owner, code, first + t if any(by) else None)
    for k, call in calls.items():
        if _told(call) != found[k]:
            raise InvalidProgram(f"turn {call.turn} of {names[k]} is not what the memory plan says")
    return parts, [calls[k] for k in range(len(codes))]


def _owner(
    owners: list[tuple[int, tuple[int, ...]]], found: Sequence[Code], k: int, by: tuple[int, ...], looped: bool
) -> tuple[int, tuple[int, ...], int]:
    """Whose C function does layer k, that one's steps, and at which turn; it gets one of its own if nobody's does."""
    for owner, moves in owners:
        turn = found[owner].turn(found[k], moves)
        if turn is not None and (not looped or (turn == 0 and moves == by)):
            return owner, moves, turn
    owners.append((k, by))
    return k, by, 0


def _told(call: Call) -> Code:
    """What a call does, read from the C that is printed."""
    return Code.of(_MOVED.sub(lambda m: str(int(m[1]) + int(m[2] + m[3]) * (call.turn or 0)), call.code))


def steps(first: Code, second: Code) -> tuple[int, ...]:
    """By how many bytes each place moves on from one to the other."""
    return tuple(b - a for a, b in zip(first.places, second.places, strict=True))


def repeats(names: Sequence[str], codes: Sequence[Code]) -> list[Repeat]:
    """All layers in order as loops, those that do not repeat as loops of one turn.

    Args:
        names: of layers; only layers of the same name are the same in C.
    """
    kinds: dict[tuple[str, str], int] = {}
    kind = np.array([kinds.setdefault((n, c.text), len(kinds)) for n, c in zip(names, codes, strict=True)], np.int64)
    found: list[Repeat] = []
    todo = [(0, len(codes))]
    while todo:
        start, stop = todo.pop()
        best = _longest(kind, codes, start, stop)
        if best is None:
            found += [Repeat(i, 1, 1) for i in range(start, stop)]
        else:
            found.append(best)
            todo += [(start, best.start), (best.stop, stop)]
    return sorted(found, key=lambda r: r.start)


def _longest(kind: np.ndarray, codes: Sequence[Code], start: int, stop: int) -> Repeat | None:
    """The loop between two layers that saves most calls; None if none does."""
    best, most = None, 1
    for period in range(1, (stop - start) // 2 + 1):
        same = kind[start : stop - period] == kind[start + period : stop]
        if same.sum() < max(most, period):
            continue
        for i in _begins(same, period):
            turns = _turns(kind, codes, start + i, period, stop)
            saved = (turns - 1) * period
            if saved > most:
                best, most = Repeat(start + i, period, turns), saved
    return best


def _begins(same: np.ndarray, period: int) -> list[int]:
    """Where `period` layers or more in a row are as those behind them."""
    run, found = 0, []
    for i in range(len(same) - 1, -1, -1):
        run = run + 1 if same[i] else 0
        if run >= period:
            found.append(i)
    return found[::-1]


def _turns(kind: np.ndarray, codes: Sequence[Code], start: int, period: int, stop: int) -> int:
    """How often the layers from `start` repeat, their places moving on by the same steps."""
    by = [steps(codes[start + j], codes[start + period + j]) for j in range(period)]
    turns = 2
    while start + (turns + 1) * period <= stop:
        at = start + turns * period
        if any(
            kind[at + j] != kind[start + j] or steps(codes[at + j - period], codes[at + j]) != by[j]
            for j in range(period)
        ):
            break
        turns += 1
    return turns
