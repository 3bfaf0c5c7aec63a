"""ONNX's recurrent layers: one operator for each direction.

Plain LSTMs are `lstm_sequence`; those with peepholes, coupled gates, a limit of what goes into the gates or functions
other than sigmoid and tanh are `lstm`. Sequences shorter than the longest are layers over as many steps of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.ops._gate import FUNCTIONS, Gate
from picozoo.ops.concat import ConcatAttrs
from picozoo.ops.gru import GruAttrs
from picozoo.ops.lstm import LstmAttrs
from picozoo.ops.lstm_sequence import LstmSequenceAttrs
from picozoo.ops.rnn import RnnAttrs

_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


def _layer(ctx: Any, gates: int, run: Callable[..., list[str]]) -> list[str]:
    """Directions, layouts and outputs; `run` gives y [T, B, H] and the last states of some sequences in a direction."""
    batch_first = bool(ctx.attr("layout", 0))
    x = ctx.transpose(ctx.ref(0), (1, 0, 2)) if batch_first else ctx.ref(0)
    ways = _DIRECTIONS.get(ctx.attr("direction", "forward").lower())
    w, r = ctx.ref(1), ctx.ref(2)
    if ways is None or len(ctx.shape(x)) != 3 or len(ctx.shape(w)) != 3 or len(ctx.shape(r)) != 3:
        raise BadFile(f"inputs of shapes {list(ctx.shape(x))}, {list(ctx.shape(w))}, {list(ctx.shape(r))}")
    t, b, _ = ctx.shape(x)
    n = ctx.shape(r)[2]
    if ctx.shape(r) != (len(ways), gates * n, n) or ctx.shape(w)[:2] != (len(ways), gates * n):
        raise BadFile(f"weights of shapes {list(ctx.shape(w))}, {list(ctx.shape(r))} for {len(ways)} directions")
    made = [_lengths(ctx, x, lambda *part, k=k, back=back: run(ctx, k, *part, back, n)) for k, back in enumerate(ways)]
    y = _joined(ctx, [ctx.reshape(m[0], (t, 1, b, n)) for m in made], 1)
    last = [_joined(ctx, [ctx.reshape(m[j], (1, b, n)) for m in made], 0) for j in range(1, len(made[0]))]
    if batch_first:
        y, last = ctx.transpose(y, (2, 0, 1, 3)), [ctx.transpose(v, (1, 0, 2)) for v in last]
    return [y, *last]


def _lengths(ctx: Any, x: str, run: Callable[..., list[str]]) -> list[str]:
    """`run(x, first, count)` for sequences of one length that stand together; zeros behind the end of each."""
    t, b = ctx.shape(x)[:2]
    lens = [int(v) for v in ctx.ints(4, "sequence_lens")] if ctx.has(4) else [t] * b
    if len(lens) != b or not all(0 < v <= t for v in lens):
        raise Unsupported(f"sequence_lens {lens}: {b} numbers from 1 to {t} are needed")
    starts = [i for i in range(b) if i == 0 or lens[i] != lens[i - 1]]
    parts = []
    for first, end in zip(starts, [*starts[1:], b], strict=True):
        steps, count = lens[first], end - first
        made = run(ctx.part(ctx.part(x, 1, first, count), 0, 0, steps), first, count)
        if steps < t:
            n = ctx.shape(made[0])[2]
            made[0] = _joined(ctx, [made[0], ctx.const(np.zeros((t - steps, count, n)), "zeros", "f32")], 0)
        parts.append(made)
    return [_joined(ctx, [p[j] for p in parts], 1 if j == 0 else 0) for j in range(len(parts[0]))]


def _joined(ctx: Any, refs: list[str], axis: int) -> str:
    return refs[0] if len(refs) == 1 else str(ctx.emit("concat", refs, ConcatAttrs(axis)))


def _row(ctx: Any, i: int, k: int) -> str:
    """Direction k of input i, without the direction's dimension."""
    ref = ctx.ref(i)
    return str(ctx.reshape(ctx.part(ref, 0, k, 1), ctx.shape(ref)[1:]))


def _state(ctx: Any, i: int, k: int, n: int, first: int, count: int) -> str:
    """State i of direction k for `count` sequences; zeros if it is not given."""
    if not ctx.has(i):
        return str(ctx.const(np.zeros((count, n)), "zeros", "f32"))
    if ctx.attr("layout", 0):
        b = ctx.shape(ctx.ref(i))[0]
        whole = ctx.reshape(ctx.part(ctx.ref(i), 1, k, 1), (b, n))
    else:
        whole = _row(ctx, i, k)
    return str(ctx.part(whole, 0, first, count))


