"""Element-by-element operators in one loop: the same bits as one by one, on the interpreter, the host and a chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from picozoo import build, emulate, find, ops
from picozoo.emit.c_model import emit
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Function, Node, Program
from picozoo.ir.text import parse_program, print_program
from picozoo.ir.verify import verify
from picozoo.ops.clamp import ClampAttrs
from picozoo.passes import drop_neutral, pipeline
from picozoo.plan.arena import plan_program
from picozoo.plan.check import check_plan
from picozoo.specs import TensorType

SHAPES = ((2, 3, 5), (3, 1), (5,), (), (2, 1, 5))
FULL = SHAPES[0]


def random_program(seed: int, count: int = 14) -> Program:
    """Operators of all kinds over operands that broadcast, a state that is updated, constants, several readers."""
    rng = np.random.default_rng(seed)
    p, f = Program("fuse"), Function("forward", (), (), [], {})
    pool: dict[str, list[str]] = {"f32": [], "bool": [], "i32": []}

    def value(ref: str, t: TensorType) -> str:
        f.types[ref] = t
        pool[t.dtype].append(ref)
        return ref

    def node(op: str, *ins: str, attrs: object = None) -> str:
        attrs = attrs or ops.get(op).Attrs()
        (t,) = ops.get(op).infer([p.type_of(f, r) for r in ins], attrs)
        name = f"{op}_{len(f.nodes)}"
        f.nodes.append(Node(op, name, ins, (f"%{name}",), attrs))
        return value(f"%{name}", t)

    def pick(dtype: str) -> str:
        return str(rng.choice(pool[dtype][-6:]))

    for k, shape in enumerate(SHAPES[:3]):
        f.params = (*f.params, value(f"%x{k}", TensorType(shape)))
    p.states["$h"] = rng.normal(size=FULL).astype(np.float32)
    p.state_types["$h"] = TensorType(FULL)
    pool["f32"].append("$h")
    constant = rng.normal(size=SHAPES[4]).astype(np.float32)
    pool["f32"].append(p.add_constant("c", constant, TensorType(SHAPES[4])))
    pool["bool"].append(node("gt", pick("f32"), pick("f32")))
    pool["i32"].append(node("cast", pick("f32"), attrs=ops.get("cast").Attrs("i32")))
    for _ in range(count):
        kind = rng.integers(7)
        if kind < 2:
            node(str(rng.choice(["add", "sub", "mul", "maximum"])), pick("f32"), pick("f32"))
        elif kind == 2:
            node("where", pick("bool"), pick("f32"), pick("f32"))
        elif kind == 3:
            node("lt", pick("f32"), pick("f32"))
        elif kind == 4:
            node("mul", pick("i32"), pick("i32"))
        elif kind == 5:
            node("clamp", pick("f32"), attrs=ClampAttrs(-1.5, 0.75))
        else:
            node(str(rng.choice(["neg", "abs", "tanh", "relu"])), pick("f32"))
    full = node("add", pick("f32"), node("mul", "$h", pick("f32")))
    f.results = (full, pick("bool"), f.nodes[-3].outputs[0])
    f.updates = {"$h": full}
    p.functions["forward"] = f
    verify(p)
    return p


def prepared(p: Program, board: str, fuse: bool) -> Program:
    target = replace(find.load("boards", board, "board").BOARD.core.target, fuse=fuse)
    return pipeline.run(p, pipeline.PREPARE, target)


def calls(seed: int) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [[rng.normal(size=s).astype(np.float32) for s in SHAPES[:3]] for _ in range(3)]


def outputs(p: Program, given: Sequence[list[np.ndarray]]) -> list[list[np.ndarray]]:
    twin = Interpreter(p)
    return [twin.call("forward", *x) for x in given]


@pytest.mark.parametrize("seed", range(40))
def test_fused_programs_give_the_same(seed: int) -> None:
    p = random_program(seed)
    fused, plain = prepared(p, "host", True), prepared(p, "host", False)
    assert parse_program(print_program(fused)).functions.keys() == fused.functions.keys()
    for a, b, c in zip(outputs(p, calls(seed)), outputs(fused, calls(seed)), outputs(plain, calls(seed)), strict=True):
        for u, v, w in zip(a, b, c, strict=True):
            np.testing.assert_array_equal(u, v)
            np.testing.assert_array_equal(u, w)


def test_programs_are_really_fused() -> None:
    found = [n for s in range(40) for n in prepared(random_program(s), "host", True).functions["forward"].nodes]
    assert sum(n.op == "fused" for n in found) >= 40


def test_fusing_takes_less_memory() -> None:
    """On the whole: the pass goes by an estimate, and the order of nodes is chosen later."""
    total = np.zeros(2)
    for seed in range(40):
        p, target = random_program(seed), find.load("boards", "host", "board").BOARD.core.target
        plans = [plan_program(prepared(p, "host", fuse), replace(target, fuse=fuse)).arena for fuse in (True, False)]
        assert plans[0] <= 1.5 * plans[1], seed
        total += plans
    assert total[0] < 0.9 * total[1]


@pytest.mark.parametrize("board", ["host", "nano33ble", "uno"])
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_fused_c_gives_the_same(board: str, seed: int) -> None:
    b = find.load("boards", board, "board").BOARD
    if missing := emulate.available(b):
        pytest.skip(missing)
    program = random_program(seed)
    p = prepared(program, board, True)
    plan = plan_program(p, b.core.target)
    check_plan(p, plan, b.core.target)
    m = emit(p, plan, b.core.target)
    assert "fused(" in m.files["fuse.c"]
    sources = {**m.files, "i.c": '#include "fuse.h"\nfuse_t pz_fuse;\n'}
    image = build.build(sources, b, roots=["pz_fuse", "fuse_init", "fuse_forward"], opt="-O2")
    twin, entry = Interpreter(program), m.entries["forward"]
    with emulate.open_machine(image) as machine:
        base = machine.address("pz_fuse")
        machine.call("fuse_init", base)
        for xs in calls(seed):
            for slot, x in zip(entry.inputs, xs, strict=True):
                machine.write(base + slot.offset, x.tobytes())
            machine.call("fuse_forward", base)
            for slot, want in zip(entry.outputs, twin.call("forward", *xs), strict=True):
                raw = machine.read(base + slot.offset, slot.type.nbytes)
                got = np.frombuffer(raw, slot.type.numpy).reshape(slot.type.shape)
                np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_what_changes_nothing_is_dropped() -> None:
    """Times one and plus zero, whichever operand they are; not with another shape, type, or activation behind."""
    p, f = Program("n"), Function("forward", ("%x",), (), [], {"%x": TensorType((2, 3))})
    one = p.add_constant("one", np.ones((3,), np.float32), TensorType((3,)))
    zero = p.add_constant("zero", np.zeros((), np.float32), TensorType(()))
    row = p.add_constant("row", np.ones((4, 1, 1), np.float32), TensorType((4, 1, 1)))
    add, mul = ops.get("add").Attrs, ops.get("mul").Attrs
    for name, op, ins, attrs in (
        ("a", "mul", (one, "%x"), mul()),
        ("b", "add", ("%a", zero), add()),
        ("c", "sub", (zero, "%b"), ops.get("sub").Attrs()),
        ("d", "div", ("%c", one), ops.get("div").Attrs()),
        ("e", "add", ("%d", zero), add("relu")),
        ("y", "mul", ("%e", row), mul()),
    ):
        (f.types[f"%{name}"],) = ops.get(op).infer([p.type_of(f, r) for r in ins], attrs)
        f.nodes.append(Node(op, name, ins, (f"%{name}",), attrs))
    f.results = ("%y",)
    p.functions["forward"] = f
    q = verify(drop_neutral.run(verify(p), find.load("boards", "host", "board").BOARD.core.target))
    assert [n.name for n in q.main.nodes] == ["c", "e", "y"]
    x = calls(0)[0][0][0, :, :3][:2]
    np.testing.assert_array_equal(Interpreter(p).call("forward", x)[0], Interpreter(q).call("forward", x)[0])
