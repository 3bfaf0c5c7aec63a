"""Functions that recurrent layers put their sums through, ONNX's all, in float and in fixed point. C: `pz_gate.h`.

In fixed point sums are int16. Those of sigmoid and tanh have 12 fraction bits, for both are flat beyond 8. Those of a
function that goes on have as many as leave room for the largest sum that inputs and weights can give; it is computed
from them, so nothing has to be calibrated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._fixed_point import rounding_shift_right
from picozoo.ops._lut16 import sigmoid_table
from picozoo.ops.lstm_cell import sigmoid_q15, tanh_q15

# Name -> default alpha and beta, as ONNX has them. The places are the numbers of the functions in C.
FUNCTIONS: dict[str, tuple[float, ...]] = {
    "tanh": (),
    "relu": (),
    "sigmoid": (),
    "affine": (1.0, 0.0),
    "leakyrelu": (0.01,),
    "thresholdedrelu": (1.0,),
    "scaledtanh": (1.0, 1.0),
    "hardsigmoid": (0.2, 0.5),
    "elu": (1.0,),
    "softsign": (),
    "softplus": (),
}
_NUMBERS = {name: k for k, name in enumerate(FUNCTIONS)}
_LINES, _TABLE = 3, 4  # numbers in C of what several functions share in fixed point
_LEAST, _MOST = 8, 12  # fraction bits of sums


@dataclass(frozen=True)
class Gate:
    """A function and its two numbers, which mean what they mean in ONNX."""

    name: str
    alpha: float = 0.0
    beta: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in FUNCTIONS:
            raise Unsupported(f"a recurrent layer with activation {self.name!r}; use {', '.join(FUNCTIONS)}")

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The function in float."""
        a, b = self.alpha, self.beta
        with np.errstate(over="ignore"):
            forms: dict[str, Callable[[], np.ndarray]] = {
                "tanh": lambda: np.tanh(x),
                "relu": lambda: np.maximum(x, 0),
                "sigmoid": lambda: 1 / (1 + np.exp(-x)),
                "affine": lambda: a * x + b,
                "leakyrelu": lambda: np.where(x > 0, x, a * x),
                "thresholdedrelu": lambda: np.where(x > a, x, 0),
                "scaledtanh": lambda: a * np.tanh(b * x),
                "hardsigmoid": lambda: np.clip(a * x + b, 0, 1),
                "elu": lambda: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0))),
                "softsign": lambda: x / (1 + np.abs(x)),
                "softplus": lambda: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
            }
            return forms[self.name]()

    @property
    def flat(self) -> float:
        """The size of a sum beyond which the function no longer changes; infinite for one that goes on."""
        if self.name in ("tanh", "sigmoid"):
            return 8.0
        if self.name == "scaledtanh":
            return 8 / max(abs(self.beta), 1e-6)
        if self.name == "hardsigmoid" and self.alpha:
            return max(abs(self.beta), abs(1 - self.beta)) / abs(self.alpha)
        return math.inf

    def sum_bits(self, most: float) -> int:
        """Fraction bits of sums that are at most so large; the larger ones are cut."""
        reach = max(min(most, self.flat), 1e-6)
        return min(_MOST, max(_LEAST, 15 - math.ceil(math.log2(reach))))

    def literal(self, call: Any) -> str:
        """The arguments of `pz_gatef` behind the sum."""
        return f"{_NUMBERS[self.name]}, {call.literal(float(self.alpha))}, {call.literal(float(self.beta))}"


def gates(attrs: Any) -> list[Gate]:
    """The functions of a layer with the attributes `acts` and, if any of them has numbers, `alpha` and `beta`."""
    n = len(attrs.acts)
    alpha, beta = attrs.alpha or (0.0,) * n, attrs.beta or (0.0,) * n
    if not len(alpha) == len(beta) == n:
        raise Unsupported(f"{n} activations with {len(alpha)} values of alpha and {len(beta)} of beta")
    return [Gate(*v) for v in zip(attrs.acts, alpha, beta, strict=True)]


