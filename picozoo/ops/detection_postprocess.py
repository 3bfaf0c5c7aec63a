"""The end of an SSD detector: boxes decoded from anchors, then non-maximum suppression.

Inputs: box encodings [1, B, 4 or more] (y, x, h, w of the centre and size, relative to the anchor), scores [1, B, C or
C + 1] (the background first, if there is one), anchors [B, 4]. Outputs: boxes [1, N, 4] (ymin, xmin, ymax, xmax),
classes [1, N], scores [1, N], all best first with zeros behind the last one, and their number [1].

`regular` suppresses in each class for itself; otherwise each box counts with its best class, and gives its best
`per_box` classes. Follows LiteRT's custom operator, which computes boxes in double: two that overlap by almost exactly
the threshold may be judged otherwise. With several classes for each box LiteRT leaves gaps between the results; here
are none.

Source: Liu et al., 2016 (SSD); Neubeck and Van Gool, 2006 (non-maximum suppression).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.ops._tflite import custom
from picozoo.specs import Target, TensorType

_F = np.float32


@dataclass(frozen=True)
class DetectionPostprocessAttrs:
    """`most`: results that suppression keeps; `per_box`: classes given for each; `per_class`: most of one class
    (`regular`); `threshold`: least score; `overlap`: of two boxes whose intersection over union is larger, one goes;
    `scales`: divisors of y, x, h, w."""

    most: int = 10
    per_box: int = 1
    per_class: int = 100
    regular: bool = False
    classes: int = 1
    threshold: float = 0.0
    overlap: float = 0.5
    scales: tuple[float, ...] = (10.0, 10.0, 5.0, 5.0)


def _tflite(ctx: Any) -> list[str]:
    attrs = DetectionPostprocessAttrs(
        ctx.setting("max_detections", 1, 4096),
        ctx.setting("max_classes_per_detection", 1, 4096),
        ctx.setting("detections_per_class", 1, 1 << 20, 100),
        bool(ctx.setting("use_regular_nms", 0, 1, 0)),
        ctx.setting("num_classes", 1, 1 << 16),
        ctx.real("nms_score_threshold"),
        ctx.real("nms_iou_threshold"),
        tuple(ctx.real(f"{k}_scale") for k in "yxhw"),
    )
    if not all(attrs.scales) or not 0 < attrs.overlap <= 1:
        raise BadFile(f"scales {attrs.scales} must not be 0, the threshold {attrs.overlap} between 0 and 1")
    refs = [ctx.ref(i) for i in range(3)]
    if any(ctx.type(r).quant is not None for r in refs):
        refs = [r if ctx.type(r).is_float else ctx.emit("dequantize", [r], like=TensorType(())) for r in refs]
    return list(ctx.emit_all("detection_postprocess", refs, attrs, [TensorType(())] * 4))


def _cases() -> tuple[Case, ...]:
    found = []
    for b, c, background, a in (
        (12, 1, 0, DetectionPostprocessAttrs(5)),
        (20, 3, 1, DetectionPostprocessAttrs(8, 1, 4, True, 3, 0.2, 0.4)),
        (15, 4, 1, DetectionPostprocessAttrs(6, 2, 100, False, 4, -0.5, 0.6)),
        (3, 2, 0, DetectionPostprocessAttrs(9, 1, 100, True, 2, 0.9)),
    ):
        rng = np.random.default_rng(b)
        anchors = np.concatenate([rng.uniform(0, 1, (b, 2)), rng.uniform(0.2, 0.6, (b, 2))], 1).astype(np.float32)
        ins = (TensorType((1, b, 4)), TensorType((1, b, c + background)), TensorType((b, 4)))
        found.append(Case(ins, a, constants=(2,), values=((2, anchors),)))
    return tuple(found)


class DetectionPostprocess(Op):
    name = "detection_postprocess"
    Attrs = DetectionPostprocessAttrs
    flash_inputs = (2,)
    tflite = {custom("TFLite_Detection_PostProcess"): _tflite}
    cases = _cases()

    def infer(self, ins: Types, attrs: DetectionPostprocessAttrs) -> list[TensorType]:
        boxes, scores, anchors = ins
        b = boxes.shape[1] if boxes.rank == 3 else 0
        fits = b and boxes.shape[0] == 1 and boxes.shape[2] >= 4 and anchors.shape == (b, 4) and scores.rank == 3
        if not fits or scores.shape[:2] != (1, b) or scores.shape[2] - attrs.classes not in (0, 1):
            raise Unsupported(f"detection_postprocess: shapes {[list(t.shape) for t in ins]}, {attrs.classes} classes")
        if not all(t.is_float for t in ins):
            raise Unsupported("detection_postprocess takes f32")
        n = attrs.most * (1 if attrs.regular else min(attrs.per_box, attrs.classes))
        return [TensorType((1, n, 4)), TensorType((1, n)), TensorType((1, n)), TensorType((1,))]

    def reference(
        self, args: list[np.ndarray], ins: Types, outs: Types, attrs: DetectionPostprocessAttrs
    ) -> list[np.ndarray]:
        boxes = _decoded(args[0][0, :, :4], args[2], attrs)
        scores = args[1][0, :, ins[1].shape[2] - attrs.classes :]
        if attrs.regular:
            found: list[tuple[int, int]] = []  # (box, class)
            for c in range(attrs.classes):
                found += [(b, c) for b in _suppressed(boxes, scores[:, c], attrs.per_class, attrs)]
                found = sorted(found, key=lambda k: -scores[k])[: attrs.most]  # of equals the first ones stay first
        else:
            kept = _suppressed(boxes, scores.max(1), attrs.most, attrs)
            best = np.argsort(-scores, 1, kind="stable")[:, : attrs.per_box]
            found = [(b, int(c)) for b in kept for c in best[b]]
        made = [np.zeros(t.shape, np.float32) for t in outs]
        for k, (b, c) in enumerate(found):
            made[0][0, k], made[1][0, k], made[2][0, k] = boxes[b], c, scores[b, c]
        made[3][0] = len(found)
        return made

    def scratch(self, ins: Types, outs: Types, attrs: DetectionPostprocessAttrs, target: Target) -> int:
        return 21 * ins[0].shape[1] + (8 * (attrs.most + 1) if attrs.regular else 0)

    def emit(self, call: Any) -> str:
        a = call.attrs
        where = (*(call.x(i) for i in range(3)), *(call.y(i) for i in range(4)), call.scratch("pz_f32"))
        b, c = call.ins[0].shape[1], call.ins[1].shape[2]
        size = (b, call.ins[0].shape[2], c, c - a.classes, a.most, call.outs[1].shape[1])
        limits = [call.literal(float(v)) for v in (a.threshold, a.overlap, *a.scales)]
        if a.regular:
            return str(call.run("pz_detection_regular", *where, *size, a.per_class, *limits))
        return str(call.run("pz_detection_fast", *where, *size, min(a.per_box, a.classes), *limits))


def _decoded(codes: np.ndarray, anchors: np.ndarray, attrs: DetectionPostprocessAttrs) -> np.ndarray:
    """Corners of the boxes."""
    y, x, h, w = (codes[:, k] / _F(s) for k, s in enumerate(attrs.scales))
    ay, ax, ah, aw = anchors.T
    cy, cx = y * ah + ay, x * aw + ax
    with np.errstate(over="ignore"):
        hh, hw = _F(0.5) * np.exp(h) * ah, _F(0.5) * np.exp(w) * aw
    return np.stack([cy - hh, cx - hw, cy + hh, cx + hw], 1).astype(np.float32)


def _overlap(boxes: np.ndarray, one: np.ndarray) -> np.ndarray:
    """Intersection over union of each box with one."""
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    mine = (one[2] - one[0]) * (one[3] - one[1])
    low, high = np.maximum(boxes[:, :2], one[:2]), np.minimum(boxes[:, 2:], one[2:])
    both = np.prod(np.maximum(high - low, _F(0)), 1, dtype=np.float32)
    with np.errstate(all="ignore"):
        return np.where((area <= 0) | (mine <= 0), _F(0), both / (area + mine - both))


def _suppressed(boxes: np.ndarray, scores: np.ndarray, most: int, attrs: DetectionPostprocessAttrs) -> list[int]:
    """Boxes that are left, best first: each takes away the worse ones that overlap it too much."""
    kept: list[int] = []
    active = scores >= _F(attrs.threshold)
    while active.any() and len(kept) < most:
        best = int(np.argmax(np.where(active, scores, -np.inf)))
        best = best if active[best] else int(np.flatnonzero(active)[0])
        kept.append(best)
        active[best] = False
        active &= ~(_overlap(boxes, boxes[best]) > _F(attrs.overlap))
    return kept


OP = DetectionPostprocess()
