"""Layers with weights in every element type that TFLite files have, against LiteRT's reference kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo.errors import PicozooError
from picozoo.frontend import tflite

from .tflite_models import Net, T, compare, compare_micro

ROUNDS = 5


@pytest.fixture(params=range(ROUNDS))
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


def log_uniform(rng: np.random.Generator, low: float, high: float, n: int | None = None) -> Any:
    return np.exp(rng.uniform(np.log(low), np.log(high), n)).astype(np.float32)


def quant(rng: np.random.Generator, dtype: str, low: float, high: float) -> dict[str, Any]:
    """A random scale, and a zero point where the type has one."""
    zero = {"uint8": (0, 256), "int8": (-128, 128)}.get(dtype, (0, 1))
    unit = 1 / 256 if dtype == "int16" else 1.0
    return {"scale": float(log_uniform(rng, low * unit, high * unit)), "zero": int(rng.integers(*zero))}


def parameters(
    net: Net, rng: np.random.Generator, kind: str, shape: tuple[int, ...], axis: int, x: dict[str, Any], with_bias: bool
) -> list[int]:
    """Weights and bias of a layer of a kind: "uint8", "int16", "int16 with a bias of 32 bits", "hybrid" ..."""
    n = shape[axis]
    per = kind in ("int4", "int16", "int16 short bias", "hybrid per channel")
    scales = log_uniform(rng, 0.002, 0.02, n if per else 1)
    if kind == "uint8":
        zero = int(rng.integers(0, 256))
        w = net.const(rng.integers(0, 256, shape).astype(np.uint8), scales, zero)
    else:
        most, dtype = (7, "int4") if "int4" in kind else (127, "int8")
        w = net.const(rng.integers(-most, most + 1, shape).astype(np.int8), scales, 0, axis if per else 0, dtype)
    if not with_bias:
        return [w, -1] if kind != "fully" else [w]
    if kind.startswith("hybrid"):
        return [w, net.const(rng.uniform(-1, 1, n).astype(np.float32))]
    wide = np.int64 if kind == "int16" else np.int32
    return [w, net.const(rng.integers(-4000, 4000, n).astype(wide), scales * np.float32(x["scale"]))]


KINDS = {
    "uint8": "uint8",
    "int4": "int8",
    "hybrid int4": "float32",
    "int16": "int16",
    "int16 short bias": "int16",
    "hybrid": "float32",
    "hybrid per channel": "float32",
}


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_convolution(rng: np.random.Generator, kind: str, depthwise: bool) -> None:
    if kind in ("hybrid", "hybrid int4") and depthwise:
        pytest.skip("LiteRT's hybrid depthwise convolution wants int8 and one scale for each channel")
    if kind == "int16 short bias" and depthwise:
        pytest.skip("LiteRT's depthwise convolution of int16 wants a bias of 64 bits")
    net, dtype = Net(), KINDS[kind]
    h, w, c = (int(v) for v in rng.integers(3, 9, 3))
    kh, kw, s = (int(v) for v in rng.integers(1, 4, 3))
    same = bool(rng.integers(2))
    floats = dtype == "float32"
    qx, qy = ({}, {}) if floats else (quant(rng, dtype, 0.01, 0.1), quant(rng, dtype, 0.1, 0.6))
    x = net.input((2, h, w, c), dtype, **qx)
    o = c * int(rng.integers(1, 3)) if depthwise else int(rng.integers(2, 6))
    shape = (1, kh, kw, o) if depthwise else (o, kh, kw, c)
    wb = parameters(net, rng, kind, shape, 3 if depthwise else 0, qx, True)
    out = [-(-n // s) if same else (n - k) // s + 1 for n, k in ((h, kh), (w, kw))]
    net.op(
        "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
        [x, *wb],
        [T((2, *out, o), dtype, **qy)],
        "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
        padding=0 if same else 1,
        strideH=s,
        strideW=s,
        dilationHFactor=1,
        dilationWFactor=1,
        fusedActivationFunction=int(rng.choice([0, 1, 3])),
        **({"quantizedBiasType": 2} if kind == "int16 short bias" else {}),
        **({"depthMultiplier": o // c} if depthwise else {}),
    )
    compare(net, rng)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kind", [*KINDS, "hybrid asymmetric"])
def test_fully_connected(rng: np.random.Generator, kind: str, bias: bool) -> None:
    net, dtype = Net(), KINDS.get(kind, "float32")
    k, n = (int(v) for v in rng.integers(1, 40, 2))
    floats = dtype == "float32"
    qx, qy = ({}, {}) if floats else (quant(rng, dtype, 0.01, 0.1), quant(rng, dtype, 0.1, 0.6))
    x = net.input((3, k), dtype, **qx)
    wb = parameters(net, rng, kind, (n, k), 0, qx, bias)
    net.op(
        "FULLY_CONNECTED",
        [x, *wb],
        [T((3, n), dtype, **qy)],
        "FullyConnectedOptions",
        fusedActivationFunction=int(rng.choice([0, 1, 3])),
        quantizedBiasType=2 if kind == "int16 short bias" else 0,
        asymmetricQuantizeInputs=kind == "hybrid asymmetric",
    )
    compare(net, rng)


@pytest.mark.parametrize("kind", ["float", "int8", "int8 per channel", "uint8", "int16"])
def test_transposed_convolution(rng: np.random.Generator, kind: str) -> None:
    net, dtype = Net(), {"float": "float32", "int8 per channel": "int8"}.get(kind, kind)
    h, w, c = (int(v) for v in rng.integers(1, 6, 3))
    kh, kw, o = (int(v) for v in rng.integers(1, 5, 3))
    sh, sw = (int(v) for v in rng.integers(1, 4, 2))
    same = bool(rng.integers(2))
    out = [n * s if same else (n - 1) * s + max(k, s) for n, s, k in ((h, sh, kh), (w, sw, kw))]
    qx, qy = ({}, {}) if kind == "float" else (quant(rng, dtype, 0.01, 0.1), quant(rng, dtype, 0.1, 0.6))
    size = net.const(np.array([2, *out, o], np.int32))
    shape = (o, kh, kw, c)
    if kind == "float":
        wb = [
            net.const(rng.uniform(-1, 1, shape).astype(np.float32)),
            net.const(rng.uniform(-1, 1, o).astype(np.float32)),
        ]
    elif kind.startswith("int8"):
        scales = log_uniform(rng, 0.002, 0.02, o if kind.endswith("channel") else 1)
        b = rng.integers(-4000, 4000, o).astype(np.int32)
        wb = [
            net.const(rng.integers(-127, 128, shape).astype(np.int8), scales),
            net.const(b, scales * np.float32(qx["scale"])),
        ]
    else:
        wb = parameters(net, rng, kind, shape, 0, qx, True)
    x = net.input((2, h, w, c), dtype, **qx)
    net.op(
        "TRANSPOSE_CONV",
        [size, wb[0], x, wb[1]],
        [T((2, *out, o), dtype, **qy)],
        "TransposeConvOptions",
        padding=0 if same else 1,
        strideH=sh,
        strideW=sw,
    )
    compare(net, rng)


def test_computed_weights(rng: np.random.Generator) -> None:
    """Both inputs of a fully connected layer are computed."""
    net = Net()
    k, n = (int(v) for v in rng.integers(1, 20, 2))
    x, w = net.input((3, k), "int8", **quant(rng, "int8", 0.01, 0.1)), net.input((n, k), "int8", scale=0.02, zero=0)
    y = T((3, n), "int8", **quant(rng, "int8", 0.1, 0.6))
    net.op("FULLY_CONNECTED", [x, w], [y], "FullyConnectedOptions")
    compare(net, rng)


def test_weights_of_four_bits_may_stay_so(tmp_path: Path) -> None:
    """`--weights int4` stores those of a file as they are: half the flash, the same bits."""
    rng, net, path = np.random.default_rng(0), Net(), tmp_path / "four.tflite"
    x, w = net.input((1, 64), "int8", 0.05, 3), rng.integers(-8, 8, (32, 64)).astype(np.int8)
    w[:8] = w[:8].clip(-5, 5)
    w = net.const(w, log_uniform(rng, 0.01, 0.02, 32), dtype="int4")
    net.op("FULLY_CONNECTED", [x, w, -1], [T((1, 32), "int8", 0.3, -3)], "FullyConnectedOptions")
    path.write_bytes(net.bytes())
    xs = rng.integers(-128, 128, (20, 1, 64)).astype(np.int8)
    plain, small = (pz.compile(path, board="host", **more) for more in ({}, {"weights": "int4"}))
    assert plain.model.const_bytes - small.model.const_bytes >= 32 * 64 // 2
    for v in xs:
        np.testing.assert_array_equal(plain.run(v), small.run(v))


def test_four_bits_in_a_short_buffer() -> None:
    net = Net()
    w = net.const(np.ones((4, 6), np.int8), 0.1, dtype="int4")
    net.tensors[w].shape = (5, 6)
    net.op(
        "FULLY_CONNECTED", [net.input((1, 6), "int8", 0.1), w, -1], [T((1, 5), "int8", 0.1)], "FullyConnectedOptions"
    )
    with pytest.raises(PicozooError, match="needs 15 bytes, its buffer holds 12"):
        tflite.checked(net.bytes(), "case", "case.tflite")


def test_weights_in_float16(rng: np.random.Generator) -> None:
    net = Net()
    half = net.const(rng.uniform(-1, 1, (4, 7)).astype(np.float16))
    (w,) = net.op("DEQUANTIZE", [half], [T((4, 7), "float32")])
    net.op("FULLY_CONNECTED", [net.input((2, 7), "float32"), w], [T((2, 4), "float32")], "FullyConnectedOptions")
    compare(net, rng)


@pytest.mark.parametrize("first", ["float32", "int8", "uint8", "int16"])
@pytest.mark.parametrize("second", ["int8", "uint8", "int16", "int32"])
def test_quantize(rng: np.random.Generator, first: str, second: str) -> None:
    if second == "int32" and first != "int16":
        pytest.skip("LiteRT makes int32 of int16 only")
    if (first, second) == ("int16", "uint8"):
        pytest.skip("LiteRT does not make uint8 of int16")
    net = Net()
    x = net.input((3, 50), first, **({} if first == "float32" else quant(rng, first, 0.01, 0.05)))
    y = quant(rng, second, 0.01, 0.05) if second != "int32" else {"scale": 1e-5, "zero": 0}
    made = net.op("QUANTIZE", [x], [T((3, 50), second, **y)])
    if second != "int32":
        net.op("DEQUANTIZE", made, [T((3, 50), "float32")])
        net.outputs = [*made, *net.outputs]
    compare(net, rng)


@pytest.mark.parametrize("axes", [(1, 2), (3,), (0, 2)])
@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_sum_equals_tflm(rng: np.random.Generator, dtype: str, axes: tuple[int, ...]) -> None:
    """LiteRT's reference kernel does not rescale these; TensorFlow Lite Micro does."""
    net, shape = Net(), (2, 3, 4, 5)
    x = net.input(shape, dtype, **quant(rng, dtype, 0.01, 0.1))
    out = tuple(1 if d in axes else n for d, n in enumerate(shape))
    y = T(out, dtype, **quant(rng, dtype, 0.05, 0.5))
    net.op("SUM", [x, net.const(np.array(axes, np.int32))], [y], "ReducerOptions", keepDims=True)
    compare_micro(net, rng)
