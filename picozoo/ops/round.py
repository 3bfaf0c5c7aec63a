"""Nearest whole number, halves to even."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Round(Unary):
    name = "round"
    onnx = {"Round": onnx.unary("round")}
    aten = {"round.default": unary("round")}
    tflite = {"ROUND": tflite.unary("round")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.round(x)


OP = Round()
