"""Chooses channels-last throughout: moves transposes down until they meet their inverse, and removes both.

Capture writes a channels-first convolution as transpose, conv2d, transpose. The rules, applied until none fits:

1. transposes in a row become one; one that moves nothing goes away; one that only moves dimensions of size one, or acts
   on a single row of elements, is a reshape;
2. an operator after a transpose that can work on the other order (`Op.permute`) moves before it;
3. a flattened transpose in front of a linear layer is undone in the columns of its weights;
4. a transpose whose input has other transposed readers is repeated for each reader, so that each can cancel.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from picozoo import ops
from picozoo.ir.program import Function, Node, Program, rewire
from picozoo.ops.reshape import ReshapeAttrs
from picozoo.ops.transpose import TransposeAttrs
from picozoo.passes import dead_code
from picozoo.specs import Target

Perm = tuple[int, ...]


def run(program: Program, target: Target) -> Program:
    """A program that computes the same with as few transposes as the rules can reach."""
    program = program.copy()
    for f in program.functions.values():
        for _ in range(10 * len(f.nodes) + 10):  # every rule removes a transpose or moves one down; this only guards
            if not any(rule(program, f) for rule in (_merge, _simplify, _sink, _into_linear)):
                break
    return dead_code.run(program, target)


def compose(first: Perm, then: Perm) -> Perm:
    """x.permute(first).permute(then) == x.permute(compose(first, then)).

    Example:
        >>> compose((0, 2, 3, 1), (0, 3, 1, 2))
        (0, 1, 2, 3)
    """
    return tuple(first[i] for i in then)


def inverse(perm: Perm) -> Perm:
    """The permutation that undoes `perm`."""
    return tuple(int(i) for i in np.argsort(perm))


def _merge(program: Program, f: Function) -> bool:
    made = f.producers()
    for i, node in enumerate(f.nodes):
        before = made.get(node.inputs[0]) if node.op == "transpose" else None
        if before is not None and before.op == "transpose":
            perm = compose(before.attrs.perm, node.attrs.perm)
            f.nodes[i] = replace(node, inputs=before.inputs, attrs=TransposeAttrs(perm))
            return True
    return False


def _simplify(program: Program, f: Function) -> bool:
    for i, node in enumerate(f.nodes):
        if node.op not in ("transpose", "reshape"):
            continue
        t, out = program.type_of(f, node.inputs[0]), f.types[node.outputs[0]]
        if t == out and (node.op == "reshape" or node.attrs.perm == tuple(range(t.rank))):
            f.nodes.pop(i)
            rewire(f, {node.outputs[0]: node.inputs[0]})
            return True
        if node.op == "transpose":
            moved = [p for p in node.attrs.perm if t.shape[p] != 1]
            if moved == sorted(moved):
                f.nodes[i] = replace(node, op="reshape", attrs=ReshapeAttrs(out.shape))
                return True
    return False


def _sink(program: Program, f: Function) -> bool:
    """Rule 2: op(transpose(x)) -> transpose(op'(x))."""
    made = f.producers()
    for i, node in enumerate(f.nodes):
        if len(node.outputs) != 1 or node.op in ("transpose", "reshape", "while_loop"):
            continue
        rank = f.types[node.outputs[0]].rank
        found = [made[r] for r in node.inputs if r in made and made[r].op == "transpose"]
        perms = {n.attrs.perm for n in found}
        if len(perms) != 1 or len(next(iter(perms))) != rank:
            continue
        perm = next(iter(perms))
        attrs = ops.get(node.op).permute(node.attrs, program.in_types(f, node), perm)
        extra: list[Node] = []
        inputs = [_unpermuted(program, f, made, r, perm, extra) for r in node.inputs]
        if attrs is None or any(r is None for r in inputs):
            continue
        _rebuild(program, f, i, node, [r for r in inputs if r], attrs, perm)
        f.nodes[i:i] = extra
        return True
    return False


def _unpermuted(
    program: Program, f: Function, made: dict[str, Node], ref: str, perm: Perm, extra: list[Node]
) -> str | None:
    """The input in the order before the transpose: its source, a permuted constant, or a scalar.

    A quantised constant with one scale is permuted behind its dequantize node, a new one in `extra`.
    """
    if ref in made and made[ref].op == "transpose":
        return made[ref].inputs[0]
    t = program.type_of(f, ref)
    if t.size == 1 and t.rank <= 1:
        return ref
    before = made.get(ref)
    if before is not None and before.op == "dequantize" and before.inputs[0][0] == "@":
        q = program.constant_types[before.inputs[0]]
        if q.quant is None or not q.quant.per_tensor:
            return None
        turned = _turned(program.constants[before.inputs[0]], perm)
        made_ref = f.fresh(f"{ref}.last")
        f.types[made_ref] = t.with_(shape=turned.shape)
        inner = program.add_constant(before.inputs[0], turned, q.with_(shape=turned.shape))
        extra.append(replace(before, name=_free_name(f, made_ref[1:]), inputs=(inner,), outputs=(made_ref,)))
        return made_ref
    value = program.constant(ref)
    if value is None or t.quant is not None:
        return None
    turned = _turned(value, perm)
    return program.add_constant(ref, turned, t.with_(shape=turned.shape))


def _turned(value: np.ndarray, perm: Perm) -> np.ndarray:
    """A constant that broadcasts, in the order before the transpose."""
    return value.reshape((1,) * (len(perm) - value.ndim) + value.shape).transpose(inverse(perm))


def _rebuild(program: Program, f: Function, i: int, node: Node, inputs: list[str], attrs: object, perm: Perm) -> None:
    ins = [program.type_of(f, r) for r in inputs]
    out = node.outputs[0]
    moved = f.fresh(f"{node.name}.last")
    made = ops.get(node.op).infer_in(program, ins, attrs)[0]
    f.types[moved] = made.with_(quant=f.types[out].quant, dtype=f.types[out].dtype)
    name = _free_name(f, f"{node.name}.transpose")
    f.nodes[i : i + 1] = [
        replace(node, inputs=tuple(inputs), outputs=(moved,), attrs=attrs),
        Node("transpose", name, (moved,), (out,), TransposeAttrs(perm), node.source),
    ]


def _into_linear(program: Program, f: Function) -> bool:
    """Rule 3: linear(reshape(transpose(x)), w) -> linear(reshape(x), w with columns reordered)."""
    made = f.producers()
    for i, node in enumerate(f.nodes):
        if node.op != "linear" or f.types[node.outputs[0]].quant is not None:
            continue
        flat = made.get(node.inputs[0])
        turn = made.get(flat.inputs[0]) if flat is not None and flat.op == "reshape" else None
        weights = program.constant(node.inputs[1])
        if flat is None or turn is None or turn.op != "transpose" or weights is None:
            continue
        source = program.type_of(f, turn.inputs[0])
        if (
            turn.attrs.perm[0] != 0
            or source.size != source.shape[0] * weights.shape[1]
            or flat.attrs.shape != (source.shape[0], weights.shape[1])
        ):
            continue
        order = (
            np.arange(weights.shape[1])
            .reshape(source.shape[1:])
            .transpose([p - 1 for p in turn.attrs.perm[1:]])
            .reshape(-1)
        )
        columns = np.empty_like(weights)
        columns[:, order] = weights
        w = program.add_constant(node.inputs[1], columns, program.constant_types[node.inputs[1]])
        ref = f.fresh(f"{node.name}.flat")
        f.types[ref] = f.types[flat.outputs[0]]
        reshape = replace(flat, name=_free_name(f, f"{node.name}.flat"), inputs=(turn.inputs[0],), outputs=(ref,))
        f.nodes[i : i + 1] = [reshape, replace(node, inputs=(ref, w, *node.inputs[2:]))]
        return True
    return False


def _free_name(f: Function, base: str) -> str:
    taken = {n.name for n in f.nodes}
    name, k = base, 1
    while name in taken:
        name, k = f"{base}_{k}", k + 1
    return name
