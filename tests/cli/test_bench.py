"""bench: rows, regressions with their layer, history, what is published."""

from __future__ import annotations

import copy
import itertools
import json
from pathlib import Path

import pytest

from picozoo.bench import against, history, measure, models, published, rows
from picozoo.boards.nucleo_l4r5zi import BOARD

from .conftest import Run

TABLE = "round\tsubmission\tmodel\tmedian_inferences_per_s\tmedian_uJ_per_inference\tinferences_per_s_in_energy_run\n"


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PICOZOO_DATA", raising=False)


@pytest.fixture
def kept(run: Run, tmp_path: Path, alone: None) -> Path:
    """A folder with the row of lenet5."""
    (tmp_path / "results").mkdir()
    assert run("bench", "lenet5").code == 0
    return tmp_path / "results" / rows.FILE


def change(path: Path, factor: float, layer: str) -> None:
    """As if the committed figures had been `factor` times today's, the difference in one layer."""
    (row,) = rows.read(path)
    less = round(row["instructions"] * (1 - factor))
    row["instructions"] -= less
    row["layers"][layer][0] -= less
    rows.write(path, [row])


def test_row_is_what_was_measured(kept: Path) -> None:
    (row,) = rows.read(kept)
    again = measure.measure(models.choose(["lenet5"])[0], "nucleo_l4r5zi")
    assert {k: row[k] for k in again} == again
    assert sum(v[0] for v in row["layers"].values()) == row["instructions"]
    assert row["macs"] == 385_097  # of 416,520: the rest is proven needless
    assert sum(v[1] for v in row["layers"].values()) == row["code"]
    assert row["cycles_predicted"] > row["instructions"] and row["cycles_error"] > 0


def test_regression_names_its_layer(run: Run, kept: Path) -> None:
    assert run("bench", "lenet5", "--check").code == 0
    change(kept, 0.97, "c3")
    said = run("bench", "lenet5", "--check")
    assert said.code == 1 and "over 1 % worse" in said.err and "layer c3:" in said.err
    said = run("bench", "lenet5")
    assert "not added, being over 1 % worse" in said.err and len(rows.read(kept)) == 1
    run("bench", "lenet5", "--accept")
    assert run("bench", "lenet5", "--check").code == 0


def test_one_percent_is_let_through(run: Run, kept: Path) -> None:
    change(kept, 0.995, "c3")
    assert run("bench", "lenet5", "--check").code == 0


def test_improvement_asks_for_the_row(run: Run, kept: Path) -> None:
    change(kept, 1.1, "c1")
    assert "new best" in run("bench", "lenet5", "--check").out
    assert "new best: instructions" in run("bench", "lenet5", "--dry").err
    assert len(rows.read(kept)) == 1


def test_size_counts_too() -> None:
    row = {"model": "m", "board": "b", "prefer": "size", "layers": {"conv": [5, 100]}}
    row |= dict.fromkeys(measure.EXACT, 1000)
    worse = copy.deepcopy(row) | {"code": 1020}
    worse["layers"]["conv"][1] = 120
    (found,) = rows.changes(row, worse)
    assert found.regression and found.layers == (("conv", 100, 120),)


def test_without_files_only_shipped_networks(run: Run, alone: None) -> None:
    said = run("bench", "anomaly", "perceptron", "--json")
    assert [r["model"] for r in json.loads(said.out)] == ["perceptron"]
    assert "anomaly: its file" in run("bench", "anomaly", "--check").out
    assert "did you mean" in run("bench", "lenet").err and run("bench", "lenet").code == 2


def test_table_fits_its_width(run: Run, kept: Path) -> None:
    said = run("bench", "lenet5", "perceptron")
    assert max(map(len, said.out.splitlines())) <= 100 and "±25%" in said.out


def test_history_is_drawn(run: Run, kept: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("a.svg", "b.svg", "h.html", "p.png"):
        assert run("bench", "--history", "--plot", name).code == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert b"<svg" in (tmp_path / "h.html").read_bytes() and (tmp_path / "p.png").read_bytes()[1:4] == b"PNG"
    assert run("bench", "--history", "--plot", "p.gif").code == 2
    assert run("bench", "--history", "--results", "none").code == 2


def test_branches_merged_in_any_order(tmp_path: Path) -> None:
    made = [
        {"commit": c, "date": d, "board": "b", "model": "m", "prefer": "size", **dict.fromkeys(measure.EXACT, n)}
        for c, d, n in (("c3", "2026-03", 8), ("c1", "2026-01", 10), ("c2", "2026-02", 9))
    ]
    rows.write(tmp_path / rows.FILE, made)
    assert history.series(tmp_path)[0].values == (10, 9, 8)


def test_published_stays_apart(run: Run, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / published.FILE
    path.parent.mkdir()
    lines = ["v1.0\tx NUCLEO_L4R5ZI\tic\t10.0\t\t", "v1.1\tx NUCLEO_L4R5ZI\tic\t12.0\t2760.0\t"]
    path.write_text(TABLE + "\n".join([*lines, "v1.2\ty NUCLEO_L4R5ZI_float\tic\t1.0\t\t"]) + "\n")
    monkeypatch.setenv("PICOZOO_DATA", str(tmp_path))
    found = published.read("nucleo_l4r5zi")
    assert [(f.round, f.tool) for f in found] == [("v1.0", "x"), ("v1.1", "x")]
    ((tool, newest),) = published.best(found)
    assert tool == "x" and newest["ic"].ms == pytest.approx(1000 / 12)
    ((_, pj, excess),) = published.residuals(BOARD, found)
    assert pj == pytest.approx(2760e6 / (120e6 / 12)) and excess == pytest.approx(0.0)
    assert "nothing published" in run("bench", "lenet5", "--published").out


def test_against_compares_outputs_and_takes_turns(run: Run, alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    monkeypatch.setattr(against, "TURN_S", 0.0002)
    for row in json.loads(run("bench", "lenet5", "--against", "onnxruntime,litert", "--json").out):
        assert row["turns"] == 21 and set(row["us"]) == {"picozoo", "onnxruntime"}
        assert row["differs"]["onnxruntime"] <= (1 if row["precision"] == "int8" else 1e-4)
        low, high = row["spread"]["picozoo"]
        assert 0 < low <= row["us"]["picozoo"] <= high
        assert "no .tflite file" in row["missing"]["litert"]
    assert "did you mean" in run("bench", "--against", "onnxruntim").err
    said = run("bench", "lenet5", "--against", "onnxruntime")
    assert "lenet5 float32" in said.out and ("not faster" in said.out or "the fastest in every row" in said.out)


def test_turns_take_turns() -> None:
    order = []
    times = against.take_turns({name: lambda name=name: order.append(name) for name in "ab"}, 3)
    assert {k: len(v) for k, v in times.items()} == {"a": 3, "b": 3}
    changes = sum(x != y for x, y in itertools.pairwise(order))
    assert changes >= 7
