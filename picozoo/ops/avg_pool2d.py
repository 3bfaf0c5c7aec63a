"""Mean of each window. x [N, H, W, C]. In int8 the mean of the integers, halves away from zero, as TFLite."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops._conv import Conv2dAttrs, patches
from picozoo.ops._onnx_window import pool
from picozoo.ops._op import Case, Types
from picozoo.ops._pool import Pool, PoolAttrs, pool_reader, tflite_pool
from picozoo.ops._reduce import ReduceAttrs
from picozoo.specs import QuantParams, TensorType

_Q = QuantParams.tensor(0.05, 3)


def _adaptive(ctx: Any, x: Any, size: Any) -> Any:
    """Adaptive pooling to one value is a mean; to a divisor of the input it is ordinary pooling."""
    x, n = ctx.ref(x), 1 if isinstance(size, int) else len(size)
    shape, want = ctx.type(x).shape, ctx.out_shape
    if all(m == 1 for m in want[-n:]):
        y = ctx.emit("mean", [x], ReduceAttrs(tuple(range(len(shape) - n, len(shape))), True))
        return ctx.reshape(y, want)
    if any(a % b for a, b in zip(shape[-n:], want[-n:], strict=True)):
        return ctx.read("adaptive_avg_pool3d.default", x, size)  # which is for any windows
    sizes = [a // b for a, b in zip(shape[-n:], want[-n:], strict=True)]
    return pool_reader("avg_pool2d", n)(ctx, x, sizes)


class AvgPool2d(Pool):
    name = "avg_pool2d"
    aten = {
        **{f"avg_pool{n}d.default": pool_reader("avg_pool2d", n) for n in (1, 2, 3)},
        "adaptive_avg_pool2d.default": _adaptive,
        "_adaptive_avg_pool2d.default": _adaptive,
        "adaptive_avg_pool1d.default": _adaptive,
    }
    tflite = {"AVERAGE_POOL_2D": tflite_pool("avg_pool2d")}
    onnx = {"AveragePool": pool("avg")}
    cases = (
        Case((TensorType((1, 6, 5, 3)),), PoolAttrs()),
        Case((TensorType((1, 5, 5, 2)),), PoolAttrs((3, 3), (2, 2), (1, 1, 1, 1))),
        Case((TensorType((1, 5, 5, 2)),), PoolAttrs((3, 3), (2, 2), (1, 1, 1, 1), False)),
        Case((TensorType((1, 6, 6, 5), "i8", _Q),), PoolAttrs(), (TensorType((1, 3, 3, 5), "i8", _Q),)),
        Case(
            (TensorType((1, 5, 7, 2), "i8", _Q),),
            PoolAttrs((3, 3), (2, 2), (1, 1, 1, 1), False),
            (TensorType((1, 3, 4, 2), "i8", _Q),),
        ),
        *(
            Case(
                (TensorType((1, 5, 7, c), d, _Q),),
                PoolAttrs((2, 3), (2, 2), (1, 1, 1, 1), False, up),
                (TensorType((1, 3, 4, c), d, _Q),),
            )
            for d, up, c in (("i8", True, 2), ("i16", False, 2), ("i8", True, 21), ("i8", False, 21))
        ),
        # sums that leave 16 bits
        Case((TensorType((1, 16, 17, 5), "i8", _Q),), PoolAttrs((16, 17)), (TensorType((1, 1, 1, 5), "i8", _Q),)),
    )

    def lowers(self, ins: Types, outs: Types, attrs: PoolAttrs) -> bool:
        # with padding counted as zero the integer mean would need the zero point; left in float
        return super().lowers(ins, outs, attrs) and (not attrs.count_pad or attrs.pad == (0, 0, 0, 0))

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: PoolAttrs) -> list[np.ndarray]:
        at = Conv2dAttrs(attrs.stride, attrs.pad)
        wide = args[0].astype(np.float32 if ins[0].is_float else np.int64)
        total = patches(wide, *attrs.size, at, 0).sum((3, 4))
        count = patches(np.ones_like(wide), *attrs.size, at, 0).sum((3, 4))
        if ins[0].is_float:
            return [
                (total / (np.float32(attrs.size[0] * attrs.size[1]) if attrs.count_pad else count)).astype(np.float32)
            ]
        if attrs.up:
            return [(total + 128 * count + count // 2) // count - 128]
        return [np.sign(total) * ((np.abs(total) + count // 2) // count)]

    def emit(self, call: Any) -> str:
        return call.run(
            f"pz_avg_pool2d_{call.ins[0].dtype}{'_up' if call.attrs.up else ''}",
            call.x(0),
            call.y(),
            *self.window(call),
            int(call.attrs.count_pad),
        )


OP = AvgPool2d()
