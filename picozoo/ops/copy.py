"""A copy with storage of its own: a constant brought from flash to RAM, or a value that must outlive its original."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops._elementwise import Elementwise
from picozoo.ops._op import Case, Types
from picozoo.ops._walk import Walk
from picozoo.specs import Target, TensorType

FEW = 32  # bytes that are copied in place


class Copy(Elementwise):
    name = "copy"
    flash_inputs = (0,)
    cases = (
        Case((TensorType((5,), "i16"),), constants=(0,)),
        Case((TensorType((2, 3)),)),
        Case((TensorType((7, 11), "i8"),)),
        Case((TensorType((3, 12)),)),
    )

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
        size = call.outs[0].nbytes
        if call.in_flash(0):
            return str(call.run("pz_copy_flash", call.y(), call.x(0), size, header="pz_base.h"))
        if size <= FEW:
            return str(call.run("pz_copy", call.y(), call.x(0), size, header="pz_base.h"))
        call.thin = True
        return str(call.run("pz_move", call.y(), call.x(0), size, header="pz_move.h"))


OP = Copy()
