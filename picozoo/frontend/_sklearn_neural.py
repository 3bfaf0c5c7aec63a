"""Multi-layer perceptrons of scikit-learn."""

from __future__ import annotations

from typing import Any

from picozoo.errors import Unsupported
from picozoo.frontend._sklearn_build import Build, Methods, Reader, decided

_ACTS = {"relu": "relu", "tanh": "tanh", "logistic": "sigmoid"}


def _logits(est: Any, b: Build, x: str) -> str:
    for k, (w, c) in enumerate(zip(est.coefs_, est.intercepts_, strict=True)):
        x = b.linear(x, w.T, c, f"layer{k}")
        if k + 1 < len(est.coefs_) and est.activation != "identity":
            x = b.emit(_ACTS[est.activation], [x], None, f"{est.activation}{k}")
    return x


def classifier(est: Any) -> Methods:
    """Largest output; of two classes the sign."""
    if getattr(est, "out_activation_", "") == "logistic" and est.n_outputs_ > 1:
        raise Unsupported("a multi-layer perceptron with several labels a sample; train one for each")

    def proba(b: Build, x: str) -> str:
        s = _logits(est, b, x)
        return b.both(b.emit("sigmoid", [s])) if b.type(s).size == 1 else b.softmax(s)

    methods = decided(est.classes_, lambda b, x: _logits(est, b, x), predict_proba=proba)
    del methods["decision_function"]  # scikit-learn's has none
    return methods


def regressor(est: Any) -> Methods:
    """The outputs as they are."""

    def predict(b: Build, x: str) -> str:
        y = _logits(est, b, x)
        return b.flat(y) if b.type(y).size == 1 else y

    return {"predict": predict}


READERS: dict[str, Reader] = {"MLPClassifier": classifier, "MLPRegressor": regressor}
