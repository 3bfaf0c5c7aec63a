"""PyTorch's indexing, scattering, padding and views with strides."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from picozoo.errors import Unsupported
from picozoo.frontend._torch_onnx import Borrowed, as_node
from picozoo.ops._op import norm_axis
from picozoo.ops.gather import GatherAttrs
from picozoo.ops.scatter_elements import ScatterAttrs
from picozoo.ops.scatter_nd import ScatterNdAttrs

_JOINED = {"sum": "add", "add": "add", "prod": "mul", "multiply": "mul", "amax": "max", "amin": "min"}


# -- indexing -----------------------------------------------------------------------------------------------------
def _index(ctx: Any, x: Any, indices: Sequence[Any]) -> Any:
    """x[i, :, j]: one gather over the indexed dimensions, which are brought together and counted as one.

    PyTorch puts the result where the indices stand if they stand side by side, else in front.
    """
    v = Borrowed(ctx, [x])
    x, real = v.ref(0), [(d, i) for d, i in enumerate(indices) if i is not None]
    if any(ctx.type(ctx.ref(i)).dtype in ("bool", "u8") for _, i in real):
        raise Unsupported("indexing with truth values gives a size that depends on them; use torch.where")
    dims = [d for d, _ in real]
    shape = v.shape(x)
    together = dims == list(range(dims[0], dims[0] + len(dims)))
    at = dims[0] if together else 0
    rest = [d for d in range(len(shape)) if d not in dims]
    x = v.transpose(x, (*rest[:at], *dims, *rest[at:]))
    inner = [shape[d] for d in rest]
    x = v.reshape(x, (*inner[:at], math.prod(shape[d] for d in dims), *inner[at:]))
    flat = _flattened(v, [i for _, i in real], [shape[d] for d in dims])
    return v.emit("gather", [x, ctx.index(flat)], GatherAttrs(at))


def _flattened(v: Borrowed, indices: Sequence[Any], sizes: Sequence[int]) -> str:
    """Indices of several dimensions as one of all of them."""
    total = ""
    for k, (i, n) in enumerate(zip(indices, sizes, strict=True)):
        ref = v.index(v.cast(v.ctx.ref(i), "i32"), n)
        ref, step = v.cast(ref, "i32"), math.prod(sizes[k + 1 :])
        ref = v.op("mul", ref, step) if step != 1 else ref
        total = v.op("add", total, ref) if total else ref
    return total


def _index_put(ctx: Any, x: Any, indices: Sequence[Any], values: Any, accumulate: bool = False, *_: Any) -> str:
    """x with x[i, :, j] = values, or with them added; with a mask, where it is true."""
    v = Borrowed(ctx, [x])
    x, shape = v.ref(0), v.shape(v.ref(0))
    values = ctx.ref(values, v.type(x).dtype)
    real = [(d, i) for d, i in enumerate(indices) if i is not None]
    masks = [i for _, i in real if ctx.type(ctx.ref(i)).dtype == "bool"]
    if masks:
        return _masked_put(v, x, real, values, accumulate)
    dims = [d for d, _ in real]
    rest = [d for d in range(len(shape)) if d not in dims]
    front = (*dims, *rest)
    flat = _flattened(v, [i for _, i in real], [shape[d] for d in dims])
    made, inner = v.shape(flat), [shape[d] for d in rest]
    together = dims == list(range(dims[0], dims[0] + len(dims)))
    at = dims[0] if together else 0
    values = v.expand(values, (*inner[:at], *made, *inner[at:]))
    order = (*range(at, at + len(made)), *range(at), *range(at + len(made), len(made) + len(inner)))
    values = v.reshape(v.transpose(values, order), (math.prod(made), *inner))
    rows = v.reshape(v.transpose(x, front), (math.prod(shape[d] for d in dims), *inner))
    refs = [rows, v.reshape(flat, (math.prod(made), 1)), values]
    rows = v.emit("scatter_nd", refs, ScatterNdAttrs("add" if accumulate else "none"))
    y = v.reshape(rows, [shape[d] for d in front])
    return v.transpose(y, tuple(front.index(d) for d in range(len(shape))))


def _masked_put(v: Borrowed, x: str, real: list[tuple[int, Any]], values: str, accumulate: bool) -> str:
    mask = v.ctx.ref(real[0][1])
    if len(real) > 1 or real[0][0] or v.type(values).size != 1:
        raise Unsupported("assigning many values through a mask; use torch.where or masked_scatter")
    mask = v.reshape(mask, (*v.shape(mask), *[1] * (len(v.shape(x)) - len(v.shape(mask)))))
    new = v.reshape(values, ())
    return v.op("where", mask, v.op("add", x, new) if accumulate else new, x)


def _masked_scatter(ctx: Any, x: Any, mask: Any, source: Any) -> str:
    """The k-th place where the mask is true gets the k-th value of the source."""
    v = Borrowed(ctx, [x, mask, source])
    x, mask, source = v.refs()
    mask = v.expand(mask, v.shape(x))
    n, flat = v.type(x).size, v.reshape(source, (v.type(source).size,))
    count = v.emit("cumsum", [v.cast(v.reshape(mask, (n,)), "i32")], v.attrs_of("cumsum")(0))
    at = v.op("maximum", v.op("sub", count, 1), v.like(0, count))
    return v.op("where", mask, v.reshape(v.emit("gather", [flat, at], GatherAttrs(0)), v.shape(x)), x)


# -- scattering ---------------------------------------------------------------------------------------------------
def _scatter(ctx: Any, x: Any, dim: int, index: Any, source: Any, reduction: str = "none") -> str:
    x, index = ctx.ref(x), ctx.ref(index, "i32")
    source = ctx.ref(source, ctx.type(x).dtype)
    v = Borrowed(ctx)
    if ctx.type(source).rank == 0:
        source = v.expand(source, v.shape(index))
    source = v.cut(source, [0] * len(v.shape(index)), v.shape(index))
    return str(v.emit("scatter_elements", [x, index, source], ScatterAttrs(norm_axis(dim, v.type(x).rank), reduction)))


def _scatter_reduce(
    ctx: Any, x: Any, dim: int, index: Any, source: Any, reduce: str = "", *, include_self: bool = True
) -> str:
    if reduce not in _JOINED or not include_self:
        raise Unsupported(f"scattering with reduce={reduce!r}, include_self={include_self}; use sum, prod, amax, amin")
    return _scatter(ctx, x, dim, index, source, _JOINED[reduce])


def _index_add(ctx: Any, x: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> str:
    """Rows added to those that the index names."""
    v = Borrowed(ctx, [x, source])
    x, source = v.refs()
    axis = norm_axis(dim, v.type(x).rank)
    index = v.expand(v.reshape(ctx.ref(index, "i32"), _along(axis, v.shape(source))), v.shape(source))
    source = v.op("mul", source, alpha) if alpha != 1 else source
    return str(v.emit("scatter_elements", [x, index, source], ScatterAttrs(axis, "add")))


def _along(axis: int, shape: Sequence[int]) -> list[int]:
    return [n if d == axis else 1 for d, n in enumerate(shape)]


# -- views --------------------------------------------------------------------------------------------------------
def _flip(ctx: Any, x: Any, dims: Sequence[int]) -> str:
    v = Borrowed(ctx, [x])
    y = v.ref(0)
    for d in dims:
        axis = norm_axis(d, v.type(y).rank)
        y = v.pick(y, axis, np.arange(v.shape(y)[axis])[::-1])
    return y


def _roll(ctx: Any, x: Any, shifts: Any, dims: Any = ()) -> str:
    v = Borrowed(ctx, [x])
    y, shape = v.ref(0), v.shape(v.ref(0))
    shifts = [shifts] if isinstance(shifts, int) else list(shifts)
    dims = [dims] if isinstance(dims, int) else list(dims)
    if not dims:
        y, dims = v.reshape(y, (math.prod(shape),)), [0]
    for d, n in zip(dims, shifts, strict=True):
        axis = norm_axis(d, v.type(y).rank)
        size = v.shape(y)[axis]
        if n % size:
            parts = [v.part(y, axis, size - n % size, n % size), v.part(y, axis, 0, size - n % size)]
            y = v.emit("concat", parts, v.attrs_of("concat")(axis))
    return v.reshape(y, shape)


def _diagonal(ctx: Any, x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> str:
    v = Borrowed(ctx, [x])
    x, shape = v.ref(0), v.shape(v.ref(0))
    a, b = norm_axis(dim1, len(shape)), norm_axis(dim2, len(shape))
    rest = [d for d in range(len(shape)) if d not in (a, b)]
    flat = v.reshape(v.transpose(x, (*rest, a, b)), (*[shape[d] for d in rest], shape[a] * shape[b]))
    n = ctx.out_shape[-1]
    rows = np.arange(n) + max(-offset, 0)
    return v.pick(flat, len(rest), rows * shape[b] + rows + offset)


def _unfold(ctx: Any, x: Any, dim: int, size: int, step: int) -> str:
    """Windows along a dimension, each as a new last dimension."""
    v = Borrowed(ctx, [x])
    x, rank = v.ref(0), v.type(v.ref(0)).rank
    axis = norm_axis(dim, rank)
    n = ctx.out_shape[axis]
    y = v.pick(x, axis, (np.arange(n)[:, None] * step + np.arange(size)).reshape(-1))
    shape = v.shape(y)
    y = v.reshape(y, (*shape[:axis], n, size, *shape[axis + 1 :]))
    return v.transpose(y, (*range(axis + 1), *range(axis + 2, rank + 1), axis + 1))


def _as_strided(ctx: Any, x: Any, size: Sequence[int], stride: Sequence[int], offset: int | None = None) -> str:
    """Places counted in memory; PyTorch's own memory, which is in order if the value is."""
    value = x.meta.get("val") if isinstance(x, torch.fx.Node) else None
    if value is None or not value.is_contiguous() or value.storage_offset() or math.prod(size) > 1 << 22:
        raise Unsupported("as_strided of a value that does not lie in order; use reshape, permute or unfold")
    v = Borrowed(ctx, [x])
    at = np.full(tuple(size), int(offset or 0))
    for d, (n, s) in enumerate(zip(size, stride, strict=True)):
        at = at + (np.arange(n) * s).reshape([-1 if k == d else 1 for k in range(len(size))])
    flat = v.reshape(v.ref(0), (v.type(v.ref(0)).size,))
    return v.reshape(v.pick(flat, 0, at.reshape(-1)), size)


