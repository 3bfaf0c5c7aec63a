"""Means or maxima of interpolated points in a grid over each of a list of regions. x [N, C, H, W], regions [R, 4].

Regions are (x1, y1, x2, y2) in the coordinates of x divided by `spatial_scale`. Source: He et al., 2017 (Mask R-CNN).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import TensorType


@dataclass(frozen=True)
class RoiAlignAttrs:
    """`ratio`: points in each direction of a cell, 0 for as many as it has elements; `half`: pixels have their centres
    at halves."""

    mode: str = "avg"
    out: tuple[int, int] = (1, 1)
    ratio: int = 0
    scale: float = 1.0
    half: bool = True


def _onnx(ctx: Any) -> str:
    a = RoiAlignAttrs(
        ctx.attr("mode", "avg"),
        (ctx.attr("output_height", 1), ctx.attr("output_width", 1)),
        ctx.attr("sampling_ratio", 0),
        float(ctx.attr("spatial_scale", 1.0)),
        ctx.attr("coordinate_transformation_mode", "half_pixel") == "half_pixel" and ctx.opset >= 16,
    )
    batch = ctx.ref(2)
    return str(ctx.emit("roi_align", [ctx.ref(0), ctx.ref(1), batch], a))


class RoiAlign(Op):
    name = "roi_align"
    Attrs = RoiAlignAttrs
    onnx = {"RoiAlign": _onnx}
    cases = tuple(
        Case(
            (TensorType((2, 2, 6, 5)), TensorType((3, 4)), TensorType((3,), "i64")),
            RoiAlignAttrs(m, (2, 3), r, 0.5, h),
            low=0,
            high=9,
        )
        for m, r, h in (("avg", 2, True), ("max", 2, False), ("avg", 0, True))
    )

    def infer(self, ins: Types, attrs: RoiAlignAttrs) -> list[TensorType]:
        x, regions, batch = ins
        if x.rank != 4 or regions.rank != 2 or regions.shape[1] != 4 or batch.shape != regions.shape[:1] or not x.size:
            raise Unsupported(f"roi_align of {list(x.shape)} in regions {list(regions.shape)}")
        if x.dtype != "f32" or batch.dtype not in ("i32", "i64") or attrs.mode not in ("avg", "max"):
            raise Unsupported(f"roi_align in mode {attrs.mode!r} of {x.dtype}, batches {batch.dtype}")
        if not (min(attrs.out) > 0 and max(attrs.out) < 1 << 14 and 0 <= attrs.ratio < 1 << 10):
            raise Unsupported(f"roi_align to {attrs.out} with {attrs.ratio} points")
        return [TensorType((regions.shape[0], x.shape[1], *attrs.out), "f32")]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: RoiAlignAttrs) -> list[np.ndarray]:
        (x, regions, batch), y = args, np.zeros(outs[0].shape, np.float32)
        f, (h, w) = np.float32, x.shape[2:]
        shift = f(0.5 if attrs.half else 0.0)
        for r, region in enumerate(regions):
            plane = x[min(max(int(batch[r]), 0), len(x) - 1)]
            x1, y1, x2, y2 = (f(v) * f(attrs.scale) - shift for v in region)
            rw, rh = x2 - x1, y2 - y1
            if not attrs.half:
                rw, rh = max(rw, f(1)), max(rh, f(1))
            bh, bw = rh / f(attrs.out[0]), rw / f(attrs.out[1])
            gh, gw = (attrs.ratio or max(int(np.ceil(b)), 1) for b in (bh, bw))
            for oy, ox in np.ndindex(*attrs.out):
                found = []
                for i, j in np.ndindex(gh, gw):
                    v = y1 + f(oy) * bh + (f(i) + f(0.5)) * bh / f(gh)
                    u = x1 + f(ox) * bw + (f(j) + f(0.5)) * bw / f(gw)
                    found.append(_corners(plane, float(v), float(u), h, w))
                parts = np.array(found)
                y[r, :, oy, ox] = parts.sum(2).mean(0) if attrs.mode == "avg" else parts.max(2).max(0)
        return [y]

    def emit(self, call: Any) -> str:
        (_, c, h, w), a = call.ins[0].shape, call.attrs
        sizes = (call.ins[0].shape[0], c, h, w, call.ins[1].shape[0], *a.out, a.ratio)
        how = (call.literal(float(a.scale)), int(a.half), int(a.mode == "max"))
        return call.run(f"pz_roi_align_{call.ins[2].dtype}", call.x(0), call.x(1), call.x(2), call.y(), *sizes, *how)


def _corners(plane: np.ndarray, v: float, u: float, h: int, w: int) -> np.ndarray:
    """The four weighted neighbours of a point, [C, 4]; zeros outside."""
    if v < -1 or v > h or u < -1 or u > w:
        return np.zeros((len(plane), 4), np.float32)
    v, u = max(v, 0.0), max(u, 0.0)
    a, b = min(int(v), h - 1), min(int(u), w - 1)
    c, d = min(a + 1, h - 1), min(b + 1, w - 1)
    v, u = (float(a) if a == h - 1 else v), (float(b) if b == w - 1 else u)
    fv, fu = v - a, u - b
    return np.stack(
        [
            plane[:, a, b] * (1 - fv) * (1 - fu),
            plane[:, a, d] * (1 - fv) * fu,
            plane[:, c, b] * fv * (1 - fu),
            plane[:, c, d] * fv * fu,
        ],
        1,
    )


OP = RoiAlign()
