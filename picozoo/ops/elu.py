"""x for x > 0, else alpha * (e^x - 1). Source: Clevert et al., 2015."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.ops import _tflite as tflite
from picozoo.ops._elementwise import Unary, unary_cases


@dataclass(frozen=True)
class EluAttrs:
    alpha: float = 1.0


def _read(ctx: Any, x: Any, alpha: Any = 1.0) -> Any:
    return ctx.emit("elu", [ctx.ref(x)], EluAttrs(float(alpha)))


def _onnx(ctx: Any) -> str:
    return str(ctx.emit("elu", [ctx.ref(0)], EluAttrs(float(ctx.attr("alpha", 1.0)))))


class Elu(Unary):
    name = "elu"
    Attrs = EluAttrs
    attr_order = ("alpha",)
    aten = {"elu.default": _read}
    tflite = {"ELU": tflite.unary("elu")}
    onnx = {"Elu": _onnx}
    cases = unary_cases(attrs=EluAttrs(0.2))

    def fn(self, x: np.ndarray, attrs: EluAttrs) -> np.ndarray:
        return np.where(x > 0, x, np.float32(attrs.alpha) * np.expm1(np.minimum(x, 0)))


OP = Elu()
