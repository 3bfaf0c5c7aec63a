"""What is shared while an ONNX file is read: the program being made, and the names of values in its graphs."""

from __future__ import annotations

import hashlib
import re
from collections import abc
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ir.program import Function, Program
from picozoo.specs import TensorType

MAX_NODES = 10_000  # made of one file, or read, with unrolled loops and functions in place of their calls


class NeedsConstant(Unsupported):
    """A value that an operator needs while it is read depends on inputs; `inputs` are their names."""

    def __init__(self, message: str, inputs: abc.Sequence[str]) -> None:
        super().__init__(message)
        self.inputs = tuple(inputs)


def clean(name: str) -> str:
    """A name of the file as a reference may have it.

    Example:
        >>> clean("onnx::Conv_12")
        'onnx_Conv_12'
    """
    text = re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9_./-]", "_", name[:120])).strip("/_.")
    return "/".join(text.split("/")[-2:])


class Sequence(tuple[str, ...]):
    """A value that is a list of tensors; it exists only while the file is read."""


class Builder:
    """The program being made, shared by all graphs and function bodies of the file."""

    def __init__(self, program: Program, function: Function, model: Any, folder: Any) -> None:
        self.program, self.function, self.model, self.folder = program, function, model, folder
        self.functions = {(f.domain, f.name): f for f in model.functions}
        self.kinds: dict[str, int] = {}  # reference -> ONNX element type, where it is not the IR's own
        self.quantised: dict[str, str] = {}  # an integer value -> the same as QuantizeLinear's node made it
        self.dequantised: dict[str, str] = {}  # output of a dequantize node -> the constant it reads
        self.names: set[str] = set()
        self.counts: dict[str, int] = {}  # name -> where the search for a free one goes on
        self.stored: dict[tuple[TensorType, bytes], str] = {}
        self.steps = 0  # nodes read
        self.depth = 0

    def type(self, ref: str) -> TensorType:
        """Type of a value."""
        return self.program.type_of(self.function, ref)

    def fresh(self, label: str) -> str:
        """A reference that is not taken yet; `Function.fresh` for many values of one name."""
        ref, k = f"%{label}", self.counts.get(f"%{label}", 1)
        while ref in self.function.types:
            ref, k = f"%{label}.{k}", k + 1
        self.counts[f"%{label}"] = k
        return ref

    def store(self, hint: str, array: np.ndarray, type_: TensorType) -> str:
        """A constant; equal ones are stored once. `Program.add_constant` for many constants of one name."""
        array = np.ascontiguousarray(array, type_.numpy)
        key = (type_, hashlib.sha256(array.tobytes()).digest())
        if key not in self.stored:
            base = hint.lstrip("%@$")
            name, k = base, self.counts.get(f"@{base}", 1)
            while f"@{name}" in self.program.constants:
                name, k = f"{base}.{k}", k + 1
            self.counts[f"@{base}"] = k
            self.stored[key] = self.program.add_constant(name, array, type_)
        return self.stored[key]

    def roots(self, ref: str) -> list[str]:
        """Parameters that a value is computed from."""
        made, todo, seen = self.function.producers(), [ref], set()
        while todo:
            r = todo.pop()
            if r not in seen:
                seen.add(r)
                todo += made[r].inputs if r in made else ()
        return [p for p in self.function.params if p in seen]


class Scope:
    """Names of values in a graph; inner graphs see the outer ones."""

    def __init__(self, opsets: dict[str, int], outer: Scope | None = None) -> None:
        self.opsets, self.outer = opsets, outer
        self.values: dict[str, Any] = {}  # references, or sequences of them
        self.tensors: dict[str, Any] = {}  # initializers that nobody has asked for yet
        self.broken: set[str] = set()  # made by nodes that could not be read
        self.attributes: dict[str, Any] = {}  # of the function call, for bodies that refer to them

    def find(self, name: str) -> Scope | None:
        """The innermost scope that knows a name."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values or name in scope.tensors or name in scope.broken:
                return scope
            scope = scope.outer
        return None
