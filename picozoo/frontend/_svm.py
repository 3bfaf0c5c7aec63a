"""Support vector machines as libsvm computes them, for all importers: kernels, a decision for each pair of classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.frontend._sklearn_build import Build
from picozoo.ops.pow import OP as POW
from picozoo.ops.slice import SliceAttrs


@dataclass(frozen=True)
class Kernel:
    """`kind` is linear, rbf, poly or sigmoid; vectors [n, features]."""

    kind: str
    vectors: np.ndarray
    gamma: float = 1.0
    coef0: float = 0.0
    degree: float = 3.0


def kernel(b: Build, k: Kernel, x: str) -> str:
    """The kernel of each row of x with each support vector: [rows, vectors]."""
    sv = k.vectors
    if k.kind == "linear":
        return b.linear(x, sv, 0.0, "kernel")
    if k.kind == "rbf":
        # |x - s|^2 from products; about the mean of the vectors, where little is lost to cancellation
        mean = sv.mean(axis=0)
        x, sv = b.shift_scale(x, mean, None, "mean"), sv - mean
        squares = b.sum(b.emit("mul", [x, x]))
        apart = b.emit("add", [b.linear(x, 2 * k.gamma * sv, -k.gamma * (sv**2).sum(1), "kernel"),
                               b.binary("mul", squares, -k.gamma, "gamma")])  # fmt: skip
        return b.emit("exp", [b.binary("minimum", apart, 0.0, "zero")])
    products = b.linear(x, k.gamma * sv, k.coef0, "kernel")
    if k.kind == "sigmoid":
        return b.emit("tanh", [products])
    if k.kind == "poly":
        if k.degree != int(k.degree) or not 0 <= k.degree <= 16:
            return b.emit("pow", [products, b.const(np.float32(k.degree), "degree")], POW.Attrs())
        return _power(b, products, int(k.degree))
    raise Unsupported(f"kernel {k.kind!r}; linear, rbf, poly and sigmoid can be compiled")


def _power(b: Build, x: str, degree: int) -> str:
    """By repeated multiplication."""
    if degree == 0:
        return b.binary("add", b.binary("mul", x, 0.0), 1.0)
    y = x
    for bit in bin(degree)[3:]:
        y = b.emit("mul", [y, y])
        if bit == "1":
            y = b.emit("mul", [y, x])
    return y


def pairs(b: Build, values: str, dual: np.ndarray, counts: np.ndarray, intercept: Any) -> str:
    """Decisions of all pairs of classes (i < j), above zero for i: [rows, pairs].

    Args:
        values: what `kernel` gave; its columns are in the order of the classes.
        dual: [classes - 1, vectors], in libsvm's order.
        counts: vectors of each class.
        intercept: one number a pair.
    """
    n, ends, rows = len(counts), np.cumsum(counts), b.type(values).shape[0]
    sums = []
    for c in range(n):
        part = slice(ends[c] - counts[c], ends[c])
        piece = b.emit("slice", [values], SliceAttrs((0, int(part.start)), (rows, int(counts[c])), (1, 1)))
        sums.append(b.linear(piece, dual[:, part], 0.0, f"class{c}"))
    flat = b.concat(sums)  # class by class, its n - 1 sums
    both = [(i, j) for i in range(n) for j in range(i + 1, n)]
    first = b.pick(flat, [i * (n - 1) + j - 1 for i, j in both])
    second = b.pick(flat, [j * (n - 1) + i for i, j in both])
    total = b.emit("add", [first, second])
    return b.emit("add", [total, b.const(np.asarray(intercept, np.float64)[None], "intercept")])


def tally(b: Build, d: str, n: int) -> tuple[str, np.ndarray]:
    """Votes [rows, classes] of pair decisions, and the matrix that says who gains by which pair."""
    both = [(i, j) for i in range(n) for j in range(i + 1, n)]
    gain, base = np.zeros((n, len(both))), np.zeros(n)
    for k, (i, j) in enumerate(both):
        gain[i, k], gain[j, k] = 1, -1
        base[j] += 1
    wins = b.cast(b.binary("gt", d, 0.0, "zero"), "f32")
    return b.linear(wins, gain, base, "votes"), gain
