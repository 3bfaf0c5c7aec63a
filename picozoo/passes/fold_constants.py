"""Computes nodes whose inputs are all constants, once, here.

Not folded: results larger than `LIMIT` bytes that grew (an expanded constant costs flash), and quantised forms of
weights, which `lower_qdq` must still see as dequantize nodes.
"""

from __future__ import annotations

import numpy as np

from picozoo import ops
from picozoo.ir.program import Program, rewire
from picozoo.specs import Target

LIMIT = 4096
_KEEP = ("while_loop", "dequantize", "copy")


def run(program: Program, target: Target) -> Program:
    """A program where no foldable node reads only constants."""
    program = program.copy()
    for f in program.functions.values():
        mapping: dict[str, str] = {}
        kept = []
        for node in f.nodes:
            inputs = [mapping.get(r, r) for r in node.inputs]
            if node.op in _KEEP or not inputs or any(r[0] != "@" for r in inputs):
                kept.append(node)
                continue
            ins, outs = [program.constant_types[r] for r in inputs], program.out_types(f, node)
            if sum(t.nbytes for t in outs) > max(LIMIT, sum(t.nbytes for t in ins)):
                kept.append(node)
                continue
            with np.errstate(all="ignore"):
                arrays = ops.get(node.op).reference([program.constants[r] for r in inputs], ins, outs, node.attrs)
            for ref, t, a in zip(node.outputs, outs, arrays, strict=True):
                mapping[ref] = program.add_constant(ref, np.asarray(a).astype(t.numpy).reshape(t.shape), t)
        f.nodes = kept
        rewire(f, mapping)
    return program
