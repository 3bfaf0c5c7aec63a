"""The planner against its checker: random lives, random programs, and plans broken on purpose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picozoo import build, emulate, find
from picozoo.emit.c_model import emit
from picozoo.errors import InvalidProgram, UsageError
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Function, Node, Program
from picozoo.ir.verify import verify
from picozoo.ops import get
from picozoo.passes import pipeline
from picozoo.plan.arena import Life, lower_bound, plan_arena, plan_program
from picozoo.plan.check import check_plan
from picozoo.specs import Target, TensorType

lives = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(0, 30), st.integers(0, 10)).map(
        lambda t: Life(t[0], t[1], t[1] + t[2])
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(lives, st.sampled_from([1, 4, 16]))
def test_lives_never_overlap(given_lives: list[Life], align: int) -> None:
    placed = plan_arena(given_lives, align=align)
    for i, a in enumerate(given_lives):
        assert placed.offsets[i] % align == 0
        assert placed.offsets[i] + a.size <= placed.peak or a.size == 0
        for j, b in enumerate(given_lives[:i]):
            if a.size and b.size and a.first <= b.last and b.first <= a.last:
                apart = (
                    placed.offsets[i] >= placed.offsets[j] + b.size or placed.offsets[j] >= placed.offsets[i] + a.size
                )
                assert apart
    assert placed.peak >= lower_bound(given_lives)
    assert plan_arena(given_lives, align=align) == placed


def test_bad_lives() -> None:
    with pytest.raises(UsageError):
        plan_arena([Life(-1, 0, 1)])


def random_program(rng: np.random.Generator, nodes: int) -> Program:
    """Straight code over f32 tensors with states, in-place operators, views, diamonds, and a loop now and then."""
    p = Program("random")
    for s in range(int(rng.integers(0, 3))):
        p.states[f"$s{s}"] = rng.normal(size=(2, 3)).astype(np.float32)
        p.state_types[f"$s{s}"] = TensorType((2, 3))
    f = Function("forward", ("%x", "%x1"), (), [], {"%x": TensorType((2, 3)), "%x1": TensorType((2, 3))})
    p.functions["forward"] = f
    loops = 0
    for k in range(nodes):
        pool = [r for r, t in f.types.items() if t == TensorType((2, 3))] + list(p.states)
        op = str(
            rng.choice(
                ["add", "mul", "relu", "tanh", "reshape", "concat", "transpose", "where", "softmax", "while_loop"]
            )
        )
        a, b = (str(v) for v in rng.choice(pool, 2))
        name, out = f"n{k}", f"%v{k}"
        if op == "while_loop" and loops < 2:
            loops += 1
            _add_loop(p, f, name, [a, b], out, rng)
            continue
        attrs: object
        if op in ("add", "mul"):
            ins, attrs = (a, b), get(op).Attrs()
        elif op == "reshape":
            flat = f"%r{k}"
            f.types[flat] = TensorType((6,))
            f.nodes.append(Node(op, name + "r", (a,), (flat,), get(op).Attrs((6,))))
            ins, attrs = (flat,), get(op).Attrs((2, 3))
        elif op == "concat":
            wide = f"%c{k}"
            f.types[wide] = TensorType((4, 3))
            f.nodes.append(Node(op, name + "c", (a, b), (wide,), get(op).Attrs(0)))
            op, ins, attrs = "slice", (wide,), get("slice").Attrs((1, 0), (2, 3), (1, 1))
        elif op == "transpose":
            turned = f"%t{k}"
            f.types[turned] = TensorType((3, 2))
            f.nodes.append(Node(op, name + "t", (a,), (turned,), get(op).Attrs((1, 0))))
            ins, attrs = (turned,), get(op).Attrs((1, 0))
        elif op == "where":
            cond = f"%g{k}"
            f.types[cond] = TensorType((2, 3), "bool")
            f.nodes.append(Node("gt", name + "g", (a, b), (cond,), get("gt").Attrs()))
            ins, attrs = (cond, a, b), get(op).Attrs()
        else:
            op = "relu" if op == "while_loop" else op
            ins, attrs = (a,), get(op).Attrs() if op != "softmax" else get(op).Attrs(1)
        f.types[out] = TensorType((2, 3))
        f.nodes.append(Node(op, name, ins, (out,), attrs))
    pool = [r for r, t in f.types.items() if t == TensorType((2, 3))] + list(p.states)
    f.results = tuple(str(v) for v in rng.choice(pool, 2))
    f.updates = {s: str(rng.choice(pool)) for s in p.states if rng.random() < 0.8}
    for node in f.nodes:  # states that go through a loop
        if node.op == "while_loop" and rng.random() < 0.7:
            f.updates |= {r: o for r, o in zip(node.inputs[1:3], node.outputs[1:3], strict=True) if r in p.states}
    return p


def _add_loop(
    p: Program, f: Function, name: str, ins: list[str], out: str, rng: np.random.Generator, inner: bool = True
) -> None:
    """Carries a counter and two tensors for three rounds; the body may swap them, and have a loop in itself."""
    i32, t = TensorType((1,), "i32"), TensorType((2, 3))
    zero = p.add_constant("zero", np.zeros(1, np.int32), i32)
    one, three = p.add_constant("one", np.ones(1, np.int32), i32), p.add_constant("three", np.full(1, 3, np.int32), i32)
    params, types = ("%i", "%a", "%b", "%e"), {"%i": i32, "%a": t, "%b": t, "%e": t}
    cond = Function(
        f"{name}.cond",
        params,
        ("%go",),
        [Node("lt", "lt", ("%i", three), ("%go",), get("lt").Attrs())],
        {**types, "%go": TensorType((1,), "bool")},
        public=False,
    )
    body_nodes = [
        Node("add", "step", ("%i", one), ("%j",), get("add").Attrs()),
        Node("add", "mix", ("%a", "%e"), ("%m",), get("add").Attrs()),
        Node("tanh", "tanh", ("%m",), ("%n",), get("tanh").Attrs()),
    ]
    results = [("%j", "%b", "%n"), ("%j", "%n", "%b"), ("%j", "%n", "%a"), ("%j", "%m", "%n")][int(rng.integers(4))]
    body = Function(f"{name}.body", params, results, body_nodes, {**types, "%j": i32, "%m": t, "%n": t}, public=False)
    p.functions[cond.name], p.functions[body.name] = cond, body
    if inner and rng.random() < 0.5:  # goes on with what the loop round it carries
        a, b = (("%n", "%b"), ("%b", "%n"), ("%b", "%a"))[int(rng.integers(3))]
        _add_loop(p, body, f"{name}.in", [a, b], "%p", rng, inner=False)
        body.results = [("%j", "%p", f"%o_{name}.in"), ("%j", f"%o_{name}.in", "%p")][int(rng.integers(2))]
    refs = (f"%i_{name}", out, f"%o_{name}")
    f.types.update(zip(refs, (i32, t, t), strict=True))
    attrs = get("while_loop").Attrs(cond.name, body.name, 3)
    f.nodes.append(Node("while_loop", name, (zero, ins[0], ins[1], ins[0]), refs, attrs))


@pytest.mark.parametrize("seed", [11, *(pytest.param(s, marks=pytest.mark.slow) for s in range(12, 17))])
def test_random_programs_run_as_planned(seed: int) -> None:
    """Twenty programs a seed, planned, checked, compiled into one image: outputs and states equal the interpreter's."""
    rng = np.random.default_rng(seed)
    board = find.load("boards", "host", "board").BOARD
    programs = [random_program(rng, int(rng.integers(1, 14))) for _ in range(20)]
    sources, models, planned = {}, [], []
    for k, p in enumerate(programs):
        p.name = f"net{k}"
        q = pipeline.run(verify(p), [*pipeline.FLOAT, *pipeline.PREPARE], board.core.target)
        plan = plan_program(q, board.core.target)
        check_plan(q, plan, board.core.target)
        m = emit(q, plan, board.core.target)
        sources.update(m.files)
        sources[f"i{k}.c"] = f'#include "{m.name}.h"\n{m.name}_t pz_{m.name};\n'
        models.append(m)
        planned.append(p)
    roots = [s for m in models for s in (f"pz_{m.name}", f"{m.name}_init", f"{m.name}_forward")]
    image = build.build(sources, board, roots=roots, opt="-O1")
    with emulate.open_machine(image) as machine:
        for m, p in zip(models, planned, strict=True):
            _run_both(machine, m, p, rng)


