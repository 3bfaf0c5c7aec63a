"""ONNX's recurrent layers: one operator for each direction.

An LSTM with peepholes, coupled gates or a limit of what goes into the gates has the product with its inputs as a matrix
product for all steps, and the rest as the operator `lstm`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.ops._onnx import matmul
from picozoo.ops.concat import ConcatAttrs
from picozoo.ops.gru import GruAttrs
from picozoo.ops.lstm import LstmAttrs
from picozoo.ops.lstm_sequence import LstmSequenceAttrs
from picozoo.ops.rnn import RnnAttrs

_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


def _layer(ctx: Any, gates: int, run: Callable[..., list[str]]) -> list[str]:
    """Directions, layouts and outputs; `run(ctx, k, direction's inputs)` gives y [T, B, H] and the last states."""
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
    if ctx.has(4) and any(v != t for v in ctx.ints(4, "sequence_lens")):
        raise Unsupported("sequences of different lengths")
    made = [run(ctx, k, x, reverse, n) for k, reverse in enumerate(ways)]
    y = _joined(ctx, [ctx.reshape(m[0], (t, 1, b, n)) for m in made], 1)
    last = [_joined(ctx, [ctx.reshape(m[j], (1, b, n)) for m in made], 0) for j in range(1, len(made[0]))]
    if batch_first:
        y, last = ctx.transpose(y, (2, 0, 1, 3)), [ctx.transpose(v, (1, 0, 2)) for v in last]
    return [y, *last]


def _joined(ctx: Any, refs: list[str], axis: int) -> str:
    return refs[0] if len(refs) == 1 else str(ctx.emit("concat", refs, ConcatAttrs(axis)))


def _row(ctx: Any, i: int, k: int) -> str:
    """Direction k of input i, without the direction's dimension."""
    ref = ctx.ref(i)
    return str(ctx.reshape(ctx.part(ref, 0, k, 1), ctx.shape(ref)[1:]))


def _state(ctx: Any, i: int, k: int, b: int, n: int) -> str:
    if not ctx.has(i):
        return str(ctx.const(np.zeros((b, n)), "zeros", "f32"))
    if ctx.attr("layout", 0):
        return str(ctx.reshape(ctx.part(ctx.ref(i), 1, k, 1), (b, n)))
    return _row(ctx, i, k)


def _gates(ctx: Any, x: str, k: int, bias: str | None) -> str:
    """x W^T + bias for all steps."""
    y = matmul(ctx, x, ctx.transpose(_row(ctx, 1, k), (1, 0)))
    return y if bias is None else str(ctx.op("add", y, bias))


def _biases(ctx: Any, k: int, rows: int) -> tuple[str, str] | None:
    if not ctx.has(3):
        return None
    both = _row(ctx, 3, k)
    return ctx.part(both, 0, 0, rows), ctx.part(both, 0, rows, rows)


def _acts(ctx: Any, k: int, count: int, allowed: tuple[str, ...]) -> list[str]:
    names = [str(a).lower() for a in (ctx.attr("activations") or [])][k * count : (k + 1) * count]
    if names and tuple(names) != allowed:
        raise Unsupported(f"activations {', '.join(names)}; only {', '.join(allowed)} are supported")
    return list(allowed)


def _clip(ctx: Any) -> float:
    return float(ctx.attr("clip", 0.0))


def _zeros(ctx: Any, n: int) -> str:
    return str(ctx.const(np.zeros(n), "zeros", "f32"))


def _total(ctx: Any, k: int, rows: int) -> str:
    """The sum of both biases."""
    both = _biases(ctx, k, rows)
    return _zeros(ctx, rows) if both is None else str(ctx.op("add", *both))


def _reordered(ctx: Any, ref: str, n: int) -> str:
    """Rows of the gates i, o, f, c as i, f, c, o."""
    return _joined(ctx, [ctx.part(ref, 0, g * n, n) for g in (0, 2, 3, 1)], 0)


def _lstm(ctx: Any) -> list[str]:
    def run(ctx: Any, k: int, x: str, reverse: bool, n: int) -> list[str]:
        _acts(ctx, k, 3, ("sigmoid", "tanh", "tanh"))
        both, b = _biases(ctx, k, 4 * n), ctx.shape(x)[1]
        if not ctx.has(7) and not ctx.attr("input_forget", 0) and not _clip(ctx):
            rows = (_reordered(ctx, v, n) for v in (_row(ctx, 1, k), _row(ctx, 2, k), _total(ctx, k, 4 * n)))
            refs = [x, _state(ctx, 5, k, b, n), _state(ctx, 6, k, b, n), *rows]
            return list(ctx.emit("lstm_sequence", refs, LstmSequenceAttrs(True, reverse=reverse, cell=True)))
        g = _gates(ctx, x, k, None if both is None else ctx.op("add", *both))
        peep = _row(ctx, 7, k) if ctx.has(7) else ctx.const(np.zeros(3 * n), "zeros", "f32")
        refs = [g, _row(ctx, 2, k), _state(ctx, 5, k, b, n), _state(ctx, 6, k, b, n), peep]
        return list(ctx.emit("lstm", refs, LstmAttrs(reverse, bool(ctx.attr("input_forget", 0)), _clip(ctx))))

    return _layer(ctx, 4, run)


def _gru(ctx: Any) -> list[str]:
    after = bool(ctx.attr("linear_before_reset", 0))

    def run(ctx: Any, k: int, x: str, reverse: bool, n: int) -> list[str]:
        _acts(ctx, k, 2, ("sigmoid", "tanh"))
        biases = _biases(ctx, k, 3 * n) or [_zeros(ctx, 3 * n)] * 2
        refs = [x, _state(ctx, 5, k, ctx.shape(x)[1], n), _row(ctx, 1, k), _row(ctx, 2, k), *biases]
        return list(ctx.emit("gru", refs, GruAttrs(True, reverse, after, _clip(ctx))))

    return _layer(ctx, 3, run)


def _rnn(ctx: Any) -> list[str]:
    def run(ctx: Any, k: int, x: str, reverse: bool, n: int) -> list[str]:
        names = [str(a).lower() for a in (ctx.attr("activations") or [])]
        refs = [x, _state(ctx, 5, k, ctx.shape(x)[1], n), _row(ctx, 1, k), _row(ctx, 2, k), _total(ctx, k, n)]
        attrs = RnnAttrs(True, reverse, names[k] if k < len(names) else "tanh", _clip(ctx))
        return list(ctx.emit("rnn", refs, attrs))

    return _layer(ctx, 1, run)


READERS: Mapping[str, Callable[..., Any]] = {"LSTM": _lstm, "GRU": _gru, "RNN": _rnn}
