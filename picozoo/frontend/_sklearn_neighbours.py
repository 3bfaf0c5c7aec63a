"""Models of scikit-learn that measure distances: k-means, nearest neighbours and centroids, Gaussian mixtures."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.frontend._sklearn_build import Build, Methods, Reader, scored
from picozoo.ops._reduce import ReduceAttrs
from picozoo.ops.gather import GatherAttrs

_MOST = 32  # neighbours: each is one search


def closeness(b: Build, x: str, points: np.ndarray) -> str:
    """(|x|^2 - |x - p|^2) / 2 for each point: largest for the nearest. About the points' mean, where little is lost."""
    mean = points.mean(0)
    p = points - mean
    return b.linear(b.shift_scale(x, mean, None, "mean"), p, -0.5 * (p**2).sum(1), "points")


def distances(b: Build, x: str, points: np.ndarray) -> str:
    """|x - p| for each point."""
    mean = points.mean(0)
    p, x = points - mean, b.shift_scale(x, mean, None, "mean")
    squares = b.emit("sub", [b.sum(b.emit("mul", [x, x])), b.linear(x, 2 * p, -((p**2).sum(1)), "points")])
    return b.emit("sqrt", [b.binary("maximum", squares, 0.0, "zero")])


def k_means(est: Any) -> Methods:
    """The nearest centre, and the distances to all."""
    centres = np.asarray(est.cluster_centers_, np.float64)
    return {
        "predict": lambda b, x: b.largest(closeness(b, x, centres)),
        "transform": lambda b, x: distances(b, x, centres),
    }


def nearest_centroid(est: Any) -> Methods:
    """The class of the nearest centroid."""
    if est.metric not in ("euclidean", "minkowski"):
        raise Unsupported(f"nearest centroid with metric {est.metric!r}; euclidean can be compiled")
    centres = np.asarray(est.centroids_, np.float64)
    prior = np.log(est.class_prior_) if getattr(est, "shrink_threshold", None) else 0.0
    if np.any(prior):
        raise Unsupported("nearest centroid with shrink_threshold; leave it at None")
    return scored(est.classes_, lambda b, x: closeness(b, x, centres))


def _neighbours(b: Build, est: Any, x: str, rows: np.ndarray) -> str:
    """The weighted mean of the rows [n, width] of the k nearest samples: [1, width]."""
    metric = est.effective_metric_
    if metric not in ("euclidean", "minkowski") or getattr(est, "effective_metric_params_", {}).get("p", 2) != 2:
        raise Unsupported(f"nearest neighbours with metric {metric!r}; euclidean can be compiled")
    if est.weights not in ("uniform", "distance") or est.n_neighbors > _MOST:
        raise Unsupported(
            f"nearest neighbours with weights {est.weights!r} and k = {est.n_neighbors}; weights 'uniform' or "
            f"'distance' and at most {_MOST} neighbours can be compiled"
        )
    points = np.asarray(est._fit_X, np.float64)
    score = closeness(b, x, points)
    places = b.const(points, "places") if est.weights == "distance" else ""
    table = b.const(rows, "rows")
    numbers = b.const(np.arange(len(points)), "numbers", "i64")
    total = weight = ""
    for k in range(est.n_neighbors):
        at = b.emit("argmax", [score], ReduceAttrs((1,), False))
        row = b.emit("gather", [table, at], GatherAttrs(0))
        if est.weights == "distance":
            # by differences, which lose nothing near a sample; exactly on one it is that sample that counts
            apart = b.emit("sub", [x, b.emit("gather", [places, at], GatherAttrs(0))])
            far = b.emit("sqrt", [b.sum(b.emit("mul", [apart, apart]))])
            w = b.emit("reciprocal", [b.binary("maximum", far, 1e-12, "least")])
            row = b.emit("mul", [row, w])
            weight = w if not weight else b.emit("add", [weight, w])
        total = row if not total else b.emit("add", [total, row])
        if k + 1 < est.n_neighbors:
            taken = b.emit("eq", [numbers, at])
            score = b.emit("where", [taken, b.const(np.float32(-3e38), "taken"), score])
    return b.emit("div", [total, weight]) if weight else b.shift_scale(total, None, 1.0 / est.n_neighbors)


def neighbours_classifier(est: Any) -> Methods:
    """The class that most of the k nearest samples have."""
    y = np.asarray(est._y)
    if y.ndim != 1 and y.shape[1] != 1:
        raise Unsupported("nearest neighbours with several outputs; train one model for each")
    rows = np.eye(len(est.classes_))[y.reshape(-1)]
    return scored(
        est.classes_, lambda b, x: _neighbours(b, est, x, rows), predict_proba=lambda b, x: _neighbours(b, est, x, rows)
    )


def neighbours_regressor(est: Any) -> Methods:
    """Mean of the k nearest samples."""
    rows = np.asarray(est._y, np.float64).reshape(len(est._fit_X), -1)

    def predict(b: Build, x: str) -> str:
        y = _neighbours(b, est, x, rows)
        return b.flat(y) if b.type(y).size == 1 else y

    return {"predict": predict}


def mixture(est: Any) -> Methods:
    """Gaussian mixture: the component with the largest responsibility."""
    means, kind = np.asarray(est.means_, np.float64), est.covariance_type
    precise = np.asarray(est.precisions_cholesky_, np.float64)
    n, d = means.shape

    def roots(k: int) -> np.ndarray:
        if kind == "full":
            return np.asarray(precise[k])
        if kind == "tied":
            return precise
        return np.diag(np.broadcast_to(precise[k], (d,)))

    def joint(b: Build, x: str) -> str:
        columns, rest = [], []
        for k in range(n):
            r = roots(k)
            z = b.linear(b.shift_scale(x, means[k], None), r.T, 0.0, f"component{k}")
            columns.append(b.sum(b.emit("mul", [z, z])))
            rest.append(np.log(np.diag(r)).sum() - 0.5 * d * np.log(2 * np.pi) + np.log(est.weights_[k]))
        half = b.shift_scale(b.concat(columns), None, -0.5)
        return b.emit("add", [half, b.const(np.array(rest)[None], "rest")])

    return {
        "predict": lambda b, x: b.largest(joint(b, x)),
        "predict_proba": lambda b, x: b.softmax(joint(b, x)),
    }


READERS: dict[str, Reader] = {
    "GaussianMixture": mixture,
    "KMeans": k_means,
    "KNeighborsClassifier": neighbours_classifier,
    "KNeighborsRegressor": neighbours_regressor,
    "MiniBatchKMeans": k_means,
    "NearestCentroid": nearest_centroid,
}
