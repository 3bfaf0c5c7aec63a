"""Weights of few bits: rewrites convolutions and fully connected layers of an int8 program with int4, int2 or ternary
weights.

Activations stay int8. Works on what the quantiser made and on int8 files alike. With calibration inputs, layers are
done in the order they run, each on the inputs that the layers before it, narrow already, give; `levels.fit` chooses the
weights, and the bias takes over what the mean input makes of their error. It takes seconds, so results are kept in the
user's cache under a key of all they depend on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from picozoo import _cache, artefact, ops
from picozoo.compress.levels import NAMES, Levels, fit
from picozoo.errors import UsageError
from picozoo.ir.program import Function, Node, Program
from picozoo.ir.text import print_program
from picozoo.ops._conv import patches
from picozoo.ops._fixed_point import quantize_array
from picozoo.ops._narrow import groups_of
from picozoo.specs import Calibration, QuantParams, TensorType

KEEP = 200  # results in the cache
MOST_CALLS = 128  # calibration calls that are looked at; more change little
KINDS = ("conv2d", "linear")
GROUPS = ("16", "32", "64", "128")  # places of a window in a group: whole packed words of every form


def plan(program: Program, wanted: Sequence[str]) -> dict[str, Levels]:
    """Layer -> levels, from words such as "int4", "int2/32:fc1", "int8:conv1"; a later word counts more.

    Raises:
        UsageError: an unknown kind of weights or layer, or a layer that cannot have them.
    """
    able = [n.name for f in program.functions.values() for n in f.nodes if takes(program, f, n)]
    found: dict[str, Levels] = {}
    for word in wanted:
        form, _, layer = word.partition(":")
        kind, slash, group = form.partition("/")
        if kind not in NAMES or (slash and (group not in GROUPS or NAMES[kind].bits == 8)):
            raise UsageError(
                f"weights are {', '.join(NAMES)}, of fewer than 8 bits also in groups of {', '.join(GROUPS)} (as "
                f"int4/32), or one of them with :LAYER behind it, got {word!r}"
            )
        if layer and layer not in able:
            raise UsageError(
                f"layer {layer!r} cannot have {kind} weights: "
                + (f"those that can are {', '.join(able)}" if able else "no layer here has int8 weights")
            )
        levels = replace(NAMES[kind], group=int(group or 0))
        found.update(dict.fromkeys([layer] if layer else able, levels))
    return {name: levels for name, levels in found.items() if levels.bits < 8}


def takes(program: Program, f: Function, node: Node) -> bool:
    """Can the node's weights have few bits: an int8 convolution in one group, or fully connected layer?"""
    if node.op not in KINDS or program.constant(node.inputs[1]) is None:
        return False
    x, w, y = (program.type_of(f, r) for r in (*node.inputs[:2], node.outputs[0]))
    return x.dtype == w.dtype == y.dtype == "i8" and getattr(node.attrs, "groups", 1) == 1


def narrow(program: Program, wanted: Sequence[str], calibration: Calibration | None) -> Program:
    """The program with narrow weights; from the cache if the same was made before.

    Args:
        wanted: see `plan`.
        calibration: typical inputs; without them, or where a function keeps state or loops, weights are rounded to the
            nearest level.

    Raises:
        UsageError: as `plan`.
    """
    plan(program, wanted)  # what is wrong with `wanted` is told even where the cache has the rest
    folder = _cache.folder("narrow") / _key(program, wanted, calibration)
    if not folder.is_dir():
        made = _narrow(program.copy(), plan(program, wanted), calibration)
        with _cache.staging(folder) as temporary:
            artefact.save_program(made, temporary / "program.pz")
        _cache.prune(folder.parent, KEEP)
        return made
    return artefact.load_program(folder / "program.pz")


def _key(program: Program, wanted: Sequence[str], calibration: Calibration | None) -> str:
    """Of the program with its numbers, the calibration inputs, and the code that chooses."""
    code = [Path(__file__), Path(__file__).with_name("levels.py"), Path(ops.__file__).with_name("_narrow.py")]
    digest = hashlib.sha256(f"{print_program(program)}\n{' '.join(wanted)}\n".encode())
    for file in code:
        digest.update(file.read_bytes())
    for a in (*program.constants.values(), *(calibration.inputs if calibration else ())):
        digest.update(f"{a.dtype}{a.shape}".encode() + np.ascontiguousarray(a).tobytes())
    return digest.hexdigest()[:32]


def _narrow(program: Program, todo: Mapping[str, Levels], calibration: Calibration | None) -> Program:
    for f in program.functions.values():
        inputs = _inputs(program, f, calibration)
        if inputs is None:
            f.nodes = [_narrowed(program, f, n, todo[n.name], None) if n.name in todo else n for n in f.nodes]
        else:
            _along(program, f, todo, inputs)
    return program


