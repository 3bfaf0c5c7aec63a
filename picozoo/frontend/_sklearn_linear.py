"""Linear models of scikit-learn: regressors, classifiers by sign or largest score, and their probabilities."""

from __future__ import annotations

from typing import Any

from picozoo.frontend._sklearn_build import Build, Method, Methods, Reader, decided


def _scores(est: Any) -> Method:
    return lambda b, x: b.linear(x, est.coef_, est.intercept_, "scores")


def regressor(est: Any) -> Methods:
    """predict = x w + b, [1] or [1, targets]."""

    def predict(b: Build, x: str) -> str:
        y = b.linear(x, est.coef_, est.intercept_)
        return b.flat(y) if getattr(est.coef_, "ndim", 1) == 1 or b.type(y).size == 1 else y

    return {"predict": predict}


def plain(est: Any) -> Methods:
    """predict and decision_function."""
    return decided(est.classes_, _scores(est))


def one_against_rest(b: Build, s: str) -> str:
    """A sigmoid a class, divided by their sum; [1 - p, p] for two classes."""
    p = b.emit("sigmoid", [s])
    return b.both(p) if b.type(p).size == 1 else b.normalised(p)


def logistic(est: Any) -> Methods:
    """Softmax of the scores, or a sigmoid for each class where it was trained so."""
    kind = getattr(est, "multi_class", "auto")
    apart = kind in ("ovr", "warn") or (
        kind in ("auto", "deprecated") and (len(est.classes_) <= 2 or est.solver == "liblinear")
    )

    def proba(b: Build, x: str) -> str:
        s = _scores(est)(b, x)
        if apart:
            return one_against_rest(b, s)
        if b.type(s).size == 1:
            s = b.concat([b.emit("neg", [s]), s])
        return b.softmax(s)

    return decided(est.classes_, _scores(est), predict_proba=proba)


def gradient_descent(est: Any) -> Methods:
    """SGDClassifier: probabilities only for the logistic loss."""
    if est.loss != "log_loss":
        return plain(est)
    return decided(est.classes_, _scores(est), predict_proba=lambda b, x: one_against_rest(b, _scores(est)(b, x)))


def discriminant(est: Any) -> Methods:
    """Linear discriminant analysis."""

    def proba(b: Build, x: str) -> str:
        s = _scores(est)(b, x)
        return b.both(b.emit("sigmoid", [s])) if b.type(s).size == 1 else b.softmax(s)

    return decided(est.classes_, _scores(est), predict_proba=proba)


READERS: dict[str, Reader] = {
    **dict.fromkeys(
        (
            "ARDRegression",
            "BayesianRidge",
            "ElasticNet",
            "ElasticNetCV",
            "HuberRegressor",
            "Lars",
            "LarsCV",
            "Lasso",
            "LassoCV",
            "LassoLars",
            "LassoLarsCV",
            "LinearRegression",
            "LinearSVR",
            "OrthogonalMatchingPursuit",
            "PassiveAggressiveRegressor",
            "QuantileRegressor",
            "Ridge",
            "RidgeCV",
            "SGDRegressor",
            "TheilSenRegressor",
        ),
        regressor,
    ),
    **dict.fromkeys(
        ("LinearSVC", "PassiveAggressiveClassifier", "Perceptron", "RidgeClassifier", "RidgeClassifierCV"), plain
    ),
    "LogisticRegression": logistic,
    "LogisticRegressionCV": logistic,
    "SGDClassifier": gradient_descent,
    "LinearDiscriminantAnalysis": discriminant,
}
