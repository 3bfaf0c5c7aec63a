"""Where an int8 program loses accuracy: the signal-to-noise ratio of every layer against the float program.

Two figures a layer, both in decibels, `10 log10(sum of float^2 / sum of error^2)`: what has gathered up to here, and
what the layer adds by itself when it is given exact inputs. What it adds is taken apart once more, by rounding only its
inputs, only its weights, or only its output; the largest of the three is the cause, and says what would help.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from picozoo import ops
from picozoo.compress._masks import FAR
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Function, Node, Program
from picozoo.ops._fixed_point import quantize_array
from picozoo.specs import TensorType

Calls = Iterable[tuple[str, Sequence[np.ndarray]] | None]
EXACT_DB = 200.0  # an error of nothing
_MOVES = ("quantize", "dequantize", "requantize", "copy")


@dataclass
class LayerAccuracy:
    """One layer that computes on integers, against the same layer in float."""

    name: str  # the layer's name in the network
    op: str  # operator
    function: str  # function of the program (a loop's body has a name of its own)
    dtype: str  # element type of its output: i8 or i16
    snr_db: float  # signal to noise of its output, errors of earlier layers included
    own_db: float  # the same when its inputs are exact: what this layer adds
    input_db: float  # own_db if only its inputs were rounded
    weight_db: float  # own_db if only its weights were
    output_db: float  # own_db if only its output was
    clipped: float  # share of its output that lies outside the range of its integers

    @property
    def cause(self) -> str:
        """ "inputs", "weights", "output", "clipping" or "inside": the largest part of what the layer adds.

        Inside is what none of the three explains: sums that were cut, tables, what is kept from step to step.
        """
        parts = {"inputs": self.input_db, "weights": self.weight_db, "output": self.output_db}
        worst = min(parts, key=lambda k: parts[k])
        if 10 ** (-self.own_db / 10) > 2 * sum(10 ** (-db / 10) for db in parts.values()):
            return "inside"
        return "clipping" if worst == "output" and self.clipped > 1e-3 else worst


def decibels(signal: float, noise: float) -> float:
    """Signal to noise from two sums of squares, at most `EXACT_DB`.

    Example:
        >>> decibels(100.0, 1.0), decibels(1.0, 0.0)
        (20.0, 200.0)
    """
    if noise <= 0:
        return EXACT_DB
    return min(EXACT_DB, 10 * math.log10(max(signal, 1e-300) / noise))


@dataclass
class _Sum:
    """Sums of squares of one layer over all calls."""

    signal: float = 0.0
    noise: dict[str, float] = field(default_factory=dict)
    clipped: int = 0
    values: int = 0

    def add(self, kind: str, exact: np.ndarray, got: np.ndarray) -> None:
        counts = exact.reshape(-1) > FAR  # what is masked only has to stay low
        error = np.asarray(exact, np.float64).reshape(-1)[counts] - np.asarray(got, np.float64).reshape(-1)[counts]
        self.noise[kind] = self.noise.get(kind, 0.0) + float(error @ error)


Values = dict[tuple[str, str], np.ndarray]


def layers(exact: Program, integer: Program, calls: Calls, limit: int = 32) -> list[LayerAccuracy]:
    """The accuracy of every layer that computes on integers.

    Args:
        exact: the float program.
        integer: what became of it: `quantise` and the integer passes, memory not necessarily planned.
        calls: as `quantise` takes them; the first `limit` are used.

    Returns:
        In order of execution; layers that only move values are left out.
    """
    sums: dict[tuple[str, str], _Sum] = {}
    nodes = _pairs(exact, integer)
    want: Values = {}
    got: Values = {}
    one, two = Interpreter(exact, _keeper(want)), Interpreter(integer, _keeper(got))
    for call in islice(calls, limit):
        if call is None:
            one.reset()
            two.reset()
            continue
        name, inputs = call
        want.clear()
        got.clear()
        want |= {("", r): v.copy() for r, v in one.state.items()}
        f = integer.functions[name]
        for p, x in zip(f.params, inputs, strict=True):
            want[name, p] = np.asarray(x)
        one.call(name, *inputs)
        two.call(name, *[to_type(np.asarray(x), f.types[p]) for p, x in zip(f.params, inputs, strict=True)])
        for key, (ef, en, qf, qn) in nodes.items():
            if (qf.name, qn.outputs[0]) in got and (ef.name, en.outputs[0]) in want:
                _note(sums.setdefault(key, _Sum()), exact, integer, (ef, en, qf, qn), want, got)
    return [_row(nodes[key], s) for key, s in sums.items()]


def outputs_db(exact: Program, integer: Program, calls: Calls, limit: int = 32) -> float:
    """Signal to noise of all results of the functions that are called."""
    one, two = Interpreter(exact), Interpreter(integer)
    signal = noise = 0.0
    for call in islice(calls, limit):
        if call is None:
            one.reset()
            two.reset()
            continue
        name, inputs = call
        f = integer.functions[name]
        a = one.call(name, *inputs)
        b = two.call(name, *[to_type(np.asarray(x), f.types[p]) for p, x in zip(f.params, inputs, strict=True)])
        for x, y, ref in zip(a, b, f.results, strict=True):
            if x.dtype.kind == "f":
                error = x.astype(np.float64) - to_real(y, integer.type_of(f, ref))
                signal += float((x.astype(np.float64) ** 2).sum())
                noise += float((error**2).sum())
    return decibels(signal, noise)


def to_type(x: np.ndarray, t: TensorType) -> np.ndarray:
    """Real numbers as a value of the program: quantised where its type is."""
    if t.quant is None or x.dtype == t.numpy:
        return x.astype(t.numpy, copy=False).reshape(t.shape)
    scale, zero = t.quant.broadcast(len(t.shape))
    return quantize_array(x.reshape(t.shape), scale, zero, t.dtype)


def to_real(x: np.ndarray, t: TensorType) -> np.ndarray:
    """A value of the program as real numbers."""
    if t.quant is None:
        return x
    scale, zero = t.quant.broadcast(x.ndim)
    real: np.ndarray = (x.astype(np.int64) - zero) * scale.astype(np.float64)
    return real


def _keeper(values: Values):  # type: ignore[no-untyped-def]
    def watch(f: Function, node: Node, _args: list[np.ndarray], outs: list[np.ndarray]) -> None:
        for ref, value in zip(node.outputs, outs, strict=True):
            values.setdefault((f.name, ref), value)  # of a loop the first turn: later ones may differ in number

    return watch


def _pairs(exact: Program, integer: Program) -> dict[tuple[str, str], tuple[Function, Node, Function, Node]]:
    """(function, layer) -> the layer in both programs, where the second computes it on integers."""
    found = {}
    for qf in integer.functions.values():
        ef = exact.functions.get(qf.name)
        named = {n.name: n for n in ef.nodes} if ef is not None else {}
        for qn in qf.nodes:
            en = named.get(qn.name)
            if (
                en is None
                or ef is None
                or (en.op != qn.op and qn.op != "wide_conv2d")
                or ops.get(en.op).quant_rule in ("none", "same")
            ):
                continue
            if qf.types[qn.outputs[0]].quant is not None:
                found[qf.name, qn.name] = (ef, en, qf, qn)
    return found


def _note(
    s: _Sum,
    exact: Program,
    integer: Program,
    pair: tuple[Function, Node, Function, Node],
    want: Values,
    got: Values,
) -> None:
    ef, en, qf, qn = pair
    t = qf.types[qn.outputs[0]]
    y = want[ef.name, en.outputs[0]]
    inputs = []
    for ref in en.inputs:
        value = exact.constant(ref)
        value = value if value is not None else want.get(("", ref) if ref[0] == "$" else (ef.name, ref))
        if value is None:
            return
        inputs.append(value)
    types = integer.in_types(qf, qn)
    s.signal += float((y[y > FAR].astype(np.float64) ** 2).sum())
    s.add("all", y, to_real(got[qf.name, qn.outputs[0]], t))
    constant = [exact.constant(r) is not None for r in en.inputs]
    # an integer constant keeps its own integers: they are what the layer computes with
    rounded = [
        to_type(inputs[i], t) if i < len(inputs) and not constant[i] else _stored(integer, qn.inputs[i], inputs, i, t)
        for i, t in enumerate(types)
    ]
    own = ops.get(qn.op).reference(rounded, types, integer.out_types(qf, qn), qn.attrs)[0]
    s.add("own", y, to_real(np.asarray(own).reshape(t.shape), t))
    for part, mine in (("inputs", False), ("weights", True)):
        mixed = [
            _real(r, k, x) if c == mine and (k.quant is not None or not c) else x
            for x, r, k, c in zip(inputs, rounded, types, constant, strict=False)
        ]
        s.add(part, y, _float(exact, ef, en, mixed))
    s.add("output", y, to_real(to_type(y, t), t))
    assert t.quant is not None
    info = np.iinfo(t.numpy)
    low, high = (float((v - t.quant.zero_point[0]) * t.quant.scale[0]) for v in (info.min, info.max))
    half = t.quant.scale[0] / 2
    s.clipped += int((((y < low - half) & (y > FAR)) | (y > high + half)).sum())
    s.values += y.size


def _stored(integer: Program, ref: str, inputs: list[np.ndarray], i: int, t: TensorType) -> np.ndarray:
    value = integer.constant(ref)
    return value.reshape(t.shape) if value is not None else to_type(inputs[i], t)


def _real(x: np.ndarray, t: TensorType, like: np.ndarray) -> np.ndarray:
    return to_real(x, t).astype(np.float32).reshape(like.shape)


def _float(exact: Program, f: Function, node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(
            ops.get(node.op).reference(inputs, exact.in_types(f, node), exact.out_types(f, node), node.attrs)[0]
        )


def _row(pair: tuple[Function, Node, Function, Node], s: _Sum) -> LayerAccuracy:
    _, _, f, node = pair
    db: Mapping[str, float] = {k: round(decibels(s.signal, v), 2) for k, v in s.noise.items()}
    return LayerAccuracy(
        node.name,
        node.op,
        f.name,
        f.types[node.outputs[0]].dtype,
        db["all"],
        db["own"],
        db["inputs"],
        db["weights"],
        db["output"],
        s.clipped / max(s.values, 1),
    )
