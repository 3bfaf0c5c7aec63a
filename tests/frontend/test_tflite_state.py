"""TFLite operators that keep state between calls, in several calls, against LiteRT's reference kernels."""

from __future__ import annotations

import numpy as np
import pytest

from .tflite_models import Net, T, compare, compare_micro


@pytest.fixture(params=range(4))
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


def _scale(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.float32(np.exp(rng.uniform(np.log(low), np.log(high)))))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("integer", [False, True])
def test_svdf(rng: np.random.Generator, integer: bool, bias: bool) -> None:
    net, n = Net(), int(rng.integers(1, 3))
    k, units, rank, memory = (int(v) for v in rng.integers(1, 9, 4))
    f = units * rank
    if integer:
        zero = int(rng.integers(-128, 128))
        x = net.input((n, k), scale=_scale(rng, 0.01, 0.1), zero=zero)
        wf = net.const(rng.integers(-127, 128, (f, k)).astype(np.int8), _scale(rng, 0.003, 0.02))
        wt = net.const(rng.integers(-9000, 9000, (f, memory)).astype(np.int16), _scale(rng, 1e-5, 1e-4))
        b = net.const(rng.integers(-90000, 90000, units).astype(np.int32), 0.1) if bias else -1
        state = net.state((n, memory * f), "int16", _scale(rng, 0.0005, 0.01))
        y = T((n, units), scale=_scale(rng, 0.02, 0.3), zero=int(rng.integers(-128, 128)))
    else:
        x = net.input((n, k), "float32")
        wf = net.const(rng.uniform(-1, 1, (f, k)).astype(np.float32))
        wt = net.const(rng.uniform(-1, 1, (f, memory)).astype(np.float32))
        b = net.const(rng.uniform(-1, 1, units).astype(np.float32)) if bias else -1
        state, y = net.state((n, memory * f), "float32"), T((n, units), "float32")
    net.op("SVDF", [x, wf, wt, b, state], [y], "SVDFOptions", rank=rank, fusedActivationFunction=int(integer))
    compare(net, rng, calls=memory + 3, tolerance=3e-5)


@pytest.mark.parametrize("major", [False, True])
@pytest.mark.parametrize("integer", [False, True])
def test_lstm(rng: np.random.Generator, integer: bool, major: bool) -> None:
    net = Net()
    n, t, k, u = (int(v) for v in rng.integers(1, 7, 4))
    n, shape = min(n, 2), (t, min(n, 2), k) if major else (min(n, 2), t, k)
    zh, sh = int(rng.integers(-128, 128)), 1 / 128 * float(rng.uniform(0.6, 1.4))
    tensors = [
        net.input(shape, scale=_scale(rng, 0.01, 0.1), zero=int(rng.integers(-128, 128)))
        if integer
        else net.input(shape, "float32")
    ]
    for width in (k, u):
        for _ in range(4):
            if integer:
                w = rng.integers(-127, 128, (u, width)).astype(np.int8)
                tensors.append(net.const(w, _scale(rng, 0.003, 0.02)))
            else:
                tensors.append(net.const(rng.uniform(-1, 1, (u, width)).astype(np.float32)))
    tensors += [-1, -1, -1]
    for _ in range(4):
        b = rng.integers(-2000, 2000, u).astype(np.int32) if integer else rng.uniform(-1, 1, u).astype(np.float32)
        tensors.append(net.const(b, 0.001 if integer else None))
    tensors += [-1, -1]
    cell = 2.0 ** -int(rng.integers(9, 16))
    tensors.append(net.state((n, u), *(("int8", sh, zh) if integer else ("float32",))))
    tensors.append(net.state((n, u), *(("int16", cell) if integer else ("float32",))))
    tensors += [-1] * 4
    y = T((*shape[:2], u), "int8", sh, zh) if integer else T((*shape[:2], u), "float32")
    between = [T((0,), "float32") for _ in range(4)] + [T((0,), "int8", sh, zh)]
    net.op(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        tensors,
        [y],
        "UnidirectionalSequenceLSTMOptions",
        between=between if integer else [],
        fusedActivationFunction=4,
        timeMajor=major,
        cellClip=float(rng.choice([0.0, 0.3, 10.0])),
    )
    compare(net, rng, calls=4)


