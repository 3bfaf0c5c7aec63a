"""Classical models in ONNX files (`ai.onnx.ml`): trees, linear models, support vectors, scalers equal ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo.cli.show import _travels
from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._onnx_trees import _below
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Program

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper  # noqa: E402

from picozoo.frontend import onnx as importer  # noqa: E402

ROWS, FEATURES = 24, 4


def model(nodes: Sequence[Any], outputs: Sequence[str], x: np.ndarray, ml: int = 3) -> bytes:
    """A file of these nodes over the rows `x`."""
    given = helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
    graph = helper.make_graph(list(nodes), "g", [given], [helper.make_empty_tensor_value_info(o) for o in outputs])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", ml)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def node(kind: str, outputs: Sequence[str] = ("y",), inputs: Sequence[str] = ("x",), **attributes: Any) -> Any:
    return helper.make_node(kind, list(inputs), list(outputs), domain="ai.onnx.ml", **attributes)


def both(data: bytes, x: np.ndarray) -> tuple[list[np.ndarray], list[Any], Program]:
    """What the interpreter and ONNX Runtime give for x."""
    program = importer.from_bytes(data, "case")
    want = ort.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    return Interpreter(program).call("forward", x), want, program


def equal(data: bytes, x: np.ndarray, tolerance: float = 1e-5) -> Program:
    got, want, program = both(data, x)
    for g, w in zip(got, want, strict=True):
        assert g.shape == w.shape
        if w.dtype.kind == "f":
            np.testing.assert_allclose(g, w, rtol=tolerance, atol=tolerance)
        else:
            assert g.tolist() == w.tolist()
    return program


def samples(seed: int = 0, *, nan: bool = True) -> np.ndarray:
    """Rows whose numbers often equal the trees' thresholds; some are NaN."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-4, 5, (ROWS, FEATURES)) / np.float32(4)
    x[rng.random(x.shape) < (0.1 if nan else 0)] = np.nan
    return x.astype(np.float32)


