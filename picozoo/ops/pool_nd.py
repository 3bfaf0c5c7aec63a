"""Pooling of [N, C, D, H, W] in every form: maximum (with places), mean, p-norm; dilation, output sizes rounded up.

What hangs over the edge does not count, except that a mean with `count_pad` divides by all of the window that lies
within the padding. `max_pool2d` and `avg_pool2d` are the fast forms of the usual cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._onnx_window import pool
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import TensorType

Three = tuple[int, int, int]
_TYPES = ("f32", "i8", "u8", "i16", "i32")


@dataclass(frozen=True)
class PoolNdAttrs:
    """`kind`: max, avg or lp (with exponent `p`); `places`: also give each maximum's place in [N, C, D, H, W]
    (`column` counts it with the last two dimensions swapped)."""

    kind: str = "max"
    size: Three = (1, 2, 2)
    stride: Three = (1, 2, 2)
    before: Three = (0, 0, 0)
    after: Three = (0, 0, 0)
    dilation: Three = (1, 1, 1)
    out: Three = (1, 1, 1)
    count_pad: bool = False
    p: int = 2
    places: bool = False
    column: bool = False


class PoolNd(Op):
    name = "pool_nd"
    Attrs = PoolNdAttrs
    onnx = {"LpPool": pool("lp")}
    cases = (
        Case(
            (TensorType((1, 2, 3, 5, 4)),), PoolNdAttrs("max", (2, 2, 2), (1, 2, 1), dilation=(1, 2, 1), out=(2, 2, 3))
        ),
        Case((TensorType((1, 2, 1, 5, 4), "i8"),), PoolNdAttrs("max", (1, 3, 2), out=(1, 2, 2), places=True)),
        Case(
            (TensorType((2, 1, 1, 5, 5)),),
            PoolNdAttrs("avg", (1, 3, 3), (1, 2, 2), (0, 1, 1), (0, 1, 1), out=(1, 3, 3), count_pad=True),
        ),
        Case((TensorType((1, 2, 1, 4, 4)),), PoolNdAttrs("avg", (1, 3, 3), (1, 2, 2), out=(1, 2, 2))),
        Case((TensorType((1, 2, 1, 4, 4)),), PoolNdAttrs("lp", (1, 2, 2), out=(1, 2, 2), p=3)),
    )

    def infer(self, ins: Types, attrs: PoolNdAttrs) -> list[TensorType]:
        x = ins[0]
        if x.rank != 5 or x.dtype not in _TYPES or (attrs.kind != "max" and x.dtype != "f32"):
            raise Unsupported(f"pool_nd ({attrs.kind}) of {x.dtype}{list(x.shape)}")
        if attrs.kind not in ("max", "avg", "lp") or min(*attrs.size, *attrs.stride, *attrs.dilation, *attrs.out) < 1:
            raise Unsupported(f"pool_nd: {attrs}")
        for n, k, s, d, b, o in zip(
            x.shape[2:], attrs.size, attrs.stride, attrs.dilation, attrs.before, attrs.out, strict=True
        ):
            first = (o - 1) * s - b
            if first >= n or b >= (k - 1) * d + 1 or min(b, n) < 0:
                raise Unsupported(f"pool_nd: a window of {k} lies wholly outside {n} with padding {b}")
        shape = (*x.shape[:2], *attrs.out)
        return [TensorType(shape, x.dtype)] + ([TensorType(shape, "i64")] if attrs.places else [])

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: PoolNdAttrs) -> list[np.ndarray]:
        x, a = args[0], attrs
        n, c, *size = x.shape
        y, places = np.zeros(outs[0].shape, x.dtype), np.zeros(outs[0].shape, np.int64)
        for at in np.ndindex(*a.out):
            rows, total = [], 1
            for i, dim in enumerate(size):
                where = at[i] * a.stride[i] - a.before[i] + np.arange(a.size[i]) * a.dilation[i]
                total *= int((where < dim + a.after[i]).sum())
                rows.append(where[(where >= 0) & (where < dim)])
            v = x[:, :, rows[0]][:, :, :, rows[1]][:, :, :, :, rows[2]].reshape(n, c, -1)
            to = (slice(None), slice(None), *at)
            if a.kind == "max":
                y[to] = v.max(2)
                best = v.argmax(2)
                z, r, s = np.unravel_index(best, [len(k) for k in rows])
                z, r, s = rows[0][z], rows[1][r], rows[2][s]
                inner = s * size[1] + r if a.column else r * size[2] + s
                places[to] = (np.arange(n * c).reshape(n, c) * size[0] + z) * size[1] * size[2] + inner
            elif a.kind == "avg":
                y[to] = v.sum(2) / np.float32(total if a.count_pad else v.shape[2])
            else:
                y[to] = (np.abs(v) ** a.p).sum(2) ** np.float32(1 / a.p)
        return [y, places] if a.places else [y]

    def emit(self, call: Any) -> str:
        a, (n, c, *size) = call.attrs, call.ins[0].shape
        sizes = (n * c, *size, *a.out, *a.size, *a.stride, *a.before, *a.dilation)
        if a.kind == "max":
            where = (call.x(0), call.y(0), call.y(1) if a.places else "(pz_i64 *)0")
            return call.run(f"pz_pool_nd_max_{call.ins[0].dtype}", *where, *sizes, int(a.column))
        if a.kind == "avg":
            return call.run("pz_pool_nd_avg", call.x(0), call.y(), *sizes, *a.after, int(a.count_pad))
        return call.run("pz_pool_nd_lp", call.x(0), call.y(), *sizes, call.literal(float(a.p)), call.literal(1 / a.p))


OP = PoolNd()
