"""Frames side by side with their neighbours: SignalStacker. (x, frames, count) -> (y, valid, new frames, new count).

x [C]; y [(left + 1 + right) C]: the last frames, oldest first, worth reading only where `valid`: once as many have come
as are needed, then at every `step`-th call. The first frame counts as its `left` predecessors too. count: -1 at first.
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
class SignalStackerAttrs:
    left: int = 0
    right: int = 0
    step: int = 1


def _tflite(ctx: Any) -> list[str]:
    c = ctx.setting("num_channels", 1)
    names = ("stacker_left_context", "stacker_right_context", "stacker_step")
    attrs = SignalStackerAttrs(*(ctx.setting(k, int(k == names[2]), 1 << 10) for k in names))
    if ctx.type(ctx.ref(0)).shape != (c,):
        raise Unsupported(f"{c} channels, an input {list(ctx.type(ctx.ref(0)).shape)}")
    kept, one = TensorType((c * (attrs.left + attrs.right + 1),), "i16"), TensorType((1,), "i32")
    states = [ctx.new_state("frames", ctx.made(kept), kept), ctx.new_state("count", ctx.made(one, -1), one)]
    refs = [ctx.ref(0), *states]
    y, valid, *new = ctx.emit_all("signal_stacker", refs, attrs, [ctx.out(0), TensorType((), "bool"), kept, one])
    for state, ref in zip(states, new, strict=True):
        ctx.keep(state, ref)
    return [y, valid]


class SignalStacker(Op):
    name = "signal_stacker"
    Attrs = SignalStackerAttrs
    tflite = {custom("SignalStacker"): _tflite}
    cases = tuple(
        Case(
            (TensorType((c,), "i16"), TensorType((c * (left + right + 1),), "i16"), TensorType((1,), "i32")),
            SignalStackerAttrs(left, right, step),
            values=((2, np.array([count], np.int32)),),
            low=-999,
            high=999,
        )
        for c, left, right, step, count in ((3, 2, 1, 2, -1), (3, 2, 1, 2, 3), (2, 0, 0, 1, -1), (4, 1, 2, 1, 1))
    )

    def infer(self, ins: Types, attrs: SignalStackerAttrs) -> list[TensorType]:
        x, old, count = ins
        frames = attrs.left + attrs.right + 1
        if (
            x.dtype != "i16"
            or x.rank != 1
            or old != TensorType((x.size * frames,), "i16")
            or not 0 < attrs.step <= frames
        ):
            raise Unsupported(f"signal_stacker of {x.dtype}{list(x.shape)}, {attrs}")
        return [old, TensorType((), "bool"), old, count]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: SignalStackerAttrs) -> list[Any]:
        x, old, count = args
        frames, first = attrs.left + attrs.right + 1, count[0] < 0
        y = np.tile(x, frames) if first else np.concatenate([old[x.size :], x])
        there = attrs.left + 1 if first else int(count[0]) + 1
        valid = there >= frames
        return [y, np.array(valid), y, np.array([there - attrs.step if valid else there], np.int32)]

    def inplace_pairs(self, ins: Types, outs: Types, attrs: SignalStackerAttrs) -> list[tuple[int, int]]:
        return [(2, 1), (3, 2)]

    def emit(self, call: Any) -> str:
        a, where = call.attrs, (*(call.x(i) for i in range(3)), *(call.y(i) for i in range(4)))
        return str(call.run("pz_signal_stacker", *where, call.ins[0].size, a.left, a.right, a.step))


OP = SignalStacker()
