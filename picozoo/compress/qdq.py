"""Weights of a program that was trained with quantisation: their integers again, and all that goes with them.

A captured graph holds weights as float numbers that lie on a grid of one scale a channel, and the scales in `meta`.
"""

from __future__ import annotations

import json

import numpy as np

from picozoo.compress._complete import Layer
from picozoo.compress._masks import soften_pairs
from picozoo.compress.quantise import products
from picozoo.errors import BadFile
from picozoo.ir.program import Program
from picozoo.passes import sink_dequantize

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
    program = sink_dequantize.sink(products(program))  # layout leaves movers between a dequantize node and its layer
    soften_pairs(program)
    for f in program.functions.values():
        for node in list(f.nodes)[::-1]:  # from the end: what is asked of a mover's output is asked of its inputs
            current = next((n for n in f.nodes if n.outputs == node.outputs), None)
            if current is not None:
                Layer(program, f, current, grids).complete()
    return program
