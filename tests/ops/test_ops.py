"""Every operator, by its own cases: C equals the NumPy reference, on the host in both forms and on emulated boards.

Integers must be equal to the bit, floats within 2e-5. The generated C builds without warnings under the strictest
flags, and a call changes no byte of the context but its outputs, its working memory and its inputs.
"""

from __future__ import annotations

import numpy as np
import pytest

from picozoo import build, emulate, find, ops
from picozoo.emit.c_model import Model, emit
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Program
from picozoo.ir.text import parse_program, print_program
from picozoo.ir.verify import verify
from picozoo.passes import materialise
from picozoo.plan.arena import Plan, plan_program, scratch_bytes
from picozoo.plan.check import check_plan

from .cases import FORMS, build_program, form_of

STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
BOARDS = ["host", *FORMS, "nano33ble", "pico", "esp32c3", "rpi_zero2", "browser", "corstone300"]


def compiled(board_name: str) -> tuple[Program, Plan, Model, build.Image, dict[str, list[np.ndarray]]]:
    """All cases compiled for a board, or for a form on the host (`cases.form_of`)."""
    board, target, form = form_of(board_name)
    program, inputs = build_program()
    program = verify(materialise.run(verify(program), target), "materialise")
    plan = plan_program(program, target)
    check_plan(program, plan, target)
    model = emit(program, plan, target)
    sources = {**model.files, "pz_instance.c": '#include "cases.h"\ncases_t pz_net;\n'}
    roots = ["pz_net", "cases_init", *[e.symbol for e in model.entries.values()]]
    flags = [*(STRICT if board.core.arch in ("arm", "host") else []), *form]
    return program, plan, model, build.build(sources, board, roots=roots, const_prefix="cases_", extra=flags), inputs


@pytest.mark.parametrize("board_name", BOARDS)
def test_c_equals_reference(board_name: str) -> None:
    board = find.load("boards", board_name.partition("+")[0], "board").BOARD
    if reason := emulate.available(board):
        pytest.skip(reason)
    program, plan, model, image, inputs = compiled(board_name)
    wrong = []
    with emulate.open_machine(image) as machine:
        base = machine.address("pz_net")
        noise = np.random.default_rng(7).integers(0, 256, model.context_bytes).astype(np.uint8)
        for name, entry in model.entries.items():
            want = Interpreter(program).call(name, *inputs[name])
            machine.write(base, noise.tobytes())
            for slot, value in zip(entry.inputs, inputs[name], strict=True):
                machine.write(base + slot.offset, value.tobytes())
            machine.call(entry.symbol, base)
            after = np.frombuffer(machine.read(base, model.context_bytes), np.uint8)
            for slot, w in zip(entry.outputs, want, strict=True):
                got = after[slot.offset : slot.offset + w.nbytes].view(w.dtype).reshape(w.shape)
                same = (
                    np.allclose(got, w, 2e-5, 2e-6, equal_nan=True) if w.dtype.kind == "f" else np.array_equal(got, w)
                )
                if not same:
                    wrong.append(f"{name}: got {got.reshape(-1)[:4]}, expected {w.reshape(-1)[:4]}")
            if stray := _stray_writes(program, plan, model, name, noise, after):
                wrong.append(f"{name}: wrote outside its tensors at {stray[:4]}")
    assert not wrong, "\n".join(wrong)


def _stray_writes(
    program: Program, plan: Plan, model: Model, name: str, before: np.ndarray, after: np.ndarray
) -> list[int]:
    """Offsets of bytes that changed and belong to no input, output or working memory of the call."""
    allowed = np.zeros(model.context_bytes, bool)
    entry, f = model.entries[name], program.functions[name]
    for slot in (*entry.inputs, *entry.outputs):
        allowed[slot.offset : slot.offset + slot.type.nbytes] = True
    for node in f.nodes:
        if size := scratch_bytes(program, f, node, model.target):
            at = plan.functions[name].scratch[(name, node.name)]
            allowed[at : at + size] = True
        for ref in node.outputs:
            kind, at = plan.locate(name, (name, ref))
            if kind == "arena":
                allowed[at : at + f.types[ref].nbytes] = True
    return np.flatnonzero((before != after) & ~allowed).tolist()


def test_text_round_trip() -> None:
    program, _ = build_program()
    text = print_program(program)
    assert print_program(parse_program(text)) == text


WITH_REGIONS = ("while_loop", "fused")  # tested by random programs: tests/core/test_plan.py, test_fuse.py


@pytest.mark.parametrize("name", [n for n in ops.names() if n not in WITH_REGIONS])
def test_every_operator_has_cases(name: str) -> None:
    op = ops.get(name)
    assert op.cases, f"operator {name} has no cases"
    for case in op.cases:
        outs = list(case.outs) or op.infer(list(case.ins), case.attrs)
        assert [t.shape for t in op.infer(list(case.ins), case.attrs)] == [t.shape for t in outs]


@pytest.mark.parametrize("name", [n for n in ops.names() if ops.get(n).cases])
def test_permute_is_true(name: str) -> None:
    """op(x.permute(p)) equals op'(x).permute(p) with the attributes that `permute` gives."""
    op, rng = ops.get(name), np.random.default_rng(3)
    for case in op.cases:
        ins, outs = list(case.ins), list(case.outs) or op.infer(list(case.ins), case.attrs)
        rank = ins[0].rank
        if len(outs) != 1 or rank < 2 or any(t.rank != rank for t in (*ins, *outs)) or case.constants:
            continue
        perm = tuple(int(i) for i in rng.permutation(rank))
        # x is what the transpose reads; the operator was written for x.permute(perm), of the case's own shapes
        before = [t.with_(shape=tuple(t.shape[i] for i in np.argsort(perm))) for t in ins]
        attrs = op.permute(case.attrs, ins, perm)
        if attrs is None:
            continue
        xs = [
            rng.integers(0, 2, t.shape).astype(t.numpy)
            if t.dtype == "bool"
            else (rng.uniform(case.low, case.high, t.shape)).astype(t.numpy)
            for t in before
        ]
        want = op.reference([x.transpose(perm) for x in xs], ins, outs, case.attrs)[0]
        moved = [t.with_(quant=outs[0].quant, dtype=outs[0].dtype) for t in op.infer(before, attrs)]
        got = op.reference(xs, before, moved, attrs)[0]
        np.testing.assert_allclose(
            np.asarray(got).reshape(moved[0].shape).transpose(perm), np.asarray(want).reshape(outs[0].shape), rtol=1e-6
        )
