"""The round trip scikit-learn, ONNX, picozoo: what skl2onnx writes gives what ONNX Runtime gives for the same file."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo.errors import Unsupported
from picozoo.ir.interp import Interpreter

skl2onnx = pytest.importorskip("skl2onnx", reason="needs skl2onnx (pip install skl2onnx)")
ort = pytest.importorskip("onnxruntime")

from sklearn import (  # noqa: E402
    base,
    calibration,
    cluster,
    compose,
    datasets,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_selection,
    gaussian_process,
    impute,
    linear_model,
    mixture,
    model_selection,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)

from picozoo.frontend import onnx as importer  # noqa: E402

make_node = skl2onnx.common._container.make_node

ROWS = 24
# Of floats, relative to their own size, and a tenth of that to the largest or 1: sums of 100 terms of a sigmoid SVC
# that come to 0.01 differ by 6e-6, from float64 as much. Labels are equal.
TOLERANCE = 1e-4

IRIS = datasets.load_iris(return_X_y=True)
TWO = (IRIS[0][:100], IRIS[1][:100])
SUGAR = tuple(a[:120] for a in datasets.load_diabetes(return_X_y=True))
COUNTS = (np.round(IRIS[0] * 3), IRIS[1])


def _make_node(*args: Any, **attrs: Any) -> Any:
    """skl2onnx 1.19 has truth values in lists of whole numbers, which protobuf from 6 on refuses."""
    truth = (bool, np.bool_)
    plain = {
        k: [int(n) if isinstance(n, truth) else n for n in v] if isinstance(v, list) else v for k, v in attrs.items()
    }
    return make_node(*args, **plain)


skl2onnx.common._container.make_node = _make_node


def piped(*steps: Any) -> Any:
    return pipeline.make_pipeline(*steps)


std = preprocessing.StandardScaler
CLASSIFIERS = [
    linear_model.LogisticRegression(max_iter=200),
    linear_model.LogisticRegressionCV(cv=2, max_iter=200, use_legacy_attributes=False, l1_ratios=(0,)),
    linear_model.RidgeClassifier(),
    linear_model.SGDClassifier(loss="log_loss", random_state=0),
    linear_model.SGDClassifier(loss="modified_huber", random_state=0),
    linear_model.Perceptron(random_state=0),
    discriminant_analysis.LinearDiscriminantAnalysis(),
    discriminant_analysis.QuadraticDiscriminantAnalysis(),
    naive_bayes.GaussianNB(),
    naive_bayes.BernoulliNB(binarize=2.0),
    naive_bayes.MultinomialNB(),
    naive_bayes.ComplementNB(),
    neighbors.KNeighborsClassifier(3),
    neighbors.KNeighborsClassifier(3, weights="distance"),
    tree.DecisionTreeClassifier(max_depth=4, random_state=0),
    tree.ExtraTreeClassifier(max_depth=4, random_state=0),
    ensemble.RandomForestClassifier(8, max_depth=4, random_state=0),
    ensemble.ExtraTreesClassifier(8, max_depth=4, random_state=0),
    ensemble.GradientBoostingClassifier(n_estimators=6, random_state=0),
    ensemble.HistGradientBoostingClassifier(max_iter=6, random_state=0),
    ensemble.BaggingClassifier(n_estimators=4, random_state=0),
    ensemble.VotingClassifier(
        [("a", linear_model.LogisticRegression(max_iter=200)), ("b", naive_bayes.GaussianNB())],
        voting="soft",
        flatten_transform=False,
    ),
    ensemble.StackingClassifier(
        [("a", tree.DecisionTreeClassifier(max_depth=3)), ("b", naive_bayes.GaussianNB())],
        linear_model.LogisticRegression(max_iter=200),
        cv=2,
    ),
    svm.LinearSVC(random_state=0),
    svm.SVC(),
    svm.SVC(kernel="linear"),
    svm.SVC(kernel="poly"),
    svm.SVC(kernel="sigmoid"),
    svm.NuSVC(nu=0.2),
    neural_network.MLPClassifier((8,), max_iter=60, random_state=0),
    neural_network.MLPClassifier((6, 5), activation="tanh", max_iter=60, random_state=0),
    multiclass.OneVsRestClassifier(linear_model.LogisticRegression()),
    multiclass.OneVsOneClassifier(linear_model.LogisticRegression()),
    calibration.CalibratedClassifierCV(linear_model.LogisticRegression(), cv=2),
    piped(std(), linear_model.LogisticRegression()),
    piped(preprocessing.MinMaxScaler(), decomposition.PCA(2), svm.SVC()),
    piped(preprocessing.PolynomialFeatures(2), linear_model.LogisticRegression(max_iter=500)),
    piped(feature_selection.SelectKBest(k=2), neural_network.MLPClassifier((5,), max_iter=60, random_state=0)),
    piped(impute.SimpleImputer(), ensemble.RandomForestClassifier(4, max_depth=3, random_state=0)),
    piped(
        compose.ColumnTransformer(
            [("a", std(), [0, 1]), ("b", preprocessing.KBinsDiscretizer(3, encode="onehot-dense"), [2, 3])]
        ),
        linear_model.LogisticRegression(),
    ),
    model_selection.GridSearchCV(tree.DecisionTreeClassifier(random_state=0), {"max_depth": [2, 3]}, cv=2),
]
REGRESSORS = [
    linear_model.LinearRegression(),
    linear_model.Ridge(),
    linear_model.Lasso(),
    linear_model.ElasticNet(),
    linear_model.BayesianRidge(),
    linear_model.HuberRegressor(max_iter=300),
    linear_model.PoissonRegressor(),
    linear_model.SGDRegressor(random_state=0),
    neighbors.KNeighborsRegressor(3),
    tree.DecisionTreeRegressor(max_depth=4, random_state=0),
    ensemble.RandomForestRegressor(6, max_depth=4, random_state=0),
    ensemble.ExtraTreesRegressor(6, max_depth=4, random_state=0),
    ensemble.GradientBoostingRegressor(n_estimators=8, random_state=0),
    ensemble.HistGradientBoostingRegressor(max_iter=8, random_state=0),
    ensemble.AdaBoostRegressor(n_estimators=4, random_state=0),
    ensemble.BaggingRegressor(n_estimators=4, random_state=0),
    svm.SVR(),
    svm.NuSVR(),
    svm.LinearSVR(random_state=0),
    neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=60, random_state=0),
    gaussian_process.GaussianProcessRegressor(),
    multioutput.MultiOutputRegressor(linear_model.Ridge()),
    piped(preprocessing.RobustScaler(), decomposition.PCA(4), linear_model.Ridge()),
    piped(preprocessing.MaxAbsScaler(), svm.SVR()),
]
OTHERS = [
    cluster.KMeans(3, n_init=1, random_state=0),
    cluster.MiniBatchKMeans(3, n_init=1, random_state=0),
    mixture.GaussianMixture(3, random_state=0),
    ensemble.IsolationForest(n_estimators=5, random_state=0),
    svm.OneClassSVM(),
    neighbors.LocalOutlierFactor(novelty=True),
    decomposition.PCA(2),
    decomposition.TruncatedSVD(2),
    decomposition.KernelPCA(2, kernel="rbf"),
    preprocessing.StandardScaler(),
    preprocessing.Normalizer(),
    preprocessing.Binarizer(threshold=2),
    preprocessing.PowerTransformer(),
    preprocessing.KBinsDiscretizer(3, encode="ordinal"),
    preprocessing.OneHotEncoder(handle_unknown="ignore"),
    preprocessing.OrdinalEncoder(),
]


DATA = {"iris": IRIS, "two": TWO, "sugar": SUGAR, "counts": COUNTS}
OPSETS = {"": 18, "ai.onnx.ml": 3}


def cases() -> list[Any]:
    found = []
    for est in CLASSIFIERS:
        counted = isinstance(est, naive_bayes.MultinomialNB | naive_bayes.ComplementNB)
        for data in ("counts",) if counted else ("iris", "two"):
            found.append(pytest.param(est, data, id=f"{name(est)}-{data}"))
    found += [pytest.param(e, "sugar", id=name(e)) for e in REGRESSORS]
    return found + [pytest.param(e, "counts", id=name(e)) for e in OTHERS]


def name(est: Any) -> str:
    """An estimator in a few words."""
    if isinstance(est, pipeline.Pipeline):
        return "-".join(type(s).__name__ for _, s in est.steps)
    return "".join(str(est).split())[:60]


def exported(est: Any, data: str, **options: Any) -> tuple[bytes, np.ndarray]:
    """The file of a fitted estimator, and some rows to try it on."""
    x, y = DATA[data]
    if isinstance(est, multioutput.MultiOutputRegressor):
        y = np.stack([y, x[:, 0] - y], 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = base.clone(est).fit(x.astype(np.float32), y)
        rows = np.random.default_rng(0).permutation(len(x))[:ROWS]
        made = skl2onnx.to_onnx(fitted, x[:1].astype(np.float32), target_opset=OPSETS, **options)
    return made.SerializeToString(), x[rows].astype(np.float32)


def runtime(data: bytes, x: np.ndarray) -> list[np.ndarray]:
    """What ONNX Runtime gives; dictionaries of probabilities as columns."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    found = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"]).run(None, {"X": x})
    return [np.array([[d[k] for k in sorted(d)] for d in v]) if isinstance(v, list) else v for v in found]


