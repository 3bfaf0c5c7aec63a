"""Quantised graphs of PyTorch's PT2E flow: quantize and dequantize as they stand; weights as float on a known grid.

Weights of a converted graph are int8 constants behind a dequantize. They are captured as the float numbers that these
give, so that every pass sees constants, and their scales are kept in the program's `meta`; `compress.qdq` finds the
same integers again when the program is compiled.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from picozoo.compress.qdq import META
from picozoo.errors import Unsupported
from picozoo.ops.quantize import QuantizeAttrs
from picozoo.specs import QuantParams

_SPACE = "quantized_decomposed."


def note_scales(program: Any, scales: np.ndarray) -> None:
    """Remember the scales of a weight."""
    known = json.loads(program.meta.get(META, "[]"))
    row = [float(np.float32(s)) for s in np.asarray(scales).reshape(-1)]
    if row and row not in known:
        known.append(row)
    program.meta[META] = json.dumps(known)


def _params(scale: Any, zero: Any, low: int, high: int, dtype: Any) -> QuantParams:
    if (low, high) not in ((-128, 127), (-127, 127)) or str(dtype) != "torch.int8":
        raise Unsupported(f"quantisation to {dtype} from {low} to {high}; use int8, as train/qat.py's quantiser does")
    return QuantParams.tensor(float(scale), int(zero))


def _quantize(ctx: Any, x: Any, scale: Any, zero: Any, low: int, high: int, dtype: Any) -> str:
    q = _params(scale, zero, low, high, dtype)
    ref = str(ctx.emit("quantize", [ctx.ref(x)], QuantizeAttrs("i8")))
    ctx.function.types[ref] = ctx.function.types[ref].with_(quant=q)
    note_scales(ctx.program, np.zeros(0))
    return ref


def _dequantize(ctx: Any, x: Any, scale: Any, zero: Any, low: int, high: int, dtype: Any, **_: Any) -> str:
    q = _params(scale, zero, low, high, dtype)
    if x in ctx.tensors:
        value = (ctx.array(x, "weights").astype(np.int64) - q.zero_point[0]).astype(np.float32) * np.float32(q.scale[0])
        note_scales(ctx.program, np.array(q.scale))
        return str(ctx.const(value, ctx.hint(x)))
    ref = ctx.ref(x)
    if ctx.type(ref).quant != q:
        raise Unsupported("a value is dequantised with other parameters than it was quantised with")
    return str(ctx.emit("dequantize", [ref]))


def _dequantize_channels(
    ctx: Any, x: Any, scales: Any, zeros: Any, axis: int, low: int, high: int, dtype: Any, **_: Any
) -> str:
    w, s = ctx.array(x, "weights"), ctx.array(scales, "scales").astype(np.float32)
    z = ctx.array(zeros, "zero points")
    if np.any(z) or str(dtype) != "torch.int8":
        raise Unsupported("weights per channel must be symmetric int8")
    shape = [1] * w.ndim
    shape[axis] = -1
    note_scales(ctx.program, s)
    return str(ctx.const(w.astype(np.float32) * s.reshape(shape), ctx.hint(x)))


READERS: dict[str, Callable[..., Any]] = {
    f"{_SPACE}quantize_per_tensor.default": _quantize,
    f"{_SPACE}dequantize_per_tensor.default": _dequantize,
    f"{_SPACE}dequantize_per_channel.default": _dequantize_channels,
}
