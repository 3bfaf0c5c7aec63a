"""Samples [N, C, D, H, W] at points of a grid [N, OD, OH, OW, 2 or 3] in coordinates from -1 to 1, (x, y) or (x, y, z).

Source: Jaderberg et al., 2015; modes, padding and corners as the ONNX operator GridSample, version 20, has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import TensorType

MODES, PADDING = ("nearest", "linear", "cubic"), ("zeros", "border", "reflection")


@dataclass(frozen=True)
class GridSampleAttrs:
    """`align`: -1 and 1 are the centres of the outermost elements, else their outer edges."""

    mode: str = "linear"
    padding: str = "zeros"
    align: bool = False


def _cubic(t: float) -> list[float]:
    """Weights of the four neighbours for a fraction t; a = -0.75."""
    a = -0.75

    def far(d: float) -> float:
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    def near(d: float) -> float:
        return ((a + 2) * d - (a + 3)) * d * d + 1

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _reflect(v: float, low: float, high: float) -> float:
    span = high - low
    if span <= 0:
        return 0.0
    v = abs(v - low) % (2 * span)
    return (2 * span - v if v > span else v) + low


def _onnx(ctx: Any) -> str:
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(ctx.attr("mode", "linear"), ctx.attr("mode", "linear"))
    attrs = GridSampleAttrs(mode, ctx.attr("padding_mode", "zeros"), bool(ctx.attr("align_corners", 0)))
    x, grid = ctx.ref(0), ctx.ref(1)
    if ctx.type(x).rank == 4:
        (n, c, h, w), (_, oh, ow, _) = ctx.shape(x), ctx.shape(grid)
        y = ctx.emit("grid_sample", [ctx.reshape(x, (n, c, 1, h, w)), ctx.reshape(grid, (n, 1, oh, ow, 2))], attrs)
        return str(ctx.reshape(y, (n, c, oh, ow)))
    return str(ctx.emit("grid_sample", [x, grid], attrs))


class GridSample(Op):
    name = "grid_sample"
    Attrs = GridSampleAttrs
    onnx = {"GridSample": _onnx}
    cases = tuple(
        Case(
            (TensorType((1, 2, d, 4, 3)), TensorType((1, d, 3, 2, 2 if d == 1 else 3))),
            GridSampleAttrs(m, p, a),
            low=-1.4,
            high=1.4,
        )
        for d, m, p, a in (
            (1, "linear", "zeros", False),
            (1, "cubic", "border", True),
            (2, "linear", "reflection", False),
            (1, "nearest", "border", True),
        )
    )

    def infer(self, ins: Types, attrs: GridSampleAttrs) -> list[TensorType]:
        x, grid = ins
        if x.rank != 5 or grid.rank != 5 or grid.shape[4] not in (2, 3) or x.shape[0] != grid.shape[0] or not x.size:
            raise Unsupported(f"grid_sample of {list(x.shape)} at {list(grid.shape)}")
        if x.dtype != "f32" or grid.dtype != "f32" or attrs.mode not in MODES or attrs.padding not in PADDING:
            raise Unsupported(f"grid_sample in mode {attrs.mode!r} with padding {attrs.padding!r} of {x.dtype}")
        if attrs.mode == "cubic" and grid.shape[4] == 3:
            raise Unsupported("grid_sample in mode cubic over three dimensions")
        return [TensorType((*x.shape[:2], *grid.shape[1:4]), "f32")]

    def _get(self, x: np.ndarray, at: list[int], a: GridSampleAttrs) -> np.ndarray:
        """All channels at a place that may lie outside; x [C, D, H, W], at (z, y, x)."""
        if a.padding == "zeros":
            if any(not 0 <= i < n for i, n in zip(at, x.shape[1:], strict=True)):
                return np.zeros(x.shape[0], np.float32)
        elif a.padding == "border":
            at = [min(max(i, 0), n - 1) for i, n in zip(at, x.shape[1:], strict=True)]
        else:
            edges = [(0.0, n - 1.0) if a.align else (-0.5, n - 0.5) for n in x.shape[1:]]
            at = [
                min(max(int(_reflect(float(i), *e) + (0.0 if a.align else 1e-4)), 0), n - 1)
                for i, e, n in zip(at, edges, x.shape[1:], strict=True)
            ]
        found: np.ndarray = x[:, at[0], at[1], at[2]]
        return found

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: GridSampleAttrs) -> list[np.ndarray]:
        (x, grid), y = args, np.zeros(outs[0].shape, np.float32)
        size = x.shape[2:]
        for b, *to in np.ndindex(*grid.shape[:4]):
            point = [0.0] * (3 - grid.shape[4]) + [float(v) for v in grid[(b, *to)][::-1]]
            at = []
            for k, (v, n) in enumerate(zip(point, size, strict=True)):
                p = 0.0 if k < 3 - grid.shape[4] else (v + 1) / 2 * (n - 1) if attrs.align else ((v + 1) * n - 1) / 2
                if attrs.padding != "zeros" and attrs.mode != "cubic" and k >= 3 - grid.shape[4]:
                    low, high = (0.0, n - 1.0) if attrs.align else (-0.5, n - 0.5)
                    if attrs.padding == "reflection" and not low <= p <= high:
                        p = _reflect(p, low, high)
                    p = min(max(p, 0.0), n - 1.0)
                at.append(p)
            y[(b, slice(None), *to)] = self._point(x[b], at, attrs, 3 - grid.shape[4])
        return [y]

    def _point(self, x: np.ndarray, at: list[float], a: GridSampleAttrs, skip: int) -> np.ndarray:
        if a.mode == "nearest":
            return self._get(x, [round(v) for v in at], a)
        base = [int(np.floor(v)) for v in at]
        weights = [
            [1.0] if k < skip else _cubic(v - f) if a.mode == "cubic" else [1 - (v - f), v - f]
            for k, (v, f) in enumerate(zip(at, base, strict=True))
        ]
        first = [0 if k < skip else -1 if a.mode == "cubic" else 0 for k in range(3)]
        total = np.zeros(x.shape[0], np.float64)
        for k in np.ndindex(*(len(w) for w in weights)):
            w = np.prod([weights[d][k[d]] for d in range(3)])
            total += w * self._get(x, [base[d] + first[d] + k[d] for d in range(3)], a)
        return total.astype(np.float32)

    def emit(self, call: Any) -> str:
        (n, c, *size), (_, *out, k), a = call.ins[0].shape, call.ins[1].shape, call.attrs
        how = (MODES.index(a.mode), PADDING.index(a.padding), int(a.align))
        points = out[0] * out[1] * out[2]
        return call.run("pz_grid_sample", call.x(0), call.x(1), call.y(), n, c, *size, points, k, *how)


OP = GridSample()
