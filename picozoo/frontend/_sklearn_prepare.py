"""Transformers of scikit-learn: scaling, encoding, imputing and projecting features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.frontend._sklearn_build import Build, Methods, Reader
from picozoo.ops._reduce import ReduceAttrs
from picozoo.ops.clamp import ClampAttrs

_NAMED = 12  # most categories, or features with such, told in one message


def _only(transform: Callable[[Build, str], str]) -> Methods:
    return {"transform": transform}


def standard(est: Any) -> Methods:
    """(x - mean) / scale."""
    scale = None if est.scale_ is None else 1.0 / np.asarray(est.scale_)
    return _only(lambda b, x: b.shift_scale(x, est.mean_ if est.with_mean else None, scale))


def min_max(est: Any) -> Methods:
    """x * scale + min."""

    def transform(b: Build, x: str) -> str:
        y = b.binary("add", b.shift_scale(x, None, est.scale_), est.min_, "min")
        return b.emit("clamp", [y], ClampAttrs(*map(float, est.feature_range))) if est.clip else y

    return _only(transform)


def robust(est: Any) -> Methods:
    """(x - median) / range of quantiles."""
    scale = 1.0 / np.asarray(est.scale_) if est.with_scaling else None
    return _only(lambda b, x: b.shift_scale(x, est.center_ if est.with_centering else None, scale))


def max_abs(est: Any) -> Methods:
    """x / largest magnitude."""
    return _only(lambda b, x: b.shift_scale(x, None, 1.0 / np.asarray(est.scale_)))


def normalizer(est: Any) -> Methods:
    """Each sample divided by its norm; a sample of zeros stays."""

    def transform(b: Build, x: str) -> str:
        if est.norm == "l2":
            n = b.emit("sqrt", [b.sum(b.emit("mul", [x, x]))])
        elif est.norm == "l1":
            n = b.sum(b.emit("abs", [x]))
        else:
            n = b.emit("amax", [b.emit("abs", [x])], ReduceAttrs((1,), True))
        zero = b.binary("eq", n, 0.0, "zero")
        return b.emit("div", [x, b.emit("where", [zero, b.const(np.ones((1, 1)), "one"), n])])

    return _only(transform)


def binarizer(est: Any) -> Methods:
    """1 above the threshold, else 0."""
    return _only(lambda b, x: b.cast(b.binary("gt", x, est.threshold, "threshold"), "f32"))


def polynomial(est: Any) -> Methods:
    """Products of powers of the features."""
    powers = np.asarray(est.powers_, np.int64)

    def transform(b: Build, x: str) -> str:
        n = b.type(x).shape[1]
        factors = [[f for f in range(n) for _ in range(row[f])] for row in powers]
        most = max(map(len, factors), default=0)
        wide = b.concat([x, b.const(np.ones((1, 1)), "one")])  # feature n is 1
        y = b.pick(wide, [f[0] if f else n for f in factors])
        for k in range(1, most):
            y = b.emit("mul", [y, b.pick(wide, [f[k] if k < len(f) else n for f in factors])])
        return y

    return _only(transform)


def _numeric(categories: Any, what: str) -> tuple[list[np.ndarray], str]:
    """Categories as numbers, names as their places in the list; and what was made of names, as a sentence or ""."""
    found, told = [], []
    for f, c in enumerate(map(np.asarray, categories)):
        if c.dtype.kind == "f" and not np.isfinite(c).all():
            raise Unsupported(
                f"{what} with a category that is no number ({c[:3]} ...); fill in what is missing before it"
            )
        if c.dtype.kind not in "iufb":
            told.append(f"feature {f} is " + ", ".join(f"{k} for {n!s:.20}" for k, n in enumerate(c[:_NAMED])))
            told[-1] += " ..." if len(c) > _NAMED else ""
        found.append(c if c.dtype.kind in "iufb" else np.arange(len(c)))
    return found, f"{what} takes numbers for names: {'; '.join(told[:_NAMED])}" if told else ""


def _say(b: Build, told: str) -> None:
    """Note what was made of names."""
    if told:
        b.program.note("assumed", f"{b.part.rstrip('.')}: {told}" if b.part else told)


def _flags(b: Build, x: str, kept: list[tuple[int, float]]) -> str:
    """1 where feature f equals c, for each (f, c)."""
    picked = b.pick(x, [f for f, _ in kept])
    return b.cast(b.binary("eq", picked, np.array([[c for _, c in kept]], np.float64), "categories"), "f32")


def one_hot(est: Any) -> Methods:
    """A column a category; a value that is none of them gives zeros."""
    if getattr(est, "_infrequent_enabled", False):
        raise Unsupported("OneHotEncoder with infrequent categories; encode without min_frequency and max_categories")
    (categories, told), dropped = _numeric(est.categories_, "OneHotEncoder"), est.drop_idx_
    kept = [
        (f, float(c))
        for f, held in enumerate(categories)
        for k, c in enumerate(held)
        if dropped is None or dropped[f] is None or k != dropped[f]
    ]

    def transform(b: Build, x: str) -> str:
        _say(b, told)
        return _flags(b, x, kept)

    return _only(transform)


def ordinal(est: Any) -> Methods:
    """The index of the category; what is none of them becomes the value chosen for the unknown, else 0."""
    categories, told = _numeric(est.categories_, "OrdinalEncoder")
    unknown = float(est.unknown_value) if est.handle_unknown == "use_encoded_value" else 0.0
    if not np.isfinite(unknown):
        raise Unsupported("OrdinalEncoder that makes NaN of unknown values; choose a number")
    kept = [(f, float(c)) for f, held in enumerate(categories) for c in held]
    weight = np.zeros((len(categories), len(kept)))
    at = 0
    for f, held in enumerate(categories):
        weight[f, at : at + len(held)] = np.arange(len(held)) - unknown
        at += len(held)

    def transform(b: Build, x: str) -> str:
        _say(b, told)
        return b.linear(_flags(b, x, kept), weight, unknown, "codes")

    return _only(transform)


def simple_imputer(est: Any) -> Methods:
    """What is missing becomes the statistic of its feature."""
    if getattr(est, "add_indicator", False):
        raise Unsupported("SimpleImputer with add_indicator; leave it out")
    held = np.asarray(est.statistics_, np.float64)
    kept = np.flatnonzero(np.isfinite(held)) if not est.keep_empty_features else np.arange(len(held))
    mark = est.missing_values

    def transform(b: Build, x: str) -> str:
        y = b.pick(x, kept)
        if mark is None or mark != mark:
            gone = b.emit("ne", [y, y])
        else:
            gone = b.binary("eq", y, float(mark), "missing")
        return b.emit("where", [gone, b.const(held[kept][None], "statistics"), y])

    return _only(transform)


def components(est: Any) -> Methods:
    """PCA, IncrementalPCA and TruncatedSVD."""
    w = np.asarray(est.components_, np.float64)
    if getattr(est, "whiten", False):
        w = w / np.maximum(np.sqrt(est.explained_variance_), np.finfo(np.float32).eps)[:, None]
    mean = getattr(est, "mean_", None)

    def transform(b: Build, x: str) -> str:
        return b.linear(x if mean is None else b.shift_scale(x, mean, None, "mean"), w, 0.0, "components")

    return _only(transform)


def discriminant_bins(est: Any) -> Methods:
    """KBinsDiscretizer: the number of inner edges that a value reaches."""
    if est.encode not in ("ordinal", "onehot-dense", "onehot"):
        raise Unsupported(f"KBinsDiscretizer with encode {est.encode!r}")
    inner = [np.asarray(e)[1:-1] for e in est.bin_edges_]
    kept = [(f, float(v)) for f, held in enumerate(inner) for v in held]
    weight = np.zeros((len(inner), len(kept)))
    for k, (f, _) in enumerate(kept):
        weight[f, k] = 1

    def transform(b: Build, x: str) -> str:
        edges = b.const(np.array([[v for _, v in kept]]), "edges")
        reached = b.cast(b.emit("ge", [b.pick(x, [f for f, _ in kept]), edges]), "f32")
        codes = b.linear(reached, weight, 0.0, "bins")
        if est.encode == "ordinal":
            return codes
        return _flags(b, codes, [(f, float(k)) for f in range(len(inner)) for k in range(len(inner[f]) + 1)])

    return _only(transform)


READERS: dict[str, Reader] = {
    "Binarizer": binarizer,
    "IncrementalPCA": components,
    "KBinsDiscretizer": discriminant_bins,
    "MaxAbsScaler": max_abs,
    "MinMaxScaler": min_max,
    "Normalizer": normalizer,
    "OneHotEncoder": one_hot,
    "OrdinalEncoder": ordinal,
    "PCA": components,
    "PolynomialFeatures": polynomial,
    "RobustScaler": robust,
    "SimpleImputer": simple_imputer,
    "StandardScaler": standard,
    "TruncatedSVD": components,
}
