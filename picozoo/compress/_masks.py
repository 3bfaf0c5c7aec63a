"""Masks in front of a softmax, as integers have them: a sum with minus infinity becomes one that is just low enough.

An int8 range that reached from the scores to minus infinity would have no step left for the scores. What is masked only
has to lie so far below every score that its share is nothing: 8 below the lowest one that calibration saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from picozoo import ops
from picozoo.compress._groups import Key
from picozoo.compress.ranges import Seen, affine
from picozoo.ir.program import Function, Node, Program, rewire
from picozoo.ops._op import NoAttrs
from picozoo.ops.quantize import QuantizeAttrs
from picozoo.specs import TensorType

FAR = -1e4  # what is lower is a mask, not a number to compute with
BELOW = 8.0  # e^-8 is less than a tenth of the step of a chance


def as_sums(program: Program) -> None:
    """Write a choice between scores and a very low number, by a constant, as a sum. Changes `program`."""
    for f in program.functions.values():
        for k, node in enumerate(f.nodes):
            chosen = [program.constant(r) for r in node.inputs] if node.op == "where" else []
            if not chosen or chosen[0] is None or (chosen[1] is None) == (chosen[2] is None):
                continue
            fill, masked = (chosen[1], chosen[0]) if chosen[1] is not None else (chosen[2], ~chosen[0])
            moving = node.inputs[2 if chosen[1] is not None else 1]
            if fill is None or fill.dtype != np.float32 or not (fill <= FAR).all():
                continue
            shape = np.broadcast_shapes(masked.shape, fill.shape)
            mask = np.where(masked, np.broadcast_to(fill, shape), np.float32(0))
            ref = program.add_constant(f"{node.name}.mask", mask, TensorType(shape))
            f.nodes[k] = replace(node, op="add", inputs=(moving, ref), attrs=ops.get("add").Attrs())


def soften(program: Program, seen: Mapping[Key, Seen]) -> dict[Key, Seen]:
    """Give masks the number that is just low enough, and their sums the range without them.

    Args:
        program: changed.
        seen: of the program with its masks as they were.

    Returns:
        What would have been seen with the new ones.
    """
    found = dict(seen)
    for f in program.functions.values():
        for node, scores, refs in _sums(program, f):
            if (f.name, scores) in seen:
                lowest, _ = _lower(program, f, node, scores, seen[f.name, scores].low, seen[f.name, scores].high)
                for ref in refs:
                    found[f.name, ref] = _above(seen[f.name, ref], lowest)
    return found


def soften_pairs(program: Program) -> None:
    """The same for scores that are quantised already: their sums get a quantize and a dequantize node. Changes
    `program`."""
    for f in program.functions.values():
        for node, scores, _ in _sums(program, f):
            made = f.producers().get(scores)
            q = program.type_of(f, made.inputs[0]).quant if made is not None and made.op == "dequantize" else None
            if q is None or not q.per_tensor:
                continue
            low, high = ((v - q.zero_point[0]) * q.scale[0] for v in (-128, 127))
            out = node.outputs[0]
            integer, real = f.fresh(f"{out[1:]}.q"), f.fresh(f"{out[1:]}.dq")
            rewire(f, {out: real})
            t = f.types[out]
            f.types |= {
                integer: t.with_(dtype="i8", quant=affine(*_lower(program, f, node, scores, low, high))),
                real: t,
            }
            at = next(k for k, n in enumerate(f.nodes) if n.outputs == node.outputs)
            f.nodes[at + 1 : at + 1] = [
                Node("quantize", f"{node.name}.q", (out,), (integer,), QuantizeAttrs("i8")),
                Node("dequantize", f"{node.name}.dq", (integer,), (real,), NoAttrs()),
            ]


def _sums(program: Program, f: Function) -> list[tuple[Node, str, list[str]]]:
    """Sums of scores with a mask that only softmax reads: the node, the scores, and the values up to the softmax."""
    found = []
    for node in f.nodes:
        values = [program.constant(r) for r in node.inputs] if node.op == "add" else []
        at = next((i for i, v in enumerate(values) if v is not None and (v <= FAR).any() and (v > FAR).any()), None)
        after = _until_softmax(f, node) if at is not None else None
        if at is not None and after is not None:
            found.append((node, node.inputs[1 - at], after))
    return found


def _lower(program: Program, f: Function, node: Node, scores: str, low: float, high: float) -> tuple[float, float]:
    """Write a mask that is just low enough for scores in a range; the range of the sums."""
    at = next(i for i, r in enumerate(node.inputs) if r != scores)
    mask = program.constant(node.inputs[at])
    assert mask is not None
    near = mask[mask > FAR]
    lowest = low + float(near.min()) - BELOW
    made = np.where(mask > FAR, mask, np.float32(lowest - high))
    inputs = list(node.inputs)
    inputs[at] = program.add_constant(f"{node.name}.mask", made, TensorType(made.shape))
    k = next(k for k, n in enumerate(f.nodes) if n.outputs == node.outputs)
    f.nodes[k] = replace(node, inputs=tuple(inputs))
    return lowest, high + float(near.max())


def _until_softmax(f: Function, node: Node) -> list[str] | None:
    """The value of a sum, and where it is moved to, if only softmax reads them."""
    refs = [node.outputs[0]]
    for ref in refs:
        for reader in f.uses().get(ref, []):
            if reader is None or (reader.op != "softmax" and ops.get(reader.op).quant_rule != "same"):
                return None
            if reader.op != "softmax":
                refs += reader.outputs
    return refs


def _above(seen: Seen, low: float) -> Seen:
    samples = [np.maximum(s, np.float32(low)) for s in seen.samples]
    return Seen(max(seen.low, low), max(seen.high, low), samples, seen.count)
