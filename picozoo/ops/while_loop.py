"""Repeats a region while a condition region holds: settling to a fixed point, decoding until a stop token.

Inputs are the carried values, then what both regions may only read. Outputs are the carried values at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Op, Types
from picozoo.specs import TensorType

if TYPE_CHECKING:
    from picozoo.ir.program import Program


@dataclass(frozen=True)
class WhileLoopAttrs:
    cond: str = ""
    body: str = ""
    carried: int = 0


class WhileLoop(Op):
    name = "while_loop"
    Attrs = WhileLoopAttrs
    flattened = True

    def infer_in(self, program: Program, ins: Types, attrs: WhileLoopAttrs) -> list[TensorType]:
        for name in (attrs.cond, attrs.body):
            f = program.functions.get(name)
            if f is None or f.public:
                raise Unsupported(f"while_loop names region {name!r}, which the program does not have")
            if [f.types[p] for p in f.params] != list(ins) or f.updates:
                raise Unsupported(f"while_loop: region {name!r} takes other types than it is given, or updates state")
        body, cond = program.functions[attrs.body], program.functions[attrs.cond]
        if not 0 <= attrs.carried <= len(ins) or len(body.results) != attrs.carried or len(cond.results) != 1:
            raise Unsupported("while_loop: the body must give as many values as are carried, the condition one")
        test = program.type_of(cond, cond.results[0])
        if test.dtype != "bool" or test.size != 1:
            raise Unsupported(f"while_loop: the condition must be one bool, got {test.dtype}{list(test.shape)}")
        carried = [program.type_of(body, r) for r in body.results]
        if carried != list(ins[: attrs.carried]):
            raise Unsupported("while_loop: the body changes the type of a carried value")
        return carried

    def regions(self, attrs: WhileLoopAttrs) -> tuple[str, ...]:
        return (attrs.cond, attrs.body)

    def run_regions(
        self, calls: Sequence[Callable[..., list[np.ndarray]]], args: list[np.ndarray], attrs: WhileLoopAttrs
    ) -> list[np.ndarray]:
        """Repeat the body while the condition holds; extra inputs are the same in every turn."""
        cond, body = calls
        carried, extra = args[: attrs.carried], args[attrs.carried :]
        while bool(cond(*carried, *extra)[0]):
            carried = body(*carried, *extra)
        return carried


OP = WhileLoop()
