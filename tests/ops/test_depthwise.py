"""Depthwise layers of many shapes against the NumPy reference: steps, dilation, odd ends, wide rows, many channels."""

from __future__ import annotations

import numpy as np
import pytest

from picozoo.ir.program import Function, Node, Program
from picozoo.ops._conv import Conv2dAttrs, window_out
from picozoo.specs import QuantParams, TensorType

from .cases import compare_functions

BOARDS = ["host+dsp", "nano33ble", "pico", "corstone300"]
# height, width, channels, outputs a channel, window, strides, dilation, padding
SHAPES = [
    (6, 5, 4, 1, (3, 3), (1, 1), (1, 1), 1),  # pairs of outputs
    (5, 5, 3, 1, (3, 3), (1, 1), (1, 1), 1),  # a pair and one
    (4, 3, 260, 1, (3, 3), (1, 1), (1, 1), 1),  # steps too long for a store that moves on, turned
    (3, 3, 260, 1, (3, 3), (1, 1), (1, 1), 1),
    (9, 7, 5, 1, (3, 3), (2, 2), (1, 1), 1),
    (4, 8, 260, 1, (3, 3), (2, 2), (1, 1), 0),
    (5, 9, 2, 2, (3, 3), (1, 2), (1, 1), 1),
    (8, 8, 3, 1, (3, 3), (1, 1), (2, 2), 2),  # phases of equal length
    (7, 9, 3, 1, (3, 3), (1, 1), (3, 2), 2),  # and of others
    (9, 9, 3, 1, (3, 3), (2, 2), (2, 4), 3),  # strides that leave out whole rows and columns
    (11, 12, 2, 1, (3, 3), (2, 2), (3, 3), 1),  # and that do not
    (4, 270, 2, 1, (3, 3), (1, 1), (1, 1), 1),  # rows longer than an instruction's offset
    (7, 6, 3, 1, (1, 1), (2, 2), (1, 1), 0),
    (9, 10, 3, 1, (5, 4), (1, 2), (2, 1), 2),
    (8, 9, 17, 1, (5, 5), (1, 1), (2, 2), 4),
    (7, 6, 3, 1, (5, 5), (1, 1), (1, 1), 2),  # pairs of outputs
    (5, 4, 260, 1, (5, 5), (1, 1), (1, 1), 2),
    (8, 8, 2, 1, (5, 5), (2, 1), (1, 2), 4),
]
Y = {"none": QuantParams.tensor(0.9, 3), "relu": QuantParams.tensor(0.4, -128)}


def program() -> Program:
    """One function for each shape and activation."""
    made, chance = Program("depthwise"), np.random.default_rng(0)
    for i, (h, w, c, times, window, stride, dilation, pad) in enumerate(SHAPES):
        shape = (c * times, *window, 1)
        sizes = (window_out(n, window[k], stride[k], pad, pad, dilation[k]) for k, n in enumerate((h, w)))
        scales = tuple(float(np.float32(0.01 + 0.001 * (k % 7))) for k in range(shape[0]))
        per_channel = QuantParams(scales, (0,) * shape[0], 0)
        values = np.clip(chance.normal(0, 50, shape).round(), -127, 127).astype(np.int8)
        y = (1, *sizes, shape[0])
        for act, q in Y.items():
            f = Function(f"f{i}_{act}", ("%x",), ("%y",), [], {})
            at = made.add_constant(f"{f.name}.w", values, TensorType(shape, "i8", per_channel))
            f.types = {"%x": TensorType((1, h, w, c), "i8", QuantParams.tensor(0.05, -3)), "%y": TensorType(y, "i8", q)}
            attrs = Conv2dAttrs(stride, (pad,) * 4, dilation, c, act)
            f.nodes = [Node("conv2d", "node", ("%x", at), ("%y",), attrs)]
            made.functions[f.name] = f
    return made


@pytest.mark.parametrize("board_name", BOARDS)
def test_shapes(board_name: str) -> None:
    chance = np.random.default_rng(1)
    compare_functions(
        program(), board_name, lambda t: [("random values", chance.integers(-128, 128, t.shape, np.int8))]
    )
