"""Feature selection of scikit-learn: some of the columns, also where a file holds trees as plain tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._sklearn_build import Methods, Reader
from picozoo.frontend._sklearn_trees import importances


def selected(est: Any) -> Methods:
    """Some of the columns."""
    return {"transform": lambda b, x: b.pick(x, np.flatnonzero(est.get_support()))}


def from_model(est: Any) -> Methods:
    """SelectFromModel: the features whose importance to another estimator reaches a threshold.

    scikit-learn asks a forest's compiled trees; those of a `.skops` file are tables, and this computes what they say.
    """
    inner = est.estimator_
    if not any(isinstance(getattr(e, "tree_", None), dict) for e in getattr(inner, "estimators_", [inner])):
        return selected(est)
    scores = importances(inner, est.n_features_in_)
    kept = np.ones(len(scores), bool)
    if est.max_features is not None:
        best = np.argsort(-scores, kind="mergesort")[: int(est.max_features_)]
        kept = np.isin(np.arange(len(scores)), best)
    chosen = np.flatnonzero(kept & (scores >= _threshold(est.threshold, scores)))
    if not chosen.size:
        raise BadFile("a selection of no features")
    return {"transform": lambda b, x: b.pick(x, chosen)}


def _threshold(said: Any, scores: np.ndarray) -> float:
    """As scikit-learn reads it: a number, "mean" (if nothing is said), "median", or a multiple such as "2*mean"."""
    if isinstance(said, int | float):
        return float(said)
    times, star, name = str(said or "mean").rpartition("*")
    if name.strip() not in ("mean", "median"):
        raise Unsupported(f"SelectFromModel with threshold {said!r}; mean, median, a multiple of them or a number")
    base = float(np.mean(scores) if name.strip() == "mean" else np.median(scores))
    return float(times) * base if star else base


READERS: dict[str, Reader] = {
    "SelectFromModel": from_model,
    **dict.fromkeys(
        (
            "GenericUnivariateSelect",
            "RFE",
            "RFECV",
            "SelectFdr",
            "SelectFpr",
            "SelectFwe",
            "SelectKBest",
            "SelectPercentile",
            "SequentialFeatureSelector",
            "VarianceThreshold",
        ),
        selected,
    ),
}
