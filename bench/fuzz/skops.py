"""scikit-learn's `.skops`: a zip of `schema.json`, which names classes and members, and `.npy` arrays."""

from __future__ import annotations

import copy
import json
import random
import re
import warnings
from pathlib import Path
from typing import Any

from . import trees, zips

SUFFIX = ".skops"


def originals(folder: Path) -> dict[str, bytes]:
    """A small file of each family of estimators, made here."""
    from sklearn import (
        cluster,
        compose,
        datasets,
        decomposition,
        discriminant_analysis,
        ensemble,
        linear_model,
        multiclass,
        naive_bayes,
        neighbors,
        neural_network,
        pipeline,
        preprocessing,
        svm,
        tree,
    )  # fmt: skip

    x, y = datasets.load_iris(return_X_y=True)
    x, y = x[::5], y[::5]
    scaled = preprocessing.StandardScaler()
    some: list[Any] = [
        tree.DecisionTreeClassifier(max_depth=3, random_state=0),
        tree.DecisionTreeRegressor(max_depth=2, random_state=0),
        ensemble.RandomForestClassifier(2, max_depth=2, random_state=0),
        ensemble.IsolationForest(n_estimators=2, random_state=0),
        ensemble.HistGradientBoostingClassifier(max_iter=1, max_depth=2, min_samples_leaf=3),
        ensemble.GradientBoostingClassifier(n_estimators=1, max_depth=1, random_state=0),
        ensemble.VotingClassifier([("a", naive_bayes.GaussianNB()), ("b", linear_model.LogisticRegression())]),
        svm.SVC(),
        svm.SVR(kernel="linear"),
        linear_model.LogisticRegression(),
        linear_model.Ridge(),
        linear_model.SGDClassifier(max_iter=5, random_state=0),
        naive_bayes.GaussianNB(),
        neighbors.KNeighborsClassifier(3),
        neural_network.MLPClassifier((3,), max_iter=3, random_state=0),
        cluster.KMeans(2, n_init=1, random_state=0),
        discriminant_analysis.LinearDiscriminantAnalysis(),
        multiclass.OneVsRestClassifier(linear_model.LogisticRegression()),
        pipeline.make_pipeline(scaled, decomposition.PCA(2, random_state=0), linear_model.LogisticRegression()),
        compose.ColumnTransformer([("a", scaled, [0, 1]), ("b", preprocessing.KBinsDiscretizer(3), [2])]),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {f"{k} {type(e).__name__}": _same(_saved(e.fit(x, y))) for k, e in enumerate(some)}


def _saved(estimator: Any) -> bytes:
    from skops import io

    return bytes(io.dumps(estimator))


def _same(data: bytes) -> bytes:
    """With numbers from 1 for the addresses that skops names things by: the same bytes on every run."""
    parts = zips.members(data)
    schema = dict(parts)["schema.json"].decode()
    found = re.findall(r'"__id__": (\d+)', schema) + re.findall(r'"(\d{6,})\.npy"', schema)
    short = {old: str(k) for k, old in enumerate(dict.fromkeys(found), 1)}
    schema = re.sub(r"\d{6,}", lambda m: short.get(m[0], m[0]), schema)
    named = {name.removesuffix(".npy"): part for name, part in parts if name != "schema.json"}
    arrays = [(f"{short[name]}.npy", named[name]) for name in short if name in named]
    return zips.packed([*arrays, ("schema.json", schema.encode())], random.Random(0))


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Members changed: nodes of the schema, numbers, shapes and types of arrays."""
    return zips.mutate(data, dice, _member)


def _member(name: str, part: bytes, dice: random.Random) -> bytes:
    if name.endswith(".npy"):
        return zips.array(part, dice)
    tree = json.loads(part)
    for _ in range(dice.choice((1, 1, 2, 4))):
        tree = _node(tree, dice) if dice.random() < 0.5 else trees.twist(tree, dice)
    return trees.text(tree, dice)


def _node(tree: Any, dice: random.Random) -> Any:
    """One field of one node: its class, its loader, its file, its number become those of another, or odd."""
    nodes = [here for here, key in trees.places(tree) if key == "__loader__"]
    if not nodes:
        return tree
    node, other = dice.choice(nodes), dice.choice(nodes)
    key = dice.choice(("__class__", "__module__", "__loader__", "__id__", "content", "file", "type", "attrs"))
    if key in other and dice.random() < 0.6:
        node[key] = copy.deepcopy(other[key])  # not the same: a tree that holds itself has no end
        if key == "__class__" and dice.random() < 0.8:
            node["__module__"] = other.get("__module__")
    elif key in node:
        found = node[key]
        inner = {"content": dice.choice(("5", "-1", "null", "1e400", "NaN", '"x"', "[", "9" * 400, "[[[]]]", "{}"))}
        node[key] = inner.get(key) if isinstance(found, str) and key in inner else trees.odd(dice, found)
    return tree
