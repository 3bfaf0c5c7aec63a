"""Reads the FlatBuffers container of a TFLite file: offsets checked, nothing allocated that the file does not hold.

The numbers here are field numbers of the public schema (`schema.fbs`, version 3, of LiteRT). A table is found through
offsets; a hostile file can let many of them point to one place, so that reading them all would take for ever: each
element read is paid for from a budget that a real file never comes near and that lasts less than a second.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from picozoo.errors import BadFile

# Operators by their code in the file, from 0; later ones are shown by number.
_NAMES = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION
LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH
CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER
BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM
ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE
EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR
ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE
RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND
COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE
NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL
PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE
HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE
BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1
"""
OPERATORS: dict[int, str] = dict(enumerate(_NAMES.split()))
DTYPES: dict[int, str] = {0: "f32", 2: "i32", 3: "u8", 4: "i64", 6: "bool", 7: "i16", 9: "i8", 12: "i64", 15: "i32"}
UNSIGNED = {12: "uint64", 15: "uint32"}  # held in signed ones of the same bits
OTHER_DTYPES = {1: "float16", 5: "string", 8: "complex64", 10: "float64", 13: "resource", 17: "int4"}
_INT4, _INT8 = 17, 9
_WINDOW = {"padding": (0, "b", 0), "stride_w": (1, "i", 0), "stride_h": (2, "i", 0)}
_ACT = {"act": (0, "b", 0)}
_ACT_AT_3 = {"act": (3, "b", 0)}
# Options of an operator: name -> (field number, kind as in `struct`, "v" for a vector of int32, "t" for text; default).
OPTIONS: dict[str, dict[str, tuple[int, str, Any]]] = {
    "CONV_2D": _WINDOW | {"act": (3, "b", 0), "dilation_w": (4, "i", 1), "dilation_h": (5, "i", 1)},
    "DEPTHWISE_CONV_2D": _WINDOW
    | {"multiplier": (3, "i", 0), "act": (4, "b", 0), "dilation_w": (5, "i", 1), "dilation_h": (6, "i", 1)},
    **{
        pool: _WINDOW | {"width": (3, "i", 0), "height": (4, "i", 0), "act": (5, "b", 0)}
        for pool in ("AVERAGE_POOL_2D", "MAX_POOL_2D")
    },
    "FULLY_CONNECTED": _ACT | {"format": (1, "b", 0), "keep_dims": (2, "?", False), "asymmetric": (3, "?", False)},
    "SOFTMAX": {"beta": (0, "f", 0.0)},
    "CONCATENATION": {"axis": (0, "i", 0), "act": (1, "b", 0)},
    **dict.fromkeys(("ADD", "SUB"), _ACT | {"shift": (1, "?", True)}),
    **dict.fromkeys(("MUL", "DIV"), _ACT),
    "RESHAPE": {"shape": (0, "v", ())},
    "SQUEEZE": {"dims": (0, "v", ())},
    "STRIDED_SLICE": {
        "begin_mask": (0, "i", 0),
        "end_mask": (1, "i", 0),
        "ellipsis_mask": (2, "i", 0),
        "new_axis_mask": (3, "i", 0),
        "shrink_axis_mask": (4, "i", 0),
        "offset": (5, "?", False),
    },
    "LEAKY_RELU": {"alpha": (0, "f", 0.0)},
    "PACK": {"count": (0, "i", 0), "axis": (1, "i", 0)},
    "UNPACK": {"count": (0, "i", 0), "axis": (1, "i", 0)},
    "GATHER": {"axis": (0, "i", 0), "batch_dims": (1, "i", 0)},
    "GELU": {"approximate": (0, "?", False)},
    "SPACE_TO_DEPTH": {"block": (0, "i", 0)},
    "DEPTH_TO_SPACE": {"block": (0, "i", 0)},
    "MIRROR_PAD": {"mode": (0, "b", 0)},
    "RESIZE_NEAREST_NEIGHBOR": {"corners": (0, "?", False), "centres": (1, "?", False)},
    "RESIZE_BILINEAR": {"corners": (2, "?", False), "centres": (3, "?", False)},
    "ONE_HOT": {"axis": (0, "i", 0)},
    "L2_POOL_2D": _WINDOW | {"width": (3, "i", 0), "height": (4, "i", 0), "act": (5, "b", 0)},
    "L2_NORMALIZATION": _ACT,
    "BATCH_MATMUL": {"adj_x": (0, "?", False), "adj_y": (1, "?", False), "asymmetric": (2, "?", False)},
    "CUMSUM": {"exclusive": (0, "?", False), "reverse": (1, "?", False)},
    "TRANSPOSE_CONV": _WINDOW | _ACT_AT_3,
    "IF": {"then": (0, "i", 0), "else": (1, "i", 0)},
    "WHILE": {"cond": (0, "i", 0), "body": (1, "i", 0)},
    "CALL_ONCE": {"init": (0, "i", 0)},
    "VAR_HANDLE": {"name": (1, "t", "")},
    "SVDF": {"rank": (0, "i", 0), "act": (1, "b", 0), "asymmetric": (2, "?", False)},
    "UNIDIRECTIONAL_SEQUENCE_LSTM": {
        "act": (0, "b", 0),
        "cell_clip": (1, "f", 0.0),
        "proj_clip": (2, "f", 0.0),
        "time_major": (3, "?", False),
        "asymmetric": (4, "?", False),
        "diagonal": (5, "?", False),
    },
}
MAX_BYTES = 1 << 28
MAX_RANK = 8
MAX_ELEMENTS = 1 << 25
MAX_OPERATORS = 1 << 14
MAX_DECODED = 1 << 26  # elements of compressed constants; several operators may read one, decoded for each
MAX_CUSTOM = 4096  # bytes of options of a custom operator


