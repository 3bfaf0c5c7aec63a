"""Overlapping frames added to a stream: SignalOverlapAdd. (x, state) -> (y, new state). float32, or int16 with limits.

x [S, T, F]: S streams of T frames; state [S, F]: what is left of earlier frames; y [S, T * step].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.ops._tflite import custom
from picozoo.specs import TensorType


@dataclass(frozen=True)
class SignalOverlapAddAttrs:
    """`step`: from one frame to the next."""

    step: int = 1


def _tflite(ctx: Any) -> str:
    x = ctx.ref(0)
    t = ctx.type(x)
    if t.rank < 2 or not t.size:
        raise Unsupported(f"frames {list(t.shape)}")
    frames, size = t.shape[-2:]
    outer = t.size // (frames * size)
    kept = TensorType((outer, size), t.dtype)
    state = ctx.new_state("overlap", ctx.made(kept), kept)
    attrs = SignalOverlapAddAttrs(ctx.setting("frame_step", 1))
    refs = [ctx.reshape(x, (outer, frames, size)), state]
    y, new = ctx.emit_all("signal_overlap_add", refs, attrs, [t, kept])
    ctx.keep(state, new)
    return str(y)


class SignalOverlapAdd(Op):
    name = "signal_overlap_add"
    Attrs = SignalOverlapAddAttrs
    tflite = {custom("SignalOverlapAdd"): _tflite}
    cases = tuple(
        Case(
            (TensorType((s, t, f), d), TensorType((s, f), d)),
            SignalOverlapAddAttrs(step),
            low=-32768 if d == "i16" else -2,
            high=32767 if d == "i16" else 2,
        )
        for s, t, f, step in ((1, 3, 5, 2), (2, 2, 4, 4), (1, 1, 6, 1))
        for d in ("i16", "f32")
    )

    def infer(self, ins: Types, attrs: SignalOverlapAddAttrs) -> list[TensorType]:
        x, old = ins
        if (
            x.dtype not in ("i16", "f32")
            or old.dtype != x.dtype
            or x.rank != 3
            or old.shape != (x.shape[0], x.shape[2])
            or not 0 < attrs.step <= x.shape[2]
        ):
            raise Unsupported(
                f"signal_overlap_add of {x.dtype}{list(x.shape)}, state {list(old.shape)}, step {attrs.step}"
            )
        return [TensorType((x.shape[0], x.shape[1] * attrs.step), x.dtype), old]

    def reference(
        self, args: list[np.ndarray], ins: Types, outs: Types, attrs: SignalOverlapAddAttrs
    ) -> list[np.ndarray]:
        x, sums, made = args[0], args[1].copy(), []
        for frame in x.transpose(1, 0, 2):
            if x.dtype == np.int16:
                sums = np.clip(sums.astype(np.int32) + frame, -32768, 32767).astype(np.int16)
            else:
                sums = sums + frame
            made.append(sums[:, : attrs.step])
            sums = np.concatenate([sums[:, attrs.step :], np.zeros_like(made[-1])], 1)
        return [np.concatenate(made, 1), sums]

    def inplace_pairs(self, ins: Types, outs: Types, attrs: SignalOverlapAddAttrs) -> list[tuple[int, int]]:
        return [(1, 1)]

    def emit(self, call: Any) -> str:
        where = (call.x(0), call.x(1), call.y(0), call.y(1))
        return str(call.run(f"pz_signal_overlap_add_{call.ins[0].dtype}", *where, *call.ins[0].shape, call.attrs.step))


OP = SignalOverlapAdd()
