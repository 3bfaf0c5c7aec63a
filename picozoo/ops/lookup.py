"""Any function of one byte as a table of its 256 results, or one table for each index of a dimension.

y = table[index of x along `axis`][byte of x]. The tables are a constant, i8 [tables, 256]; the byte of an int8 value is
the value plus 128. C twin: `kernels/pz_lookup.h`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import QuantParams, TensorType

_Q = QuantParams.tensor(0.1, 5)


@dataclass(frozen=True)
class LookupAttrs:
    """`axis`: the dimension whose indices have tables of their own; of no meaning for one table."""

    axis: int = 0


def _case(x: TensorType, tables: int, axis: int) -> Case:
    table = np.random.default_rng(tables).integers(-128, 128, (tables, 256)).astype(np.int8)
    ins = (x, TensorType(table.shape, "i8"))
    return Case(ins, LookupAttrs(axis), (TensorType(x.shape, "i8", _Q),), constants=(1,), values=((1, table),))


class Lookup(Op):
    name = "lookup"
    Attrs = LookupAttrs
    flash_inputs = (1,)
    cases = (
        _case(TensorType((37,), "u8"), 1, 0),
        _case(TensorType((2, 5, 3), "u8"), 3, 2),
        _case(TensorType((2, 3, 5), "i8"), 3, 1),
        _case(TensorType((4, 6), "i8", QuantParams.tensor(0.02, -7)), 1, 0),
    )

    def infer(self, ins: Types, attrs: LookupAttrs) -> list[TensorType]:
        x, table = ins
        if x.dtype not in ("i8", "u8") or table.dtype != "i8" or table.shape[1:] != (256,) or not table.shape[0]:
            raise Unsupported(
                f"lookup takes bytes and tables of 256, got {x.dtype} and {table.dtype}{list(table.shape)}"
            )
        if table.shape[0] > 1 and (not 0 <= attrs.axis < x.rank or x.shape[attrs.axis] != table.shape[0]):
            raise Unsupported(f"lookup: {table.shape[0]} tables for axis {attrs.axis} of {list(x.shape)}")
        return [TensorType(x.shape, "i8")]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: LookupAttrs) -> list[np.ndarray]:
        x, table = args
        byte = x.astype(np.int64) + (128 if x.dtype == np.int8 else 0)
        which = np.arange(len(table)).reshape((-1,) + (1,) * (x.ndim - attrs.axis - 1)) if len(table) > 1 else 0
        return [table[which, byte]]

    def inplace(self, ins: Types, outs: Types, attrs: LookupAttrs) -> tuple[int, ...]:
        return (0,)

    def emit(self, call: Any) -> str:
        x, tables = call.ins[0], call.ins[1].shape[0]
        inner = prod(x.shape[call.attrs.axis + 1 :]) if tables > 1 else x.size
        outer = x.size // max(inner * tables, 1)
        return str(call.run(f"pz_lookup_{x.dtype}", call.x(0), call.x(1), call.y(), outer, tables, inner))


OP = Lookup()
