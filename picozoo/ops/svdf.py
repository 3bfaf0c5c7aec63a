"""One step of a layer of low rank (singular value decomposition filter): (x, state) -> (y, state').

x [N, K] goes through `filters` feature weights, each filter remembers its last `memory` results, and each unit is the
weighted sum over time of its `rank` filters, plus a bias. State [N, filters * memory], oldest first.

The integer form with int16 state follows LiteRT; the one with int8 state, which LiteRT does not have, TensorFlow Lite
Micro.

Source: Nakkiran et al., "Compressing deep neural networks using a rank-constrained topology", 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._fixed_point import multiply_by_quantized_multiplier, quantize_multiplier
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import QuantParams, TensorType


@dataclass(frozen=True)
class SvdfAttrs:
    """`rank`: filters that make up one unit."""

    rank: int = 1


def _tflite(ctx: Any) -> Any:
    rank = ctx.options["rank"]
    if rank < 1:
        raise Unsupported(f"rank {rank}")
    if ctx.out().quant is None and ctx.type(ctx.ref(1)).quant is not None:
        return _hybrid(ctx, rank)
    state = ctx.state(4)
    bias = ctx.ref(3) if ctx.has(3) else ctx.zeros(ctx.type(ctx.ref(1)).shape[0] // rank)
    refs = [ctx.ref(0), ctx.ref(1), ctx.ref(2), bias, state]
    y, new = ctx.emit_all("svdf", refs, SvdfAttrs(rank), [ctx.out(), ctx.type(state)])
    ctx.keep(state, new)
    return y if ctx.out().quant is not None else ctx.activated(y, ctx.act)


def _hybrid(ctx: Any, rank: int) -> Any:
    """Float activations and int8 weights, as a convolution of one place and a sum over time: x is quantised first."""
    from picozoo.ops.concat import ConcatAttrs
    from picozoo.ops.hybrid_conv2d import HybridConv2dAttrs
    from picozoo.ops.slice import SliceAttrs

    (f, k), (_, memory) = ctx.type(ctx.ref(1)).shape, ctx.type(ctx.ref(2)).shape
    x, n = ctx.ref(0), ctx.type(ctx.ref(0)).shape[0]
    q, state = ctx.type(ctx.ref(2)).quant, ctx.state(4)
    if f % rank or q is None or not q.per_tensor or any(q.zero_point) or ctx.type(state).size != n * f * memory:
        raise Unsupported(f"weights of time {list(ctx.type(ctx.ref(2)).shape)}, rank {rank}, {f} filters")
    rows, windows = ctx.reshape(x, (n, 1, 1, k)), ctx.reshape_constant(ctx.ref(1), (f, 1, 1, k))
    attrs = HybridConv2dAttrs(asymmetric=bool(ctx.options["asymmetric"]))
    made = ctx.emit("hybrid_conv2d", [rows, windows, ctx.zeros(f)], attrs)
    new = ctx.reshape(made, (n, f, 1))
    if memory > 1:
        old = ctx.reshape(state, (n, f, memory))
        kept = ctx.emit("slice", [old], SliceAttrs((0, 0, 1), (n, f, memory - 1), (1, 1, 1)))
        new = ctx.emit("concat", [kept, new], ConcatAttrs(2))
    ctx.keep(state, ctx.reshape(new, ctx.type(state).shape))
    times = ctx.array(2, "weights of time").astype(np.float32) * np.float32(q.scale[0])
    times = ctx.const(times.reshape(1, f, memory), TensorType((1, f, memory)), ctx.hint(2))
    parts = ctx.reshape(ctx.emit("mul", [new, times]), (n, f // rank, rank * memory))
    y = ctx.reshape(ctx.emit("sum", [parts], ctx.attrs_of("sum")((2,))), (n, f // rank))
    return ctx.activated(ctx.emit("add", [y, ctx.ref(3)]) if ctx.has(3) else y, ctx.act)


def _cases() -> tuple[Case, ...]:
    found = []
    for n, k, units, rank, memory in ((1, 5, 3, 2, 4), (2, 7, 4, 1, 3)):
        f = units * rank
        shapes = ((n, k), (f, k), (f, memory), (units,), (n, f * memory))
        plain = tuple(TensorType(s) for s in shapes)
        found.append(Case(plain, SvdfAttrs(rank), constants=(1, 2, 3)))
        for narrow in ("i16", "i8"):
            q = [
                TensorType(shapes[0], "i8", QuantParams.tensor(0.05, -7)),
                TensorType(shapes[1], "i8", QuantParams.tensor(0.01)),
                TensorType(shapes[2], narrow, QuantParams.tensor(0.0002 if narrow == "i16" else 0.02)),
                TensorType(shapes[3], "i32"),
                TensorType(shapes[4], narrow, QuantParams.tensor(0.001 if narrow == "i16" else 0.3)),
            ]
            y = TensorType((n, units), "i8", QuantParams.tensor(0.2, 9))
            found.append(Case(tuple(q), SvdfAttrs(rank), (y, q[4]), constants=(1, 2, 3), low=-300, high=300))
    return tuple(found)


class Svdf(Op):
    name = "svdf"
    Attrs = SvdfAttrs
    flash_inputs = (1, 2, 3)
    tflite = {"SVDF": _tflite}
    cases = _cases()

    def infer(self, ins: Types, attrs: SvdfAttrs) -> list[TensorType]:
        x, wf, wt, b, state = ins
        f, units = wf.shape[0] if wf.rank else 0, (wf.shape[0] if wf.rank else 0) // attrs.rank
        want = [(f, x.shape[-1]), (f, wt.shape[-1]), (units,), (x.shape[0], f * wt.shape[-1])]
        if x.rank != 2 or f % attrs.rank or [t.shape for t in (wf, wt, b, state)] != want or not wt.shape[-1]:
            raise Unsupported(f"svdf: shapes {[list(t.shape) for t in ins]} do not belong together")
        return [TensorType((x.shape[0], units), x.dtype), TensorType(state.shape, state.dtype)]

    def lowers(self, ins: Types, outs: Types, attrs: SvdfAttrs) -> bool:
        x, wf, wt, b, state = ins
        return (
            x.dtype == wf.dtype == outs[0].dtype == "i8"
            and wt.dtype == state.dtype in ("i8", "i16")
            and b.dtype == "i32"
            and outs[1].quant == state.quant
            and all(t.quant is not None and t.quant.per_tensor for t in (x, wf, wt, state, outs[0]))
            and not any(t.quant.zero_point[0] for t in (wf, wt) if t.quant is not None)
            and (state.dtype == "i8" or (state.quant is not None and state.quant.zero_point == (0,)))
        )

    def macs(self, ins: Types, outs: Types, attrs: SvdfAttrs) -> int:
        return ins[0].shape[0] * (ins[1].size + ins[2].size)

    def inplace_pairs(self, ins: Types, outs: Types, attrs: SvdfAttrs) -> list[tuple[int, int]]:
        return [(1, 4)]

    def _fixed(self, ins: Types, outs: Types) -> tuple[int, ...]:
        """Zero points of x, state and y, and both factors; the arithmetic is in float32 as LiteRT's."""
        x, wf, wt, state, y = (t.quant for t in (ins[0], ins[1], ins[2], ins[4], outs[0]))
        assert x and wf and wt and state and y
        sx, sf, st, ss, sy = (np.float32(q.scale[0]) for q in (x, wf, wt, state, y))
        zeros = (x.zero_point[0], state.zero_point[0], y.zero_point[0])
        return (*zeros, *quantize_multiplier(float(sx * sf / ss)), *quantize_multiplier(float(ss * st / sy)))

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: SvdfAttrs) -> list[np.ndarray]:
        x, wf, wt, b, state = args
        f, memory = wt.shape
        old = state.reshape(len(x), f, memory)
        if outs[0].quant is None:
            new = np.concatenate([old[:, :, 1:], (x @ wf.T)[:, :, None]], 2)
            y = (new * wt).sum(2, dtype=np.float32).reshape(len(x), -1, attrs.rank).sum(2, dtype=np.float32) + b
            return [y, new.reshape(state.shape)]
        zx, zs, zy, m1, s1, m2, s2 = self._fixed(ins, outs)
        info = np.iinfo(state.dtype)
        acc = (x.astype(np.int64) - zx) @ wf.astype(np.int64).T
        fresh = np.clip(multiply_by_quantized_multiplier(acc, m1, s1), info.min, info.max) + zs
        new = np.concatenate([old[:, :, 1:], fresh.astype(state.dtype)[:, :, None]], 2)
        total = ((new.astype(np.int64) - zs) * wt).sum(2).reshape(len(x), -1, attrs.rank).sum(2) + b
        y = multiply_by_quantized_multiplier(total.astype(np.int32), m2, s2) + zy
        return [np.clip(y, -128, 127), new.reshape(state.shape)]

    def emit(self, call: Any) -> str:
        (n, k), (f, memory) = call.ins[0].shape, call.ins[2].shape
        where = (*(call.x(i) for i in range(5)), call.y(0), call.y(1))
        size = (n, k, f, memory, call.attrs.rank)
        if call.outs[0].quant is None:
            return str(call.run("pz_svdf_f32", *where, *size))
        return str(call.run(f"pz_svdf_{call.ins[4].dtype}", *where, *size, *self._fixed(call.ins, call.outs)))


OP = Svdf()
