"""x for x > 0, else slope * x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.ops._elementwise import Unary, unary_cases


@dataclass(frozen=True)
class LeakyReluAttrs:
    slope: float = 0.01


def _read(ctx: Any, x: Any, negative_slope: Any = 0.01) -> Any:
    return ctx.emit("leaky_relu", [ctx.ref(x)], LeakyReluAttrs(float(negative_slope)))


class LeakyRelu(Unary):
    name = "leaky_relu"
    Attrs = LeakyReluAttrs
    attr_order = ("slope",)
    aten = {"leaky_relu.default": _read}
    cases = unary_cases(attrs=LeakyReluAttrs(0.2))

    def fn(self, x: np.ndarray, attrs: LeakyReluAttrs) -> np.ndarray:
        return np.where(x > 0, x, x * np.float32(attrs.slope))


OP = LeakyRelu()
