"""Bytes in, bytes out: element-by-element work between them becomes a table of its 256 results.

Two rules, neither of which changes a bit:

1. quantize(mover(x)) -> mover(quantize(x)): what is only moved (`Op.moves`) is moved as integers.
2. Element-by-element operators from one 8-bit value and constants to an int8 value become one `lookup`: with one table,
   or one for each index of the only dimension along which its constants differ (the mean of each colour). What is in
   integers already takes part where a table replaces several operators, or long arithmetic with constants.

It is what pre-processing of uint8 pictures comes to, what stays in float between two quantised layers, and what
x * sigmoid(x) is in TFLite files.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from picozoo import ops
from picozoo.ir.program import Function, Node, Program
from picozoo.ops.lookup import LookupAttrs
from picozoo.passes import dead_code
from picozoo.passes._match import trees
from picozoo.specs import Target, TensorType

MOST_TABLES = 4  # of 256 bytes each
WORTH = 256  # elements for which arithmetic of integers with a constant gets a table
_BYTES = ("i8", "u8")


def run(program: Program, target: Target) -> Program:
    """The program with tables in the place of float work on bytes."""
    program = program.copy()
    for f in program.functions.values():
        while _raise(program, f):
            pass
        for node in list(f.nodes):
            if node in f.nodes:
                _tabulate(program, f, node)
    return dead_code.run(program, target)


def _raise(program: Program, f: Function) -> bool:
    """Rule 1, once. A mover that gives fewer elements than it takes stays: quantizing all of them would take longer."""
    made, uses = f.producers(), f.uses()
    for i, node in enumerate(f.nodes):
        before = made.get(node.inputs[0]) if node.op == "quantize" else None
        if before is None or not ops.get(before.op).moves or len(uses[before.outputs[0]]) != 1:
            continue
        source, rest = program.type_of(f, before.inputs[0]), program.in_types(f, before)[1:]
        out = f.types[node.outputs[0]]
        inner = out.with_(shape=source.shape)
        if source.size > out.size or not ops.get(before.op).lowers([inner, *rest], [out], before.attrs):
            continue
        ref = f.fresh(f"{node.outputs[0]}.q")
        f.types[ref] = inner
        quantized = replace(node, inputs=(before.inputs[0],), outputs=(ref,))
        moved = replace(before, inputs=(ref, *before.inputs[1:]), outputs=node.outputs)
        f.nodes[i : i + 1] = [quantized, moved]
        f.nodes = [n for n in f.nodes if n is not before]
        return True
    return False


def _tabulate(program: Program, f: Function, sink: Node) -> None:
    """Rule 2, where `sink` gives the int8 value."""
    if len(sink.outputs) != 1 or f.types[sink.outputs[0]].dtype != "i8":
        return
    found = _tree(program, f, sink)
    if found is None:
        return
    group, source = found
    shape = f.types[sink.outputs[0]].shape
    axis = _axis(program, group, shape)
    assert axis is not None  # `_tree` has asked
    table = _results(program, f, group, source, axis, shape)
    # the name by which the user knows it
    named = next((n for n in reversed(group) if n.op not in ("quantize", "dequantize", "cast")), sink)
    ref = program.add_constant(f"{named.name}.table", table, TensorType(table.shape, "i8"))
    at = next(i for i, n in enumerate(f.nodes) if n is sink)
    attrs = LookupAttrs(max(axis, 0))
    f.nodes[at] = Node("lookup", named.name, (source, ref), sink.outputs, attrs, named.source)
    f.nodes = [n for n in f.nodes if n not in group]


def _tree(program: Program, f: Function, sink: Node) -> tuple[list[Node], str] | None:
    """Nodes that only `sink` needs, in order, and the one 8-bit value that they read; None if there is no such tree."""
    if not _curve(program, sink):
        return None
    shape, found = f.types[sink.outputs[0]].shape, None

    def wide(ref: str) -> bool:
        return program.type_of(f, ref).dtype not in _BYTES

    for group, reads in trees(f, sink, lambda n: _curve(program, n), lambda r: r[0] == "@", wide):
        if any(program.type_of(f, r).shape != shape for r in reads):
            break
        if (
            len(reads) == 1
            and not wide(reads[0])
            and _worth(program, f, group)
            and _axis(program, group, shape) is not None
        ):
            found = [n for n in f.nodes if n in group], reads[0]
    return found


def _curve(program: Program, node: Node) -> bool:
    """Does each element of its one output depend on the elements at the same place only?"""
    one_table = node.op == "lookup" and program.constants[node.inputs[1]].shape[0] == 1
    return (ops.get(node.op).elementwise or one_table) and len(node.outputs) == 1


def _worth(program: Program, f: Function, group: list[Node]) -> bool:
    """Is there work in float, or are there several operators, or arithmetic over so many elements?"""
    wide = any(program.type_of(f, r).dtype not in _BYTES for n in group for r in n.inputs if r[0] != "@")
    long = len(group[0].inputs) > 1 and group[0].op != "lookup" and f.types[group[0].outputs[0]].size >= WORTH
    return wide or len(group) > 1 or long


def _axis(program: Program, group: list[Node], shape: tuple[int, ...]) -> int | None:
    """The only dimension of the result along which constants differ; -1: none; None: several, or too long a one."""
    constants = [program.constants[r].shape for n in group for r in n.inputs if r[0] == "@" and n.op != "lookup"]
    found = {len(shape) - len(s) + d for s in constants for d, n in enumerate(s) if n != 1}
    if len(found) > 1 or any(shape[d] > MOST_TABLES for d in found):
        return None
    return found.pop() if found else -1


def _results(
    program: Program, f: Function, group: list[Node], source: str, axis: int, shape: tuple[int, ...]
) -> np.ndarray:
    """What the nodes' references give for every byte: int8 [tables, 256]."""
    small = tuple(n if d == axis else 1 for d, n in enumerate(shape))
    t = program.type_of(f, source)
    low = -128 if t.dtype == "i8" else 0
    whole = (256, *small)
    given = np.broadcast_to(np.arange(low, low + 256).reshape(-1, *(1,) * len(shape)), whole).astype(t.numpy)
    values = {source: (given, t.with_(shape=whole))}
    for c in {r for n in group for r in n.inputs if r[0] == "@"}:
        values[c] = (program.constants[c], program.type_of(f, c))
    for node in group:
        ins = [values[r] for r in node.inputs]
        out = f.types[node.outputs[0]].with_(shape=whole)
        with np.errstate(all="ignore"):
            made = ops.get(node.op).reference([a for a, _ in ins], [u for _, u in ins], [out], node.attrs)[0]
        values[node.outputs[0]] = (np.broadcast_to(made, whole).astype(out.numpy), out)
    return np.ascontiguousarray(values[group[-1].outputs[0]][0].reshape(256, prod(small)).T)