class Bytes:
    """The file, and what may still be read of it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.budget = min((1 << 18) + len(data) // 8, 1 << 21)

    def number(self, kind: str, at: int) -> Any:
        """One number, little endian; `kind` as in `struct`."""
        size = struct.calcsize("<" + kind)
        if not 0 <= at <= len(self.data) - size:
            raise BadFile(f"an offset points to byte {at} of {len(self.data)}")
        self.spend(1)
        return struct.unpack_from("<" + kind, self.data, at)[0]

    def spend(self, n: int) -> None:
        """Pay for reading n elements."""
        self.budget -= n
        if self.budget < 0:
            raise BadFile("its tables refer to each other so often that it cannot be a real model")

    def array(self, at: int, dtype: str) -> np.ndarray:
        """A vector: its length, then its elements. A read-only view of the file."""
        n = self.number("I", at)
        size = np.dtype(dtype).itemsize
        if n * size > len(self.data) - at - 4:
            raise BadFile(f"a vector of {n} elements at byte {at} goes beyond the end")
        self.spend(n if size > 1 else 1)
        return np.frombuffer(self.data, dtype, n, at + 4)


@dataclass(frozen=True)
class Table:
    """One table of the file. A field that is absent gives the default."""

    file: Bytes
    at: int

    def _field(self, slot: int) -> int:
        """Where a field lies, 0 if absent."""
        vtable = self.at - self.file.number("i", self.at)
        if 4 + 2 * slot + 2 > self.file.number("H", vtable):
            return 0
        offset = self.file.number("H", vtable + 4 + 2 * slot)
        return self.at + offset if offset else 0

    def _target(self, slot: int) -> int:
        """What a field of kind offset points to, 0 if absent."""
        at = self._field(slot)
        return at + self.file.number("I", at) if at else 0

    def number(self, slot: int, kind: str, default: Any = 0) -> Any:
        """A scalar field."""
        at = self._field(slot)
        return self.file.number(kind, at) if at else default

    def array(self, slot: int, dtype: str) -> np.ndarray:
        """A vector of numbers; empty if absent."""
        at = self._target(slot)
        return self.file.array(at, dtype) if at else np.zeros(0, dtype)

    def ints(self, slot: int, most: int = 1 << 20) -> tuple[int, ...]:
        """A short vector of int32."""
        found = self.array(slot, "<i4")
        if len(found) > most:
            raise BadFile(f"a list of {len(found)} numbers where {most} is the most")
        return tuple(found.tolist())

    def text(self, slot: int) -> str:
        """A string, at most 200 characters of it; "" if absent."""
        return self.array(slot, "u1")[:200].tobytes().decode("utf-8", "replace")

    def table(self, slot: int) -> Table | None:
        """A table that a field points to."""
        at = self._target(slot)
        return Table(self.file, at) if at else None

    def tables(self, slot: int) -> Iterator[Table]:
        """A vector of tables."""
        at = self._target(slot)
        if at:
            for i, offset in enumerate(self.file.array(at, "<u4").tolist()):
                yield Table(self.file, at + 4 + 4 * i + offset)


@dataclass
class Tensor:
    """A tensor as the file describes it. `data`: its constant bytes, None if it is computed.
    `signature`: its shape with -1 where it is open, () where nothing is."""

    name: str
    shape: tuple[int, ...]
    code: int
    data: np.ndarray | None
    scale: tuple[float, ...]
    zero: tuple[int, ...]
    axis: int
    variable: bool
    sparse: bool
    signature: tuple[int, ...] = ()


@dataclass
class Operator:
    """One operator call. `inputs`: tensor numbers, -1 for an optional input that is absent; `custom`: a custom
    operator's options, see `_flexbuffer`."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    custom: bytes = b""