def assert_equal(got: list[np.ndarray], want: list[np.ndarray]) -> None:
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        if w.dtype.kind == "f":
            np.testing.assert_allclose(g.reshape(w.shape), w, TOLERANCE, TOLERANCE / 10 * max(1, np.abs(w).max()))
        else:
            np.testing.assert_array_equal(g.reshape(w.shape), w)


@pytest.mark.parametrize(("est", "data"), cases())
def test_equals_onnx_runtime(est: Any, data: str) -> None:
    model, x = exported(est, data)
    program = importer.from_bytes(model, "model", {"X": x.shape})
    assert_equal(Interpreter(program).call("forward", x), runtime(model, x))


@pytest.mark.parametrize("zipped", [True, False])
def test_one_sample_on_a_board(zipped: bool, tmp_path: Any) -> None:
    """Without a word on shapes: the batch is one. Names of classes are their places."""
    est = piped(std(), ensemble.RandomForestClassifier(5, max_depth=4, random_state=0))
    x, y = IRIS
    fitted = est.fit(x.astype(np.float32), np.array(["setosa", "versicolor", "virginica"])[y])
    made = skl2onnx.to_onnx(fitted, x[:1].astype(np.float32), target_opset=OPSETS, options={"zipmap": zipped})
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    firmware = pz.compile(tmp_path / "net.onnx", board="uno")
    assert "the batch of input 'X' [?, 4] open: it is 1" in firmware.network.assumed
    assert firmware.network.program.meta["classes"] == "setosa, versicolor, virginica"
    with firmware.session() as session:
        for k in (0, 70, 140):
            label, chances = session.call_real("forward", x[k : k + 1].astype(np.float32))
            want = runtime(made.SerializeToString(), x[k : k + 1].astype(np.float32))
            assert ["setosa", "versicolor", "virginica"][int(label.reshape(-1)[0])] == want[0][0]
            np.testing.assert_allclose(chances.reshape(-1), want[1].reshape(-1), atol=1e-6)


# -- what does not equal it, and why ------------------------------------------------------------------------------
def test_probabilities_of_a_support_vector_machine_are_near() -> None:
    """ONNX Runtime iterates as libsvm does and stops early; picozoo computes Platt's formula, which it approaches."""
    model, x = exported(svm.SVC(probability=True, random_state=0), "two")
    got = Interpreter(importer.from_bytes(model, "model", {"X": x.shape})).call("forward", x)
    want = runtime(model, x)
    np.testing.assert_array_equal(got[0].reshape(-1), want[0])
    assert 1e-5 < np.abs(got[1] - want[1]).max() < 0.004


def test_those_for_three_classes_are_refused() -> None:
    model, x = exported(svm.SVC(probability=True, random_state=0), "iris")
    with pytest.raises(Unsupported, match=r"SVMClassifier.*probabilit"):
        importer.from_bytes(model, "model", {"X": x.shape})