def forest(
    seed: int, modes: Sequence[str], what: str, width: int, *, trees: int = 5, low: float = -1.0
) -> dict[str, Any]:
    """Attributes of random trees of depth 3; `what` is "class" or "target"."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[Any]] = {
        f"nodes_{k}": []
        for k in ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids",
                  "missing_value_tracks_true")
    } | {f"{what}_{k}": [] for k in ("treeids", "nodeids", "ids", "weights")}  # fmt: skip
    for tree in range(trees):
        for k in range(15):  # a heap: the children of k are 2k + 1 and 2k + 2
            leaf = k >= 7
            row = (tree, k, int(rng.integers(FEATURES)), "LEAF" if leaf else str(rng.choice(list(modes))),
                   float(rng.integers(-4, 5) / 4), 0 if leaf else 2 * k + 1, 0 if leaf else 2 * k + 2,
                   int(rng.integers(2)))  # fmt: skip
            for name, v in zip(list(found)[:8], row, strict=True):
                found[name].append(v)
            for target in rng.permutation(width)[: max(1, width - 1)] if leaf else ():
                for name, w in zip(list(found)[8:], (tree, k, int(target), float(rng.uniform(low, 1))), strict=True):
                    found[name].append(w)
    return found


ALL = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")


@pytest.mark.parametrize("modes", [[m] for m in ALL] + [list(ALL)], ids=lambda m: m[0][7:] if len(m) == 1 else "mixed")
def test_questions_of_trees(modes: list[str]) -> None:
    """Every kind of question, numbers that equal the threshold, and NaN, which goes the way the node says."""
    x = samples()
    equal(model([node("TreeEnsembleRegressor", **forest(1, modes, "target", 2), n_targets=2)], ["y"], x), x)


@pytest.mark.parametrize("how", ["SUM", "AVERAGE", "MIN", "MAX"])
def test_aggregates_of_trees(how: str) -> None:
    x, a = samples(), forest(2, ALL[:1], "target", 1)
    made = node("TreeEnsembleRegressor", **a, n_targets=1, aggregate_function=how, base_values=[0.25])
    equal(model([made], ["y"], x), x)


@pytest.mark.parametrize("post", ["NONE", "LOGISTIC", "SOFTMAX"])
@pytest.mark.parametrize("base", [[], [0.5, -0.25, 0.125]])
def test_tree_classifier(post: str, base: list[float]) -> None:
    x, a = samples(), forest(3, ALL[:1], "class", 3)
    extra = {"base_values": base} if base else {}
    made = node("TreeEnsembleClassifier", ["l", "y"], **a, classlabels_int64s=[7, 3, 5], post_transform=post, **extra)
    equal(model([made], ["l", "y"], x), x)


@pytest.mark.parametrize("low", [0.0, -1.0])
@pytest.mark.parametrize(("base", "post"), [([], "NONE"), ([-0.5], "NONE"), ([-0.5], "LOGISTIC")])
def test_tree_classifier_of_one_score_for_two_classes(low: float, base: list[float], post: str) -> None:
    """Weights that are never negative are shares of the second class; others are above or below zero."""
    x, a = samples(), forest(4, ALL[:1], "class", 1, low=low, trees=2)
    extra = {"base_values": base} if base else {}
    made = node("TreeEnsembleClassifier", ["l", "y"], **a, classlabels_int64s=[4, 9], post_transform=post, **extra)
    equal(model([made], ["l", "y"], x), x)


def ensemble(seed: int, targets: int, **more: Any) -> dict[str, Any]:
    """Attributes of TreeEnsemble (version 5), random, with questions of membership."""
    rng, n = np.random.default_rng(seed), 7
    modes = rng.integers(0, 7, 2 * n)
    sets: list[float] = []
    for _ in range(int((modes == 6).sum())):
        sets += [*rng.choice(np.arange(-4.0, 5), int(rng.integers(1, 6)), replace=False).tolist(), float("nan")]
    lists: dict[str, list[int]] = {k: [] for k in ("truenodeids", "trueleafs", "falsenodeids", "falseleafs")}
    for k in range(2 * n):
        at, tree = k % n, k // n
        for side, to in (("true", 2 * at + 1), ("false", 2 * at + 2)):
            lists[f"{side}leafs"].append(int(to >= n))
            lists[f"{side}nodeids"].append(to + tree * n if to < n else to - n + tree * (n + 1))

    def tensor(name: str, values: Any, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor(name, kind, [len(values)], values)

    return {
        **{f"nodes_{k}": v for k, v in lists.items()},
        "nodes_featureids": rng.integers(0, FEATURES, 2 * n).tolist(),
        "nodes_modes": tensor("modes", modes.astype(np.uint8), TensorProto.UINT8),
        "nodes_splits": tensor("splits", rng.integers(-4, 5, 2 * n).astype(float).tolist()),
        "nodes_missing_value_tracks_true": rng.integers(0, 2, 2 * n).tolist(),
        "membership_values": tensor("sets", sets),
        "leaf_targetids": rng.integers(0, targets, 2 * (n + 1)).tolist(),
        "leaf_weights": tensor("weights", rng.uniform(-1, 1, 2 * (n + 1)).tolist()),
        "tree_roots": [0, n],
        "n_targets": targets,
        **more,
    }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("targets", "how"), [(2, 1), (3, 0), (1, 3), (1, 2)])
def test_tree_ensemble(seed: int, targets: int, how: int) -> None:
    """Shared lists of nodes and leaves, membership in sets, mean, sum, least, largest."""
    x = samples(seed, nan=False) * 4  # ONNX Runtime has sets of whole numbers only
    made = node("TreeEnsemble", **ensemble(seed, targets, aggregate_function=how))
    equal(model([made], ["y"], x, 5), x)


def test_trees_run_on_a_board(tmp_path: Any) -> None:
    x, a = samples(nan=False), forest(3, ALL, "class", 3)
    made = node("TreeEnsembleClassifier", ["l", "y"], **a, classlabels_strings=["cat", "dog", "owl"])
    path = tmp_path / "trees.onnx"
    path.write_bytes(model([made], ["l", "y"], x[:1]))
    firmware = pz.compile(path, board="pico")
    assert firmware.program.meta["classes"] == "cat, dog, owl"
    session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    with firmware.session() as s:
        for row in x[:6]:
            label, scores = s.call("forward", row[None])
            want = session.run(None, {"x": row[None]})
            assert ["cat", "dog", "owl"][int(label[0])] == want[0][0]
            np.testing.assert_allclose(scores, want[1], atol=1e-6)


def test_the_largest_float_below() -> None:
    assert _below(0.1) < 0.1 and np.float32(_below(0.1)) == np.float32(_below(0.1))
    assert _below(0.5) == np.nextafter(np.float32(0.5), np.float32(0))
    assert -1e-44 < _below(0.0) < 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"nodes_truenodeids": [99] * 75}, "node 0 of tree 0"),
        ({"nodes_truenodeids": [0] * 75}, "round in a circle"),
        ({"nodes_featureids": [99] * 75}, "not there"),
        ({"nodes_values": [float("nan")] * 75}, "compares with"),
        ({"nodes_modes": ["LEAF"]}, "not of one length"),
        ({"target_ids": [3] * 40}, "target 3"),
        ({"n_targets": 1 << 20}, "1048576 targets"),
    ],
)
def test_damaged_trees(change: dict[str, Any], told: str) -> None:
    a = {**forest(1, ALL, "target", 1), "n_targets": 1, **change}
    with pytest.raises(BadFile, match=told):
        importer.from_bytes(model([node("TreeEnsembleRegressor", **a)], ["y"], samples()), "case")


# -- linear models and support vectors --------------------------------------------------------------------------------
@pytest.mark.parametrize("post", ["NONE", "LOGISTIC", "SOFTMAX"])
@pytest.mark.parametrize("classes", [2, 3])
def test_linear_classifier(post: str, classes: int) -> None:
    x, rng = samples(nan=False), np.random.default_rng(5)
    a = {"coefficients": rng.normal(size=classes * FEATURES).tolist(), "intercepts": rng.normal(size=classes).tolist()}
    labels = [5, 2, 8][:classes]
    made = node("LinearClassifier", ["l", "y"], **a, classlabels_ints=labels, post_transform=post)
    equal(model([made], ["l", "y"], x), x)


@pytest.mark.parametrize("post", ["NONE", "LOGISTIC"])
def test_linear_classifier_of_one_score(post: str) -> None:
    x = samples(nan=False)
    a = {"coefficients": [0.5, -1.0, 0.25, 0.75], "intercepts": [0.1], "classlabels_ints": [5, 2]}
    equal(model([node("LinearClassifier", ["l", "y"], **a, post_transform=post)], ["l", "y"], x), x)


def test_linear_regressor() -> None:
    x = samples(nan=False)
    a = {"coefficients": np.arange(8.0).tolist(), "intercepts": [0.5, -0.5], "targets": 2}
    equal(model([node("LinearRegressor", **a)], ["y"], x), x)


@pytest.mark.parametrize("kernel", ["LINEAR", "RBF", "POLY", "SIGMOID"])
@pytest.mark.parametrize("counts", [[3, 4], [2, 3, 4]])
def test_svm_classifier(kernel: str, counts: list[int]) -> None:
    x, rng, n, k = samples(nan=False), np.random.default_rng(6), sum(counts), len(counts)
    made = node(
        "SVMClassifier",
        ["l", "y"],
        kernel_type=kernel,
        kernel_params=[0.3, 0.2, 3.0],
        support_vectors=rng.normal(size=n * FEATURES).tolist(),
        coefficients=rng.normal(size=(k - 1) * n).tolist(),
        rho=rng.normal(size=k * (k - 1) // 2).tolist(),
        vectors_per_class=counts,
        classlabels_ints=[5, 2, 8][:k],
    )
    equal(model([made], ["l", "y"], x), x)


@pytest.mark.parametrize("one_class", [0, 1])
def test_svm_regressor(one_class: int) -> None:
    x, rng = samples(nan=False), np.random.default_rng(7)
    made = node(
        "SVMRegressor",
        kernel_type="RBF",
        kernel_params=[0.3, 0.0, 3.0],
        support_vectors=rng.normal(size=6 * FEATURES).tolist(),
        coefficients=rng.normal(size=6).tolist(),
        rho=[-0.1],
        n_supports=6,
        one_class=one_class,
    )
    equal(model([made], ["y"], x), x)


# -- before and behind ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("norm", ["MAX", "L1", "L2"])
def test_normalizer(norm: str) -> None:
    x = np.abs(samples(nan=False))
    x[3] = 0
    equal(model([node("Normalizer", norm=norm)], ["y"], x), x)


@pytest.mark.parametrize("gone", [float("nan"), 0.5])
@pytest.mark.parametrize("values", [[2.0], [1.0, 2.0, 3.0, 4.0]])
def test_imputer(gone: float, values: list[float]) -> None:
    x = samples()
    equal(model([node("Imputer", imputed_value_floats=values, replaced_value_float=gone)], ["y"], x), x)


def test_one_hot_encoder() -> None:
    x = np.array([[1], [3], [9], [7]], np.int64)
    equal(model([node("OneHotEncoder", cats_int64s=[1, 3, 7], zeros=1)], ["y"], x), x)


def test_pipeline_with_names_and_maps() -> None:
    """Columns side by side, scaled, classified by name; ZipMap's maps are the columns in the order of the names."""
    x = samples(nan=False)
    names = ["ant", "bee"]
    classifier = node("LinearClassifier", ["l", "p"], ["s"], coefficients=[0.5] * 8 + [-0.25] * 8,
                      intercepts=[0.0, 0.1], classlabels_strings=names, post_transform="SOFTMAX")  # fmt: skip
    nodes = [
        node("FeatureVectorizer", ["f"], ["x", "x"], inputdimensions=[FEATURES, FEATURES]),
        node("Scaler", ["s"], ["f"], offset=[0.5] * 8, scale=[2.0] * 8),
        classifier,
        node("ZipMap", ["z"], ["p"], classlabels_strings=names),
    ]
    got, want, program = both(model(nodes, ["l", "z"], x), x)
    assert program.meta["classes"] == "ant, bee"
    assert [names[k] for k in got[0]] == want[0].tolist()
    np.testing.assert_allclose(got[1], [[row[n] for n in names] for row in want[1]], atol=1e-6)


