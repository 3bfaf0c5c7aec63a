"""One step of a long short-term memory: (x, h, c) -> (h', c'). Gate order i, f, g, o, as PyTorch.

Source: Hochreiter and Schmidhuber, 1997; with forget gate, Gers et al., 2000. The integer form follows TFLite's 8x8->16
LSTM: int8 inputs and outputs, gates in Q3.12, cell state in int16 with a power-of-two scale, sigmoid and tanh by a
256-entry table with linear interpolation. Differs: weights have one scale per row, not one per gate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import _matmul8 as m8
from picozoo.ops._fixed_point import multiply_by_quantized_multiplier, quantize_multiplier, rounding_shift_right
from picozoo.ops._lut16 import sigmoid_table
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import QuantParams, Target, TensorType

MOST_CELL = 16.0  # taken for the largest cell where nothing is known of it: it has gathered for 16 steps at the most


def sigmoid_q15(x: np.ndarray) -> np.ndarray:
    """Q3.12 -> Q0.15. C twin: pz_sigmoid_q15."""
    t, x = sigmoid_table().astype(np.int64), x.astype(np.int64)
    a = np.abs(x * 3)
    hi = np.minimum(a >> 9, 254)
    r = np.where(a >> 9 >= 255, 0x7FFF << 10, (t[hi] << 9) + (a & 0x1FF) * (t[hi + 1] - t[hi]))
    return np.where(x >= 0, r + (1 << 9), (1 << 25) - r + (1 << 9) - 1) >> 10


def tanh_q15(x: np.ndarray) -> np.ndarray:
    """Q3.12 -> Q0.15, from the same table: tanh(x) = 2 sigmoid(2x) - 1. C twin: pz_tanh_q15."""
    t, x = sigmoid_table().astype(np.int64), x.astype(np.int64)
    a = np.abs(x * 3)
    hi = np.minimum(a >> 8, 254)
    r = np.where(a >> 8 >= 255, 0xFFFF << 8, (t[hi] << 8) + (a & 0xFF) * (t[hi + 1] - t[hi]))
    return np.where(x >= 0, r - (1 << 23) + (1 << 7), -r + (1 << 23) + (1 << 7) - 1) >> 8


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _sat16(x: np.ndarray) -> np.ndarray:
    return np.clip(x, -32768, 32767)


def fraction_bits(c: TensorType) -> int:
    """k of the cell's scale 2^-k. Raises Unsupported if it is no such scale."""
    assert c.quant is not None
    k = -math.log2(c.quant.scale[0])
    if k != int(k) or not 0 <= k <= 15 or c.quant.zero_point[0] != 0:
        raise Unsupported(f"lstm_cell: the cell's scale must be 2^-k with k from 0 to 15, got {c.quant.scale[0]}")
    return int(k)


def gate_rows(x: TensorType, w: TensorType, bits: int | np.ndarray = 12) -> m8.Requant:
    """Requantisation of a row's accumulator to int16 with `bits` fraction bits, one number or one a row: Q3.12."""
    n = w.shape[0]
    assert w.quant is not None
    scales = np.broadcast_to(np.array(w.quant.scale), (n,)) * 2.0 ** np.asarray(bits, np.float64)
    rows = w.with_(quant=QuantParams(tuple(float(s) for s in scales), (0,) * n, 0))
    r = m8.requant_of(x, rows, TensorType((), "i16", QuantParams.tensor(1.0)), "none")
    return m8.Requant(r.multiplier, r.shift, r.x_zero, 0, -32768, 32767)


def output_factors(ins: Types, outs: Types) -> tuple[int, int, int, int]:
    """Fraction bits of the cell; factor, shift and zero point of h'."""
    out = outs[0].quant
    assert out is not None
    return fraction_bits(ins[2]), *quantize_multiplier(2.0**-30 / out.scale[0]), out.zero_point[0]