def _biases(ctx: Any, k: int, rows: int) -> tuple[str, str]:
    """Of the products with the inputs and with the state."""
    if not ctx.has(3):
        zeros = str(ctx.const(np.zeros(rows), "zeros", "f32"))
        return zeros, zeros
    both = _row(ctx, 3, k)
    return ctx.part(both, 0, 0, rows), ctx.part(both, 0, rows, rows)


def _total(ctx: Any, k: int, rows: int) -> str:
    """The sum of both biases."""
    return str(ctx.op("add", *_biases(ctx, k, rows)))


def _functions(ctx: Any, k: int, usual: tuple[str, ...]) -> list[Gate]:
    """Functions of direction k. Alphas and betas are one list each, of which every function that has them takes one."""
    count, ways = len(usual), len(_DIRECTIONS[ctx.attr("direction", "forward").lower()])
    names = [str(a).lower() for a in (ctx.attr("activations") or usual * ways)]
    if len(names) != count * ways or any(v not in FUNCTIONS for v in names):
        raise Unsupported(f"activations {', '.join(names)}; {count * ways} of {', '.join(FUNCTIONS)} are needed")
    given = [list(ctx.attr(f"activation_{v}") or []) for v in ("alpha", "beta")]
    found = []
    for name in names:
        numbers = [float(g.pop(0)) if g else d for g, d in zip(given, FUNCTIONS[name], strict=False)]
        found.append(Gate(name, *numbers))
    return found[k * count : (k + 1) * count]


def _written(found: list[Gate]) -> tuple[Any, ...]:
    """The attributes `acts`, `alpha` and `beta`."""
    names = tuple(g.name for g in found)
    plain = not any(FUNCTIONS[name] for name in names)
    return (names, (), ()) if plain else (names, tuple(g.alpha for g in found), tuple(g.beta for g in found))


def _clip(ctx: Any) -> float:
    return float(ctx.attr("clip", 0.0))


def _reordered(ctx: Any, ref: str, n: int, order: tuple[int, ...]) -> str:
    """Rows of gates in another order."""
    return _joined(ctx, [ctx.part(ref, 0, g * n, n) for g in order], 0)


def _lstm(ctx: Any) -> list[str]:
    couple, clip = bool(ctx.attr("input_forget", 0)), _clip(ctx)
    order, peep = ((0, 3, 1), (0, 1)) if couple else ((0, 2, 3, 1), (0, 2, 1))  # of i, o, f, c as i, f, c, o

    def run(ctx: Any, k: int, x: str, first: int, count: int, reverse: bool, n: int) -> list[str]:
        functions = _functions(ctx, k, ("sigmoid", "tanh", "tanh"))
        states = [_state(ctx, i, k, n, first, count) for i in (5, 6)]
        whole = (_row(ctx, 1, k), _row(ctx, 2, k), _total(ctx, k, 4 * n))
        refs = [x, *states, *(_reordered(ctx, v, n, order) for v in whole)]
        acts = _written(functions)
        if not ctx.has(7) and not couple and not clip and acts[0] == ("sigmoid", "tanh", "tanh"):
            return list(ctx.emit("lstm_sequence", refs, LstmSequenceAttrs(True, reverse=reverse, cell=True)))
        if ctx.has(7):
            refs.append(_reordered(ctx, _row(ctx, 7, k), n, peep))
        return list(ctx.emit("lstm", refs, LstmAttrs(True, reverse, couple, clip, *acts)))

    return _layer(ctx, 4, run)


def _gru(ctx: Any) -> list[str]:
    after = bool(ctx.attr("linear_before_reset", 0))

    def run(ctx: Any, k: int, x: str, first: int, count: int, reverse: bool, n: int) -> list[str]:
        attrs = GruAttrs(True, reverse, after, _clip(ctx), *_written(_functions(ctx, k, ("sigmoid", "tanh"))))
        h = _state(ctx, 5, k, n, first, count)
        return list(ctx.emit("gru", [x, h, _row(ctx, 1, k), _row(ctx, 2, k), *_biases(ctx, k, 3 * n)], attrs))

    return _layer(ctx, 3, run)


def _rnn(ctx: Any) -> list[str]:
    def run(ctx: Any, k: int, x: str, first: int, count: int, reverse: bool, n: int) -> list[str]:
        (act,) = _functions(ctx, k, ("tanh",))
        refs = [x, _state(ctx, 5, k, n, first, count), _row(ctx, 1, k), _row(ctx, 2, k), _total(ctx, k, n)]
        return list(ctx.emit("rnn", refs, RnnAttrs(True, reverse, act.name, _clip(ctx), act.alpha, act.beta)))

    return _layer(ctx, 1, run)


READERS: Mapping[str, Callable[..., Any]] = {"LSTM": _lstm, "GRU": _gru, "RNN": _rnn}
