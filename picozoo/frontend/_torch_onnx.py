"""PyTorch functions that say what a node of ONNX says: read as that node, so that one composition serves both.

`as_node` gives the readers of `frontend/_onnx_*.py` and of the operator files (`Op.onnx`) what they ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from picozoo import ops
from picozoo.errors import BadFile, Unsupported
from picozoo.frontend import _onnx_math, _onnx_nn, _onnx_shapes, _onnx_signal
from picozoo.frontend._onnx_file import KIND_OF
from picozoo.frontend._values import Values
from picozoo.specs import TensorType


@cache
def _readers() -> dict[str, Callable[..., Any]]:
    table: dict[str, Callable[..., Any]] = {}
    for part in (_onnx_math, _onnx_nn, _onnx_shapes, _onnx_signal):
        table |= part.READERS
    for name in ops.names():
        table |= ops.get(name).onnx
    return table


def as_node(ctx: Any, kind: str, inputs: Sequence[Any] = (), outputs: int = 1, **attributes: Any) -> Any:
    """Read a node of ONNX, newest operator set, in place of the node of PyTorch at hand.

    Args:
        ctx: `torch_export.Context`.
        kind: node type, such as "Resize".
        inputs: nodes, references or numbers; lists and arrays become constants; None: not given.
        outputs: how many are asked for.
        attributes: as the node has them.

    Returns:
        A reference, or a list of several.
    """
    try:
        return _readers()[kind](Borrowed(ctx, inputs, attributes, outputs))
    except BadFile as e:
        raise Unsupported(str(e)) from None


class Borrowed(Values):
    """A node of ONNX that stands in no file; what `frontend._onnx_call.Call` is for one that does."""

    def __init__(
        self, ctx: Any, inputs: Sequence[Any] = (), attributes: dict[str, Any] | None = None, outputs: int = 1
    ) -> None:
        self.ctx, self.program, self.function = ctx, ctx.program, ctx.function
        self.inputs = [self._input(v) for v in inputs]
        self.attributes, self.outputs = attributes or {}, outputs

    def _input(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, list | tuple | np.ndarray):
            return self.const(np.asarray(value))
        return str(self.ctx.ref(value))

    @property
    def opset(self) -> int:
        return 24

    def attr(self, name: str, default: Any = None) -> Any:
        return self.attributes.get(name, default)

    def has(self, i: int) -> bool:
        return i < len(self.inputs) and self.inputs[i] != ""

    @property
    def count(self) -> int:
        """Number of inputs."""
        return len(self.inputs)

    def wants(self, k: int) -> bool:
        """Is output `k` asked for?"""
        return k < self.outputs

    def ref(self, i: int) -> str:
        """Reference of input `i`."""
        return self.inputs[i]

    def refs(self) -> list[str]:
        """References of all inputs."""
        return list(self.inputs)

    def kind(self, i: int) -> int:
        """ONNX element type of input `i`."""
        return KIND_OF[self.type(self.inputs[i]).dtype]

    def constant(self, i: int) -> np.ndarray | None:
        """The numbers of input `i` if they are known now."""
        return self.constant_of(self.inputs[i]) if self.has(i) else None

    def array(self, i: int, what: str = "") -> np.ndarray:
        found = self.constant(i)
        if found is None:
            raise Unsupported(f"{what or f'input {i}'} must be constant here; it is computed or changes")
        return found

    def type(self, ref: str) -> TensorType:
        return self.ctx.type(ref)  # type: ignore[no-any-return]

    def constant_of(self, ref: str) -> np.ndarray | None:
        return self.ctx.known(ref)  # type: ignore[no-any-return]

    def const(self, array: Any, hint: str = "c", dtype: str = "") -> str:
        return str(self.ctx.const(np.asarray(array), hint, dtype))

    def emit(self, op: str, refs: Sequence[str], attrs: Any = None, like: TensorType | None = None) -> Any:
        made = self.ctx.emit(op, refs, attrs)
        if like is not None:
            self.function.types[made] = self.type(made).with_(dtype=like.dtype, quant=like.quant)
        return made

    def turned(self, ref: str, perm: tuple[int, ...]) -> str:
        """As `transpose`; constants are turned here."""
        found = self.program.constant(ref)
        return self.transpose(ref, perm) if found is None else self.const(found.transpose(perm), ref)

    def is_weight(self, ref: str) -> bool:
        """Is it a constant?"""
        return ref[0] == "@"
