"""TFLite: a flatbuffer. Changed as bytes, and, where LiteRT's schema is there, as tables that are written again."""

from __future__ import annotations

import random
import sys
from functools import cache
from pathlib import Path
from typing import Any

from .plain import damaged

SUFFIX = ".tflite"
SMALL = 64 << 10  # bytes; writing a table again takes long
INTS = (0, 1, -1, 2, 3, 7, 127, 128, 255, 65536, 2**31 - 1, -(2**31))
FLOATS = (0.0, -1.0, 1e-30, 1e38, float("nan"), float("inf"))


def originals(folder: Path) -> dict[str, bytes]:
    """One for each operator that the tests try; none without LiteRT's schema."""
    if _schema() is None:
        return {}
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.frontend.tflite_samples import samples

    return samples()


@cache
def _schema() -> Any:
    try:
        import flatbuffers  # noqa: F401
        from ai_edge_litert import schema_py_generated as schema
    except ImportError:
        return None
    return schema


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Half bytes, half tables."""
    if len(data) > SMALL or _schema() is None or dice.random() < 0.5:
        return damaged(data, dice)
    model = _schema().ModelT.InitFromPackedBuf(bytearray(data))
    for _ in range(dice.choice((1, 1, 2, 4))):
        graph = dice.choice(model.subgraphs)
        dice.choice((_tensor, _tensor, _operator, _operator, _options, _custom, _data, _graph))(model, graph, dice)
    return _written(model, data, dice)


def _written(model: Any, data: bytes, dice: random.Random) -> bytes:
    import struct

    import flatbuffers

    builder = flatbuffers.Builder(len(data) + 1024)
    try:
        builder.Finish(model.Pack(builder), b"TFL3")
    except (TypeError, ValueError, struct.error, AttributeError, OverflowError):  # what no file can hold
        return damaged(data, dice)
    return bytes(builder.Output())


def _put(values: Any, value: Any, dice: random.Random) -> Any:
    """A list with one element replaced."""
    made = [] if values is None else [v.item() if hasattr(v, "item") else v for v in values]
    if made:
        made[dice.randrange(len(made))] = value
    return made


def _tensor(model: Any, graph: Any, dice: random.Random) -> None:
    t = dice.choice(graph.tensors)
    how = dice.randrange(6)
    if how == 0:
        t.shape = _put(t.shape, dice.choice(INTS), dice)
    elif how == 1:
        t.type = dice.randrange(20)
    elif how == 2:
        t.buffer = dice.choice((0, len(model.buffers), dice.randrange(len(model.buffers)), 2**32 - 1))
    elif how == 3:
        t.isVariable = not t.isVariable
    elif t.quantization is not None:
        q = t.quantization
        q.scale = dice.choice((None, [], _put(q.scale, dice.choice(FLOATS), dice), [0.5] * 3))
        q.zeroPoint = dice.choice((q.zeroPoint, _put(q.zeroPoint, dice.choice(INTS), dice), [1] * 3))
        q.quantizedDimension = dice.choice((0, 0, 1, -1, 99))


def _operator(model: Any, graph: Any, dice: random.Random) -> None:
    if not graph.operators:
        return
    at = dice.randrange(len(graph.operators))
    op, how = graph.operators[at], dice.randrange(6)
    if how == 0:
        op.inputs = _put(op.inputs, dice.choice((-1, dice.randrange(len(graph.tensors)), len(graph.tensors))), dice)
    elif how == 1:
        op.outputs = _put(op.outputs, dice.choice((-1, dice.randrange(len(graph.tensors)), len(graph.tensors))), dice)
    elif how == 2:
        op.opcodeIndex = dice.randrange(len(model.operatorCodes) + 1)
    elif how == 3:
        code = dice.choice(model.operatorCodes)
        code.builtinCode = dice.randrange(210)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    elif how == 4:
        del graph.operators[at]
    else:
        graph.operators[at:at] = [op] * dice.choice((1, 1, 200))


def _options(model: Any, graph: Any, dice: random.Random) -> None:
    ops = [o.builtinOptions for o in graph.operators if o.builtinOptions is not None]
    fields = [(o, k) for o in ops for k in vars(o)]
    if not fields:
        return
    options, key = dice.choice(fields)
    value = getattr(options, key)
    if isinstance(value, float):
        setattr(options, key, dice.choice(FLOATS))
    elif isinstance(value, int):
        setattr(options, key, dice.choice((*INTS, not value)))
    elif value is not None and not isinstance(value, bytes | str):
        setattr(options, key, _put(value, dice.choice(INTS), dice))


def _custom(model: Any, graph: Any, dice: random.Random) -> None:
    """Options of custom operators: a FlexBuffer."""
    ops = [o for o in graph.operators if o.customOptions is not None and len(o.customOptions)]
    if ops:
        op = dice.choice(ops)
        op.customOptions = list(damaged(bytes(bytearray(op.customOptions)), dice))


def _data(model: Any, graph: Any, dice: random.Random) -> None:
    buffer = dice.choice(model.buffers)
    if buffer.data is None or not len(buffer.data):
        return
    held = bytes(bytearray(buffer.data))
    held = dice.choice((held[:-1], held * 2, b"", dice.choice(INTS).to_bytes(4, "little", signed=True) + held[4:]))
    buffer.data = list(held)


def _graph(model: Any, graph: Any, dice: random.Random) -> None:
    how = dice.randrange(4)
    if how < 2:
        field = ("inputs", "outputs")[how]
        setattr(graph, field, _put(getattr(graph, field), dice.randrange(-1, len(graph.tensors) + 1), dice))
    elif how == 2:
        dice.choice(graph.tensors).name = dice.choice((b"", b"\xff", b"x" * 3000, b"\x1b[31m", b"../x", b"\n"))
    else:
        model.subgraphs[0:0] = [graph] if dice.random() < 0.3 else []
