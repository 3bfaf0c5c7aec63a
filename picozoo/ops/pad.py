"""Surrounds a tensor with a constant; with quantisation the constant is the integer that stands for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.ops._fixed_point import quantize_array
from picozoo.ops._op import Case, Types, norm_axis
from picozoo.ops._strided import Mover, contiguous, emit_strided
from picozoo.specs import QuantParams, TensorType


@dataclass(frozen=True)
class PadAttrs:
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    value: float = 0.0


def _constant_pad(ctx: Any, x: Any, pad: Any, value: float = 0.0) -> Any:
    x = ctx.ref(x)
    rank = ctx.type(x).rank
    before, after = [0] * rank, [0] * rank
    for k in range(len(pad) // 2):  # PyTorch counts from the last dimension
        before[rank - 1 - k], after[rank - 1 - k] = pad[2 * k], pad[2 * k + 1]
    return ctx.emit("pad", [x], PadAttrs(tuple(before), tuple(after), float(value or 0.0)))


_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _pad(ctx: Any, x: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """Sizes from the last dimension on, two each; below zero they take away."""
    if mode == "constant" and min(pad, default=0) >= 0:
        return _constant_pad(ctx, x, pad, value or 0.0)
    x = ctx.ref(x)
    rank = ctx.type(x).rank
    sizes = [0] * 2 * rank
    for k in range(len(pad) // 2):
        sizes[rank - 1 - k], sizes[2 * rank - 1 - k] = int(pad[2 * k]), int(pad[2 * k + 1])
    fill = np.array(value or 0.0, np.float32) if mode == "constant" else None
    return ctx.as_node("Pad", [x, np.array(sizes), fill], mode=_MODES[mode])


def _padding(mode: str) -> Any:
    return lambda ctx, x, pad: _pad(ctx, x, pad, mode)


def _tflite(ctx: Any) -> Any:
    x, sizes = ctx.ref(0), ctx.array(1, "padding sizes").reshape(-1, 2)
    value = 0.0
    if ctx.has(2):
        t = ctx.type(ctx.ref(2))
        value = float(ctx.array(2, "the padding value").reshape(-1)[0])
        value = value if t.quant is None else (value - t.quant.zero_point[0]) * t.quant.scale[0]
    if len(sizes) != ctx.type(x).rank:
        raise Unsupported(f"padding sizes for {len(sizes)} dimensions of {ctx.type(x).rank}")
    before, after = (tuple(int(v) for v in sizes[:, k]) for k in (0, 1))
    return ctx.emit("pad", [x], PadAttrs(before, after, value))


def _pads(ctx: Any, rank: int) -> tuple[list[int], list[int]]:
    sizes = ctx.ints_at("pads", 1, [0] * 2 * rank, 11)
    axes = [norm_axis(a, rank) for a in ctx.ints(3, "axes")] if ctx.has(3) else list(range(rank))
    before, after = [0] * rank, [0] * rank
    if len(sizes) != 2 * len(axes):
        raise BadFile(f"{len(sizes)} padding sizes for {len(axes)} dimensions")
    for k, axis in enumerate(axes):
        before[axis], after[axis] = sizes[k], sizes[k + len(axes)]
    return before, after


def _onnx(ctx: Any) -> str:
    x, mode = ctx.plain(ctx.ref(0)), ctx.attr("mode", "constant")
    rank = ctx.type(x).rank
    before, after = _pads(ctx, rank)
    shape = ctx.shape(x)
    for axis in range(rank):  # a negative size takes away
        lo, hi = min(0, before[axis]), min(0, after[axis])
        if lo or hi:
            x = ctx.part(x, axis, -lo, shape[axis] + lo + hi)
    before, after = [max(0, n) for n in before], [max(0, n) for n in after]
    if mode == "constant":
        value = ctx.number(2, 0.0, "the padding value") if ctx.opset >= 11 else float(ctx.attr("value", 0.0))
        if not any((*before, *after)):
            return str(x)
        return str(ctx.emit("pad", [x], PadAttrs(tuple(before), tuple(after), float(value))))
    if mode not in ("reflect", "edge", "wrap"):
        raise Unsupported(f"padding mode {mode!r}; use constant, reflect, edge or wrap")
    for axis in range(rank):
        if before[axis] or after[axis]:
            n = ctx.shape(x)[axis]
            if n + before[axis] + after[axis] > 1 << 24:
                raise BadFile(f"padding of {before[axis]} and {after[axis]}")
            rows: Any = np.pad(np.arange(n), (before[axis], after[axis]), mode=mode)
            x = ctx.pick(x, axis, rows)
    return str(x)


class Pad(Mover):
    name = "pad"
    Attrs = PadAttrs
    aten = {
        "constant_pad_nd.default": lambda ctx, x, pad, value=0.0: _pad(ctx, x, pad, "constant", value),
        "pad.default": _pad,
        **{f"reflection_pad{n}d.default": _padding("reflect") for n in (1, 2, 3)},
        **{f"replication_pad{n}d.default": _padding("replicate") for n in (1, 2, 3)},
    }
    tflite = {"PAD": _tflite, "PADV2": _tflite}
    onnx = {"Pad": _onnx}
    cases = (
        Case((TensorType((1, 3, 4, 2)),), PadAttrs((0, 1, 2, 0), (0, 2, 1, 0), 1.5)),
        Case(
            (TensorType((3,), "i8", QuantParams.tensor(0.5, -3)),),
            PadAttrs((1,), (2,)),
            (TensorType((6,), "i8", QuantParams.tensor(0.5, -3)),),
        ),
    )

    def infer(self, ins: Types, attrs: PadAttrs) -> list[TensorType]:
        shape = tuple(d + a + b for d, a, b in zip(ins[0].shape, attrs.before, attrs.after, strict=True))
        if min((*attrs.before, *attrs.after, 0)) < 0:
            raise Unsupported("negative padding is not supported; slice instead")
        return [TensorType(shape, ins[0].dtype)]

    def _value(self, t: TensorType, attrs: PadAttrs) -> Any:
        if t.quant is not None:
            return int(
                quantize_array(np.array(attrs.value, np.float32), t.quant.scale[0], t.quant.zero_point[0], t.dtype)
            )
        return attrs.value if t.is_float else int(attrs.value)

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: PadAttrs) -> list[np.ndarray]:
        return [
            np.pad(
                args[0], list(zip(attrs.before, attrs.after, strict=True)), constant_values=self._value(outs[0], attrs)
            )
        ]

    def permute(self, attrs: PadAttrs, ins: Types, perm: tuple[int, ...]) -> PadAttrs:
        inverse = np.argsort(perm)
        return PadAttrs(tuple(attrs.before[i] for i in inverse), tuple(attrs.after[i] for i in inverse), attrs.value)

    def emit(self, call: Any) -> str:
        out, ys = call.outs[0], contiguous(call.outs[0].shape)
        fill = call.run(
            f"pz_fill_{out.dtype}",
            call.y(),
            call.literal(self._value(out, call.attrs)),
            out.size,
            header="pz_strided.h",
        )
        at = sum(b * s for b, s in zip(call.attrs.before, ys, strict=True))
        shape = call.ins[0].shape
        return fill + "\n" + emit_strided(call, call.x(0), call.y(), shape, contiguous(shape), ys, y_off=at)


OP = Pad()
