"""scikit-learn in: every family against scikit-learn itself, on bundled data and random models; files, good and bad."""

from __future__ import annotations

import json
import pickle
import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import picozoo as pz
from picozoo.cli import main
from picozoo.errors import PicozooError, Unsupported, UsageError
from picozoo.frontend.sklearn import convert, readers
from picozoo.ir.interp import Interpreter

sklearn = pytest.importorskip("sklearn")
from sklearn import (  # noqa: E402
    calibration,
    cluster,
    compose,
    datasets,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_selection,
    impute,
    linear_model,
    mixture,
    model_selection,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)

TOLERANCE = 1e-4  # of results, relative to the largest of them
DATA = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
    "diabetes": datasets.load_diabetes,
}


def scaled(est: Any) -> Any:
    return pipeline.make_pipeline(preprocessing.StandardScaler(), est)


SCALED = [
    linear_model.LogisticRegression(max_iter=300),
    linear_model.SGDClassifier(loss="log_loss", random_state=0),
    linear_model.Perceptron(random_state=0),
    linear_model.RidgeClassifier(),
    svm.LinearSVC(random_state=0),
    svm.SVC(),
    svm.SVC(kernel="poly", break_ties=True),
    svm.SVC(kernel="linear"),
    svm.SVC(kernel="sigmoid", decision_function_shape="ovo"),
    svm.NuSVC(nu=0.1),
    neural_network.MLPClassifier((16, 8), max_iter=30, random_state=0),
    neural_network.MLPClassifier((8,), activation="tanh", max_iter=30, random_state=0),
    neural_network.MLPClassifier((8,), activation="logistic", max_iter=30, random_state=0),
    naive_bayes.GaussianNB(),
    cluster.KMeans(5, n_init=1, random_state=0),
    cluster.MiniBatchKMeans(4, n_init=1, random_state=0),
    neighbors.KNeighborsClassifier(),
    neighbors.KNeighborsClassifier(3, weights="distance"),
    neighbors.NearestCentroid(),
    decomposition.PCA(3),
    decomposition.PCA(3, whiten=True),
    decomposition.TruncatedSVD(3),
    discriminant_analysis.LinearDiscriminantAnalysis(),
    discriminant_analysis.QuadraticDiscriminantAnalysis(reg_param=0.1),
    calibration.CalibratedClassifierCV(svm.LinearSVC(random_state=0)),
    multiclass.OneVsRestClassifier(svm.LinearSVC(random_state=0)),
    preprocessing.PolynomialFeatures(2),
    svm.OneClassSVM(),
]
RAW = [
    tree.DecisionTreeClassifier(random_state=0),
    tree.DecisionTreeClassifier(max_depth=3, random_state=0),
    tree.ExtraTreeClassifier(random_state=0),
    ensemble.RandomForestClassifier(10, random_state=0),
    ensemble.RandomForestClassifier(10, max_depth=3, random_state=0),
    ensemble.ExtraTreesClassifier(10, random_state=0),
    ensemble.GradientBoostingClassifier(n_estimators=8, random_state=0),
    ensemble.HistGradientBoostingClassifier(max_iter=8, random_state=0),
    ensemble.AdaBoostClassifier(n_estimators=8, random_state=0),
    ensemble.IsolationForest(n_estimators=20, max_features=3, random_state=0),
    naive_bayes.MultinomialNB(),
    naive_bayes.ComplementNB(),
    pipeline.make_pipeline(preprocessing.MinMaxScaler(clip=True), naive_bayes.BernoulliNB(binarize=0.37)),
    preprocessing.MinMaxScaler((-1, 2)),
    preprocessing.RobustScaler(),
    preprocessing.MaxAbsScaler(),
    preprocessing.Normalizer(),
    preprocessing.Normalizer("l1"),
    preprocessing.Normalizer("max"),
    preprocessing.KBinsDiscretizer(4, encode="onehot-dense", quantile_method="averaged_inverted_cdf"),
    preprocessing.KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf"),
    feature_selection.SelectKBest(k=3),
    pipeline.FeatureUnion(
        [("a", preprocessing.MaxAbsScaler()), ("b", decomposition.PCA(2))], transformer_weights={"b": 0.5}
    ),
    ensemble.VotingClassifier(
        [("a", naive_bayes.GaussianNB()), ("b", tree.DecisionTreeClassifier(max_depth=2))],
        voting="soft",
        weights=[1, 3],
    ),
    ensemble.VotingClassifier(
        [
            ("a", naive_bayes.GaussianNB()),
            ("b", tree.DecisionTreeClassifier(max_depth=2)),
            ("c", linear_model.RidgeClassifier()),
        ]
    ),
    model_selection.GridSearchCV(tree.DecisionTreeClassifier(random_state=0), {"max_depth": [2, 4]}),
]
REGRESSORS = [
    *map(
        scaled,
        (
            linear_model.LinearRegression(),
            linear_model.Ridge(),
            linear_model.Lasso(0.1),
            linear_model.SGDRegressor(random_state=0),
            svm.SVR(C=100),
            svm.LinearSVR(random_state=0),
            neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=50, random_state=0),
            neighbors.KNeighborsRegressor(weights="distance"),
        ),
    ),
    tree.DecisionTreeRegressor(random_state=0),
    ensemble.RandomForestRegressor(10, random_state=0),
    ensemble.ExtraTreesRegressor(10, random_state=0),
    ensemble.GradientBoostingRegressor(n_estimators=20, random_state=0),
    ensemble.HistGradientBoostingRegressor(max_iter=20),
    ensemble.HistGradientBoostingRegressor(max_iter=20, loss="poisson"),
    ensemble.VotingRegressor([("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=3))]),
]
MODELS = [
    *((d, scaled(e)) for d in ("iris", "cancer", "wine") for e in SCALED),
    *(("digits", scaled(e)) for e in (svm.SVC(), neighbors.KNeighborsClassifier(), linear_model.LogisticRegression())),
    *((d, e) for d in ("iris", "cancer", "wine", "digits") for e in RAW),
    ("wine", scaled(mixture.GaussianMixture(3, random_state=0))),
    ("iris", mixture.GaussianMixture(2, covariance_type="diag", random_state=0)),
    *(("diabetes", e) for e in REGRESSORS),
]


def name_of(model: tuple[str, Any]) -> str:
    return f"{model[0]}-{type(getattr(model[1], 'steps', [('', model[1])])[-1][1]).__name__}"


def fitted(est: Any, data: str) -> tuple[Any, np.ndarray]:
    """A copy of the estimator, fitted, and 40 of the samples."""
    x, y = DATA[data](return_X_y=True)
    x = x.astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        est = sklearn.base.clone(est).fit(x, y)
    return est, x[np.random.default_rng(0).choice(len(x), 40, replace=False)]


def compare(est: Any, x: np.ndarray, call: Any, functions: list[str]) -> None:
    for f in functions:
        want = getattr(est, f)(x)
        want = np.asarray(want.toarray() if hasattr(want, "toarray") else want)
        got = np.array([np.reshape(call(f, row[None]), want.shape[1:]) for row in x])
        if got.dtype.kind == "i":
            assert np.array_equal(got, want), f"{f}: {got[got != want]} instead of {want[got != want]}"
        else:
            assert np.abs(got - want).max() <= TOLERANCE * max(1, np.abs(want).max()), f


@pytest.mark.parametrize(("data", "est"), MODELS, ids=map(name_of, MODELS))
def test_equals_sklearn(data: str, est: Any) -> None:
    """Decisions are equal; numbers agree within `TOLERANCE`."""
    est, x = fitted(est, data)
    program = convert(est)
    machine = Interpreter(program)
    compare(est, x, lambda f, row: machine.call(f, row)[0], [f.name for f in program.public()])


def test_every_reader_is_tested() -> None:
    """A family without a case here would be a claim nobody checked."""
    seen: set[str] = set()

    def walk(e: Any) -> None:
        seen.add(type(e).__name__)
        for v in [*getattr(e, "steps", ()), *getattr(e, "estimators", ()), *getattr(e, "transformer_list", ())]:
            walk(v[1])

    for _, e in MODELS:
        walk(e)
    alike = {"IncrementalPCA", "ColumnTransformer", "NuSVR", "ExtraTreeRegressor", "LogisticRegressionCV", "Binarizer"}
    linear = {n for n, r in readers().items() if r.__name__ in ("regressor", "plain", "selected", "best")}
    encoders = {"OneHotEncoder", "OrdinalEncoder", "SimpleImputer"}  # below
    piped = {"FunctionTransformer", "PowerTransformer", "SelectFromModel", "TransformedTargetRegressor"}
    elsewhere = piped | {"LabelBinarizer", "LabelEncoder"}  # test_sklearn_pipelines.py
    assert set(readers()) - seen <= alike | linear | encoders | elsewhere


ON_BOARDS = [
    ("iris", ensemble.RandomForestClassifier(10, random_state=0)),
    ("wine", ensemble.HistGradientBoostingClassifier(max_iter=4, random_state=0)),
    ("iris", scaled(svm.SVC())),
    ("iris", scaled(neural_network.MLPClassifier((8,), max_iter=30, random_state=0))),
    ("iris", naive_bayes.GaussianNB()),
    ("diabetes", ensemble.GradientBoostingRegressor(n_estimators=5, max_depth=2, random_state=0)),
]


@pytest.mark.parametrize("board", ["host", "nano33ble", "pico", "uno"])
@pytest.mark.parametrize(("data", "est"), ON_BOARDS, ids=map(name_of, ON_BOARDS))
def test_on_boards(data: str, est: Any, board: str) -> None:
    """The compiled C gives what scikit-learn gives, in Python: `pz.compile(estimator, board=...)`."""
    from picozoo import emulate

    est, x = fitted(est, data)
    fw = pz.compile(est, board=board)
    if reason := emulate.available(fw.board):
        pytest.skip(reason)
    with fw.session() as s:
        compare(est, x[:12], lambda f, row: s.call(f, row)[0], list(fw.model.entries))


def test_preparation_travels_along() -> None:
    """Missing values, one-hot and ordinal codes, scaling, columns of their own, and what is unknown."""
    rng = np.random.default_rng(3)
    x = np.column_stack([rng.normal(5, 2, (200, 2)), rng.integers(0, 4, 200), rng.choice([10, 20, 35], 200)])
    x = x.astype(np.float32)
    y = (x[:, 0] + x[:, 2] > 6).astype(int) + 3
    holes = x.copy()
    holes[rng.random(200) < 0.2, 0] = np.nan
    est = pipeline.make_pipeline(
        compose.ColumnTransformer(
            [
                ("numbers", pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()), [0, 1]),
                ("kinds", preprocessing.OneHotEncoder(handle_unknown="ignore", drop=None), [2]),
                (
                    "codes",
                    preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
                    slice(3, 4),
                ),
            ],
            remainder="passthrough",
        ),
        linear_model.LogisticRegression(),
    ).fit(holes, y)
    probe = np.vstack([holes[:30], [[5, 5, 9, 20], [5, 5, 1, 99], [np.nan, 1, 2, 10]]]).astype(np.float32)
    program = convert(est)
    machine = Interpreter(program)
    compare(est, probe, lambda f, row: machine.call(f, row)[0], ["predict", "predict_proba", "decision_function"])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(2, 4), st.integers(1, 7))
