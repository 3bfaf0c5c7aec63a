"""TFLite in: a `.tflite` file becomes a program that computes what LiteRT's reference kernels compute.

This file walks the operators and owns none. Which operator of the file becomes which of ours, and how its options are
read, is written in the operator files (`Op.tflite`) and, where one becomes several, in
`frontend/_tflite_composites.py`. An int8 file gives a program that is already in integers: values carry their scale and
zero point, and nothing is calibrated. Inputs and outputs keep the file's types.

Follows: LiteRT's reference kernels (the resolver `BUILTIN_REF`), double rounding included. TensorFlow Lite Micro may
differ from them in fully connected layers; see `ops/linear.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

from picozoo import ops
from picozoo.errors import BadFile, PicozooError, Unsupported, UsageError
from picozoo.frontend import (
    _tflite_composites,
    _tflite_compression,
    _tflite_control,
    _tflite_math,
    _tflite_metadata,
    _tflite_moves,
    _tflite_open,
    _tflite_signal,
    _tflite_streaming,
)
from picozoo.frontend import _tflite_schema as schema
from picozoo.frontend._dims import Input, close
from picozoo.frontend._tflite_call import Call, Shared, clean, outside_type, tensor_type
from picozoo.ir.program import Function, Program
from picozoo.ir.verify import verify

SUFFIXES = (".tflite",)
TAKES = ("shapes",)  # what `read` takes besides the path
_PARTS = (
    _tflite_composites,
    _tflite_compression,
    _tflite_control,
    _tflite_math,
    _tflite_moves,
    _tflite_signal,
    _tflite_streaming,
)
_NAMED = 12  # most operators listed in one message


@cache
def readers() -> dict[str, tuple[str, Callable[..., Any]]]:
    """Operator of the file -> (operator file or "composite", reader)."""
    table: dict[str, tuple[str, Callable[..., Any]]] = {}
    for name in ops.names():
        for kind, read_ in ops.get(name).tflite.items():
            assert kind not in table, f"{kind} is read by {table[kind][0]} and {name}"
            table[kind] = (name, read_)
    for part in _PARTS:
        for kind, read_ in part.READERS.items():
            assert kind not in table, f"{kind} is read by {table[kind][0]} and {part.__name__}"
            table[kind] = ("composite", read_)
    return table


def read(path: Path, shapes: Mapping[str, Sequence[int]] | None = None) -> Program:
    """Read a TFLite file as a program with one function, `forward`.

    Args:
        shapes: input -> its shape, where the file leaves dimensions open; see `_dims.close`.

    Raises:
        BadFile: missing, truncated, hostile, or not a TFLite file; says what is wrong with it.
        Unsupported: operators, or forms of them, that picozoo cannot compile: all of them at once, with the names of
            the tensors they make.
    """
    try:
        size = path.stat().st_size
        if size > schema.MAX_BYTES:
            raise BadFile(f"{path}: {size} bytes is larger than the limit of {schema.MAX_BYTES}")
        data = path.read_bytes()
    except OSError as e:
        raise BadFile(f"{path}: cannot be read ({e.strerror}). Check the path") from e
    return checked(data, path.stem, str(path), shapes)


def checked(data: bytes, name: str, where: str, shapes: Mapping[str, Sequence[int]] | None = None) -> Program:
    """As `read`, from memory; `where` heads the messages."""
    try:
        return from_bytes(data, name, shapes)
    except (Unsupported, UsageError) as e:
        raise type(e)(f"{where}: {e}") from None
    except (PicozooError, ValueError, ArithmeticError, MemoryError, LookupError, TypeError) as e:
        raise BadFile(f"{where}: truncated or damaged ({e}). Get the file again") from e


def from_bytes(data: bytes, name: str, shapes: Mapping[str, Sequence[int]] | None = None) -> Program:
    """The program in a file's bytes; `name` becomes its name. Damage may raise other errors than `checked` does."""
    model = schema.parse(data)
    if _tflite_compression.NAME in model.metadata:
        _tflite_compression.expand(model)
    graph = model.graphs[0]
    program = Program(name)
    function = Function("forward", (), (), [], {})
    values: dict[int, str] = {}
    resized = _close(graph, shapes, program)
    for k in graph.inputs:
        t = graph.tensors[k]
        if k in values or t.data is not None:
            raise BadFile(f"input {t.name!r} is given twice or is a constant")
        ref = function.fresh(clean(t.name) or "x")
        function.types[ref] = outside_type(t)
        function.params = (*function.params, ref)
        values[k] = ref
    program.functions["forward"] = function
    shared = Shared(model.graphs, _read_one, model.pay, resized=resized)
    call = Call(program, function, graph, values, shared)
    for k in graph.inputs:
        call.op = schema.Operator("INPUT", (k,), (k,))
        values[k] = call.converted(values[k], tensor_type(graph.tensors[k]))
    call.walk()
    _tell(call.shared)
    results = []
    for k in graph.outputs:
        call.op = schema.Operator("OUTPUT", (k,), (k,))
        results.append(call.converted(call.ref(0), outside_type(graph.tensors[k])))
    function.results = (*results, call.ran) if call.ran else tuple(results)
    if call.shared.period > 1:
        program.meta["period"] = str(call.shared.period)
    if model.description:
        program.meta["tflite"] = model.description
    if _tflite_metadata.NAME in model.metadata:
        program.meta |= _tflite_metadata.read(model.metadata[_tflite_metadata.NAME], data, len(graph.inputs))
    return verify(program, "reading")


