"""Writes quantize/dequantize pairs round the sites of a function, and their constants as integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from picozoo import ops
from picozoo.compress._groups import PROBE, Chosen, Key, Site, input_key, int_type, key_of
from picozoo.compress.ranges import symmetric16, weight_params
from picozoo.ir.program import Function, Node, Program
from picozoo.ops._fixed_point import quantize_array
from picozoo.ops._op import NoAttrs
from picozoo.ops.quantize import QuantizeAttrs
from picozoo.specs import QuantParams, TensorType


class Rewriter:
    """Puts quantize/dequantize pairs into one function."""

    def __init__(self, program: Program, f: Function, sites: Mapping[int, Site], params: Mapping[Key, Chosen]) -> None:
        self.program, self.f, self.sites, self.params = program, f, sites, params
        self.nodes: list[Node] = []
        self.real: dict[str, str] = {}  # reference -> its dequantised form
        self.integer: dict[str, str] = {}  # reference -> its integers

    def run(self) -> None:
        """Rewrite the function in place."""
        f = self.f
        for p in f.params:
            self._pair(p)
        for state in self.program.states:
            if ("", state) in self.params and self.program.state_types[state].quant is not None:
                self.integer[state] = state
                self.real[state] = self._emit(
                    "dequantize", state, TensorType(self.program.state_types[state].shape), f"{state[1:]}.dq"
                )
        for node in f.nodes:
            inputs = [self.real.get(r, r) for r in node.inputs]
            if id(node) in self.sites:
                inputs = self._constants(self.sites[id(node)], [self._converted(node, i) for i in range(len(inputs))])
            self.nodes.append(replace(node, inputs=tuple(inputs)))
            for ref in node.outputs:
                self._pair(ref)
        f.nodes = self.nodes
        f.results = tuple(self.real.get(r, r) for r in f.results)
        f.updates = {s: self._updated(s, r) for s, r in f.updates.items()}

    def _converted(self, node: Node, i: int) -> str:
        """Input `i` of a site in real numbers: from integers of the kind that the site takes."""
        ref, kind = node.inputs[i], self._kind(node, i)
        here = self.params.get((self._key(ref)[0], f"{ref}#{kind}"))
        if here is None or ref[0] == "@":
            return self.real.get(ref, ref)
        if (hint := f"{ref}#{kind}") not in self.real:
            t = self.program.type_of(self.f, ref)
            name = f"{ref[1:]}.{here.dtype}"
            made = self._emit("quantize", self.real[ref], int_type(t, here), f"{name}.q", QuantizeAttrs(here.dtype))
            self.real[hint] = self._emit("dequantize", made, t.with_(dtype="f32", quant=None), f"{name}.dq")
        return self.real[hint]

    def _key(self, ref: str) -> Key:
        return key_of(self.f, ref)

    def _kind(self, node: Node, i: int) -> str:
        """What kind of integers a site takes as input `i`; "" where it takes what there is."""
        if ops.get(node.op).quant_rule == "same":
            return "wide" if i in self.sites[id(node)].apart else ""
        return self.sites[id(node)].kinds(self.program)[0].get(i, "")

    def _chosen(self, node: Node, i: int) -> Chosen:
        """Parameters with which a site reads input `i`."""
        k = input_key(self.f, node, i)
        return self.params.get((k[0], f"{k[1]}#{self._kind(node, i)}"), self.params[k])

    def _updated(self, state: str, ref: str) -> str:
        t = self.program.state_types[state]
        if t.quant is None:
            return self.real.get(ref, ref)
        if ref in self.integer and self.program.type_of(self.f, self.integer[ref]) == t:
            return self.integer[ref]
        made = self._emit("quantize", self.real.get(ref, ref), t, f"{state[1:]}.q", QuantizeAttrs(t.dtype))
        return made

    def _emit(self, op: str, ref: str, t: TensorType, hint: str, attrs: object = None) -> str:
        out = self.f.fresh(hint)
        self.f.types[out] = t
        taken = {n.name for n in self.nodes} | {n.name for n in self.f.nodes}
        name, k = out[1:], 1
        while name in taken:
            name, k = f"{out[1:]}_{k}", k + 1
        self.nodes.append(Node(op, name, (ref,), (out,), attrs or NoAttrs()))
        return out

    def _pair(self, ref: str) -> None:
        q = self.params.get((self.f.name, ref))
        t = self.f.types[ref]
        if q is None or not t.is_float:
            return
        made = int_type(t, q)
        self.integer[ref] = self._emit("quantize", ref, made, f"{ref[1:]}.q", QuantizeAttrs(made.dtype))
        self.real[ref] = self._emit("dequantize", self.integer[ref], t, f"{ref[1:]}.dq")

    def _constants(self, site: Site, inputs: list[str]) -> list[str]:
        """Weights, biases and constant activations of a site, as integers behind a dequantize."""
        node, kinds = site.node, site.kinds(self.program)[0]
        out = list(inputs)
        scales: dict[int, np.ndarray] = {}
        for i, ref in enumerate(node.inputs):
            value, kind = self.program.constant(ref), kinds.get(i, "")
            if kind.startswith("weight") and value is not None:
                q = weight_params(value, int(kind.split(":")[1]))
                s, z = q.broadcast(value.ndim)
                out[i] = self._constant(f"{ref}.i8", quantize_array(value, s, z), TensorType(value.shape, "i8", q))
                scales[i] = np.array(q.scale, np.float64)
            elif kind == "const16" and value is not None:
                q = symmetric16(float(value.min()), float(value.max()))
                ints = quantize_array(value, q.scale[0], 0, "i16")
                out[i] = self._constant(f"{ref}.i16", ints, TensorType(value.shape, "i16", q))
            elif kind in PROBE and value is not None:
                p = self._chosen(node, i)
                t = int_type(TensorType(value.shape), p)
                out[i] = self._constant(f"{ref}.q", quantize_array(value, p.scale, p.zero, t.dtype), t)
        for i, ref in enumerate(node.inputs):
            value, kind = self.program.constant(ref), kinds.get(i, "")
            if kind.startswith("bias") and value is not None:
                x, w = (int(v) for v in kind.split(":")[1].split(","))
                sx = self._chosen(node, x).scale
                scale = np.maximum((scales[w] * sx).astype(np.float32), np.float32(1e-30))
                ints = np.clip(np.rint(value.astype(np.float64) / scale), -(2**31) + 1, 2**31 - 1).astype(np.int32)
                q = QuantParams(tuple(float(v) for v in scale), (0,) * len(scale), 0)
                out[i] = self._constant(f"{ref}.i32", ints, TensorType(value.shape, "i32", q))
        return out

    def _constant(self, hint: str, array: np.ndarray, t: TensorType) -> str:
        ref = self.program.add_constant(hint, array, t)
        return self._emit("dequantize", ref, TensorType(t.shape), f"{hint[1:]}.dq")
