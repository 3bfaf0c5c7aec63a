"""Trees of `ai.onnx.ml`: TreeEnsemble and the older TreeEnsembleClassifier and TreeEnsembleRegressor.

The operator `trees` asks one kind of question, x <= limit. Others are told by it: x < t by the largest float32 below t,
x >= t and x > t by exchanging the sides, x == t by two questions, membership in a set by a search among its numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._onnx_classes import Rows, classes, labelled, rows, transformed
from picozoo.frontend._trees import Tree, tables
from picozoo.ops.trees import TreesAttrs, floor32

# Questions in the order of TreeEnsemble's numbers; the older operators say "BRANCH_" before the name.
_MODES = ("LEQ", "LT", "GTE", "GT", "EQ", "NEQ", "MEMBER")
_JOINED = {"MIN": "minimum", "MAX": "maximum"}
_FLOAT64 = 11  # the element type, held in float32
_MOST_JOINED = 256  # trees whose least or largest value is taken


class _Grower:
    """Nodes of one or several trees, told by x <= limit. The file's own nodes keep their numbers, new ones follow."""

    def __init__(self, count: int, width: int) -> None:
        self.left, self.right = [-1] * count, [-1] * count
        self.feature, self.limit, self.nan_left = [0] * count, [0.0] * count, [False] * count
        self.value = np.zeros((count, width))

    def ask(self, at: int, feature: int, limit: float, yes: int, no: int, nan_left: bool = False) -> int:
        """Node `at` (-1: a new one) asks whether x[feature] <= limit; gives its number."""
        if at < 0:
            at = len(self.left)
            for row, fill in ((self.left, -1), (self.right, -1), (self.feature, 0), (self.limit, 0.0)):
                row.append(fill)  # type: ignore[arg-type]
            self.nan_left.append(False)
        self.left[at], self.right[at], self.feature[at] = yes, no, feature
        self.limit[at], self.nan_left[at] = limit, nan_left
        return at

    def branch(self, at: int, mode: str, feature: int, test: Sequence[float], sides: Sequence[int], nan: bool) -> None:
        """A question of the file; `sides` are its yes and its no, `nan`: NaN is a yes."""
        yes, no = sides
        if not np.isfinite(test).all():
            raise BadFile(f"node {at} of a tree compares with {list(test)[:4]}")
        if mode in ("LEQ", "LT"):
            self.ask(at, feature, (_at_most if mode == "LEQ" else _below)(test[0]), yes, no, nan)
        elif mode in ("GTE", "GT"):
            self.ask(at, feature, (_below if mode == "GTE" else _at_most)(test[0]), no, yes, not nan)
        elif mode == "NEQ":
            self.member(at, feature, test, no, yes, False)
        else:
            self.member(at, feature, test, yes, no, nan)

    def member(self, at: int, feature: int, test: Sequence[float], yes: int, no: int, nan: bool) -> int:
        """Is x one of these numbers, which rise? Halves them until one is left; `nan`: NaN goes left, to the yes."""
        if len(test) == 1:
            equal = self.ask(-1, feature, _below(test[0]), no, yes)
            return self.ask(at, feature, _at_most(test[0]), equal, no, nan)
        half = (len(test) + 1) // 2
        left = self.member(-1, feature, test[:half], yes, no, nan)
        right = self.member(-1, feature, test[half:], yes, no, nan)
        return self.ask(at, feature, _at_most(test[half - 1]), left, right, nan)

    def trees(self, roots: Sequence[int]) -> list[Tree]:
        """One tree for each root."""
        value = np.zeros((len(self.left), self.value.shape[1]))
        value[: len(self.value)] = self.value
        missing = np.array(self.nan_left) if any(self.nan_left) else None
        arrays = [np.array(a) for a in (self.left, self.right, self.feature, self.limit)]
        return [Tree(arrays[0], arrays[1], arrays[2], arrays[3], value, missing, root) for root in roots]


def _at_most(v: float) -> float:
    """Largest float32 that is not above a number."""
    return float(floor32(np.array([v]))[0])


def _below(v: float) -> float:
    """Largest float32 below a number."""
    near = _at_most(v)
    return near if near != v else float(np.nextafter(np.float32(near), np.float32(-np.inf)))


def _tests(ctx: Any, name: str) -> np.ndarray:
    """Numbers that inputs are compared with; rounded as the inputs are where those are float64."""
    found: np.ndarray = ctx.doubles(name)
    return found.astype(np.float32).astype(np.float64) if ctx.kind(0) == _FLOAT64 else found


