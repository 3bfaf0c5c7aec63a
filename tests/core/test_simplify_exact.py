"""Channels and clamps that are proven needless go, and no output bit changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Function, Node, Program
from picozoo.ir.verify import verify
from picozoo.ops import get
from picozoo.passes import dead_code, simplify_exact
from picozoo.passes._ranges import ranges
from picozoo.specs import QuantParams, Target, TensorType


class Builder:
    """A random int8 network whose layers have channels that are dead, constant, or not read."""

    def __init__(self, rng: np.random.Generator, x: tuple[int, ...]) -> None:
        self.rng, self.p = rng, Program("random")
        self.f = Function("forward", ("%x",), (), [], {"%x": TensorType(x, "i8", self.quant())})
        self.p.functions["forward"] = self.f

    def quant(self) -> QuantParams:
        return QuantParams.tensor(float(self.rng.uniform(0.02, 0.1)), int(self.rng.choice([-128, 0, 7, 127])))

    def emit(self, op: str, ins: list[str], attrs: object, quant: QuantParams) -> str:
        types = [self.p.type_of(self.f, r) for r in ins]
        name = f"n{len(self.f.nodes)}"
        self.f.types[f"%{name}"] = get(op).infer(types, attrs)[0].with_(quant=quant)
        self.f.nodes.append(Node(op, name, tuple(ins), (f"%{name}",), attrs))
        return f"%{name}"

    def dense(self, op: str, x: str, shape: tuple[int, ...], attrs: object) -> str:
        """Weights and bias: some channels get none, or a bias that nothing lifts; some inputs are unread."""
        rng, o, k = self.rng, shape[0], f"{len(self.f.nodes)}"
        w = rng.integers(-127, 128, shape).astype(np.int8)
        b = rng.integers(-9000, 9000, o)
        w[rng.random(o) < 0.25] = 0
        b[rng.random(o) < 0.2] = rng.choice([-40_000_000, 40_000_000])
        w[..., rng.random(shape[-1]) < 0.15] = 0
        scale = tuple(float(np.float32(v)) for v in rng.uniform(0.001, 0.02, o))
        refs = [x, self.p.add_constant(f"w{k}", w, TensorType(shape, "i8", QuantParams(scale, (0,) * o, 0)))]
        if rng.random() < 0.8:
            refs.append(self.p.add_constant(f"b{k}", b, TensorType((o,), "i32")))
        return self.emit(op, refs, attrs, self.quant())

    def step(self, x: str) -> str:
        t, rng = self.f.types[x], self.rng
        _, h, w, c = t.shape
        kind = rng.choice(["conv", "conv", "point", "depthwise", "depthwise", "add", "pool", "tanh", "requantize"])
        act = str(rng.choice(["none", "relu", "relu6"]))
        conv = get("conv2d").Attrs
        if kind == "conv":
            pad = (1, 1, 1, 1) if rng.random() < 0.5 or min(h, w) < 3 else (0,) * 4
            return self.dense("conv2d", x, (int(rng.integers(1, 9)), 3, 3, c), conv((1, 1), pad, act=act))
        if kind == "point":
            return self.dense("conv2d", x, (int(rng.integers(1, 9)), 1, 1, c), conv(act=act))
        if kind == "depthwise" and c > 1:
            return self.dense("conv2d", x, (c, 3, 3, 1), conv((1, 1), (1, 1, 1, 1), groups=c, act=act))
        if kind == "add":
            other = self.dense("conv2d", x, (c, 1, 1, c), conv(act=act))
            return self.emit("add", [x, other], get("add").Attrs(act), self.quant())
        if kind == "pool" and min(h, w) >= 2:
            return self.emit(str(rng.choice(["max_pool2d", "avg_pool2d"])), [x], get("max_pool2d").Attrs(), t.quant)
        if kind == "requantize":
            same = rng.random() < 0.3
            return self.emit("requantize", [x], get("requantize").Attrs("i8"), t.quant if same else self.quant())
        return self.emit("tanh", [x], get("tanh").Attrs(), self.quant())

    def end(self, x: str) -> Program:
        t = self.f.types[x]
        flat = self.emit("reshape", [x], get("reshape").Attrs((1, t.size)), t.quant)
        y = self.dense("linear", flat, (5, t.size), get("linear").Attrs(str(self.rng.choice(["none", "relu"]))))
        self.f.results = (self.dense("linear", y, (3, 5), get("linear").Attrs()),)
        return dead_code.run(verify(self.p), Target())


def network(seed: int) -> Program:
    rng = np.random.default_rng(seed)
    b = Builder(rng, (1, int(rng.integers(3, 7)), int(rng.integers(3, 7)), int(rng.integers(1, 5))))
    x = b.dense("conv2d", "%x", (int(rng.integers(2, 9)), 1, 1, b.f.types["%x"].shape[3]), get("conv2d").Attrs())
    for _ in range(int(rng.integers(1, 7))):
        x = b.step(x)
    return b.end(x)


def inputs(rng: np.random.Generator, shape: tuple[int, ...]) -> list[np.ndarray]:
    ends = rng.choice(np.array([-128, 127], np.int8), (3, *shape))
    return [np.full(shape, v, np.int8) for v in (-128, 127)] + [*ends, *rng.integers(-128, 128, (3, *shape), np.int8)]


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_bit_changes(seed: int) -> None:
    p = network(seed)
    q = verify(simplify_exact.run(p, Target()), "simplify_exact")
    assert sum(a.size for a in q.constants.values()) <= sum(a.size for a in p.constants.values())
    for x in inputs(np.random.default_rng(seed), p.main.types["%x"].shape):
        np.testing.assert_array_equal(Interpreter(p).call("forward", x)[0], Interpreter(q).call("forward", x)[0])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_ranges_hold(seed: int) -> None:
    """No value that the interpreter computes lies outside its range."""
    p = network(seed)
    found = ranges(p, p.main)
    for ref, (low, high) in found.items():
        seen = Program("part", {"forward": p.main.copy()}, p.constants, p.constant_types)
        seen.main.results = (ref,)
        for x in inputs(np.random.default_rng(seed), p.main.types["%x"].shape)[:5]:
            y = Interpreter(seen).call("forward", x)[0]
            assert (y >= low).all(), ref
            assert (y <= high).all(), ref


def test_much_is_found() -> None:
    """Of 40 such networks nearly all lose channels, and together a good part of their weights."""
    before = after = changed = 0
    for seed in range(40):
        p = network(seed)
        q = simplify_exact.run(p, Target())
        changed += "channels" in q.meta.get("simplified", "")
        before += sum(a.size for a in p.constants.values())
        after += sum(a.size for a in q.constants.values())
    assert changed >= 30
    assert after < 0.8 * before


def one(pad: int, bias: int, zero: int) -> Program:
    """conv (second of three channels: no weights, this bias) -> conv with this padding."""
    rng, q = np.random.default_rng(0), QuantParams.tensor(0.05, zero)
    b = Builder(rng, (1, 5, 5, 2))
    w = rng.integers(1, 100, (3, 1, 1, 2)).astype(np.int8)
    w[1] = 0
    conv, tw = get("conv2d").Attrs, QuantParams.tensor(0.01)
    refs = [b.p.add_constant("w", w, TensorType(w.shape, "i8", tw))]
    refs.append(b.p.add_constant("b", np.array([5, bias, 7]), TensorType((3,), "i32")))
    x = b.emit("conv2d", ["%x", *refs], conv(), q)
    v = rng.integers(1, 100, (2, 3, 3, 3)).astype(np.int8)
    ref = b.p.add_constant("v", v, TensorType(v.shape, "i8", tw))
    b.f.results = (b.emit("conv2d", [x, ref], conv((1, 1), (pad,) * 4), QuantParams.tensor(0.5, 3)),)
    return verify(b.p)


@pytest.mark.parametrize(
    ("pad", "bias", "goes"), [(0, 0, True), (1, 0, True), (0, 4000, True), (1, 4000, False), (1, -90_000_000, False)]
)
def test_padding_sees_the_zero_point(pad: int, bias: int, goes: bool) -> None:
    p = one(pad, bias, 11)
    q = simplify_exact.run(p, Target())
    assert ("n0: 1 of 3" in q.meta.get("simplified", "")) == goes
    x = np.random.default_rng(1).integers(-128, 128, (1, 5, 5, 2)).astype(np.int8)
    np.testing.assert_array_equal(Interpreter(p).call("forward", x)[0], Interpreter(q).call("forward", x)[0])
