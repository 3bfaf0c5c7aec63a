"""Sum, difference and product in int8 and int16, as LiteRT's reference kernels compute them, with an optional clamp.

C side: `kernels/pz_arith8.h`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from picozoo.ops._elementwise import Binary, binary_cases, plan_loops
from picozoo.ops._fixed_point import (
    activation_bounds,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    requantize,
)
from picozoo.ops._line8 import VALUES, Line8, line
from picozoo.ops._op import Case, Types
from picozoo.ops.linear import clip_act, float_bounds
from picozoo.specs import QuantParams, TensorType, added


@dataclass(frozen=True)
class ActAttrs:
    """`act`: "none", "relu" or "relu6", applied to the result; `shift`: int16 sums whose scales are powers of two only
    shift the finer input, as LiteRT may.
    """

    act: str = "none"
    shift: bool = added(False)


def tflite_arithmetic(op: str) -> Any:
    """Reader of ADD, SUB and MUL with their fused activation."""

    def read(ctx: Any) -> Any:
        act = ctx.act if ctx.act in ("none", "relu", "relu6") else "none"
        refs = [ctx.ref(0), ctx.ref(1)]
        shift = bool(ctx.options.get("shift")) and _shifts([ctx.type(r) for r in refs], ctx.out()) is not None
        made = ctx.emit(op, refs, ActAttrs(act, shift))
        return ctx.activated(made, "none" if act == ctx.act else ctx.act)

    return read


def _shifts(ins: Types, y: TensorType) -> list[int] | None:
    """Bits by which each input is shifted right, if a sum in int16 needs no more than that of one of them."""
    if y.dtype != "i16" or any(t.quant is None for t in (*ins, y)):
        return None
    powers = [math.log2(_scale(t)) for t in (*ins, y)]
    bits = [powers[2] - p for p in powers[:2]]
    fits = all(p == int(p) for p in powers) and min(bits) == 0 and max(bits) < 16
    return [int(b) for b in bits] if fits else None


class Arithmetic(Binary):
    """A subclass gives `name`, `fn` and, for the integer form, `terms` and `combine`."""

    Attrs = ActAttrs
    quant_rule = "follow"
    dtypes: ClassVar[tuple[str, ...]] = ("f32", "i8", "u8", "i16", "i32", "i64")

    def quant_inputs(self, ins: Types, attrs: ActAttrs) -> dict[int, str]:
        return {0: "act", 1: "act"}

    def lowers(self, ins: Types, outs: Types, attrs: ActAttrs) -> bool:
        types = (*ins, outs[0])
        if not all(t.dtype == ins[0].dtype and t.quant is not None and t.quant.per_tensor for t in types):
            return False
        return ins[0].dtype == "i8" or (ins[0].dtype == "i16" and not any(_zero(t) for t in types))

    def bounds(
        self, low: list[np.ndarray], high: list[np.ndarray], ins: Types, outs: Types, attrs: ActAttrs
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Sums and products have their ends at the ends of the inputs."""
        if outs[0].quant is None or not self.lowers(ins, outs, attrs):
            return None
        wide = [
            self.integers(a.astype(np.int64) - _zero(ins[0]), b.astype(np.int64) - _zero(ins[1]), ins, outs[0], attrs)
            for a in (low[0], high[0])
            for b in (low[1], high[1])
        ]
        if any(np.abs(acc).max(initial=0) >= 1 << (31 - max(s, 0)) for acc, _, s in wide):
            return None  # a sum that wraps round has its ends anywhere
        corners = [self.reference([a, b], ins, outs, attrs)[0] for a in (low[0], high[0]) for b in (low[1], high[1])]
        return np.minimum.reduce(corners), np.maximum.reduce(corners)

    @abstractmethod
    def integers(
        self, a: np.ndarray, b: np.ndarray, ins: Types, y: TensorType, attrs: ActAttrs
    ) -> tuple[np.ndarray, int, int]:
        """Accumulators of the integer form from values less their zero points, and the factor to the output."""

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: ActAttrs) -> list[np.ndarray]:
        y = outs[0]
        if y.quant is None:
            made = self.fn(args[0], args[1])
            return [clip_act(made, attrs.act) if y.is_float else made]
        a, b = (v.astype(np.int64) - _zero(t) for v, t in zip(args, ins, strict=True))
        acc, m, s = self.integers(a, b, ins, y, attrs)
        return [requantize(acc, m, s, _zero(y), *limits(y, attrs.act))]

    def in_order(self, ins: Types, y: TensorType, attrs: ActAttrs) -> bool:
        """Can the kernel of the integer form simply walk along both operands?"""
        return False

    def line(self, ins: Types, y: TensorType, attrs: ActAttrs) -> Line8 | None:
        """What gives the same bits as rounding as LiteRT does, if it is found; see ops/_line8.py."""
        return None

    @abstractmethod
    def literal(self, ins: Types, y: TensorType, attrs: ActAttrs) -> str:
        """The `pz_arith8_args` literal."""

    def emit(self, call: Any) -> str:
        loops = plan_loops(call.outs[0].shape, call.ins[0].shape, call.ins[1].shape)
        where = (call.x(0), call.x(1), call.y(), *loops.args)
        if call.outs[0].quant is not None:
            args = self.literal(call.ins, call.outs[0], call.attrs)
            n, tiles = call.outs[0].size, "tile16" in call.target.features and call.outs[0].dtype == "i8"
            header = "pz_arith8_tile16.h" if tiles else "pz_arith8.h"
            if found := self.line(call.ins, call.outs[0], call.attrs):
                form = "_high" if found.high else "_tile16" if tiles else ""
                literal = found.literal(*limits(call.outs[0], call.attrs.act))
                return call.run(f"pz_add_i8_line{form}", *where[:3], n, literal, header=header)
            if tiles and self.in_order(call.ins, call.outs[0], call.attrs):
                sign = 1 if self.name == "add" else -1
                return call.run("pz_sum8_tile16", *where[:3], n, sign, args, header=header)
            return call.run(f"pz_{self.name}_q{8 if call.outs[0].dtype == 'i8' else 16}", *where, args)
        if call.attrs.act != "none":
            return call.run(f"pz_{self.name}_clip_f32", *where, *float_bounds(call))
        return call.run(f"pz_{self.name}_{call.ins[0].dtype}", *where)


