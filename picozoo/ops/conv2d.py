"""Two-dimensional convolution, with groups (depthwise included), dilation and an optional clamp.

Layout: x [N, H, W, C], weights [O, KH, KW, C / groups], y [N, OH, OW, O]. Padding is (top, bottom, left, right).
PyTorch's channels-first convolutions are captured as transpose, conv2d, transpose; the layout pass removes the pairs.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import _conv_read as read
from picozoo.ops import _matmul8 as m8
from picozoo.ops import _mul32, _mve, _pair, _plane, _tile16
from picozoo.ops import _narrow as narrow
from picozoo.ops._conv import Conv2dAttrs, patches, window_out
from picozoo.ops._onnx_window import conv_reader
from picozoo.ops._op import Case, Op, Rows, SumForm, Types
from picozoo.ops._simd import ROWS, pack_blocks, vectors
from picozoo.ops._walk import Walk, windows
from picozoo.ops.linear import clip_act, float_bounds, quant_cases
from picozoo.specs import Target, TensorType


def _narrow_cases(bits: int, k: int) -> tuple[Case, ...]:
    """Weights of few bits: an odd and an even number of words a window, odd numbers of channels and windows."""
    size = 6 - k
    plain = quant_cases((1, 5, 5, 10), (5, k, k, 10), (1, size, size, 5), Conv2dAttrs(weights=bits))
    c, grouped = 40 if k == 1 else 10, Conv2dAttrs(weights=bits, weight_group={1: 32, 3: 64}[k])
    return plain + quant_cases((1, 5, 5, c), (5, k, k, c), (1, size, size, 5), grouped)[:2]  # a part of a group is left


class Conv2d(Op):
    name = "conv2d"
    Attrs = Conv2dAttrs
    quant_rule = "free"
    flash_inputs = (1, 2)
    aten = {
        "conv2d.default": read.aten_conv2d,
        "conv2d.padding": read.aten_conv2d,
        "conv1d.default": read.aten_conv1d,
        "conv1d.padding": read.aten_conv1d,
        "convolution.default": read.aten_convolution,
    }
    tflite = {"CONV_2D": read.tflite_conv, "DEPTHWISE_CONV_2D": read.tflite_depthwise}
    onnx = {"Conv": conv_reader}
    cases = (
        Case(
            (TensorType((1, 6, 5, 3)), TensorType((4, 3, 3, 3)), TensorType((4,))),
            Conv2dAttrs((1, 2), (1, 1, 1, 0)),
            constants=(1, 2),
        ),
        Case((TensorType((2, 5, 5, 4)), TensorType((6, 2, 2, 2))), Conv2dAttrs(groups=2, act="relu"), constants=(1,)),
        Case(
            (TensorType((1, 7, 7, 3)), TensorType((6, 3, 3, 1)), TensorType((6,))),
            Conv2dAttrs((2, 2), (1, 1, 1, 1), (1, 1), 3),
            constants=(1, 2),
        ),
        Case((TensorType((1, 8, 8, 2)), TensorType((2, 3, 3, 2))), Conv2dAttrs(dilation=(2, 2)), constants=(1,)),
        # tiles of the vector form: whole blocks of outputs and a part, windows that do not divide by the tile
        Case((TensorType((1, 5, 6, 3)), TensorType((35, 3, 2, 3))), Conv2dAttrs((2, 1), (0, 1, 1, 1)), constants=(1,)),
        Case(
            (TensorType((1, 5, 6, 19)), TensorType((19, 3, 3, 1)), TensorType((19,))),
            Conv2dAttrs((1, 2), (1, 1, 1, 1), groups=19, act="relu6"),
            constants=(1, 2),
        ),
        *quant_cases((1, 3, 11, 5), (37, 3, 3, 5), (1, 3, 11, 37), Conv2dAttrs((1, 1), (1, 1, 1, 1))),
        *quant_cases((1, 3, 4, 40), (40, 3, 3, 1), (1, 3, 4, 40), Conv2dAttrs((1, 1), (1, 1, 1, 1), groups=40)),
        *quant_cases((1, 6, 5, 3), (4, 3, 3, 3), (1, 6, 2, 4), Conv2dAttrs((1, 2), (1, 1, 1, 0))),
        *quant_cases((1, 5, 5, 1), (3, 5, 5, 1), (1, 5, 5, 3), Conv2dAttrs((1, 1), (2, 2, 2, 2), act="relu")),
        *(c for bits in (4, 2) for k in (1, 3) for c in _narrow_cases(bits, k)),
        *quant_cases((2, 4, 4, 8), (5, 1, 1, 8), (2, 4, 4, 5), Conv2dAttrs(act="relu6")),
        *quant_cases((1, 7, 6, 4), (4, 3, 3, 1), (1, 4, 3, 4), Conv2dAttrs((2, 2), (1, 1, 1, 1), groups=4)),
        *quant_cases((2, 5, 4, 3), (3, 3, 3, 1), (2, 5, 4, 3), Conv2dAttrs((1, 1), (1, 1, 1, 1), groups=3, act="relu")),
        *quant_cases((1, 9, 5, 2), (2, 3, 3, 1), (1, 9, 5, 2), Conv2dAttrs((1, 1), (1, 1, 1, 1), groups=2)),
        *quant_cases((1, 8, 9, 2), (2, 3, 3, 1), (1, 4, 4, 2), Conv2dAttrs((2, 2), (0, 1, 0, 0), groups=2)),
        *quant_cases((1, 6, 7, 2), (2, 3, 3, 1), (1, 4, 5, 2), Conv2dAttrs(groups=2)),
        *quant_cases((1, 4, 4, 4), (8, 3, 3, 1), (1, 4, 4, 8), Conv2dAttrs((1, 1), (1, 1, 1, 1), groups=4)),
        *quant_cases((1, 9, 8, 3), (3, 5, 5, 1), (1, 9, 8, 3), Conv2dAttrs((1, 1), (2, 2, 2, 2), groups=3)),
        *quant_cases((2, 7, 9, 2), (4, 4, 3, 1), (2, 4, 5, 4), Conv2dAttrs((2, 2), (2, 1, 1, 1), groups=2)),
        *quant_cases((1, 9, 7, 2), (2, 3, 3, 1), (1, 9, 7, 2), Conv2dAttrs((1, 1), (2,) * 4, (2, 2), 2, "relu")),
        *quant_cases((1, 9, 6, 2), (2, 2, 4, 1), (1, 4, 6, 2), Conv2dAttrs((2, 1), (0, 0, 2, 1), groups=2)),
        *quant_cases((1, 4, 6, 2), (2, 1, 1, 1), (1, 4, 6, 2), Conv2dAttrs(groups=2)),
        *quant_cases((1, 5, 9, 2), (2, 5, 1, 1), (1, 1, 5, 2), Conv2dAttrs((1, 2), groups=2)),
        *quant_cases((1, 10, 10, 1), (2, 2, 2, 1), (1, 3, 3, 2), Conv2dAttrs((3, 3), (0,) * 4, (2, 1), 1)),
        *quant_cases((1, 5, 5, 4), (6, 3, 2, 2), (1, 3, 4, 6), Conv2dAttrs(groups=2)),
        *quant_cases((1, 9, 9, 2), (3, 3, 3, 2), (1, 5, 5, 3), Conv2dAttrs(dilation=(2, 2))),
        *quant_cases((1, 4, 5, 16), (6, 3, 3, 16), (1, 4, 5, 6), Conv2dAttrs((1, 1), (1, 1, 1, 1))),
        *quant_cases((2, 3, 3, 24), (8, 1, 1, 24), (2, 3, 3, 8), Conv2dAttrs(act="relu")),
        *quant_cases((1, 3, 8, 18), (18, 2, 5, 1), (1, 2, 4, 18), Conv2dAttrs((1, 2), (0, 0, 2, 2), groups=18)),
        *quant_cases((1, 5, 4, 20), (20, 3, 3, 1), (1, 5, 4, 20), Conv2dAttrs((1, 1), (1, 1, 1, 1), groups=20)),
    )

    def infer(self, ins: Types, attrs: Conv2dAttrs) -> list[TensorType]:
        x, w = ins[0], ins[1]
        if (
            x.rank != 4
            or w.rank != 4
            or attrs.groups < 1
            or x.shape[3] != w.shape[3] * attrs.groups
            or w.shape[0] % attrs.groups
        ):
            raise Unsupported(
                f"conv2d: input {list(x.shape)} does not fit weights {list(w.shape)} in {attrs.groups} groups"
            )
        if len(ins) > 2 and ins[2].shape != (w.shape[0],):
            raise Unsupported(f"conv2d: bias {list(ins[2].shape)} does not fit weights {list(w.shape)}")
        (n, h, wd, _), (o, kh, kw, _) = x.shape, w.shape
        t, b, left, right = attrs.pad
        oh = window_out(h, kh, attrs.stride[0], t, b, attrs.dilation[0])
        ow = window_out(wd, kw, attrs.stride[1], left, right, attrs.dilation[1])
        return [TensorType((n, oh, ow, o), x.dtype)]

    def macs(self, ins: Types, outs: Types, attrs: Conv2dAttrs) -> int:
        _, kh, kw, c = ins[1].shape
        return outs[0].size * kh * kw * c

    def quant_inputs(self, ins: Types, attrs: Conv2dAttrs) -> dict[int, str]:
        return {0: "act", 1: "weight:0", 2: "bias:0,1"}

    def wide_form(self, attrs: Conv2dAttrs) -> tuple[str, Any]:
        from picozoo.ops.wide_conv2d import WideConv2dAttrs

        return "wide_conv2d", WideConv2dAttrs(
            **{f.name: getattr(attrs, f.name) for f in fields(attrs)}, rounding="long"
        )

    def sum_form(
        self, ins: Types, outs: Types, attrs: Any, added: TensorType, y: TensorType, act: str, target: Target
    ) -> SumForm | None:
        """Not where vectors add: they read and write 16 values at once, and the sum waits for all windows of a tile."""
        from picozoo.ops.conv2d_add import form_of

        vectors = self._helium(ins, attrs, target) or self._tiled(ins, attrs, target)
        return None if vectors else form_of(ins, outs[0], attrs, added, y, act)

    def lowers(self, ins: Types, outs: Types, attrs: Conv2dAttrs) -> bool:
        return m8.lowers(ins, outs[0])

    def own(self, outs: Types, attrs: Any) -> TensorType:
        """The type of the convolution's results, whatever is done with them."""
        return outs[0]

    def behind(self, call: Any) -> tuple[str, tuple[str, ...]]:
        """The last part of a kernel's name, and its last arguments."""
        return "", ()

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Conv2dAttrs) -> list[np.ndarray]:
        x, w = args[0], args[1]
        b = args[2] if len(args) > 2 else None
        o, kh, kw, c = w.shape
        quant = outs[0].quant is not None
        r = m8.requant_of(ins[0], ins[1], outs[0], attrs.act) if quant else None
        win = patches(x, kh, kw, attrs, r.x_zero if r else 0)
        flat: Any = np.float64 if quant else np.float32
        og, parts = o // attrs.groups, []
        for g in range(attrs.groups):
            rows = win[..., g * c : (g + 1) * c].astype(flat).reshape(*win.shape[:3], kh * kw * c)
            parts.append(rows @ w[g * og : (g + 1) * og].astype(flat).reshape(og, -1).T)
        y = np.concatenate(parts, -1)
        if r is None:
            return [clip_act(y + (np.float32(0) if b is None else b), attrs.act)]
        return [r.apply(y.astype(np.int64) + m8.folded_bias(w, b, r.x_zero))]

    def bounds(
        self, low: list[np.ndarray], high: list[np.ndarray], ins: Types, outs: Types, attrs: Conv2dAttrs
    ) -> tuple[np.ndarray, np.ndarray] | None:
        if outs[0].quant is None or not m8.lowers(ins, outs[0]):
            return None
        w, r = low[1], m8.requant_of(ins[0], ins[1], outs[0], attrs.act)
        o, kh, kw, c = w.shape
        folded, og, parts = m8.folded_bias(w, low[2] if len(low) > 2 else None, r.x_zero), o // attrs.groups, []
        ends = [patches(v[0], kh, kw, attrs, r.x_zero) for v in (low, high)]
        for g in range(attrs.groups):
            a, b = (v[..., g * c : (g + 1) * c].reshape(*v.shape[:3], -1) for v in ends)
            at = slice(g * og, (g + 1) * og)
            part = replace(r, multiplier=r.multiplier[at], shift=r.shift[at]) if len(r.shift) == o else r
            parts.append(m8.bounds(a, b, w[at].reshape(og, -1), folded[at], part))
        found = [p for p in parts if p is not None]
        if len(found) < len(parts):
            return None
        return np.concatenate([p[0] for p in found], -1), np.concatenate([p[1] for p in found], -1)

    def inplace(self, ins: Types, outs: Types, attrs: Conv2dAttrs) -> tuple[int, ...]:
        """Outputs of a channel take places of that channel only, and after all of it was read."""
        x, y = ins[0], outs[0]
        smaller = all(a <= b for a, b in zip(y.shape, x.shape, strict=True)) and attrs.pad[0] < ins[1].shape[1]
        return (0,) if y.quant is not None and smaller and _plane.takes(ins, attrs) else ()

    def rows(self, ins: Types, outs: Types, attrs: Conv2dAttrs) -> dict[int, Rows] | None:
        if ins[0].shape[0] != 1:
            return None
        size, quant = (ins[1].shape[1] - 1) * attrs.dilation[0] + 1, ins[0].quant
        return {0: Rows(size, attrs.stride[0], attrs.pad[0], 0 if quant is None else quant.zero_point[0])}

    def at_rows(self, attrs: Conv2dAttrs, above: int, below: int) -> Conv2dAttrs:
        return replace(attrs, pad=(above, below, *attrs.pad[2:]))

    def walks(self, ins: Types, outs: Types, attrs: Conv2dAttrs, target: Target) -> tuple[Walk, ...]:
        """The int8 forms copy a window or two before they write; Helium reads two windows where they lie."""
        if outs[0].quant is None or attrs.groups > 1:
            return ()
        helium, (_, kh, kw, _) = self._helium(ins, attrs, target), ins[1].shape
        where = (ins[0].shape, outs[0].shape, (kh, kw), attrs.stride, attrs.pad, attrs.dilation)
        walk = windows(*where, pixels=2 if helium else 1, copied=not helium)
        # wide vectors: all of an image is copied first, so that only the order of several images counts
        tiled = self._tiled(ins, attrs, target) and ins[0].shape[0] > 1
        forward = helium or tiled or attrs.weights < 8 or self._two_in_a_word(ins, outs, attrs, target)
        return (walk,) if forward else (walk, walk.back())

    def check(self, ins: Types, outs: Types, attrs: Conv2dAttrs) -> None:
        if attrs.weights != 8 and (outs[0].quant is None or attrs.groups != 1):
            raise Unsupported(f"conv2d: weights of {attrs.weights} bits need int8 activations and one group")

    def _paired(self, ins: Types, attrs: Conv2dAttrs, target: Target) -> bool:
        return "dsp" in target.features and attrs.groups == 1 and not target.has("plain")

    def forms(self, ins: Types, outs: Types, attrs: Conv2dAttrs, target: Target) -> tuple[str, ...]:
        """pair: packed weights widened in the loop; wide: packed as int16; mul32: pz_conv2d_mul32.h; plain: a loop."""
        target = replace(target, form="")
        if outs[0].quant is None or attrs.groups > 1 or attrs.weights < 8 or self._helium(ins, attrs, target):
            return ()
        if self._paired(ins, attrs, target):
            return ("pair", "wide", "plain")
        return ("mul32", "plain") if self._two_in_a_word(ins, outs, attrs, target) else ()

    def _helium(self, ins: Types, attrs: Conv2dAttrs, target: Target) -> bool:
        takes = attrs.groups == 1 or _mve.takes_depthwise(ins[0], ins[1])
        return takes and attrs.weights == 8 and "mve" in target.features

    def _tiled(self, ins: Types, attrs: Conv2dAttrs, target: Target) -> bool:
        depthwise = "simd" in target.features and _mve.takes_depthwise(ins[0], ins[1])
        return attrs.weights == 8 and "tile16" in target.features and (attrs.groups == 1 or depthwise)

    def _two_in_a_word(self, ins: Types, outs: Types, attrs: Conv2dAttrs, target: Target) -> bool:
        """Two windows share a word (pz_mul32.h): worth it where there are two."""
        if target.has("plain"):
            return False
        return "mul32" in target.features and attrs.groups == 1 and outs[0].shape[1] * outs[0].shape[2] > 1

    def scratch(self, ins: Types, outs: Types, attrs: Conv2dAttrs, target: Target) -> int:
        _, kh, kw, c = ins[1].shape
        k = kh * kw * c
        if attrs.weights < 8:
            return narrow.scratch(kh, kw * c, target, 2, attrs.weight_group)
        if outs[0].quant is not None and self._helium(ins, attrs, target):
            return _mve.conv_scratch(ins[0], ins[1], outs[0], attrs)
        if outs[0].quant is not None and self._tiled(ins, attrs, target):
            return _tile16.conv_scratch(ins[0], ins[1], outs[0], attrs)
        if outs[0].quant is not None and self._two_in_a_word(ins, outs, attrs, target):
            return _mul32.conv_scratch(ins[1])
        if outs[0].quant is not None and _plane.takes(ins, attrs):
            return _plane.scratch(ins, outs[0], attrs)
        if outs[0].quant is None:
            return ROWS * (4 * k + target.pointer_bytes * kh) if vectors(target) and attrs.groups == 1 else 0
        if attrs.groups > 1:
            return 0
        return 4 * len(m8.patch_positions(kh, kw * c)) + kw * c if self._paired(ins, attrs, target) else k

    def emit(self, call: Any) -> str:
        a, (n, h, w, c), (_, oh, ow, o) = call.attrs, call.ins[0].shape, call.outs[0].shape
        _, kh, kw, _ = call.ins[1].shape
        if call.outs[0].quant is None:
            bias = call.x(2) if len(call.ins) > 2 else call.table("bias", np.zeros(o, np.float32))
            if vectors(call.target) and call.in_flash(1) and (a.groups == 1 or a.groups == c == o):
                return self._emit_vectors(call, bias)
            return call.run(
                "pz_conv2d_f32",
                call.x(0),
                call.x(1),
                bias,
                call.y(),
                n,
                h,
                w,
                c,
                oh,
                ow,
                o,
                kh,
                kw,
                *a.stride,
                a.pad[0],
                a.pad[2],
                *a.dilation,
                a.groups,
                *float_bounds(call),
            )
        weights, b = call.value(1), call.value(2) if len(call.ins) > 2 else None
        r = m8.requant_of(call.ins[0], call.ins[1], self.own(call.outs, a), a.act)
        size = (n, h, w, c, oh, ow, o, kh, kw, *a.stride, a.pad[0], a.pad[2], *a.dilation)
        if self._helium(call.ins, a, call.target):
            return _mve.emit_conv(call, weights, m8.folded_bias(weights, b, r.x_zero), r)
        if self._tiled(call.ins, a, call.target):
            return _tile16.emit_conv(call, weights, m8.folded_bias(weights, b, r.x_zero), r)
        if _plane.takes(call.ins, a):
            return _plane.emit(call, weights, m8.folded_bias(weights, b, r.x_zero), r)
        if a.groups > 1:  # windows are clipped, not padded, so the zero point cannot be folded into the bias
            bias = np.zeros(o, np.int64) if b is None else b.astype(np.int64)
            table = call.table("packed", np.ascontiguousarray(weights.transpose(1, 2, 3, 0)))
            return call.run(
                "pz_conv2d_i8_grouped",
                call.x(0),
                table,
                call.y(),
                *size,
                a.groups,
                r.x_zero,
                m8.requant_literal(call, bias, r, weights),
            )
        if a.weights == 8 and self._paired(call.ins, a, call.target):
            wide = call.target.has("wide") or (weights.size <= call.target.wide_weights and not call.target.has("pair"))
            return _pair.emit(call, weights, size, m8.folded_bias(weights, b, r.x_zero), r, wide, self.behind(call))
        q = m8.requant_literal(call, m8.folded_bias(weights, b, r.x_zero), r, weights)
        if a.weights < 8:
            return narrow.emit_conv(call, weights, size, r.x_zero, q)
        name, more = self.behind(call)
        span = _mul32.conv_span(weights)
        if span and self._two_in_a_word(call.ins, call.outs, a, call.target):
            table = call.table("packed", _mul32.pack_conv(weights.reshape(o, -1), span))
            where = (call.x(0), table, call.y(), call.scratch("pz_u32"))
            kernel, header = "pz_conv2d_i8_mul32" + name, "pz_conv2d_mul32.h"
            return call.run(kernel, *where, *size, r.x_zero, span, q, *more, header=header)
        where = (call.x(0), call.x(1), call.y(), call.scratch("pz_i8"))
        how = (r.x_zero, int(call.overlaps()), int(call.backward()), q, *more)
        return call.run("pz_conv2d_i8" + name, *where, *size, *how, header="pz_conv2d.h")

    def _emit_vectors(self, call: Any, bias: str) -> str:
        a, weights, (n, h, w, c), (_, oh, ow, o) = call.attrs, call.value(1), call.ins[0].shape, call.outs[0].shape
        _, kh, kw, _ = weights.shape
        window = (kh, kw, *a.stride, a.pad[0], a.pad[2], *a.dilation, *float_bounds(call))
        if a.groups > 1:
            table = call.table("packed", np.ascontiguousarray(weights[..., 0].transpose(1, 2, 0)))
            return call.run("pz_conv2d_f32_depthwise", call.x(0), table, bias, call.y(), n, h, w, c, oh, ow, *window)
        table, room = call.table("packed", pack_blocks(weights.reshape(o, -1))), call.scratch("pz_f32")
        return call.run("pz_conv2d_f32_simd", call.x(0), table, bias, call.y(), room, n, h, w, c, oh, ow, o, *window)


OP = Conv2d()