@dataclass
class Graph:
    """One subgraph of a file."""

    tensors: list[Tensor]
    operators: list[Operator]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass
class Model:
    """A file: its subgraphs, the first of which is the model, its buffers, and the pieces of metadata by name.

    `room`: how many elements of compressed constants may still be made of it.
    """

    graphs: list[Graph]
    description: str
    metadata: dict[str, np.ndarray]
    buffers: list[np.ndarray]
    room: int

    def pay(self, elements: int) -> None:
        """Make elements of compressed constants. Raises BadFile if they come to more than a real file's."""
        self.room -= elements
        if self.room < 0:
            raise BadFile("its compressed constants come to more than its size allows")


def parse(data: bytes) -> Model:
    """Read a TFLite file.

    Raises:
        BadFile: not a TFLite file, truncated, or an offset, length or number in it cannot be.
    """
    file = Bytes(data)
    if len(data) < 16 or data[4:8] != b"TFL3":
        raise BadFile("it is not a TFLite file (no 'TFL3' at byte 4)")
    root = Table(file, file.number("I", 0))
    if (version := root.number(0, "I")) != 3:
        raise BadFile(f"its schema version is {version}; 3 is read")
    codes = [_kind(t) for t in root.tables(1)]
    buffers = [_buffer(file, t) for t in root.tables(4)]
    graphs = [_graph(t, codes, buffers) for t in root.tables(2)]
    if not graphs:
        raise BadFile("it holds no subgraph")
    if not graphs[0].outputs:
        raise BadFile("it has no output")
    metadata = {t.text(0): buffers[k] for t in root.tables(6) if (k := t.number(1, "I")) < len(buffers)}
    return Model(graphs, root.text(3), metadata, buffers, min(32 * len(data), MAX_DECODED))


def _graph(t: Table, codes: list[str], buffers: list[np.ndarray]) -> Graph:
    tensors = [_tensor(u, buffers) for u in t.tables(0)]
    operators = [_operator(u, codes, len(tensors)) for u in t.tables(3)]
    if len(operators) > MAX_OPERATORS:
        raise BadFile(f"it has {len(operators)} operators; {MAX_OPERATORS} is the limit")
    inputs, outputs = (_numbers(t.ints(k), len(tensors)) for k in (1, 2))
    return Graph(tensors, operators, inputs, outputs)


