"""Computes dequantize nodes of constants in a file that came as quantize/dequantize pairs, once, here.

What an integer operator could not take is used in float: stored as float it costs flash, converted on the board it
would cost memory and time in every call.
"""

from __future__ import annotations

from picozoo import ops
from picozoo.ir.program import Program, rewire
from picozoo.specs import Target


def run(program: Program, target: Target) -> Program:
    """The program without dequantize nodes of constants, if it is of that kind."""
    if "pairs" not in program.meta:
        return program
    program = program.copy()
    for f in program.functions.values():
        mapping: dict[str, str] = {}
        for node in f.nodes:
            if node.op == "dequantize" and node.inputs[0][0] == "@":
                ins, outs = program.in_types(f, node), program.out_types(f, node)
                array = ops.get("dequantize").reference([program.constants[node.inputs[0]]], ins, outs, node.attrs)[0]
                mapping[node.outputs[0]] = program.add_constant(node.outputs[0], array, outs[0])
        f.nodes = [n for n in f.nodes if n.outputs[0] not in mapping]
        rewire(f, mapping)
    return program
