"""ONNX's recurrent layers with all that they may have, against ONNX Runtime: in float, and in int8 and int16."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo.compress.quantise import wide_layers
from picozoo.errors import Unsupported
from picozoo.frontend import onnx as importer
from picozoo.ir.interp import Interpreter

from .test_onnx import helper, model, ort

FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "peepholes": ("LSTM", {"peep": True}),
    "peepholes-both": ("LSTM", {"peep": True, "direction": "bidirectional"}),
    "coupled": ("LSTM", {"peep": True, "input_forget": 1, "direction": "reverse"}),
    "coupled-clip": ("LSTM", {"input_forget": 1, "clip": 0.5}),
    "keras-hard": ("LSTM", {"activations": ["HardSigmoid", "Tanh", "Tanh"]}),
    "hard-relu": ("LSTM", {"activations": ["HardSigmoid", "Relu", "Softsign"], "activation_alpha": [0.25]}),
    "scaled": (
        "LSTM",
        {
            "activations": ["Sigmoid", "ScaledTanh", "Affine"],
            "activation_alpha": [1.7, 0.5],
            "activation_beta": [0.7, 0.1],
        },
    ),
    "gru-clip": ("GRU", {"clip": 0.5}),
    "gru-after-clip": ("GRU", {"clip": 0.5, "linear_before_reset": 1, "direction": "bidirectional"}),
    "gru-after": ("GRU", {"linear_before_reset": 1, "activations": ["HardSigmoid", "Softsign"]}),
    "gru-relu": ("GRU", {"activations": ["Sigmoid", "Relu"]}),
    "rnn-clip": ("RNN", {"clip": 0.5}),
    "rnn-two": ("RNN", {"activations": ["Elu", "LeakyRelu"], "direction": "bidirectional"}),
    "rnn-soft": ("RNN", {"activations": ["Softplus"]}),
    "lengths": ("LSTM", {"peep": True, "lens": [3, 6, 6], "direction": "bidirectional"}),
    "gru-lengths": ("GRU", {"lens": [6, 2, 4], "direction": "reverse"}),
}


def build(kind: str, peep: bool = False, lens: list[int] | None = None, **attrs: Any) -> tuple[bytes, tuple[int, ...]]:
    """A file of one layer from given states, and the shape of its input."""
    rng, gates, n, k = np.random.default_rng(2), {"LSTM": 4, "GRU": 3, "RNN": 1}[kind], 8, 5
    d, b = 1 + (attrs.get("direction") == "bidirectional"), 3 if lens else 1

    def weights(*shape: int) -> np.ndarray:
        return rng.uniform(-0.5, 0.5, (d, *shape)).astype(np.float32)

    c = {"w": weights(gates * n, k), "r": weights(gates * n, n), "b": weights(2 * gates * n), "h": weights(b, n)}
    ins, outs = ["x", "w", "r", "b", "lens" if lens else "", "h"], ["y", "yh"]
    if lens:
        c["lens"] = np.array(lens, np.int32)
    if kind == "LSTM":
        c["c"] = weights(b, n)
        ins, outs = [*ins, "c"], [*outs, "yc"]
    if peep:
        c["p"] = weights(3 * n)
        ins.append("p")
    node = helper.make_node(kind, ins, outs, hidden_size=n, **attrs)
    return model([node], {"x": (6, b, k)}, outs, c), (6, b, k)


@pytest.mark.parametrize("form", FORMS)
def test_against_onnx_runtime(form: str, tmp_path: Path) -> None:
    """Float to a few bits; int8 and int16 without a float operator, to the stated signal to noise ratio."""
    kind, options = FORMS[form]
    data, shape = build(kind, **options)
    x = np.random.default_rng(1).normal(size=(12, *shape)).astype(np.float32) * 1.5
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    want = [session.run(None, {"x": v}) for v in x]
    exact = importer.from_bytes(data, "float")
    for g, w in zip(Interpreter(exact).call("forward", x[0]), want[0], strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-5)
    (tmp_path / "net.onnx").write_bytes(data)
    layers: tuple[str, ...] = ()
    for least in (33, 42):
        fw = pz.compile(str(tmp_path / "net.onnx"), board="host", calibrate=x, io="float32", int16=layers)
        layers = tuple(wide_layers(fw.float_program))
        f, machine, signal, noise = fw.program.main, Interpreter(fw.program), 0.0, 0.0
        types = [{fw.program.type_of(f, r).is_float for r in (*n.inputs, *n.outputs)} for n in f.nodes]
        floats = [n.op for n, t in zip(f.nodes, types, strict=True) if True in t]
        assert set(floats) == {"quantize", "dequantize"}
        for v, made in zip(x, want, strict=True):
            for g, w in zip(machine.call("forward", v), made, strict=True):
                signal, noise = signal + float((w**2).sum()), noise + float(((g - w) ** 2).sum())
        assert 10 * np.log10(signal / noise) > least


def test_what_is_refused() -> None:
    with pytest.raises(Unsupported, match=r"activations sinus; 1 of tanh, relu"):
        importer.from_bytes(build("RNN", activations=["Sinus"])[0], "p")
    with pytest.raises(Unsupported, match=r"sequence_lens \[7, 6, 6\]: 3 numbers from 1 to 6"):
        importer.from_bytes(build("GRU", lens=[7, 6, 6])[0], "p")
