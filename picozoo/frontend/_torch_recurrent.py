"""nn.LSTM, nn.GRU and nn.RNN over a sequence: the gates' inputs for all steps at once, then one recurrent operator.

PyTorch orders the gates i, f, g, o and r, z, n; the operators i, o, f, c and z, r, h, as ONNX. Layers follow each
other, and the two directions of a layer lie side by side in its output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops.concat import ConcatAttrs
from picozoo.ops.linear import LinearAttrs
from picozoo.ops.reshape import ReshapeAttrs
from picozoo.ops.slice import SliceAttrs
from picozoo.ops.transpose import TransposeAttrs

_ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}
_SWAP = TransposeAttrs((1, 0, 2))


def _rows(w: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """The gates of a weight or bias in another order."""
    return np.concatenate([np.split(w, len(order))[k] for k in order])


def _state(ctx: Any, h: str, at: int) -> str:
    """[layers * directions, B, H] -> [B, H] of one of them."""
    _, b, n = ctx.type(h).shape
    piece = ctx.emit("slice", [h], SliceAttrs((at, 0, 0), (1, b, n), (1, 1, 1))) if ctx.type(h).shape[0] > 1 else h
    return str(ctx.reshape(piece, (b, n)))


def _weights(ctx: Any, params: Sequence[Any], kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Input weights and the bias beside them, recurrent weights, and the bias inside a GRU's reset."""
    arrays = [ctx.array(p, "recurrent weights") for p in params]
    w, r = (_rows(a, _ORDER[kind]) for a in arrays[:2])
    n = r.shape[1]
    bi, br = (_rows(a, _ORDER[kind]) for a in arrays[2:4]) if len(arrays) > 2 else (np.zeros(len(w), np.float32),) * 2
    if kind != "gru":
        return w, bi + br, r, np.zeros(n, np.float32)
    outside = np.concatenate([br[: 2 * n], np.zeros(n, np.float32)])
    return w, bi + outside, r, br[2 * n :]


def _direction(ctx: Any, kind: str, x: str, params: Sequence[Any], state: list[str], attrs: Any) -> list[str]:
    """One direction of one layer over x [T, B, K]: y [T, B, H] and the state after it."""
    w, bias, r, inner = _weights(ctx, params, kind)
    t, b, k = ctx.type(x).shape
    flat = ctx.reshape(x, (t * b, k))
    name = ctx.hint(params[0]).replace("weight_ih", "gates")
    gates = ctx.emit("linear", [flat, ctx.const(w, f"{name}.w"), ctx.const(bias, f"{name}.b")], LinearAttrs())
    gates = ctx.emit("reshape", [gates], ReshapeAttrs((t, b, len(w))))
    weights = ctx.const(r, f"{name}.r")
    n = r.shape[1]
    if kind == "lstm":
        refs = [gates, weights, *state, ctx.const(np.zeros(3 * n, np.float32), f"{name}.p")]
    elif kind == "gru":
        refs = [gates, weights, ctx.const(inner, f"{name}.rb"), *state]
    else:
        refs = [gates, weights, *state]
    found = ctx.emit(kind, refs, attrs)
    return list(found)


def _sequence(
    ctx: Any,
    kind: str,
    attrs: Callable[[bool], Any],
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
    if train and dropout > 0:
        raise Unsupported(f"nn.{kind.upper()} in training mode; call eval() on the module")
    x, refs = ctx.ref(x), [ctx.ref(s) for s in states]
    unbatched = ctx.type(x).rank == 2
    if unbatched:
        x = ctx.reshape(x, (ctx.type(x).shape[0], 1, ctx.type(x).shape[1]))
        refs = [ctx.reshape(s, (ctx.type(s).shape[0], 1, ctx.type(s).shape[1])) for s in refs]
    elif batch_first:
        x = ctx.emit("transpose", [x], _SWAP)
    ways = 2 if both else 1
    each = len(params) // (layers * ways)
    if each != (4 if biases else 2):
        raise Unsupported(f"nn.{kind.upper()} with projections (proj_size); leave it at 0")
    finals: list[list[str]] = [[] for _ in refs]
    for layer in range(layers):
        made = []
        for way in range(ways):
            at = layer * ways + way
            held = [_state(ctx, s, at) for s in refs]
            y, *after = _direction(ctx, kind, x, params[at * each : (at + 1) * each], held, attrs(way == 1))
            made.append(y)
            for k, ref in enumerate(after):
                finals[k].append(ctx.reshape(ref, (1, *ctx.type(ref).shape)))
        x = made[0] if ways == 1 else ctx.emit("concat", made, ConcatAttrs(2))
    last = [f[0] if len(f) == 1 else ctx.emit("concat", f, ConcatAttrs(0)) for f in finals]
    if unbatched:
        t, _, n = ctx.type(x).shape
        return [ctx.reshape(x, (t, n)), *(ctx.reshape(s, ctx.type(s).shape[::2]) for s in last)]
    return [ctx.emit("transpose", [x], _SWAP) if batch_first else x, *last]


def _lstm(ctx: Any, x: Any, hx: Sequence[Any], params: Sequence[Any], *rest: Any) -> list[str]:
    from picozoo.ops.lstm import LstmAttrs

    return _sequence(ctx, "lstm", LstmAttrs, x, hx, params, *rest)


def _gru(ctx: Any, x: Any, hx: Any, params: Sequence[Any], *rest: Any) -> list[str]:
    from picozoo.ops.gru import GruAttrs

    return _sequence(ctx, "gru", lambda reverse: GruAttrs(reverse, True), x, [hx], params, *rest)


def _rnn(act: str) -> Callable[..., Any]:
    def read(ctx: Any, x: Any, hx: Any, params: Sequence[Any], *rest: Any) -> list[str]:
        from picozoo.ops.rnn import RnnAttrs

        return _sequence(ctx, "rnn", lambda reverse: RnnAttrs(reverse=reverse, act=act), x, [hx], params, *rest)

    return read


READERS: dict[str, Callable[..., Any]] = {
    "lstm.input": _lstm,
    "gru.input": _gru,
    "rnn_tanh.input": _rnn("tanh"),
    "rnn_relu.input": _rnn("relu"),
}
