"""Outputs that lie over their inputs: as tight as the operators allow, in both directions, and one byte too tight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picozoo import build, emulate, find
from picozoo.emit.c_model import emit
from picozoo.errors import InvalidProgram
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Function, Node, Program
from picozoo.ir.verify import verify
from picozoo.ops import get
from picozoo.ops._walk import windows
from picozoo.plan.arena import Life, Overlap, Plan, lower_bound, plan_arena, plan_program
from picozoo.plan.check import check_plan
from picozoo.specs import QuantParams, Target, TensorType

# input, outputs, window, stride, padding, dilation
CONVS = [
    ((1, 6, 5, 4), 4, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
    ((1, 7, 6, 3), 8, (3, 3), (2, 2), (0, 1, 1, 0), (1, 1)),
    ((1, 5, 5, 8), 3, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1)),
    ((1, 5, 4, 2), 16, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1)),
    ((2, 5, 5, 3), 5, (5, 2), (1, 1), (2, 2, 1, 1), (1, 1)),
    ((1, 9, 9, 1), 6, (3, 3), (1, 2), (2, 2, 2, 2), (2, 2)),
    ((1, 8, 8, 16), 24, (1, 1), (2, 2), (0, 0, 0, 0), (1, 1)),
]
POOLS = [((1, 6, 6, 3), (2, 2), (2, 2), (0,) * 4), ((1, 5, 7, 2), (3, 3), (1, 2), (1,) * 4)]


def program(rng: np.random.Generator) -> Program:
    """One function for each layer above."""
    p = Program("overlap")
    qx, qy = QuantParams.tensor(0.05, 7), QuantParams.tensor(0.21, -12)
    for k, (x, o, size, stride, pad, dilation) in enumerate(CONVS):
        tx, tw = TensorType(x, "i8", qx), TensorType((o, *size, x[3]), "i8", QuantParams.tensor(0.02))
        w = p.add_constant(f"w{k}", rng.integers(-127, 128, tw.shape).astype(np.int8), tw)
        attrs = get("conv2d").Attrs(stride, pad, dilation)
        ty = get("conv2d").infer([tx, tw], attrs)[0].with_(quant=qy)
        node = Node("conv2d", "conv", ("%x", w), ("%y",), attrs)
        p.functions[f"conv{k}"] = Function(f"conv{k}", ("%x",), ("%y",), [node], {"%x": tx, "%y": ty})
    for k, (x, size, stride, pad) in enumerate(POOLS):
        tx, attrs = TensorType(x, "i8", qx), get("max_pool2d").Attrs(size, stride, pad)
        ty = get("max_pool2d").infer([tx], attrs)[0].with_(quant=qx)
        node = Node("max_pool2d", "pool", ("%x",), ("%y",), attrs)
        p.functions[f"pool{k}"] = Function(f"pool{k}", ("%x",), ("%y",), [node], {"%x": tx, "%y": ty})
    return verify(p)


def tighten(p: Program, plan: Plan, target: Target, backward: bool, by: int = 0) -> int:
    """Put each output over its input as closely as its kernel allows and `by` closer; how many could be."""
    done, arena = 0, 0
    for f in p.public():
        node, fp = f.nodes[0], plan.functions[f.name]
        walks = get(node.op).walks(p.in_types(f, node), p.out_types(f, node), node.attrs, target)
        nx, ny = f.types["%x"].nbytes, f.types["%y"].nbytes
        x, y = (fp.shared.of[f.name, r] for r in ("%x", "%y"))
        if x is y:
            continue
        # y - x: at most -lead, or at least lag
        apart = (walks[1].lag if backward and len(walks) > 1 else -walks[0].lead) + (-by if backward else by)
        fp.offset_of[id(x)], fp.offset_of[id(y)] = max(0, -apart), max(0, apart)
        done += apart < nx and -apart < ny
        top = max(nx + max(0, -apart), ny + max(0, apart))
        for key in fp.scratch:
            fp.scratch[key] = -(-top // 16) * 16
        arena = max(arena, top + 16 + 4096)
    plan.arena, plan.align = arena, 1
    return done


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("board_name", ["host", "host+dsp", "nano33ble", "pico", "corstone300"])
def test_as_tight_as_allowed(board_name: str, backward: bool) -> None:
    name, _, dsp = board_name.partition("+")
    board = find.load("boards", name, "board").BOARD
    if reason := emulate.available(board):
        pytest.skip(reason)
    target = board.core.target
    target = replace(target, features=target.features | {"dsp"}) if dsp else target
    rng = np.random.default_rng(3)
    p = program(rng)
    plan = plan_program(p, target)
    assert tighten(p, plan, target, backward) >= 7
    check_plan(p, plan, target)
    model = emit(p, plan, target, share="none")
    sources = {**model.files, "pz_instance.c": '#include "overlap.h"\noverlap_t pz_net __attribute__((aligned(16)));\n'}
    image = build.build(sources, board, roots=["pz_net", "overlap_init", *[e.symbol for e in model.entries.values()]])
    with emulate.open_machine(image) as machine:
        base = machine.address("pz_net")
        for f, e in model.entries.items():
            x = rng.integers(-128, 128, e.inputs[0].type.shape).astype(np.int8)
            machine.write(base + e.inputs[0].offset, x.tobytes())
            machine.call(e.symbol, base)
            got = machine.read(base + e.outputs[0].offset, e.outputs[0].type.nbytes)
            want = Interpreter(p).call(f, x)[0]
            assert got == want.tobytes(), f


def test_one_byte_closer_is_refused() -> None:
    p, target = program(np.random.default_rng(3)), Target()
    for backward in (False, True):
        for f in list(p.functions.values()):
            one = Program("one", {f.name: f}, p.constants, p.constant_types)
            walks = get(f.nodes[0].op).walks(
                one.in_types(f, f.nodes[0]), one.out_types(f, f.nodes[0]), f.nodes[0].attrs, target
            )
            plan = plan_program(one, target)
            # a step closer than one direction allows is what the other allows only if they meet
            if len(walks) == (1 if backward else 0) or (len(walks) > 1 and walks[1].lag + walks[0].lead <= 1):
                continue
            if not tighten(one, plan, target, backward, 1):
                continue
            with pytest.raises(InvalidProgram, match="overlaps"):
                check_plan(one, plan, target)


shape = st.tuples(st.just(1), st.integers(1, 7), st.integers(1, 7), st.integers(1, 4))


@settings(max_examples=150, deadline=None)
@given(shape, st.integers(1, 6), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2), st.booleans())
def test_lead_is_the_least(x: tuple[int, ...], o: int, k: int, stride: int, pad: int, copied: bool) -> None:
    """The lead that a walk gives is safe, and one byte less is not: by moving bytes one step at a time."""
    _, h, w, _ = x
    oh, ow = (h + 2 * pad - k) // stride + 1, (w + 2 * pad - k) // stride + 1
    if oh < 1 or ow < 1 or pad >= k:
        return
    walk = windows(x, (1, oh, ow, o), (k, k), (stride, stride), (pad,) * 4, copied=copied)

    def safe(apart: int) -> bool:
        dirty: set[int] = set()
        for (a, b), (c, d) in zip(walk.reads.tolist(), walk.writes.tolist(), strict=True):
            if dirty & set(range(a, b)):
                return False
            dirty |= set(range(c - apart, d - apart))
        return True

    assert safe(walk.lead)
    behind = walk.lead <= 1 - int(walk.reads[1:, 1].max(initial=0))  # the output begins behind all that is read later
    assert behind or not safe(walk.lead - 1)
    back = walk.back()
    unread, at = set(range(int(np.prod(x)))), back.lag
    for p in range(len(back.reads)):
        later = {v for a, b in back.reads[p + 1 :].tolist() for v in range(a, b)}
        wrote = set(range(int(back.writes[p, 0]) + at, int(back.writes[p, 1]) + at))
        assert not wrote & later & unread


pairs = st.lists(
    st.tuples(st.integers(1, 3000), st.integers(1, 3000), st.integers(-200, 2000), st.booleans()),
    min_size=1,
    max_size=9,
)


@settings(max_examples=150, deadline=None)
@given(pairs, st.sampled_from([1, 4]))
def test_chains_lie_as_allowed(chain: list[tuple[int, int, int, bool]], align: int) -> None:
    lives = [Life(chain[0][0], 0, 1)] + [Life(c[1], k + 1, k + 2) for k, c in enumerate(chain)]
    overlaps = {(k, k + 1): Overlap(c[2], same=c[3]) for k, c in enumerate(chain)}
    placed = plan_arena(lives, align=align, overlaps=overlaps)
    assert placed.peak >= lower_bound(lives, overlaps)
    assert placed.peak <= plan_arena(lives, align=align).peak
    for k, (_, _, lead, same) in enumerate(chain):
        x, y = placed.offsets[k], placed.offsets[k + 1]
        apart = y + lives[k + 1].size <= x or x + lives[k].size <= y
        assert apart or y + lead <= x or (same and x == y)
        assert x % align == y % align == 0