def _close(graph: schema.Graph, shapes: Mapping[str, Sequence[int]] | None, program: Program) -> bool:
    """Give each input its shape; is one another than the file's?"""
    tensors = [graph.tensors[k] for k in graph.inputs]
    closed = close([Input(t.name, _tflite_open.dims(t), clean(t.name)) for t in tensors], shapes, {})
    if closed.assumed:
        program.meta["assumed"] = closed.assumed
    for k, t, shape in zip(graph.inputs, tensors, closed.shapes, strict=True):
        if prod(shape) > schema.MAX_ELEMENTS:
            raise UsageError(f"input {t.name!r} of shape {list(shape)} is beyond memory")
        graph.tensors[k] = replace(t, shape=shape)
    return any(t.shape != shape for t, shape in zip(tensors, closed.shapes, strict=True))


def _read_one(call: Call) -> None:
    """The operator that the reader stands at."""
    kind, wrong = call.op.kind, call.shared.wrong
    made = ", ".join(call.model.tensors[k].name[:80] for k in call.op.outputs[:2])
    where = f"{kind} (makes {made!r}{', in a subgraph' if call.depth else ''})"
    if kind not in readers():
        wrong.append(f"{where}: no such operator here")
    else:
        told = len(wrong)
        try:
            call.signed_only()
            call.finish(readers()[kind][1](call))
            return
        except Unsupported as e:
            if len(wrong) == told or call.depth:  # what stands in a subgraph has been told
                wrong.append(f"{where}: {e}")
    _assume(call)


def _tell(shared: Shared) -> None:
    """Raise if anything could not be read: all of it at once."""
    wrong = shared.wrong
    if wrong:
        more = f"; and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        raise Unsupported(
            f"{len(wrong)} of its {shared.operators} operators cannot be compiled yet: "
            f"{'; '.join(wrong[:_NAMED])}{more}. The operators that can are listed in docs/operators.md"
        )


def _assume(call: Call) -> None:
    """Pretend an operator that could not be read was, so that the ones after it are looked at too."""
    for number in call.op.outputs:
        t = call.model.tensors[number]
        ref = call.function.fresh(clean(t.name) or "x")
        try:
            call.function.types[ref] = tensor_type(t)
        except Unsupported:
            continue
        call.values.setdefault(number, ref)
