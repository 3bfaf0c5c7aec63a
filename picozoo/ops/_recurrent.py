"""What layers over a sequence share: shapes, order of the steps, and rows of weights in integers.

x is [N, T, K], or [T, N, K] with `time_major`; y likewise; `reverse` goes from the last step to the first. In the
integer forms x and y are int8 or int16, weights int8 with one scale a row, sums before an activation Q3.12, and what is
kept from step to step is int16 with a power-of-two scale: in eight bits a state that changes slowly would not change.
C side: `kernels/pz_recurrent8.h`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import _matmul8 as m8
from picozoo.ops._fixed_point import multiply_by_quantized_multiplier, quantize_multiplier
from picozoo.ops._op import Case, Types
from picozoo.ops.lstm_cell import fraction_bits, gate_rows, sigmoid_q15, tanh_q15
from picozoo.specs import QuantParams, Target, TensorType

MOST_INT16 = 500  # inputs of a row of int8 weights whose sum with int16 values stays in 32 bits


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x)."""
    return 1 / (1 + np.exp(-x))


def clipped(x: np.ndarray, clip: float) -> np.ndarray:
    """Limited to -clip to clip, if clip is not 0."""
    return np.clip(x, -np.float32(clip), np.float32(clip)) if clip else x


def sequence_shapes(name: str, ins: Types, attrs: Any, gates: int) -> list[TensorType]:
    """Types of y and the state after the last step; inputs x, h, w [gates H, K], r [gates H, H], then biases."""
    x, h, w, r = ins[:4]
    n = h.shape[-1] if h.rank == 2 else 0
    rows = gates * n
    fits = x.rank == 3 and n and x.size and h.shape[0] == x.shape[int(attrs.time_major)]
    if not fits or w.shape != (rows, x.shape[2]) or r.shape != (rows, n) or any(t.shape != (rows,) for t in ins[4:]):
        raise Unsupported(f"{name}: shapes {[list(t.shape) for t in ins]} do not belong together")
    return [TensorType((*x.shape[:2], n), x.dtype), TensorType(h.shape, h.dtype)]


def run_steps(
    x: np.ndarray, h: Any, attrs: Any, step: Callable[[np.ndarray, Any], tuple[np.ndarray, Any]]
) -> list[Any]:
    """y and the last state; step(x, h) gives what goes out and the new state."""
    steps = x if attrs.time_major else x.transpose(1, 0, 2)
    made = []
    for v in steps[::-1] if attrs.reverse else steps:
        out, h = step(v, h)
        made.append(out)
    y = np.stack(made[::-1] if attrs.reverse else made)
    return [y if attrs.time_major else y.transpose(1, 0, 2), h]


def largest(t: TensorType) -> float | None:
    """The largest size of a quantised value; None if it is not quantised."""
    if t.quant is None:
        return None
    info = np.iinfo(t.numpy if t.dtype != "f32" else np.int8)
    zero = t.quant.zero_point[0]
    return float(max(info.max - zero, zero - info.min) * t.quant.scale[0])


