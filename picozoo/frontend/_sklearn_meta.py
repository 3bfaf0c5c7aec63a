"""Estimators of scikit-learn that are made of others: pipelines, columns, votes, calibration, search results."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.frontend._sklearn_build import Build, Method, Methods, Reader, scored


def methods_of(est: Any) -> Methods:
    """The methods of any estimator; see `frontend.sklearn`."""
    from picozoo.frontend.sklearn import methods_of as of

    return of(est)


def named(name: str, method: Method) -> Method:
    """The same, with `name.` before the names of its layers and constants."""

    def run(b: Build, x: str) -> str:
        outer, b.part = b.part, f"{b.part}{name}."
        try:
            return method(b, x)
        finally:
            b.part = outer

    return run


def pipeline(est: Any) -> Methods:
    """Each step's transform, then the methods of the last."""
    steps = [(n, s) for n, s in est.steps if s is not None and s != "passthrough"]
    made = [(n, methods_of(s)) for n, s in steps]
    before, last = made[:-1], made[-1] if made else ("", {"transform": lambda b, x: x})
    for n, methods in before:
        if "transform" not in methods:
            raise Unsupported(f"step {n!r} of the pipeline cannot transform here")

    def chain(method: Method) -> Method:
        def run(b: Build, x: str) -> str:
            for n, methods in before:
                x = named(n, methods["transform"])(b, x)
            return named(last[0], method)(b, x)

        return run

    return {k: chain(m) for k, m in last[1].items()}


def columns(est: Any) -> Methods:
    """ColumnTransformer: parts of the columns through transformers of their own, side by side."""
    parts: list[tuple[str, Method | None, np.ndarray]] = []
    names = list(getattr(est, "feature_names_in_", ()))
    for name, transformer, chosen in est.transformers_:
        if isinstance(transformer, str) and transformer == "drop":
            continue
        index = _index(chosen, names, est.n_features_in_)
        if not len(index):
            continue
        through = None if isinstance(transformer, str) else methods_of(transformer)["transform"]
        parts.append((name, through, index))

    def transform(b: Build, x: str) -> str:
        made = []
        for name, method, index in parts:
            picked = named(name, lambda b, x, index=index: b.pick(x, index))(b, x)  # type: ignore[misc]
            made.append(picked if method is None else named(name, method)(b, picked))
        return b.concat(made)

    return {"transform": transform}


def _index(chosen: Any, names: list[str], n: int) -> np.ndarray:
    """Column numbers of scikit-learn's ways of naming columns."""
    if isinstance(chosen, slice):
        if isinstance(chosen.start, str) or isinstance(chosen.stop, str):
            at = {k: i for i, k in enumerate(names)}
            stop = None if chosen.stop is None else at[chosen.stop] + 1
            return np.arange(n)[slice(None if chosen.start is None else at[chosen.start], stop, chosen.step)]
        return np.arange(n)[chosen]
    a = np.atleast_1d(np.asarray(chosen))
    if a.dtype.kind in "OUS":
        return np.array([names.index(str(c)) for c in a], np.int64)
    return (
        np.flatnonzero(a) if a.dtype == bool else np.arange(n)[a.astype(np.int64)] if a.size else np.zeros(0, np.int64)
    )


def union(est: Any) -> Methods:
    """FeatureUnion: the results of several transformers side by side."""
    weights = est.transformer_weights or {}
    parts = [(n, None if t == "passthrough" else methods_of(t)["transform"], weights.get(n, 1.0))
             for n, t in est.transformer_list if t != "drop"]  # fmt: skip

    def transform(b: Build, x: str) -> str:
        made = []
        for name, method, weight in parts:
            y = x if method is None else named(name, method)(b, x)
            made.append(y if weight == 1 else b.shift_scale(y, None, weight))
        return b.concat(made)

    return {"transform": transform}


def best(est: Any) -> Methods:
    """The winner of a search."""
    return methods_of(est.best_estimator_)


