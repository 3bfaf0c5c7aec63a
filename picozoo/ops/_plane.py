"""Depthwise convolution by planes: one channel after the other is copied to a small plane of int16, padded once.

C side: `kernels/pz_depthwise.h`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np

from picozoo.ops import _matmul8 as m8
from picozoo.ops._fold import fold
from picozoo.ops._op import Types
from picozoo.specs import TensorType

if TYPE_CHECKING:
    from picozoo.ops._conv import Conv2dAttrs


@dataclass(frozen=True)
class Axis:
    """One dimension of a channel's plane, which holds every `grid`-th place of the padded input.

    Args:
        n: inputs in the plane, every `grid`-th from `start` on; the first one lies at `at`.
        out: outputs.
        k: weights.
        step: places of the plane from one output's window to the next one's.
        far: places from one weight's input to the next one's.
        places: how many windows reach.
    """

    n: int
    start: int
    grid: int
    at: int
    out: int
    k: int
    step: int
    far: int
    places: int


def axis(n: int, out: int, k: int, stride: int, dilation: int, before: int) -> Axis:
    """How a dimension of n inputs with `before` places of padding lies in the plane.

    Example:
        >>> axis(9, 3, 3, 2, 4, 1)  # windows at 0, 2, 4 of every 4th place: only even places count
        Axis(n=4, start=1, grid=2, at=1, out=3, k=3, step=1, far=2, places=7)
    """
    grid = gcd(stride, dilation) if k > 1 else stride
    step, far = stride // grid, dilation // grid if k > 1 else 1
    places, at = (out - 1) * step + (k - 1) * far + 1, -(-before // grid)
    start = at * grid - before
    return Axis(max(0, min(-(-(n - start) // grid), places - at)), start, grid, at, out, k, step, far, places)


@dataclass(frozen=True)
class Plane:
    """How a depthwise convolution walks a channel: `turned` makes height the inner dimension; see pz_depthwise.h.

    `phases`: parts of a row of the plane, each every so many-th value of it; `row`: int16 of one. 1 if the inner
    dimension is not dilated, or dilated and strided so that parts do not help.
    """

    turned: bool
    outer: Axis
    inner: Axis
    phases: int
    row: int

    @property
    def far(self) -> int:
        """Places from one weight's input to the next one's, along a row."""
        return self.inner.far if self.phases == 1 else 1


def takes(ins: Types, attrs: Conv2dAttrs) -> bool:
    """One or more weight planes a channel, strides up to 2."""
    return ins[1].shape[3] == 1 and 1 < attrs.groups == ins[0].shape[3] and max(attrs.stride) <= 2


def plane(ins: Types, y: TensorType, attrs: Conv2dAttrs) -> Plane:
    """How the kernel walks a channel, and how large its plane is."""
    (_, h, w, _), (_, oh, ow, _), (_, kh, kw, _) = ins[0].shape, y.shape, ins[1].shape
    turned = (oh & 1, -oh) < (ow & 1, -ow)  # even before odd, then long before short: outputs are made in pairs
    height = axis(h, oh, kh, attrs.stride[0], attrs.dilation[0], attrs.pad[0])
    width = axis(w, ow, kw, attrs.stride[1], attrs.dilation[1], attrs.pad[2])
    outer, inner = (width, height) if turned else (height, width)
    phases = inner.far if inner.step == 1 else 1
    row = -(-inner.places // phases) + 1  # an odd last output is computed as one of two
    return Plane(turned, outer, inner, phases, row + (row & 1))


def scratch(ins: Types, y: TensorType, attrs: Conv2dAttrs) -> int:
    """Bytes of the plane and, but for 3 x 3, of a channel's weights behind it."""
    p = plane(ins, y, attrs)
    ko, ki = p.outer.k, p.inner.k
    words = 0 if (ko, ki) == (3, 3) else ko * (ki // 2 + (ki - 1) // 2 + (ki == 1))
    return 2 * p.outer.places * p.phases * p.row + 4 * words


def emit(call: Any, weights: np.ndarray, folded: np.ndarray, r: m8.Requant) -> str:
    """The call of the kernel; folded: (out,) biases with the input's zero point in them."""
    p, (n, h, w, c), (_, oh, ow, o) = (
        plane(call.ins, call.outs[0], call.attrs),
        *(t.shape for t in (call.ins[0], call.outs[0])),
    )
    q = m8.requant_literal(call, folded, r, weights, fold(weights, folded, r))
    (xo, xi), (yo, yi) = (w * c, c), (ow * o, o)
    if p.turned:
        weights, (xo, xi), (yo, yi) = weights.transpose(0, 2, 1, 3), (xi, xo), (yi, yo)
    table, a, b = call.table("weights", np.ascontiguousarray(weights).reshape(-1)), p.outer, p.inner
    sizes = (n, h * w * c, oh * ow * o, c, o // c, a.k, b.k, a.n, b.n)
    places = (a.start * xo + b.start * xi, a.grid * xo, b.grid * xi, a.at, b.at, a.out, b.out, yo, yi)
    steps = (a.step, b.step, a.far, p.far, p.phases, a.places, p.row)
    where = (call.x(0), table, call.y(), call.scratch("pz_i16"))
    run = (*where, *sizes, *places, *steps, r.x_zero, q)
    return str(call.run("pz_depthwise_i8", *run, header="pz_depthwise.h"))
