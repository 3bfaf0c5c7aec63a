"""Linear models and support vector machines of `ai.onnx.ml`, as ONNX Runtime computes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._onnx_classes import Rows, classes, labelled, rows, transformed
from picozoo.frontend._svm import Kernel, kernel, pairs, tally


def _weights(ctx: Any, features: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients [targets, features] and intercepts [targets] of a linear model."""
    w, b = ctx.doubles("coefficients"), ctx.doubles("intercepts")
    if features == 0 or w.size == 0 or w.size % features:
        raise BadFile(f"{w.size} coefficients for {features} features")
    w = w.reshape(-1, features)
    if b.size not in (0, len(w)):
        raise BadFile(f"{b.size} intercepts for {len(w)} targets")
    return w, b if b.size else np.zeros(len(w))


def _linear_regressor(ctx: Any) -> str:
    b, x = Rows(ctx), rows(ctx)
    y = b.linear(x, *_weights(ctx, ctx.shape(x)[1]))
    return transformed(b, y, ctx.attr("post_transform", "NONE"))


def _linear_classifier(ctx: Any) -> list[str]:
    b, x, post = Rows(ctx), rows(ctx), ctx.attr("post_transform", "NONE")
    names, (w, bias) = classes(ctx, "classlabels_ints"), _weights(ctx, ctx.shape(x)[1])
    scores = b.linear(x, w, bias)
    if len(w) == 1 and len(names) == 2:
        label = labelled(b, b.positive(scores), names)
        if post == "NONE":
            return [label, b.both(scores)]
        if post != "LOGISTIC":
            raise Unsupported(f"post_transform {post} of one score for two classes; NONE and LOGISTIC can be read")
        return [label, transformed(b, b.concat([b.emit("neg", [scores]), scores]), post)]
    if len(w) != len(names):
        raise BadFile(f"{len(w)} rows of coefficients for {len(names)} classes")
    return [labelled(b, b.largest(scores), names), transformed(b, scores, post)]


# -- support vector machines ------------------------------------------------------------------------------------------
def _kernel(ctx: Any, features: int) -> Kernel:
    sv, params = ctx.doubles("support_vectors"), [float(v) for v in ctx.doubles("kernel_params")]
    if sv.size == 0 or sv.size % features or len(params) not in (0, 3):
        raise BadFile(f"support vectors of {sv.size} numbers for {features} features, {len(params)} kernel parameters")
    return Kernel(ctx.attr("kernel_type", "LINEAR").lower(), sv.reshape(-1, features), *params)


def _svm_regressor(ctx: Any) -> str:
    b, x, rho = Rows(ctx), rows(ctx), ctx.doubles("rho")
    coefficients, features = ctx.doubles("coefficients"), ctx.shape(x)[1]
    if not ctx.attr("n_supports", 0):  # a linear model
        values, n = x, features
    else:
        k = _kernel(ctx, features)
        values, n = kernel(b, k, x), len(k.vectors)
    if coefficients.size != n or rho.size != 1:
        raise BadFile(f"{coefficients.size} coefficients and {rho.size} constants for {n} values")
    y = b.linear(values, coefficients, rho, "sum")
    if ctx.attr("one_class", 0):
        return b.emit("where", [b.binary("gt", y, 0.0), b.const(1.0, "one", "f32"), b.const(-1.0, "minus", "f32")])
    return transformed(b, y, ctx.attr("post_transform", "NONE"))


def _svm_classifier(ctx: Any) -> list[str]:
    """One vote for each pair of classes; the scores are the pairs' decisions, or for two classes their shares."""
    b, x, names, post = Rows(ctx), rows(ctx), classes(ctx, "classlabels_ints"), ctx.attr("post_transform", "NONE")
    counts, n = [int(v) for v in ctx.attr("vectors_per_class") or []], len(names)
    if not counts:
        raise Unsupported("SVMClassifier without support vectors; export a LinearClassifier instead")
    k, rho = _kernel(ctx, ctx.shape(x)[1]), ctx.doubles("rho")
    dual, two = ctx.doubles("coefficients"), n == 2
    if len(counts) != n or sum(counts) != len(k.vectors) or min(counts) < 1 or dual.size != (n - 1) * len(k.vectors):
        raise BadFile(f"{dual.size} coefficients, vectors {counts[:8]} for {n} classes")
    if rho.size != n * (n - 1) // 2:
        raise BadFile(f"{rho.size} constants for {n * (n - 1) // 2} pairs of classes")
    d = pairs(b, kernel(b, k, x), dual.reshape(n - 1, -1), np.array(counts), rho)
    index = b.largest(tally(b, d, n)[0])
    label, shares = labelled(b, index, names), ctx.doubles("prob_a")
    if shares.size:
        if not two:
            raise Unsupported("probabilities of more than two classes; libsvm solves a system for each sample: export "
                              "with probability=False")  # fmt: skip
        scaled = b.binary("add", b.binary("mul", d, float(shares[0])), float(ctx.doubles("prob_b")[0]))
        p = b.emit("sigmoid", [b.emit("neg", [scaled])])
        return [label, transformed(b, b.concat([p, b.emit("sub", [b.const(np.ones((1, 1)), "one"), p])]), post)]
    if not two:
        return [label, transformed(b, d, post)]
    if post not in ("NONE", "LOGISTIC") or dual.min() >= 0:
        raise Unsupported(f"post_transform {post} of one score for two classes; NONE and LOGISTIC can be read")
    return [label, transformed(b, b.concat([b.emit("neg", [d]), d]), post)]


READERS: Mapping[str, Callable[..., Any]] = {
    "ai.onnx.ml.LinearClassifier": _linear_classifier,
    "ai.onnx.ml.LinearRegressor": _linear_regressor,
    "ai.onnx.ml.SVMClassifier": _svm_classifier,
    "ai.onnx.ml.SVMRegressor": _svm_regressor,
}