def _emit(ctx: Any, x: str, trees: Sequence[Tree]) -> str:
    t = tables(trees, ctx.shape(x)[1])
    refs = [x]
    for name, array in (("threshold", t.threshold), ("feature", t.feature), ("child", t.child), ("root", t.root)):
        refs.append(ctx.const(array, name, "f32" if name == "threshold" else "i32"))
    return str(ctx.emit("trees", [*refs, ctx.const(t.leaf, "leaf", "f32")], TreesAttrs(t.missing)))


def _summed(ctx: Any, x: str, trees: Sequence[Tree], how: str, base: np.ndarray) -> str:
    """All trees as one result [rows, width]: their sum, mean, least or largest value, and the base values."""
    if not trees:
        raise BadFile("an ensemble without trees")
    if how in _JOINED:
        if trees[0].value.shape[1] != 1 or len(trees) > _MOST_JOINED:
            raise Unsupported(f"aggregate_function {how} of several targets, or of more than {_MOST_JOINED} trees")
        y = _emit(ctx, x, trees[:1])
        for t in trees[1:]:
            y = ctx.op(_JOINED[how], y, _emit(ctx, x, [t]))
    elif how in ("SUM", "AVERAGE"):
        y = _emit(ctx, x, trees)
        y = ctx.op("div", y, float(len(trees))) if how == "AVERAGE" and len(trees) > 1 else y
    else:
        raise BadFile(f"aggregate_function {how!r}")
    return str(ctx.op("add", y, ctx.const(base.reshape(1, -1), "base", "f32")) if np.any(base) else y)


# -- the older operators ----------------------------------------------------------------------------------------------
def _listed(ctx: Any, what: str, width: int) -> list[Tree]:
    """Trees of the older operators; `what` ("class" or "target") names the attributes of the leaves' weights."""
    ints = {k: [int(v) for v in ctx.attr(f"nodes_{k}") or []] for k in ("treeids", "nodeids", "featureids")}
    yes, no = ([int(v) for v in ctx.attr(f"nodes_{k}nodeids") or []] for k in ("true", "false"))
    modes, n = ctx.attr("nodes_modes") or [], len(ints["treeids"])
    test, track = _tests(ctx, "nodes_values"), ctx.attr("nodes_missing_value_tracks_true") or [0] * n
    if {len(v) for v in (*ints.values(), yes, no, modes, test, track)} != {n} or n == 0:
        raise BadFile("the attributes of the trees' nodes are not of one length")
    place = {key: k for k, key in enumerate(zip(ints["treeids"], ints["nodeids"], strict=True))}
    grower, roots = _Grower(n, width), dict[int, int]()
    for k, (tree, mode) in enumerate(zip(ints["treeids"], modes, strict=True)):
        roots.setdefault(tree, k)
        if mode != "LEAF":
            sides = [place.get((tree, side), -1) for side in (yes[k], no[k])]
            name = mode.removeprefix("BRANCH_")
            if min(sides) < 0 or name not in _MODES[:-1]:
                raise BadFile(f"node {ints['nodeids'][k]} of tree {tree}: {mode} to {yes[k]} and {no[k]}")
            grower.branch(k, name, ints["featureids"][k], [float(test[k])], sides, bool(track[k]))
    where = zip(*(ctx.attr(f"{what}_{k}") or [] for k in ("treeids", "nodeids", "ids")), strict=True)
    for (tree, node, column), weight in zip(where, ctx.doubles(f"{what}_weights"), strict=True):
        if (tree, node) not in place or not 0 <= column < width:
            raise BadFile(f"a weight for target {column} of node {node} of tree {tree}, which is not there")
        grower.value[place[tree, node], column] += weight
    return grower.trees(list(roots.values()))


def _base(ctx: Any, width: int) -> np.ndarray:
    base = np.asarray(ctx.doubles("base_values"), np.float64)
    if base.size not in (0, width):
        raise BadFile(f"{base.size} base values for {width} targets")
    return base if base.size else np.zeros(width)


def _regressor(ctx: Any) -> str:
    width = ctx.attr("n_targets", 1)
    if not 0 < width < 1 << 12:
        raise BadFile(f"{width} targets")
    trees = _listed(ctx, "target", width)
    y = _summed(ctx, rows(ctx), trees, ctx.attr("aggregate_function", "SUM"), _base(ctx, width))
    return transformed(Rows(ctx), y, ctx.attr("post_transform", "NONE"))


