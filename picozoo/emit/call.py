"""What an operator's `emit` may ask for: pointers to its values, tables, working memory, literals."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ir.program import Function, Node, Program
from picozoo.ops import get
from picozoo.plan.arena import Plan
from picozoo.plan.timeline import Key, key
from picozoo.specs import DTYPES, Target, TensorType, dtype_of

_TABLE_TYPES = {"uint16": "uint16_t", "uint32": "pz_u32"}


def c_name(text: str) -> str:
    """A C identifier close to `text`.

    Example:
        >>> c_name("features.0.conv")
        'features_0_conv'
    """
    name = re.sub(r"\W", "_", text.lstrip("%@$"), flags=re.ASCII)
    return name if re.match(r"[A-Za-z_]", name) else f"_{name}"


def float_literal(value: float) -> str:
    """A float32 as C text that reads back to the same bits.

    Example:
        >>> float_literal(0.1)
        '0.1f'
    """
    text = str(np.float32(value))
    if text in ("inf", "-inf", "nan"):
        return {"inf": "PZ_INFINITY", "-inf": "-PZ_INFINITY", "nan": "PZ_NAN"}[text]
    return text + ("f" if any(c in text for c in ".e") else ".0f")


@dataclass
class Tables:
    """All constant tables of a program, each emitted once. Equal contents share one table."""

    prefix: str
    arrays: dict[str, tuple[str, np.ndarray, str]] = field(default_factory=dict)  # name -> (C type, array, comment)
    by_content: dict[str, str] = field(default_factory=dict)

    def add(self, hint: str, array: np.ndarray, comment: str = "") -> str:
        """Store a table and return its C name; equal tables are stored once."""
        array = np.ascontiguousarray(array)
        c_type = _TABLE_TYPES.get(array.dtype.name) or DTYPES[dtype_of(array)][1]
        digest = hashlib.sha256(c_type.encode() + array.tobytes()).hexdigest()
        if digest not in self.by_content:
            base = name = f"{self.prefix}_{c_name(hint)}"
            k = 1
            while name in self.arrays:
                name, k = f"{base}_{k}", k + 1
            self.arrays[name] = (c_type, array.reshape(-1), comment)
            self.by_content[digest] = name
        return self.by_content[digest]

    @property
    def nbytes(self) -> int:
        """Bytes of all tables."""
        return sum(a.nbytes for _, a, _ in self.arrays.values())


class Call:
    """One node about to be printed."""

    def __init__(
        self,
        program: Program,
        plan: Plan,
        root: str,
        function: Function,
        node: Node,
        target: Target,
        tables: Tables,
        headers: set[str],
    ) -> None:
        self.program, self.plan, self.root, self.function, self.node = program, plan, root, function, node
        self.target, self.tables, self.headers = target, tables, headers
        self.ins: list[TensorType] = program.in_types(function, node)
        self.outs: list[TensorType] = program.out_types(function, node)
        self.attrs: Any = node.attrs
        self.small = False  # set by an operator whose time is spent in assembly: compile the rest for size
        self.thin = False  # set by an operator that only calls what is not inlined

    def _at(self, k: Key, c_type: str, *, const: bool) -> str:
        kind, offset = self.plan.locate(self.root, k)
        return f"({'const ' if const else ''}{c_type} *)(pz->{kind} + {offset})"

    def x(self, i: int, plain: bool = False) -> str:
        """Pointer to input `i`; `plain` leaves out the type, to compare places."""
        ref = self.node.inputs[i]
        ref = self._through_views(ref)
        if ref[0] == "@":
            return self.tables.add(ref, self.program.constants[ref])
        k = key(self.function, ref)
        return str(self.plan.locate(self.root, k)) if plain else self._at(k, self.ins[i].c_type, const=True)

    def _through_views(self, ref: str) -> str:
        """A reshape of a constant is the constant."""
        members = self.plan.functions[self.root].shared.of[key(self.function, ref)]
        return members.ref if members.kind == "const" else ref

    def bytes_of(self, i: int) -> str:
        """C expression of input `i`, for kernels that do not look at its type."""
        return self.x(i)

    def bytes_out(self, i: int = 0) -> str:
        """C expression of output `i`, for kernels that do not look at its type."""
        return self.y(i)

    def y(self, i: int = 0, plain: bool = False) -> str:
        """Pointer to output `i`."""
        k = key(self.function, self.node.outputs[i])
        return str(self.plan.locate(self.root, k)) if plain else self._at(k, self.outs[i].c_type, const=False)

    def _ahead(self) -> int | None:
        """Bytes by which output 0 begins before input 0, or None if they share no byte."""
        kind, at = self.plan.locate(self.root, key(self.function, self._through_views(self.node.inputs[0])))
        other, to = self.plan.locate(self.root, key(self.function, self.node.outputs[0]))
        shared = kind == other and at < to + self.outs[0].nbytes and to < at + self.ins[0].nbytes
        return at - to if shared else None

    def lies_in(self, out: int, i: int, behind: int) -> bool:
        """Does an output begin so many bytes behind an input, as its piece or the whole of it (`Op.views`)?"""
        kind, at = self.plan.locate(self.root, key(self.function, self._through_views(self.node.inputs[i])))
        other, to = self.plan.locate(self.root, key(self.function, self.node.outputs[out]))
        return kind == other != "const" and to - at == behind

    def overlaps(self) -> bool:
        """Does output 0 share bytes with input 0?"""
        return self._ahead() is not None

    def backward(self) -> bool:
        """Must the kernel go from the end to the begin, since the output lies over the end of the input?"""
        ahead = self._ahead()
        walks = get(self.node.op).walks(self.ins, self.outs, self.attrs, self.target)
        return ahead is not None and ahead < walks[0].lead

    def in_flash(self, i: int) -> bool:
        """Is input `i` a constant that lies in flash?"""
        return self._through_views(self.node.inputs[i])[0] == "@"

    def value(self, i: int) -> np.ndarray:
        """The constant behind input `i`. Raises Unsupported if it is computed."""
        ref = self._through_views(self.node.inputs[i])
        array = self.program.constant(ref)
        if array is None:
            raise Unsupported(f"{self.node.op} '{self.node.name}': input {i} must be a constant in the integer form")
        return array.reshape(self.ins[i].shape)

    def table(self, suffix: str, array: np.ndarray) -> str:
        """Name of a constant table with these contents."""
        return self.tables.add(f"{self.node.name}_{suffix}", array, f"{self.node.name}: {suffix}")

    def scratch(self, c_type: str) -> str:
        """Pointer to the node's working memory."""
        at = self.plan.functions[self.root].scratch[(self.function.name, self.node.name)]
        return f"({c_type} *)(pz->arena + {at})"

    def literal(self, value: Any) -> str:
        """A number as C text."""
        if isinstance(value, bool | np.bool_):
            return str(int(value))
        if isinstance(value, float | np.floating):
            return float_literal(float(value))
        return f"{int(value)}" if -(2**31) < int(value) < 2**31 else f"INT64_C({int(value)})"

    def element(self, region: Function, node: Node, values: Mapping[str, str]) -> str:
        """C statements of one node of a region for one element; `values`: reference -> C variable."""
        return emit_node(ElementCall(self, region, node, values))

    def run(self, kernel: str, *args: object, header: str = "") -> str:
        """A call of `kernel`, wrapped to a readable width."""
        self.headers.add(header or f"pz_{self.node.op}.h")
        text, lines = f"{kernel}(", []
        for i, a in enumerate(args):
            piece = f"{a}{', ' if i + 1 < len(args) else ');'}"
            if len(text) + len(piece) > 112:
                lines.append(text.rstrip())
                text = "    "
            text += piece
        return "\n".join([*lines, text]) if args else f"{kernel}();"


