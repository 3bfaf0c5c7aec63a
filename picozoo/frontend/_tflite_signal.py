"""Custom operators for sound that only move samples: they become slices and concatenations over kept state.

The others are operators of their own (`ops/signal_*.py`). Unsigned numbers of 32 and 64 bits are held in signed ones of
the same bits, which they know and no other operator does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._tflite import custom
from picozoo.ops.concat import ConcatAttrs
from picozoo.ops.slice import SliceAttrs
from picozoo.specs import TensorType


def _columns(ctx: Any, x: str, at: int, n: int) -> str:
    """Columns of a matrix."""
    rows, width = ctx.type(x).shape
    if (at, n) == (0, width):
        return x
    return str(ctx.emit("slice", [x], SliceAttrs((0, at), (rows, n), (1, 1)), like=ctx.type(x)))


def _streams(ctx: Any) -> tuple[str, int]:
    """The input as [streams, samples], and the samples."""
    x, t = ctx.ref(0), ctx.type(ctx.ref(0))
    if t.dtype != "i16" or t.rank < 1 or not t.size:
        raise Unsupported(f"samples {t.dtype}{list(t.shape)}; int16 is supported")
    return ctx.reshape(x, (t.size // t.shape[-1], t.shape[-1])), t.shape[-1]


def _delayed(ctx: Any, x: str, kept: int, name: str) -> str:
    """Samples of before, `kept` of them, and those of now; the last ones are kept."""
    if not kept:
        return x
    streams, n = ctx.type(x).shape
    t = TensorType((streams, kept), "i16")
    state = ctx.new_state(name, ctx.made(t), t)
    ctx.room(t.with_(shape=(streams, kept + n)))
    both = str(ctx.emit("concat", [state, x], ConcatAttrs(1), like=t))
    ctx.keep(state, _columns(ctx, both, n, kept))
    return both


def _delay(ctx: Any) -> str:
    x, n = _streams(ctx)
    return _columns(ctx, _delayed(ctx, x, ctx.setting("delay_length"), "delay"), 0, n)


def _framer(ctx: Any) -> list[str]:
    size, step = ctx.setting("frame_size", 1), ctx.setting("frame_step", 1)
    prefill = bool(ctx.setting("prefill", 0, 1))
    x, n = _streams(ctx)
    if n % step or (prefill and size < step) or n // step > 256:
        raise Unsupported(f"frames of {size} samples every {step} of {n}")
    kept = size - step if prefill else (size - 1) // step * step
    both = _delayed(ctx, x, kept, "frames")
    parts = [_columns(ctx, both, k * step, size) for k in range(n // step)]
    frames = parts[0] if len(parts) == 1 else ctx.emit("concat", parts, ConcatAttrs(1), like=ctx.type(x))
    return [frames, _valid(ctx, 0 if prefill else kept // step, n // step)]


def _valid(ctx: Any, needed: int, steps: int) -> str:
    """Have `needed` steps been taken before this call? As a bool."""
    if not needed:
        return str(ctx.const(np.array(True), TensorType((), "bool"), "valid"))
    t = TensorType((), "i32")

    def number(value: int) -> str:
        return str(ctx.const(np.array(value, np.int32), t, "steps"))

    state = ctx.new_state("steps", np.array(0, np.int32), t)
    later = ctx.emit("add", [state, number(steps)], like=t)
    ctx.keep(state, ctx.emit("minimum", [later, number(needed)], like=t))
    return str(ctx.emit("ge", [state, number(needed)], like=TensorType((), "bool")))


READERS: Mapping[str, Callable[..., Any]] = {custom("SignalDelay"): _delay, custom("SignalFramer"): _framer}
