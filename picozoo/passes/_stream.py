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
    row: int  # bytes
    rows: int = 1
    above: int = 0  # rows of padding that its readers want
    below: int = 0
    fill: float = 0.0
    made: int = 0
    calls: int = 0
    window: _Window | None = None
    readers: list[tuple[_Layer, Rows]] = field(default_factory=list)


_Part = tuple[str, int]  # a value and its rows


def stream(program: Program, f: Function, section: Section, rows: int, align: int) -> Program:
    """The program with the section in bands.

    Args:
        rows: of the section's output that a band makes.
        align: bytes; every band must begin at a multiple of it.

    Raises:
        CannotStream: it cannot be done so.
    """
    made = program.copy()
    _Streamer(made, made.functions[f.name], section, rows, align, dry=False).run()
    return made


def measure(program: Program, f: Function, section: Section, rows: int, align: int) -> tuple[int, int]:
    """Bytes that the section in bands has alive at its fullest call, without working memory, and the nodes it becomes.

    Raises:
        CannotStream: as `stream`.
    """
    s = _Streamer(program, f, section, rows, align, dry=True)
    s.run()
    return s.most, s.nodes


class _Streamer:
    def __init__(self, program: Program, f: Function, section: Section, rows: int, align: int, dry: bool) -> None:
        self.program, self.f, self.section, self.align, self.dry = program, f, section, align, dry
        self.groups: list[list[Node]] = [[]]  # a node and, behind it, the slices of what it made
        self.parts: list[_Part] = []
        self.nodes = self.most = 0
        t = f.types[section.source]
        self.source, self.source_row = _Window(section.source, 0, t.shape[1], self.groups[0]), t.nbytes // t.shape[1]
        self.of: dict[str, _Layer] = {}
        self.first: list[tuple[_Layer, Rows]] = []  # those that read the source
        for node in section.nodes:
            self._add(node)
        self._heights(rows)

    def _add(self, node: Node) -> None:
        ins, outs = self.program.in_types(self.f, node), self.program.out_types(self.f, node)
        reads, height = dict(ops.get(node.op).rows(ins, outs, node.attrs) or {}), outs[0].shape[1]
        layer = self.of[node.outputs[0]] = _Layer(node, reads, height, outs[0].nbytes // height)
        for i, r in reads.items():
            if (maker := self.of.get(node.inputs[i])) is None:
                self.first.append((layer, r))
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

    def run(self) -> None:
        last = self.of[self.section.result]
        while last.made < last.height:
            self._call(last)
        self._join(self.parts, self.section.result, last)
        if self.dry:
            return
        first = self.f.nodes.index(self.section.nodes[0])
        self.f.nodes[first : first + len(self.section.nodes)] = [n for g in self.groups for n in g]
        for layer in self.of.values():
            if layer is not last:
                del self.f.types[layer.node.outputs[0]]

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
            inputs[i] = self._piece(window, low, high, self.source_row if maker is None else maker.row)
            if maker is None and (above or below) and self._can_pad(layer, above, high - low):
                inputs[i] = self._padded(layer, i, (inputs[i], high - low), above, below)
                above = below = 0
        parts = self._kept(layer)
        attrs = ops.get(layer.node.op).at_rows(layer.node.attrs, above, below)
        part = self._new(layer, layer.node.op, inputs, attrs, stop - first)
        if layer.node.outputs[0] == self.section.result:
            self.parts.append(part)
        else:
            parts.append(part)
            if stop == layer.height and layer.below:
                parts.append(self._filled(layer, layer.below, layer.fill, "end"))
        self._slide(layer, parts, stop)

    def _new(
        self,
        layer: _Layer,
        op: str,
        inputs: list[str],
        attrs: object,
        rows: int,
        word: str = "",
        like: TensorType | None = None,
    ) -> _Part:
        """A node that makes rows of a layer's output, or of another image (`like`)."""
        self.nodes += 1
        name = f"{layer.node.name}~{word}{layer.calls}"
        if self.dry:
            return name, rows
        ref, t = self.f.fresh(name), like or self.f.types[layer.node.outputs[0]]
        self.f.types[ref] = t.with_(shape=(1, rows, *t.shape[2:]))
        self.groups.append([Node(op, name, tuple(inputs), (ref,), attrs, layer.node.source)])
        return ref, rows

    def _piece(self, window: _Window, low: int, high: int, row: int) -> str:
        """Rows of a window, as a slice unless it is all of it."""
        if (low, high) == (window.low, window.high):
            return window.ref
        if not window.low <= low < high <= window.high:
            raise CannotStream("a band of nothing but padding")
        if (low, high) not in window.pieces:
            if (low - window.low) * row % self.align:
                raise CannotStream("a band would not be aligned")
            self.nodes += 1
            name = f"{window.ref.lstrip('%')}{'.' if '~' in window.ref else '~'}rows{low}to{high}"
            window.pieces[low, high] = name if self.dry else self._slice(window, low, high, name)
        return window.pieces[low, high]

    def _slice(self, window: _Window, low: int, high: int, name: str) -> str:
        ref, t = self.f.fresh(name), self.f.types[window.ref]
        size = (1, high - low, *t.shape[2:])
        self.f.types[ref] = t.with_(shape=size)
        attrs = SliceAttrs((0, low - window.low, 0, 0), size, (1, 1, 1, 1))
        window.home.append(Node("slice", ref[1:], (window.ref,), (ref,), attrs))
        return ref

    # -- windows --------------------------------------------------------------------------------------------------
    def _unread(self, readers: list[tuple[_Layer, Rows]], high: int) -> int:
        """The first row that somebody will still read; `high` if there is none."""
        return min((v.made * r.stride - r.before for v, r in readers if v.made < v.height), default=high)

    def _kept(self, layer: _Layer) -> list[_Part]:
        """What stands in front of the next rows of a layer: padding at first, then rows that will be read again."""
        if layer.node.outputs[0] == self.section.result:
            return []
        if layer.window is None:
            return [self._filled(layer, layer.above, layer.fill, "pad")] if layer.above else []
        low, high = max(self._unread(layer.readers, layer.window.high), layer.window.low), layer.window.high
        if low >= high:
            return []
        return [
            self._new(layer, "copy", [self._piece(layer.window, low, high, layer.row)], NoAttrs(), high - low, "keep")
        ]

    def _filled(self, layer: _Layer, rows: int, value: float, word: str, like: TensorType | None = None) -> _Part:
        """Rows of padding."""
        t, fill = like or self.f.types[layer.node.outputs[0]], ""
        if not self.dry:
            one = t.with_(shape=(1, 1, 1, 1))
            fill = self.program.add_constant("padding", np.full((1, 1, 1, 1), value, t.numpy), one)
        return self._new(layer, "expand", [fill], ExpandAttrs((1, rows, *t.shape[2:])), rows, word, like)

    def _can_pad(self, layer: _Layer, above: int, rows: int) -> bool:
        """May rows of the source be copied between rows of padding?"""
        alone = sum(layer.node.inputs[i] == self.section.source for i in layer.reads) == 1
        return alone and all(n * self.source_row % self.align == 0 for n in (above, above + rows))

    def _padded(self, layer: _Layer, i: int, part: _Part, above: int, below: int) -> str:
        """Rows of the source with padding round them: the first and last bands are the same code as the others."""
        t, fill = self.f.types[self.section.source], layer.reads[i].fill
        parts = [self._filled(layer, above, fill, "above", t)] if above else []
        parts.append(self._new(layer, "copy", [part[0]], NoAttrs(), part[1], "rows", t))
        parts += [self._filled(layer, below, fill, "below", t)] if below else []
        self.nodes += 1
        ref = f"%{layer.node.name}~input{layer.calls}"
        if not self.dry:
            ref = self.f.fresh(ref)
            self.f.types[ref] = t.with_(shape=(1, sum(n for _, n in parts), *t.shape[2:]))
            inputs = tuple(r for r, _ in parts)
            self.groups.append([Node("concat", ref[1:], inputs, (ref,), ConcatAttrs(1), layer.node.source)])
        return ref

    def _slide(self, layer: _Layer, parts: list[_Part], stop: int) -> None:
        """The layer's window after a call that made rows up to `stop`: `parts` one below the other."""
        if parts:
            high, rows = stop + (layer.below if stop == layer.height else 0), sum(n for _, n in parts)
            ref = parts[0][0]
            if len(parts) > 1:
                ref = f"%{layer.node.name}~window{layer.calls}"
                if not self.dry:
                    ref, t = self.f.fresh(ref), self.f.types[layer.node.outputs[0]]
                    self.f.types[ref] = t.with_(shape=(1, rows, *t.shape[2:]))
                self._join(parts, ref, layer)
            layer.window = _Window(ref, high - rows, high, self.groups[-1])
        done = stop if layer.node.outputs[0] == self.section.result else 0
        self.most = max(self.most, self._alive() + done * layer.row)
        layer.made, layer.calls = stop, layer.calls + 1

    def _alive(self) -> int:
        """Bytes of the source's rows that will still be read, and of all windows."""
        rest = self.source.high - max(0, self._unread(self.first, self.source.high))
        windows = (v.row * (v.window.high - v.window.low) for v in self.of.values() if v.window is not None)
        return rest * self.source_row + sum(windows)

    def _join(self, parts: list[_Part], ref: str, layer: _Layer) -> None:
        at = 0
        for _, rows in parts:
            if at % self.align:
                raise CannotStream("a band would not be aligned")
            at += rows * layer.row
        self.nodes += 1
        if self.dry:
            return
        name = ref[1:] if "~" in ref else f"{layer.node.name}~bands"
        inputs = tuple(r for r, _ in parts)
        self.groups.append([Node("concat", name, inputs, (ref,), ConcatAttrs(1), layer.node.source)])