def voting_classifier(est: Any) -> Methods:
    """Weighted mean of probabilities (soft), or weighted votes (hard)."""
    weights = np.asarray(est._weights_not_none or np.ones(len(est.estimators_)), np.float64)
    n, wanted = len(est.classes_), "predict_proba" if est.voting == "soft" else "predict"
    parts = [methods_of(e) for e in est.estimators_]
    if any(wanted not in p for p in parts):
        raise Unsupported(f"a vote over estimators without {wanted} here")

    def soft(b: Build, x: str) -> str:
        total = ""
        for k, (p, w) in enumerate(zip(parts, weights / weights.sum(), strict=True)):
            y = b.shift_scale(named(f"e{k}", p["predict_proba"])(b, x), None, w)
            total = y if not total else b.emit("add", [total, y])
        return total

    def hard(b: Build, x: str) -> str:
        from picozoo.ops.gather import GatherAttrs

        total = ""
        for k, (p, w, e) in enumerate(zip(parts, weights, est.estimators_, strict=True)):
            label = named(f"e{k}", p["predict"])(b, x)
            if not np.array_equal(e.classes_, np.arange(n)):
                raise Unsupported("a hard vote of estimators whose classes are not 0, 1, 2 ...")
            row = b.emit("gather", [b.const(np.eye(n) * w, "votes"), label], GatherAttrs(0))
            total = row if not total else b.emit("add", [total, row])
        return total

    if est.voting == "hard":
        return scored(est.classes_, hard)
    return scored(est.classes_, soft, predict_proba=soft)


def voting_regressor(est: Any) -> Methods:
    """Weighted mean."""
    weights = np.asarray(est._weights_not_none or np.ones(len(est.estimators_)), np.float64)
    parts = [methods_of(e) for e in est.estimators_]

    def predict(b: Build, x: str) -> str:
        total = ""
        for k, (p, w) in enumerate(zip(parts, weights / weights.sum(), strict=True)):
            y = b.shift_scale(named(f"e{k}", p["predict"])(b, x), None, w)
            total = y if not total else b.emit("add", [total, y])
        return total

    return {"predict": predict}


def _response(est: Any, b: Build, x: str) -> str:
    """Scores for calibration and for one-against-rest: decision_function, else the probability of the second class."""
    methods = methods_of(est)
    if "decision_function" in methods:
        return methods["decision_function"](b, x)
    p = methods["predict_proba"](b, x)
    return b.pick(p, [1]) if b.type(p).size == 2 else p


def calibrated(est: Any) -> Methods:
    """CalibratedClassifierCV with method "sigmoid": the mean of its calibrated copies."""
    n, parts = len(est.classes_), est.calibrated_classifiers_
    for p in parts:
        if any(type(c).__name__ != "_SigmoidCalibration" for c in p.calibrators):
            raise Unsupported("calibration with method 'isotonic'; 'sigmoid' can be compiled")

    def one(b: Build, p: Any, x: str) -> str:
        s = _response(p.estimator, b, x)
        a, c = (np.array([getattr(k, name) for k in p.calibrators], np.float64) for name in ("a_", "b_"))
        s = b.emit("neg", [b.binary("add", b.binary("mul", s, a, "a"), c, "b")])
        q = b.emit("sigmoid", [s])
        if n == 2:
            from picozoo.ops.reshape import ReshapeAttrs

            return b.both(b.emit("reshape", [q], ReshapeAttrs((1, 1))))
        return b.normalised(q)

    def proba(b: Build, x: str) -> str:
        total = ""
        for k, p in enumerate(parts):
            y = named(f"fold{k}", lambda b, x, p=p: one(b, p, x))(b, x)  # type: ignore[misc]
            total = y if not total else b.emit("add", [total, y])
        return total if len(parts) == 1 else b.shift_scale(total, None, 1.0 / len(parts))

    return scored(est.classes_, proba, predict_proba=proba)


def one_against_rest(est: Any) -> Methods:
    """OneVsRestClassifier: the class whose own classifier is surest."""
    if getattr(est, "multilabel_", False) or any(not hasattr(e, "classes_") for e in est.estimators_):
        raise Unsupported("OneVsRestClassifier with several labels a sample, or with a class that all samples have")

    def scores(b: Build, x: str) -> str:
        from picozoo.ops.reshape import ReshapeAttrs

        made = []
        for k, e in enumerate(est.estimators_):
            s = named(f"class{k}", lambda b, x, e=e: _response(e, b, x))(b, x)  # type: ignore[misc]
            made.append(b.emit("reshape", [s], ReshapeAttrs((1, 1))))
        return b.concat(made)

    return scored(est.classes_, scores)


READERS: dict[str, Reader] = {
    "CalibratedClassifierCV": calibrated,
    "ColumnTransformer": columns,
    "FeatureUnion": union,
    "GridSearchCV": best,
    "HalvingGridSearchCV": best,
    "HalvingRandomSearchCV": best,
    "OneVsRestClassifier": one_against_rest,
    "Pipeline": pipeline,
    "RandomizedSearchCV": best,
    "VotingClassifier": voting_classifier,
    "VotingRegressor": voting_regressor,
}
