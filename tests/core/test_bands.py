"""Layers in bands of rows: equal to the bit, proven by the checker, right in C, and smaller."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from picozoo import build, emulate, find, ops
from picozoo import compile as compile_network
from picozoo.emit.c_model import emit
from picozoo.errors import InvalidProgram
from picozoo.evaluate import evaluate
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Function, Node, Program
from picozoo.ir.verify import verify
from picozoo.ops import get
from picozoo.passes import bands, materialise
from picozoo.passes._stream import CannotStream, Section, stream
from picozoo.plan.arena import Plan, plan_program
from picozoo.plan.check import check_plan
from picozoo.plan.timeline import key
from picozoo.report.figures import peak
from picozoo.specs import QuantParams, Target, TensorType

TARGET = Target(bands=True)


class Chain:
    """A function of image layers over random weights, in int8 or float."""

    def __init__(self, rng: np.random.Generator, name: str, shape: tuple[int, ...], floats: bool = False) -> None:
        self.rng, self.p, self.floats = rng, Program("chain"), floats
        t = TensorType(shape) if floats else TensorType(shape, "i8", QuantParams.tensor(0.05, 7))
        self.f = self.p.functions[name] = Function(name, ("%x",), (), [], {"%x": t})
        self.ref = "%x"

    def add(self, op: str, attrs: object, *constants: str, ref: str = "") -> str:
        """One more layer behind `ref`."""
        inputs = (ref or self.ref, *constants)
        ins = [self.p.type_of(self.f, r) for r in inputs]
        t = get(op).infer(ins, attrs)[0]
        if not self.floats:
            scale, zero = (0.05, int(self.rng.integers(-20, 20))) if op in ("conv2d", "add", "relu") else (0, 0)
            t = t.with_(dtype="i8", quant=QuantParams.tensor(scale, zero) if scale else ins[0].quant)
        self.ref = f"%v{len(self.f.nodes)}"
        self.f.types[self.ref] = t
        self.f.nodes.append(Node(op, f"l{len(self.f.nodes)}", inputs, (self.ref,), attrs))
        return self.ref

    def conv(self, o: int, k: tuple[int, int], stride: int, pad: tuple[int, ...], dilation: int = 1) -> str:
        """A convolution to o channels; depthwise if o is 0."""
        c = self.f.types[self.ref].shape[3]
        shape, groups = ((o, *k, c), 1) if o else ((c, *k, 1), c)
        sw = QuantParams.tensor(0.6 / (k[0] * k[1] * shape[3]) ** 0.5 / 60)
        w: np.ndarray = self.rng.integers(-127, 128, shape).astype(np.int8)
        t = TensorType(shape, "i8", sw)
        if self.floats:
            w, t = (w * np.float32(sw.scale[0])).astype(np.float32), TensorType(shape)
        ref = self.p.add_constant("w", w, t)
        attrs = get("conv2d").Attrs((stride, stride), pad, (dilation, dilation), groups)
        return self.add("conv2d", attrs, ref)

    def pool(self, kind: str) -> str:
        """A pooling of 2 x 2."""
        return self.add(kind, get(kind).Attrs())

    def done(self) -> Program:
        """The program, whose result is the last value."""
        self.f.results = (self.ref,)
        return verify(self.p)


def random_chain(rng: np.random.Generator, name: str, floats: bool) -> Program:
    """Three to six layers: windows, strides, paddings, dilations, poolings, residuals."""
    c = Chain(rng, name, (1, int(rng.integers(9, 25)), int(rng.integers(3, 9)), 4 * int(rng.integers(1, 3))), floats)
    for _ in range(int(rng.integers(3, 7))):
        h, w = c.f.types[c.ref].shape[1:3]
        kind = rng.choice(["conv", "point", "depth", "pool", "relu", "residual"])
        k = int(rng.integers(1, 4)), int(rng.integers(1, 4))
        pad = tuple(int(rng.integers(0, n)) for n in (k[0], k[0], k[1], k[1]))
        if kind == "residual":
            old = c.ref
            channels = c.f.types[old].shape[3]
            c.conv(channels, (3, 3), 1, (1, 1, 1, 1))
            c.add("add", get("add").Attrs(), old)
        elif kind == "pool" and h >= 4 and w >= 2:
            c.pool(str(rng.choice(["max_pool2d", "avg_pool2d"])))
        elif kind == "relu":
            c.add("relu", get("relu").Attrs())
        elif kind in ("conv", "depth") and h > 3 and w >= k[1]:
            dilation = 2 if h > 8 and k[0] == 3 and k[1] == 1 and rng.random() < 0.5 else 1
            c.conv(0 if kind == "depth" else 4 * int(rng.integers(1, 3)), k, int(rng.integers(1, 3)), pad, dilation)
        else:
            c.conv(4 * int(rng.integers(1, 3)), (1, 1), 1, (0, 0, 0, 0))
    return c.done()


def banded(p: Program, rng: np.random.Generator) -> Program | None:
    """Some run of the function's layers in bands of a random height; None where that cannot be."""
    f = p.main
    at = int(rng.integers(len(f.nodes)))
    sections = list(bands._sections(p, f, at))
    if not sections:
        return None
    section = sections[int(rng.integers(len(sections)))]
    try:
        made = stream(p, f, section, int(rng.integers(1, 5)), 4)
    except CannotStream:
        return None
    return verify(made)


