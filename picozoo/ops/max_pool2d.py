"""Largest value of each window. x [N, H, W, C]; what hangs over the edge does not count."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops._conv import Conv2dAttrs, patches
from picozoo.ops._onnx_window import pool
from picozoo.ops._op import Case, Types
from picozoo.ops._pool import Pool, PoolAttrs, pool_reader, tflite_pool
from picozoo.specs import QuantParams, TensorType

_Q = QuantParams.tensor(0.05, 3)


class MaxPool2d(Pool):
    name = "max_pool2d"
    moves = True
    aten = {
        **{f"max_pool{n}d.default": pool_reader("max_pool2d", n) for n in (1, 2, 3)},
        **{f"max_pool{n}d_with_indices.default": pool_reader("max_pool2d", n, True) for n in (1, 2, 3)},
    }
    tflite = {"MAX_POOL_2D": tflite_pool("max_pool2d")}
    onnx = {"MaxPool": pool("max")}
    cases = (
        Case((TensorType((1, 6, 5, 3)),), PoolAttrs()),
        Case((TensorType((2, 5, 5, 2)),), PoolAttrs((3, 3), (2, 1), (1, 1, 1, 1))),
        Case((TensorType((1, 6, 6, 5), "i8", _Q),), PoolAttrs(), (TensorType((1, 3, 3, 5), "i8", _Q),)),
        Case(
            (TensorType((1, 5, 6, 23), "i8", _Q),),
            PoolAttrs((3, 3), (1, 1), (1, 1, 1, 1)),
            (TensorType((1, 5, 6, 23), "i8", _Q),),
        ),
        Case((TensorType((2, 7, 4, 8), "i8", _Q),), PoolAttrs((5, 1), (2, 1)), (TensorType((2, 2, 4, 8), "i8", _Q),)),
        Case((TensorType((1, 6, 6, 5), "i16", _Q),), PoolAttrs(), (TensorType((1, 3, 3, 5), "i16", _Q),)),
    )

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: PoolAttrs) -> list[np.ndarray]:
        low = float(np.finfo(np.float32).min if ins[0].is_float else np.iinfo(ins[0].numpy).min)
        return [patches(args[0], *attrs.size, Conv2dAttrs(attrs.stride, attrs.pad), low).max((3, 4))]

    def emit(self, call: Any) -> str:
        return call.run(f"pz_max_pool2d_{call.ins[0].dtype}", call.x(0), call.y(), *self.window(call))


OP = MaxPool2d()