def cells(step: Callable[[np.ndarray, Any], tuple[Any, Any]]) -> Callable[..., tuple[np.ndarray, Any]]:
    """A step that gives the cell of the new state (h, c) in the place of what goes out."""

    def stepped(x: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        state = step(x, state)[1]
        return state[1], state

    return stepped


def lowers(ins: Types, outs: Types, attrs: Any) -> bool:
    """Is there an integer form for these types? Inputs as in `sequence_shapes`."""
    x, h, w, r = ins[:4]
    if any(t.quant is None for t in (*ins[:4], *outs)):
        return False
    assert x.quant is not None and h.quant is not None and outs[0].quant is not None
    power = float(-np.log2(h.quant.scale[0]))
    wide = [t.quant.zero_point[0] for t in (x, outs[0]) if t.dtype == "i16" and t.quant is not None]
    return (
        x.dtype == outs[0].dtype
        and x.dtype in ("i8", "i16")
        and not any(wide)
        and w.dtype == r.dtype == "i8"
        and h.dtype == outs[1].dtype == "i16"
        and h.quant == outs[1].quant
        and h.quant.zero_point == (0,)
        and power in range(16)
        and x.quant.per_tensor
        and outs[0].quant.per_tensor
        and r.shape[1] <= MOST_INT16
        and (x.dtype == "i8" or w.shape[1] <= MOST_INT16)
        and all(t.dtype == "i32" for t in ins[4:])
    )


class Rows:
    """Rows of weights times a vector, plus a bias: int16 values with `bits` fraction bits, in each row its own."""

    def __init__(
        self, x: TensorType, w_type: TensorType, w: np.ndarray, bias: np.ndarray | None, bits: int | np.ndarray
    ) -> None:
        self.requant, self.w = gate_rows(x, w_type, bits), w
        self.bias = m8.folded_bias(w, bias, self.requant.x_zero)

    def __call__(self, x: np.ndarray, first: int = 0, last: int | None = None) -> np.ndarray:
        """Values of the rows from first to before last, not yet limited to 16 bits."""
        acc = x.astype(np.int64) @ self.w[first:last].astype(np.int64).T + self.bias[first:last]
        return multiply_by_quantized_multiplier(
            acc, self.requant.multiplier[first:last], self.requant.shift[first:last]
        )

    def literal(self, call: Any, tag: str, patch: str = "") -> str:
        """The `pz_rows_args` literal; with `patch`, a place for widened values, that for pairs of rows."""
        fields = [
            call.table(f"w{tag}", m8.pack_pairs(self.w, 1) if patch else self.w),
            call.table(f"b{tag}", self.bias.astype(np.int32)),
            call.table(f"m{tag}", self.requant.multiplier.astype(np.int32)),
            call.table(f"s{tag}", self.requant.shift.astype(np.int8)),
        ]
        kind = "pz_row_pairs_args" if patch else "pz_rows_args"
        return f"({kind}){{{', '.join([*fields, patch] if patch else fields)}}}"


def paired(ins: Types, target: Target) -> bool:
    """Does the integer form take two rows at a time?"""
    return "dsp" in target.features and ins[1].shape[1] % 2 == 0


def patch_bytes(ins: Types, target: Target) -> int:
    """Working memory for widened values."""
    longest = max(len(m8.patch_positions(1, k)) for k in (ins[0].shape[2], ins[1].shape[1]))
    return 2 * longest if paired(ins, target) else 0


def kernel(call: Any, rows: Sequence[Rows], own: int) -> tuple[str, list[str]]:
    """Name of the integer kernel and its tables; `own`: bytes of its other working memory."""
    pairs = paired(call.ins, call.target)
    patch = f"{call.scratch('pz_u32')} + {own // 4}" if pairs else ""
    name = f"pz_{call.node.op}_{call.ins[0].dtype}{'_pair' if pairs else ''}"
    return name, [r.literal(call, tag, patch) for r, tag in zip(rows, "xh", strict=True)]


def both_rows(ins: Types, arrays: Sequence[np.ndarray], bits: int | np.ndarray = 12) -> tuple[Rows, Rows]:
    """The rows of x and of the state; `arrays`: both weights, the bias, and that of the recurrent product if any."""
    w, r, b = arrays[:3]
    rb = arrays[3] if len(arrays) > 3 else None
    return Rows(ins[0], ins[2], w, b, bits), Rows(ins[1], ins[3], r, rb, bits)


def real(w: np.ndarray, t: TensorType) -> np.ndarray:
    """Quantised weights, one row a channel, or a vector with one scale, as real numbers."""
    assert t.quant is not None
    scale = np.array(t.quant.scale)
    return np.asarray(w * (scale[:, None] if w.ndim > 1 else scale))


def real_bias(b: np.ndarray, x: TensorType, w: TensorType) -> np.ndarray:
    """An int32 bias as real numbers; its scale is the product of those of an input and its weights."""
    assert x.quant is not None and w.quant is not None
    return np.asarray(b * (np.array(w.quant.scale) * x.quant.scale[0]))


def output_factors(h: TensorType, y: TensorType) -> tuple[int, int, int, int]:
    """Fraction bits of the state; factor, shift and zero point of y."""
    assert y.quant is not None
    k = fraction_bits(h)
    return k, *quantize_multiplier(2.0**-k / y.quant.scale[0]), y.quant.zero_point[0]


def output(h: np.ndarray, factors: tuple[int, int, int, int], y: TensorType) -> np.ndarray:
    """y from the new state."""
    _, m, s, zero = factors
    info = np.iinfo(y.numpy)
    return np.clip(multiply_by_quantized_multiplier(h, m, s) + zero, info.min, info.max)


def sat16(x: np.ndarray) -> np.ndarray:
    """Limited to 16 bits."""
    return np.clip(x, -32768, 32767)


def quantised(case: Case, gates: int, dtype: str, cell: float = 2.0**-15) -> Case:
    """The integer form of a float case whose inputs are x, h, w, r and biases."""
    rows = case.ins[2].shape[0]
    per = QuantParams(tuple(float(np.float32(0.006 * (1 + i % 3))) for i in range(rows)), (0,) * rows, 0)
    wide = dtype == "i16"
    qx = QuantParams.tensor(*((0.0001,) if wide else (0.02, -3)))
    qy = QuantParams.tensor(*((1 / 30000,) if wide else (1 / 120, 5)))
    quants = (qx, QuantParams.tensor(cell), per, per)
    ins = [t.with_(dtype=d, quant=q) for t, d, q in zip(case.ins, (dtype, "i16", "i8", "i8"), quants, strict=False)]
    ins += [t.with_(dtype="i32") for t in case.ins[4:]]
    x, n = case.ins[0], rows // gates
    outs = (TensorType((*x.shape[:2], n), dtype, qy), ins[1])
    return Case(tuple(ins), case.attrs, outs, constants=case.constants, low=-5000, high=5000)


__all__ = ["fraction_bits", "sigmoid_q15", "tanh_q15"]