def drawn(rng: np.random.Generator, t: TensorType) -> np.ndarray:
    if t.is_float:
        return rng.normal(size=t.shape).astype(np.float32)
    return rng.integers(-128, 128, t.shape).astype(np.int8)


@pytest.mark.parametrize("floats", [False, True])
def test_random_chains_are_equal_to_the_bit(floats: bool) -> None:
    rng, made = np.random.default_rng(5), 0
    for _ in range(60):
        p = random_chain(rng, "forward", floats)
        q = banded(p, rng)
        if q is None:
            continue
        made += 1
        q = materialise.run(q, TARGET)
        plan = plan_program(q, TARGET, quick=True)
        check_plan(q, plan, TARGET)
        x = drawn(rng, p.main.types["%x"])
        (want,), (got,) = Interpreter(p).call("forward", x), Interpreter(q).call("forward", x)
        if floats:  # sums of matrix products depend on the matrix's size
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
        else:
            np.testing.assert_array_equal(got, want)
        assert _macs(q) <= _macs(p), "rows are computed twice"
    assert made >= 25


def _macs(p: Program) -> int:
    f = p.main
    return sum(get(n.op).macs(p.in_types(f, n), p.out_types(f, n), n.attrs) for n in f.nodes)


@pytest.mark.parametrize(
    ("board_name", "floats"),
    [
        ("host", False),
        pytest.param("host", True, marks=pytest.mark.slow),
        pytest.param("nano33ble", False, marks=pytest.mark.slow),
        pytest.param("pico", True, marks=pytest.mark.slow),
    ],
)
def test_bands_in_c(board_name: str, floats: bool) -> None:
    """Random chains, banded, as functions of one image: what C gives is what the whole layers give."""
    board = find.load("boards", board_name, "board").BOARD
    if reason := emulate.available(board):
        pytest.skip(reason)
    rng, target, whole, made = np.random.default_rng(9), board.core.target, {}, Program("banded")
    while len(whole) < 5:
        name = f"chain{len(whole)}"
        p = random_chain(rng, name, floats)
        q = banded(p, rng)
        if q is None:
            continue
        whole[name] = p
        renamed = {ref: f"@{name}_{ref[1:]}" for ref in q.constants}
        f = q.functions[name]
        f.nodes = [replace(n, inputs=tuple(renamed.get(r, r) for r in n.inputs)) for n in f.nodes]
        made.functions[name] = f
        made.constants.update({renamed[r]: a for r, a in q.constants.items()})
        made.constant_types.update({renamed[r]: t for r, t in q.constant_types.items()})
    made = materialise.run(verify(made), target)
    plan = plan_program(made, target)
    check_plan(made, plan, target)
    model = emit(made, plan, target)
    sources = {**model.files, "pz_instance.c": '#include "banded.h"\nbanded_t pz_net __attribute__((aligned(16)));\n'}
    image = build.build(sources, board, roots=["pz_net", "banded_init", *[e.symbol for e in model.entries.values()]])
    with emulate.open_machine(image) as machine:
        base = machine.address("pz_net")
        for name, e in model.entries.items():
            x = drawn(rng, e.inputs[0].type)
            machine.write(base + e.inputs[0].offset, x.tobytes())
            machine.call(e.symbol, base)
            got = np.frombuffer(machine.read(base + e.outputs[0].offset, e.outputs[0].type.nbytes), x.dtype)
            want = Interpreter(whole[name]).call(name, x)[0].reshape(-1)
            if floats:
                np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4, err_msg=name)
            else:
                np.testing.assert_array_equal(got, want, err_msg=name)


