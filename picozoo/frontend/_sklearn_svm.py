"""Support vector machines of scikit-learn: one vote for each pair of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.frontend._sklearn_build import Build, Methods, Reader, scored
from picozoo.frontend._svm import Kernel, kernel, pairs, tally


def _dense(a: Any) -> np.ndarray:
    return np.asarray(a.toarray() if hasattr(a, "toarray") else a, np.float64)


def _kernel(b: Build, est: Any, x: str) -> str:
    """The kernel of x with each support vector: [1, vectors]."""
    degree, coef0 = float(est.degree), float(est.coef0)
    return kernel(b, Kernel(est.kernel, _dense(est.support_vectors_), float(est._gamma), coef0, degree), x)


def _pairs(b: Build, est: Any, x: str) -> str:
    """Decisions of all pairs of classes (i < j), above zero for i: [1, pairs]."""
    counts = np.asarray(est._n_support)
    return pairs(b, _kernel(b, est, x), _dense(est._dual_coef_), counts, est._intercept_)


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
        return tally(b, _pairs(b, est, x), n)[0]

    def rest(b: Build, x: str) -> str:
        """Votes, and where they are equal the sum of confidences, squeezed to less than a third of a vote."""
        d = _pairs(b, est, x)
        tallied, gain = tally(b, d, n)
        sums = b.linear(d, gain, 0.0, "confidence")
        below = b.binary("mul", b.binary("add", b.emit("abs", [sums]), 1.0, "one"), 3.0, "three")
        return b.emit("add", [tallied, b.emit("div", [sums, below])])

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