def _copy(ctx: Any, x: Any, source: Any, *_: Any) -> str:
    return Borrowed(ctx).expand(ctx.ref(source, ctx.out_dtype), ctx.out_shape)


def _meshgrid(ctx: Any, tensors: Sequence[Any], *, indexing: str = "ij") -> list[str]:
    v = Borrowed(ctx, tensors)
    shape = ctx.out_shape
    order = [1, 0, *range(2, len(shape))] if indexing == "xy" and len(shape) > 1 else list(range(len(shape)))
    return [v.expand(v.reshape(r, _along(order[k], shape)), shape) for k, r in enumerate(v.refs())]


def _unbind(ctx: Any, x: Any, dim: int = 0) -> list[str]:
    v = Borrowed(ctx, [x])
    shape = v.shape(v.ref(0))
    axis = norm_axis(dim, len(shape))
    rest = [n for d, n in enumerate(shape) if d != axis]
    return [v.reshape(v.part(v.ref(0), axis, k, 1), rest) for k in range(shape[axis])]


def _repeat(ctx: Any, x: Any, times: Sequence[int]) -> str:
    v = Borrowed(ctx, [x])
    shape = v.shape(v.ref(0))
    y = v.reshape(v.ref(0), (*[1] * (len(times) - len(shape)), *shape))
    return str(as_node(ctx, "Tile", [y, np.array(times)]))


READERS: dict[str, Callable[..., Any]] = {
    "_unsafe_index.Tensor": _index,
    "index_put.default": _index_put,
    "_unsafe_index_put.default": _index_put,
    "masked_scatter.default": _masked_scatter,
    "scatter.src": _scatter,
    "scatter.value": _scatter,
    "scatter.reduce": _scatter_reduce,
    "scatter.value_reduce": _scatter_reduce,
    "scatter_reduce.two": _scatter_reduce,
    "index_add.default": _index_add,
    "flip.default": _flip,
    "roll.default": _roll,
    "diagonal.default": _diagonal,
    "unfold.default": _unfold,
    "as_strided.default": _as_strided,
    "copy.default": _copy,
    "meshgrid.default": _meshgrid,
    "meshgrid.indexing": _meshgrid,
    "unbind.int": _unbind,
    "repeat.default": _repeat,
}  # fmt: skip