def mobile(rng: np.random.Generator) -> Program:
    """The begin of MobileNet at 32 x 32: a large image, larger outputs, then ever smaller ones."""
    c = Chain(rng, "forward", (1, 32, 32, 3))
    c.conv(8, (3, 3), 2, (0, 1, 0, 1))
    c.conv(0, (3, 3), 1, (1, 1, 1, 1))
    c.conv(32, (1, 1), 1, (0,) * 4)
    c.conv(0, (3, 3), 2, (0, 1, 0, 1))
    c.conv(16, (1, 1), 1, (0,) * 4)
    return c.done()


def planned(p: Program, target: Target = TARGET) -> tuple[Program, Plan]:
    q = materialise.run(bands.run(p, target), target)
    plan = plan_program(q, target)
    check_plan(q, plan, target)
    return q, plan


def test_the_peak_falls_to_the_input() -> None:
    p = mobile(np.random.default_rng(1))
    _, before = planned(p, Target())
    q, after = planned(p)
    assert before.arena > 8_000
    assert after.arena <= 4_096  # the input is 3,072
    assert "forward: " in q.meta["bands"]
    x = drawn(np.random.default_rng(2), p.main.types["%x"])
    np.testing.assert_array_equal(Interpreter(q).call("forward", x)[0], Interpreter(p).call("forward", x)[0])


@pytest.mark.slow
def test_lenet_in_bands_is_reported_layer_by_layer() -> None:
    board = find.load("boards", "nano33ble", "board").BOARD
    if reason := emulate.available(board):
        pytest.skip(reason)
    whole, split = (evaluate(compile_network("lenet5", board=board, prefer=p), samples=0) for p in ("balanced", "ram"))
    assert split.ram_arena < 0.6 * whole.ram_arena
    assert split.agreement == 1.0 and split.bands[0].startswith("forward: c1 to pool (2 layers)")
    assert [(v.name, v.op, v.macs, v.out_shape, v.reads) for v in split.layers] == [
        (v.name, v.op, v.macs, v.out_shape, v.reads) for v in whole.layers
    ]
    assert split.instructions is not None
    assert sum(v.instructions or 0 for v in split.layers) <= split.instructions
    fullest = peak(split, "forward")
    assert fullest.bytes <= split.ram_arena and len(split.steps["forward"]) > len(whole.layers)
    assert all(0 <= b.first <= b.last <= len(split.steps["forward"]) + 1 for b in split.memory)


def test_nothing_changes_where_nothing_helps() -> None:
    c = Chain(np.random.default_rng(1), "forward", (1, 8, 8, 32))
    c.conv(4, (1, 1), 1, (0,) * 4)
    c.conv(4, (3, 3), 1, (1, 1, 1, 1))
    p = c.done()
    assert bands.run(p, TARGET) is p
    assert bands.run(mobile(np.random.default_rng(1)), Target()).meta == {}


def test_checker_refuses_rows_that_are_not_where_they_should_be() -> None:
    """A window, kept rows, or the output moved by a word: something is overwritten, or a piece is elsewhere."""
    q, plan = planned(mobile(np.random.default_rng(1)))
    fp = plan.functions["forward"]
    tried = caught = 0
    for s in fp.shared.storages():
        if id(s) not in fp.offset_of or not s.at:
            continue
        for by in (-4, 4):
            fp.offset_of[id(s)] += by
            tried += 1
            try:
                check_plan(q, plan, TARGET)
            except InvalidProgram:
                caught += 1
            fp.offset_of[id(s)] -= by
    assert tried >= 10
    assert caught >= tried // 2  # some have room beside them
    check_plan(q, plan, TARGET)


