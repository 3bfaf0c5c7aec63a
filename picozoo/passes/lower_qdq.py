"""Makes integer operators of islands: dequantize -> operator -> quantize becomes the operator on integers.

An operator is lowered if every float input comes from a dequantize node, every float output is read only by quantize
nodes of one type, and `Op.lowers` has an integer form for those types. Float constants that the integer form takes in
int16 (slopes, factors of a normalisation) become that. What is left over stays float between its pairs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from picozoo import ops
from picozoo.compress.ranges import symmetric16
from picozoo.ir.program import Function, Node, Program, rewire
from picozoo.ops._fixed_point import quantize_array
from picozoo.ops.reshape import ReshapeAttrs
from picozoo.passes import dead_code
from picozoo.specs import Target, TensorType

_CONVERTED = ("i8", "i16")


def run(program: Program, target: Target) -> Program:
    """The program with every possible island in integers and the unread pairs removed."""
    program = program.copy()
    for f in program.functions.values():
        for node in list(f.nodes):
            if node.op not in ("quantize", "dequantize", "while_loop"):
                _lower(program, f, node)
        _drop_round_trips(program, f)
        _convert(program, f)
    return dead_code.run(program, target)


def _lower(program: Program, f: Function, node: Node) -> None:
    made, uses = f.producers(), f.uses()
    inputs = []
    kinds = ops.get(node.op).quant_inputs(program.in_types(f, node), node.attrs)
    for i, ref in enumerate(node.inputs):
        before = made.get(ref)
        if before is not None and before.op == "dequantize":
            inputs.append(before.inputs[0])
        elif not program.type_of(f, ref).is_float:
            inputs.append(ref)
        elif ref[0] == "@" and kinds.get(i) == "const16" and np.isfinite(program.constants[ref]).all():
            inputs.append(_in_int16(program, ref))
        else:
            return
    if all(a == b for a, b in zip(inputs, node.inputs, strict=True)):
        return
    # an output of another kind (the index of the largest) stays as it is
    quantizers = [_quantizers(f, uses, ref) if f.types[ref].is_float else [] for ref in node.outputs]
    if any(f.types[ref].is_float and not q for ref, q in zip(node.outputs, quantizers, strict=True)):
        return
    outs: list[TensorType] = [
        f.types[q[0].outputs[0]] if q else f.types[ref] for ref, q in zip(node.outputs, quantizers, strict=True)
    ]
    ins = [program.type_of(f, r) for r in inputs]
    at = next(i for i, n in enumerate(f.nodes) if n is node)
    if ops.get(node.op).lowers(ins, outs, node.attrs):
        f.nodes[at] = replace(node, inputs=tuple(inputs))
    elif not _widen(program, f, at, inputs, outs):
        return
    mapping = {}
    for ref, t, nodes in zip(node.outputs, outs, quantizers, strict=True):
        f.types[ref] = t
        mapping.update({n.outputs[0]: ref for n in nodes})
        for n in nodes:
            f.nodes = [m for m in f.nodes if m is not n]
    rewire(f, mapping)


def _in_int16(program: Program, ref: str) -> str:
    """A float constant in symmetric int16."""
    value = program.constants[ref]
    q = symmetric16(float(value.min(initial=0)), float(value.max(initial=0)))
    ints = quantize_array(value, q.scale[0], 0, "i16")
    return program.add_constant(f"{ref}.i16", ints, TensorType(value.shape, "i16", q))


def _widen(program: Program, f: Function, at: int, inputs: list[str], outs: list[TensorType]) -> bool:
    """Put the form for int16 activations in the place of a node; False if there is none."""
    node = f.nodes[at]
    form, types = ops.get(node.op).wide_form(node.attrs), [program.type_of(f, r) for r in inputs]
    if form is None or types[0].dtype != "i16" or any(program.constant(r) is None for r in inputs[1:]):
        return False
    op, attrs = form
    x, w, y = types[0], types[1], outs[0]
    k, o = w.shape[-1], w.shape[0]
    image, windows = ((x.size // k, 1, 1, k), (o, 1, 1, k)) if x.rank != 4 or w.rank != 4 else (x.shape, w.shape)
    bias = program.constants[inputs[2]] if len(inputs) > 2 else np.zeros(o, np.int32)
    weights = program.constants[inputs[1]].reshape(windows)
    refs = [
        inputs[0],
        program.add_constant(inputs[1], weights, w.with_(shape=windows)),
        program.add_constant(f"{node.name}.i64", bias.astype(np.int64), TensorType((o,), "i64")),
    ]
    before, after, out = [], [], node.outputs[0]
    if image != x.shape:
        refs[0] = f.fresh(f"{node.name}.image")
        f.types[refs[0]] = x.with_(shape=image)
        before = [Node("reshape", f"{node.name}.image", (inputs[0],), (refs[0],), ReshapeAttrs(image))]
    made = ops.get(op).infer([program.type_of(f, r) for r in refs], attrs)[0]
    if made.shape != y.shape:
        out = f.fresh(f"{node.name}.out")
        after = [Node("reshape", f"{node.name}.out", (out,), node.outputs, ReshapeAttrs(y.shape))]
    f.types[out] = y.with_(shape=made.shape)
    if not ops.get(op).lowers([program.type_of(f, r) for r in refs], [f.types[out]], attrs):
        return False
    whole = replace(node, op=op, attrs=attrs, inputs=tuple(refs), outputs=(out,))
    f.nodes[at : at + 1] = [*before, whole, *after]
    return True


def _quantizers(f: Function, uses: dict[str, list[Node | None]], ref: str) -> list[Node]:
    """The quantize nodes that read `ref`, if nothing else does and they agree; else none."""
    readers = uses.get(ref, [])
    nodes = [r for r in readers if r is not None and r.op == "quantize"]
    same = len({f.types[n.outputs[0]] for n in nodes}) == 1
    return nodes if nodes and same and len(nodes) == len(readers) else []


def _drop_round_trips(program: Program, f: Function) -> None:
    """quantize(dequantize(q)) with the same parameters is q."""
    made = f.producers()
    mapping = {}
    for node in f.nodes:
        before = made.get(node.inputs[0]) if node.op == "quantize" else None
        if (
            before is not None
            and before.op == "dequantize"
            and program.type_of(f, before.inputs[0]) == f.types[node.outputs[0]]
        ):
            mapping[node.outputs[0]] = before.inputs[0]
    f.nodes = [n for n in f.nodes if n.outputs[0] not in mapping]
    rewire(f, mapping)


def _convert(program: Program, f: Function) -> None:
    """quantize(dequantize(q)) with other parameters is one conversion between integers."""
    made = f.producers()
    for k, node in enumerate(f.nodes):
        before = made.get(node.inputs[0]) if node.op == "quantize" else None
        if before is None or before.op != "dequantize":
            continue
        t = program.type_of(f, before.inputs[0])
        if t.dtype in _CONVERTED and t.quant is not None and t.quant.per_tensor:
            f.nodes[k] = replace(node, op="requantize", inputs=before.inputs)
