"""Decision trees as the importers find them, and the tables of the operator `trees` that they become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from picozoo.errors import BadFile
from picozoo.ops.trees import floor32

_MOST = 3.4028234e38


@dataclass
class Tree:
    """One tree: node n asks whether x[feature[n]] <= threshold[n] and goes on with left[n] if so, else with right[n].

    `left[n] < 0` marks a leaf, whose row of `value` is what it gives; several nodes may lead to the same one.
    `missing_left[n]` says that NaN goes left; None, that it never does.
    """

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    value: np.ndarray
    missing_left: np.ndarray | None = None
    root: int = 0


@dataclass
class Tables:
    """The constants of a `trees` operator, in the order of its inputs, and its attribute."""

    threshold: np.ndarray
    feature: np.ndarray
    child: np.ndarray
    root: np.ndarray
    leaf: np.ndarray
    missing: bool


def tables(trees: Sequence[Tree], features: int) -> Tables:
    """All trees in one set of tables; equal leaves are stored once.

    Args:
        features: columns of the input.

    Raises:
        BadFile: a tree leads to a node or a feature that is not there, or round in a circle.
    """
    width = trees[0].value.shape[1]
    missing = any(t.missing_left is not None for t in trees)
    inner: list[tuple[int, float]] = []
    child: list[list[int]] = []
    root: list[int] = []
    rows: list[np.ndarray] = list(votes) if (votes := _one_hot(trees)) is not None else []
    leaves = {row.tobytes(): k for k, row in enumerate(rows)}
    for t in trees:
        values = t.value if t.value.dtype.kind == "i" else t.value.astype(np.float32)
        limit = floor32(np.clip(t.threshold, -_MOST, _MOST))
        start, place = len(inner), {}
        for n in _ordered(t, features):
            if t.left[n] < 0:
                key = values[n].tobytes()
                if key not in leaves:
                    leaves[key] = len(rows)
                    rows.append(values[n])
                place[n] = ~leaves[key]
                continue
            place[n] = len(inner) - start
            f = int(t.feature[n])
            if missing:
                f = 2 * f + (0 if t.missing_left is None else int(t.missing_left[n]))
            inner.append((f, float(limit[n])))
            child.append([int(t.left[n]), int(t.right[n])])
        child[start:] = [[place[a], place[b]] for a, b in child[start:]]
        root.append(start if place[t.root] >= 0 else place[t.root])
    if not inner:
        inner, child = [(0, 0.0)], [[-1, -1]]
    return Tables(
        np.array([v for _, v in inner], np.float32),
        np.array([f for f, _ in inner]),
        np.array(child),
        np.array(root),
        np.array(rows).reshape(len(rows), width),
        missing,
    )


def _ordered(t: Tree, features: int) -> list[int]:
    """Nodes that can be reached, a child behind all its parents; the left side first."""
    done: list[int] = []
    state: dict[int, bool] = {}  # True while what lies below a node is walked
    todo = [(t.root, False)]
    while todo:
        n, leaving = todo.pop()
        if leaving:
            state[n] = False
            done.append(n)
            continue
        known = 0 <= n < len(t.left)
        if not known or state.get(n, False) or (t.left[n] >= 0 and not 0 <= t.feature[n] < features):
            raise BadFile("a tree leads to a node or a feature that is not there, or round in a circle")
        if n in state:
            continue
        state[n] = True
        todo.append((n, True))
        if t.left[n] >= 0:
            todo += [(int(t.left[n]), False), (int(t.right[n]), False)]
    return done[::-1]


def _one_hot(trees: Sequence[Tree]) -> np.ndarray | None:
    """Leaf rows in the order of the classes, if every leaf gives one class the same number of votes."""
    held = np.vstack([t.value[t.left < 0] for t in trees])
    if held.dtype.kind != "i" or held.shape[1] < 2 or (np.count_nonzero(held, axis=1) != 1).any():
        return None
    return np.eye(held.shape[1], dtype=held.dtype) * held.max() if (held.max(1) == held.max()).all() else None
