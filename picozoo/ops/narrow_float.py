"""Rounds to what a narrower float can hold, and keeps it in float32: float16, bfloat16 and four kinds of float8.

Halves go to even. Beyond the largest number: infinity for float16 and bfloat16; for float8 the largest number if
`saturate`, else what the format has for it (infinity or NaN). Source: the tables of the ONNX operator Cast;
Micikevicius et al., "FP8 Formats for Deep Learning", 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._elementwise import Unary
from picozoo.ops._op import Case, Types
from picozoo.specs import TensorType

# name -> (bits of the fraction, smallest exponent, largest number, what lies beyond it when not saturated)
FORMATS: dict[str, tuple[int, int, float, float]] = {
    "float16": (10, -14, 65504.0, np.inf),
    "bfloat16": (7, -126, 3.3895313892515355e38, np.inf),
    "float8e4m3fn": (3, -6, 448.0, np.nan),
    "float8e4m3fnuz": (3, -7, 240.0, np.nan),
    "float8e5m2": (2, -14, 57344.0, np.inf),
    "float8e5m2fnuz": (2, -15, 57344.0, np.nan),
}


@dataclass(frozen=True)
class NarrowFloatAttrs:
    to: str = "float16"
    saturate: bool = True


class NarrowFloat(Unary):
    name = "narrow_float"
    Attrs = NarrowFloatAttrs
    quant_rule = "none"
    cases = tuple(
        Case((TensorType((40,)),), NarrowFloatAttrs(f, s), low=-r, high=r)
        for f, s, r in (
            ("float16", True, 2.0),
            ("bfloat16", True, 300.0),
            ("float8e4m3fn", True, 600.0),
            ("float8e4m3fn", False, 0.02),
            ("float8e5m2", False, 90000.0),
            ("float8e5m2fnuz", True, 1e-4),
        )
    )

    def infer(self, ins: Types, attrs: NarrowFloatAttrs) -> list[TensorType]:
        if attrs.to not in FORMATS:
            raise Unsupported(f"narrow_float to {attrs.to!r}; known: {', '.join(FORMATS)}")
        return super().infer(ins, attrs)

    def fn(self, x: np.ndarray, attrs: NarrowFloatAttrs) -> np.ndarray:
        bits, low, top, beyond = FORMATS[attrs.to]
        wide = x.astype(np.float64)
        _, e = np.frexp(wide)
        step = np.ldexp(1.0, np.maximum(e - 1, low) - bits)
        y = np.where(np.isfinite(wide), np.round(wide / step) * step, wide)
        if attrs.to in ("float16", "bfloat16"):
            y = np.where(np.abs(y) > top, np.sign(y) * np.inf, y)
        elif attrs.saturate:
            y = np.clip(y, -top, top)
        else:
            y = np.where(np.abs(y) > top, np.sign(y) * beyond, y)
        if attrs.to.endswith("uz"):
            y = np.where(y == 0, 0.0, y)  # there is no negative zero
        return y.astype(np.float32)

    def lowers(self, ins: Types, outs: Types, attrs: Any) -> bool:
        return False

    def emit(self, call: Any) -> str:
        bits, low, top, beyond = FORMATS[call.attrs.to]
        wide = call.attrs.to in ("float16", "bfloat16")
        after = top if call.attrs.saturate and not wide else beyond
        args = (call.outs[0].size, bits, low, call.literal(top), call.literal(after))
        return call.run("pz_narrow_float", call.x(0), call.y(), *args, int(call.attrs.to.endswith("uz")))


OP = NarrowFloat()
