"""Non-maximum suppression with room for all that could be found: ONNX's NonMaxSuppression.

boxes [B, N, 4], scores [B, C, N] -> [B * C * most, 3] in int64: batch, class and box of each one that is kept, best
first in each class, the classes one after the other, -1 behind the last. ONNX's output ends there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import Target, TensorType

_LEAST = -3.4028234663852886e38  # every score is above it


@dataclass(frozen=True)
class NonMaxSuppressionAttrs:
    """`most`: boxes kept of one class; `overlap`: of two boxes whose intersection over union is larger, one goes;
    `threshold`: scores must be above it; `centre`: boxes are centre and size, else two corners."""

    most: int = 10
    overlap: float = 0.5
    threshold: float = _LEAST
    centre: bool = False


def _onnx(ctx: Any) -> str:
    boxes, scores = ctx.ref(0), ctx.ref(1)
    shape = ctx.shape(scores)
    if len(shape) != 3:
        raise BadFile(f"scores of shape {list(shape)}")
    most = ctx.ints(2, "the most boxes of a class")[0] if ctx.has(2) else 0
    overlap = float(ctx.array(3, "the overlap").reshape(-1)[0]) if ctx.has(3) else 0.0
    threshold = float(ctx.array(4, "the least score").reshape(-1)[0]) if ctx.has(4) else _LEAST
    if most < 1:
        raise Unsupported("no box is to be kept: max_output_boxes_per_class is 0 or is not given")
    attrs = NonMaxSuppressionAttrs(min(most, shape[2]), overlap, threshold, bool(ctx.attr("center_point_box", 0)))
    y = str(ctx.emit("non_max_suppression", [boxes, scores], attrs))
    ctx.program.note(
        "assumed",
        f"{ctx.place} gives {ctx.shape(y)[0]} rows, as many as there can be; those behind the last box are -1",
    )
    return y


class NonMaxSuppression(Op):
    name = "non_max_suppression"
    Attrs = NonMaxSuppressionAttrs
    onnx = {"NonMaxSuppression": _onnx}
    cases = (
        Case((TensorType((1, 9, 4)), TensorType((1, 2, 9))), NonMaxSuppressionAttrs(4, 0.3), low=0, high=1),
        Case((TensorType((2, 6, 4)), TensorType((2, 1, 6))), NonMaxSuppressionAttrs(6, 0.1, 0.4, True), low=0, high=1),
        Case((TensorType((1, 3, 4)), TensorType((1, 1, 3))), NonMaxSuppressionAttrs(2, 0.5, 9.0), low=0, high=1),
    )

    def infer(self, ins: Types, attrs: NonMaxSuppressionAttrs) -> list[TensorType]:
        boxes, scores = ins
        fits = boxes.rank == scores.rank == 3 and boxes.shape[::2] == (scores.shape[0], 4) and boxes.size
        if not fits or boxes.shape[1] != scores.shape[2] or not scores.shape[1]:
            raise Unsupported(f"non_max_suppression: boxes {list(boxes.shape)}, scores {list(scores.shape)}")
        if not all(t.is_float and t.quant is None for t in ins) or not 1 <= attrs.most <= boxes.shape[1]:
            raise Unsupported(f"non_max_suppression of {boxes.dtype} and {scores.dtype}, {attrs.most} of a class")
        return [TensorType((scores.shape[0] * scores.shape[1] * attrs.most, 3), "i64")]

    def reference(
        self, args: list[np.ndarray], ins: Types, outs: Types, attrs: NonMaxSuppressionAttrs
    ) -> list[np.ndarray]:
        rows = [
            (b, c, k)
            for b in range(ins[1].shape[0])
            for c in range(ins[1].shape[1])
            for k in _kept(_corners(args[0][b], attrs.centre), args[1][b, c], attrs)
        ]
        y = np.full(outs[0].shape, -1, np.int64)
        y[: len(rows)] = np.reshape(rows, (-1, 3))
        return [y]

    def scratch(self, ins: Types, outs: Types, attrs: NonMaxSuppressionAttrs, target: Target) -> int:
        return ins[0].shape[1]

    def emit(self, call: Any) -> str:
        a, (b, c, n) = call.attrs, call.ins[1].shape
        limits = (call.literal(float(a.threshold)), call.literal(float(a.overlap)))
        where = (call.x(0), call.x(1), call.y(), call.scratch("pz_u8"))
        return str(call.run("pz_non_max_suppression", *where, b, c, n, a.most, int(a.centre), *limits))


def _corners(boxes: np.ndarray, centre: bool) -> np.ndarray:
    """[N, 2, 2]: the low and the high ends of both sides."""
    a, b = boxes[:, :2], boxes[:, 2:]
    if centre:
        return np.stack([a - b / np.float32(2), a + b / np.float32(2)], 1)
    return np.stack([np.minimum(a, b), np.maximum(a, b)], 1)


def _kept(ends: np.ndarray, scores: np.ndarray, attrs: NonMaxSuppressionAttrs) -> list[int]:
    kept: list[int] = []
    left = scores > np.float32(attrs.threshold)
    area = np.prod(ends[:, 1] - ends[:, 0], 1)
    while left.any() and len(kept) < attrs.most:
        best = int(np.argmax(np.where(left, scores, -np.inf)))
        kept.append(best)
        sides = np.minimum(ends[:, 1], ends[best, 1]) - np.maximum(ends[:, 0], ends[best, 0])
        both = np.prod(np.maximum(sides, 0), 1)
        with np.errstate(all="ignore"):
            gone = both / (area + area[best] - both) > np.float32(attrs.overlap)
        left &= ~(gone & (both > 0) & (area > 0) & (area[best] > 0))
        left[best] = False
    return kept


OP = NonMaxSuppression()
