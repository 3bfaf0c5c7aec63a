"""Integer kernels at the ends of their ranges: no sum may leave the place that a packed form gives it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from picozoo.ir.program import Function, Node, Program
from picozoo.ops._conv import Conv2dAttrs
from picozoo.ops.linear import LinearAttrs
from picozoo.specs import QuantParams, TensorType

from .cases import FORMS, compare_functions

X = QuantParams.tensor(0.05, -128)
W, Y = QuantParams.tensor(0.001), QuantParams.tensor(0.5, 3)
BOARDS = ["host", *FORMS, "pico", "esp32c3", "nano33ble", "corstone300"]


def weights(shape: tuple[int, ...], kind: str) -> np.ndarray:
    """All values at an end of int8, or at both in turn, or heavy in few places."""
    w = np.full(shape, {"low": -128, "high": 127}.get(kind, 0), np.int8)
    if kind == "turns":
        w.reshape(-1)[::2], w.reshape(-1)[1::2] = 127, -128
    if kind == "few":
        w.reshape(-1)[::7] = -127
    return w


LAYERS = {
    "conv": ((1, 3, 4, 5), (5, 3, 3, 5), (1, 3, 4, 5), "conv2d", Conv2dAttrs((1, 1), (1, 1, 1, 1))),
    "point": ((1, 2, 3, 16), (4, 1, 1, 16), (1, 2, 3, 4), "conv2d", Conv2dAttrs()),
    "depth": ((1, 4, 4, 17), (17, 3, 3, 1), (1, 4, 4, 17), "conv2d", Conv2dAttrs((1, 1), (1, 1, 1, 1), groups=17)),
    "conv_relu": ((1, 3, 4, 5), (5, 3, 3, 5), (1, 3, 4, 5), "conv2d", Conv2dAttrs((1, 1), (1, 1, 1, 1), act="relu")),
    "wide_relu": ((1, 2, 3, 300), (2, 1, 1, 300), (1, 2, 3, 2), "conv2d", Conv2dAttrs(act="relu")),
    "depth_relu": (
        (1, 4, 4, 3),
        (3, 5, 5, 1),
        (1, 4, 4, 3),
        "conv2d",
        Conv2dAttrs((1, 1), (2,) * 4, groups=3, act="relu"),
    ),
    "linear": ((2, 37), (9, 37), (2, 9), "linear", LinearAttrs()),
}


def program() -> Program:
    """One function for each layer and kind of weights."""
    made = Program("ends")
    for name, (x, w, y, op, attrs) in LAYERS.items():
        for kind in ("low", "high", "turns", "few"):
            f = Function(f"{name}_{kind}", ("%x",), ("%y",), [], {})
            at = made.add_constant(f"{f.name}.w", weights(w, kind), TensorType(w, "i8", W))
            f.types = {"%x": TensorType(x, "i8", X), "%y": TensorType(y, "i8", Y)}
            f.nodes = [Node(op, "node", ("%x", at), ("%y",), attrs)]
            made.functions[f.name] = f
    return made


@pytest.mark.parametrize("board_name", BOARDS)
def test_ends_of_ranges(board_name: str) -> None:
    def ends(t: TensorType) -> Iterator[tuple[str, np.ndarray]]:
        for low, high in ((-128, -128), (127, 127), (-128, 127)):
            yield f"{low} and {high}", np.resize(np.array([low, high, low, low, high], np.int8), t.shape)

    compare_functions(program(), board_name, ends)
