"""Removes channels that are proven constant, or that nobody reads, and clamps that never bind; no output bit changes.

Interval arithmetic over the integer program (`_ranges`) gives the least and largest value of every element, whatever
the input. Where they meet, a channel is constant: its reader takes what it contributes into its bias, and whoever made
it no longer does. A convolution with padding sees the zero point at its borders, so that there the constant must be the
zero point itself (as it is behind a ReLU that never opens), else the channel stays.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from picozoo import ops
from picozoo.ir.program import Function, Node, Program, rewire
from picozoo.ops._fixed_point import activation_bounds
from picozoo.passes import dead_code
from picozoo.passes._ranges import Ends, ends_of, ranges
from picozoo.specs import Target, TensorType

ROUNDS = 8  # a channel that goes may leave another unread; each round is a whole analysis


def run(program: Program, target: Target) -> Program:
    """The program without what its integers prove needless; `meta["simplified"]` says what that was."""
    program = program.copy()
    notes: list[str] = []
    for f in program.functions.values():
        if not any(t.dtype == "i8" and t.quant for t in f.types.values()):
            continue
        for _ in range(ROUNDS):
            found = ranges(program, f)
            said = len(notes)
            _clamps(program, f, found, notes)
            _identities(program, f, notes)
            _channels(program, f, found, notes)
            if len(notes) == said:
                break
    if notes:
        program.meta["simplified"] = "; ".join(notes)
    return dead_code.run(program, target)


def _clamps(program: Program, f: Function, found: dict[str, Ends], notes: list[str]) -> None:
    """An activation whose bounds no value reaches is none."""
    for i, node in enumerate(f.nodes):
        t = f.types[node.outputs[0]]
        if getattr(node.attrs, "act", "none") == "none" or t.dtype != "i8" or t.quant is None:
            continue
        lo, hi = activation_bounds(node.attrs.act, t.quant.scale[0], t.quant.zero_point[0])
        if (lo, hi) == (-128, 127):
            continue  # the type itself is the clamp
        free = replace(node, attrs=replace(node.attrs, act="none"))
        ends = ends_of(program, f, free, found)
        if ends is not None and ends[0].min(initial=lo) >= lo and ends[1].max(initial=hi) <= hi:
            f.nodes[i] = free
            notes.append(f"{node.name}: {node.attrs.act} never binds")


def _identities(program: Program, f: Function, notes: list[str]) -> None:
    """Requantisation to the same scale and zero point."""
    same = {
        n.outputs[0]: n.inputs[0]
        for n in f.nodes
        if n.op == "requantize" and program.type_of(f, n.inputs[0]) == f.types[n.outputs[0]] and n.inputs[0][0] == "%"
    }
    notes += [f"{n.name}: changes nothing" for n in f.nodes if n.outputs[0] in same]
    f.nodes = [n for n in f.nodes if n.outputs[0] not in same]
    rewire(f, same)


# -- channels ---------------------------------------------------------------------------------------------------------
class _Groups:
    """Values whose last dimensions hold the same channels, some of them several times over (flattened)."""

    def __init__(self, f: Function) -> None:
        self.f, self.up = f, {r: r for r in f.types}
        self.fixed: set[str] = set()

    def top(self, ref: str) -> str:
        while self.up[ref] != ref:
            ref = self.up[ref]
        return ref

    def join(self, *refs: str) -> None:
        for ref in refs[1:]:
            self.up[self.top(ref)] = self.top(refs[0])

    def classes(self) -> list[list[str]]:
        """Those of which no value must keep its shape."""
        made: dict[str, list[str]] = {}
        for ref in self.f.types:
            made.setdefault(self.top(ref), []).append(ref)
        fixed = {self.top(r) for r in self.fixed}
        return [refs for top, refs in made.items() if top not in fixed]


def _kind(program: Program, f: Function, node: Node) -> str:
    """How a node treats channels: "dense" (makes and reads any), "depthwise", "each", "reshape", or "" (unknown)."""
    ins, outs = program.in_types(f, node), program.out_types(f, node)
    if len(outs) != 1 or any(t.dtype != "i8" or t.quant is None for t in (ins[0], outs[0])):
        return ""
    if node.op in ("conv2d", "linear"):
        constant = all(r in program.constants for r in node.inputs[1:])
        if not constant or not ops.get(node.op).lowers(ins, outs, node.attrs) or (len(ins) > 2 and ins[2].is_float):
            return ""
        groups = getattr(node.attrs, "groups", 1)
        if groups == 1:
            return "dense"
        return "depthwise" if groups == ins[0].shape[3] == outs[0].shape[3] else ""
    if node.op == "reshape":
        a, b = ins[0].shape[-1:], outs[0].shape[-1:]
        return "reshape" if a and b and a[0] and b[0] % a[0] == 0 else ""
    each = ops.get(node.op).channelwise(ins, outs, node.attrs) and all(r[0] == "%" for r in node.inputs)
    return "each" if each else ""


def _groups(program: Program, f: Function) -> _Groups:
    g = _Groups(f)
    g.fixed |= {r for r in (*f.params, *f.results, *f.updates.values()) if r in f.types}
    for node in f.nodes:
        kind = _kind(program, f, node)
        local = [r for r in (*node.inputs, *node.outputs) if r in f.types]
        if getattr(node.attrs, "weight_group", 0):
            g.fixed |= {r for r in node.inputs if r in f.types}  # places of its input are what groups are made of
        if kind in ("each", "depthwise", "reshape"):
            g.join(*local)
        elif kind != "dense":
            g.fixed |= set(local)
    return g


def _channels(program: Program, f: Function, found: dict[str, Ends], notes: list[str]) -> None:
    for refs in _groups(program, f).classes():
        count = min((f.types[r].shape[-1] for r in refs if f.types[r].rank), default=0)
        if count < 2 or any(f.types[r].shape[-1] % count for r in refs):
            continue
        inside = set(refs)
        drop = np.ones(count, bool)
        for node in f.nodes:
            if node.inputs and node.inputs[0] in inside and _kind(program, f, node) == "dense":
                drop &= _unneeded(program, f, node, found[node.inputs[0]], count)
        if not any(n.outputs[0] in inside and _kind(program, f, n) == "dense" for n in f.nodes):
            continue
        if drop.all():
            drop[0] = False  # a tensor needs a channel
        if drop.any():
            keep = np.flatnonzero(~drop)
            notes.append(f"{_maker(f, inside)}: {int(drop.sum())} of {count} channels constant or unread")
            _narrow(program, f, inside, count, keep, found)


def _maker(f: Function, inside: set[str]) -> str:
    return next(n.name for n in f.nodes if n.outputs[0] in inside)


def _unneeded(program: Program, f: Function, node: Node, ends: Ends, count: int) -> np.ndarray:
    """Which channels this reader can do without: those with zero weights, or constant and foldable into its bias."""
    low, high = (v.reshape(-1, v.shape[-1]) for v in ends)
    w = program.constants[node.inputs[1]]
    zero = _zero(f.types[node.inputs[0]])
    value = low[0]
    constant = (low == high).all(0) & (low == value).all(0)
    if any(getattr(node.attrs, "pad", ())):
        constant &= value == zero
    unread = (w.reshape(-1, w.shape[-1]) == 0).all(0)
    fine = constant | unread
    bias = program.constants[node.inputs[2]].astype(np.int64) if len(node.inputs) > 2 else np.int64(0)
    most = np.abs(bias) + (np.abs(_contribution(w, value, zero)) * fine).sum(1)
    return np.asarray(fine.reshape(-1, count).all(0) & bool((most < 1 << 31).all()))


def _contribution(w: np.ndarray, value: np.ndarray, zero: int) -> np.ndarray:
    """(outputs, inputs): what a constant input adds to each accumulator."""
    return np.asarray(w.astype(np.int64).reshape(w.shape[0], -1, w.shape[-1]).sum(1) * (value - zero))


def _zero(t: TensorType) -> int:
    assert t.quant is not None
    return t.quant.zero_point[0]


def _narrow(
    program: Program, f: Function, inside: set[str], count: int, keep: np.ndarray, found: dict[str, Ends]
) -> None:
    """Take the channels out of every value of the class, out of the weights that make them and those that read them."""
    wide = {r: f.types[r].shape[-1] for r in inside}
    nodes = []
    for node in f.nodes:
        kind, x, y = _kind(program, f, node), node.inputs[0] if node.inputs else "", node.outputs[0]
        if kind == "dense" and x in inside:
            node = _reads_fewer(program, f, node, _features(wide[x], count, keep), found[x])
        if y in inside and kind in ("dense", "depthwise"):
            node = _makes_fewer(program, node, keep)
        if y in inside and kind == "depthwise":
            node = replace(node, attrs=replace(node.attrs, groups=len(keep)))
        if y in inside and kind == "reshape":
            shape = f.types[y].shape
            node = replace(node, attrs=replace(node.attrs, shape=(*shape[:-1], shape[-1] // count * len(keep))))
        nodes.append(node)
    f.nodes = nodes
    for r in inside:
        t = f.types[r]
        f.types[r] = t.with_(shape=(*t.shape[:-1], wide[r] // count * len(keep)))


def _features(wide: int, count: int, keep: np.ndarray) -> np.ndarray:
    """Indices that stay of a last dimension that holds the channels several times over."""
    return np.asarray((np.arange(0, wide, count)[:, None] + keep[None]).reshape(-1))


def _reads_fewer(program: Program, f: Function, node: Node, stay: np.ndarray, ends: Ends) -> Node:
    w, t = program.constants[node.inputs[1]], program.constant_types[node.inputs[1]]
    value = ends[0].reshape(-1, ends[0].shape[-1])[0]
    gone = np.setdiff1d(np.arange(w.shape[-1]), stay)
    added = _contribution(w, value, _zero(f.types[node.inputs[0]]))[:, gone].sum(1)
    less = np.ascontiguousarray(w[..., stay])
    inputs = [node.inputs[0], program.add_constant(node.inputs[1], less, t.with_(shape=less.shape))]
    if len(node.inputs) > 2 or added.any():
        given = len(node.inputs) > 2
        old = program.constants[node.inputs[2]].astype(np.int64) if given else np.zeros(w.shape[0], np.int64)
        bt = program.constant_types[node.inputs[2]] if given else TensorType((w.shape[0],), "i32")
        name = node.inputs[2] if given else f"@{node.name}.bias"
        inputs.append(program.add_constant(name, (old + added).astype(np.int32), bt))
    return replace(node, inputs=tuple(inputs))


def _makes_fewer(program: Program, node: Node, keep: np.ndarray) -> Node:
    inputs = [node.inputs[0]]
    for ref in node.inputs[1:]:
        t, array = program.constant_types[ref], program.constants[ref][keep]
        q = t.quant
        if q is not None and q.axis == 0:
            q = replace(q, scale=tuple(q.scale[i] for i in keep), zero_point=tuple(q.zero_point[i] for i in keep))
        inputs.append(program.add_constant(ref, array, TensorType(array.shape, t.dtype, q)))
    return replace(node, inputs=tuple(inputs))
