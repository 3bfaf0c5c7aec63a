"""Machinery of operators that only move elements: every one is a copy between two sets of steps."""

from __future__ import annotations

from typing import Any

from picozoo.ops._op import Op, Types

Steps = list[int]


class Mover(Op):
    """Moves elements without computing; the output shares the input's quantisation."""

    quant_rule = "same"
    monotone = True

    def lowers(self, ins: Types, outs: Types, attrs: Any) -> bool:
        return ins[0].dtype == outs[0].dtype and ins[0].quant == outs[0].quant


def contiguous(shape: tuple[int, ...]) -> Steps:
    """Steps of a row-major tensor, in elements.

    Example:
        >>> contiguous((2, 3, 4))
        [12, 4, 1]
    """
    steps, walk = [0] * len(shape), 1
    for d in range(len(shape) - 1, -1, -1):
        steps[d], walk = walk, walk * shape[d]
    return steps


def merged(n: tuple[int, ...], xs: Steps, ys: Steps) -> list[tuple[int, int, int]]:
    """(size, step in x, step in y) of each loop that is needed, outermost first."""
    dims: list[tuple[int, int, int]] = []
    for size, a, b in zip(n, xs, ys, strict=True):
        if size == 1:
            continue
        if dims and dims[-1][1] == a * size and dims[-1][2] == b * size:
            dims[-1] = (dims[-1][0] * size, a, b)
        else:
            dims.append((size, a, b))
    return dims


def emit_strided(
    call: Any, x: str, y: str, n: tuple[int, ...], xs: Steps, ys: Steps, x_off: int = 0, y_off: int = 0
) -> str:
    """One `pz_strided_BYTES` call; offsets in elements."""
    bytes_, kind = {1: (1, "pz_u8"), 2: (2, "pz_i16"), 4: (4, "pz_u32"), 8: (8, "pz_i64")}[
        call.outs[0].nbytes // max(call.outs[0].size, 1) if call.outs[0].size else 1
    ]
    x = f"(const {kind} *){x}" + (f" + {x_off}" if x_off else "")
    y = f"({kind} *){y}" + (f" + {y_off}" if y_off else "")
    dims = merged(n, xs, ys)
    outer, dims = dims[: max(len(dims) - 4, 0)], dims[max(len(dims) - 4, 0) :]
    for k, (_, a, b) in enumerate(outer):  # the kernel has four loops; more stand around its call
        x, y = f"{x} + d{k} * {a}", f"{y} + d{k} * {b}"
    dims = [(1, 0, 0)] * (4 - len(dims)) + dims
    sizes = [d[k] for k in range(3) for d in dims]
    loops = "".join(f"for (int d{k} = 0; d{k} < {size}; ++d{k}) " for k, (size, _, _) in enumerate(outer))
    kernel = str(call.run(f"pz_strided_{bytes_}", x, y, *sizes, header="pz_strided.h"))
    return f"{loops}\n  {kernel}" if loops else kernel
