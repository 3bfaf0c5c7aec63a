"""Movers: what operator files say they only move, and integers that pass through them."""

from __future__ import annotations

import numpy as np
import pytest

from picozoo import ops
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Function, Node, Program
from picozoo.ops._op import NoAttrs
from picozoo.ops.gather import GatherAttrs
from picozoo.ops.quantize import QuantizeAttrs
from picozoo.ops.relu import OP as RELU
from picozoo.ops.reshape import ReshapeAttrs
from picozoo.passes import lower_qdq, sink_dequantize
from picozoo.specs import QuantParams, Target, TensorType

MOVERS = [name for name in ops.names() if ops.get(name).moves]


@pytest.mark.parametrize("name", MOVERS)
def test_movers_give_elements_of_their_first_input(name: str) -> None:
    op, rng = ops.get(name), np.random.default_rng(0)
    for case in op.cases:
        args = [rng.permutation(t.size).reshape(t.shape).astype(t.numpy) for t in case.ins]
        given = dict(case.values)
        args = [given.get(i, a) for i, a in enumerate(args)]
        outs = list(case.outs) or op.infer(case.ins, case.attrs)
        made = op.reference(args, list(case.ins), outs, case.attrs)[0]
        assert np.isin(made, args[0]).all()


def chain() -> Program:
    """relu behind two movers of a quantised value, and a pair behind it."""
    q = QuantParams.tensor(0.1, -3)
    p, f = Program("chain"), Function("forward", ("%x",), ("%out",), [], {})
    index = p.add_constant("order", np.array([2, 0, 1], np.int16), TensorType((3,), "i16"))
    types = {
        "%x": TensorType((1, 3, 2), "i8", q),
        "%d": TensorType((1, 3, 2)),
        "%g": TensorType((1, 3, 2)),
        "%r": TensorType((1, 6)),
        "%y": TensorType((1, 6)),
        "%out": TensorType((1, 6), "i8", q),
    }
    f.types.update(types)
    f.nodes = [
        Node("dequantize", "d", ("%x",), ("%d",), NoAttrs()),
        Node("gather", "g", ("%d", index), ("%g",), GatherAttrs(1)),
        Node("reshape", "r", ("%g",), ("%r",), ReshapeAttrs((1, 6))),
        Node("relu", "y", ("%r",), ("%y",), RELU.Attrs()),
        Node("quantize", "out", ("%y",), ("%out",), QuantizeAttrs("i8")),
    ]
    p.functions["forward"] = f
    return p


def test_integers_pass_through_movers() -> None:
    p, x = chain(), np.random.default_rng(1).integers(-128, 128, (1, 3, 2)).astype(np.int8)
    want = Interpreter(p).call("forward", x)[0]
    sunk = sink_dequantize.sink(p)
    assert sunk.main.producers()["%y"].inputs == ("%r",)
    assert sunk.main.producers()["%r"].op == "dequantize"
    lowered = lower_qdq.run(sunk, Target())
    assert [(n.op, lowered.main.types[n.outputs[0]].dtype) for n in lowered.main.nodes] == [
        ("gather", "i8"),
        ("reshape", "i8"),
        ("relu", "i8"),
    ]
    for program in (sunk, lowered):
        assert np.array_equal(Interpreter(program).call("forward", x)[0], want)


def test_only_programs_of_pairs_are_changed_by_the_pass() -> None:
    p = chain()
    assert sink_dequantize.run(p, Target()) is p
    p.meta["pairs"] = "yes"
    assert sink_dequantize.run(p, Target()).main.producers()["%r"].op == "dequantize"
