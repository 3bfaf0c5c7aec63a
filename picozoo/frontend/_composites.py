"""aten overloads that become several operators, or a constant. Each reader gets a `torch_export.Context` first."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from picozoo import ops
from picozoo.errors import Unsupported
from picozoo.ops.softmax import SoftmaxAttrs
from picozoo.ops.transpose import TransposeAttrs

_NUMPY = {
    "f32": np.float32,
    "i8": np.int8,
    "u8": np.uint8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
    "bool": np.bool_,
}


def _full(ctx: Any, value: Any) -> str:
    dtype = ctx.out_dtype
    return str(ctx.const(np.full(ctx.out_shape, value, _NUMPY[dtype]), f"full.{value}".replace("-", "m"), dtype))


def _arange(ctx: Any, *args: Any, **_: Any) -> str:
    return str(ctx.const(np.arange(*args).astype(_NUMPY[ctx.out_dtype]), "arange", ctx.out_dtype))


def _batch_norm(ctx: Any, x: Any, weight: Any, bias: Any, mean: Any, var: Any, *rest: Any) -> str:
    """y = x * k + b with one k and b per channel; folded into a convolution before it by `passes.fold_affine`."""
    eps = next(v for v in reversed(rest) if isinstance(v, float))
    m, v = (
        ctx.array(mean, "batch-norm mean").astype(np.float64),
        ctx.array(var, "batch-norm variance").astype(np.float64),
    )
    w = np.ones_like(m) if weight is None else ctx.array(weight, "batch-norm weight").astype(np.float64)
    b = np.zeros_like(m) if bias is None else ctx.array(bias, "batch-norm bias").astype(np.float64)
    k = w / np.sqrt(v + eps)
    x = ctx.ref(x)
    shape = (1, -1, *[1] * (ctx.type(x).rank - 2))
    name = ctx.hint(mean).removesuffix(".running_mean")
    scaled = ctx.emit("mul", [x, ctx.const(k.reshape(shape).astype(np.float32), f"{name}.scale")])
    return str(ctx.emit("add", [scaled, ctx.const((b - m * k).reshape(shape).astype(np.float32), f"{name}.shift")]))


def _legit_batch_norm(
    ctx: Any, x: Any, weight: Any, bias: Any, mean: Any, var: Any, momentum: float, eps: float
) -> list[Any]:
    return [_batch_norm(ctx, x, weight, bias, mean, var, eps), None, None]


def _attention(
    ctx: Any,
    q: Any,
    k: Any,
    v: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> str:
    """softmax(q k^T / sqrt(d) + mask) v. Source: Vaswani et al., 2017, section 3.2.1."""
    if enable_gqa:
        raise Unsupported("attention with enable_gqa=True is not supported; repeat the keys and values")
    q, k, v = ctx.ref(q), ctx.ref(k), ctx.ref(v)
    shape = ctx.type(q).shape
    rank = len(shape)
    perm = (*range(rank - 2), rank - 1, rank - 2)
    scores = ctx.emit("matmul", [q, ctx.emit("transpose", [k], TransposeAttrs(perm))])
    factor = scale if scale is not None else 1 / math.sqrt(shape[-1])
    scores = ctx.emit("mul", [scores, ctx.ref(float(factor), "f32")])
    if is_causal:
        n, m = ctx.type(scores).shape[-2:]
        mask = np.where(np.tril(np.ones((n, m), bool)), 0.0, -1e30).astype(np.float32)
        scores = ctx.emit("add", [scores, ctx.const(mask, "causal_mask")])
    elif attn_mask is not None:
        mask = ctx.ref(attn_mask)
        if ctx.type(mask).dtype == "bool":
            scores = ctx.emit("where", [mask, scores, ctx.ref(-1e30, "f32")])
        else:
            scores = ctx.emit("add", [scores, mask])
    return str(ctx.emit("matmul", [ctx.emit("softmax", [scores], SoftmaxAttrs(rank - 1)), v]))


def _masked_fill(ctx: Any, x: Any, mask: Any, value: Any) -> str:
    x = ctx.ref(x)
    return str(ctx.emit("where", [ctx.ref(mask, "bool"), ctx.ref(value, ctx.type(x).dtype), x]))


def _triangle(cut: Callable[..., np.ndarray], upper: int) -> Callable[..., Any]:
    """A triangle of a matrix; of a constant, as masks are made, a constant."""

    def read(ctx: Any, x: Any, diagonal: int = 0) -> str:
        ref = ctx.ref(x)
        value = ctx.program.constant(ref)
        if value is None:
            return str(ctx.as_node("Trilu", [ref, np.array(diagonal)], upper=upper))
        return str(ctx.const(cut(value, diagonal), "triangle", ctx.out_dtype))

    return read


def _square(ctx: Any, x: Any) -> str:
    x = ctx.ref(x)
    return str(ctx.emit("mul", [x, x]))


def _rsub(ctx: Any, a: Any, b: Any, alpha: Any = 1) -> str:
    if alpha != 1:
        raise Unsupported("rsub with alpha other than 1 is not supported")
    dtype = ctx.promote(a, b)
    return str(ctx.emit("sub", [ctx.ref(b, dtype), ctx.ref(a, dtype)]))


def _full_like(ctx: Any, x: Any, value: Any, **_: Any) -> str:
    return _full(ctx, value)


def _with_number(op: str) -> Callable[..., Any]:
    """The overload for a tensor, which takes numbers too."""
    return lambda ctx, *a, **k: ops.get(op).aten[f"{op}.Tensor"](ctx, *a, **k)


# Overloads that are one operator in another form -> that operator, and the reader.
ALIASES: dict[str, tuple[str, Callable[..., Any]]] = {
    **{f"{op}.Scalar": (op, _with_number(op)) for op in ("add", "sub", "mul", "div")},
    "square.default": ("mul", _square),
    "rsub.Scalar": ("sub", _rsub),
    "rsub.Tensor": ("sub", _rsub),
}

READERS: dict[str, Callable[..., Any]] = {
    "zeros.default": lambda ctx, *a, **k: _full(ctx, 0),
    "zeros_like.default": lambda ctx, *a, **k: _full(ctx, 0),
    "ones.default": lambda ctx, *a, **k: _full(ctx, 1),
    "ones_like.default": lambda ctx, *a, **k: _full(ctx, 1),
    "full.default": lambda ctx, size, value, **k: _full(ctx, value),
    "full_like.default": _full_like,
    "new_zeros.default": lambda ctx, *a, **k: _full(ctx, 0),
    "new_ones.default": lambda ctx, *a, **k: _full(ctx, 1),
    "scalar_tensor.default": lambda ctx, value, **k: _full(ctx, value),
    "arange.default": _arange,
    "arange.start": _arange,
    "arange.start_step": _arange,
    "eye.default": lambda ctx, n, **k: ctx.const(np.eye(n, dtype=_NUMPY[ctx.out_dtype]), "eye", ctx.out_dtype),
    "eye.m": lambda ctx, n, m, **k: ctx.const(np.eye(n, m, dtype=_NUMPY[ctx.out_dtype]), "eye", ctx.out_dtype),
    "batch_norm.default": _batch_norm,
    "_native_batch_norm_legit_no_training.default": _legit_batch_norm,
    "scaled_dot_product_attention.default": _attention,
    "triu.default": _triangle(np.triu, 1),
    "tril.default": _triangle(np.tril, 0),
    "masked_fill.Scalar": _masked_fill,
    "masked_fill.Tensor": _masked_fill,
}