def _inputs(program: Program, f: Function, c: Calibration | None) -> dict[str, list[np.ndarray]] | None:
    """The parameters' values in all calls, in the function's own types; None if it cannot be run straight through."""
    if c is None or c.function != f.name or f.updates or any(ops.get(n.op).regions(n.attrs) for n in f.nodes):
        return None
    if any(r[0] == "$" for n in f.nodes for r in n.inputs):
        return None
    found = {}
    for ref, given in zip(f.params, c.inputs, strict=True):
        t = f.types[ref]
        rows = [np.asarray(x).reshape(t.shape) for x in given[:MOST_CALLS]]
        if t.quant is not None and given.dtype.kind == "f":
            s, z = t.quant.broadcast(t.rank)
            rows = [quantize_array(x.astype(np.float32), s, z, t.dtype) for x in rows]
        found[ref] = [x.astype(t.numpy) for x in rows]
    return found


def _along(program: Program, f: Function, todo: Mapping[str, Levels], values: dict[str, list[np.ndarray]]) -> None:
    """Run all calls side by side, node after node, and narrow each layer when its turn comes."""
    calls = len(next(iter(values.values())))
    last = {r: i for i, n in enumerate(f.nodes) for r in n.inputs}
    for i, node in enumerate(f.nodes):
        if node.name in todo:
            node = f.nodes[i] = _narrowed(program, f, node, todo[node.name], values.get(node.inputs[0]))
        op, ins, outs = ops.get(node.op), program.in_types(f, node), program.out_types(f, node)
        made = []
        for k in range(calls):
            args = [program.constants[r] if r[0] == "@" else values[r][k] for r in node.inputs]
            with np.errstate(all="ignore"):
                got = op.reference(args, ins, outs, node.attrs)
            made.append([np.asarray(y).astype(t.numpy).reshape(t.shape) for y, t in zip(got, outs, strict=True)])
        values.update({ref: [row[j] for row in made] for j, ref in enumerate(node.outputs)})
        for ref in [r for r in values if last.get(r, -1) <= i]:
            del values[ref]


def _narrowed(program: Program, f: Function, node: Node, levels: Levels, seen: list[np.ndarray] | None) -> Node:
    """The node with new weights, and a bias that fits them."""
    x, t = program.type_of(f, node.inputs[0]), program.type_of(f, node.inputs[1])
    w = program.constant(node.inputs[1])
    assert w is not None and x.quant is not None and t.quant is not None
    old = np.broadcast_to(np.array(t.quant.scale, np.float64), (t.shape[0],))
    real = w.reshape(t.shape[0], -1) * old[:, None]
    mean, cov = (None, None) if seen is None else _moments(node, t, seen, x.quant.zero_point[0])
    group = groups_of(t.shape, levels.group)
    if group is None and levels.low <= w.min() and w.max() <= levels.high:  # levels already: a file with int4 weights
        scale, q = old, w.reshape(t.shape[0], -1).astype(np.float64)
    else:
        scale, q = fit(real, levels, cov, group)
    scale = scale.astype(np.float32).astype(np.float64)
    left = np.zeros(len(q)) if mean is None else (real - q * scale[:, None]) @ mean
    bias = _bias(program, node) * old + left
    quant = QuantParams(tuple(float(v) for v in scale), (0,) * len(scale), 0)
    new_w = program.add_constant(f"{node.inputs[1]}.{levels.bits}bit", q.reshape(t.shape), replace(t, quant=quant))
    unit = (scale * np.float32(x.quant.scale[0])).astype(np.float32)
    ints = np.clip(np.rint(bias / scale), -(2**31) + 1, 2**31 - 1).astype(np.int32)
    b_type = TensorType(ints.shape, "i32", QuantParams(tuple(float(max(v, 1e-30)) for v in unit), (0,) * len(unit), 0))
    new_b = program.add_constant(f"@{node.name}.bias", ints, b_type)
    return replace(
        node,
        inputs=(node.inputs[0], new_w, new_b),
        attrs=replace(node.attrs, weights=levels.bits, weight_group=0 if group is None else levels.group),
    )


def _bias(program: Program, node: Node) -> np.ndarray:
    """Integers of the bias in units of input scale times old weight scale."""
    if len(node.inputs) < 3:
        return np.zeros(1)
    b = program.constant(node.inputs[2])
    assert b is not None
    return b.astype(np.float64)


def _moments(node: Node, t: TensorType, seen: list[np.ndarray], zero: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean (k,) and covariance (k, k) of what the weights are multiplied with, in units of the input's scale."""
    k = int(np.prod(t.shape[1:]))
    total, squares, n = np.zeros(k), np.zeros((k, k)), 0
    for x in seen:
        rows = patches(x, t.shape[1], t.shape[2], node.attrs, zero) if node.op == "conv2d" else x
        rows = rows.reshape(-1, k).astype(np.float64) - zero
        total += rows.sum(0)
        squares += rows.T @ rows
        n += len(rows)
    mean = total / n
    return mean, squares / n - np.outer(mean, mean)


__all__ = ["narrow", "plan", "takes"]
