"""A copy with storage of its own: a constant brought from flash to RAM, or a value that must outlive its original."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops._elementwise import Elementwise
from picozoo.ops._op import Case, Types
from picozoo.ops._walk import Walk
from picozoo.specs import Target, TensorType


class Copy(Elementwise):
    name = "copy"
    flash_inputs = (0,)
    cases = (Case((TensorType((5,), "i16"),), constants=(0,)), Case((TensorType((2, 3)),)))

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        return [ins[0]]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        return [args[0]]

    def walks(self, ins: Types, outs: Types, attrs: Any, target: Target) -> tuple[Walk, ...]:
        """Byte by byte."""
        at = np.arange(outs[0].nbytes)
        spans = np.stack([at, at + 1], 1)
        return (Walk(spans, spans),)

    def emit(self, call: Any) -> str:
        kernel = "pz_copy_flash" if call.in_flash(0) else "pz_copy"
        return call.run(kernel, call.y(), call.x(0), call.outs[0].nbytes, header="pz_base.h")


OP = Copy()
