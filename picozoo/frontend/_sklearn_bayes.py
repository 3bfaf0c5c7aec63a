"""Naive Bayes and other classifiers of scikit-learn that compare log likelihoods."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.frontend._sklearn_build import Build, Method, Methods, Reader, scored
from picozoo.ops.reshape import ReshapeAttrs


def _likely(est: Any, joint: Method) -> Methods:
    return scored(est.classes_, joint, predict_proba=lambda b, x: b.softmax(joint(b, x)))


def gaussian(est: Any) -> Methods:
    """sum -(x - mean)^2 / (2 variance), and what does not depend on x."""
    mean, var = np.asarray(est.theta_, np.float64), np.asarray(est.var_, np.float64)
    rest = np.log(est.class_prior_) - 0.5 * np.log(2 * np.pi * var).sum(1)

    def joint(b: Build, x: str) -> str:
        z = b.shift_scale(x, mean, np.sqrt(0.5 / var), "standard")  # [classes, features]
        s = b.sum(b.emit("mul", [z, z]), keep=False)
        row = b.emit("reshape", [s], ReshapeAttrs((1, len(rest))))
        return b.emit("sub", [b.const(rest[None], "prior"), row])

    return _likely(est, joint)


def bernoulli(est: Any) -> Methods:
    """Features are made 0 or 1 first, if the model says at which limit."""
    absent = np.log(-np.expm1(est.feature_log_prob_))
    rest = est.class_log_prior_ + absent.sum(1)

    def joint(b: Build, x: str) -> str:
        if est.binarize is not None:
            x = b.cast(b.binary("gt", x, est.binarize, "limit"), "f32")
        return b.linear(x, est.feature_log_prob_ - absent, rest, "likelihood")

    return _likely(est, joint)


def multinomial(est: Any) -> Methods:
    """Counts times log probabilities."""
    return _likely(est, lambda b, x: b.linear(x, est.feature_log_prob_, est.class_log_prior_, "likelihood"))


def complement(est: Any) -> Methods:
    """Counts times the weights of what is not the class."""
    prior = est.class_log_prior_ if len(est.classes_) == 1 else 0.0
    return _likely(est, lambda b, x: b.linear(x, est.feature_log_prob_, prior, "likelihood"))


def quadratic(est: Any) -> Methods:
    """Quadratic discriminant analysis, from the rotations that scikit-learn stores."""

    def joint(b: Build, x: str) -> str:
        columns = []
        for k, (r, s) in enumerate(zip(est.rotations_, est.scalings_, strict=True)):
            z = b.linear(b.shift_scale(x, est.means_[k], None), (r / np.sqrt(s)).T, 0.0, f"class{k}")
            columns.append(b.sum(b.emit("mul", [z, z])))
        rest = np.array([-0.5 * np.log(s).sum() for s in est.scalings_]) + np.log(est.priors_)
        half = b.shift_scale(b.concat(columns), None, -0.5)
        return b.emit("add", [half, b.const(rest[None], "prior")])

    return _likely(est, joint)


READERS: dict[str, Reader] = {
    "BernoulliNB": bernoulli,
    "ComplementNB": complement,
    "GaussianNB": gaussian,
    "MultinomialNB": multinomial,
    "QuadraticDiscriminantAnalysis": quadratic,
}
