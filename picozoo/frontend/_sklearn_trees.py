"""Trees, forests and boosting of scikit-learn, as tables of the operator `trees`.

scikit-learn compares float32 inputs with float64 thresholds; `_trees.tables` makes float32 thresholds by which every
float32 input takes the same branch. Class probabilities of forests are summed as integers of 2^-s, votes where all
leaves are pure, so that decisions do not depend on an order of additions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._sklearn_build import Build, Methods, Reader, decided, scored
from picozoo.frontend._trees import Tree, tables
from picozoo.ops.trees import TreesAttrs

_BITS = 30  # of the sum of all leaves in integers
_FIELDS = {"left_child", "right_child", "feature", "threshold", "n_node_samples"}


@dataclass
class Nodes:
    """Tables of a fitted tree, under scikit-learn's names; `value` is [nodes, outputs, classes]."""

    children_left: np.ndarray
    children_right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    n_node_samples: np.ndarray
    value: np.ndarray

    @property
    def node_count(self) -> int:
        """Inner nodes and leaves."""
        return len(self.value)


def nodes_of(est: Any) -> Nodes:
    """The tables of a fitted DecisionTree or ExtraTree, checked: they may come from a file.

    Raises:
        BadFile: tables that do not fit together.
    """
    t = est.tree_
    state = t if isinstance(t, dict) else t.__getstate__()
    nodes, value = np.asarray(state["nodes"]), np.asarray(state["values"], np.float64)
    if nodes.ndim != 1 or not nodes.size or not set(nodes.dtype.names or ()) >= _FIELDS or value.ndim != 3 or (
        len(value) != len(nodes)
    ):  # fmt: skip
        raise BadFile(f"a tree has {nodes.dtype.names or ''}{list(nodes.shape)} nodes and {list(value.shape)} values")
    if value.shape[1] != 1:
        raise Unsupported("trees with several outputs; train one model for each")
    return Nodes(nodes["left_child"], nodes["right_child"], nodes["feature"], nodes["threshold"],
                 nodes["n_node_samples"], value)  # fmt: skip


def importances(est: Any, features: int) -> np.ndarray:
    """How much each feature lowers the impurity of a tree or, in the mean, of a forest's trees; of sum 1.

    Raises:
        Unsupported: its trees have no impurities (boosting).
    """
    trees = list(np.ravel(np.asarray(getattr(est, "estimators_", [est]), object)))
    if any(not hasattr(e, "tree_") for e in trees) or "Boosting" in type(est).__name__:
        raise Unsupported(f"importances of {type(est).__name__}; select with a tree or a forest, or compile in Python")
    found = []
    for e in trees:
        t = nodes_of(e)
        state = e.tree_ if isinstance(e.tree_, dict) else e.tree_.__getstate__()
        worth = np.asarray(state["nodes"]["weighted_n_node_samples"] * state["nodes"]["impurity"], np.float64)
        inner = np.flatnonzero(t.children_left >= 0)
        if inner.size and not 0 <= t.feature[inner].min() <= t.feature[inner].max() < features:
            raise BadFile(f"a tree asks for a feature that is not one of {features}")
        gain = worth[inner] - worth[t.children_left[inner]] - worth[t.children_right[inner]]
        total = np.bincount(t.feature[inner], gain, features)
        if len(inner):
            found.append(total / (total.sum() or 1.0))
    mean = np.mean(found, 0) if found else np.zeros(features)
    return np.asarray(mean / (mean.sum() or 1.0))


def of_sklearn(est: Any, value: Callable[[Nodes], np.ndarray], columns: Any = None) -> Tree:
    """A fitted DecisionTree or ExtraTree; `columns` are the features it sees of all."""
    t = nodes_of(est)
    feature = t.feature if columns is None else np.asarray(columns)[np.maximum(t.feature, 0)]
    return Tree(t.children_left, t.children_right, feature, t.threshold, value(t))


def emit(b: Build, x: str, trees: Sequence[Tree]) -> str:
    """The sum over all trees: [1, width], in the type of their values (int32 or float)."""
    t = tables(trees, b.type(x).shape[1])
    refs = [
        x,
        b.const(t.threshold, "threshold"),
        b.const(t.feature, "feature", "i32"),
        b.const(t.child, "child", "i32"),
        b.const(t.root, "root", "i32"),
        b.const(t.leaf, "leaf", "i32" if t.leaf.dtype.kind == "i" else "f32"),
    ]
    return b.emit("trees", refs, TreesAttrs(t.missing))


def _shares(t: Nodes) -> np.ndarray:
    """Class shares of every node."""
    v = t.value[:, 0, :]
    shares: np.ndarray = v / np.maximum(v.sum(1, keepdims=True), 1e-300)
    return shares


