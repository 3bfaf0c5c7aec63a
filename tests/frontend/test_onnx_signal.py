"""Fourier transforms of ONNX files: any length, real and complex, both ways, against NumPy and ONNX Runtime."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import picozoo as pz
from picozoo.ops.dft import MOST, order, radixes

onnx = pytest.importorskip("onnx")

from onnx import helper, numpy_helper  # noqa: E402

from picozoo.frontend import onnx as importer  # noqa: E402

# length: one prime; powers; those of audio front ends; a large prime factor; a cut and a padded one
LENGTHS = [1, 2, 3, 5, 7, 11, 16, 49, 400, 480, 640, 1000, 512, 2 * 37, 401]
KINDS = [
    ("real", {}),
    ("real", {"onesided": 1}),
    ("real", {"inverse": 1}),
    ("complex", {}),
    ("complex", {"inverse": 1}),
]


def file(path: Path, cases: list[tuple[int, int, dict[str, int]]]) -> Path:
    """A DFT of each (length, parts, attributes); its inputs are x0, x1 ... of up to 5 numbers less or more."""
    ins, nodes, sizes = [], [], {}
    for k, (n, parts, attrs) in enumerate(cases):
        ins.append(helper.make_tensor_value_info(f"x{k}", 1, (2, max(1, n + 5 - 5 * (k % 3)), parts)))
        sizes[f"n{k}"] = np.array(n)
        nodes.append(helper.make_node("DFT", [f"x{k}", f"n{k}"], [f"y{k}"], axis=1, **attrs))
    outs = [helper.make_empty_tensor_value_info(f"y{k}") for k in range(len(cases))]
    graph = helper.make_graph(nodes, "g", ins, outs, [numpy_helper.from_array(v, k) for k, v in sizes.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def expected(x: np.ndarray, n: int, attrs: dict[str, int]) -> np.ndarray:
    z = x[..., 0].astype(np.float64) + (1j * x[..., 1] if x.shape[-1] == 2 else 0)
    y = (np.fft.ifft if attrs.get("inverse") else np.fft.fft)(z, n, axis=1)
    y = y[:, : n // 2 + 1] if attrs.get("onesided") else y
    return np.stack([y.real, y.imag], -1)


@pytest.mark.parametrize("board", ["host", "nano33ble"])
def test_equals_numpy(board: str, tmp_path: Path) -> None:
    """Within 1e-6 of the spectrum's largest number, 25 times closer than ONNX Runtime at 400 samples."""
    lengths = LENGTHS if board == "host" else [7, 11, 12, 40]
    cases = [(n, 1 if kind == "real" else 2, attrs) for n in lengths for kind, attrs in KINDS]
    firmware = pz.compile(file(tmp_path / "dft.onnx", cases), board=board, prefer="size")
    rng = np.random.default_rng(0)
    given = [rng.normal(size=s.type.shape).astype(np.float32) for s in firmware.model.entries["forward"].inputs]
    for case, x, y in zip(cases, given, firmware.run(*given), strict=True):
        want = expected(x, case[0], case[2])
        assert y.shape == want.shape, case
        assert np.abs(y - want).max() < 1e-6 * np.abs(want).max(), case
    assert {n.op for n in firmware.program.main.nodes} <= {"dft", "slice", "reshape"}


def test_equals_onnx_runtime(tmp_path: Path) -> None:
    """It computes lengths that are no power of two through longer ones, and loses digits."""
    ort = pytest.importorskip("onnxruntime")
    cases = [
        (n, parts, attrs) for n in (16, 25) for parts, attrs in ((1, {"onesided": 1}), (2, {}), (2, {"inverse": 1}))
    ]
    path = file(tmp_path / "dft.onnx", cases)
    firmware, session = pz.compile(path, board="host"), ort.InferenceSession(str(path))
    rng = np.random.default_rng(1)
    given = {v.name: rng.normal(size=v.shape).astype(np.float32) for v in session.get_inputs()}
    for y, want in zip(firmware.run(*given.values()), session.run(None, given), strict=True):
        np.testing.assert_allclose(y, want, atol=1e-5 * np.abs(want).max())


def test_flash_grows_with_the_length_only(tmp_path: Path) -> None:
    sizes = [
        pz.compile(file(tmp_path / f"{n}.onnx", [(n, 1, {"onesided": 1})]), board="pico").image.flash
        for n in (400, 480)
    ]
    assert max(sizes) < 12_000  # as a matrix 644,928 and 927,168


@pytest.mark.parametrize("n", [1, 2, 8, 12, 35, 400, 2 * 37, 1001, MOST])
def test_steps_make_the_length(n: int) -> None:
    assert np.prod(radixes(n), dtype=int) == n
    assert sorted(order(n)) == list(range(n))
    assert all(a >= b or b == 4 for a, b in pairwise(radixes(n)))


def test_too_long_is_told(tmp_path: Path) -> None:
    from picozoo.errors import Unsupported

    with pytest.raises(Unsupported, match=f"1 to {MOST} floats"):
        importer.read(file(tmp_path / "f.onnx", [(MOST + 1, 1, {})]))
