"""Operators of TFLite files, one at a time with random parameters, against LiteRT's reference kernels.

Integers must be equal to the bit. The C forms are compared with the NumPy twins in `tests/ops`; here the twins are
compared with LiteRT.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from picozoo.frontend import tflite
from picozoo.ir.interp import Interpreter

from .tflite_models import Net, T, draw, reference

ROUNDS = 6


def check(net: Net, rng: np.random.Generator) -> None:
    """Both give the same for three random inputs."""
    data = net.bytes()
    program = tflite.from_bytes(data, "case")
    for _ in range(3):
        xs = [draw(net.tensors[i].shape, net.tensors[i].dtype, rng) for i in net.inputs]
        want, got = reference(data, xs), Interpreter(program).call("forward", *xs)
        assert len(want) == len(got)
        for w, g in zip(want, got, strict=True):
            assert g.shape == w.shape and g.dtype == w.dtype
            if w.dtype.kind == "f":
                np.testing.assert_allclose(g, w, rtol=1e-5, atol=1e-6)
            else:
                np.testing.assert_array_equal(g, w)


def q(rng: np.random.Generator, low: float = 0.003, high: float = 0.2) -> dict[str, Any]:
    """A random scale and zero point."""
    return {"scale": float(np.exp(rng.uniform(np.log(low), np.log(high)))), "zero": int(rng.integers(-128, 128))}


@pytest.fixture(params=range(ROUNDS))
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


def weights(rng: np.random.Generator, net: Net, shape: tuple[int, ...], axis: int, per: bool) -> tuple[int, np.ndarray]:
    n = shape[axis] if per else 1
    scales = np.exp(rng.uniform(np.log(0.001), np.log(0.05), n)).astype(np.float32)
    return net.const(rng.integers(-127, 128, shape).astype(np.int8), scales, 0, axis), scales


def bias(rng: np.random.Generator, net: Net, n: int, scale: Any) -> int:
    return net.const(rng.integers(-4000, 4000, n).astype(np.int32), scale)


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("per", [False, True])
def test_conv(rng: np.random.Generator, depthwise: bool, per: bool) -> None:
    net, seed = Net(), int(rng.integers(1 << 30))
    h, w, c = (int(v) for v in rng.integers(3, 9, 3))
    kh, kw, s, d = (int(v) for v in rng.integers(1, 4, 4))
    d = 1 if s > 1 else min(d, 2)
    same = bool(rng.integers(2)) or h < (kh - 1) * d + 1 or w < (kw - 1) * d + 1
    qx, qy = q(rng), q(rng, 0.02, 0.5)
    x = net.input((1, h, w, c), **qx)
    mult = int(rng.integers(1, 3))
    o = c * mult if depthwise else int(rng.integers(1, 6))
    wt, scales = weights(rng, net, (1, kh, kw, o) if depthwise else (o, kh, kw, c), 3 if depthwise else 0, per)
    b = bias(rng, net, o, scales * np.float32(qx["scale"]))
    out = [-(-n // s) if same else (n - (k - 1) * d - 1) // s + 1 for n, k in ((h, kh), (w, kw))]
    extra = {"depthMultiplier": mult} if depthwise else {}
    net.op(
        "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
        [x, wt, b],
        [T((1, *out, o), **qy)],
        "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
        padding=0 if same else 1,
        strideH=s,
        strideW=s,
        dilationHFactor=d,
        dilationWFactor=d,
        fusedActivationFunction=(0, 1, 3)[seed % 3],
        **extra,
    )
    check(net, rng)


@pytest.mark.parametrize("per", [False, True])
def test_fully_connected(rng: np.random.Generator, per: bool) -> None:
    net = Net()
    k, n = (int(v) for v in rng.integers(1, 40, 2))
    qx, qy = q(rng), q(rng, 0.02, 0.5)
    x = net.input((2, k), **qx)
    wt, scales = weights(rng, net, (n, k), 0, per)
    b = bias(rng, net, n, scales * np.float32(qx["scale"]))
    act = int(rng.choice([0, 1, 3]))
    net.op("FULLY_CONNECTED", [x, wt, b], [T((2, n), **qy)], "FullyConnectedOptions", fusedActivationFunction=act)
    check(net, rng)


@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL"])
@pytest.mark.parametrize("shapes", [((1, 4, 5, 3), (1, 4, 5, 3)), ((1, 4, 5, 3), (3,)), ((2, 1, 3), (2, 4, 1))])
def test_arithmetic(rng: np.random.Generator, kind: str, shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    net = Net()
    ins = [net.input(s, **q(rng)) for s in shapes]
    out = tuple(int(d) for d in np.broadcast_shapes(*shapes))
    act = int(rng.choice([0, 1, 3]))
    qy = q(rng, 0.005, 0.4)
    net.op(kind, ins, [T(out, **qy)], f"{kind.capitalize()}Options", fusedActivationFunction=act)
    check(net, rng)


@pytest.mark.parametrize("kind", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_pool(rng: np.random.Generator, kind: str, dtype: str) -> None:
    net = Net()
    h, w, c = (int(v) for v in rng.integers(4, 9, 3))
    kh, kw, s = (int(v) for v in rng.integers(1, 4, 3))
    params = q(rng) if dtype == "int8" else {}
    x = net.input((1, h, w, c), dtype, **params)
    same = bool(rng.integers(2))
    out = [-(-n // s) if same else (n - k) // s + 1 for n, k in ((h, kh), (w, kw))]
    net.op(
        kind,
        [x],
        [T((1, *out, c), dtype, **params)],
        "Pool2DOptions",
        padding=0 if same else 1,
        strideH=s,
        strideW=s,
        filterHeight=kh,
        filterWidth=kw,
        fusedActivationFunction=int(rng.choice([0, 1, 3])),
    )
    check(net, rng)


def test_softmax(rng: np.random.Generator) -> None:
    net, n = Net(), int(rng.integers(2, 40))
    x = net.input((3, n), **q(rng, 0.001, 0.5))
    beta = float(rng.choice([1.0, 0.5, 2.0]))
    net.op("SOFTMAX", [x], [T((3, n), scale=1 / 256, zero=-128)], "SoftmaxOptions", beta=beta)
    check(net, rng)


@pytest.mark.parametrize("axes", [(1, 2), (1,), (2,), (1, 2, 3)])
@pytest.mark.parametrize("keep", [False, True])
def test_mean(rng: np.random.Generator, axes: tuple[int, ...], keep: bool) -> None:
    net, shape = Net(), (2, *(int(v) for v in rng.integers(2, 9, 3)))
    x = net.input(shape, **q(rng, 0.02, 0.06))
    out = tuple(1 if d in axes else n for d, n in enumerate(shape) if keep or d not in axes)
    a = net.const(np.array(axes, np.int32))
    net.op("MEAN", [x, a], [T(out, **q(rng, 0.01, 0.06))], "ReducerOptions", keepDims=keep)
    check(net, rng)


@pytest.mark.parametrize("kind", ["RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU"])
def test_rectifiers(rng: np.random.Generator, kind: str) -> None:
    net = Net()
    x = net.input((1, 256), **q(rng))
    values: dict[str, Any] = {"alpha": 0.17} if kind == "LEAKY_RELU" else {}
    net.op(kind, [x], [T((1, 256), **q(rng))], "LeakyReluOptions" if values else "", **values)
    check(net, rng)


@pytest.mark.parametrize(("kind", "scale", "zero"), [("LOGISTIC", 1 / 256, -128), ("TANH", 1 / 128, 0)])
def test_squashing(rng: np.random.Generator, kind: str, scale: float, zero: int) -> None:
    net = Net()
    x = net.input((1, 512), **q(rng, 0.003, 0.15))
    net.op(kind, [x], [T((1, 512), scale=scale, zero=zero)])
    check(net, rng)


def test_quantize(rng: np.random.Generator) -> None:
    net = Net()
    x = net.input((3, 50), "float32")
    qy = q(rng, 0.01, 0.05)
    net.op("QUANTIZE", [x], [T((3, 50), **qy)])
    net.op("QUANTIZE", [net.outputs[0]], [T((3, 50), **q(rng, 0.01, 0.05))])
    net.op("DEQUANTIZE", [net.outputs[0]], [T((3, 50), "float32")])
    check(net, rng)


def test_moves(rng: np.random.Generator) -> None:
    """Reshape, pad, transpose, slices, split and concatenation, one behind the other."""
    net, p = Net(), q(rng)
    t = lambda *shape: T(shape, **p)  # noqa: E731
    x = net.input((1, 4, 6, 2), **p)
    (y,) = net.op("PAD", [x, net.const(np.array([[0, 0], [1, 0], [0, 2], [0, 0]], np.int32))], [t(1, 5, 8, 2)])
    (y,) = net.op("TRANSPOSE", [y, net.const(np.array([0, 3, 1, 2], np.int32))], [t(1, 2, 5, 8)])
    (y,) = net.op(
        "RESHAPE", [y, net.const(np.array([10, 8], np.int32))], [t(10, 8)], "ReshapeOptions", newShape=[10, 8]
    )
    k = [net.const(np.array(v, np.int32)) for v in ((1, -7), (9, 8), (2, 3))]
    (y,) = net.op("STRIDED_SLICE", [y, *k], [t(4, 3)], "StridedSliceOptions")
    axis = net.const(np.array(0, np.int32))
    a, b = net.op("SPLIT", [axis, y], [t(2, 3), t(2, 3)], "SplitOptions", numSplits=2)
    (y,) = net.op("CONCATENATION", [b, a], [t(2, 6)], "ConcatenationOptions", axis=1)
    (y,) = net.op("EXPAND_DIMS", [y, axis], [t(1, 2, 6)])
    (y,) = net.op("SQUEEZE", [y], [t(2, 6)], "SqueezeOptions", squeezeDims=[0])
    net.op("PACK", [y, y], [t(2, 2, 6)], "PackOptions", valuesCount=2, axis=1)
    check(net, rng)


@pytest.mark.parametrize(
    "kind",
    ["RELU", "RELU6", "LOGISTIC", "TANH", "ABS", "NEG", "EXP", "SIN", "COS", "FLOOR", "HARD_SWISH", "SQUARE"],
)
def test_float_unary(kind: str) -> None:
    net = Net()
    net.op(kind, [net.input((2, 3, 7), "float32")], [T((2, 3, 7), "float32")])
    check(net, np.random.default_rng(0))


@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"])
def test_float_binary(kind: str) -> None:
    net = Net()
    ins = [net.input((2, 3, 7), "float32"), net.input((3, 1), "float32")]
    options = {k: f"{k.capitalize()}Options" for k in ("ADD", "SUB", "MUL", "DIV")}.get(kind, "")
    act = {"fusedActivationFunction": 3} if options else {}
    net.op(kind, ins, [T((2, 3, 7), "float32")], options, **act)
    check(net, np.random.default_rng(0))


@pytest.mark.parametrize("kind", ["MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"])
def test_float_reductions(kind: str) -> None:
    net = Net()
    x, axes = net.input((2, 3, 4, 5), "float32"), net.const(np.array([1, 3], np.int32))
    net.op(kind, [x, axes], [T((2, 4), "float32")], "ReducerOptions", keepDims=False)
    check(net, np.random.default_rng(0))


def test_unsupported_are_told_together() -> None:
    from picozoo.errors import Unsupported

    net = Net()
    (y,) = net.op("UNIQUE", [net.input((4,), "float32")], [T((4,), "float32")])
    (y,) = net.op("RELU", [y], [T((4,), "float32")])
    net.op("ZEROS_LIKE", [y], [T((4,), "float32")])
    net.op("HASHTABLE_LOOKUP", [y, net.const(np.array(0, np.int32))], [T((4,), "float32")])
    with pytest.raises(Unsupported) as e:
        tflite.from_bytes(net.bytes(), "case")
    assert "UNIQUE (makes 't1')" in str(e.value)
    assert "HASHTABLE_LOOKUP" in str(e.value)
    assert "2 of its 4 operators" in str(e.value)