def forest_classifier(est: Any) -> Methods:
    """Mean of the trees' class shares; the largest wins, the first of equals."""
    parts = getattr(est, "estimators_", None) or [est]
    held = [nodes_of(p) for p in parts]
    shares = [_shares(t) for t in held]
    ends = [s[t.children_left < 0] for s, t in zip(shares, held, strict=True)]
    pure = all(bool(np.isin(s, (0.0, 1.0)).all()) for s in ends)
    bits = 0 if pure else _BITS - int(np.ceil(np.log2(max(len(parts), 1) + 1)))
    trees = [
        of_sklearn(p, lambda t, s=s: np.rint(s * (1 << bits)).astype(np.int32))  # type: ignore[misc]
        for p, s in zip(parts, shares, strict=True)
    ]

    def proba(b: Build, x: str) -> str:
        total = b.cast(emit(b, x, trees), "f32")
        return total if pure and len(parts) == 1 else b.shift_scale(total, None, 1.0 / (len(parts) * (1 << bits)))

    if len(parts) == 1:  # the class itself stands in the leaf
        lone = of_sklearn(parts[0], lambda t: shares[0].argmax(1).astype(np.int32)[:, None])
        return {
            "predict": lambda b, x: b.label(b.flat(emit(b, x, [lone])), est.classes_),
            "predict_proba": proba,
        }
    return scored(est.classes_, lambda b, x: emit(b, x, trees), predict_proba=proba)


def forest_regressor(est: Any) -> Methods:
    """Mean of the trees."""
    parts = getattr(est, "estimators_", None) or [est]
    trees = [of_sklearn(p, lambda t: t.value[:, 0, :1] / len(parts)) for p in parts]
    return {"predict": lambda b, x: b.flat(emit(b, x, trees))}


# -- boosting ---------------------------------------------------------------------------------------------------------
def _boosted(b: Build, x: str, columns: Sequence[Sequence[Tree]], start: np.ndarray) -> str:
    """start + the sum of each column's trees: [1, columns]."""
    sums = [emit(b, x, trees) for trees in columns]
    return b.emit("add", [b.concat(sums), b.const(start.reshape(1, -1), "start")])


def _gradient(est: Any) -> tuple[list[list[Tree]], np.ndarray]:
    init = est.init_
    if init != "zero" and type(init).__name__ not in ("DummyClassifier", "DummyRegressor"):
        raise Unsupported(f"gradient boosting that starts from {type(init).__name__}; leave `init` at its default")
    columns = [
        [of_sklearn(stage[k], lambda t: t.value[:, 0, :1] * est.learning_rate) for stage in est.estimators_]
        for k in range(est.estimators_.shape[1])
    ]
    zero = np.zeros((1, est.n_features_in_), np.float32)
    start = np.zeros(len(columns)) if init == "zero" else np.asarray(est._raw_predict_init(zero), np.float64)
    return columns, start.reshape(-1)


def gradient_regressor(est: Any) -> Methods:
    """GradientBoostingRegressor."""
    columns, start = _gradient(est)
    return {"predict": lambda b, x: b.flat(_boosted(b, x, columns, start))}


def gradient_classifier(est: Any) -> Methods:
    """GradientBoostingClassifier with the logistic or the exponential loss."""
    columns, start = _gradient(est)
    twice = 2.0 if est.loss == "exponential" else 1.0
    return _raw_classifier(est, lambda b, x: _boosted(b, x, columns, start), twice)


def _raw_classifier(est: Any, raw: Callable[[Build, str], str], twice: float = 1.0) -> Methods:
    def proba(b: Build, x: str) -> str:
        s = raw(b, x)
        if b.type(s).size > 1:
            return b.softmax(s)
        return b.both(b.emit("sigmoid", [b.shift_scale(s, None, twice) if twice != 1 else s]))

    return decided(est.classes_, raw, predict_proba=proba)


def of_histogram(p: Any) -> Tree:
    """A tree of HistGradientBoosting; NaN goes where it went in training."""
    n = p.nodes
    if n["is_categorical"].any():
        raise Unsupported("histogram gradient boosting with categorical features; encode them as numbers first")
    leaf = n["is_leaf"].astype(bool)
    left = np.where(leaf, -1, n["left"].astype(np.int64))
    return Tree(left, n["right"].astype(np.int64), n["feature_idx"], n["num_threshold"], n["value"][:, None],
                n["missing_go_to_left"])  # fmt: skip