class Sum8(Arithmetic):
    """ADD and SUB: both inputs are brought to a common scale, twice the larger one, with `left` bits below it."""

    sign: ClassVar[int] = 1

    def _factors(self, ins: Types, y: TensorType, attrs: ActAttrs) -> list[tuple[int, int]]:
        if attrs.shift and (bits := _shifts(ins, y)) is not None:
            return [*((1 << 30, -14 - b) for b in bits), (1 << 30, 1)]
        a, b = np.float64(_scale(ins[0])), np.float64(_scale(ins[1]))
        twice = 2 * max(a, b)
        return [quantize_multiplier(float(v)) for v in (a / twice, b / twice, twice / ((1 << left(y)) * _scale(y)))]

    def integers(
        self, a: np.ndarray, b: np.ndarray, ins: Types, y: TensorType, attrs: ActAttrs
    ) -> tuple[np.ndarray, int, int]:
        first, second, (m, s) = self._factors(ins, y, attrs)
        wide_a = multiply_by_quantized_multiplier(a << left(y), *first)
        return wide_a + self.sign * multiply_by_quantized_multiplier(b << left(y), *second), m, s

    def literal(self, ins: Types, y: TensorType, attrs: ActAttrs) -> str:
        (ma, sa), (mb, sb), (m, s) = self._factors(ins, y, attrs)
        return _literal(ins, y, attrs, (ma, sa, mb, sb, m, s, int(self._small(ins, y, attrs))))

    def _small(self, ins: Types, y: TensorType, attrs: ActAttrs) -> bool:
        shifts = [s for _, s in self._factors(ins, y, attrs)]
        return min(shifts) >= -28 and max(shifts) <= 0

    def in_order(self, ins: Types, y: TensorType, attrs: ActAttrs) -> bool:
        return ins[0].shape == ins[1].shape == y.shape and self._small(ins, y, attrs)

    def line(self, ins: Types, y: TensorType, attrs: ActAttrs) -> Line8 | None:
        if self.sign < 0 or y.dtype != "i8" or not ins[0].shape == ins[1].shape == y.shape:
            return None
        one, a, b = (t.with_(shape=(1,)) for t in (y, *ins))
        return _line(self, a, b, one, attrs)


