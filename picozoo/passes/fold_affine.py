"""Folds a per-channel multiply and add after a convolution or linear layer into its weights and bias.

This is how batch normalisation disappears (Jacob et al., 2018, section 3.2): capture writes it as mul and add.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from picozoo.ir.program import Function, Node, Program, rewire
from picozoo.passes._match import only_reader
from picozoo.specs import Target

_LAYERS = ("conv2d", "conv_transpose", "linear")  # weights' first dimension = channels of the output


def run(program: Program, target: Target) -> Program:
    """A program where no foldable mul or add with a constant per output channel follows one of `_LAYERS`."""
    program = program.copy()
    for f in program.functions.values():
        while _fold_one(program, f):
            pass
    return program


def _fold_one(program: Program, f: Function) -> bool:
    uses = f.uses()
    for i, node in enumerate(f.nodes):
        if node.op not in _LAYERS or node.attrs.act != "none" or f.types[node.outputs[0]].quant:
            continue
        after = only_reader(f, uses, node.outputs[0])
        weights = program.constant(node.inputs[1])
        if after is None or after.op not in ("mul", "add", "sub") or weights is None or after.attrs.act != "none":
            continue
        vector = _channel_vector(program, f, after, node)
        bias = program.constant(node.inputs[2]) if len(node.inputs) > 2 else np.zeros(weights.shape[0], np.float32)
        if vector is None or bias is None:
            continue
        f.nodes[i] = _folded(program, node, weights, bias, vector, after.op)
        f.nodes.remove(after)
        rewire(f, {after.outputs[0]: node.outputs[0]})
        return True
    return False


def _channel_vector(program: Program, f: Function, after: Node, node: Node) -> np.ndarray | None:
    """The constant operand as one number per channel, if it is that and the layer's output is the first operand."""
    if after.op == "sub" and after.inputs[0] != node.outputs[0]:
        return None
    other = after.inputs[1] if after.inputs[0] == node.outputs[0] else after.inputs[0]
    value, out = program.constant(other), f.types[node.outputs[0]]
    if value is None or value.dtype != np.float32 or f.types[after.outputs[0]] != out:
        return None
    channels = out.shape[-1]
    if value.size == 1:
        return np.full(channels, value.reshape(-1)[0], np.float32)
    if value.size == channels and value.shape[-1] == channels:
        return value.reshape(channels)
    return None


def _folded(program: Program, node: Node, w: np.ndarray, b: np.ndarray, v: np.ndarray, op: str) -> Node:
    if op == "mul":
        w, b = w * v.reshape(-1, *[1] * (w.ndim - 1)), b * v
    else:
        b = b + v if op == "add" else b - v
    t = program.constant_types[node.inputs[1]]
    refs = [node.inputs[0], program.add_constant(node.inputs[1], w, t)]
    refs.append(
        program.add_constant(node.inputs[2] if len(node.inputs) > 2 else f"{node.name}.bias", b, t.with_(shape=b.shape))
    )
    return replace(node, inputs=tuple(refs))
