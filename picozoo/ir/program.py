"""The intermediate representation: several functions over shared constants and kept state.

A value is named by a reference string whose first character says where it lives:

    %x   local to one function: a parameter or the output of a node
    @w   a constant, shared by all functions
    $h   kept state, shared by all functions; a read sees the value at function entry

A function changes state only through `updates`, which take effect together when it returns. A node that
repeats (`while_loop`) names two other functions of the program, its regions; those are not public.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from picozoo.specs import TensorType


@dataclass(frozen=True)
class Node:
    """One operator call.

    Args:
        op: operator, equal to a file name in `picozoo/ops`.
        name: the layer's name, unique in its function; it appears in reports and in the C.
        inputs: references to what it reads, in the operator's order.
        outputs: the `%` references it defines.
        attrs: the operator's own frozen dataclass.
        source: file and line in the user's code, where known.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Any
    source: str = ""


@dataclass
class Function:
    """A straight list of nodes from `params` to `results`, and the state it replaces."""

    name: str
    params: tuple[str, ...]
    results: tuple[str, ...]
    nodes: list[Node]
    types: dict[str, TensorType]
    updates: dict[str, str] = field(default_factory=dict)
    public: bool = True

    def copy(self) -> Function:
        """A copy whose lists can be changed; nodes and types are shared."""
        return replace(self, nodes=list(self.nodes), types=dict(self.types), updates=dict(self.updates))

    def uses(self) -> dict[str, list[Node | None]]:
        """Reference -> the nodes that read it; None stands for a result or a state update."""
        found: dict[str, list[Node | None]] = {}
        for node in self.nodes:
            for ref in node.inputs:
                found.setdefault(ref, []).append(node)
        for ref in (*self.results, *self.updates.values()):
            found.setdefault(ref, []).append(None)
        return found

    def producers(self) -> dict[str, Node]:
        """Output reference -> the node that makes it."""
        return {ref: node for node in self.nodes for ref in node.outputs}

    def fresh(self, hint: str) -> str:
        """A `%` reference that is not taken yet, close to `hint`."""
        hint = "%" + hint.lstrip("%@$")
        if hint not in self.types:
            return hint
        k = 1
        while f"{hint}.{k}" in self.types:
            k += 1
        return f"{hint}.{k}"


@dataclass(repr=False)
class Program:
    """A network as functions, constants and state. `meta` holds strings that travel with it.

    Example:
        >>> p = Program("empty")
        >>> p.type_of(None, "@w")
        Traceback (most recent call last):
        KeyError: '@w'
    """

    name: str
    functions: dict[str, Function] = field(default_factory=dict)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    constant_types: dict[str, TensorType] = field(default_factory=dict)
    states: dict[str, np.ndarray] = field(default_factory=dict)
    state_types: dict[str, TensorType] = field(default_factory=dict)
    meta: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        names = ", ".join(f.name for f in self.public())
        return f"<program {self.name}: functions {names}; {len(self.constants)} constants, {len(self.states)} states>"

    def copy(self) -> Program:
        """A copy that shares only arrays, which nothing writes to."""
        return Program(
            self.name,
            {k: f.copy() for k, f in self.functions.items()},
            dict(self.constants),
            dict(self.constant_types),
            dict(self.states),
            dict(self.state_types),
            dict(self.meta),
        )

    def note(self, key: str, text: str) -> None:
        """Add a sentence to an entry of `meta`, once."""
        known = self.meta.get(key, "")
        if text not in known:
            self.meta[key] = f"{known}. {text}" if known else text

    def type_of(self, function: Function | None, ref: str) -> TensorType:
        """Type of the value `ref` as seen in `function`. KeyError if there is none."""
        if ref[0] == "@":
            return self.constant_types[ref]
        if ref[0] == "$":
            return self.state_types[ref]
        assert function is not None
        return function.types[ref]

    def in_types(self, function: Function, node: Node) -> list[TensorType]:
        """Types of what a node reads."""
        return [self.type_of(function, r) for r in node.inputs]

    def out_types(self, function: Function, node: Node) -> list[TensorType]:
        """Types of what a node makes."""
        return [function.types[r] for r in node.outputs]

    def public(self) -> Iterator[Function]:
        """The functions that a caller may call: all but the regions of loops."""
        return (f for f in self.functions.values() if f.public)

    @property
    def main(self) -> Function:
        """The function that `run` measures: `forward`, `step` or `recall` if there, else the first public one."""
        for name in ("forward", "step", "recall"):
            if name in self.functions and self.functions[name].public:
                return self.functions[name]
        return next(self.public())

    @property
    def period(self) -> int:
        """In every how many calls all operators of the main function run; above 1 for some streaming networks."""
        text = self.meta.get("period", "1")
        return max(int(text), 1) if text.isdecimal() and len(text) < 10 else 1

    def add_constant(self, hint: str, array: np.ndarray, type_: TensorType) -> str:
        """Store a constant and return its reference; an equal one under the same name is shared."""
        base = "@" + hint.lstrip("%@$")
        ref, k = base, 1
        while ref in self.constants:
            if self.constant_types[ref] == type_ and np.array_equal(self.constants[ref], array):
                return ref
            ref, k = f"{base}.{k}", k + 1
        array = np.ascontiguousarray(array, dtype=type_.numpy).reshape(type_.shape)
        array.setflags(write=False)
        self.constants[ref], self.constant_types[ref] = array, type_
        return ref

    def add_state(self, hint: str, array: np.ndarray, type_: TensorType) -> str:
        """A kept state with this initial value; returns its reference."""
        base = "$" + hint.lstrip("%@$")
        ref, k = base, 1
        while ref in self.states:
            ref, k = f"{base}.{k}", k + 1
        self.states[ref] = np.ascontiguousarray(array, dtype=type_.numpy).reshape(type_.shape)
        self.state_types[ref] = type_
        return ref

    def constant(self, ref: str) -> np.ndarray | None:
        """The array behind `@...`, or None if the reference is not a constant."""
        return self.constants.get(ref) if ref[0] == "@" else None


def rewire(function: Function, mapping: Mapping[str, str]) -> None:
    """Let every reader of a key of `mapping` read its value instead, following chains. Changes `function`."""

    def final(ref: str) -> str:
        while ref in mapping:
            ref = mapping[ref]
        return ref

    if not mapping:
        return
    function.nodes = [
        replace(n, inputs=tuple(map(final, n.inputs))) if any(r in mapping for r in n.inputs) else n
        for n in function.nodes
    ]
    function.results = tuple(map(final, function.results))
    function.updates = {s: final(r) for s, r in function.updates.items()}