def integer_step(args: list[np.ndarray], ins: Types, outs: Types) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """(x, h, c) -> (h', c') in integers, of the inputs of `lstm_cell` or `lstm_sequence`."""
    w_ih, w_hh, b = args[3:]
    k, m, s, zero = output_factors(ins, outs)
    rx, rh = gate_rows(ins[0], ins[3]), gate_rows(ins[1], ins[4])
    bx, bh = m8.folded_bias(w_ih, b, rx.x_zero), m8.folded_bias(w_hh, None, rh.x_zero)

    def step(x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ax, ah = x.astype(np.int64) @ w_ih.astype(np.int64).T + bx, h.astype(np.int64) @ w_hh.astype(np.int64).T + bh
        gates = _sat16(rx.apply(ax) + multiply_by_quantized_multiplier(ah, rh.multiplier, rh.shift))
        i, f, g, o = np.split(gates, 4, -1)
        new = rounding_shift_right(sigmoid_q15(f) * c, 15) + rounding_shift_right(sigmoid_q15(i) * tanh_q15(g), 30 - k)
        new = _sat16(new)
        wide = _sat16(new << (12 - k)) if k < 12 else rounding_shift_right(new, k - 12)
        y = multiply_by_quantized_multiplier(sigmoid_q15(o) * tanh_q15(wide), m, s) + zero
        return np.clip(y, -128, 127), new

    return step


def integer_scratch(k: int, h: TensorType, target: Target) -> int:
    """Working memory of the integer form: gates and, with paired weights, the widened x or h."""
    units = h.shape[1]
    paired = 2 * max(len(m8.patch_positions(1, n)) for n in (k, units)) if "dsp" in target.features else 0
    return 8 * units + paired


def integer_tables(call: Any) -> list[str]:
    """Weights, biases and factors of x, then of h, and the table of the sigmoid."""
    w_ih, w_hh, b = (call.value(i) for i in range(3, 6))
    pack = (lambda w: m8.pack_pairs(w, 1)) if "dsp" in call.target.features else (lambda w: w)
    tables = []
    for tag, w, bias, r in (
        ("x", w_ih, b, gate_rows(call.ins[0], call.ins[3])),
        ("h", w_hh, None, gate_rows(call.ins[1], call.ins[4])),
    ):
        tables += [
            call.table(f"w{tag}", pack(w)),
            call.table(f"b{tag}", m8.folded_bias(w, bias, r.x_zero).astype(np.int32)),
            call.table(f"m{tag}", r.multiplier.astype(np.int32)),
            call.table(f"s{tag}", r.shift.astype(np.int8)),
        ]
    return [*tables, call.table("sigmoid", sigmoid_table().astype(np.uint16))]


def _read(ctx: Any, x: Any, hc: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    w = ctx.array(w_ih, "LSTM weights")
    zero = np.zeros(w.shape[0], np.float32)
    bias = sum((ctx.array(b, "LSTM bias") for b in (b_ih, b_hh) if b is not None), zero)
    name = ctx.hint(b_ih) if b_ih is not None else ctx.hint(w_ih) + ".bias"
    refs = [
        ctx.ref(x, "f32"),
        ctx.ref(hc[0], "f32"),
        ctx.ref(hc[1], "f32"),
        ctx.ref(w_ih),
        ctx.ref(w_hh),
        ctx.const(bias, name + ".sum"),
    ]
    return ctx.emit("lstm_cell", refs)


def _cases() -> tuple[Case, ...]:
    n, i, h = 2, 3, 5
    f = (
        TensorType((n, i)),
        TensorType((n, h)),
        TensorType((n, h)),
        TensorType((4 * h, i)),
        TensorType((4 * h, h)),
        TensorType((4 * h,)),
    )
    rows = QuantParams(tuple(float(np.float32(0.006 * (1 + r % 3))) for r in range(4 * h)), (0,) * (4 * h), 0)
    act, cell = QuantParams.tensor(1 / 100, 5), QuantParams.tensor(2.0**-11)
    q = (
        TensorType((n, i), "i8", QuantParams.tensor(0.02, -3)),
        TensorType((n, h), "i8", act),
        TensorType((n, h), "i16", cell),
        TensorType((4 * h, i), "i8", rows),
        TensorType((4 * h, h), "i8", rows),
        TensorType((4 * h,), "i32"),
    )
    outs = (TensorType((n, h), "i8", act), TensorType((n, h), "i16", cell))
    return (Case(f, constants=(3, 4, 5)), Case(q, outs=outs, constants=(3, 4, 5), low=-5000, high=5000))


class LstmCell(Op):
    name = "lstm_cell"
    quant_rule = "free"
    flash_inputs = (3, 4, 5)
    aten = {"lstm_cell.default": _read}
    cases = _cases()

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        x, h, c, w_ih, w_hh, b = ins
        units = h.shape[-1]
        want = [(4 * units, x.shape[-1]), (4 * units, units), (4 * units,)]
        if x.rank != 2 or h.shape != c.shape or h.shape[0] != x.shape[0] or [w_ih.shape, w_hh.shape, b.shape] != want:
            raise Unsupported(f"lstm_cell: shapes {[list(t.shape) for t in ins]} do not belong together")
        return [h.with_(quant=None), c.with_(quant=None)]

    def macs(self, ins: Types, outs: Types, attrs: Any) -> int:
        return ins[0].shape[0] * (ins[3].size + ins[4].size)

    def quant_inputs(self, ins: Types, attrs: Any) -> dict[int, str]:
        return {0: "act", 1: "act", 2: "act16", 3: "weight:0", 4: "weight:0", 5: "bias:0,3"}

    def quant_outputs(self, outs: Types, attrs: Any) -> list[str]:
        return ["act", "act16"]

    def most_kept(self, ins: Types, outs: Types, attrs: Any) -> float:
        return MOST_CELL

    def lowers(self, ins: Types, outs: Types, attrs: Any) -> bool:
        return (
            ins[0].dtype == ins[1].dtype == outs[0].dtype == "i8"
            and ins[2].dtype == outs[1].dtype == "i16"
            and ins[2].quant == outs[1].quant
        )

    def inplace_pairs(self, ins: Types, outs: Types, attrs: Any) -> list[tuple[int, int]]:
        return [(1, 2)]  # the new cell may replace the old one, unit by unit; the new h may not: all gates read the old

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        x, h, c, w_ih, w_hh, b = args
        if outs[0].quant is None:
            g = x @ w_ih.T + h @ w_hh.T + b
            i, f, g, o = np.split(g, 4, -1)
            new = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
            return [(_sigmoid(o) * np.tanh(new)).astype(np.float32), new.astype(np.float32)]
        return list(integer_step(args, ins, outs)(x, h, c))

    def scratch(self, ins: Types, outs: Types, attrs: Any, target: Target) -> int:
        return 4 * ins[1].shape[1] * 4 if outs[0].quant is None else integer_scratch(ins[0].shape[1], ins[1], target)

    def emit(self, call: Any) -> str:
        (n, k), units = call.ins[0].shape, call.ins[1].shape[1]
        ins = [call.x(i) for i in range(3)]
        if call.outs[0].quant is None:
            weights = [call.x(i) for i in range(3, 6)]
            return call.run(
                "pz_lstm_cell_f32", *ins, *weights, call.y(0), call.y(1), call.scratch("pz_f32"), n, k, units
            )
        tables = integer_tables(call)
        outs = (call.y(0), call.y(1), call.scratch("pz_i16"))
        name = "pz_lstm_cell_i8_pair" if "dsp" in call.target.features else "pz_lstm_cell_i8"
        return call.run(name, *ins, *tables, *outs, n, k, units, *output_factors(call.ins, call.outs))


OP = LstmCell()