@lru_cache
def _line(op: Sum8, a: TensorType, b: TensorType, y: TensorType, attrs: ActAttrs) -> Line8 | None:
    pairs = np.broadcast_arrays(VALUES[:, None], VALUES[None])
    wanted = op.reference(list(pairs), (a, b), (y,), attrs)[0]
    return line(wanted, _scale(a) / _scale(y), _scale(b) / _scale(y), *limits(y, attrs.act))


def limits(y: TensorType, act: str) -> tuple[int, int]:
    """Least and largest integer of a result after its activation."""
    return activation_bounds(act, _scale(y), _zero(y), y.dtype)


def _literal(ins: Types, y: TensorType, attrs: ActAttrs, factors: tuple[int, ...]) -> str:
    lo, hi = limits(y, attrs.act)
    fields = (_zero(ins[0]), _zero(ins[1]), *factors, _zero(y), lo, hi)
    return f"(pz_arith8_args){{{', '.join(map(str, fields))}}}"


class Product8(Arithmetic):
    """MUL: the factor is computed in float32, as LiteRT does."""

    def _factor(self, ins: Types, y: TensorType) -> tuple[int, int]:
        a, b, c = (np.float32(_scale(t)) for t in (*ins, y))
        return quantize_multiplier(float(a * b / c))

    def integers(
        self, a: np.ndarray, b: np.ndarray, ins: Types, y: TensorType, attrs: ActAttrs
    ) -> tuple[np.ndarray, int, int]:
        return a * b, *self._factor(ins, y)

    def literal(self, ins: Types, y: TensorType, attrs: ActAttrs) -> str:
        m, s = self._factor(ins, y)
        return _literal(ins, y, attrs, (0, 0, 0, 0, m, s, int(-28 <= s <= 0)))


def left(t: TensorType) -> int:
    """Bits by which sums and differences are widened before they are scaled."""
    return 20 if t.dtype == "i8" else 15


def _scale(t: TensorType) -> float:
    assert t.quant is not None
    return t.quant.scale[0]


def _zero(t: TensorType) -> int:
    assert t.quant is not None
    return t.quant.zero_point[0]


def arithmetic_cases() -> tuple[Case, ...]:
    """Plain types, fused activations in float, and int8 with either scale the larger and with activations."""
    qa, qb, qy = QuantParams.tensor(0.05, 7), QuantParams.tensor(0.013, -30), QuantParams.tensor(0.04, -5)
    shapes = (((2, 3, 4), (4,)), ((7,), (7,)), ((1, 3, 3, 2), (1, 1, 1, 2)), ((5,), ()), ((1, 5, 2), (1, 5, 1)))
    found = [Case((TensorType((3, 4)), TensorType((4,))), ActAttrs(a)) for a in ("relu", "relu6")]
    for k, (a, b) in enumerate(shapes):
        q, r = (qa, qb) if k % 2 else (qb, qa)
        y = TensorType(a, "i8", qy)
        act = ("none", "relu", "relu6")[k % 3]
        found.append(Case((TensorType(a, "i8", q), TensorType(b, "i8", r)), ActAttrs(act), (y,)))
    coarse = QuantParams.tensor(1.9, 0)  # output much coarser than the inputs, and much finer
    fine = QuantParams.tensor(0.0004, 3)
    for q in (coarse, fine):
        ins = (TensorType((9,), "i8", qa), TensorType((9,), "i8", qa))
        found.append(Case(ins, ActAttrs(), (TensorType((9,), "i8", q),)))
    wa, wb, wy = (QuantParams.tensor(v) for v in (0.0002, 0.00007, 0.0004))
    for a, b, act in (((2, 3, 4), (4,), "none"), ((7,), (7,), "relu"), ((5,), (), "relu6")):
        ins = (TensorType(a, "i16", wa), TensorType(b, "i16", wb))
        found.append(Case(ins, ActAttrs(act), (TensorType(a, "i16", wy),)))
    ins = (TensorType((9,), "i16", QuantParams.tensor(2.0**-12)), TensorType((9,), "i16", QuantParams.tensor(2.0**-15)))
    found.append(Case(ins, ActAttrs("none", True), (ins[0],)))
    plain = binary_cases(("f32", "i32", "i8"))
    return (*(Case(c.ins, ActAttrs(), low=c.low, high=c.high) for c in plain), *found)