class Fixed:
    """A function of int16 sums with `bits` fraction bits; its values are int16 with `out` fraction bits.

    Args:
        share: values are parts of something, so that 1 less a value must fit as well.
        clip: limit of the sums, 0 for none.
    """

    def __init__(self, gate: Gate, bits: int, *, share: bool = False, clip: float = 0.0) -> None:
        self.gate, self.bits = gate, bits
        self.clip = min(int(np.rint(clip * 2.0**bits)), 32767) if clip else 0
        reach = np.float64(2.0 ** (15 - bits))
        ends = gate(np.linspace(-reach, reach, 513))
        most = float(max(np.abs(ends).max(), np.abs(1 - ends).max() if share else 0, 2.0**-15))
        self.down, name = 0, gate.name
        self.out = min(15, max(_LEAST, 15 - math.ceil(math.log2(most) - 1e-9)))
        self.lines: tuple[int, ...] = (0,) * 7
        self.values = np.zeros(1, np.int16)
        if name == "relu":
            self.number, self.out = 1, bits
        elif name in ("tanh", "sigmoid", "softsign"):
            self.number = 5 if name == "softsign" else _NUMBERS[name]
            self.down = int(share and name != "sigmoid")
            self.out = 15 - self.down
        elif name in ("affine", "leakyrelu", "thresholdedrelu", "hardsigmoid"):
            self.number, self.lines = _LINES, self._lines()
        else:
            self.number = _TABLE
            # from -8 to 8, or as far as the function changes; it needs two steps a place at least
            wide = max(-4, min(7, math.ceil(math.log2(gate.flat / 8)))) if math.isfinite(gate.flat) else 0
            shift = bits - 4 + wide
            self.lines = (0, 0, max(1, shift), max(0, 1 - shift), 0, 0, 0)
            at = np.arange(-128, 129) / 16 * 2.0**wide
            self.values = np.clip(np.rint(gate(at) * 2.0**self.out), -32768, 32767).astype(np.int16)

    def _lines(self) -> tuple[int, ...]:
        """Slopes below and above a place, their shift, the place, what is added, and the limits."""
        g, name = self.gate, self.gate.name
        one = 2.0**self.out
        below = {"leakyrelu": g.alpha, "thresholdedrelu": 0.0}.get(name, g.alpha)
        above = 1.0 if name in ("leakyrelu", "thresholdedrelu") else g.alpha
        by = 2.0 ** (self.out - self.bits)
        steep = max(abs(below), abs(above), 2.0**-15) * by
        shift = max(1, min(30, 14 - math.ceil(math.log2(steep))))
        slopes = [int(np.clip(np.rint(v * by * 2.0**shift), -32768, 32767)) for v in (below, above)]
        place = math.floor(g.alpha * 2.0**self.bits) if name == "thresholdedrelu" else 0
        more = int(np.rint(g.beta * one)) if name in ("affine", "hardsigmoid") else 0
        least, most = (0, min(32767, int(one))) if name == "hardsigmoid" else (-32768, 32767)
        return *slopes, shift, max(-32768, min(32767, place)), more, least, most

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The function of int16 values, in integers."""
        x = np.clip(x, -self.clip, self.clip) if self.clip else x
        x = x.astype(np.int64)
        if self.number == 1:
            return np.maximum(x, 0)
        if self.number == _LINES:
            below, above, shift, place, more, least, most = self.lines
            y = ((x * np.where(x > place, above, below) + (1 << (shift - 1))) >> shift) + more
            return np.clip(y, least, most)
        if self.number == _TABLE:
            s, lift = self.lines[2:4]
            x = np.clip(x << lift, -32768, 32767)
            at = np.clip(x >> s, -128, 127)
            low, high = self.values.astype(np.int64)[at + 128], self.values.astype(np.int64)[at + 129]
            return np.clip(low + (((high - low) * (x - (at << s)) + (1 << (s - 1))) >> s), -32768, 32767)
        if self.number == 5:
            under = (1 << self.bits) + np.abs(x)
            y = np.sign(x) * ((np.abs(x) * 32768 + (under >> 1)) // under)
        else:
            wide = np.clip(x << max(12 - self.bits, 0), -32768, 32767)
            wide = rounding_shift_right(wide, max(self.bits - 12, 0))
            y = tanh_q15(wide) if self.number == 0 else sigmoid_q15(wide)
        return rounding_shift_right(y, self.down)

    def literal(self, call: Any, tag: str) -> str:
        """The `pz_gate_args` literal; `tag`: names its table."""
        squash = call.table("sigmoid", sigmoid_table().astype(np.uint16)) if self.number in (0, 2) else "NULL"
        values = call.table(f"v{tag}", self.values) if self.number == _TABLE else "NULL"
        numbers = (self.number, self.bits, self.out, self.down, self.clip, *self.lines)
        return f"(pz_gate_args){{{squash}, {values}, {', '.join(str(v) for v in numbers)}}}"


def most_of_rows(parts: Sequence[tuple[Any, np.ndarray]], biases: Sequence[np.ndarray], gate: int) -> np.ndarray:
    """For each gate the largest sum that its rows can have, whatever the inputs.

    Args:
        parts: (type of an input, real weights (gates * H, K) of it); biases: real, (gates * H,).
        gate: how many rows a gate has.
    """
    total = sum((np.abs(b.astype(np.float64)) for b in biases), np.zeros(()))
    for t, w in parts:
        info, zero = np.iinfo(t.numpy), t.quant.zero_point[0]
        total = total + np.abs(w).sum(1) * t.quant.scale[0] * max(info.max - zero, zero - info.min)
    return np.asarray(total.reshape(-1, gate).max(1))


__all__ = ["FUNCTIONS", "Fixed", "Gate", "gates", "most_of_rows"]
