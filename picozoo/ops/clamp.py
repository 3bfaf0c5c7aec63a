"""Limit to [low, high]; also relu6 and hardtanh. Float bounds may be infinite (written as +-3.4e38)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.ops import _tflite as tflite
from picozoo.ops._elementwise import Rectifier, unary_cases

BIG = 3.4028234663852886e38


@dataclass(frozen=True)
class ClampAttrs:
    low: float = -BIG
    high: float = BIG


def _clamp(ctx: Any, x: Any, low: Any = None, high: Any = None) -> Any:
    x = ctx.ref(x, ctx.out_dtype)
    if ctx.type(x).dtype in ("i64", "u8"):
        x = x if low is None else ctx.emit("maximum", [x, ctx.ref(low, ctx.out_dtype)])
        return x if high is None else ctx.emit("minimum", [x, ctx.ref(high, ctx.out_dtype)])
    a = ClampAttrs(-BIG if low is None else float(low), BIG if high is None else float(high))
    return ctx.emit("clamp", [x], a)


def _onnx(ctx: Any) -> str:
    x = ctx.plain(ctx.ref(0))
    t = ctx.type(x)
    if ctx.opset < 11:
        return str(ctx.emit("clamp", [x], ClampAttrs(ctx.attr("min", -BIG), ctx.attr("max", BIG))))
    low, high = (ctx.constant(i) for i in (1, 2))
    known = all(c is not None or not ctx.has(i) for i, c in ((1, low), (2, high)))
    if known and t.is_float:
        bounds = [d if c is None else float(c.reshape(-1)[0]) for c, d in ((low, -BIG), (high, BIG))]
        if bounds[0] <= bounds[1]:
            return str(ctx.emit("clamp", [x], ClampAttrs(max(bounds[0], -BIG), min(bounds[1], BIG))))
    if ctx.has(1):
        x = ctx.op("maximum", x, ctx.reshape(ctx.ref(1), ()))
    return str(ctx.op("minimum", x, ctx.reshape(ctx.ref(2), ())) if ctx.has(2) else x)


class Clamp(Rectifier):
    name = "clamp"
    Attrs = ClampAttrs
    attr_order = ("low", "high")
    aten = {
        "clamp.default": _clamp,
        "hardtanh.default": lambda ctx, x, low=-1.0, high=1.0: _clamp(ctx, x, low, high),
        "relu6.default": lambda ctx, x: _clamp(ctx, x, 0.0, 6.0),
        "clamp_min.default": lambda ctx, x, low: _clamp(ctx, x, low),
        "clamp_max.default": lambda ctx, x, high: _clamp(ctx, x, None, high),
    }
    dtypes = ("f32", "i8", "i16", "i32")
    tflite = {
        "RELU6": tflite.unary("clamp", ClampAttrs(0.0, 6.0)),
        "RELU_N1_TO_1": tflite.unary("clamp", ClampAttrs(-1.0, 1.0)),
        "RELU_0_TO_1": tflite.unary("clamp", ClampAttrs(0.0, 1.0)),
    }
    onnx = {"Clip": _onnx}
    cases = unary_cases(attrs=ClampAttrs(0.0, 1.5))

    def fn(self, x: np.ndarray, attrs: ClampAttrs) -> np.ndarray:
        if x.dtype.kind == "i":
            info = np.iinfo(x.dtype)
            return np.clip(x, max(int(np.ceil(max(attrs.low, info.min))), info.min), int(min(attrs.high, info.max)))
        return np.clip(x, np.float32(attrs.low), np.float32(attrs.high))

    def limits(self, attrs: Any) -> tuple[float, float]:
        return attrs.low, attrs.high

    def emit(self, call: Any) -> str:
        if call.ins[0].dtype != "f32" and call.outs[0].quant is None:
            info = np.iinfo(call.ins[0].numpy)
            low, high = int(np.ceil(max(call.attrs.low, info.min))), int(min(call.attrs.high, info.max))
            return call.run(f"pz_clamp_{call.ins[0].dtype}", call.x(0), call.y(), call.outs[0].size, low, high)
        return super().emit(call)


OP = Clamp()
