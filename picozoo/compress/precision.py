"""Which numbers a program computes with: as it is, or made of int8 in the ways that there are."""

from __future__ import annotations

from collections.abc import Sequence

from picozoo.compress import qdq
from picozoo.compress.narrow import narrow
from picozoo.compress.once import quantised
from picozoo.errors import UsageError
from picozoo.ir.program import Program
from picozoo.passes import pipeline
from picozoo.specs import Calibration, Target


def in_precision(
    program: Program,
    precision: str,
    calibration: Calibration | None,
    target: Target,
    *,
    method: str = "mse",
    keep_float: Sequence[str] = (),
    int16: Sequence[str] = (),
    weights: Sequence[str] = (),
    io: str = "int8",
    watch: pipeline.Watch | None = None,
) -> Program:
    """The program in the precision that `choose_precision` gave.

    Args:
        program: after the float passes.
        method, keep_float, int16, weights, io: see `compiler.Options`.

    Raises:
        UsageError: layers are named, but nothing is quantised here.
    """
    integers = is_quantised(program)
    if (keep_float or int16) and (precision != "int8" or integers):
        raise UsageError(
            f"layers are named to stay in float or be int16 ({', '.join([*keep_float, *int16])}), but nothing is "
            f"quantised here: "
            f"{'the file is in integers already' if precision == 'int8' else f'the precision is {precision}'}"
        )
    pairs = program
    if precision == "int8" and qdq.is_qdq(program):
        pairs = qdq.restore(program)
    elif will_quantise(program, precision):
        assert calibration is not None
        pairs = quantised(program, calibration, method, keep_float, int16)
    if pairs is not program or (precision == "int8" and "pairs" in program.meta):  # the latter: a quantised ONNX file
        passes = [p for p in pipeline.INTEGER if io == "int8" or "integer_io" not in p.__name__]
        program = pipeline.run(pairs, passes, target, watch=watch)
    return narrow(program, tuple(weights), calibration) if weights else program


def will_quantise(program: Program, precision: str) -> bool:
    """Does `in_precision` choose the ranges itself, from calibration data?"""
    return precision == "int8" and not is_quantised(program) and not qdq.is_qdq(program)


def becomes_integers(program: Program, precision: str) -> bool:
    """Are float layers about to become integers here, with ranges chosen now or known from training?"""
    return will_quantise(program, precision) or (precision == "int8" and qdq.is_qdq(program))


def is_quantised(program: Program) -> bool:
    """Does the program compute with quantised integers already, as an int8 TFLite file does?"""
    return any(t.quant is not None for f in program.functions.values() for t in f.types.values())


def has_floats(program: Program) -> bool:
    """Does it compute with real numbers anywhere?"""
    return any(t.is_float for f in program.functions.values() for t in f.types.values())


def is_native(program: Program) -> bool:
    """Is all that the program knows in integers? It may still compute with real numbers, as with the logarithm of a
    count; the same float everywhere is a factor of a formula."""
    if not has_floats(program):
        return True
    stored = [a for a in (*program.constants.values(), *program.states.values()) if a.size and (a != a.flat[0]).any()]
    return bool(stored) and not any(a.dtype.kind == "f" for a in stored)


def choose_precision(program: Program, calibration: Calibration | None, wanted: str) -> str:
    """What "auto" means for this program.

    Raises:
        UsageError: int8 without calibration data, or float32 of what is stored in int8.
    """
    if is_quantised(program):
        if wanted == "float32":
            raise UsageError(f"precision float32: {program.name} is stored in int8; use int8")
        return "int8"
    if wanted == "native" and not is_native(program):
        raise UsageError(f"precision native: what {program.name} knows is in floats; use int8 or float32")
    if (
        wanted == "native"
        or (wanted == "auto" and is_native(program))
        or (wanted == "int8" and not has_floats(program))
    ):
        return "native"
    if wanted == "int8" and calibration is None:
        raise UsageError(
            f"precision int8: {program.name} carries no calibration data; give typical inputs with --calibrate FILE "
            f"(compile(..., calibrate=inputs) in Python), or use float32"
        )
    if wanted == "auto":
        return "int8" if calibration is not None else "float32"
    return wanted