@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("kind", ["SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM"])
def test_hybrid(rng: np.random.Generator, kind: str, asymmetric: bool) -> None:
    """Float activations and int8 weights."""

    def weights(*shape: int) -> int:
        return net.const(rng.integers(-127, 128, shape).astype(np.int8), _scale(rng, 0.003, 0.01))

    net, n = Net(), int(rng.integers(1, 3))
    k, u, t = (int(v) for v in rng.integers(1, 9, 3))
    if kind == "SVDF":
        rank, memory = int(rng.integers(1, 3)), t
        f = u * rank
        ins = [
            net.input((n, k), "float32"),
            weights(f, k),
            weights(f, memory),
            -1,
            net.state((n, memory * f), "float32"),
        ]
        if asymmetric:
            ins[3] = net.const(rng.uniform(-1, 1, u).astype(np.float32))
        options = {"rank": rank, "fusedActivationFunction": 1, "asymmetricQuantizeInputs": asymmetric}
        net.op(kind, ins, [T((n, u), "float32")], "SVDFOptions", **options)
    else:
        ins = [net.input((n, t, k), "float32"), *(weights(u, k) for _ in range(4)), *(weights(u, u) for _ in range(4))]
        bias = [net.const(rng.uniform(-1, 1, u).astype(np.float32)) for _ in range(4)]
        ins += [-1, -1, -1, *bias, -1, -1, net.state((n, u), "float32"), net.state((n, u), "float32"), *[-1] * 4]
        options = {"fusedActivationFunction": 4, "cellClip": 0.7, "asymmetricQuantizeInputs": asymmetric}
        net.op(kind, ins, [T((n, t, u), "float32")], "UnidirectionalSequenceLSTMOptions", **options)
    compare(net, rng, calls=4, tolerance=3e-5)


def test_lstm_in_int16_equals_tflm(rng: np.random.Generator) -> None:
    """LiteRT has no LSTM with int16 activations; TensorFlow Lite Micro has."""
    net = Net()
    n, t, k, u = 1, *(int(v) for v in rng.integers(1, 9, 3))
    hidden, cell = 1 / 32768 * float(rng.uniform(0.8, 1.2)), 2.0 ** -int(rng.integers(9, 16))
    ins = [net.input((n, t, k), "int16", _scale(rng, 0.00003, 0.0003))]
    for width in (k, u):
        w = [rng.integers(-127, 128, (u, width)).astype(np.int8) for _ in range(4)]
        ins += [net.const(v, _scale(rng, 0.003, 0.02)) for v in w]
    ins += [-1, -1, -1, *(net.const(rng.integers(-9000, 9000, u).astype(np.int64), 1e-6) for _ in range(4)), -1, -1]
    ins += [net.state((n, u), "int16", hidden), net.state((n, u), "int16", cell), *[-1] * 4]
    values = {"fusedActivationFunction": 4, "cellClip": float(rng.choice([0.0, 0.3]))}
    y = T((n, t, u), "int16", hidden, 0)
    net.op("UNIDIRECTIONAL_SEQUENCE_LSTM", ins, [y], "UnidirectionalSequenceLSTMOptions", **values)
    compare_micro(net, rng, calls=4)


@pytest.mark.parametrize("narrow", ["int8", "int16"])
def test_svdf_equals_tflm(rng: np.random.Generator, narrow: str) -> None:
    """LiteRT has no SVDF with int8 state; TensorFlow Lite Micro has."""
    net, (k, units, rank, memory) = Net(), (int(v) for v in rng.integers(2, 9, 4))
    f, wide = units * rank, narrow == "int16"
    x = net.input((1, k), scale=_scale(rng, 0.01, 0.1), zero=int(rng.integers(-128, 128)))
    wf = net.const(rng.integers(-127, 128, (f, k)).astype(np.int8), _scale(rng, 0.003, 0.02))
    wt = rng.integers(-9000, 9000, (f, memory)) if wide else rng.integers(-127, 128, (f, memory))
    weights = net.const(wt.astype(narrow), _scale(rng, 1e-5, 1e-4) if wide else _scale(rng, 0.005, 0.02))
    zero = 0 if wide else int(rng.integers(-128, 128))
    step = _scale(rng, 0.0005, 0.01) if wide else _scale(rng, 0.01, 0.1)
    state = net.state((1, memory * f), narrow, step, zero)
    b = net.const(rng.integers(-900, 900, units).astype(np.int32), step * net.tensors[weights].scale)
    y = T((1, units), scale=_scale(rng, 0.02, 0.1), zero=int(rng.integers(-128, 128)))
    net.op("SVDF", [x, wf, weights, b, state], [y], "SVDFOptions", rank=rank, fusedActivationFunction=1)
    compare_micro(net, rng, calls=memory + 3)