def _run_both(machine: emulate.Machine, m: object, p: Program, rng: np.random.Generator) -> None:
    base, twin, entry = machine.address(f"pz_{m.name}"), Interpreter(p), m.entries["forward"]
    machine.call(f"{m.name}_init", base)
    for _ in range(3):
        xs = [rng.normal(size=(2, 3)).astype(np.float32) for _ in range(2)]
        for slot in entry.inputs:
            machine.write(base + slot.offset, xs[0 if slot.name == "x" else 1].tobytes())
        machine.call(f"{m.name}_forward", base)
        for slot, want in zip(entry.outputs, twin.call("forward", *xs), strict=True):
            got = np.frombuffer(machine.read(base + slot.offset, 24), np.float32).reshape(2, 3)
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_checker_finds_broken_plans() -> None:
    """An offset of a good plan moved onto that of a tensor alive at the same time: the checker must notice."""
    rng, caught, tried = np.random.default_rng(5), 0, 0
    target = Target()
    for _ in range(40):
        q = pipeline.run(verify(random_program(rng, 8)), [*pipeline.FLOAT, *pipeline.PREPARE], target)
        plan = plan_program(q, target)
        fp = plan.functions["forward"]
        live = [id(s) for s in fp.shared.storages() if id(s) in fp.offset_of]
        if len(live) < 3:
            continue
        a, b = rng.choice(live, 2, replace=False)
        if fp.offset_of[a] == fp.offset_of[b]:
            continue
        fp.offset_of[a] = fp.offset_of[b]
        first = {id(s): s for s in fp.shared.storages()}
        # sharing one step only may be an operator working in place, which is right
        clash = first[a].first < first[b].last and first[b].first < first[a].last
        if not clash:
            continue
        tried += 1
        try:
            check_plan(q, plan, target)
        except InvalidProgram:
            caught += 1
    assert tried >= 10
    assert caught == tried
