"""Weights of a program that was trained with quantisation: their integers again, and int32 biases.

A captured graph holds weights as float numbers that lie on a grid of one scale a channel, and the scales in `meta`.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from picozoo import ops
from picozoo.errors import BadFile
from picozoo.ir.program import Function, Node, Program
from picozoo.ops._op import NoAttrs
from picozoo.passes import sink_dequantize
from picozoo.specs import QuantParams, TensorType

META = "qdq"


def is_qdq(program: Program) -> bool:
    """Did the program come with quantize and dequantize in it and weights on known grids?"""
    return META in program.meta


def restore(program: Program) -> Program:
    """The program with integer constants behind dequantize, for layers whose input is quantised; then lower it.

    Raises:
        BadFile: the scales in `meta` are damaged.
    """
    try:
        grids = [np.asarray(row, np.float32) for row in json.loads(program.meta[META])]
        if any(g.ndim != 1 or not (np.isfinite(g) & (g > 0)).all() for g in grids):
            raise ValueError("scales must be numbers above 0")
    except (ValueError, TypeError) as e:
        raise BadFile(f"{program.name}: the scales of its weights are damaged ({e})") from None
    program = sink_dequantize.sink(program)  # layout leaves movers between a dequantize node and its layer
    for f in program.functions.values():
        for node in list(f.nodes):
            kinds = ops.get(node.op).quant_inputs(program.in_types(f, node), node.attrs)
            if any(k.startswith("weight") for k in kinds.values()):
                _layer(program, f, node, kinds, grids)
    return program


def _layer(program: Program, f: Function, node: Node, kinds: object, grids: list[np.ndarray]) -> None:
    assert isinstance(kinds, dict)
    made = f.producers()
    inputs, before = list(node.inputs), []
    scales: dict[int, np.ndarray] = {}
    for i, ref in enumerate(node.inputs):
        producer, kind, value = made.get(ref), kinds.get(i, ""), program.constant(ref)
        if kind == "act" and producer is not None and producer.op == "dequantize":
            q = program.type_of(f, producer.inputs[0]).quant
            assert q is not None
            scales[i] = np.array(q.scale, np.float64)
        elif kind.startswith("weight") and value is not None:
            axis = int(kind.split(":")[1])
            found = _grid(value, axis, grids)
            if found is None:
                return
            q, ints = found
            scales[i] = np.array(q.scale, np.float64)
            before.append((i, program.add_constant(f"{ref}.i8", ints, TensorType(ints.shape, "i8", q)), value))
    for i, ref in enumerate(node.inputs):
        kind, value = kinds.get(i, ""), program.constant(ref)
        if kind.startswith("bias") and value is not None:
            x, w = (int(v) for v in kind.split(":")[1].split(","))
            if x not in scales or w not in scales:
                return
            scale = np.maximum((scales[w] * scales[x]).astype(np.float32), np.float32(1e-30))
            scale = np.broadcast_to(scale, value.shape)
            ints = np.clip(np.rint(value.astype(np.float64) / scale), -(2**31) + 1, 2**31 - 1).astype(np.int32)
            q = QuantParams(tuple(float(v) for v in scale), (0,) * len(scale), 0)
            before.append((i, program.add_constant(f"{ref}.i32", ints, TensorType(ints.shape, "i32", q)), value))
    at = next(k for k, n in enumerate(f.nodes) if n is node)
    for i, constant, value in before:
        out = f.fresh(f"{constant[1:]}.dq")
        f.types[out] = TensorType(value.shape)
        f.nodes.insert(at, Node("dequantize", f"{node.name}.{out[1:]}", (constant,), (out,), NoAttrs()))
        at, inputs[i] = at + 1, out
    f.nodes[at] = replace(node, inputs=tuple(inputs))


def _grid(w: np.ndarray, axis: int, grids: list[np.ndarray]) -> tuple[QuantParams, np.ndarray] | None:
    """Scales and int8 numbers of a float weight that lies on one of the grids."""
    n, shape = w.shape[axis], [1] * w.ndim
    shape[axis] = n
    for grid in grids:
        if len(grid) not in (1, n):
            continue
        scale = np.broadcast_to(grid, (n,))
        real = w.astype(np.float64) / scale.reshape(shape).astype(np.float64)
        whole = np.rint(real)
        if np.abs(real - whole).max(initial=0) < 1e-3 and np.abs(whole).max(initial=0) <= 127:
            ints = whole.astype(np.int8)
            return QuantParams(tuple(float(s) for s in scale), (0,) * n, axis), ints
    return None
