"""Machinery of reductions over neighbouring dimensions: (outer, n, inner) -> (outer, inner)."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types, norm_axis
from picozoo.specs import TensorType


@dataclass(frozen=True)
class ReduceAttrs:
    """`axes` ascending and without a gap; `keep` leaves them with size one."""

    axes: tuple[int, ...] = ()
    keep: bool = False


def runs_of(dim: Any, rank: int) -> list[tuple[int, ...]]:
    """PyTorch's `dim` argument as runs of neighbouring dimensions, last run first.

    Example:
        >>> runs_of([0, 2, 3], 4)
        [(2, 3), (0,)]
    """
    dims = range(rank) if dim is None or dim == [] else [dim] if isinstance(dim, int) else dim
    runs: list[list[int]] = []
    for a in sorted(norm_axis(d, rank) for d in dims):
        if runs and runs[-1][-1] == a - 1:
            runs[-1].append(a)
        else:
            runs.append([a])
    return [tuple(r) for r in reversed(runs)]


def reduce_reader(op: str) -> Any:
    """Reader for aten reductions: any set of dims, split into runs of neighbours, last run first."""

    def read(ctx: Any, x: Any, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:
        x = ctx.ref(x, ctx.out_dtype)
        for run in runs_of(dim, ctx.type(x).rank):
            x = ctx.emit(op, [x], ReduceAttrs(run, True))
        return ctx.reshape(x, ctx.out_shape)

    return read


class Reduce(Op):
    """A subclass gives `name`, `fn(array, axis)` and kernels `pz_NAME_TYPE(x, y, outer, n, inner)`."""

    Attrs = ReduceAttrs
    dtypes: ClassVar[tuple[str, ...]] = ("f32", "i32", "i64")

    @abstractmethod
    def fn(self, x: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
        """The reduction over `axis`, in NumPy, without those dimensions."""

    def infer(self, ins: Types, attrs: ReduceAttrs) -> list[TensorType]:
        x, axes = ins[0], attrs.axes
        if x.quant is None and x.dtype not in self.dtypes:
            raise Unsupported(f"{self.name} takes {', '.join(self.dtypes)}, got {x.dtype}; cast first")
        if axes and (list(axes) != list(range(axes[0], axes[-1] + 1)) or axes[0] < 0 or axes[-1] >= max(x.rank, 1)):
            raise Unsupported(f"{self.name} over axes {axes} of {list(x.shape)}: they must be neighbours")
        shape = [1 if d in axes else n for d, n in enumerate(x.shape)]
        return [
            TensorType(
                tuple(shape) if attrs.keep else tuple(n for d, n in enumerate(x.shape) if d not in axes), x.dtype
            )
        ]

    def split(self, x: TensorType, attrs: ReduceAttrs) -> tuple[int, int, int]:
        """(outer, n, inner) of the reduction."""
        if not attrs.axes:
            return 1, 1, x.size
        a, b = attrs.axes[0], attrs.axes[-1] + 1
        return prod(x.shape[:a]), prod(x.shape[a:b]), prod(x.shape[b:])

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: ReduceAttrs) -> list[np.ndarray]:
        return [self.fn(args[0].reshape(self.split(ins[0], attrs)), (1,)).reshape(outs[0].shape)]

    def permute(self, attrs: ReduceAttrs, ins: Types, perm: tuple[int, ...]) -> ReduceAttrs | None:
        axes = tuple(sorted(perm[a] for a in attrs.axes))
        if not attrs.keep or (axes and axes != tuple(range(axes[0], axes[-1] + 1))):
            return None
        return ReduceAttrs(axes, True)

    def emit(self, call: Any) -> str:
        return call.run(
            f"pz_{self.name}_{call.ins[0].dtype}", call.x(0), call.y(), *self.split(call.ins[0], call.attrs)
        )


def reduce_cases(dtypes: tuple[str, ...] = ("f32", "i32")) -> tuple[Case, ...]:
    """Shapes and axes that every reduction is tested with."""
    return tuple(
        Case((TensorType(s, d),), ReduceAttrs(a, k))
        for d in dtypes
        for s, a, k in (
            ((2, 3, 4), (1,), False),
            ((5,), (0,), False),
            ((2, 3, 4), (0, 1), True),
            ((2, 3), (0, 1), False),
        )
    )