class ElementCall(Call):
    """One node of a fused loop, for a single element: its values are C variables."""

    def __init__(self, outer: Call, region: Function, node: Node, values: Mapping[str, str]) -> None:
        super().__init__(outer.program, outer.plan, outer.root, region, node, outer.target, outer.tables, outer.headers)
        self.values = values
        self.ins = [replace(t, shape=()) for t in self.ins]
        self.outs = [replace(t, shape=()) for t in self.outs]

    def x(self, i: int, plain: bool = False) -> str:
        """Address of the variable of input `i`."""
        return "&" + self.values[self.node.inputs[i]]

    def y(self, i: int = 0, plain: bool = False) -> str:
        """Address of the variable of output `i`."""
        return "&" + self.values[self.node.outputs[i]]

    def overlaps(self) -> bool:
        """Does output 0 share bytes with input 0?"""
        kind, at = self.plan.locate(self.root, key(self.function, self._through_views(self.node.inputs[0])))
        other, to = self.plan.locate(self.root, key(self.function, self.node.outputs[0]))
        return kind == other and at < to + self.outs[0].nbytes and to < at + self.ins[0].nbytes

    def in_flash(self, i: int) -> bool:
        """Never: it has been read."""
        return False


def emit_node(call: Call) -> str:
    """The node's C statements, from its operator file."""
    return get(call.node.op).emit(call)
