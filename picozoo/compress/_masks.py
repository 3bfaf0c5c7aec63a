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
from picozoo.compress.ranges import Seen
from picozoo.ir.program import Function, Node, Program
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
        for k, node in enumerate(f.nodes):
            values = [program.constant(r) for r in node.inputs] if node.op == "add" else []
            at = next((i for i, v in enumerate(values) if v is not None and (v <= FAR).any() and (v > FAR).any()), None)
            after = _until_softmax(f, node) if at is not None else None
            if at is None or after is None or (f.name, node.inputs[1 - at]) not in seen:
                continue
            mask, scores = values[at], seen[f.name, node.inputs[1 - at]]
            assert mask is not None
            lowest = scores.low + float(mask[mask > FAR].min()) - BELOW
            made = np.where(mask > FAR, mask, np.float32(lowest - scores.high))
            inputs = list(node.inputs)
            inputs[at] = program.add_constant(f"{node.name}.mask", made, TensorType(made.shape))
            f.nodes[k] = replace(node, inputs=tuple(inputs))
            for ref in after:
                found[f.name, ref] = _above(seen[f.name, ref], lowest)
    return found


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
