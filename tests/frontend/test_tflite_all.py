"""Every operator of TFLite files in every element type LiteRT has it in, one at a time, against its reference kernels.

The cases are in `tflite_cases.py`. Integers must be equal to the bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .tflite_cases import ALL, I8, I16, QUANT, U8, Case, ints, names
from .tflite_micro_types import micro_cases
from .tflite_models import Net, T, compare, compare_micro


def build(case: Case, dtype: str, rng: np.random.Generator) -> Net:
    net, plain = Net(), case.kind == "CAST" or dtype not in QUANT

    def q() -> dict[str, Any]:
        if plain:
            return {}
        unit = 1 / 256 if dtype == I16 and case.note != "power of two" else 1 / 4096 if dtype == I16 else 1.0
        zero = {U8: (0, 256), I8: (-128, 128), I16: (0, 1)}[dtype]
        scale = float(np.float32(np.exp(rng.uniform(np.log(case.low), np.log(case.high))) * unit))
        return {"scale": scale, "zero": int(rng.integers(*zero))}

    shared = q()
    params = [shared if case.same else q() for _ in case.ins]
    after = []
    for c in case.consts:
        c = np.asarray(c)
        if case.kind == "PRELU" and not plain:
            p = q()
            info = np.iinfo(dtype)
            after.append(net.const(rng.integers(info.min, info.max + 1, c.shape).astype(dtype), p["scale"], p["zero"]))
        else:
            after.append(net.const(c))
    ins = [net.input(s, dtype, **p) for s, p in zip(case.ins, params, strict=True)]
    ins = [*after, *ins] if case.first else [*ins, *after]
    shapes = case.out if case.out and isinstance(case.out[0], tuple) else (case.out,)
    out = (
        {"scale": case.scale[dtype][0], "zero": case.scale[dtype][1]}
        if dtype in case.scale
        else shared
        if case.same
        else q()
    )
    y = case.y or dtype
    made = [T(s, y, **(out if not case.y else {})) for s in shapes]  # type: ignore[arg-type]
    net.op(case.kind, ins, made, case.options, **case.values)
    net.outputs = list(net.outputs)
    return net


@pytest.mark.parametrize(("case", "dtype"), ALL, ids=[names(*a) for a in ALL])
def test_equals_litert(case: Case, dtype: str) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        net = build(case, dtype, rng)
        if case.kind in ("DIV", "FLOOR_DIV", "FLOOR_MOD") and dtype == "int32":  # a divisor without zeros
            shape = net.tensors[net.inputs.pop()].shape
            net.tensors[1].data = rng.choice(ints(-7, -2, -1, 1, 3, 50), shape)
        compare(net, rng, calls=2)


@pytest.mark.parametrize(("case", "dtype"), micro_cases(), ids=[f"{c.kind}-{d}" for c, d in micro_cases()])
def test_equals_tflm(case: Case, dtype: str) -> None:
    rng = np.random.default_rng(4)
    compare_micro(build(case, dtype, rng), rng, calls=2)
