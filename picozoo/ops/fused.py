"""Several element-by-element operators in one loop: what lies between them stays in registers and takes no memory.

The operators stand in a region, written for whole tensors. The C calls their own kernels with one element at a time, so
that an operator needs nothing to be fused but its kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._elementwise import Loops, plan_loops
from picozoo.ops._op import Op, Types
from picozoo.specs import TensorType

if TYPE_CHECKING:
    from picozoo.emit.call import Call
    from picozoo.ir.program import Program


@dataclass(frozen=True)
class FusedAttrs:
    body: str = ""


class Fused(Op):
    name = "fused"
    Attrs = FusedAttrs
    flash_inputs = tuple(range(64))  # every input is read once, element by element

    def infer_in(self, program: Program, ins: Types, attrs: FusedAttrs) -> list[TensorType]:
        f = program.functions.get(attrs.body)
        if f is None or f.public or f.updates or len(f.results) != 1:
            raise Unsupported(f"fused names region {attrs.body!r}, which must exist and give one result")
        if [f.types[p] for p in f.params] != list(ins):
            raise Unsupported(f"fused: region {attrs.body!r} takes other types than it is given")
        out = f.types[f.results[0]]
        if any(t.shape != out.shape for n in f.nodes for t in program.out_types(f, n)):
            raise Unsupported(f"fused: all values of region {attrs.body!r} must have the shape of its result")
        return [out]

    def regions(self, attrs: FusedAttrs) -> tuple[str, ...]:
        return (attrs.body,)

    def run_regions(
        self, calls: Sequence[Callable[..., list[np.ndarray]]], args: list[np.ndarray], attrs: FusedAttrs
    ) -> list[np.ndarray]:
        return calls[0](*args)

    def inplace(self, ins: Types, outs: Types, attrs: FusedAttrs) -> tuple[int, ...]:
        return tuple(i for i, t in enumerate(ins) if t.shape == outs[0].shape and t.nbytes == outs[0].nbytes)

    def emit(self, call: Call) -> str:
        loops = plan_loops(call.outs[0].shape, call.outs[0].shape, *(t.shape for t in call.ins))
        region = call.program.functions[call.attrs.body]
        lines = [f"{call.outs[0].c_type} *y = {call.y()};"]
        values: dict[str, str] = {}
        reads = []
        for i, (p, t) in enumerate(zip(region.params, call.ins, strict=True)):
            flash = "PZ_FLASH " if call.in_flash(i) else ""
            lines.append(f"const {t.c_type} {flash}*x{i} = {call.x(i)};")
            reads.append(f"const {t.c_type} a{i} = x{i}[{_index(loops, i + 1)}];")
            values[p] = f"a{i}"
        body = [*reads]
        for k, node in enumerate(region.nodes):
            (out,) = node.outputs
            values[out] = f"v{k}"
            body.append(f"{region.types[out].c_type} v{k};")
            body += call.element(region, node, values).split("\n")
        body.append(f"y[{_index(loops, 0)}] = {values[region.results[0]]};")
        return "\n".join([*lines, *_nest(loops, body)])


def _index(loops: Loops, operand: int) -> str:
    """Place of an operand's element in terms of the loops' counters."""
    steps = loops.steps[operand]
    terms = [f"i{d}" + (f" * {s}" if s != 1 else "") for d, s in enumerate(steps) if s and loops.n[d] > 1]
    return " + ".join(terms) or "0"


def _nest(loops: Loops, body: list[str]) -> list[str]:
    """`body` inside one C loop for each count above one."""
    depth, lines = 0, []
    for d, n in enumerate(loops.n):
        if n > 1:
            lines.append("  " * depth + f"for (int i{d} = 0; i{d} < {n}; ++i{d}) {{")
            depth += 1
    lines += ["  " * depth + line for line in body]
    return lines + ["  " * d + "}" for d in range(depth - 1, -1, -1)]


OP = Fused()
