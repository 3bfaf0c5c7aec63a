"""What a trained graph leaves open of a layer in integers: constants, and values that are kept from step to step.

A graph of PyTorch's flow says how the values between its operators are quantised. What an operator of ours is made of
besides (weights on known grids, biases, small constants, a state that never leaves the layer) gets its integers here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from picozoo import ops
from picozoo.compress._groups import PROBE
from picozoo.compress.ranges import affine, power_of_two16, symmetric16
from picozoo.ir.program import Function, Node, Program, rewire
from picozoo.ops._fixed_point import quantize_array
from picozoo.ops._op import NoAttrs
from picozoo.ops.quantize import QuantizeAttrs
from picozoo.specs import QuantParams, TensorType

_DTYPES = {kind: dtype for kind, (dtype, _) in PROBE.items()}


class Layer:
    """One node whose inputs and outputs are quantised, as far as the graph says."""

    def __init__(self, program: Program, f: Function, node: Node, grids: list[np.ndarray]) -> None:
        self.program, self.f, self.node, self.grids = program, f, node, grids
        self.op = ops.get(node.op)
        types = program.in_types(f, node)
        self.kinds = dict(self.op.quant_inputs(types, node.attrs))
        self.out_kinds = list(self.op.quant_outputs(program.out_types(f, node), node.attrs))
        self.before: list[Node] = []
        self.after: list[Node] = []

    def complete(self) -> None:
        """Write what is missing as quantize/dequantize pairs, or leave the node alone where it has no integer form."""
        if self.op.quant_rule == "none" or not all(t.is_float for t in self.program.out_types(self.f, self.node)):
            return
        known = self._known()
        if known is None:
            return
        ins, outs = known
        constants = self._constants(ins)
        if constants is None:
            return
        inputs = list(self.node.inputs)
        for i, (array, t) in constants.items():
            ref = self.program.add_constant(f"{inputs[i]}.{t.dtype}", array, t)
            inputs[i] = self._pair_end(ref, TensorType(array.shape), self.before)
        for i, q in ins.items():
            if i not in constants and self._given(i) != q:
                inputs[i] = self._pair(inputs[i], self.kinds[i], q, self.before)
        self._write(inputs, outs)

    def _given(self, i: int) -> QuantParams | None:
        """How input `i` is quantised already."""
        made = self.f.producers().get(self.node.inputs[i])
        if made is None or made.op != "dequantize":
            return None
        t = self.program.type_of(self.f, made.inputs[0])
        return t.quant if t.dtype == _DTYPES.get(self.kinds.get(i, ""), "i8") else None

    def _asked(self, k: int, dtype: str = "") -> QuantParams | None:
        """How all readers of output `k` quantise it, if they agree; to its own type, or to `dtype`."""
        readers = self.f.uses().get(self.node.outputs[k], [])
        types = {self.f.types[r.outputs[0]] for r in readers if r is not None and r.op == "quantize"}
        if len(types) != 1 or not all(r is not None and r.op == "quantize" for r in readers):
            return None
        t = types.pop()
        return t.quant if t.dtype == (dtype or _DTYPES[self.out_kinds[k]]) else None

    def _known(self) -> tuple[dict[int, QuantParams], dict[int, QuantParams]] | None:
        """Parameters of every activation that comes in and goes out; None if there is no integer form."""
        acts = [i for i, kind in self.kinds.items() if kind in PROBE and i < len(self.node.inputs)]
        moving = [i for i in acts if self.program.constant(self.node.inputs[i]) is None]
        ins = {i: q for i in acts if (q := self._given(i)) is not None}
        outs = {k: q for k in range(len(self.out_kinds)) if (q := self._asked(k)) is not None}
        if not ins and not (self.op.quant_rule == "same" and outs):
            return None
        unread = [k for k, r in enumerate(self.node.outputs) if not self.f.uses().get(r) and self.out_kinds[k] == "act"]
        others = [q for k in range(len(self.out_kinds)) if (q := self._asked(k, "i8")) is not None]
        if others:  # of all steps, when only the last state is read
            outs = dict.fromkeys(unread, others[0]) | outs
        tied_ins, tied_outs = self.op.quant_ties(self.node.attrs)
        if self.op.quant_rule == "same":
            tied_ins, tied_outs = tuple(acts), (0,)
        shared = next((outs[k] for k in tied_outs if k in outs), next((ins[i] for i in tied_ins if i in ins), None))
        if shared is not None:
            ins.update(dict.fromkeys(tied_ins, shared))
            outs.update(dict.fromkeys(tied_outs, shared))
        kept = self._kept(ins, outs)
        if kept is not None:
            ins.update({i: kept for i in acts if self.kinds[i] == "act16"})
            outs.update({k: kept for k, kind in enumerate(self.out_kinds) if kind == "act16"})
        complete = all(i in ins for i in moving) and all(k in outs for k in range(len(self.out_kinds)))
        return (ins, outs) if complete else None

    def _kept(self, ins: dict[int, QuantParams], outs: dict[int, QuantParams]) -> QuantParams | None:
        """Parameters of what is kept in int16: as large as the operator says that it can get."""
        if "act16" not in self.out_kinds:
            return None
        types = [t.with_(quant=outs.get(k)) for k, t in enumerate(self.program.out_types(self.f, self.node))]
        starts = [self.node.inputs[i] for i, kind in self.kinds.items() if kind == "act16"]
        values = [self.program.constant(r) for r in starts]
        start = max((float(np.abs(v).max(initial=0)) for v in values if v is not None), default=0.0)
        reach = self.op.most_kept(self.program.in_types(self.f, self.node), types, self.node.attrs)
        return None if reach is None else power_of_two16(-(reach + start), reach + start)

    def _constants(self, ins: dict[int, QuantParams]) -> dict[int, tuple[np.ndarray, TensorType]] | None:
        """Input -> its integers and their type; None if a weight lies on no known grid."""
        found: dict[int, tuple[np.ndarray, TensorType]] = {}
        scales = {i: np.array(q.scale, np.float64) for i, q in ins.items()}
        for i, ref in enumerate(self.node.inputs):
            value, kind = self.program.constant(ref), self.kinds.get(i, "")
            if value is None or value.dtype != np.float32 or not kind or kind.startswith("bias"):
                continue
            if kind.startswith("weight"):
                grid = on_grid(value, int(kind.split(":")[1]), self.grids)
                if grid is None:
                    return None
                q, dtype = grid, "i8"
            elif kind == "const16":
                q, dtype = symmetric16(float(value.min()), float(value.max())), "i16"
            else:
                q, dtype = ins.get(i) or affine(float(value.min()), float(value.max())), _DTYPES[kind]
            scales[i] = np.array(q.scale, np.float64)
            scale, zero = q.broadcast(value.ndim)
            found[i] = quantize_array(value, scale, zero, dtype), TensorType(value.shape, dtype, q)
        return None if not self._biases(found, scales) else found

    def _biases(self, found: dict[int, tuple[np.ndarray, TensorType]], scales: dict[int, np.ndarray]) -> bool:
        """Add int32 constants with the product of two scales; False if one of these is not known."""
        for i, ref in enumerate(self.node.inputs):
            value, kind = self.program.constant(ref), self.kinds.get(i, "")
            if not kind.startswith("bias") or value is None:
                continue
            x, w = (int(v) for v in kind.split(":")[1].split(","))
            if x not in scales or w not in scales:
                return False
            scale = np.maximum((scales[w] * scales[x]).astype(np.float32), np.float32(1e-30))
            scale = np.broadcast_to(scale, value.shape)
            ints = np.clip(np.rint(value.astype(np.float64) / scale), -(2**31) + 1, 2**31 - 1).astype(np.int32)
            q = QuantParams(tuple(float(v) for v in scale), (0,) * len(scale), 0)
            found[i] = ints, TensorType(value.shape, "i32", q)
        return True

    def _pair_end(self, ref: str, t: TensorType, into: list[Node]) -> str:
        out = self.f.fresh(f"{ref[1:]}.dq")
        self.f.types[out] = t
        into.append(Node("dequantize", f"{self.node.name}.{out[1:]}", (ref,), (out,), NoAttrs()))
        return out

    def _pair(self, ref: str, kind: str, q: QuantParams, into: list[Node]) -> str:
        """The value behind a quantize and a dequantize node."""
        t = self.program.type_of(self.f, ref).with_(quant=None)
        made = self.f.fresh(f"{ref[1:]}.q")
        self.f.types[made] = t.with_(dtype=_DTYPES[kind], quant=q)
        attrs = QuantizeAttrs(_DTYPES[kind])
        into.append(Node("quantize", f"{self.node.name}.{made[1:]}", (ref,), (made,), attrs))
        return self._pair_end(made, t, into)

    def _write(self, inputs: list[str], outs: dict[int, QuantParams]) -> None:
        """Put the node with its new inputs, and pairs where its outputs are quantised otherwise or not at all."""
        mapping = {}
        for k, q in outs.items():
            if self._asked(k) != q:
                ref = self.node.outputs[k]
                mapping[ref] = self._pair(ref, self.out_kinds[k], q, self.after)
        rewire(self.f, mapping)
        at = next(k for k, n in enumerate(self.f.nodes) if n.outputs == self.node.outputs)
        self.f.nodes[at : at + 1] = [*self.before, replace(self.node, inputs=tuple(inputs)), *self.after]


def on_grid(w: np.ndarray, axis: int, grids: list[np.ndarray]) -> QuantParams | None:
    """Scales of a float weight that lies on one of the grids, or each of whose rows lies on a grid of its own.

    The latter are gates in another order than in PyTorch, or rows that the factors of a batch norm have gone into.
    """
    n = w.shape[axis]
    rows = np.moveaxis(w, axis, 0).reshape(n, -1).astype(np.float64)
    for grid in grids:
        if len(grid) in (1, n) and _fits(rows, np.broadcast_to(grid, (n,)).astype(np.float64)).all():
            return _rows(np.broadcast_to(grid, (n,)), axis)
    scale = np.zeros(n)
    tops = np.maximum(np.abs(rows).max(1, initial=0), 1e-12)
    for most in range(127, 0, -1):  # the largest weight of a row is a whole number
        scale = np.where((scale == 0) & _fits(rows, tops / most), tops / most, scale)
        if scale.all():
            return _rows(scale, axis)
    return None


def _rows(scale: np.ndarray, axis: int) -> QuantParams:
    return QuantParams(tuple(float(np.float32(s)) for s in scale), (0,) * len(scale), axis)


def _fits(rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Which rows are whole numbers from -127 to 127 times their scale."""
    real = rows / scale[:, None]
    whole = np.rint(real)
    fits = (np.abs(real - whole).max(1, initial=0) < 1e-3) & (np.abs(whole).max(1, initial=0) <= 127)
    return np.asarray(fits)
