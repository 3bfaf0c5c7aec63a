"""Shorthands with which readers of several importers write one operator as others. Values are passed as references."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from picozoo import ops
from picozoo.errors import BadFile
from picozoo.frontend._onnx_file import MAX_BYTES, dtype_of_kind
from picozoo.ops.cast import CastAttrs
from picozoo.ops.expand import ExpandAttrs
from picozoo.ops.gather import GatherAttrs
from picozoo.ops.reshape import ReshapeAttrs
from picozoo.ops.slice import SliceAttrs
from picozoo.ops.transpose import TransposeAttrs
from picozoo.specs import DTYPES, TensorType


class Values(ABC):
    """A subclass says how a node is added (`emit`), a constant is stored (`const`), and what is known of a value."""

    out_kind = 0  # element type of the outputs, as ONNX has it, where it is not what follows from the inputs

    # -- attributes and inputs ----------------------------------------------------------------------------------------
    @property
    @abstractmethod
    def opset(self) -> int:
        """Version of the node's operator set."""

    @abstractmethod
    def attr(self, name: str, default: Any = None) -> Any:
        """An attribute as number, string, list, array or graph; `default` where it is not given."""

    @abstractmethod
    def has(self, i: int) -> bool:
        """Is input `i` there?"""

    @abstractmethod
    def array(self, i: int, what: str = "") -> np.ndarray:
        """The numbers of input `i`; raises Unsupported if they are computed from the network's inputs."""

    def ints(self, i: int, what: str = "") -> list[int]:
        """Input `i` as a list of integers."""
        return [int(v) for v in self.array(i, what).reshape(-1)]

    def number(self, i: int, default: float, what: str = "") -> float:
        """Input `i` as one number; `default` where it is not given."""
        if not self.has(i):
            return default
        a = self.array(i, what).reshape(-1)
        if a.size != 1:
            raise BadFile(f"{what or f'input {i}'} should be one number, got {a.size}")
        return float(a[0])

    def ints_at(self, name: str, i: int, default: Any, since: int) -> Any:
        """Integers that are an attribute before operator set `since` and input `i` from then on."""
        if self.opset < since:
            found = self.attr(name)
            return default if found is None else [found] if isinstance(found, int) else found
        return self.ints(i, name) if self.has(i) else default

    # -- values -------------------------------------------------------------------------------------------------------
    @abstractmethod
    def type(self, ref: str) -> TensorType:
        """Type of a value."""

    @abstractmethod
    def constant_of(self, ref: str) -> np.ndarray | None:
        """The numbers of a value if they are known now."""

    @abstractmethod
    def const(self, array: Any, hint: str = "c", dtype: str = "") -> str:
        """Store a constant made here, float64 as f32."""

    @abstractmethod
    def emit(self, op: str, refs: Sequence[str], attrs: Any = None, like: TensorType | None = None) -> Any:
        """Add a node. Gives its output, or a list of several.

        Args:
            like: element type and quantisation of the output where they do not follow from the inputs.
        """

    def shape(self, ref: str) -> tuple[int, ...]:
        """Shape of a value."""
        return self.type(ref).shape

    def like(self, value: Any, ref: str) -> str:
        """A number as a constant of another value's element type."""
        return self.const(np.asarray(value), f"c.{value}".replace("-", "m").replace(" ", ""), self.type(ref).dtype)

    def reshape(self, ref: str, shape: Sequence[int]) -> str:
        """The same elements under another shape; `ref` itself if it has it."""
        shape = tuple(int(d) for d in shape)
        return ref if self.shape(ref) == shape else str(self.emit("reshape", [ref], ReshapeAttrs(shape)))

    def op(self, op: str, *args: Any) -> str:
        """An operator without attributes; numbers become constants of the first value's element type."""
        first = next(a for a in args if isinstance(a, str))
        made: str = self.emit(op, [a if isinstance(a, str) else self.like(a, first) for a in args])
        return made

    def attrs_of(self, op: str) -> Any:
        """The attributes' class of an operator."""
        return ops.get(op).Attrs

    def expand(self, ref: str, shape: Sequence[int]) -> str:
        """Broadcast to a shape."""
        shape = tuple(int(d) for d in shape)
        return ref if self.shape(ref) == shape else str(self.emit("expand", [ref], ExpandAttrs(shape)))

    def transpose(self, ref: str, perm: Sequence[int]) -> str:
        """Permute dimensions."""
        perm = tuple(perm)
        return ref if perm == tuple(range(len(perm))) else str(self.emit("transpose", [ref], TransposeAttrs(perm)))

    def cut(self, ref: str, start: Sequence[int], size: Sequence[int], step: Sequence[int] | None = None) -> str:
        """Part of a tensor."""
        if tuple(size) == self.shape(ref) and not any(start):
            return ref
        attrs = SliceAttrs(tuple(start), tuple(size), tuple(step or [1] * len(size)))
        return str(self.emit("slice", [ref], attrs))

    def part(self, ref: str, axis: int, at: int, n: int) -> str:
        """`n` rows along one dimension, from `at` on."""
        start, size = [0] * len(self.shape(ref)), list(self.shape(ref))
        start[axis], size[axis] = at, n
        return self.cut(ref, start, size)

    def pick(self, ref: str, axis: int, rows: Any) -> str:
        """Rows of one dimension by known numbers."""
        rows = np.asarray(rows)
        index = self.const(rows, "rows", "i16" if rows.max(initial=0) < 1 << 15 else "i32")
        return str(self.emit("gather", [ref, index], GatherAttrs(axis)))

    def cast(self, ref: str, dtype: str) -> str:
        """The same values in another element type of the IR."""
        return ref if self.type(ref).dtype == dtype else str(self.emit("cast", [ref], CastAttrs(dtype)))

    def plain(self, ref: str) -> str:
        """The integers of a quantised value as numbers without scale."""
        t = self.type(ref)
        if t.quant is None:
            return ref
        return str(self.emit("reshape", [ref], ReshapeAttrs(t.shape), like=t.with_(quant=None)))

    def index(self, ref: str, size: int) -> str:
        """Indices into a dimension: negative ones count from its end; constant ones are stored narrow."""
        value = self.constant_of(ref)
        if value is None:
            ref = ref if self.type(ref).dtype in ("i32", "i64") else self.cast(ref, "i32")
            return str(self.emit("where", [self.op("lt", ref, 0), self.op("add", ref, size), ref]))
        value = np.where(value < 0, value.astype(np.int64) + size, value)
        if value.size and not 0 <= int(value.min()) <= int(value.max()) < size:
            raise BadFile(f"an index is outside 0 to {size - 1}")
        return self.const(value, ref, "i16" if size < 1 << 15 else "i32")

    def filled(self, shape: Sequence[int], value: Any, kind: int) -> str:
        """A constant of one value in an element type of ONNX."""
        dtype = self.ir_dtype(kind)
        if any(n < 0 for n in shape) or math.prod(shape) * DTYPES[dtype][2] > MAX_BYTES >> 4:
            raise BadFile(f"a constant of shape {list(shape[:8])}")
        self.out_kind = kind
        return self.const(np.full(shape, value, DTYPES[dtype][0]), "filled", dtype)

    def ir_dtype(self, kind: int) -> str:
        """The IR's element type for one of ONNX."""
        return dtype_of_kind(kind, "the output")
