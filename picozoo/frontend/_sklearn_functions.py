"""Functions on each feature, or on what a regressor gives: FunctionTransformer, PowerTransformer, targets."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.frontend._sklearn_build import Build, Method, Methods, Reader
from picozoo.frontend._sklearn_meta import methods_of
from picozoo.ops.reshape import ReshapeAttrs

_SERIES = 3e-3  # exponents nearer to zero: three terms of a series, since the power less one would lose digits


def _op(op: str) -> Method:
    return lambda b, x: b.emit(op, [x])


def _scaled(op: str, factor: float) -> Method:
    return lambda b, x: b.binary("mul", b.emit(op, [x]), factor, "factor")


# What can stand in a FunctionTransformer: functions of NumPy by their names.
FUNCTIONS: dict[str, Method] = {
    **{k: _op(k) for k in ("log", "exp", "sqrt", "sin", "cos", "tan", "tanh", "sinh", "cosh", "floor", "ceil", "sign")},
    "absolute": _op("abs"),
    "fabs": _op("abs"),
    "negative": _op("neg"),
    "reciprocal": _op("reciprocal"),
    "log2": _scaled("log", 1 / math.log(2)),
    "log10": _scaled("log", 1 / math.log(10)),
    "log1p": lambda b, x: b.emit("log", [b.binary("add", x, 1.0, "one")]),
    "expm1": lambda b, x: b.binary("sub", b.emit("exp", [x]), 1.0, "one"),
    "exp2": lambda b, x: b.emit("exp", [b.binary("mul", x, math.log(2), "factor")]),
    "square": lambda b, x: b.emit("mul", [x, x]),
    "cbrt": lambda b, x: b.emit("mul", [b.emit("sign", [x]), b.binary("pow", b.emit("abs", [x]), 1 / 3, "third")]),
}


def _function(est: Any, which: str) -> Method:
    """The function of a FunctionTransformer, `func` or `inverse_func`; none gives what it gets.

    Raises:
        Unsupported: it is no function of NumPy's that is known here, or is given further arguments.
    """
    f = getattr(est, which)
    if f is None:
        return lambda b, x: x
    name = str(getattr(f, "__name__", f))
    arguments = est.kw_args if which == "func" else est.inv_kw_args
    if not isinstance(f, np.ufunc) or name not in FUNCTIONS or arguments:
        raise Unsupported(
            f"FunctionTransformer with {name}{' and arguments of its own' if arguments else ''}; a function of yours "
            f"cannot be compiled: do it before the model, or take one of NumPy's {', '.join(sorted(FUNCTIONS))}"
        )
    return FUNCTIONS[name]


def function(est: Any) -> Methods:
    """FunctionTransformer; a ColumnTransformer has one for the columns that it leaves as they are."""
    return {"transform": _function(est, "func")}


def _power(b: Build, u: str, exponents: np.ndarray) -> str:
    """(u^k - 1) / k for positive u, log u where k is 0; a column an exponent."""
    near = np.abs(exponents) < _SERIES
    k = np.where(near, 1.0, exponents)
    y = b.binary("sub", b.emit("pow", [u, b.const(k, "exponents")]), 1.0, "one")
    y = b.binary("div", y, k, "exponents")
    if not near.any():
        return y
    w = b.emit("log", [u])
    small = np.where(near, exponents, 0.0)
    series = b.emit("mul", [w, b.binary("mul", w, small**2 / 6, "third")])
    series = b.emit("mul", [w, b.emit("add", [series, b.binary("mul", w, small / 2, "second")])])
    series = b.emit("add", [w, series])
    return b.emit("where", [b.const(near, "near", "bool"), series, y])


def power(est: Any) -> Methods:
    """PowerTransformer: each feature bent by its own exponent, then mean 0 and deviation 1 if it says so."""
    exponents = np.asarray(est.lambdas_, np.float64)[None]
    if not np.isfinite(exponents).all():
        raise Unsupported("PowerTransformer with a feature that has no exponent")

    def bent(b: Build, x: str) -> str:
        if est.method == "box-cox":
            return _power(b, x, exponents)
        above = b.binary("add", b.emit("relu", [x]), 1.0, "one")
        below = b.binary("add", b.emit("relu", [b.emit("neg", [x])]), 1.0, "one")
        down = b.emit("neg", [_power(b, below, 2 - exponents)])
        return b.emit("where", [b.binary("ge", x, 0.0, "zero"), _power(b, above, exponents), down])

    def transform(b: Build, x: str) -> str:
        y = bent(b, x)
        return methods_of(est._scaler)["transform"](b, y) if est.standardize else y

    return {"transform": transform}


def _inverse(est: Any) -> Method:
    """What takes back a transformer of targets."""
    kind = type(est).__name__
    if kind == "FunctionTransformer":
        return _function(est, "inverse_func")
    if kind == "StandardScaler":
        return _line(est.scale_, est.mean_ if est.with_mean else None)
    if kind == "RobustScaler":
        return _line(est.scale_ if est.with_scaling else None, est.center_ if est.with_centering else None)
    if kind == "MaxAbsScaler":
        return _line(est.scale_, None)
    if kind == "MinMaxScaler":
        return _line(1 / np.asarray(est.scale_), -np.asarray(est.min_) / np.asarray(est.scale_))
    raise Unsupported(
        f"TransformedTargetRegressor with {kind}; FunctionTransformer, MaxAbsScaler, MinMaxScaler, RobustScaler and "
        f"StandardScaler can be taken back"
    )


def _line(times: Any, plus: Any) -> Method:
    def run(b: Build, x: str) -> str:
        y = x if times is None else b.binary("mul", x, np.asarray(times, np.float64), "times")
        return y if plus is None else b.binary("add", y, np.asarray(plus, np.float64), "plus")

    return run


def target(est: Any) -> Methods:
    """TransformedTargetRegressor: what its regressor gives, taken back to the target's own numbers."""
    inner: Callable[[Build, str], str] = methods_of(est.regressor_)["predict"]
    back = _inverse(est.transformer_)

    def predict(b: Build, x: str) -> str:
        y = inner(b, x)
        shape = b.type(y).shape
        row = b.emit("reshape", [y], ReshapeAttrs((1, b.type(y).size))) if len(shape) != 2 else y
        made = back(b, row)
        return made if b.type(made).shape == shape else b.emit("reshape", [made], ReshapeAttrs(shape))

    return {"predict": predict}


def refused_labels(est: Any) -> Methods:
    """Encoders of targets have nothing to do with what a model takes."""
    raise Unsupported(
        f"{type(est).__name__} encodes targets, which no compiled model takes: give the classifier itself (its classes "
        f"come out as indices whose names 'picozoo show' prints)"
    )


READERS: dict[str, Reader] = {
    "FunctionTransformer": function,
    "LabelBinarizer": refused_labels,
    "LabelEncoder": refused_labels,
    "PowerTransformer": power,
    "TransformedTargetRegressor": target,
}
