"""Compressed constants of TensorFlow Lite Micro, made plain constants while a file is read.

Two forms. The custom operator TFLM_DECODE has pairs of constants for inputs: codes, and 16 bytes that say how to read
them, with tables behind. Before there was one, the model's metadata named tensors whose buffers hold numbers of values,
and the buffers with the values. Nothing is looked up outside its table; each element takes a bit of codes at least and
`Model.pay` counts them, so that a small file cannot ask for much.

Follows: TensorFlow Lite Micro's kernels; the channel axis of tables as its compressor writes it, which the kernels take
from the quantisation instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._tflite_call import clean, tensor_type
from picozoo.frontend._tflite_schema import DTYPES, Bytes, Model, Table, Tensor
from picozoo.ops._tflite import custom
from picozoo.specs import TensorType

NAME = "COMPRESSION_METADATA"
_HEAD = 16  # bytes before the tables
_ONE_TABLE = 15  # in place of an axis


def _item(t: Tensor) -> int:
    """Bytes of an element."""
    if t.code not in DTYPES:
        raise Unsupported(f"tensor {t.name!r} is compressed and has an element type that is not read")
    return TensorType((), DTYPES[t.code]).nbytes


def _numbers(codes: np.ndarray, n: int, bits: int) -> np.ndarray:
    """Whole numbers of so many bits each, the highest bit first."""
    if n * bits > 8 * codes.size:
        raise BadFile(f"{n} codes of {bits} bits in {codes.size} bytes")
    found = np.zeros(n, np.intp)
    for column in np.unpackbits(codes, count=n * bits).reshape(n, bits).T:
        found = found * 2 + column
    return found


def _looked_up(
    t: Tensor, codes: np.ndarray, bits: int, values: np.ndarray, stride: int, axis: int | None
) -> np.ndarray:
    """The bytes of a tensor whose elements are numbers of values in a table of `stride`, or in one for each channel."""
    item, n = _item(t), math.prod(t.shape)
    channels = 1 if axis is None else t.shape[axis]
    if not 1 <= bits <= 7 or stride * channels * item > values.size:
        raise BadFile(
            f"tensor {t.name!r}: {channels} tables of {stride} values in {values.size} bytes, {bits} bits each"
        )
    numbers = _numbers(codes, n, bits)
    if n and numbers.max() >= stride:
        raise BadFile(f"tensor {t.name!r}: value {numbers.max()} of {stride}")
    if axis is not None:
        row = np.arange(channels).reshape([-1 if d == axis else 1 for d in range(len(t.shape))])
        numbers = numbers + stride * np.broadcast_to(row, t.shape).reshape(-1)
    return np.ascontiguousarray(values[: stride * channels * item].reshape(-1, item)[numbers]).reshape(-1)


def _tables(t: Tensor, codes: np.ndarray, about: np.ndarray) -> np.ndarray:
    axis, stride, values = about[5] >> 4, int(about[6]), about[_HEAD:]
    tables = values.size // max(stride * _item(t), 1)
    found: int | None = int(axis)
    if axis == _ONE_TABLE or tables <= 1:
        found = None
    elif axis == 0:  # also in files from before there was an axis here
        found = t.axis if len(t.scale) > 1 else 0 if t.shape and tables >= t.shape[0] else None
    if found is not None and not 0 <= found < len(t.shape):
        raise BadFile(f"tensor {t.name!r} of shape {list(t.shape)} has tables along dimension {found}")
    return _looked_up(t, codes, int(about[5] & 7), values, stride, found)


def _huffman(t: Tensor, codes: np.ndarray, about: np.ndarray) -> np.ndarray:
    """Prefix codes. Some bits pick an entry of the first table: a symbol and how many of those bits are its own, or how
    many bits come next and where the table begins, counted from here, that they pick from."""
    wide, first, item = bool(about[5] & 1), int(about[5] >> 4) + 1, _item(t)
    if item > 1 + wide:
        raise BadFile(f"tensor {t.name!r}: elements of {item} bytes in tables of {2 + 2 * wide}")
    shift = 27 if wide else 11
    size = 4 if wide else 2
    table = about[_HEAD : _HEAD + (about.size - _HEAD) // size * size].copy().view(f"<u{size}").tolist()
    data, end, at = codes.tobytes() + bytes(8), 8 * codes.size, 0
    found = []
    for _ in range(math.prod(t.shape)):
        begin, entry, bits, place = at, 0, first, 0
        while True:
            window = int.from_bytes(data[at >> 3 : (at >> 3) + 4], "big")
            place += (window >> (32 - (at & 7) - bits)) & ((1 << bits) - 1)
            at += bits
            if place >= len(table) or at > end + first:
                raise BadFile(f"tensor {t.name!r}: a code leads out of its tables or its data")
            entry = table[place]
            if entry >> (shift + 4):
                break
            bits, place = (entry >> shift & 15) + 1, place + (entry & ((1 << shift) - 1))
        at -= max(0, bits - (entry >> shift & 15))
        if not begin < at <= end:
            raise BadFile(f"tensor {t.name!r}: a code of {at - begin} bits at bit {begin} of {end}")
        found.append(entry & (0xFFFF if item == 2 else 0xFF))
    return np.array(found, f"<u{item}").view(np.uint8)


def _pruned(t: Tensor, codes: np.ndarray, about: np.ndarray) -> np.ndarray:
    """A bit for each element: its value comes next, or it is 0, or the zero point of its channel."""
    item, there = _item(t), _numbers(codes, math.prod(t.shape), 1).astype(bool)
    values, made = about[_HEAD:], np.zeros((there.size, item), np.uint8)
    if values.size < there.sum() * item:
        raise BadFile(f"tensor {t.name!r}: {there.sum()} values in {values.size} bytes")
    if DTYPES[t.code] == "i8" and t.zero:
        made[:, 0] = np.broadcast_to(_by_channel(t, np.array(t.zero) & 0xFF), t.shape).reshape(-1)
    elif any(t.zero):
        raise BadFile(f"tensor {t.name!r} is pruned and has zero point {max(t.zero, key=abs)}; 0 is read")
    made[there] = values[: there.sum() * item].reshape(-1, item)
    return made.reshape(-1)


def _by_channel(t: Tensor, numbers: np.ndarray) -> np.ndarray:
    """Numbers of a quantisation in a shape that broadcasts over the tensor."""
    if numbers.size == 1:
        return numbers
    if not 0 <= t.axis < len(t.shape) or t.shape[t.axis] != numbers.size:
        raise BadFile(f"tensor {t.name!r} of shape {list(t.shape)} has {numbers.size} scales along dimension {t.axis}")
    return numbers.reshape([-1 if d == t.axis else 1 for d in range(len(t.shape))])


_KINDS: Mapping[int, Callable[[Tensor, np.ndarray, np.ndarray], np.ndarray]] = {0: _tables, 1: _huffman, 2: _pruned}


def decoded(t: Tensor, codes: np.ndarray, about: np.ndarray) -> np.ndarray:
    """The bytes of `t`, which TFLM_DECODE makes.

    Args:
        codes: bytes of the first tensor of its pair.
        about: bytes of the second one.

    Raises:
        BadFile: they are damaged, or of a version that is not read.
        Unsupported: a way that only the application knows.
    """
    if about.size < _HEAD:
        raise BadFile(f"tensor {t.name!r}: how it is compressed stands in {about.size} bytes, fewer than {_HEAD}")
    kind = int(about[0])
    if kind not in _KINDS:
        own = "an application's own way" if kind > 127 else "a way"
        raise Unsupported(
            f"tensor {t.name!r} is compressed in {own}, {kind}; 0 (tables), 1 (Huffman) and 2 (pruned) are read"
        )
    if (about[1], about[4]) != (1, 1):
        raise BadFile(f"tensor {t.name!r} is compressed in version {about[1]}.{about[4]}; 1.1 is read")
    return _KINDS[kind](t, codes, about)


def _decode(ctx: Any) -> list[str]:
    """TFLM_DECODE: from here on its outputs are constants of the file."""
    made = []
    for k, number in enumerate(ctx.op.outputs):
        t = ctx.model.tensors[number]
        if t.data is None:
            ctx.shared.pay(math.prod(t.shape))
            t.data = decoded(t, _bytes(ctx, 2 * k), _bytes(ctx, 2 * k + 1))
        made.append(ctx.const(ctx.stored(t), tensor_type(t), clean(t.name) or "c"))
    return made


def _bytes(ctx: Any, i: int) -> np.ndarray:
    if not ctx.has(i) or (data := ctx.model.tensors[ctx.op.inputs[i]].data) is None:
        raise BadFile(f"input {i} must be a constant of the file")
    return np.asarray(data)


def expand(model: Model) -> None:
    """Make the tensors that the model's metadata names plain constants.

    Raises:
        BadFile: the metadata is damaged.
    """
    data = model.metadata[NAME].tobytes()
    file = Bytes(data)
    root = Table(file, file.number("I", 0))
    if (version := root.number(0, "I", 1)) != 1:
        raise BadFile(f"its constants are compressed in version {version}; 1 is read")
    for graph, subgraph in zip(model.graphs, root.tables(1), strict=False):
        seen = set()
        for entry in subgraph.tables(0):
            number, buffer = entry.number(0, "i"), entry.number(1, "I")
            if not 0 <= number < len(graph.tensors) or buffer >= len(model.buffers) or number in seen:
                raise BadFile(f"its compressed constants name tensor {number}, twice or with values in buffer {buffer}")
            seen.add(number)
            model.pay(math.prod(graph.tensors[number].shape))
            _expand_one(graph.tensors[number], model.buffers[buffer], entry.number(2, "B"))


def _expand_one(t: Tensor, values: np.ndarray, bits: int) -> None:
    if t.data is None:
        raise BadFile(f"tensor {t.name!r} is said to be compressed and has no data")
    axis = t.axis if len(t.scale) > 1 else None
    if axis is not None and not 0 <= axis < len(t.shape):
        raise BadFile(f"tensor {t.name!r} of shape {list(t.shape)} has scales along dimension {axis}")
    tables = 1 if axis is None else t.shape[axis]
    t.data = _looked_up(t, t.data, bits, values, values.size // max(tables * _item(t), 1), axis)


READERS: Mapping[str, Callable[..., Any]] = {custom("TFLM_DECODE"): _decode}