def test_random_forests_take_the_same_branches(seed: int, depth: int, classes: int, trees: int) -> None:
    """Also on the very thresholds, and on the floats beside them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (60, 3)).astype(np.float32)
    y = rng.integers(0, classes, 60)
    y[:classes] = np.arange(classes)
    est = ensemble.RandomForestClassifier(trees, max_depth=depth, random_state=seed % 1000).fit(x, y)
    limits = np.concatenate([e.tree_.threshold[e.tree_.feature >= 0] for e in est.estimators_] or [np.zeros(1)])
    near = np.array([f(np.float32(t)) for t in limits for f in (np.float32, lambda v: np.nextafter(v, np.float32(9)))])
    near = np.concatenate([near, np.nextafter(near, np.float32(-9))]) if len(near) else np.zeros(3, np.float32)
    probe = np.vstack([x, rng.choice(near, (60, 3))]).astype(np.float32)
    machine = Interpreter(convert(est))
    for k, row in enumerate(probe):
        # probabilities are of leaves: equal only if every tree went the same way (or to an equal leaf)
        assert np.allclose(
            machine.call("predict_proba", row[None])[0][0], est.predict_proba(probe[k : k + 1])[0], atol=1e-6
        )


@pytest.mark.parametrize(("labels", "want"), [([7, 3, 7, 3], [7, 3, 7, 3]), (["no", "yes", "no", "yes"], [0, 1, 0, 1])])
def test_labels(labels: list[Any], want: list[int]) -> None:
    x = np.array([[0.0], [1.0], [0.1], [1.1]], np.float32)
    program = convert(tree.DecisionTreeClassifier().fit(x, np.array(labels)))
    assert [int(Interpreter(program).call("predict", row[None])[0][0]) for row in x] == want
    assert program.meta.get("classes") == ("no, yes" if "no" in labels else None)


def test_missing_values_go_where_training_sent_them() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4)).astype(np.float32)
    x[rng.random(x.shape) < 0.2] = np.nan
    y = (np.nan_to_num(x[:, 0], nan=2.0) > 0.5).astype(int)
    est = ensemble.HistGradientBoostingClassifier(max_iter=5).fit(x, y)
    fw = pz.compile(est, board="pico")
    with fw.session() as s:
        compare(est, x[:40], lambda f, row: s.call(f, row)[0], ["predict", "predict_proba"])


# -- files ------------------------------------------------------------------------------------------------------------
class Trap:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


def test_pickles_are_not_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mark = tmp_path / "mark"
    for suffix in (".pkl", ".pickle", ".joblib"):
        path = tmp_path / f"model{suffix}"
        path.write_bytes(pickle.dumps(Trap(mark)))
        assert main(["run", str(path), "-b", "host"]) == 2
        assert "--trust-pickle" in capsys.readouterr().err
        with pytest.raises(UsageError, match=r"skops\.io\.dump"):
            pz.load(path)
    assert not mark.exists()
    assert main(["run", str(path), "-b", "host", "--trust-pickle"]) == 1
    assert mark.exists()


def test_trusted_pickle(tmp_path: Path) -> None:
    est, x = fitted(tree.DecisionTreeClassifier(max_depth=2), "iris")
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(est))
    net = pz.load(tmp_path / "m.pkl", trust_pickle=True)
    assert Interpreter(net.program).call("predict", x[:1])[0] == est.predict(x[:1])


@pytest.mark.parametrize("est", [*RAW[:10], *map(scaled, SCALED[:14])], ids=lambda e: name_of(("", e)))
def test_skops_files(est: Any, tmp_path: Path) -> None:
    """What skops writes is read back as the same program."""
    skops_io = pytest.importorskip("skops.io")
    est, _ = fitted(est, "iris")
    skops_io.dump(est, tmp_path / "m.skops")
    program = pz.load(tmp_path / "m.skops").program
    direct = convert(est, name="m")
    assert list(program.constants) == list(direct.constants)
    assert all(np.array_equal(a, direct.constants[k]) for k, a in program.constants.items())


def test_foreign_types_are_named(tmp_path: Path) -> None:
    skops_io = pytest.importorskip("skops.io")
    est, _ = fitted(tree.DecisionTreeClassifier(max_depth=2), "iris")
    est.extra = Path("x")
    est.other = random.Random
    skops_io.dump(est, tmp_path / "m.skops")
    with pytest.raises(Unsupported, match=r"random\.Random"):
        pz.load(tmp_path / "m.skops")


def test_run_and_quantise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a file to integers on a board, with the preparation."""
    skops_io = pytest.importorskip("skops.io")
    est, x = fitted(scaled(neural_network.MLPClassifier((16,), max_iter=200, random_state=0)), "iris")
    skops_io.dump(est, tmp_path / "m.skops")
    np.save(tmp_path / "x.npy", x[:1])
    np.save(tmp_path / "all.npy", x)
    words = ["run", str(tmp_path / "m.skops"), "-b", "nano33ble", "--input", str(tmp_path / "x.npy"), "--json"]
    for more in ([], ["--int8", "--calibrate", str(tmp_path / "all.npy")]):
        capsys.readouterr()
        assert main([*words, *more]) == 0
        (found,) = json.loads(capsys.readouterr().out)
        assert found["outputs"][0]["values"] == est.predict(x[:1]).tolist()
    assert found["precision"] == "int8"
    fw = pz.compile(est, board="host", calibrate=x)
    assert {n.op for n in fw.program.functions["predict"].nodes} >= {"linear", "argmax"}
    linear = [n for n in fw.program.functions["predict"].nodes if n.op == "linear"]
    assert all(fw.program.type_of(fw.program.functions["predict"], n.inputs[0]).dtype == "i8" for n in linear)


@pytest.mark.parametrize(
    ("est", "error", "told"),
    [
        (linear_model.Ridge(), UsageError, "not fitted"),
        (ensemble.RandomForestClassifier(), UsageError, "not fitted"),
        (
            pipeline.make_pipeline(preprocessing.SplineTransformer(), linear_model.Ridge()),
            Unsupported,
            "SplineTransformer",
        ),
        (svm.SVC(kernel="precomputed"), PicozooError, "SVC"),
    ],
)
def test_what_cannot_be_read(est: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        convert(est)
