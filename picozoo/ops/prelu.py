"""x for x >= 0, else slope * x, with a slope for each place; the two broadcast.

In int8 the slopes are int8, or int16 where they are constants that were float.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._elementwise import Binary, plan_loops
from picozoo.ops._fixed_point import quantize_multiplier, requantize
from picozoo.ops._op import Case, Types
from picozoo.ops.leaky_relu import LeakyReluAttrs
from picozoo.specs import QuantParams, TensorType


def _case(a: tuple[int, ...], b: tuple[int, ...], slope: str = "i8") -> Case:
    x, y = QuantParams.tensor(0.05, -7), QuantParams.tensor(0.04, 9)
    s = QuantParams.tensor(0.01, 3) if slope == "i8" else QuantParams.tensor(1e-5)
    return Case((TensorType(a, "i8", x), TensorType(b, slope, s)), outs=(TensorType(a, "i8", y),))


def _read(ctx: Any, x: Any, slope: Any) -> Any:
    """One slope, or one for each channel, which PyTorch has second."""
    x, slope = ctx.ref(x, "f32"), ctx.ref(slope, "f32")
    n, rank = ctx.type(slope).size, ctx.type(x).rank
    return ctx.emit("prelu", [x, ctx.reshape(slope, (n,) + (1,) * max(rank - 2, 0))])


def _kernel(ctx: Any, x: Any, slope: Any) -> Any:
    return ctx.emit("prelu", [ctx.ref(x, "f32"), ctx.ref(slope, "f32")])


def _tflite(ctx: Any) -> str:
    return str(ctx.emit("prelu", [ctx.ref(0), ctx.ref(1)]))


def _onnx(ctx: Any) -> str:
    """One known slope is that of a leaky relu; integers are written out."""
    x, slope = ctx.ref(0), ctx.ref(1)
    known = ctx.program.constant(slope)
    if not ctx.type(x).is_float:
        return str(ctx.op("where", ctx.op("gt", x, 0), x, ctx.op("mul", x, slope)))
    if known is not None and known.size == 1:
        return str(ctx.emit("leaky_relu", [x], LeakyReluAttrs(float(known.reshape(-1)[0]))))
    return str(ctx.emit("prelu", [x, slope]))


class Prelu(Binary):
    name = "prelu"
    aten = {"prelu.default": _read, "_prelu_kernel.default": _kernel}
    tflite = {"PRELU": _tflite}
    onnx = {"PRelu": _onnx}
    dtypes = ("f32",)
    quant_rule = "free"
    cases = (
        _case((2, 3, 4), (4,)),
        _case((2, 5), (2, 5)),
        _case((7,), ()),
        _case((2, 3, 4), (3, 1), "i16"),
        Case((TensorType((2, 3, 4)), TensorType((4,)))),
        Case((TensorType((5,)), TensorType((2, 5)))),
    )

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        if ins[0].quant is None and ins[0].dtype != "f32":
            raise Unsupported(f"prelu takes float32 or quantised int8, got {ins[0].dtype}")
        return super().infer(ins, attrs)

    def quant_inputs(self, ins: Types, attrs: Any) -> dict[int, str]:
        return {0: "act", 1: "const16"}

    def lowers(self, ins: Types, outs: Types, attrs: Any) -> bool:
        x, slope, y = *ins, outs[0]
        known = all(t.quant is not None and t.quant.per_tensor for t in (x, slope, y))
        return known and x.dtype == y.dtype == "i8" and slope.dtype in ("i8", "i16")

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.where(a >= 0, a, a * b)

    def _fixed(self, ins: Types, outs: Types) -> tuple[int, ...]:
        x, a, y = (t.quant for t in (*ins, outs[0]))
        assert x is not None and a is not None and y is not None
        sx, sa, sy = (np.float32(q.scale[0]) for q in (x, a, y))
        above, below = quantize_multiplier(float(sx / sy)), quantize_multiplier(float(sx * sa / sy))
        return (*above, *below, x.zero_point[0], a.zero_point[0], y.zero_point[0])

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        if ins[0].quant is None:
            return super().reference(args, ins, outs, attrs)
        m, s, mb, sb, zx, za, zy = self._fixed(ins, outs)
        x, a = args[0].astype(np.int64) - zx, args[1].astype(np.int64) - za
        above, below = requantize(x, m, s, zy, -128, 127), requantize(x * a, mb, sb, zy, -128, 127)
        return [np.where(np.broadcast_to(x, below.shape) >= 0, above, below)]

    def emit(self, call: Any) -> str:
        if call.ins[0].quant is None:
            return super().emit(call)
        loops = plan_loops(call.outs[0].shape, call.ins[0].shape, call.ins[1].shape)
        kernel = f"pz_prelu_i8_{call.ins[1].dtype}"
        return str(call.run(kernel, call.x(0), call.x(1), call.y(), *loops.args, *self._fixed(call.ins, call.outs)))


OP = Prelu()
