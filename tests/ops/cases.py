"""Turns every operator's `cases` into functions of one program, so that one build tests them all."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest

from picozoo import build, emulate, find, ops
from picozoo.emit.c_model import emit
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Function, Node, Program
from picozoo.ops._narrow import groups_of
from picozoo.ops._op import Case
from picozoo.passes import materialise
from picozoo.plan.arena import plan_program
from picozoo.specs import Board, Target, TensorType

# forms that other processors take, compiled for the host
FORMS = ("host+dsp", "host+mve", "host+mul32", "host+plain", "host+avx2", "host+avx_vnni")
# lesser forms of the host's own kernels: those for wide vectors without vectors, or with the smaller ones of x86
_LESSER = {"plain": ["-DPZ_NO_SIMD"], "avx2": ["-DPZ_NO_AVX512", "-DPZ_NO_VNNI"], "avx_vnni": ["-DPZ_NO_AVX512"]}


def form_of(board_name: str) -> tuple[Board, Target, list[str]]:
    """Board, target and compiler flags of `nano33ble`, or of `host+dsp`: the form for DSP cores on the host."""
    name, _, form = board_name.partition("+")
    board: Board = find.load("boards", name, "board").BOARD
    target = board.core.target
    if form and form not in _LESSER:
        target = replace(target, features=target.features - {"simd", "tile16"} | {form})
    return board, target, list(_LESSER.get(form, []))


def draw(t: TensorType, case: Case, rng: np.random.Generator) -> np.ndarray:
    """Random values of a type; floats and int32 within the case's range, 8 and 16 bit integers over all of theirs."""
    if t.dtype == "f32":
        return rng.uniform(case.low, case.high, t.shape).astype(np.float32)
    if t.dtype == "bool":
        return rng.integers(0, 2, t.shape).astype(np.bool_)
    if t.dtype in ("i32", "i64", "i16") and t.quant is None:
        return rng.integers(int(case.low), int(case.high) + 1, t.shape).astype(t.numpy)
    info = np.iinfo(t.numpy)
    low = -127 if t.quant is not None and t.quant.axis is not None else info.min
    return rng.integers(low, info.max + 1, t.shape).astype(t.numpy)


def case_names() -> list[tuple[str, int]]:
    return [(name, i) for name in ops.names() for i in range(len(ops.get(name).cases))]


def _in_groups(w: np.ndarray, bits: int, size: int) -> np.ndarray:
    """Levels times a factor that differs from channel to channel and from group to group."""
    group = groups_of(w.shape, size)
    if group is None:
        return w
    times = (3 * np.arange(len(w))[:, None] + group) % (127 >> bits - 1) + 1
    return (w.reshape(len(w), -1) * times).astype(np.int8).reshape(w.shape)


def build_program(only: str = "") -> tuple[Program, dict[str, list[np.ndarray]]]:
    """One function `OP_I` per case, and its inputs."""
    program, inputs = Program("cases"), {}
    for name, i in case_names():
        if only and name != only:
            continue
        op, case = ops.get(name), ops.get(name).cases[i]
        rng = np.random.default_rng(zlib.crc32(f"{name}{i}".encode()))
        f = Function(f"{name}_{i}", (), (), [], {})
        refs, given = [], []
        for k, t in enumerate(case.ins):
            value = dict(case.values)[k] if k in dict(case.values) else draw(t, case, rng)
            if k == 1 and (bits := getattr(case.attrs, "weights", 8)) < 8:
                value = ((value.astype(np.int16) + 128) % (1 << bits) - (1 << bits - 1)).astype(np.int8)
                value = _in_groups(value, bits, case.attrs.weight_group)
            if k in case.constants:
                refs.append(program.add_constant(f"{f.name}.c{k}", value, t))
                continue
            ref = f"%x{k}"
            f.types[ref] = t
            f.params = (*f.params, ref)
            refs.append(ref)
            given.append(value)
        outs = list(case.outs) or op.infer(list(case.ins), case.attrs)
        names = tuple(f"%y{k}" for k in range(len(outs)))
        f.types.update(zip(names, outs, strict=True))
        f.nodes = [Node(name, "node", tuple(refs), names, case.attrs)]
        f.results = names
        program.functions[f.name] = f
        inputs[f.name] = given
    return program, inputs


def compare_functions(
    program: Program, board_name: str, inputs: Callable[[TensorType], Iterable[tuple[str, np.ndarray]]]
) -> None:
    """Every function of one int8 input and output in C on a board, against the interpreter.

    Args:
        inputs: for the type of an input, values and what to call them.
    """
    board, target, form = form_of(board_name)
    if reason := emulate.available(board):
        pytest.skip(reason)
    made = materialise.run(program, target)
    model = emit(made, plan_program(made, target), target)
    name = program.name
    sources = {**model.files, "pz_instance.c": f'#include "{name}.h"\n{name}_t pz_net;\n'}
    roots = ["pz_net", *[e.symbol for e in model.entries.values()]]
    image = build.build(sources, board, roots=roots, extra=form)
    with emulate.open_machine(image) as machine:
        base = machine.address("pz_net")
        for entry in model.entries.values():
            for words, x in inputs(entry.inputs[0].type):
                machine.write(base + entry.inputs[0].offset, x.tobytes())
                machine.call(entry.symbol, base)
                want = Interpreter(made).call(entry.name, x)[0]
                got = np.frombuffer(machine.read(base + entry.outputs[0].offset, want.nbytes), np.int8)
                np.testing.assert_array_equal(got, want.reshape(-1), f"{entry.name} of {words}")
