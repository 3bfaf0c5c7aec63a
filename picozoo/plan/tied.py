"""Puts the bands of a layer in one place, so that they are the same code: see `passes/bands.py`.

Windows of a layer end where the others end. New rows then lie in the same place whatever stands before them, and rows
that are kept move from the end of the window to its head, over itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picozoo.plan.arena import Life
    from picozoo.plan.pack import Body, Near


def tied(
    bodies: Sequence[Body],
    names: Sequence[str],
    lives: Sequence[Life],
    near: Sequence[Sequence[Near]],
    align: int,
    free: tuple[int, int] = (0, 0),
) -> list[Body]:
    """The bodies, those of one name as one where their lives allow it.

    Args:
        bodies: in the order of time.
        names: one for each body; "" for one that stays alone.
        near: for each life how near to it others may begin, from `arena.meetings`.
        free: so many of each name, the first and the last ones, stay alone.
        align: bytes; a body begins at a multiple of it within the one that it becomes part of.
    """
    alone = [b for b, name in zip(bodies, names, strict=True) if not name]
    families: dict[str, list[Body]] = {}
    for body, name in zip(bodies, names, strict=True):
        if name:
            families.setdefault(name, []).append(body)
    for family in families.values():
        tie = family[free[0] : len(family) - free[1]]
        if len(tie) < 2:
            alone += family
        else:
            rest = len(family) - free[1]
            alone += [*family[: free[0]], *_together(tie, lives, near, align), *family[rest:]]
    return alone


def _together(family: Sequence[Body], lives: Sequence[Life], near: Sequence[Sequence[Near]], align: int) -> list[Body]:
    end = max(_size(b, lives) for b in family)
    made: list[dict[int, int]] = []  # life -> where it begins
    for body in family:
        by = end - _size(body, lives)
        moved = {i: at + (by if by % align == 0 else 0) for i, at in body}
        home = next((m for m in made if _meet(moved, m, near)), None)
        if home is None:
            made.append(moved)
        else:
            home.update(moved)
    return [tuple(m.items()) for m in made]


def _size(body: Body, lives: Sequence[Life]) -> int:
    return max((at + lives[i].size for i, at in body), default=0)


def _meet(new: dict[int, int], old: dict[int, int], near: Sequence[Sequence[Near]]) -> bool:
    """May all of these lie where they would?"""
    return not any(
        lo < at - old[j] < hi and at - old[j] != exact
        for i, at in new.items()
        for j, lo, hi, exact in near[i]
        if j in old
    )