def _histogram(est: Any) -> Callable[[Build, str], str]:
    if getattr(est, "_preprocessor", None) is not None:
        raise Unsupported("histogram gradient boosting with categorical features; encode them as numbers first")
    columns = [[of_histogram(stage[k]) for stage in est._predictors] for k in range(len(est._predictors[0]))]
    start = np.asarray(est._baseline_prediction, np.float64)
    return lambda b, x: _boosted(b, x, columns, start)


def histogram_regressor(est: Any) -> Methods:
    """HistGradientBoostingRegressor, whatever its loss."""
    link, raw = type(est._loss.link).__name__, _histogram(est)
    if link not in ("IdentityLink", "LogLink"):
        raise Unsupported(f"histogram gradient boosting with link {link}")

    def predict(b: Build, x: str) -> str:
        y = b.flat(raw(b, x))
        return b.emit("exp", [y]) if link == "LogLink" else y

    return {"predict": predict}


def histogram_classifier(est: Any) -> Methods:
    """HistGradientBoostingClassifier."""
    return _raw_classifier(est, _histogram(est))


def ada_boost(est: Any) -> Methods:
    """AdaBoostClassifier over trees: weighted votes."""
    n, weights = len(est.classes_), np.asarray(est.estimator_weights_, np.float64)
    if any(not hasattr(p, "tree_") for p in est.estimators_) or getattr(est, "algorithm", "SAMME") == "SAMME.R":
        raise Unsupported("AdaBoost over anything but trees, or with SAMME.R; use decision trees and SAMME")
    trees = []
    for p, w in zip(est.estimators_, weights, strict=False):

        def votes(t: Nodes, w: float = w, p: Any = p) -> np.ndarray:
            chosen = np.searchsorted(est.classes_, p.classes_[_shares(t).argmax(1)])
            given: np.ndarray = np.where(np.eye(n, dtype=bool)[chosen], w, -w / (n - 1)) / weights.sum()
            return given

        trees.append(of_sklearn(p, votes))

    def decision(b: Build, x: str) -> str:
        s = emit(b, x, trees)
        return s if n > 2 else b.linear(s, [[-1.0, 1.0]], 0.0, "difference")

    def proba(b: Build, x: str) -> str:
        s = decision(b, x)
        if n == 2:
            half = b.shift_scale(s, None, 0.5)
            return b.softmax(b.concat([b.emit("neg", [half]), half]))
        return b.softmax(b.shift_scale(s, None, 1.0 / (n - 1)))

    return decided(est.classes_, decision, predict_proba=proba)


def isolation_forest(est: Any) -> Methods:
    """1 for what is like the training data, -1 for what is isolated in few steps."""
    from sklearn.ensemble._iforest import _average_path_length

    def depth(t: Nodes) -> np.ndarray:
        steps = np.zeros(t.node_count)
        for n in range(t.node_count):
            for child in (t.children_left[n], t.children_right[n]):
                if n < child < t.node_count:
                    steps[child] = steps[n] + 1
        found: np.ndarray = (steps + _average_path_length(t.n_node_samples))[:, None]
        return found

    trees = [of_sklearn(p, depth, c) for p, c in zip(est.estimators_, est.estimators_features_, strict=True)]
    whole = len(trees) * float(_average_path_length([est._max_samples])[0])

    def score(b: Build, x: str) -> str:
        return b.emit("neg", [b.emit("exp", [b.shift_scale(emit(b, x, trees), None, -np.log(2) / whole)])])

    def decision(b: Build, x: str) -> str:
        return b.binary("sub", score(b, x), est.offset_, "offset")

    def predict(b: Build, x: str) -> str:
        inside = b.cast(b.binary("ge", b.flat(decision(b, x)), 0.0, "zero"), "i32")
        return b.label(inside, [-1, 1])

    return {
        "predict": predict,
        "decision_function": lambda b, x: b.flat(decision(b, x)),
        "score_samples": lambda b, x: b.flat(score(b, x)),
    }


READERS: dict[str, Reader] = {
    **dict.fromkeys(
        ("DecisionTreeClassifier", "ExtraTreeClassifier", "ExtraTreesClassifier", "RandomForestClassifier"),
        forest_classifier,
    ),
    **dict.fromkeys(
        ("DecisionTreeRegressor", "ExtraTreeRegressor", "ExtraTreesRegressor", "RandomForestRegressor"),
        forest_regressor,
    ),
    "AdaBoostClassifier": ada_boost,
    "GradientBoostingClassifier": gradient_classifier,
    "GradientBoostingRegressor": gradient_regressor,
    "HistGradientBoostingClassifier": histogram_classifier,
    "HistGradientBoostingRegressor": histogram_regressor,
    "IsolationForest": isolation_forest,
}
