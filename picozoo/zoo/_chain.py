"""Tables of chances: smoothing, one byte a chance, and where a chain settles down."""

from __future__ import annotations

import numpy as np

# A chance in the tables is a code c from 0 to 126 that stands for 2^(-c / 8), 127 for none.
UNIT, PER_OCTAVE, NEVER = 1 << 20, 8, 127
FINE = 256  # parts of a bit in which a table's surprises are added up


def weights() -> np.ndarray:
    """What the codes of the tables stand for, in 2^-20: int32 (128,)."""
    made = np.round(UNIT * 2.0 ** (-np.arange(128) / PER_OCTAVE)).astype(np.int32)
    made[NEVER] = 0
    return made


def coded(p: np.ndarray) -> np.ndarray:
    """Chances as codes of one byte, int8 of p's shape; none stays none."""
    with np.errstate(divide="ignore"):
        c = np.round(-np.log2(p) * PER_OCTAVE)
    made: np.ndarray = np.where(p > 0, np.minimum(c, NEVER - 1), NEVER).astype(np.int8)
    return made


def norms(codes: np.ndarray) -> np.ndarray:
    """What the weights of each row add up to, int16 (rows,): its binary logarithm in 1/256, one being 0."""
    totals = weights()[codes].sum(1, dtype=np.int64) / UNIT
    made: np.ndarray = np.round(np.log2(totals) * FINE).astype(np.int16)
    return made


def smoothed(count: np.ndarray, group: np.ndarray, lean: float) -> np.ndarray:
    """Chances from counts, float64 (rows, states), each row adding up to one; nothing stays impossible but to go from
    state 0 to state 0.

    Args:
        count: how often each state followed in each row, (rows, states).
        group: what a row leans on where it has seen little: rows of one number share their counts, int (rows,).
        lean: how much.

    Source: Witten and Bell, The zero-frequency problem, 1991. Differs: `lean` is 1 there.

    Example:
        >>> smoothed(np.array([[0.0, 8.0], [0.0, 0.0]]), np.array([0, 0]), 1.0).round(2).tolist()
        [[0.0, 1.0], [0.01, 0.99]]
    """
    states = count.shape[1]
    common = np.zeros((group.max() + 1, states))
    np.add.at(common, group, count)
    p = np.full(states, 1 / states)
    for level, of in ((count.sum(0), None), (common, None), (count, group)):
        weight = lean * (level > 0).sum(-1, keepdims=True) + 1e-9
        p = (level + weight * (p if of is None else p[of])) / (level.sum(-1, keepdims=True) + weight)
    p[0, 0] = 0
    made: np.ndarray = p / p.sum(1, keepdims=True)
    return made


Steps = tuple[np.ndarray, np.ndarray]  # rows of the table and what came next, int64 (n,)


def leaning(known: Steps, held_back: Steps, group: np.ndarray, states: int) -> np.ndarray:
    """`smoothed` of all steps, leaning as much as is best for those held back when only the others are known."""

    def table(*parts: Steps, lean: float) -> np.ndarray:
        count = np.zeros((len(group), states))
        for part in parts:
            np.add.at(count, part, 1)
        return smoothed(count, group, lean)

    def judged(lean: float) -> float:
        return float(np.log(table(known, lean=lean)[held_back]).mean())

    return table(known, held_back, lean=max((0.25, 0.5, 1.0, 2.0, 4.0), key=judged))


def stationary(p: np.ndarray, rounds: int = 10_000) -> np.ndarray:
    """How common each state is in the long run: p (n, n), rows adding up to one, applied again and again until nothing
    changes. Needs a chain that can come from everywhere to everywhere.
    """
    share = np.full(len(p), 1 / len(p))
    for _ in range(rounds):
        new = share @ p
        if np.abs(new - share).max() < 1e-15:
            break
        share = new
    return share
