"""nn.LSTM, nn.GRU and nn.RNN over a sequence: one recurrent operator for each direction of each layer.

PyTorch orders the gates of a GRU r, z, n; the operator z, r, h, as ONNX. Layers follow each other, and the two
directions of a layer lie side by side in its output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops.concat import ConcatAttrs
from picozoo.ops.gru import GruAttrs
from picozoo.ops.lstm_sequence import LstmSequenceAttrs
from picozoo.ops.rnn import RnnAttrs
from picozoo.ops.slice import SliceAttrs

_ORDER = {"lstm_sequence": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn": (0,)}


def _rows(w: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """The gates of a weight or bias in another order."""
    return np.concatenate([np.split(w, len(order))[k] for k in order])


def _state(ctx: Any, h: str, at: int) -> str:
    """[layers * directions, B, H] -> [B, H] of one of them."""
    _, b, n = ctx.type(h).shape
    piece = ctx.emit("slice", [h], SliceAttrs((at, 0, 0), (1, b, n), (1, 1, 1))) if ctx.type(h).shape[0] > 1 else h
    return str(ctx.reshape(piece, (b, n)))


def _direction(ctx: Any, kind: str, x: str, params: Sequence[Any], state: list[str], attrs: Any) -> list[str]:
    """One direction of one layer: y and the state after it."""
    rows = [_rows(ctx.array(p, "recurrent weights"), _ORDER[kind]) for p in params]
    names = [ctx.hint(p) for p in params]
    refs = [x, *state, *(ctx.const(v, name) for v, name in zip(rows[:2], names, strict=False))]
    b, rb = rows[2:] or [np.zeros(len(rows[0]), np.float32)] * 2
    bias, inner = names[2:] or ("zeros", "zeros")
    refs += [ctx.const(b, bias), ctx.const(rb, inner)] if kind == "gru" else [ctx.const(b + rb, f"{bias}.sum")]
    return list(ctx.emit(kind, refs, attrs))


def _sequence(
    ctx: Any,
    kind: str,
    attrs: Callable[..., Any],
    x: Any,
    states: Sequence[Any],
    params: Sequence[Any],
    biases: bool,
    layers: int,
    dropout: float,
    train: bool,
    both: bool,
    batch_first: bool,
) -> list[str]:
    """Output and final states, as PyTorch gives them."""
    name = f"nn.{kind.split('_')[0].upper()}"
    if train and dropout > 0:
        raise Unsupported(f"{name} in training mode; call eval() on the module")
    x, refs = ctx.ref(x), [ctx.ref(s) for s in states]
    unbatched = ctx.type(x).rank == 2
    major = unbatched or not batch_first
    if unbatched:
        x = ctx.reshape(x, (ctx.type(x).shape[0], 1, ctx.type(x).shape[1]))
        refs = [ctx.reshape(s, (ctx.type(s).shape[0], 1, ctx.type(s).shape[1])) for s in refs]
    ways = 2 if both else 1
    each = len(params) // (layers * ways)
    if each != (4 if biases else 2):
        raise Unsupported(f"{name} with projections (proj_size); leave it at 0")
    finals: list[list[str]] = [[] for _ in refs]
    for layer in range(layers):
        made = []
        for way in range(ways):
            at = layer * ways + way
            held = [_state(ctx, s, at) for s in refs]
            y, *after = _direction(ctx, kind, x, params[at * each : (at + 1) * each], held, attrs(major, way == 1))
            made.append(y)
            for k, ref in enumerate(after):
                finals[k].append(ctx.reshape(ref, (1, *ctx.type(ref).shape)))
        x = made[0] if ways == 1 else ctx.emit("concat", made, ConcatAttrs(2))
    last = [f[0] if len(f) == 1 else ctx.emit("concat", f, ConcatAttrs(0)) for f in finals]
    if unbatched:
        t, _, n = ctx.type(x).shape
        return [ctx.reshape(x, (t, n)), *(ctx.reshape(s, ctx.type(s).shape[::2]) for s in last)]
    return [x, *last]


def _lstm(ctx: Any, x: Any, hx: Sequence[Any], params: Sequence[Any], *rest: Any) -> list[str]:
    def attrs(major: bool, reverse: bool) -> LstmSequenceAttrs:
        return LstmSequenceAttrs(major, reverse=reverse, cell=True)

    return _sequence(ctx, "lstm_sequence", attrs, x, hx, params, *rest)


def _gru(ctx: Any, x: Any, hx: Any, params: Sequence[Any], *rest: Any) -> list[str]:
    return _sequence(ctx, "gru", lambda major, back: GruAttrs(major, back, True), x, [hx], params, *rest)


def _rnn(act: str) -> Callable[..., Any]:
    def read(ctx: Any, x: Any, hx: Any, params: Sequence[Any], *rest: Any) -> list[str]:
        return _sequence(ctx, "rnn", lambda major, back: RnnAttrs(major, back, act), x, [hx], params, *rest)

    return read


def _cell(kind: str, attrs: Any) -> Callable[..., Any]:
    """One step of nn.GRUCell or nn.RNNCell: a sequence of one."""

    def read(ctx: Any, x: Any, h: Any, *params: Any) -> str:
        x, h = ctx.ref(x), ctx.ref(h)
        if ctx.type(x).rank != 2:
            raise Unsupported(
                f"nn.{kind.upper()}Cell without a batch; give inputs of shape [1, {ctx.type(x).shape[-1]}]"
            )
        given = [p for p in params if p is not None]
        n, k = ctx.type(x).shape
        return str(_direction(ctx, kind, ctx.reshape(x, (n, 1, k)), given, [h], attrs)[1])

    return read


# aten overload -> (operator of each direction, reader)
READERS: dict[str, tuple[str, Callable[..., Any]]] = {
    "lstm.input": ("lstm_sequence", _lstm),
    "gru.input": ("gru", _gru),
    "rnn_tanh.input": ("rnn", _rnn("tanh")),
    "rnn_relu.input": ("rnn", _rnn("relu")),
    "gru_cell.default": ("gru", _cell("gru", GruAttrs(after=True))),
    "rnn_tanh_cell.default": ("rnn", _cell("rnn", RnnAttrs())),
    "rnn_relu_cell.default": ("rnn", _cell("rnn", RnnAttrs(act="relu"))),
}
