"""Makes transposed convolutions over images of ordinary ones, so that they have all of their forms, int8 included.

With stride s, every s-th output is made with the same weights. So one convolution with s * s times the channels, over
windows of kernel / s rounded up, computes the outputs of s * s places at once; these are then moved apart:

    [N, H, W, C] -> conv2d [N, H', W', s * s * O] -> [N, s * H', s * W', O] -> cut to the size of the output

No product is with a zero but those of kernels that stride does not divide. Moving apart takes RAM and copies twice, so
in float the gathering loop of `conv_transpose` is better. What stays as it is: three dimensions, dilation, weights that
change.

Source: Shi and others, Is the deconvolution layer the same as a convolutional layer?, 2016.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from picozoo import ops
from picozoo.ir.program import Function, Node, Program, rewire
from picozoo.ops._conv import Conv2dAttrs
from picozoo.ops.reshape import ReshapeAttrs
from picozoo.ops.slice import SliceAttrs
from picozoo.ops.transpose import TransposeAttrs
from picozoo.specs import Target, TensorType


def run(program: Program, target: Target) -> Program:
    """A program without transposed convolutions over images with constant weights."""
    program = program.copy()
    for f in program.functions.values():
        while _one(program, f):
            pass
    return program


def _one(program: Program, f: Function) -> bool:
    for node in f.nodes:
        if node.op != "conv_transpose":
            continue
        weights = program.constant(node.inputs[1])
        bias = program.constant(node.inputs[2]) if len(node.inputs) > 2 else None
        if weights is not None and (bias is not None or len(node.inputs) == 2) and _flat(node, weights):
            _Chain(program, f, node).write(weights.reshape(weights.shape[0], *weights.shape[-3:]), bias)
            return True
    return False


def _flat(node: Node, weights: np.ndarray) -> bool:
    """Is it over an image, its window without gaps?"""
    a = node.attrs
    kernel = weights.shape[1] if weights.ndim == 5 else 1
    return (kernel, a.stride[0], a.before[0], a.out[0]) == (1, 1, 0, 1) and set(a.dilation) == {1}


@dataclass(frozen=True)
class _Side:
    """One dimension: taps of a window, padding of the convolution, and what is cut off its moved-apart output."""

    taps: int
    before: int
    after: int
    cut: int


def _side(size: int, kernel: int, stride: int, before: int, out: int) -> _Side:
    """Window j reads inputs j - taps + 1 ... j and makes outputs j * stride - before and the stride - 1 after it."""
    taps = -(-kernel // stride)
    first = min(before // stride, taps - 1)
    last = max((before + out - 1) // stride, size - 1)
    return _Side(taps, taps - 1 - first, last - (size - 1), before - first * stride)


class _Chain:
    """Puts the nodes in the place of one."""

    def __init__(self, program: Program, f: Function, node: Node) -> None:
        self.program, self.f, self.node = program, f, node
        self.nodes: list[Node] = []

    def write(self, w: np.ndarray, bias: np.ndarray | None) -> None:
        """From weights [O, KH, KW, C / groups]."""
        a, (o, kh, kw, c), g = self.node.attrs, w.shape, self.node.attrs.groups
        x = self.program.type_of(self.f, self.node.inputs[0])
        n, *size = (x.shape[0], *x.shape[-3:-1])
        step, out = a.stride[1:], a.out[1:]
        high, wide = (_side(*v) for v in zip(size, (kh, kw), step, a.before[1:], out, strict=True))
        spread = np.zeros((o, high.taps * step[0], wide.taps * step[1], c), np.float32)
        spread[:, :kh, :kw] = w
        # (group, its output, tap, place, tap, place, C / groups) -> windows of each place, the first tap last
        places = spread.reshape(g, o // g, high.taps, step[0], wide.taps, step[1], c)[:, :, ::-1, :, ::-1]
        made = places.transpose(0, 3, 5, 1, 2, 4, 6).reshape(-1, high.taps, wide.taps, c)
        refs = [self._emit("reshape", "image", [self.node.inputs[0]], ReshapeAttrs((n, *size, x.shape[-1])))]
        refs.append(self._constant(self.node.inputs[1], made))
        if bias is not None:
            each = np.broadcast_to(bias.reshape(g, 1, o // g), (g, step[0] * step[1], o // g))
            refs.append(self._constant(self.node.inputs[2], each.reshape(-1)))
        pad = (high.before, high.after, wide.before, wide.after)
        y = self._emit("conv2d", "", refs, Conv2dAttrs(pad=pad, groups=g, act=a.act))
        _, h, width, _ = self.f.types[y].shape
        if step != (1, 1):
            y = self._emit("reshape", "places", [y], ReshapeAttrs((n, h, width, g, *step, o // g)))
            y = self._emit("transpose", "apart", [y], TransposeAttrs((0, 1, 4, 2, 5, 3, 6)))
            y = self._emit("reshape", "whole", [y], ReshapeAttrs((n, h * step[0], width * step[1], o)))
        cut = SliceAttrs((0, high.cut, wide.cut, 0), (n, *out, o), (1, 1, 1, 1))
        y = self._emit("slice", "cut", [y], cut)
        y = self._emit("reshape", "out", [y], ReshapeAttrs(self.f.types[self.node.outputs[0]].shape))
        at = self.f.nodes.index(self.node)
        self.f.nodes[at : at + 1] = self.nodes
        rewire(self.f, {self.node.outputs[0]: y})

    def _emit(self, op: str, name: str, inputs: list[str], attrs: Any) -> str:
        """Append a node, if it changes anything; the reference of its output."""
        types = [self.program.type_of(self.f, r) for r in inputs]
        made = ops.get(op).infer(types, attrs)[0]
        if op in ("reshape", "slice") and made == types[0]:
            return inputs[0]
        label = f"{self.node.name}.{name}" if name else self.node.name
        taken = {n.name for n in (*self.f.nodes, *self.nodes) if n is not self.node}
        while label in taken:
            label += "_"
        ref = self.f.fresh(f"%{label}")
        self.f.types[ref] = made
        self.nodes.append(replace(self.node, op=op, name=label, inputs=tuple(inputs), outputs=(ref,), attrs=attrs))
        return ref

    def _constant(self, hint: str, array: np.ndarray) -> str:
        return self.program.add_constant(hint, np.ascontiguousarray(array), TensorType(array.shape))
