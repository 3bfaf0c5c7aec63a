"""Copies a constant from flash to RAM, for chips whose flash is not in the data address space."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops._op import Case, Op, Types
from picozoo.specs import TensorType


class Load(Op):
    name = "load"
    flash_inputs = (0,)
    cases = (Case((TensorType((5,), "i16"),), constants=(0,)),)

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        return [ins[0]]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        return [args[0]]

    def emit(self, call: Any) -> str:
        return call.run("pz_copy_flash", call.y(), call.x(0), call.outs[0].nbytes, header="pz_base.h")


OP = Load()
