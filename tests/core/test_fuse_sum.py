"""Sums behind convolutions: the same bits as apart, in C on cores of every kind, and no more memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from picozoo import build, emulate, find
from picozoo.emit.c_model import emit
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Program
from picozoo.ops import get
from picozoo.passes import dead_code, fuse_sum, materialise, pipeline
from picozoo.plan.arena import plan_program
from picozoo.plan.check import check_plan
from picozoo.specs import Target, TensorType
from tests.core.test_bands import Chain, drawn

TARGET = Target(features=frozenset({"dsp"}))


def residual(rng: np.random.Generator) -> Program:
    """Blocks with a sum of input and convolution, or of two convolutions, in either order."""
    c = Chain(rng, "forward", (1, int(rng.integers(3, 8)), int(rng.integers(3, 8)), int(rng.integers(1, 7))))
    for _ in range(2):
        skip, channels = c.ref, c.f.types[c.ref].shape[3]
        if rng.random() < 0.5:
            channels = int(rng.integers(1, 7))
            skip = c.conv(channels, (1, 1), 1, (0,) * 4)
        c.conv(channels, (3, 3), 1, (1, 1, 1, 1))
        made = c.ref
        act = get("add").Attrs(str(rng.choice(["none", "relu"])))
        if rng.random() < 0.5:
            c.add("add", act, skip, ref=made)
        else:
            c.add("add", act, made, ref=skip)
    return c.done()


def fused(p: Program) -> int:
    return sum(n.op == "conv2d_add" for n in p.main.nodes)


def samples(p: Program, count: int = 2) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(1)
    return (drawn(rng, p.main.types["%x"]) for _ in range(count))


def test_the_same_bits_and_no_more_memory() -> None:
    rng, found = np.random.default_rng(2), 0
    for _ in range(25):
        p = residual(rng)
        q = fuse_sum.run(p, TARGET)
        found += fused(q)
        for x in samples(p):
            np.testing.assert_array_equal(Interpreter(q).call("forward", x)[0], Interpreter(p).call("forward", x)[0])
        sizes = [plan_program(materialise.run(v, TARGET), TARGET).arena for v in (p, q)]
        assert sizes[1] <= 1.1 * sizes[0]
    assert found >= 25


@pytest.mark.parametrize("board_name", ["nano33ble", "pico", "uno"])
def test_in_c(board_name: str) -> None:
    board = find.load("boards", board_name, "board").BOARD
    if reason := emulate.available(board):
        pytest.skip(reason)
    rng, target = np.random.default_rng(5), board.core.target
    for _ in range(3):
        p = residual(rng)
        q = pipeline.run(p, pipeline.PREPARE, target)
        assert fused(q)
        plan = plan_program(q, target)
        check_plan(q, plan, target)
        model = emit(q, plan, target)
        entry = model.entries["forward"]
        sources = {**model.files, "pz_instance.c": '#include "chain.h"\nchain_t pz_net __attribute__((aligned(16)));\n'}
        image = build.build(sources, board, roots=["pz_net", "chain_init", entry.symbol])
        with emulate.open_machine(image) as machine:
            base = machine.address("pz_net")
            for x in samples(p, 1):
                machine.write(base + entry.inputs[0].offset, x.tobytes())
                machine.call(entry.symbol, base)
                got = machine.read(base + entry.outputs[0].offset, entry.outputs[0].type.nbytes)
                want = Interpreter(p).call("forward", x)[0]
                np.testing.assert_array_equal(np.frombuffer(got, np.int8), want.reshape(-1))


def block(attrs: object = None, reader: str = "") -> Program:
    c = Chain(np.random.default_rng(1), "forward", (1, 4, 4, 2))
    c.conv(2, (3, 3), 1, (1, 1, 1, 1))
    made = c.ref
    c.add("add", attrs or get("add").Attrs(), "%x", ref=made)
    if reader:
        c.add(reader, get(reader).Attrs(), made)
    return c.done()


def test_sums_that_stay_apart() -> None:
    """What the convolution makes is read again, kernels are shared, or vectors add."""
    assert fused(fuse_sum.run(block(), TARGET)) == 1
    assert fused(fuse_sum.run(block(reader="add"), TARGET)) <= 1
    assert fuse_sum.run(block(reader="add"), TARGET).main.nodes[0].op == "conv2d"
    assert fused(fuse_sum.run(block(), Target(features=frozenset({"dsp"}), fuse=False))) == 0
    for features in ({"mve", "dsp"}, {"tile16"}):
        assert fused(fuse_sum.run(block(), Target(features=frozenset(features)))) == 0


def test_a_value_added_to_itself_stays() -> None:
    c = Chain(np.random.default_rng(1), "forward", (1, 4, 4, 2))
    made = c.conv(2, (3, 3), 1, (1, 1, 1, 1))
    c.add("add", get("add").Attrs(), made, ref=made)
    assert fused(fuse_sum.run(c.done(), TARGET)) == 0


def test_constants_of_layers_without_bias() -> None:
    q = dead_code.run(fuse_sum.run(block(), TARGET), TARGET)
    node = next(n for n in q.main.nodes if n.op == "conv2d_add")
    assert q.constant_types[node.inputs[2]] == TensorType((2,), "i32") and node.inputs[3] == "%x"