def test_a_piece_elsewhere_in_its_whole_is_refused() -> None:
    """One of the output's bands a row too far: its bytes are those of another."""
    q, plan = planned(mobile(np.random.default_rng(1)))
    f, of = q.main, plan.functions["forward"].shared.of
    joined = next(n for n in f.nodes if n.op == "concat")
    k = key(f, joined.inputs[-1])
    of[k].at[k] -= 4
    with pytest.raises(InvalidProgram):
        check_plan(q, plan, TARGET)


def test_what_is_joined_to_itself_is_copied() -> None:
    """One value cannot lie at two places."""
    t, n = TensorType((2, 4)), get("relu").Attrs()
    f = Function("forward", ("%x",), ("%c",), [], {"%x": t, "%a": t, "%b": t, "%c": TensorType((6, 4))})
    f.nodes = [
        Node("relu", "r", ("%x",), ("%a",), n),
        Node("tanh", "t", ("%a",), ("%b",), get("tanh").Attrs()),
        Node("concat", "c", ("%a", "%b", "%a"), ("%c",), get("concat").Attrs(0)),
    ]
    p = verify(Program("twice", {"forward": f}))
    plan = plan_program(p, TARGET)
    check_plan(p, plan, TARGET)
    of = plan.functions["forward"].shared.of
    assert of["forward", "%b"] is of["forward", "%c"]
    assert of["forward", "%a"] is not of["forward", "%c"]


def test_views_are_what_they_say() -> None:
    """Of every operator's cases: the bytes of input and output that shall be the same place are the same bytes."""
    rng, seen = np.random.default_rng(0), set()
    for name in find.names("ops"):
        op = ops.get(name)
        for case in op.cases:
            ins = list(case.ins)
            outs = list(case.outs) or [t.with_(quant=ins[0].quant) for t in op.infer(ins, case.attrs)]
            for o, i, behind in op.views(ins, outs, case.attrs):
                xs = [drawn(rng, t) if t.dtype in ("f32", "i8") else np.zeros(t.shape, t.numpy) for t in ins]
                y = np.asarray(op.reference(xs, ins, outs, case.attrs)[o]).tobytes()
                x, seen = xs[i].tobytes(), seen | {name}
                low, high = max(0, behind), min(len(x), behind + len(y))
                assert x[low:high] == y[low - behind : high - behind], name
    assert seen == {"reshape", "concat"}
    op, x = get("slice"), TensorType((4, 6))
    assert op.views([x], [TensorType((2, 6))], op.Attrs((1, 0), (2, 6), (1, 1))) == [(0, 0, 24)]
    assert not op.views([x], [TensorType((4, 2))], op.Attrs((0, 2), (4, 2), (1, 1)))
    assert not op.views([x], [TensorType((2, 6))], op.Attrs((0, 0), (2, 6), (2, 1)))


def test_sections_end_where_something_else_is_read() -> None:
    """A value inside that is read behind the section, or two inputs, make no section."""
    c = Chain(np.random.default_rng(1), "forward", (1, 16, 4, 4))
    first = c.conv(4, (3, 3), 1, (1, 1, 1, 1))
    c.conv(4, (1, 1), 1, (0,) * 4)
    c.add("add", get("add").Attrs(), first)
    p = c.done()
    assert [s.nodes for s in bands._sections(p, p.main, 1)] == [tuple(p.main.nodes[1:]), tuple(p.main.nodes)]


def test_rows_of_odd_sizes_stay_whole() -> None:
    """Three bytes a row: the second would not begin at a multiple of four."""
    c = Chain(np.random.default_rng(1), "forward", (1, 16, 1, 3))
    c.conv(3, (3, 1), 1, (1, 1, 0, 0))
    c.conv(3, (3, 1), 1, (1, 1, 0, 0))
    p = c.done()
    with pytest.raises(CannotStream, match="aligned"):
        stream(p, p.main, Section(tuple(p.main.nodes), "%x", c.ref), 1, 4)
