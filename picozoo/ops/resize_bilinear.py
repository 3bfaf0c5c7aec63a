"""Images [N, H, W, C] at another size, linear between neighbours; float, int8 and int16 as LiteRT's reference kernels.

Places and weights depend only on the sizes and are tables: weights are float, or integers in 1/1024. Files with uint8
images are computed in float, as there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import QuantParams, TensorType

_F = np.float32


@dataclass(frozen=True)
class ResizeBilinearAttrs:
    """`corners`: outermost pixels lie on each other; `centres`: pixels have an area; `floating`: see above."""

    size: tuple[int, int] = (1, 1)
    corners: bool = False
    centres: bool = False
    floating: bool = False


def _tflite(ctx: Any) -> Any:
    x, (h, w) = ctx.ref(0), ctx.array(1, "the size").reshape(-1).tolist()
    attrs = ResizeBilinearAttrs((h, w), ctx.options["corners"], ctx.options["centres"], ctx.was_unsigned(0))
    return ctx.emit("resize_bilinear", [x], attrs)


def places(n: int, out: int, corners: bool, centres: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower and upper neighbour of each place, and the float weight of the upper one."""
    scale = _F(n - 1) / _F(out - 1) if corners and out > 1 else _F(n) / _F(out)
    at = np.arange(out, dtype=_F)
    at = (at + _F(0.5)) * scale - _F(0.5) if centres else at * scale
    low = np.maximum(np.floor(at), 0).astype(np.int64)
    return low, np.minimum(np.ceil(at), n - 1).astype(np.int64), at - low.astype(_F)


def places10(n: int, out: int, corners: bool, centres: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same with weights in 1/1024."""
    scale = (1024 * n + out // 2) // out
    if corners and out > 1:
        scale = (1024 * (n - 1) + (out - 1) // 2) // (out - 1)
    at = np.arange(out, dtype=np.int64) * scale + (scale // 2 - 512 if centres else 0)
    low = np.maximum(np.trunc(at / 1024), 0).astype(np.int64)
    return low, np.minimum(np.trunc((at + 1023) / 1024).astype(np.int64), n - 1), at - 1024 * low


def _cases() -> tuple[Case, ...]:
    found = []
    for dtype, q in (("f32", None), ("i8", QuantParams.tensor(0.1, 3)), ("i16", QuantParams.tensor(0.001))):
        for size, corners, centres in (((7, 5), False, False), ((5, 8), True, False), ((2, 7), False, True)):
            t = TensorType((2, 3, 4, 2), dtype, q)
            attrs = ResizeBilinearAttrs(size, corners, centres)
            found.append(Case((t,), attrs, (TensorType((2, *size, 2), dtype, q),)))
    attrs = ResizeBilinearAttrs((7, 5), floating=True)
    q8 = QuantParams.tensor(0.1, 3)
    return (*found, Case((TensorType((1, 3, 4, 2), "i8", q8),), attrs, (TensorType((1, 7, 5, 2), "i8", q8),)))


class ResizeBilinear(Op):
    name = "resize_bilinear"
    Attrs = ResizeBilinearAttrs
    quant_rule = "same"
    tflite = {"RESIZE_BILINEAR": _tflite}
    cases = _cases()

    def infer(self, ins: Types, attrs: ResizeBilinearAttrs) -> list[TensorType]:
        x = ins[0]
        if x.rank != 4 or min(*attrs.size, *x.shape) < 1 or x.dtype not in ("f32", "i8", "i16"):
            raise Unsupported(f"resize_bilinear from {x.dtype}{list(x.shape)} to {attrs.size}")
        if x.shape[1] > 1 << 15 or x.shape[2] > 1 << 15 or max(attrs.size) > 1 << 15:
            raise Unsupported("resize_bilinear of more than 32,768 pixels in one dimension")
        return [TensorType((x.shape[0], *attrs.size, x.shape[3]), x.dtype)]

    def lowers(self, ins: Types, outs: Types, attrs: ResizeBilinearAttrs) -> bool:
        return ins[0].dtype == outs[0].dtype and ins[0].quant == outs[0].quant

    def _tables(self, ins: Types, attrs: ResizeBilinearAttrs) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        how = places if ins[0].is_float or attrs.floating else places10
        return [how(ins[0].shape[1 + d], attrs.size[d], attrs.corners, attrs.centres) for d in range(2)]

    def reference(
        self, args: list[np.ndarray], ins: Types, outs: Types, attrs: ResizeBilinearAttrs
    ) -> list[np.ndarray]:
        (y0, y1, fy), (x0, x1, fx) = self._tables(ins, attrs)
        floats = ins[0].is_float or attrs.floating
        v = args[0].astype(_F) + _F(128 if attrs.floating else 0) if floats else args[0].astype(np.int64)
        one = _F(1) if floats else 1024
        wy, wx = fy[None, :, None, None], fx[None, None, :, None]
        total = v[:, y0][:, :, x0] * (one - wy) * (one - wx) + v[:, y1][:, :, x0] * wy * (one - wx)
        total = total + v[:, y0][:, :, x1] * (one - wy) * wx + v[:, y1][:, :, x1] * wy * wx
        if ins[0].is_float:
            return [total]
        if attrs.floating:
            return [np.trunc(total + _F(0.5)) - 128]
        rounded = total + np.where(total > 0, 1 << 19, -(1 << 19))
        return [np.sign(rounded) * (np.abs(rounded) >> 20)]

    def emit(self, call: Any) -> str:
        n, h, w, c = call.ins[0].shape
        tables = []
        for axis, (low, high, part) in zip("yx", self._tables(call.ins, call.attrs), strict=True):
            kind = np.float32 if part.dtype == np.float32 else np.int16
            for name, t in (
                ("low", low.astype(np.int16)),
                ("high", high.astype(np.int16)),
                ("part", part.astype(kind)),
            ):
                tables.append(call.table(f"{axis}{name}", t))
        kernel = "pz_resize_bilinear_" + ("u8" if call.attrs.floating else call.ins[0].dtype)
        return str(call.run(kernel, call.x(0), call.y(), *tables, n, h, w, c, *call.attrs.size))


OP = ResizeBilinear()
