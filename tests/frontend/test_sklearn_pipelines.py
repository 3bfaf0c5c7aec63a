"""Pipelines as users write them, through skops files: functions, columns, names as categories, targets, searches."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo.cli import main
from picozoo.errors import Unsupported
from picozoo.frontend._sklearn_functions import FUNCTIONS
from picozoo.frontend._sklearn_trees import importances
from picozoo.frontend.sklearn import convert
from picozoo.ir.interp import Interpreter
from picozoo.network import load

sklearn = pytest.importorskip("sklearn")
skops = pytest.importorskip("skops.io")
from sklearn import (  # noqa: E402
    compose,
    datasets,
    ensemble,
    feature_selection,
    linear_model,
    model_selection,
    pipeline,
    preprocessing,
    svm,
    tree,
)

IRIS = datasets.load_iris(return_X_y=True)
X = IRIS[0].astype(np.float32)
piped, forest = pipeline.make_pipeline, ensemble.RandomForestClassifier(6, random_state=0)
logistic, std = linear_model.LogisticRegression(max_iter=200), preprocessing.StandardScaler()


def saved(est: Any, path: Path) -> Path:
    skops.dump(est, path)
    return path


def through_a_file(est: Any, folder: Path) -> Interpreter:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Interpreter(load(saved(est, folder / "model.skops")).program)


def assert_same(machine: Interpreter, function: str, want: np.ndarray, x: np.ndarray = X) -> None:
    got = np.array([machine.call(function, row[None])[0].reshape(-1) for row in x.astype(np.float32)])
    np.testing.assert_allclose(got.reshape(want.shape), want, rtol=1e-4, atol=1e-4 * np.abs(want).max())


SOME = X[::6]
MODELS = [
    piped(compose.ColumnTransformer([("n", std, [0, 1])], remainder="passthrough"), forest),
    piped(compose.ColumnTransformer([("n", std, [0]), ("d", "drop", [1]), ("p", "passthrough", [3, 2])]), logistic),
    piped(preprocessing.FunctionTransformer(np.log1p), std, logistic),
    piped(preprocessing.FunctionTransformer(), logistic),
    piped(preprocessing.PowerTransformer(), logistic),
    piped(preprocessing.PowerTransformer("box-cox", standardize=False), logistic),
    piped(feature_selection.SelectFromModel(forest), logistic),
    piped(
        feature_selection.SelectFromModel(tree.DecisionTreeClassifier(random_state=0), threshold="0.1*median"), logistic
    ),
    piped(feature_selection.SelectFromModel(forest, max_features=3, threshold=-np.inf), logistic),
    model_selection.GridSearchCV(piped(std, svm.SVC()), {"svc__C": [1, 10]}, cv=2),
    model_selection.RandomizedSearchCV(
        tree.DecisionTreeClassifier(random_state=0),
        {"max_depth": [2, 3]},
        n_iter=2,
        cv=model_selection.StratifiedKFold(2),
        scoring="f1_macro",
        random_state=0,
    ),
]


@pytest.mark.parametrize(
    "est", MODELS, ids=lambda e: "-".join(type(s).__name__ for _, s in getattr(e, "steps", [("", e)]))
)
def test_classifiers(est: Any, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        est.fit(X, IRIS[1])
    assert_same(through_a_file(est, tmp_path), "predict", est.predict(SOME), SOME)


TARGETS = [
    {"func": np.log, "inverse_func": np.exp, "check_inverse": False},
    {"func": np.log1p, "inverse_func": np.expm1, "check_inverse": False},
    {"transformer": preprocessing.StandardScaler()},
    {"transformer": preprocessing.MinMaxScaler((-1, 1), clip=True)},
    {"transformer": preprocessing.RobustScaler()},
    {"transformer": preprocessing.MaxAbsScaler()},
    {},
]


@pytest.mark.parametrize("how", TARGETS, ids=lambda h: str(next(iter(h.values()), "none")).split("(")[0])
@pytest.mark.parametrize("several", [False, True])
def test_transformed_targets(how: dict[str, Any], several: bool, tmp_path: Path) -> None:
    y = X[:, 2] + 1 if not several else X[:, 2:] + 1
    est = compose.TransformedTargetRegressor(linear_model.Ridge(), **how).fit(X[:, :2], y)
    assert_same(through_a_file(est, tmp_path), "predict", est.predict(X[:, :2])[::6], X[::6, :2])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_numpys(name: str) -> None:
    x = (IRIS[0][:12] - (0 if "log" in name or name in ("sqrt", "reciprocal") else 4)) / 5
    est = preprocessing.FunctionTransformer(getattr(np, name)).fit(x)
    assert_same(Interpreter(convert(est)), "transform", est.transform(x.astype(np.float32)), x)


@pytest.mark.parametrize("exponents", [[0.0, 2.0, 1e-3, 1.999], [-3.0, 0.5, 1.0, 4.0]])
@pytest.mark.parametrize("method", ["yeo-johnson", "box-cox"])
def test_power_transformer_near_its_limits(exponents: list[float], method: str) -> None:
    x = IRIS[0][:30] - (4 if method == "yeo-johnson" else 0)
    est = preprocessing.PowerTransformer(method, standardize=False).fit(x)
    est.lambdas_ = np.array(exponents)
    assert_same(Interpreter(convert(est)), "transform", est.transform(x.astype(np.float32).astype(np.float64)), x)


@pytest.mark.parametrize("est", [forest, tree.DecisionTreeClassifier(random_state=0), tree.DecisionTreeRegressor()])
def test_importances(est: Any) -> None:
    est.fit(X, IRIS[1])
    np.testing.assert_allclose(importances(est, 4), est.feature_importances_, rtol=1e-12)


def test_categories_that_are_names_are_their_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    colours, sizes = (
        np.array(["red", "green", "blue"])[rng.integers(0, 3, 60)],
        np.array(["L", "S"])[rng.integers(0, 2, 60)],
    )
    table = np.column_stack([X[:60, 0].astype(object), colours, sizes])
    steps = [
        ("n", std, [0]),
        ("kinds", preprocessing.OneHotEncoder(handle_unknown="ignore"), [1]),
        ("sizes", preprocessing.OrdinalEncoder(), [2]),
    ]
    est = piped(compose.ColumnTransformer(steps), logistic).fit(table, IRIS[1][:60])
    places = np.column_stack([X[:60, 0], np.searchsorted(["blue", "green", "red"], colours), sizes == "S"])
    machine = through_a_file(est, tmp_path)
    assert_same(machine, "predict_proba", est.predict_proba(table)[:20], places[:20])
    assert main(["show", str(tmp_path / "model.skops")]) == 0
    told = capsys.readouterr().err
    assert (
        "columntransformer.kinds: OneHotEncoder takes numbers for names: feature 0 is 0 for blue, 1 for green" in told
    )
    assert "columntransformer.sizes: OrdinalEncoder takes numbers for names: feature 0 is 0 for L, 1 for S" in told


def test_on_a_small_board(tmp_path: Path) -> None:
    est = MODELS[0].fit(X, np.array(["setosa", "versicolor", "virginica"])[IRIS[1]])
    firmware = pz.compile(saved(est, tmp_path / "m.skops"), board="uno")
    with firmware.session() as session:
        for row in SOME[::5]:
            (label,) = session.call_real("predict", row[None])
            assert est.classes_[int(label[0])] == est.predict(row[None])[0]


@pytest.mark.parametrize(
    ("est", "told"),
    [
        (
            preprocessing.FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": 1}),
            "FunctionTransformer with clip and arg",
        ),
        (
            preprocessing.FunctionTransformer(str),
            "FunctionTransformer with str; a function of yours cannot be compiled",
        ),
        (preprocessing.LabelEncoder(), "LabelEncoder encodes targets"),
        (
            compose.TransformedTargetRegressor(linear_model.Ridge(), transformer=preprocessing.PowerTransformer()),
            "TransformedTargetRegressor with PowerTransformer; FunctionTransformer, ",
        ),
    ],
)
def test_refused_with_what_to_do(est: Any, told: str) -> None:
    if hasattr(est, "func") and hasattr(est, "kw_args"):
        est.n_features_in_ = 4
    else:
        est.fit(*((IRIS[1],) if isinstance(est, preprocessing.LabelEncoder) else (X, X[:, 0])))
    with pytest.raises(Unsupported, match=told):
        convert(est)
