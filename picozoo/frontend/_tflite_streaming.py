"""CIRCULAR_BUFFER, the custom operator of streaming networks, and what it means for the operators behind it.

The buffer is kept state. With a period of n TensorFlow Lite Micro ends the invocation here in all but every n-th call.
Here the operators behind it run only in that one (`_tflite_guard`), and results are kept for the other calls; one more
result, a bool, says whether every operator ran.
`ctx` is `_tflite_call.Call`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.frontend._tflite_call import clean
from picozoo.frontend._tflite_guard import BOOL, Guarded, truth
from picozoo.ops._tflite import custom
from picozoo.ops.shift_in import ShiftInAttrs
from picozoo.specs import TensorType

_COUNT = TensorType((), "i32")
_PERIOD_1 = (5, 13, 25)  # columns of buffers that run in every call although the file does not say so


def _circular_buffer(ctx: Any) -> list[str]:
    x, y = ctx.ref(0), ctx.out()
    t = ctx.type(x)
    if (t.dtype, y.dtype) != ("i8", "i8") or y.rank != 4 or y.shape[0] != 1 or t.shape != (1, 1, *y.shape[2:]):
        told = f"{t.dtype}{list(t.shape)} into {y.dtype}{list(y.shape)}"
        raise Unsupported(f"{told}; int8 [1, 1, H, C] into [1, N, H, C] is supported")
    if ctx.depth:
        raise Unsupported("it may stand in the main graph only")
    period = ctx.setting("cycles_max", -1 << 31, 1 << 20, default=0)
    period = period if period > 0 else _unsaid_period(ctx, y.shape)
    state = ctx.new_state("columns", ctx.made(y, y.quant.zero_point[0] if y.quant is not None else 0), y)
    columns = ctx.emit("shift_in", [x, state], ShiftInAttrs(1), like=y)
    ctx.keep(state, columns)
    due = _due(ctx, period)
    if len(ctx.op.outputs) > 1:  # says so instead of ending the call
        return [columns, ctx.reshape(due, ctx.out(1).shape)]
    ctx.shared.period *= period
    if period > 1 and ctx.index + 1 == len(ctx.model.operators):
        ctx.ran = due
    elif period > 1:
        ctx.rest = lambda: _rest(ctx, due)
    return [columns]


def _unsaid_period(ctx: Any, shape: tuple[int, ...]) -> int:
    """TensorFlow Lite Micro guesses a period that is not in the file from the sizes of two networks that it knows."""
    ctx.shared.unsaid += 1
    if shape[1] in _PERIOD_1 or (ctx.shared.unsaid == 5 and shape[2:] == (2, 96)):
        ctx.shared.unsaid = 0
        return 1
    return 2


def _number(ctx: Any, value: int) -> str:
    return str(ctx.const(np.array(value, np.int32), _COUNT, "calls"))


def _due(ctx: Any, period: int) -> str:
    """Is this the last call of a period? As a bool."""
    if period == 1:
        return truth(ctx, True)
    state = ctx.new_state("calls", ctx.made(_COUNT), _COUNT)
    later = ctx.emit("add", [state, _number(ctx, 1)], like=_COUNT)
    due = str(ctx.emit("ge", [later, _number(ctx, period)], like=BOOL))
    ctx.keep(state, ctx.emit("where", [due, _number(ctx, 0), later], like=_COUNT))
    return due


def _rest(ctx: Any, due: str) -> None:
    """Read the operators behind the current one into a body that runs where `due`."""
    part = Guarded(ctx, "rest")
    later = {k for o in ctx.model.operators[ctx.index + 1 :] for k in o.inputs} | set(ctx.model.outputs)
    values = {k: part.inside(r) if k in later else r for k, r in ctx.values.items()}
    inner = ctx.child(ctx.model, part.function, values)
    inner.depth, inner.handles = ctx.depth, ctx.handles
    inner.walk(ctx.index + 1)
    if ctx.shared.wrong:  # will be told
        return
    made = [k for k in dict.fromkeys(ctx.model.outputs) if k not in ctx.values and k in inner.values]
    for k in made:
        part.function.updates.setdefault(_last(ctx, inner, k), inner.values[k])
    (ctx.ran,) = part.close(due, [truth(ctx, False)], [inner.ran or truth(ctx, True)], ["ran"])
    ctx.values.update({k: ctx.function.updates[ctx.shared.last[k]] for k in made})


def _last(ctx: Any, inner: Any, number: int) -> str:
    """The state that keeps a result for the calls that do not compute it."""
    last: dict[int, str] = ctx.shared.last
    if number not in last:
        t = inner.type(inner.values[number])
        first = ctx.made(t, t.quant.zero_point[0] if t.quant is not None else 0)
        last[number] = ctx.program.add_state(f"{clean(ctx.model.tensors[number].name) or 'y'}.last", first, t)
    return last[number]


READERS: Mapping[str, Callable[..., Any]] = {custom("CIRCULAR_BUFFER"): _circular_buffer}