def test_names_picked_by_number() -> None:
    names = helper.make_tensor("names", TensorProto.STRING, [3], [b"ant", b"bee", b"cow"])
    x = samples(nan=False)
    nodes = [
        helper.make_node("Constant", [], ["names"], value=names),
        helper.make_node("ArgMax", ["x"], ["k"], axis=1, keepdims=0),
        node("ArrayFeatureExtractor", ["y"], ["names", "k"]),
    ]
    graph = onnx.load_model_from_string(model(nodes[1:], ["y"], x[:, :3]))
    graph.graph.initializer.append(names)
    got, want, program = both(graph.SerializeToString(), x[:, :3])
    assert _travels(program.meta) == [("gives", "3 labels: ant, bee, cow")]
    assert [["ant", "bee", "cow"][k] for k in got[0].reshape(-1)] == want[0].reshape(-1).tolist()


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (node("TreeEnsembleRegressor", **forest(1, ALL, "target", 2), n_targets=2, aggregate_function="MAX"), "MAX of"),
        (node("LinearRegressor", coefficients=[1.0] * 4, post_transform="PROBIT"), "PROBIT of 1 scores"),
        (node("OneHotEncoder", cats_strings=["a"]), "categories that are strings"),
        (node("DictVectorizer", int64_vocabulary=[1]), "DictVectorizer"),
    ],
)
def test_what_is_refused_is_named(made: Any, told: str) -> None:
    with pytest.raises(Unsupported, match=told):
        importer.from_bytes(model([made], ["y"], samples()), "case")


@pytest.mark.parametrize("keys", [[3, 5, 3, -2], [1, 100000, 7]], ids=["table", "compared"])
def test_label_encoder(keys: list[int]) -> None:
    """Whole numbers close together are looked up; the first of equal keys counts, what has no key gets the default."""
    x = np.array([[3, 5, -2], [4, -9, 1], [100000, 7, 2**40]], np.int64)
    values = [0.5, 1.5, 2.5, 3.5][: len(keys)]
    made = node("LabelEncoder", keys_int64s=keys, values_floats=values, default_float=-7.0)
    equal(model([made], ["y"], x), x)
