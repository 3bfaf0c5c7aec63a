"""Post-training quantisation on the IR: watch a float program run, then write it with quantize/dequantize pairs.

The result is the canonical form every importer's quantised models take too; `passes.lower_qdq` makes integers of it.
Weights get symmetric int8 with one scale per output channel, activations asymmetric int8, biases int32. Layers named
in `int16` work on symmetric int16 activations instead (TFLite's 16x8 rule); where an int8 and an int16 layer meet, the
value is kept in one form and converted for the readers of the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from picozoo import ops
from picozoo.compress._curves import curves
from picozoo.compress._groups import PROBE, Chosen, Groups, Key, Site, input_key, int_type, key_of
from picozoo.compress._masks import as_sums, soften
from picozoo.compress._pairs import Rewriter
from picozoo.compress.ranges import Seen, affine, choose, power_of_two16, symmetric16
from picozoo.errors import Unsupported, UsageError
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Function, Node, Program
from picozoo.ops._fixed_point import quantize_array
from picozoo.specs import QuantParams, TensorType

Calls = Iterable[tuple[str, Sequence[np.ndarray]] | None]
_FIXED16 = QuantParams.tensor(2.0**-15)  # int16 outputs of softmax, sigmoid and tanh, as in TFLite


def calibrate(program: Program, calls: Calls) -> dict[Key, Seen]:
    """Run the calls in order and record every float value, state included.

    Args:
        calls: (function, inputs), or None to reset the state (a new sequence starts).
    """
    seen: dict[Key, Seen] = {}

    def note(k: Key, value: np.ndarray) -> None:
        if value.dtype == np.float32:
            seen.setdefault(k, Seen()).add(value)

    def watch(f: Function, node: Node, args: list[np.ndarray], outs: list[np.ndarray]) -> None:
        for ref, value in zip(node.outputs, outs, strict=True):
            note((f.name, ref), value)
        for i, value in ops.get(node.op).on_the_way(args, outs, node.attrs).items():
            note((f.name, node.outputs[i]), value)

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
    program = products(program)
    seen = soften(program, calibrate(program, calls) if seen is None else seen)
    sites = [
        Site(f, n, n.name in int16)
        for f in program.functions.values()
        for n in _eligible(program, f, set(keep_float), set(int16))
    ]
    _refuse_narrow(program, sites, set(int16))
    groups = Groups()
    made: set[Key] = set()
    for s in sites:  # what is only moved from a parameter can be quantised as its reader wants
        moved = ops.get(s.node.op).quant_rule == "same"
        if not moved or any((s.function.name, r) in made for r in s.node.inputs):
            made |= {(s.function.name, r) for r in s.node.outputs}
    for s in sites:
        _tie(program, s, groups, made)
    _tie_states(program, groups)
    params = _parameters(program, groups, seen, method)
    _quantise_states(program, params)
    for f in program.functions.values():
        Rewriter(program, f, {id(s.node): s for s in sites}, params).run()
    return program


def products(program: Program) -> Program:
    """A copy in which dividing by constants is multiplying, and masking adding, which have integer forms."""
    program = program.copy()
    as_sums(program)
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
    """Nodes that have an integer form here, apart from those inside curves between integers; see `_curves`."""
    apart = [(nodes, source) for nodes, source in curves(program, f) if not {n.name for n in nodes} & (keep | wide)]
    uses = f.uses()
    while True:
        chosen, integer = _chosen(program, f, keep, wide, apart)
        fit = [
            (nodes, source)
            for nodes, source in apart
            if source in integer
            and source not in f.params
            and all(r is not None and r in chosen for r in uses.get(nodes[-1].outputs[0], [None]))
        ]
        if len(fit) == len(apart):
            return chosen
        apart = fit


def _chosen(
    program: Program, f: Function, keep: set[str], wide: set[str], apart: Sequence[tuple[list[Node], str]]
) -> tuple[list[Node], set[str]]:
    """Nodes to be in integers if those of the curves `apart` are not, and all that is then made as integers.

    Movers count only next to another one: alone they gain nothing.
    """
    chosen: list[Node] = []
    integer: set[str] = set(f.params)
    inside = {n.name for nodes, _ in apart for n in nodes}
    ends = {nodes[-1].name: source for nodes, source in apart}
    for node in f.nodes:
        if node.name in inside:
            if ends.get(node.name) in integer:
                integer.update(node.outputs)
            continue
        op = ops.get(node.op)
        lowers = _lowers(program, f, node, wide=node.name in wide)
        if op.quant_rule == "none" or node.name in keep or not lowers:
            continue
        if op.quant_rule == "same" and not any(r in integer or r[0] == "$" for r in node.inputs):
            continue
        if op.quant_rule in ("follow", "inner") and not _follows(f, node, integer):
            continue
        chosen.append(node)
        integer.update(node.outputs)
    inner = [n for n in chosen if ops.get(n.op).quant_rule == "inner" and n.name not in wide]
    chosen = [n for n in chosen if n not in inner or _feeds(n, chosen)]
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
            return chosen, integer
        chosen = [n for n in chosen if n not in useless]


def _feeds(node: Node, chosen: list[Node]) -> bool:
    """Does an integer layer that is there for itself read what the node makes, perhaps after others?"""
    readers = [n for n in chosen if set(node.outputs) & set(n.inputs)]
    return any(ops.get(n.op).quant_rule in ("free", "fixed") or _feeds(n, chosen) for n in readers)


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
        if kind.startswith(("weight", "bias", "const16")) and program.constant(node.inputs[i]) is None:
            return False
        if kind in PROBE:
            probe.append(t.with_(dtype=PROBE[kind][0], quant=PROBE[kind][1]))
        elif kind.startswith("weight"):
            probe.append(t.with_(dtype="i8", quant=QuantParams.tensor(0.1)))
        elif kind == "const16":
            probe.append(t.with_(dtype="i16", quant=QuantParams.tensor(0.001)))
        elif kind.startswith("bias"):
            probe.append(t.with_(dtype="i32"))
        else:
            probe.append(t)
    made = [t.with_(dtype=PROBE[k][0], quant=PROBE[k][1]) for t, k in zip(outs, made_kinds, strict=True)]
    if op.quant_rule in ("fixed", "inner") and not wide:
        made = [t.with_(quant=QuantParams.tensor(*op.fixed_quant(outs, node.attrs))) for t in made]
    elif wide and (op.fixed16 or op.quant_rule in ("fixed", "inner")):
        made = [t.with_(quant=_FIXED16) for t in made]
    return op.lowers(probe, made, node.attrs) or (wide and op.wide_form(node.attrs) is not None)


def _tie(program: Program, s: Site, groups: Groups, made: set[Key]) -> None:
    """Join what the site ties, and say what kind its values must be. `made`: what integer operators compute."""
    op, f, node = ops.get(s.node.op), s.function, s.node
    kinds, out_kinds = s.kinds(program)
    if op.quant_rule == "same":
        s.apart = _narrow_inputs(s, groups, made)
    for i, kind in kinds.items():
        if i in s.apart:
            groups.join(key_of(f, node.outputs[0]), (f.name, f"{node.inputs[i]}#wide"))
        elif kind in PROBE and i < len(node.inputs):
            # what another layer computes stays in that layer's form, and is converted for this one
            converted = kind == "wide" and (f.name, node.inputs[i]) in made and op.quant_rule != "same"
            groups.add(input_key(f, node, i), "act" if converted else kind)
    for ref, kind in zip(node.outputs, out_kinds, strict=True):
        groups.add(key_of(f, ref), kind)
    if op.quant_rule == "same":
        acts = [i for i, k in kinds.items() if k in PROBE and i < len(node.inputs) and i not in s.apart]
        for k in (input_key(f, node, i) for i in acts):
            groups.join(k, key_of(f, node.outputs[0]))
        if s.apart:
            groups.add(key_of(f, node.outputs[0]), "wide")
    elif s.wide and op.fixed16:
        groups.fixed[groups.find(key_of(f, node.outputs[0]))] = _FIXED16
    elif op.quant_rule in ("fixed", "inner"):
        fixed = QuantParams.tensor(*op.fixed_quant(program.out_types(f, node), node.attrs))
        groups.fixed[groups.find(key_of(f, node.outputs[0]))] = _FIXED16 if s.wide else fixed
    # an int16 input (the old cell) and the int16 output that replaces it share their scale
    both = [input_key(f, node, i) for i, k in kinds.items() if k == "act16"]
    both += [key_of(f, r) for r, k in zip(node.outputs, out_kinds, strict=True) if k == "act16"]
    tied_ins, tied_outs = op.quant_ties(node.attrs)
    tied = [input_key(f, node, i) for i in tied_ins] + [key_of(f, node.outputs[i]) for i in tied_outs]
    for keys in (both, tied):
        for k in keys[1:]:
            groups.join(keys[0], k)


def _narrow_inputs(s: Site, groups: Groups, made: set[Key]) -> set[int]:
    """Inputs of a mover that other layers compute in int8, where the mover or another of its inputs is int16."""
    keys = {i: key_of(s.function, r) for i, r in enumerate(s.node.inputs) if r[0] == "%"}
    found = {i: groups.kind.get(groups.find(k), "act") for i, k in keys.items() if k in made}
    wide = s.wide or "wide" in found.values()
    return {i for i, kind in found.items() if wide and kind == "act"}


def _tie_states(program: Program, groups: Groups) -> None:
    for f in program.functions.values():
        for state, ref in f.updates.items():
            known = ("", state) in groups.parent or key_of(f, ref) in groups.parent
            if known and program.state_types[state].is_float:
                groups.join(("", state), key_of(f, ref))


def _parameters(program: Program, groups: Groups, seen: Mapping[Key, Seen], method: str) -> dict[Key, Chosen]:
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
        if kind in PROBE:
            # for the readers that take the other form; a "wide" one takes int16 with a power-of-two scale as it is
            other = "wide" if kind == "act" else "act"
            converted = Chosen(PROBE[other][0], _params(merged, other, method))
            hints = ((k[0], f"{k[1]}#{other}") for k in members)
            found.update({k: converted for k in hints if k not in groups.parent})
        params = fixed or _params(merged, kind, method)
        found.update(dict.fromkeys(members, Chosen(PROBE[kind][0], params)))
    return found


def _params(seen: Seen, kind: str, method: str) -> QuantParams:
    if kind == "act16":
        return power_of_two16(seen.low, seen.high)
    return symmetric16(seen.low, seen.high) if kind == "wide" else choose(seen, method)


def _quantise_states(program: Program, params: Mapping[Key, Chosen]) -> None:
    for ref, t in list(program.state_types.items()):
        q = params.get(("", ref))
        if q is not None and t.is_float:
            made = int_type(t, q)
            program.state_types[ref] = made
            program.states[ref] = quantize_array(program.states[ref], q.scale, q.zero, made.dtype)


__all__ = ["affine", "calibrate", "quantise", "wide_layers"]
