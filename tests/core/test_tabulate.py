"""Tables in the place of float work between bytes: the same bits, and only where one table a channel is enough."""

from __future__ import annotations

import numpy as np
import pytest

from picozoo import ops
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Function, Node, Program
from picozoo.ir.verify import verify
from picozoo.ops._op import NoAttrs
from picozoo.ops.cast import CastAttrs
from picozoo.ops.quantize import QuantizeAttrs
from picozoo.ops.transpose import TransposeAttrs
from picozoo.passes import tabulate
from picozoo.specs import QuantParams, Target, TensorType

Q = QuantParams.tensor(0.05, -9)


def program(shape: tuple[int, ...], scale: np.ndarray, *, turned: bool = False, second: bool = False) -> Program:
    """quantize(exp(cast(x) * scale)), a transpose before the quantize node, a second reader of the product."""
    p, f = Program("p"), Function("forward", ("%x",), ("%y",), [], {})
    s = p.add_constant("scale", scale.astype(np.float32), TensorType(scale.shape))
    perm = tuple(range(len(shape)))[::-1]
    out = tuple(shape[d] for d in perm) if turned else shape
    f.types |= {"%x": TensorType(shape, "u8"), "%y": TensorType(out, "i8", Q)}
    f.types |= {r: TensorType(shape) for r in ("%f", "%m", "%e")}
    f.nodes = [
        Node("cast", "f", ("%x",), ("%f",), CastAttrs("f32")),
        Node("mul", "m", ("%f", s), ("%m",), ops.get("mul").Attrs()),
        Node("exp", "e", ("%m",), ("%e",), NoAttrs()),
    ]
    last = "%e"
    if turned:
        f.types["%t"], last = TensorType(out), "%t"
        f.nodes.append(Node("transpose", "t", ("%e",), ("%t",), TransposeAttrs(perm)))
    f.nodes.append(Node("quantize", "y", (last,), ("%y",), QuantizeAttrs("i8")))
    if second:
        f.results = ("%y", "%m")
    p.functions["forward"] = f
    return verify(p)


def kinds(p: Program) -> list[str]:
    return [n.op for n in p.main.nodes]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    "scale", [np.array(-0.01), np.array([[[0.01]], [[-0.02]], [[0.003]]]), np.full((5,), 0.01)[:1]]
)
def test_the_same_bits(scale: np.ndarray, turned: bool) -> None:
    before = program((3, 4, 5), scale, turned=turned)
    after = verify(tabulate.run(before, Target()))
    assert kinds(after) == ["lookup", "transpose"] if turned else kinds(after) == ["lookup"]
    x = np.random.default_rng(0).integers(0, 256, (3, 4, 5)).astype(np.uint8)
    (want,), (got,) = (Interpreter(p).call("forward", x) for p in (before, after))
    assert got.dtype == np.int8 and np.array_equal(got, want)


@pytest.mark.parametrize(
    ("scale", "second"),
    [
        (np.full((3, 1, 5), 0.01), False),  # constants that differ along two dimensions
        (np.linspace(0.01, 0.02, 5), False),  # more tables than are worth it
        (np.array(0.01), True),  # a value inside is needed as it is
    ],
)
def test_what_stays(scale: np.ndarray, second: bool) -> None:
    before = program((3, 4, 5), scale, second=second)
    assert "lookup" not in kinds(tabulate.run(before, Target()))


def gated(*, other: bool = False) -> Program:
    """x * sigmoid(x) in int8, as TFLite files have it, then times a constant; `other`: times another value."""
    p, f = Program("p"), Function("forward", ("%x", "%z") if other else ("%x",), ("%y",), [], {})
    f.types |= {r: TensorType((3, 4, 5), "i8", Q) for r in (*f.params, "%m", "%y")}
    f.types["%s"] = TensorType((3, 4, 5), "i8", QuantParams.tensor(1 / 256, -128))
    two = p.add_constant("two", np.array([[[40]]], np.int8), TensorType((1, 1, 1), "i8", Q))
    mul = ops.get("mul").Attrs
    f.nodes = [
        Node("sigmoid", "s", ("%x",), ("%s",), NoAttrs()),
        Node("mul", "m", ("%z" if other else "%x", "%s"), ("%m",), mul()),
        Node("mul", "y", ("%m", two), ("%y",), mul("relu")),
    ]
    p.functions["forward"] = f
    return verify(p)


def test_several_operators_on_integers_are_one_table() -> None:
    before = gated()
    after = verify(tabulate.run(before, Target()))
    assert kinds(after) == ["lookup"]
    for first in range(-128, 68, 60):
        v = np.arange(first, first + 60).reshape(3, 4, 5).astype(np.int8)
        (want,), (got,) = (Interpreter(p).call("forward", v) for p in (before, after))
        assert np.array_equal(got, want)


def test_two_values_have_no_table() -> None:
    """What is made of one of them alone, and is not worth a table, stays as it is."""
    assert kinds(tabulate.run(gated(other=True), Target())) == ["sigmoid", "mul", "mul"]


def test_a_tree_that_could_grow_too_far_stops_before() -> None:
    """Behind the table's input stands a sum with a constant for every channel, which no few tables can be."""
    before = program((3, 4, 5), np.array(0.01))
    f = before.main
    bias = before.add_constant("b", np.arange(5, dtype=np.int8), TensorType((5,), "i8", Q))
    f.types |= {"%x": TensorType((3, 4, 5), "i8", Q), "%i": TensorType((3, 4, 5), "i8", Q)}
    f.nodes[0] = Node("dequantize", "f", ("%i",), ("%f",), NoAttrs())
    f.nodes.insert(0, Node("add", "i", ("%x", bias), ("%i",), ops.get("add").Attrs()))
    assert kinds(tabulate.run(verify(before), Target())) == ["add", "lookup"]
