"""Hostile `.skops` files: what skops and compiled classes would believe is checked before they see it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo.errors import BadFile, PicozooError, Unsupported

pytest.importorskip("sklearn")
skops_io = pytest.importorskip("skops.io")
from sklearn import compose, neighbors, preprocessing, tree  # noqa: E402

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [3.0, 1.0]])
Y = np.array([0, 0, 1, 1])


def saved(estimator: Any, folder: Path, edit: Callable[[str, bytes], bytes] = lambda name, part: part) -> Path:
    """A file of a fitted estimator, whose parts went through `edit`."""
    path = folder / "m.skops"
    data = skops_io.dumps(estimator.fit(X, Y))
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(path, "w") as new:
        for item in old.infolist():
            new.writestr(item.filename, edit(item.filename, old.read(item)))
    return path


def in_schema(change: Callable[[dict[str, Any]], None]) -> Callable[[str, bytes], bytes]:
    """Apply `change` to every node of the schema."""

    def edit(name: str, part: bytes) -> bytes:
        if name != "schema.json":
            return part
        schema = json.loads(part)
        todo = [schema]
        while todo:
            here = todo.pop()
            if isinstance(here, dict):
                change(here)
            todo += [v for v in (here.values() if isinstance(here, dict) else here) if isinstance(v, dict | list)]
        return json.dumps(schema).encode()

    return edit


def test_trees_are_not_made_by_compiled_code(tmp_path: Path) -> None:
    """scikit-learn's Tree allocates and copies what the file says: an absurd number of outputs ended the process."""

    def many(node: dict[str, Any]) -> None:
        if node.get("__loader__") == "TreeNode":
            node["__reduce__"]["args"]["content"][2]["content"] = str(2**40)

    program = pz.load(saved(tree.DecisionTreeClassifier(), tmp_path, in_schema(many))).program
    assert {n.op for n in program.main.nodes} >= {"trees"}


def test_a_tree_under_another_loader(tmp_path: Path) -> None:
    def plain(node: dict[str, Any]) -> None:
        if node.get("__loader__") == "TreeNode":
            node["__loader__"] = "ObjectNode"

    with pytest.raises(Unsupported, match=r"sklearn\.tree\._tree\.Tree"):
        pz.load(saved(tree.DecisionTreeClassifier(), tmp_path, in_schema(plain)))


def test_tables_of_a_tree_fit_together(tmp_path: Path) -> None:
    def shorter(name: str, part: bytes) -> bytes:
        if not name.endswith(".npy"):
            return part
        a, out = np.load(io.BytesIO(part)), io.BytesIO()
        np.save(out, a[:1] if a.ndim == 3 else a)
        return out.getvalue()

    with pytest.raises(PicozooError, match="values"):
        pz.load(saved(tree.DecisionTreeClassifier(), tmp_path, shorter))


@pytest.mark.parametrize("shape", ["(999999999,)", "(4294967295, 2)", "(-4,)"])
def test_arrays_hold_what_their_headers_say(shape: str, tmp_path: Path) -> None:
    """NumPy makes room for what the header says before it looks at the file."""

    def lie(name: str, part: bytes) -> bytes:
        out = io.BytesIO()
        if name.endswith(".npy"):
            np.lib.format.write_array_header_1_0(out, {"descr": "<f8", "fortran_order": False, "shape": (4,)})
            head = out.getvalue().replace(b"(4,)", shape.encode()).rstrip(b"\n ")
            return (head + b" " * (127 - len(head)) + b"\n" + bytes(32))[: 128 + 32]
        return part

    with pytest.raises(BadFile, match="says float64") as told:
        pz.load(saved(neighbors.KNeighborsClassifier(1), tmp_path, lie))
    assert not isinstance(told.value.__cause__, MemoryError)


def test_classes_that_are_no_list(tmp_path: Path) -> None:
    def kind(node: dict[str, Any]) -> None:
        if "classes_" in node:
            node["classes_"] = {"__class__": "int", "__module__": "builtins", "__loader__": "TypeNode"}

    with pytest.raises(Unsupported, match="not in a form that this version knows"):
        pz.load(saved(tree.DecisionTreeClassifier(), tmp_path, in_schema(kind)))


def test_attributes_whose_names_are_no_names() -> None:
    estimator = neighbors.KNeighborsClassifier(1).fit(X, Y)
    vars(estimator)[(1, 2)] = 0
    del estimator.n_neighbors
    with pytest.raises(Unsupported, match="not in a form that this version knows"):
        pz.compile(estimator, board="host")


def test_search_trees_are_left_out(tmp_path: Path) -> None:
    """They are compiled, and the neighbours themselves are all that is needed."""
    program = pz.load(saved(neighbors.KNeighborsClassifier(1, algorithm="kd_tree"), tmp_path)).program
    assert "predict" in program.functions


def test_types_of_numbers_in_a_file(tmp_path: Path) -> None:
    """KBinsDiscretizer keeps one; skops does not trust it by itself."""
    binned = compose.ColumnTransformer([("a", preprocessing.KBinsDiscretizer(2), [0, 1])])
    assert "transform" in pz.load(saved(binned, tmp_path)).program.functions
