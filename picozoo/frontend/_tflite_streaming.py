"""CIRCULAR_BUFFER, the custom operator of streaming networks, and what it means for the operators behind it.

The buffer is kept state. With a period of n TensorFlow Lite Micro ends the invocation here in all but every n-th call.
Here the operators behind it become the body of a loop that makes one turn or none: what does not run costs nothing, and
kept state stays as it was. So do the results, which are kept for that; one more result, a bool, says whether every
operator ran.
`ctx` is `_tflite_call.Call`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.frontend._tflite_call import clean
from picozoo.ir.program import Function, Node, rewire
from picozoo.ops._tflite import custom
from picozoo.ops.shift_in import ShiftInAttrs
from picozoo.ops.while_loop import WhileLoopAttrs
from picozoo.specs import TensorType

_BOOL, _COUNT = TensorType((), "bool"), TensorType((), "i32")
_MOST = 32  # buffers with a period, one behind the other
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


def _const(ctx: Any, value: int | bool, t: TensorType) -> str:
    return str(ctx.const(np.array(value, t.numpy), t, "yes" if value is True else "no" if value is False else "calls"))


def _due(ctx: Any, period: int) -> str:
    """Is this the last call of a period? As a bool."""
    if period == 1:
        return _const(ctx, True, _BOOL)
    state = ctx.new_state("calls", ctx.made(_COUNT), _COUNT)
    later = ctx.emit("add", [state, _const(ctx, 1, _COUNT)], like=_COUNT)
    due = str(ctx.emit("ge", [later, _const(ctx, period, _COUNT)], like=_BOOL))
    ctx.keep(state, ctx.emit("where", [due, _const(ctx, 0, _COUNT), later], like=_COUNT))
    return due


def _rest(ctx: Any, due: str) -> None:
    """Read the operators behind the current one into a loop that makes one turn where `due`, else none."""
    if len(ctx.program.functions) > 2 * _MOST:
        raise Unsupported(f"more than {_MOST} CIRCULAR_BUFFERs with a period")
    body, handed = Function(ctx.program_name("rest"), (), (), [], {}, public=False), _Handed(ctx)
    ctx.program.functions[body.name] = body
    inner = ctx.child(ctx.model, body, handed.values(body))
    inner.depth, inner.handles = ctx.depth, ctx.handles
    inner.walk(ctx.index + 1)
    if ctx.shared.wrong:  # will be told
        return
    no, ran = _const(ctx, False, _BOOL), inner.ran or _const(ctx, True, _BOOL)
    made = [k for k in dict.fromkeys(ctx.model.outputs) if k not in ctx.values and k in inner.values]
    for k in made:
        body.updates.setdefault(_last(ctx, inner, k), inner.values[k])
    kept = list(body.updates)
    body.results, body.updates = (no, ran, *body.updates.values()), {}
    starts = [due, no, *(ctx.function.updates.get(s, s) for s in kept)]
    _, ctx.ran, *outs = _loop(ctx, body, starts, ["due", "ran", *(s[1:].removesuffix(".last") for s in kept)], handed)
    ctx.function.updates.update(zip(kept, outs, strict=True))
    ctx.values.update({k: ctx.function.updates[ctx.shared.last[k]] for k in made})


def _last(ctx: Any, inner: Any, number: int) -> str:
    """The state that keeps a result for the calls that do not compute it."""
    last: dict[int, str] = ctx.shared.last
    if number not in last:
        t = inner.type(inner.values[number])
        first = ctx.made(t, t.quant.zero_point[0] if t.quant is not None else 0)
        last[number] = ctx.program.add_state(f"{clean(ctx.model.tensors[number].name) or 'y'}.last", first, t)
    return last[number]


class _Handed:
    """What the rest of a graph reads of the values made before it: the loop hands them in."""

    def __init__(self, ctx: Any) -> None:
        self.ctx = ctx
        self.params: dict[str, str] = {}  # reference outside -> parameter

    def values(self, body: Function) -> dict[int, str]:
        """The graph's values as the body sees them; those of its variables, too."""
        ctx = self.ctx
        later = {k for o in ctx.model.operators[ctx.index + 1 :] for k in o.inputs} | set(ctx.model.outputs)
        found = {k: self._inside(body, r) if k in later else r for k, r in ctx.values.items()}
        ctx.shared.variables = {k: self._inside(body, r) for k, r in ctx.shared.variables.items()}
        return found

    def _inside(self, body: Function, ref: str) -> str:
        if ref[0] != "%":
            return ref
        if ref not in self.params:
            self.params[ref] = body.fresh(ref)
            body.types[self.params[ref]] = self.ctx.type(ref)
        return self.params[ref]


def _loop(ctx: Any, body: Function, starts: list[str], names: list[str], handed: _Handed) -> list[str]:
    """The loop's node: its first value says whether it makes a turn. Returns what it gives, under these names."""
    types = [ctx.type(r) for r in starts]
    own = _fresh(body, names, types)
    rewire(body, {s: p for s, p in zip(starts, own, strict=True) if s[0] == "$"})
    body.params = (*own, *handed.params.values())
    given = {r: body.types[r] for r in body.params}
    test = Function(ctx.program_name("due"), body.params, (own[0],), [], given, public=False)
    ctx.program.functions[test.name] = test
    outs = _fresh(ctx.function, names, types)
    attrs, refs = WhileLoopAttrs(test.name, body.name, len(starts)), (*starts, *handed.params)
    ctx.function.nodes.append(Node("while_loop", ctx.node_name("rest"), refs, tuple(outs), attrs, ctx.place))
    return outs


def _fresh(f: Function, names: list[str], types: list[TensorType]) -> list[str]:
    found = []
    for name, t in zip(names, types, strict=True):
        found.append(f.fresh(name))
        f.types[found[-1]] = t
    return found


READERS: Mapping[str, Callable[..., Any]] = {custom("CIRCULAR_BUFFER"): _circular_buffer}
