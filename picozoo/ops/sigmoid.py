"""1 / (1 + e^-x)."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases
from picozoo.ops._lut16 import squash16, squash_factor, squash_table
from picozoo.ops._op import Case, Types
from picozoo.specs import QuantParams, TensorType

_Y = TensorType((2, 50), "i16", QuantParams.tensor(2.0**-15))


class Sigmoid(Unary):
    name = "sigmoid"
    fixed16 = True
    onnx = {"Sigmoid": onnx.unary("sigmoid")}
    aten = {"sigmoid.default": unary("sigmoid")}
    tflite = {"LOGISTIC": tflite.unary("sigmoid")}
    cases = (
        *unary_cases()[:3],
        *(Case((TensorType((2, 50), "i16", QuantParams.tensor(s)),), outs=(_Y,)) for s in (2.0**-12, 0.0003, 0.00007)),
    )

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return (1 / (1 + np.exp(-x.astype(np.float64)))).astype(np.float32)

    def wide(self, x: np.ndarray, qx: QuantParams, qy: QuantParams, attrs: Any) -> np.ndarray:
        return squash16(x, *squash_factor(qx.scale[0], (0,)), False)

    def emit_wide(self, call: Any, qx: QuantParams, qy: QuantParams) -> str:
        table = call.table("sigmoid", squash_table())
        args = (call.x(0), table, call.y(), call.outs[0].size, *squash_factor(qx.scale[0], (0,)))
        return str(call.run("pz_sigmoid_i16", *args, header="pz_squash16.h"))

    def lowers(self, ins: Types, outs: Types, attrs: Any) -> bool:
        q = outs[0].quant
        fixed = outs[0].dtype != "i16" or (q is not None and q.scale[0] == 2.0**-15)
        return fixed and super().lowers(ins, outs, attrs)


OP = Sigmoid()
