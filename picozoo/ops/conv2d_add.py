"""Quantised convolution whose results go into a sum with another image as they are made: the end of a residual block.

Gives the bits of `conv2d` and `add` behind each other. What is added may lie where the output goes, so that the sum
needs no memory of its own. Made by `passes/fuse_sum.py` only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._arithmetic8 import ActAttrs, limits
from picozoo.ops._conv import Conv2dAttrs
from picozoo.ops._op import Case, Rows, SumForm, Types
from picozoo.ops.add import OP as ADD
from picozoo.ops.conv2d import Conv2d
from picozoo.ops.linear import quant_cases
from picozoo.specs import QuantParams, Target, TensorType


@dataclass(frozen=True)
class Conv2dAddAttrs(Conv2dAttrs):
    """`scale`, `zero_point`: of the convolution's own results; `then`: the activation behind the sum."""

    scale: float = 1.0
    zero_point: int = 0
    then: str = "none"


def form_of(
    ins: Types, made: TensorType, attrs: Conv2dAttrs, added: TensorType, y: TensorType, act: str
) -> SumForm | None:
    """The operator that makes `y` of a convolution to `made` and a sum, or None where it has to be two.

    Args:
        ins: of the convolution.
        act: behind the sum.
    """
    if made.quant is None or not made.quant.per_tensor or attrs.groups != 1 or attrs.weights != 8:
        return None
    found = ADD.line([made, added], y, ActAttrs(act))
    if found is None or found.high:
        return None
    plain = {f.name: getattr(attrs, f.name) for f in fields(Conv2dAttrs)}
    made_attrs = Conv2dAddAttrs(**plain, scale=made.quant.scale[0], zero_point=made.quant.zero_point[0], then=act)
    return SumForm("conv2d_add", made_attrs, () if len(ins) > 2 else (np.zeros(ins[1].shape[0], np.int32),))


def _cases() -> Iterator[Case]:
    """Odd and even numbers of windows and channels, windows over edges, both activations, strides."""
    for x, w, y, attrs, then in (
        ((1, 5, 5, 6), (5, 3, 3, 6), (1, 5, 5, 5), {"pad": (1, 1, 1, 1)}, "none"),
        ((2, 4, 4, 3), (4, 1, 1, 3), (2, 4, 4, 4), {"act": "relu"}, "relu"),
        ((1, 6, 7, 4), (3, 3, 2, 4), (1, 3, 3, 3), {"pad": (1, 0, 0, 0), "stride": (2, 2)}, "relu6"),
    ):
        for case in quant_cases(x, w, y, Conv2dAttrs(**attrs)):
            made = case.outs[0]
            added, result = (made.with_(quant=QuantParams.tensor(s, z)) for s, z in ((0.31, -20), (0.47, 9)))
            form = form_of(case.ins, made, case.attrs, added, result, then)
            if form is not None and not form.more:
                yield Case((*case.ins, added), form.attrs, (result,), constants=case.constants)


class Conv2dAdd(Conv2d):
    name = "conv2d_add"
    Attrs = Conv2dAddAttrs
    quant_rule = "none"
    aten: ClassVar[dict[str, Callable[..., Any]]] = {}
    tflite: ClassVar[dict[str, Callable[..., Any]]] = {}
    onnx: ClassVar[dict[str, Callable[..., Any]]] = {}
    cases = tuple(_cases())

    def own(self, outs: Types, attrs: Any) -> TensorType:
        return outs[0].with_(quant=QuantParams.tensor(attrs.scale, attrs.zero_point))

    def check(self, ins: Types, outs: Types, attrs: Any) -> None:
        if form_of(ins[:3], self.own(outs, attrs), attrs, ins[3], outs[0], attrs.then) is None:
            raise Unsupported("conv2d_add: these types need a convolution and a sum apart")

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        own = self.own(outs, attrs)
        made = super().reference(args[:3], ins[:3], [own], attrs)[0]
        return ADD.reference([made, args[3]], [own, ins[3]], outs, ActAttrs(attrs.then))

    def inplace(self, ins: Types, outs: Types, attrs: Any) -> tuple[int, ...]:
        return (3,)

    def rows(self, ins: Types, outs: Types, attrs: Any) -> dict[int, Rows] | None:
        found = super().rows(ins, outs, attrs)
        return found and {**found, 3: Rows()}

    def behind(self, call: Any) -> tuple[str, tuple[str, ...]]:
        y = call.outs[0]
        line = ADD.line([self.own(call.outs, call.attrs), call.ins[3]], y, ActAttrs(call.attrs.then))
        assert line is not None  # `check` has asked
        return "_add", (call.x(3), line.literal(*limits(y, call.attrs.then)))

    def _helium(self, ins: Types, attrs: Any, target: Target) -> bool:
        return False

    def _tiled(self, ins: Types, attrs: Any, target: Target) -> bool:
        return False


OP = Conv2dAdd()
