"""Writes a section of a function as bands of rows: see `bands.py`, which chooses the sections.

The nodes of a section are computed on demand. A band of the last one asks its inputs for the rows that it reads; each
of these is computed, a few rows at a time, as far as it is asked for. The rows of a value that somebody will still read
lie in one piece, its *window*: those kept from the window before, then the new ones. Rows that padding stands for are
filled in there, so that all bands of a layer are the same code. Windows, kept rows and new rows are slices and joins,
which the planner lays into each other; only kept rows are copied.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from picozoo import ops
from picozoo.ir.program import Function, Node, Program
from picozoo.ops._op import NoAttrs, Rows
from picozoo.ops.concat import ConcatAttrs
from picozoo.ops.expand import ExpandAttrs
from picozoo.ops.slice import SliceAttrs
from picozoo.specs import TensorType


class CannotStream(Exception):
    """This section cannot be computed in bands of this height."""


@dataclass(frozen=True)
class Section:
    """Nodes that stand together, the one image they read from before, and the one that is read behind them."""

    nodes: tuple[Node, ...]
    source: str
    result: str


@dataclass
class _Window:
    """Rows `low` up to `high` of a value, as one tensor; `home` collects the nodes that take pieces of it."""

    ref: str
    low: int
    high: int
    home: list[Node]
    pieces: dict[tuple[int, int], str] = field(default_factory=dict)


@dataclass
class _Layer:
    """A node of the section: how it reads, how many rows a call makes, how many are made."""

    node: Node
    reads: dict[int, Rows]
    height: int
    rows: int
    above: int = 0  # rows of padding that its readers want
    below: int = 0
    fill: float = 0.0
    made: int = 0
    calls: int = 0
    most: int = 0  # rows of its largest window
    window: _Window | None = None
    readers: list[tuple[_Layer, Rows]] = field(default_factory=list)


def stream(program: Program, f: Function, section: Section, rows: int, align: int) -> tuple[Program, int]:
    """The program with the section in bands.

    Args:
        rows: of the section's output that a band makes.
        align: bytes; every band must begin at a multiple of it.

    Returns:
        A new program, and an estimate of the bytes that the section needs.

    Raises:
        CannotStream: it cannot be done so.
    """
    made = program.copy()
    return made, _Streamer(made, made.functions[f.name], section, rows, align).run()


class _Streamer:
    def __init__(self, program: Program, f: Function, section: Section, rows: int, align: int) -> None:
        self.program, self.f, self.section, self.align = program, f, section, align
        self.groups: list[list[Node]] = [[]]  # a node and, behind it, the slices of what it made
        self.parts: list[str] = []
        source = f.types[section.source]
        self.source = _Window(section.source, 0, source.shape[1], self.groups[0])
        self.of: dict[str, _Layer] = {}
        for node in section.nodes:
            self._add(node)
        self._heights(rows)

    def _add(self, node: Node) -> None:
        ins, outs = self.program.in_types(self.f, node), self.program.out_types(self.f, node)
        reads = dict(ops.get(node.op).rows(ins, outs, node.attrs) or {})
        layer = self.of[node.outputs[0]] = _Layer(node, reads, outs[0].shape[1], 1)
        for i, r in reads.items():
            if (maker := self.of.get(node.inputs[i])) is None:
                continue
            below = (layer.height - 1) * r.stride - r.before + r.size - maker.height
            if (r.before > 0 or below > 0) and maker.readers and maker.fill != r.fill and (maker.above or maker.below):
                raise CannotStream("two readers want other padding")
            maker.fill = r.fill if r.before > 0 or below > 0 else maker.fill
            maker.above, maker.below = max(maker.above, r.before), max(maker.below, below)
            maker.readers.append((layer, r))

    def _heights(self, rows: int) -> None:
        """Each layer makes as many rows a call as its readers take."""
        for layer in reversed(self.of.values()):
            wanted = [reader.rows * r.stride for reader, r in layer.readers] or [rows]
            layer.rows = min(max(wanted), layer.height)

    def run(self) -> int:
        last = self.of[self.section.result]
        while last.made < last.height:
            self._call(last)
        self._join(self.parts, self.section.result, last.node)
        first = self.f.nodes.index(self.section.nodes[0])
        self.f.nodes[first : first + len(self.section.nodes)] = [n for g in self.groups for n in g]
        windows = sum(v.most * self._row(v) for v in self.of.values() if v is not last)
        for layer in self.of.values():
            if layer is not last:
                del self.f.types[layer.node.outputs[0]]
        return max(self.f.types[self.section.source].nbytes, self.f.types[self.section.result].nbytes) + windows

    def _row(self, layer: _Layer) -> int:
        t = self.f.types[layer.node.outputs[0]]
        return t.nbytes // t.shape[1]

    # -- one call -------------------------------------------------------------------------------------------------
    def _call(self, layer: _Layer) -> None:
        """The next rows of a layer, after those that they are made of."""
        first, stop = layer.made, min(layer.made + layer.rows, layer.height)
        wanted = {
            i: (first * r.stride - r.before, (stop - 1) * r.stride - r.before + r.size) for i, r in layer.reads.items()
        }
        for i, (_, high) in wanted.items():
            maker = self.of.get(layer.node.inputs[i])
            while maker is not None and maker.made < min(high, maker.height):
                self._call(maker)
        inputs, above, below = list(layer.node.inputs), 0, 0
        for i, (low, high) in wanted.items():
            maker = self.of.get(layer.node.inputs[i])
            window = self.source if maker is None else maker.window
            assert window is not None
            if maker is None:
                above, below = max(0, -low), max(0, high - window.high)
                low, high = low + above, high - below
            inputs[i] = self._piece(window, low, high)
        parts = self._kept(layer)
        attrs = ops.get(layer.node.op).at_rows(layer.node.attrs, above, below)
        t = self.f.types[layer.node.outputs[0]]
        ref = self._new(layer, layer.node.op, inputs, attrs, stop - first, t)
        layer.made, layer.calls = stop, layer.calls + 1
        if layer.node.outputs[0] == self.section.result:
            self.parts.append(ref)
            return
        parts.append(ref)
        if stop == layer.height and layer.below:
            parts.append(self._filled(layer, layer.below))
        self._slide(layer, parts)

    def _new(
        self, layer: _Layer, op: str, inputs: list[str], attrs: object, rows: int, t: TensorType, word: str = ""
    ) -> str:
        """A node that makes rows of a layer's output."""
        name = f"{layer.node.name}~{word}{layer.calls}"
        ref = self.f.fresh(name)
        self.f.types[ref] = t.with_(shape=(1, rows, *t.shape[2:]))
        self.groups.append([Node(op, name, tuple(inputs), (ref,), attrs, layer.node.source)])
        return ref

    def _piece(self, window: _Window, low: int, high: int) -> str:
        """Rows of a window, as a slice unless it is all of it."""
        if (low, high) == (window.low, window.high):
            return window.ref
        if not window.low <= low < high <= window.high:
            raise CannotStream("a band of nothing but padding")
        if (low, high) not in window.pieces:
            t = self.f.types[window.ref]
            if (low - window.low) * (t.nbytes // t.shape[1]) % self.align:
                raise CannotStream("a band would not be aligned")
            name = f"{window.ref[1:]}.rows{low}to{high}" if "~" in window.ref else f"{window.ref[1:]}~rows{low}to{high}"
            ref = window.pieces[low, high] = self.f.fresh(name)
            size = (1, high - low, *t.shape[2:])
            self.f.types[ref] = t.with_(shape=size)
            attrs = SliceAttrs((0, low - window.low, 0, 0), size, (1, 1, 1, 1))
            window.home.append(Node("slice", ref[1:], (window.ref,), (ref,), attrs))
        return window.pieces[low, high]

    # -- windows --------------------------------------------------------------------------------------------------
    def _kept(self, layer: _Layer) -> list[str]:
        """What stands in front of the next rows of a layer: padding at first, then rows that will be read again."""
        if layer.node.outputs[0] == self.section.result:
            return []
        if layer.window is None:
            return [self._filled(layer, layer.above)] if layer.above else []
        low = max(min(reader.made * r.stride - r.before for reader, r in layer.readers), layer.window.low)
        if low >= layer.window.high:
            return []
        old = self._piece(layer.window, low, layer.window.high)
        t = self.f.types[layer.node.outputs[0]]
        return [self._new(layer, "copy", [old], NoAttrs(), layer.window.high - low, t, "keep")]

    def _filled(self, layer: _Layer, rows: int) -> str:
        """Rows of padding."""
        t = self.f.types[layer.node.outputs[0]]
        one = t.with_(shape=(1, 1, 1, 1))
        fill = self.program.add_constant("padding", np.full((1, 1, 1, 1), layer.fill, t.numpy), one)
        attrs = ExpandAttrs((1, rows, *t.shape[2:]))
        return self._new(layer, "expand", [fill], attrs, rows, t, "pad")

    def _slide(self, layer: _Layer, parts: list[str]) -> None:
        """The layer's window after a call: `parts` one below the other."""
        t = self.f.types[layer.node.outputs[0]]
        high = layer.made + (layer.below if layer.made == layer.height else 0)
        rows = sum(self.f.types[r].shape[1] for r in parts)
        ref = parts[0]
        if len(parts) > 1:
            ref = self.f.fresh(f"{layer.node.name}~window{layer.calls}")
            self.f.types[ref] = t.with_(shape=(1, rows, *t.shape[2:]))
            self._join(parts, ref, layer.node)
        layer.window = _Window(ref, high - rows, high, self.groups[-1])
        layer.most = max(layer.most, rows)

    def _join(self, parts: list[str], ref: str, node: Node) -> None:
        at = 0
        for r in parts:
            if at % self.align:
                raise CannotStream("a band would not be aligned")
            at += self.f.types[r].nbytes
        name = ref[1:] if "~" in ref else f"{node.name}~bands"
        self.groups.append([Node("concat", name, tuple(parts), (ref,), ConcatAttrs(1), node.source)])
