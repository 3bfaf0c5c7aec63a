"""PyTorch files in: `.pt2` gives what the module gives; pickles, hostile and damaged files are refused unopened."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo.cli import main
from picozoo.errors import BadFile, Unsupported
from picozoo.ir.interp import Interpreter

torch = pytest.importorskip("torch")


class Net(torch.nn.Module):
    """Convolution, a kept counter, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = torch.nn.Conv2d(1, 4, 3), torch.nn.Linear(144, 3)
        self.register_buffer("calls", torch.zeros(3))

    def forward(self, image: Any) -> Any:
        self.calls.add_(1.0)
        return self.out(torch.relu(self.conv(image)).flatten(1)) + self.calls


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("pt2") / "net.pt2"
    torch.export.save(torch.export.export(Net().eval(), (torch.zeros(1, 1, 8, 8),)), path)
    return path


def changed(path: Path, to: Path, edit: Callable[[str, bytes], bytes | None]) -> Path:
    """A copy whose parts went through `edit`; None leaves a part out."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w") as new:
        for item in old.infolist():
            part = edit(item.filename.partition("/")[2], old.read(item))
            if part is not None:
                new.writestr(item.filename, part)
    return to


def test_equals_pytorch(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    net, x = Net().eval(), torch.randn(3, 1, 1, 8, 8)
    program = pz.load(saved).program
    assert program.main.params == ("%image",)
    machine = Interpreter(program)
    for one in x:
        want = Net.forward(net, one).detach().numpy()
        np.testing.assert_allclose(machine.call("forward", one.numpy())[0], want, rtol=1e-5, atol=1e-5)
    np.save(tmp_path / "x.npy", x[0].numpy())
    assert main(["run", str(saved), "-b", "nano33ble", "--input", str(tmp_path / "x.npy"), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    torch.manual_seed(0)
    np.testing.assert_allclose(found["outputs"][0]["values"], Net()(x[0]).detach().numpy()[0], rtol=1e-4, atol=1e-4)


def test_quantised_from_a_file(saved: Path) -> None:
    fw = pz.compile(saved, board="host", calibrate=np.random.default_rng(0).normal(size=(8, 1, 1, 8, 8)))
    assert fw.precision == "int8"


class Trap:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


def test_pickled_inputs_are_not_opened(saved: Path, tmp_path: Path) -> None:
    """PyTorch's own loader runs them; here the file is read without them."""
    mark, body = tmp_path / "mark", io.BytesIO()
    torch.save(Trap(mark), body)
    bad = changed(saved, tmp_path / "a.pt2", lambda n, b: body.getvalue() if n.startswith("data/sample") else b)
    assert pz.load(bad).program.main.params == ("%image",)
    assert not mark.exists()


def test_pickled_weights_are_refused(saved: Path, tmp_path: Path) -> None:
    mark, body = tmp_path / "mark", io.BytesIO()
    torch.save(Trap(mark), body)

    def edit(name: str, part: bytes) -> bytes:
        if name.endswith("weights_config.json"):
            return part.replace(b'"use_pickle": false', b'"use_pickle": true')
        return body.getvalue() if name == "data/weights/weight_0" else part

    with pytest.raises(BadFile, match="is pickled and is not opened"):
        pz.load(changed(saved, tmp_path / "b.pt2", edit))
    for name in ("custom_obj_0", "opaque_obj_0"):
        with zipfile.ZipFile(tmp_path / "b.pt2", "a") as z:
            z.writestr(f"net/data/constants/{name}", pickle.dumps(Trap(mark)))
        with pytest.raises(BadFile):
            pz.load(tmp_path / "b.pt2")
    assert not mark.exists()


@pytest.mark.parametrize(
    "target",
    [
        "torch.os.system",
        "torch.hub.load",
        "torch.ops.aten.__class__",
        "torch.ops.load_library",
        "math.exp",
        "#x",
        "_operator.call",
    ],
)
def test_calls_of_other_functions_are_refused(saved: Path, tmp_path: Path, target: str) -> None:
    bad = changed(
        saved,
        tmp_path / "c.pt2",
        lambda n, b: b.replace(b"torch.ops.aten.relu.default", target.encode()) if n.endswith("model.json") else b,
    )
    with pytest.raises(BadFile, match="is no operator of PyTorch"):
        pz.load(bad)


def test_expressions_are_refused(saved: Path, tmp_path: Path) -> None:
    """Shapes may be expressions, which PyTorch evaluates as Python."""
    bad = changed(saved, tmp_path / "d.pt2", lambda n, b: b.replace(
        b'{"as_int": 8}', b'{"as_expr": {"expr_str": "__import__(\'os\').getcwd()", "hint": null}}'
    ) if n.endswith("model.json") else b)  # fmt: skip
    with pytest.raises(Unsupported, match="no sum or product"):
        pz.load(bad)


@pytest.mark.parametrize("suffix", [".pt", ".pth"])
def test_plain_pickles(tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    mark = tmp_path / "mark"
    path = tmp_path / f"net{suffix}"
    torch.save(Trap(mark), path)
    assert main(["run", str(path), "-b", "host"]) == 1
    assert "torch.export.save" in capsys.readouterr().err
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "told"), [(b"", "damaged"), (b"PK\x03\x04 no", "damaged"), (None, "Check the path")]
)
def test_what_is_no_file(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "x.pt2"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadFile, match=told):
        pz.load(path)
