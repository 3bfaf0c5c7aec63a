"""Support vector machines of scikit-learn, as libsvm computes them: one vote for each pair of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.frontend._sklearn_build import Build, Methods, Reader, scored
from picozoo.ops.pow import OP as POW
from picozoo.ops.slice import SliceAttrs


def _dense(a: Any) -> np.ndarray:
    return np.asarray(a.toarray() if hasattr(a, "toarray") else a, np.float64)


def _kernel(b: Build, est: Any, x: str) -> str:
    """The kernel of x with each support vector: [1, vectors]."""
    sv, gamma = _dense(est.support_vectors_), float(est._gamma)
    if est.kernel == "linear":
        return b.linear(x, sv, 0.0, "kernel")
    if est.kernel == "rbf":
        # |x - s|^2 from products; about the mean of the vectors, where little is lost to cancellation
        mean = sv.mean(axis=0)
        x, sv = b.shift_scale(x, mean, None, "mean"), sv - mean
        squares = b.sum(b.emit("mul", [x, x]))
        apart = b.emit("add", [b.linear(x, 2 * gamma * sv, -gamma * (sv**2).sum(1), "kernel"),
                               b.binary("mul", squares, -gamma, "gamma")])  # fmt: skip
        return b.emit("exp", [b.binary("minimum", apart, 0.0, "zero")])
    products = b.linear(x, gamma * sv, float(est.coef0), "kernel")
    if est.kernel == "sigmoid":
        return b.emit("tanh", [products])
    if est.kernel == "poly":
        if float(est.degree) != int(est.degree) or not 0 <= est.degree <= 16:
            return b.emit("pow", [products, b.const(np.float32(est.degree), "degree")], POW.Attrs())
        return _power(b, products, int(est.degree))
    raise Unsupported(f"kernel {est.kernel!r}; linear, rbf, poly and sigmoid can be compiled")


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


def _pairs(b: Build, est: Any, x: str) -> str:
    """Decisions of all pairs of classes (i < j), above zero for i: [1, pairs]."""
    k, dual = _kernel(b, est, x), _dense(est._dual_coef_)
    counts, n = np.asarray(est._n_support), len(est.classes_)
    ends = np.cumsum(counts)
    rows = []
    for c in range(n):
        part = slice(ends[c] - counts[c], ends[c])
        piece = b.emit("slice", [k], SliceAttrs((0, int(part.start)), (1, int(counts[c])), (1, 1)))
        rows.append(b.linear(piece, dual[:, part], 0.0, f"class{c}"))
    flat = b.concat(rows)  # class by class, its n - 1 sums
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    first = b.pick(flat, [i * (n - 1) + j - 1 for i, j in pairs])
    second = b.pick(flat, [j * (n - 1) + i for i, j in pairs])
    both = b.emit("add", [first, second])
    return b.emit("add", [both, b.const(np.asarray(est._intercept_, np.float64)[None], "intercept")])


def _tally(b: Build, d: str, n: int) -> tuple[str, np.ndarray]:
    """Votes [1, classes] of pair decisions, and the matrix that says who gains by which pair."""
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    gain, base = np.zeros((n, len(pairs))), np.zeros(n)
    for k, (i, j) in enumerate(pairs):
        gain[i, k], gain[j, k] = 1, -1
        base[j] += 1
    wins = b.cast(b.binary("gt", d, 0.0, "zero"), "f32")
    return b.linear(wins, gain, base, "votes"), gain


def classifier(est: Any) -> Methods:
    """SVC and NuSVC. Probabilities only for two classes; with more, libsvm solves a system for each sample."""
    n = len(est.classes_)
    if n == 2:

        def decision(b: Build, x: str) -> str:
            return b.linear(_kernel(b, est, x), est.dual_coef_, est.intercept_, "decision")

        def two(b: Build, x: str) -> str:
            # Platt's 1 / (1 + exp(A f + B)) of the first class; libsvm's f has the other sign
            scaled = b.binary("mul", decision(b, x), est._probA[0], "a")
            p0 = b.emit("sigmoid", [b.binary("sub", scaled, est._probB[0], "b")])
            return b.concat([p0, b.emit("sub", [b.const(np.ones((1, 1)), "one"), p0])])

        methods = scored(est.classes_, decision, decision_function=lambda b, x: b.flat(decision(b, x)))
        return {**methods, "predict_proba": two} if len(getattr(est, "_probA", ())) else methods

    def votes(b: Build, x: str) -> str:
        return _tally(b, _pairs(b, est, x), n)[0]

    def rest(b: Build, x: str) -> str:
        """Votes, and where they are equal the sum of confidences, squeezed to less than a third of a vote."""
        d = _pairs(b, est, x)
        tally, gain = _tally(b, d, n)
        sums = b.linear(d, gain, 0.0, "confidence")
        below = b.binary("mul", b.binary("add", b.emit("abs", [sums]), 1.0, "one"), 3.0, "three")
        return b.emit("add", [tally, b.emit("div", [sums, below])])

    wanted = {"ovr": rest, "ovo": lambda b, x: _pairs(b, est, x)}[est.decision_function_shape]
    chosen = rest if est.break_ties and est.decision_function_shape == "ovr" else votes
    return scored(est.classes_, chosen, decision_function=wanted)


def regressor(est: Any) -> Methods:
    """SVR and NuSVR."""
    return {"predict": lambda b, x: b.flat(b.linear(_kernel(b, est, x), _dense(est.dual_coef_), est.intercept_, "sum"))}


def one_class(est: Any) -> Methods:
    """OneClassSVM: 1 for what is like the training data, -1 for what is not."""

    def decision(b: Build, x: str) -> str:
        return b.linear(_kernel(b, est, x), _dense(est.dual_coef_), est.intercept_, "decision")

    return {
        "predict": lambda b, x: b.label(b.positive(decision(b, x)), [-1, 1]),
        "decision_function": lambda b, x: b.flat(decision(b, x)),
    }


READERS: dict[str, Reader] = {
    "SVC": classifier,
    "NuSVC": classifier,
    "SVR": regressor,
    "NuSVR": regressor,
    "OneClassSVM": one_class,
}
