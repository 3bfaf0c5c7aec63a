"""Depthwise convolution by planes: one channel after the other is copied to a small plane of int16, padded once.

C side: `pz_conv2d_i8_depthwise` in `kernels/pz_conv2d.h`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from picozoo.ops import _matmul8 as m8
from picozoo.ops._fold import fold
from picozoo.ops._op import Types
from picozoo.specs import TensorType

if TYPE_CHECKING:
    from picozoo.ops._conv import Conv2dAttrs


@dataclass(frozen=True)
class Plane:
    """How a depthwise convolution walks a channel: `turned` makes height the inner dimension; see pz_conv2d.h.

    Behind the two dimensions' sizes come those of the window, the strides and the dilation.
    """

    turned: bool
    no: int
    ni: int
    oo: int
    oi: int
    po: int
    pi: int
    rows: int
    row: int
    ko: int
    ki: int
    so: int
    si: int
    fo: int
    fi: int


def takes(ins: Types, attrs: Conv2dAttrs) -> bool:
    """One or more weight planes a channel, strides up to 2."""
    return ins[1].shape[3] == 1 and 1 < attrs.groups == ins[0].shape[3] and max(attrs.stride) <= 2


def plane(ins: Types, y: TensorType, attrs: Conv2dAttrs) -> Plane:
    """How the kernel walks a channel, and how large its plane is."""
    (_, h, w, _), (_, oh, ow, _), (_, kh, kw, _) = ins[0].shape, y.shape, ins[1].shape
    turned = (oh & 1, -oh) < (ow & 1, -ow)  # even before odd, then long before short: outputs are made in pairs

    def order(height: int, width: int) -> tuple[int, int]:
        return (width, height) if turned else (height, width)

    (no, ni), (oo, oi), (ko, ki) = order(h, w), order(oh, ow), order(kh, kw)
    (so, si), (po, pi), (fo, fi) = order(*attrs.stride), order(attrs.pad[0], attrs.pad[2]), order(*attrs.dilation)
    rows, row = (oo - 1) * so + (ko - 1) * fo + 1, (oi - 1) * si + (ki - 1) * fi + 2
    row += row & 1
    return Plane(turned, min(no, rows - po), min(ni, row - pi), oo, oi, po, pi, rows, row, ko, ki, so, si, fo, fi)


def scratch(ins: Types, y: TensorType, attrs: Conv2dAttrs) -> int:
    """Bytes of the plane and, but for 3 x 3, of a channel's weights behind it."""
    p = plane(ins, y, attrs)
    words = 0 if (p.ko, p.ki) == (3, 3) else p.ko * (p.ki // 2 + (p.ki - 1) // 2 + (p.ki == 1))
    return 2 * p.rows * p.row + 4 * words


def emit(call: Any, weights: np.ndarray, folded: np.ndarray, r: m8.Requant) -> str:
    """The call of the kernel; folded: (out,) biases with the input's zero point in them."""
    p, (n, h, w, c), (_, oh, ow, o) = (
        plane(call.ins, call.outs[0], call.attrs),
        *(t.shape for t in (call.ins[0], call.outs[0])),
    )
    q = m8.requant_literal(call, folded, r, weights, fold(weights, folded, r))
    xs, ys = (w * c, c), (ow * o, o)
    if p.turned:
        weights, xs, ys = weights.transpose(0, 2, 1, 3), xs[::-1], ys[::-1]
    table = call.table("weights", np.ascontiguousarray(weights).reshape(-1))
    sizes = (n, h * w * c, oh * ow * o, c, o // c, p.ko, p.ki, p.no, p.ni, *xs, p.oo, p.oi, *ys)
    steps = (p.so, p.si, p.po, p.pi, p.fo, p.fi, p.rows, p.row)
    where = (call.x(0), table, call.y(), call.scratch("pz_i16"))
    code: str = call.run("pz_conv2d_i8_depthwise", *where, *sizes, *steps, r.x_zero, q)
    return code
