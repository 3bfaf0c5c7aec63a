"""new and train: a skeleton works as it is, in a copy of the package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import picozoo

from .conftest import Run

PACKAGE = Path(picozoo.__file__).parent
SKETCH = """
import numpy as np
from picozoo import build, emulate, find, ops
from picozoo.emit.c_model import emit
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Function, Node, Program
from picozoo.ir.verify import verify
from picozoo.passes import materialise
from picozoo.plan.arena import plan_program
op = ops.get("thrice")
board = find.load("boards", "host", "board").BOARD
for case in op.cases:
    out = list(case.outs) or op.infer(list(case.ins), case.attrs)
    node = Node("thrice", "n", ("%x",), ("%y",), case.attrs)
    f = Function("f", ("%x",), ("%y",), [node], {"%x": case.ins[0], "%y": out[0]})
    program = materialise.run(verify(Program("p", {"f": f})), board.core.target)
    model = emit(program, plan_program(program, board.core.target), board.core.target)
    files = {**model.files, "i.c": '#include "p.h"\\np_t pz_net;\\n'}
    image = build.build(files, board, roots=["pz_net", "p_f"], const_prefix="p_")
    x = np.random.default_rng(0).uniform(-3, 3, case.ins[0].shape).astype(case.ins[0].numpy)
    with emulate.open_machine(image) as m:
        base, entry = m.address("pz_net"), model.entries["f"]
        m.write(base + entry.inputs[0].offset, x.tobytes())
        m.call("p_f", base)
        got = np.frombuffer(m.read(base + entry.outputs[0].offset, out[0].nbytes), out[0].numpy).reshape(out[0].shape)
    assert np.allclose(got, Interpreter(program).call("f", x)[0], atol=1e-5), case
print("equal", len(op.cases))
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package without the trained artefacts."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(PACKAGE, root / "picozoo", ignore=shutil.ignore_patterns("__pycache__", "*.pz"))
    return root


def there(checkout: Path, *words: str, code: str = "") -> str:
    """Run `picozoo` (or a program) from the copy."""
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "picozoo", *words]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_operator(run: Run, checkout: Path) -> None:
    said = run("new", "operator", "thrice", "-o", checkout)
    assert said.code == 0 and "ops/thrice.py" in said.out and "pz_thrice.h" in said.out and "Next:" in said.out
    assert there(checkout, code=SKETCH).startswith("equal")
    again = run("new", "operator", "thrice", "-o", checkout)
    assert again.code == 2 and "there is an operator called 'thrice' already" in again.err


def test_board(run: Run, checkout: Path) -> None:
    assert run("new", "board", "my_board", "-o", checkout).code == 0
    rows = json.loads(there(checkout, "boards", "--json"))
    assert next(r for r in rows if r["name"] == "my_board")["flash"] == 256 * 1024


@pytest.mark.slow
def test_network(run: Run, checkout: Path) -> None:
    pytest.importorskip("sklearn")
    assert run("new", "network", "my_net", "-o", checkout).code == 0
    assert any(r["name"] == "my_net" for r in json.loads(there(checkout, "list", "--json")))
    if find_spec("torch") is None:
        pytest.skip("training needs PyTorch")
    found = json.loads(there(checkout, "train", "my_net", "--quick", "-o", "trained", "--json"))
    assert found["metrics"]["digits_accuracy"] > 0.7 and found["parameters"] == 784 * 16 + 16 + 160 + 10
    (report,) = json.loads(there(checkout, "run", found["file"], "-b", "nano33ble", "-n", "30", "--json", "--no-html"))
    assert report["precision"] == "int8" and report["agreement"] == 1.0 and report["accuracy"] > 0.6


@pytest.mark.parametrize("kind", ["network", "operator", "board"])
def test_skeletons_pass_the_linter(run: Run, checkout: Path, kind: str) -> None:
    pytest.importorskip("ruff")
    assert run("new", kind, f"linted_{kind}", "-o", checkout).code == 0
    folder = {"network": "zoo", "operator": "ops", "board": "boards"}[kind]
    file = checkout / "picozoo" / folder / f"linted_{kind}.py"
    rules = PACKAGE.parent / "pyproject.toml"
    if not rules.is_file():
        pytest.skip("no pyproject.toml beside the package")
    for words in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--config", rules, file], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    file.unlink()


def test_train_without_torch(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picozoo.zoo._card.find_spec", lambda _: None)
    said = run("train", "lenet5")
    assert said.code == 1 and "training lenet5 needs PyTorch; run: pip install 'picozoo[train]'" in said.err
    assert not list(Path.cwd().iterdir())
