"""Least and largest value that every element of an integer program can take, whatever the inputs."""

from __future__ import annotations

import numpy as np

from picozoo import ops
from picozoo.ir.program import Function, Node, Program
from picozoo.specs import TensorType

Ends = tuple[np.ndarray, np.ndarray]  # least and largest value of each element, int64


def ranges(program: Program, f: Function) -> dict[str, Ends]:
    """The ends of every int8 value of a function. What no operator narrows has those of its type.

    Example:
        >>> from picozoo.ir.program import Function, Program
        >>> f = Function("f", ("%x",), ("%x",), [], {"%x": TensorType((2,), "i8")})
        >>> [v.tolist() for v in ranges(Program("p", {"f": f}), f)["%x"]]
        [[-128, -128], [127, 127]]
    """
    found = {p: _whole(f.types[p]) for p in f.params if f.types[p].dtype == "i8"}
    for node in f.nodes:
        outs = program.out_types(f, node)
        ends = ends_of(program, f, node, found) if [t.dtype for t in outs] == ["i8"] else None
        for k, ref in enumerate(node.outputs):
            if outs[k].dtype == "i8":
                found[ref] = ends if ends is not None else _whole(outs[k])
    return found


def _whole(t: TensorType) -> Ends:
    return np.full(t.shape, -128, np.int64), np.full(t.shape, 127, np.int64)


def ends_of(program: Program, f: Function, node: Node, found: dict[str, Ends]) -> Ends | None:
    """The ends of a node's output from those of its inputs; None if nothing is known."""
    low, high = [], []
    for ref in node.inputs:
        if ref[0] == "@":
            low.append(program.constants[ref])
            high.append(program.constants[ref])
        elif ref in found:
            low.append(found[ref][0])
            high.append(found[ref][1])
        elif program.type_of(f, ref).dtype == "i8":
            ends = _whole(program.type_of(f, ref))
            low.append(ends[0])
            high.append(ends[1])
        else:
            return None
    ins, outs = program.in_types(f, node), program.out_types(f, node)
    if node.op in ("while_loop", "fused"):
        return None
    made = ops.get(node.op).bounds(low, high, ins, outs, node.attrs)
    if made is None:
        return None
    return made[0].astype(np.int64).reshape(outs[0].shape), made[1].astype(np.int64).reshape(outs[0].shape)