def _kind(t: Table) -> str:
    code = max(int(t.number(0, "b")), int(t.number(3, "i")))
    kind = OPERATORS.get(code, f"operator {code}")
    return f"CUSTOM {t.text(1)!r}" if kind == "CUSTOM" else kind


def _buffer(file: Bytes, t: Table) -> np.ndarray:
    start, size = t.number(1, "Q"), t.number(2, "Q")
    if start <= 1:
        return t.array(0, "u1")
    if start > len(file.data) or size > len(file.data) - start:  # data behind the tables, in files over 2 GB
        raise BadFile(f"a buffer at byte {start} of {size} bytes goes beyond the end")
    return np.frombuffer(file.data, np.uint8, size, start)


def _tensor(t: Table, buffers: list[np.ndarray]) -> Tensor:
    shape, name = t.ints(0, MAX_RANK), t.text(3)
    elements = 1
    for d in shape:
        elements *= d
        if d < 0 or elements > MAX_ELEMENTS:
            raise BadFile(f"tensor {name!r} has shape {list(shape)}; sizes must be 0 or more and not beyond memory")
    number, code = t.number(2, "I"), t.number(1, "b")
    if number >= len(buffers):
        raise BadFile(f"tensor {name!r} is in buffer {number} of {len(buffers)}")
    data = buffers[number] if number and buffers[number].size else None
    if code == _INT4 and data is not None:
        t.file.spend(elements // 64)
        code, data = _INT8, _unpacked(data, elements, name)
    scale: tuple[float, ...] = ()
    zero: tuple[int, ...] = ()
    q, axis = t.table(4), 0
    if q is not None:
        scale, zero = tuple(q.array(2, "<f4").tolist()), tuple(q.array(3, "<i8").tolist())
        axis = q.number(6, "i")
    if scale and len(zero) != len(scale):
        zero = zero * len(scale) if len(zero) == 1 else (0,) * len(scale)
    sparse, signature = t.table(6) is not None, t.ints(7, MAX_RANK)
    return Tensor(name, shape, code, data, scale, zero, axis, t.number(5, "?"), sparse, signature)


def _unpacked(data: np.ndarray, elements: int, name: str) -> np.ndarray:
    """Two numbers of four bits a byte, the first one low, as int8."""
    if data.size != (elements + 1) // 2:
        raise BadFile(f"tensor {name!r} needs {(elements + 1) // 2} bytes, its buffer holds {data.size}")
    pairs = data.view(np.int8)
    return np.stack([pairs << 4 >> 4, pairs >> 4], 1).reshape(-1)[:elements].view(np.uint8)


def _operator(t: Table, codes: list[str], tensors: int) -> Operator:
    code = t.number(0, "I")
    if code >= len(codes):
        raise BadFile(f"an operator has code {code} of {len(codes)}")
    kind, options = codes[code], t.table(4)
    given = {}
    for name, (slot, how, default) in OPTIONS.get(kind, {}).items():
        if how == "t":
            given[name] = default if options is None else options.text(slot)
        elif how == "v":
            given[name] = default if options is None else options.ints(slot, MAX_RANK)
        else:
            given[name] = default if options is None else options.number(slot, how, default)
    inputs, outputs = _numbers(t.ints(1), tensors, optional=True), _numbers(t.ints(2), tensors)
    return Operator(kind, inputs, outputs, given, _custom(t) if kind.startswith("CUSTOM") else b"")


def _custom(t: Table) -> bytes:
    found = t.array(5, "u1")
    if found.size > MAX_CUSTOM:
        raise BadFile(f"a custom operator has {found.size} bytes of options; {MAX_CUSTOM} are the most")
    t.file.spend(256 + found.size)  # for reading them
    return found.tobytes()


def _numbers(found: tuple[int, ...], tensors: int, optional: bool = False) -> tuple[int, ...]:
    for k in found:
        if not (-1 if optional else 0) <= k < tensors:
            raise BadFile(f"it refers to tensor {k} of {tensors}")
    return found
