"""Fully connected layer: y = x W^T + b, then an optional clamp. Float, and int8 with int32 accumulators.

Weights are (out, in), as PyTorch and TFLite have them. Leading dimensions of x are rows. The integer form rounds once
from accumulator to output, as LiteRT does here (its convolutions round twice). TensorFlow Lite Micro rounds twice here
too, so that its results may differ by one unit a layer; LiteRT is followed because it is what users compare with, and
because one rounding is both closer and cheaper.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import _matmul8 as m8
from picozoo.ops import _mul32, _mve, _tile16
from picozoo.ops import _narrow as narrow
from picozoo.ops._op import Case, Op, Types
from picozoo.ops._simd import pack_blocks, vectors
from picozoo.specs import QuantParams, Target, TensorType, added


@dataclass(frozen=True)
class LinearAttrs:
    act: str = "none"
    weights: int = added(8)  # bits of a weight in flash, of the integer form
    weight_group: int = added(0)  # places that share a factor of narrow weights, see ops/_narrow.py; 0: none


def _read(ctx: Any, x: Any, w: Any, b: Any = None) -> Any:
    refs = [ctx.ref(x, "f32"), ctx.ref(w)] + ([] if b is None else [ctx.ref(b)])
    return ctx.emit("linear", refs, LinearAttrs())


def _tflite(ctx: Any) -> Any:
    if ctx.options["format"] != 0:
        raise Unsupported(f"weights format {ctx.options['format']} (shuffled) is not supported; convert without it")
    x, w = ctx.ref(0), ctx.ref(1)
    k, n = ctx.type(w).shape[-1], ctx.type(x).size
    if ctx.type(w).rank != 2 or not k or n % k:
        raise Unsupported(f"input {list(ctx.type(x).shape)} does not fit weights {list(ctx.type(w).shape)}")
    act = ctx.act if ctx.act in ("none", "relu", "relu6") else "none"
    if ctx.odd_layer(x, w):  # as a convolution with windows of 1 x 1
        from picozoo.ops._conv import Conv2dAttrs
        from picozoo.ops._conv_read import layer

        rows, weights = ctx.reshape(x, (n // k, 1, 1, k)), ctx.reshape_constant(w, (ctx.type(w).shape[0], 1, 1, k))
        y = layer(ctx, rows, weights, Conv2dAttrs(act=act), once=True)
        return ctx.activated(y, "none" if ctx.act == act else ctx.act)
    refs = [ctx.reshape(x, (n // k, k)), w] + ([ctx.ref(2)] if ctx.has(2) else [])
    return ctx.activated(ctx.emit("linear", refs, LinearAttrs(act)), "none" if ctx.act == act else ctx.act)


def clip_act(y: np.ndarray, act: str) -> np.ndarray:
    """Fused activation in float."""
    if act == "none":
        return y
    return np.clip(y, np.float32(0), np.float32(6) if act == "relu6" else None)


def float_bounds(call: Any) -> list[str]:
    """C literals of the float clamp of a fused activation."""
    act = call.attrs.act
    return [
        call.literal(-3.4028234663852886e38 if act == "none" else 0.0),
        call.literal(6.0 if act == "relu6" else 3.4028234663852886e38),
    ]


def quant_cases(
    x: tuple[int, ...], w: tuple[int, ...], y: tuple[int, ...], attrs: Any, axis: int = 0
) -> tuple[Case, ...]:
    """Integer cases of a weighted layer: per-channel and per-tensor scales, with and without bias."""
    qx, qy = QuantParams.tensor(0.05, 7), QuantParams.tensor(0.11, -12)
    n = w[axis]
    per = QuantParams(tuple(float(np.float32(0.01 * (1 + 0.3 * (i % 5)))) for i in range(n)), (0,) * n, axis)
    found = []
    for qw in (per, QuantParams.tensor(0.02)):
        ins = (TensorType(x, "i8", qx), TensorType(w, "i8", qw))
        found.append(
            Case(
                (*ins, TensorType((n,), "i32")),
                attrs,
                (TensorType(y, "i8", qy),),
                constants=(1, 2),
                low=-3000,
                high=3000,
            )
        )
        found.append(Case(ins, attrs, (TensorType(y, "i8", qy),), constants=(1,)))
    return tuple(found)


def _onnx(ctx: Any) -> str:
    a, b = ctx.ref(0), ctx.ref(1)
    alpha, beta = float(ctx.attr("alpha", 1.0)), float(ctx.attr("beta", 1.0))
    a = ctx.transpose(a, (1, 0)) if ctx.attr("transA", 0) else a
    c = ctx.constant(2)
    n = ctx.shape(b)[0 if ctx.attr("transB", 0) else 1]
    flat = not ctx.has(2) or (c is not None and c.size in (1, n) and c.shape[-1:] in ((), (1,), (n,)))
    known = ctx.program.constant(b)
    row = not ctx.has(2) or (ctx.is_weight(ctx.ref(2)) and ctx.shape(ctx.ref(2)) == (n,))
    if known is None and ctx.is_weight(b) and row and alpha == beta == 1:
        w = b if ctx.attr("transB", 0) else ctx.turned(b, (1, 0))
        return str(ctx.emit("linear", [a, w, *([ctx.ref(2)] if ctx.has(2) else [])]))
    if known is not None and flat and ctx.type(a).is_float:
        w = known if ctx.attr("transB", 0) else known.T
        refs = [a, ctx.const(w * np.float32(alpha), ctx.node.input[1])]
        if c is not None:
            refs.append(ctx.const(np.broadcast_to(c.reshape(-1) * np.float32(beta), (n,)), ctx.node.input[2]))
        return str(ctx.emit("linear", refs))
    y = ctx.emit("matmul", [a, ctx.transpose(b, (1, 0)) if ctx.attr("transB", 0) else b])
    y = y if alpha == 1 else ctx.op("mul", y, alpha)
    if not ctx.has(2):
        return str(y)
    return str(ctx.op("add", y, ctx.ref(2) if beta == 1 else ctx.op("mul", ctx.ref(2), beta)))


class Linear(Op):
    name = "linear"
    Attrs = LinearAttrs
    quant_rule = "free"
    flash_inputs = (1, 2)
    aten = {"linear.default": _read}
    tflite = {"FULLY_CONNECTED": _tflite}
    onnx = {"Gemm": _onnx}
    cases = (
        Case((TensorType((1, 7)), TensorType((5, 7)), TensorType((5,))), LinearAttrs(), constants=(1, 2)),
        Case((TensorType((2, 3, 8)), TensorType((4, 8))), LinearAttrs("relu"), constants=(1,)),
        Case((TensorType((9, 5)), TensorType((70, 5)), TensorType((70,))), LinearAttrs(), constants=(1, 2)),
        *quant_cases((1, 7), (5, 7), (1, 5), LinearAttrs()),
        *quant_cases((3, 12), (4, 12), (3, 4), LinearAttrs("relu")),
        *quant_cases((2, 9), (3, 9), (2, 3), LinearAttrs("relu6")),
        Case((TensorType((1, 11)), TensorType((83, 11))), LinearAttrs("relu"), constants=(1,)),
        Case((TensorType((9, 6)), TensorType((18, 6)), TensorType((18,))), LinearAttrs(), constants=(1, 2)),
        *quant_cases((1, 11), (83, 11), (1, 83), LinearAttrs()),
        *quant_cases((5, 6), (33, 6), (5, 33), LinearAttrs()),
        *quant_cases((1, 41), (5, 41), (1, 5), LinearAttrs(weights=4)),
        *quant_cases((2, 41), (5, 41), (2, 5), LinearAttrs(weights=2)),
        *quant_cases((1, 8), (4, 8), (1, 4), LinearAttrs("relu", weights=2)),
        *quant_cases((1, 41), (5, 41), (1, 5), LinearAttrs(weights=4, weight_group=16))[:1],
        *quant_cases((2, 75), (5, 75), (2, 5), LinearAttrs(weights=2, weight_group=32))[:1],
        *quant_cases((1, 40), (6, 40), (1, 6), LinearAttrs()),
        *quant_cases((1, 48), (8, 48), (1, 8), LinearAttrs()),
    )

    def infer(self, ins: Types, attrs: LinearAttrs) -> list[TensorType]:
        x, w = ins[0], ins[1]
        if w.rank != 2 or x.rank < 1 or x.shape[-1] != w.shape[1]:
            raise Unsupported(f"linear: input {list(x.shape)} does not fit weights {list(w.shape)}")
        if len(ins) > 2 and ins[2].shape != (w.shape[0],):
            raise Unsupported(f"linear: bias {list(ins[2].shape)} does not fit weights {list(w.shape)}")
        return [TensorType((*x.shape[:-1], w.shape[0]), x.dtype)]

    def check(self, ins: Types, outs: Types, attrs: LinearAttrs) -> None:
        if attrs.weights != 8 and outs[0].quant is None:
            raise Unsupported(f"linear: weights of {attrs.weights} bits need int8 activations")

    def macs(self, ins: Types, outs: Types, attrs: LinearAttrs) -> int:
        return outs[0].size * ins[0].shape[-1]

    def quant_inputs(self, ins: Types, attrs: LinearAttrs) -> dict[int, str]:
        return {0: "act", 1: "weight:0", 2: "bias:0,1"}

    def wide_form(self, attrs: LinearAttrs) -> tuple[str, Any]:
        from picozoo.ops.wide_conv2d import WideConv2dAttrs

        return "wide_conv2d", WideConv2dAttrs(act=attrs.act, rounding="long")

    def lowers(self, ins: Types, outs: Types, attrs: LinearAttrs) -> bool:
        return m8.lowers(ins, outs[0])

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: LinearAttrs) -> list[np.ndarray]:
        x, w = args[0].reshape(-1, ins[0].shape[-1]), args[1]
        if outs[0].quant is None:
            y = x @ w.T + (args[2] if len(args) > 2 else np.float32(0))
            return [clip_act(y, attrs.act)]
        r = m8.requant_of(ins[0], ins[1], outs[0], attrs.act, once=True)
        # products of int8 summed in double are exact far beyond any layer size
        acc = (x.astype(np.float64) @ w.T.astype(np.float64)).astype(np.int64)
        return [r.apply(acc + m8.folded_bias(w, args[2] if len(args) > 2 else None, r.x_zero))]

    def bounds(
        self, low: list[np.ndarray], high: list[np.ndarray], ins: Types, outs: Types, attrs: LinearAttrs
    ) -> tuple[np.ndarray, np.ndarray] | None:
        if outs[0].quant is None or not m8.lowers(ins, outs[0]):
            return None
        r, w = m8.requant_of(ins[0], ins[1], outs[0], attrs.act, once=True), low[1]
        return m8.bounds(low[0], high[0], w, m8.folded_bias(w, low[2] if len(low) > 2 else None, r.x_zero), r)

    def scratch(self, ins: Types, outs: Types, attrs: LinearAttrs, target: Target) -> int:
        if attrs.weights < 8:
            return narrow.scratch(1, ins[0].shape[-1], target, 1)
        if outs[0].quant is not None and "tile16" in target.features:
            return ins[0].size + 3
        if outs[0].quant is not None and "mul32" in target.features and not target.has("plain"):
            return _mul32.linear_scratch(ins[0].shape[-1])
        paired = "pair" in self.forms(ins, outs, attrs, target) and not target.has("plain")
        return 2 * len(m8.patch_positions(1, ins[0].shape[-1])) if paired else 0

    def forms(self, ins: Types, outs: Types, attrs: LinearAttrs, target: Target) -> tuple[str, ...]:
        """pair: packed weights, two channels at a time; mul32: pz_linear_mul32.h; plain: a loop."""
        if outs[0].quant is None or attrs.weights < 8 or "mve" in target.features:
            return ()
        if "dsp" in target.features:
            return ("pair", "plain")
        return ("mul32", "plain") if "mul32" in target.features else ()

    def emit(self, call: Any) -> str:
        rows, k, out = prod(call.ins[0].shape[:-1]), call.ins[0].shape[-1], call.outs[0].shape[-1]
        if call.outs[0].quant is None:
            bias = call.x(2) if len(call.ins) > 2 else call.table("bias", np.zeros(out, np.float32))
            if vectors(call.target) and call.in_flash(1):
                packed = call.table("packed", pack_blocks(call.value(1)))
                bounds = float_bounds(call)
                return call.run("pz_linear_f32_simd", call.x(0), packed, bias, call.y(), rows, k, out, *bounds)
            return call.run("pz_linear_f32", call.x(0), call.x(1), bias, call.y(), rows, k, out, *float_bounds(call))
        w, b = call.value(1), call.value(2) if len(call.ins) > 2 else None
        r = m8.requant_of(call.ins[0], call.ins[1], call.outs[0], call.attrs.act, once=True)
        folded = m8.folded_bias(w, b, r.x_zero)
        if call.attrs.weights < 8:
            return narrow.emit_linear(call, w, rows, m8.requant_literal(call, folded, r, w))
        if "mve" in call.target.features:
            table = call.table("packed", _mve.pack_blocks(w[:, None], folded, r))
            args = (call.x(0), table, call.y(), rows, k, out, _mve.out_literal(w, folded, r))
            return call.run("pz_linear_i8_mve", *args, header="pz_linear_mve.h")
        if "tile16" in call.target.features:
            tiles = (call.table("packed", _tile16.pack_tiles(w[:, None], folded, r)), call.y(), call.scratch("pz_i8"))
            end = (rows, k, out, _mve.out_literal(w, folded, r))
            return call.run("pz_linear_i8_tile16", call.x(0), *tiles, *end, header="pz_linear_tile16.h")
        q = m8.requant_literal(call, folded, r, w)
        if "dsp" in call.target.features and not call.target.has("plain"):
            call.small = True
            return call.run(
                "pz_linear_i8_pair",
                call.x(0),
                call.table("packed", m8.pack_pairs(w, 1)),
                call.y(),
                call.scratch("pz_u32"),
                rows,
                k,
                out,
                q,
            )
        if "mul32" in call.target.features and not call.target.has("plain"):
            span = _mul32.linear_span(w)
            packed, parts = _mul32.pack_linear(w, span)
            split = call.table("parts", parts) if parts.max() > 1 else "NULL"
            words = (call.table("packed", packed), split, call.y(), call.scratch("pz_u32"))
            return call.run("pz_linear_i8_mul32", call.x(0), *words, rows, k, out, span, q, header="pz_linear_mul32.h")
        return call.run("pz_linear_i8", call.x(0), call.x(1), call.y(), rows, k, out, q)


OP = Linear()