def _classifier(ctx: Any) -> list[str]:
    names, post = classes(ctx, "classlabels_int64s"), ctx.attr("post_transform", "NONE")
    ids, n, b = {int(k) for k in ctx.attr("class_ids") or []}, len(names), Rows(ctx)
    if n == 2 and ids == {0}:  # one score for both classes
        return _two(ctx, b, names, post)
    if n == 2 and len(ctx.doubles("base_values")):
        raise Unsupported("base_values of two classes with a score each; ONNX does not say what they mean")
    y = _summed(ctx, rows(ctx), _listed(ctx, "class", n), "SUM", _base(ctx, n))
    if n == 2 and ids == {1}:
        positive = ctx.doubles("class_weights").min(initial=0) >= 0
        index = b.positive(b.pick(y, [1]), 0.5 if positive else 0.0)
    else:
        index = b.largest(y)
    return [labelled(b, index, names), transformed(b, y, post)]


def _two(ctx: Any, b: Rows, names: Sequence[Any], post: str) -> list[str]:
    """Two classes and the score of the second: a share if no weight is negative, else above or below zero."""
    score = _summed(ctx, rows(ctx), _listed(ctx, "class", 1), "SUM", _base(ctx, 1))
    shares = ctx.doubles("class_weights").min(initial=0) >= 0
    label = labelled(b, b.positive(score, 0.5 if shares else 0.0), names)
    if post not in ("NONE", "LOGISTIC"):
        raise Unsupported(f"post_transform {post} of one score for two classes; NONE and LOGISTIC can be read")
    if shares and post == "NONE":
        return [label, b.both(score)]
    return [label, transformed(b, b.concat([b.emit("neg", [score]), score]), post)]


# -- TreeEnsemble -----------------------------------------------------------------------------------------------------
def _ensemble(ctx: Any) -> str:
    """One set of inner nodes, one of leaves; roots anywhere."""
    width, lists = ctx.attr("n_targets", 1), {}
    for name in ("featureids", "truenodeids", "trueleafs", "falsenodeids", "falseleafs"):
        lists[name] = [int(v) for v in ctx.attr(f"nodes_{name}") or []]
    modes = [int(v) for v in ctx.doubles("nodes_modes")]
    n, leaves = len(modes), [int(v) for v in ctx.attr("leaf_targetids") or []]
    track, test = ctx.attr("nodes_missing_value_tracks_true") or [0] * n, _tests(ctx, "nodes_splits")
    weights = ctx.doubles("leaf_weights")
    if {len(v) for v in (*lists.values(), track, test)} != {n} or len(weights) != len(leaves) or n == 0:
        raise BadFile("the attributes of the trees' nodes are not of one length")
    if not 0 < width < 1 << 12 or any(not 0 <= t < width for t in leaves):
        raise BadFile(f"a leaf for a target that is not there, of {width}")
    sets = _sets(_tests(ctx, "membership_values"))
    grower = _Grower(n + len(leaves), width)
    grower.value[n + np.arange(len(leaves)), leaves] = weights
    for k, mode in enumerate(modes):
        sides = []
        for side in ("true", "false"):
            to, leaf = lists[f"{side}nodeids"][k], lists[f"{side}leafs"][k]
            if not 0 <= to < (len(leaves) if leaf else n) or not 0 <= mode < len(_MODES):
                raise BadFile(f"node {k} of the trees: question {mode}, leads to {to}")
            sides.append(to + n if leaf else to)
        values = next(sets, None) if _MODES[mode] == "MEMBER" else [float(test[k])]
        if values is None:
            raise BadFile(f"node {k} of the trees: no set of membership_values is left for it")
        grower.branch(k, _MODES[mode], lists["featureids"][k], values, sides, bool(track[k]))
    roots = [int(r) for r in ctx.attr("tree_roots") or []]
    how = ctx.attr("aggregate_function", 1)
    if any(not 0 <= r < n for r in roots) or how not in range(4):
        raise BadFile(f"roots {roots[:8]} of {n} nodes, aggregate_function {how}")
    y = _summed(ctx, rows(ctx), grower.trees(roots), ("AVERAGE", "SUM", "MIN", "MAX")[how], np.zeros(width))
    post = ctx.attr("post_transform", 0)
    if post not in range(5):
        raise BadFile(f"post_transform {post}")
    return transformed(Rows(ctx), y, ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")[post])


def _sets(values: np.ndarray) -> Any:
    """Sets of numbers that rise; in the file a NaN ends each."""
    if not len(values):
        return iter(())
    ends = np.flatnonzero(np.isnan(values))
    parts = np.split(values, ends)
    made = [np.unique(p[~np.isnan(p)]).tolist() for p in parts]
    return iter([m for m in made if m])


READERS: Mapping[str, Callable[..., Any]] = {
    "ai.onnx.ml.TreeEnsemble": _ensemble,
    "ai.onnx.ml.TreeEnsembleClassifier": _classifier,
    "ai.onnx.ml.TreeEnsembleRegressor": _regressor,
}
