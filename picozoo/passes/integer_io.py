"""Moves quantisation of inputs and outputs out of the program: the caller gives and gets integers.

A float input that is only ever quantised becomes an integer parameter; a result that is only dequantised becomes the
integers themselves. Scales and zero points are in the parameter's type, in the header and in the report.
"""

from __future__ import annotations

from picozoo.ir.program import Function, Program, rewire
from picozoo.passes import dead_code
from picozoo.specs import Target


def run(program: Program, target: Target) -> Program:
    """The program with integer inputs and outputs wherever the values inside are integers."""
    program = program.copy()
    for f in program.public():
        _inputs(f)
        _results(program, f)
    return dead_code.run(program, target)


def _inputs(f: Function) -> None:
    uses = f.uses()
    for p in f.params:
        readers = uses.get(p, [])
        nodes = [r for r in readers if r is not None and r.op == "quantize"]
        if not nodes or len(nodes) != len(readers) or len({f.types[n.outputs[0]] for n in nodes}) != 1:
            continue
        f.types[p] = f.types[nodes[0].outputs[0]]
        f.nodes = [n for n in f.nodes if n not in nodes]
        rewire(f, {n.outputs[0]: p for n in nodes})


def _results(program: Program, f: Function) -> None:
    made = f.producers()
    results = []
    for ref in f.results:
        node = made.get(ref)
        results.append(
            node.inputs[0] if node is not None and node.op == "dequantize" and node.inputs[0][0] != "@" else ref
        )
    f.results = tuple(results)
