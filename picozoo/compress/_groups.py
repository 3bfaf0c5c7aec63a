"""What quantisation ties together: nodes that get an integer form, and values that must share parameters."""

from __future__ import annotations

from dataclasses import dataclass, field

from picozoo import ops
from picozoo.ir.program import Function, Node, Program
from picozoo.specs import QuantParams, TensorType

Key = tuple[str, str]
# Kinds of activations. "wide" is an "act" of a layer that was asked to work in int16.
PROBE = {
    "act": ("i8", QuantParams.tensor(0.1)),
    "wide": ("i16", QuantParams.tensor(0.001)),
    "act16": ("i16", QuantParams.tensor(2.0**-12)),
}
WIDTH = list(PROBE)


@dataclass(frozen=True)
class Chosen:
    """Integer type and parameters of a group of values."""

    dtype: str
    quant: QuantParams

    @property
    def scale(self) -> float:
        """The one scale."""
        return self.quant.scale[0]

    @property
    def zero(self) -> int:
        """The one zero point."""
        return self.quant.zero_point[0]


@dataclass
class Site:
    """A node that gets an integer form, and the value groups it ties together.

    `apart`: inputs of what only moves values that are int8 where it works in int16, and are converted for it.
    """

    function: Function
    node: Node
    wide: bool = False
    apart: set[int] = field(default_factory=set)

    def kinds(self, program: Program) -> tuple[dict[int, str], list[str]]:
        """Kinds of its inputs and outputs."""
        op, attrs = ops.get(self.node.op), self.node.attrs
        ins = dict(op.quant_inputs(program.in_types(self.function, self.node), attrs))
        outs = list(op.quant_outputs(program.out_types(self.function, self.node), attrs))
        if self.wide:
            ins = {i: "wide" if k == "act" else k for i, k in ins.items()}
            outs = ["wide" if k == "act" else k for k in outs]
        return ins, outs


class Groups:
    """Values that must share parameters, and what kind of integers they become."""

    def __init__(self) -> None:
        self.parent: dict[Key, Key] = {}
        self.kind: dict[Key, str] = {}
        self.fixed: dict[Key, QuantParams] = {}

    def find(self, k: Key) -> Key:
        """The representative of a value's group; a new value is a group of its own."""
        self.parent.setdefault(k, k)
        while self.parent[k] != k:
            k = self.parent[k]
        return k

    def add(self, k: Key, kind: str) -> None:
        """Say what kind of integers a value must be."""
        root = self.find(k)
        # the wider one wins: an operator that needs it cannot take less
        self.kind[root] = max(kind, self.kind.get(root, kind), key=WIDTH.index)

    def join(self, a: Key, b: Key) -> None:
        """Let two values share their parameters."""
        ra, rb = self.find(a), self.find(b)
        if ra == rb:
            return
        self.parent[rb] = ra
        if rb in self.kind:
            self.add(ra, self.kind.pop(rb))
        if rb in self.fixed:
            self.fixed[ra] = self.fixed.pop(rb)

    def members(self) -> dict[Key, list[Key]]:
        """All groups, by their representatives."""
        found: dict[Key, list[Key]] = {}
        for k in self.parent:
            found.setdefault(self.find(k), []).append(k)
        return found


def key_of(f: Function, ref: str) -> Key:
    """Constants and states are known by one name in all functions."""
    return ("", ref) if ref[0] != "%" else (f.name, ref)


def input_key(f: Function, node: Node, i: int) -> Key:
    """As `_key`, but a constant has parameters of its own wherever it is read: a start of zeros serves many layers."""
    ref = node.inputs[i]
    return (f"{f.name}:{node.name}:{i}", ref) if ref[0] == "@" else key_of(f, ref)


def int_type(t: TensorType, p: Chosen) -> TensorType:
    """The integer form of a type."""
    return t.with_(dtype=p.dtype, quant=p.quant)
