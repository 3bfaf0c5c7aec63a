"""Post-training quantisation on the IR: watch a float program run, then write it with quantize/dequantize pairs.

The result is the canonical form every importer's quantised models take too; `passes.lower_qdq` makes integers of it.
Weights get symmetric int8 with one scale per output channel, activations asymmetric int8, biases int32. Layers named
in `int16` work on symmetric int16 activations instead (TFLite's 16x8 rule); where an int8 and an int16 layer meet, the
value is kept in one form and converted for the readers of the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from picozoo import ops
from picozoo.compress.ranges import Seen, affine, choose, power_of_two16, symmetric16, weight_params
from picozoo.errors import Unsupported, UsageError
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Function, Node, Program
from picozoo.ops._fixed_point import quantize_array
from picozoo.ops._op import NoAttrs
from picozoo.ops.quantize import QuantizeAttrs
from picozoo.specs import QuantParams, TensorType

Key = tuple[str, str]
Calls = Iterable[tuple[str, Sequence[np.ndarray]] | None]
# Kinds of activations. "wide" is an "act" of a layer that was asked to work in int16.
_PROBE = {
    "act": ("i8", QuantParams.tensor(0.1)),
    "wide": ("i16", QuantParams.tensor(0.001)),
    "act16": ("i16", QuantParams.tensor(2.0**-12)),
}
_WIDTH = list(_PROBE)
_FIXED16 = QuantParams.tensor(2.0**-15)  # int16 outputs of softmax, sigmoid and tanh, as in TFLite


@dataclass(frozen=True)
class Chosen:
    """Integer type and parameters of a group of values."""

    dtype: str
    quant: QuantParams

    @property
    def scale(self) -> float:
        """The one scale."""
        return self.quant.scale[0]

    @property
    def zero(self) -> int:
        """The one zero point."""
        return self.quant.zero_point[0]


@dataclass
class Site:
    """A node that gets an integer form, and the value groups it ties together.

    `apart`: inputs of what only moves values that are int8 where it works in int16, and are converted for it.
    """

    function: Function
    node: Node
    wide: bool = False
    apart: set[int] = field(default_factory=set)

    def kinds(self, program: Program) -> tuple[dict[int, str], list[str]]:
        """Kinds of its inputs and outputs."""
        op, attrs = ops.get(self.node.op), self.node.attrs
        ins = dict(op.quant_inputs(program.in_types(self.function, self.node), attrs))
        outs = list(op.quant_outputs(program.out_types(self.function, self.node), attrs))
        if self.wide:
            ins = {i: "wide" if k == "act" else k for i, k in ins.items()}
            outs = ["wide" if k == "act" else k for k in outs]
        return ins, outs


def calibrate(program: Program, calls: Calls) -> dict[Key, Seen]:
    """Run the calls in order and record every float value, state included.

    Args:
        calls: (function, inputs), or None to reset the state (a new sequence starts).
    """
    seen: dict[Key, Seen] = {}

    def note(k: Key, value: np.ndarray) -> None:
        if value.dtype == np.float32:
            seen.setdefault(k, Seen()).add(value)

    def watch(f: Function, node: Node, outs: list[np.ndarray]) -> None:
        for ref, value in zip(node.outputs, outs, strict=True):
            note((f.name, ref), value)

    machine = Interpreter(program, watch)
    for call in calls:
        if call is None:
            machine.reset()
            continue
        name, inputs = call
        for ref, value in machine.state.items():
            note(("", ref), value)
        for ref, value in zip(program.functions[name].params, inputs, strict=True):
            note((name, ref), value)
        machine.call(name, *inputs)
    return seen


def quantise(
    program: Program,
    calls: Calls,
    *,
    method: str = "mse",
    keep_float: Sequence[str] = (),
    int16: Sequence[str] = (),
    seen: Mapping[Key, Seen] | None = None,
) -> Program:
    """The program in int8, as quantize/dequantize pairs around float operators.

    Args:
        program: float, after the float passes (so that activations are fused and layouts chosen).
        calls: calibration calls, a few hundred typical inputs; see `calibrate`.
        method: how ranges are chosen, see `ranges.choose`.
        keep_float: names of nodes to leave in float.
        int16: names of nodes whose activations are int16; their weights stay int8.
        seen: what `calibrate` gave for this program before; `calls` are then not run.

    Raises:
        UsageError: a name that no node has, or calibration that never reaches a function.
        Unsupported: a layer in `int16` whose operator has no such form.
    """
    names = {n.name for f in program.functions.values() for n in f.nodes}
    if unknown := sorted({*keep_float, *int16} - names):
        raise UsageError(f"no layer is called {', '.join(unknown)}; layers: {', '.join(sorted(names)[:20])}")
    if both := sorted({*keep_float} & {*int16}):
        raise UsageError(f"layer {', '.join(both)} is asked to stay in float and to be int16; choose one")
    program = _products(program)
    sites = [
        Site(f, n, n.name in int16)
        for f in program.functions.values()
        for n in _eligible(program, f, set(keep_float), set(int16))
    ]
    _refuse_narrow(program, sites, set(int16))
    groups = _Groups()
    made: set[Key] = set()
    for s in sites:  # what is only moved from a parameter can be quantised as its reader wants
        moved = ops.get(s.node.op).quant_rule == "same"
        if not moved or any((s.function.name, r) in made for r in s.node.inputs):
            made |= {(s.function.name, r) for r in s.node.outputs}
    for s in sites:
        _tie(program, s, groups, made)
    _tie_states(program, groups)
    params = _parameters(program, groups, calibrate(program, calls) if seen is None else seen, method)
    _quantise_states(program, params)
    for f in program.functions.values():
        _Rewriter(program, f, {id(s.node): s for s in sites}, params).run()
    return program


def _products(program: Program) -> Program:
    """A copy in which dividing by constants is multiplying, which has an integer form."""
    program = program.copy()
    for f in program.functions.values():
        for k, node in enumerate(f.nodes):
            by = program.constant(node.inputs[1]) if node.op == "div" else None
            if by is None or not f.types[node.outputs[0]].is_float or not (by != 0).all():
                continue
            ref = program.add_constant(f"{node.inputs[1]}.inverse", np.float32(1) / by, TensorType(by.shape))
            f.nodes[k] = replace(node, op="mul", inputs=(node.inputs[0], ref), attrs=ops.get("mul").Attrs())
    return program


def wide_layers(program: Program) -> list[str]:
    """Names of the nodes that have an int16 form."""
    return [n.name for f in program.functions.values() for n in f.nodes if _lowers(program, f, n, wide=True)]


def _refuse_narrow(program: Program, sites: Sequence[Site], int16: set[str]) -> None:
    """Every named layer must have an int16 form and be a site."""
    can = set(wide_layers(program)) & {s.node.name for s in sites}
    if cannot := sorted(int16 - can):
        ops_of = {n.name: n.op for f in program.functions.values() for n in f.nodes}
        listed = ", ".join(f"{name} ({ops_of[name]})" for name in cannot)
        raise Unsupported(
            f"no int16 form of layer {listed}; of this network these can be int16: {', '.join(sorted(can)) or 'none'}"
        )


def _eligible(program: Program, f: Function, keep: set[str], wide: set[str]) -> list[Node]:
    """Nodes that have an integer form here. Movers count only next to another one: alone they gain nothing."""
    chosen: list[Node] = []
    integer: set[str] = set(f.params)
    for node in f.nodes:
        op = ops.get(node.op)
        lowers = _lowers(program, f, node, wide=node.name in wide)
        if op.quant_rule == "none" or node.name in keep or not lowers:
            continue
        if op.quant_rule == "same" and not any(r in integer or r[0] == "$" for r in node.inputs):
            continue
        if op.quant_rule == "follow" and not _follows(f, node, integer):
            continue
        chosen.append(node)
        integer.update(node.outputs)
    # a mover fed by a parameter that only float nodes read later would be quantised for nothing
    while True:
        readers = {r for n in chosen for r in n.inputs}
        useless = [
            n
            for n in chosen
            if ops.get(n.op).quant_rule == "same"
            and all(r in f.params for r in n.inputs)
            and not any(o in readers for o in n.outputs)
        ]
        if not useless:
            return chosen
        chosen = [n for n in chosen if n not in useless]


def _follows(f: Function, node: Node, integer: set[str]) -> bool:
    """Is every input of the node integer or constant, and one of them computed by an integer operator?"""
    moving = [r for r in node.inputs if r[0] != "@"]
    return all(r in integer for r in moving) and any(r not in f.params for r in moving)


def _lowers(program: Program, f: Function, node: Node, *, wide: bool = False) -> bool:
    op = ops.get(node.op)
    if op.quant_rule == "none":
        return False
    ins, outs = program.in_types(f, node), program.out_types(f, node)
    kinds, made_kinds = Site(f, node, wide).kinds(program)
    if any(t.dtype != "f32" for i, t in enumerate(ins) if i in kinds) or any(t.dtype != "f32" for t in outs):
        return False
    probe = []
    for i, t in enumerate(ins):
        kind = kinds.get(i, "")
        if kind.startswith(("weight", "bias")) and program.constant(node.inputs[i]) is None:
            return False
        if kind in _PROBE:
            probe.append(t.with_(dtype=_PROBE[kind][0], quant=_PROBE[kind][1]))
        elif kind.startswith("weight"):
            probe.append(t.with_(dtype="i8", quant=QuantParams.tensor(0.1)))
        elif kind.startswith("bias"):
            probe.append(t.with_(dtype="i32"))
        else:
            probe.append(t)
    made = [t.with_(dtype=_PROBE[k][0], quant=_PROBE[k][1]) for t, k in zip(outs, made_kinds, strict=True)]
    if op.quant_rule == "fixed" and not wide:
        made = [t.with_(quant=QuantParams.tensor(*op.fixed_quant(outs, node.attrs))) for t in made]
    elif wide and (op.fixed16 or op.quant_rule == "fixed"):
        made = [t.with_(quant=_FIXED16) for t in made]
    return op.lowers(probe, made, node.attrs) or (wide and op.wide_form(node.attrs) is not None)


class _Groups:
    """Values that must share parameters, and what kind of integers they become."""

    def __init__(self) -> None:
        self.parent: dict[Key, Key] = {}
        self.kind: dict[Key, str] = {}
        self.fixed: dict[Key, QuantParams] = {}

    def find(self, k: Key) -> Key:
        self.parent.setdefault(k, k)
        while self.parent[k] != k:
            k = self.parent[k]
        return k

    def add(self, k: Key, kind: str) -> None:
        root = self.find(k)
        # the wider one wins: an operator that needs it cannot take less
        self.kind[root] = max(kind, self.kind.get(root, kind), key=_WIDTH.index)

    def join(self, a: Key, b: Key) -> None:
        ra, rb = self.find(a), self.find(b)
        if ra == rb:
            return
        self.parent[rb] = ra
        if rb in self.kind:
            self.add(ra, self.kind.pop(rb))
        if rb in self.fixed:
            self.fixed[ra] = self.fixed.pop(rb)

    def members(self) -> dict[Key, list[Key]]:
        found: dict[Key, list[Key]] = {}
        for k in self.parent:
            found.setdefault(self.find(k), []).append(k)
        return found


def _key(f: Function, ref: str) -> Key:
    return ("", ref) if ref[0] != "%" else (f.name, ref)


def _input_key(f: Function, node: Node, i: int) -> Key:
    """As `_key`, but a constant has parameters of its own wherever it is read: a start of zeros serves many layers."""
    ref = node.inputs[i]
    return (f"{f.name}:{node.name}:{i}", ref) if ref[0] == "@" else _key(f, ref)


def _tie(program: Program, s: Site, groups: _Groups, made: set[Key]) -> None:
    """Join what the site ties, and say what kind its values must be. `made`: what integer operators compute."""
    op, f, node = ops.get(s.node.op), s.function, s.node
    kinds, out_kinds = s.kinds(program)
    if op.quant_rule == "same":
        s.apart = _narrow_inputs(s, groups, made)
    for i, kind in kinds.items():
        if i in s.apart:
            groups.join(_key(f, node.outputs[0]), (f.name, f"{node.inputs[i]}#wide"))
        elif kind in _PROBE and i < len(node.inputs):
            # what another layer computes stays in that layer's form, and is converted for this one
            converted = kind == "wide" and (f.name, node.inputs[i]) in made and op.quant_rule != "same"
            groups.add(_input_key(f, node, i), "act" if converted else kind)
    for ref, kind in zip(node.outputs, out_kinds, strict=True):
        groups.add(_key(f, ref), kind)
    if op.quant_rule == "same":
        acts = [i for i, k in kinds.items() if k in _PROBE and i < len(node.inputs) and i not in s.apart]
        for k in (_input_key(f, node, i) for i in acts):
            groups.join(k, _key(f, node.outputs[0]))
        if s.apart:
            groups.add(_key(f, node.outputs[0]), "wide")
    elif s.wide and op.fixed16:
        groups.fixed[groups.find(_key(f, node.outputs[0]))] = _FIXED16
    elif op.quant_rule == "fixed":
        fixed = QuantParams.tensor(*op.fixed_quant(program.out_types(f, node), node.attrs))
        groups.fixed[groups.find(_key(f, node.outputs[0]))] = _FIXED16 if s.wide else fixed
    # an int16 input (the old cell) and the int16 output that replaces it share their scale
    both = [_input_key(f, node, i) for i, k in kinds.items() if k == "act16"]
    both += [_key(f, r) for r, k in zip(node.outputs, out_kinds, strict=True) if k == "act16"]
    tied_ins, tied_outs = op.quant_ties(node.attrs)
    tied = [_input_key(f, node, i) for i in tied_ins] + [_key(f, node.outputs[i]) for i in tied_outs]
    for keys in (both, tied):
        for k in keys[1:]:
            groups.join(keys[0], k)


def _narrow_inputs(s: Site, groups: _Groups, made: set[Key]) -> set[int]:
    """Inputs of a mover that other layers compute in int8, where the mover or another of its inputs is int16."""
    keys = {i: _key(s.function, r) for i, r in enumerate(s.node.inputs) if r[0] == "%"}
    found = {i: groups.kind.get(groups.find(k), "act") for i, k in keys.items() if k in made}
    wide = s.wide or "wide" in found.values()
    return {i for i, kind in found.items() if wide and kind == "act"}


def _tie_states(program: Program, groups: _Groups) -> None:
    for f in program.functions.values():
        for state, ref in f.updates.items():
            known = ("", state) in groups.parent or _key(f, ref) in groups.parent
            if known and program.state_types[state].is_float:
                groups.join(("", state), _key(f, ref))


def _parameters(program: Program, groups: _Groups, seen: Mapping[Key, Seen], method: str) -> dict[Key, Chosen]:
    found: dict[Key, Chosen] = {}
    for root, members in groups.members().items():
        kind, fixed, merged = groups.kind[root], groups.fixed.get(root), Seen()
        for k in members:
            if k[1][0] == "@":
                merged.add(program.constants[k[1]])
            elif (base := (k[0], k[1].partition("#")[0])) in seen:
                merged.merge(seen[base])
        if merged.low > merged.high:
            raise UsageError(
                f"calibration never computed {members[0][1][1:]}; give inputs for every function that is quantised"
            )
        if kind in ("act", "wide"):
            other = "wide" if kind == "act" else "act"
            converted = Chosen(_PROBE[other][0], _params(merged, other, method))
            hints = ((k[0], f"{k[1]}#{other}") for k in members)
            found.update({k: converted for k in hints if k not in groups.parent})
        params = fixed or _params(merged, kind, method)
        found.update(dict.fromkeys(members, Chosen(_PROBE[kind][0], params)))
    return found


def _params(seen: Seen, kind: str, method: str) -> QuantParams:
    if kind == "act16":
        return power_of_two16(seen.low, seen.high)
    return symmetric16(seen.low, seen.high) if kind == "wide" else choose(seen, method)


def _int_type(t: TensorType, p: Chosen) -> TensorType:
    return t.with_(dtype=p.dtype, quant=p.quant)


def _quantise_states(program: Program, params: Mapping[Key, Chosen]) -> None:
    for ref, t in list(program.state_types.items()):
        q = params.get(("", ref))
        if q is not None and t.is_float:
            made = _int_type(t, q)
            program.state_types[ref] = made
            program.states[ref] = quantize_array(program.states[ref], q.scale, q.zero, made.dtype)


class _Rewriter:
    """Puts quantize/dequantize pairs into one function."""

    def __init__(self, program: Program, f: Function, sites: Mapping[int, Site], params: Mapping[Key, Chosen]) -> None:
        self.program, self.f, self.sites, self.params = program, f, sites, params
        self.nodes: list[Node] = []
        self.real: dict[str, str] = {}  # reference -> its dequantised form
        self.integer: dict[str, str] = {}  # reference -> its integers

    def run(self) -> None:
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
            made = self._emit("quantize", self.real[ref], _int_type(t, here), f"{name}.q", QuantizeAttrs(here.dtype))
            self.real[hint] = self._emit("dequantize", made, t.with_(dtype="f32", quant=None), f"{name}.dq")
        return self.real[hint]

    def _key(self, ref: str) -> Key:
        return _key(self.f, ref)

    def _kind(self, node: Node, i: int) -> str:
        """What kind of integers a site takes as input `i`; "" where it takes what there is."""
        if ops.get(node.op).quant_rule == "same":
            return "wide" if i in self.sites[id(node)].apart else ""
        return self.sites[id(node)].kinds(self.program)[0].get(i, "")

    def _chosen(self, node: Node, i: int) -> Chosen:
        """Parameters with which a site reads input `i`."""
        k = _input_key(self.f, node, i)
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
        made = _int_type(t, q)
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
            elif kind in _PROBE and value is not None:
                p = self._chosen(node, i)
                t = _int_type(TensorType(value.shape), p)
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


__all__ = ["affine", "calibrate", "quantise", "wide_layers"]
