"""ONNX files: parsing, element types, the numbers of constants, external data. Nothing here knows an operator."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from picozoo.errors import BadFile, MissingTool, Unsupported
from picozoo.specs import DTYPES

MAX_BYTES = 1 << 28  # of a file, and of one value in it
INSTALL = "ONNX files need the package onnx: pip install 'picozoo[onnx]'"

# TensorProto.DataType -> (its name, element type that holds it here). What ONNX has and the IR has not is held in the
# next wider type: float64 and the narrow floats in float32, unsigned integers in signed ones that have room for them
# (uint64 in int64: values from 2^63 on are not supported).
KINDS: dict[int, tuple[str, str]] = {
    1: ("float32", "f32"),
    2: ("uint8", "u8"),
    3: ("int8", "i8"),
    4: ("uint16", "i32"),
    5: ("int16", "i16"),
    6: ("int32", "i32"),
    7: ("int64", "i64"),
    9: ("bool", "bool"),
    10: ("float16", "f32"),
    11: ("float64", "f32"),
    12: ("uint32", "i64"),
    13: ("uint64", "i64"),
    16: ("bfloat16", "f32"),
    17: ("float8e4m3fn", "f32"),
    18: ("float8e4m3fnuz", "f32"),
    19: ("float8e5m2", "f32"),
    20: ("float8e5m2fnuz", "f32"),
    21: ("uint4", "u8"),
    22: ("int4", "i8"),
    25: ("uint2", "u8"),
    26: ("int2", "i8"),
}
OTHER_KINDS = {8: "string", 14: "complex64", 15: "complex128", 23: "float4e2m1", 24: "float8e8m0"}
KIND_OF = {"f32": 1, "u8": 2, "i8": 3, "i16": 5, "i32": 6, "i64": 7, "bool": 9}
# Integer ranges of the kinds that are held in a wider type.
RANGES = {4: (0, 65535), 12: (0, 2**32 - 1), 21: (0, 15), 22: (-8, 7), 25: (0, 3), 26: (-2, 1)}


def module() -> Any:
    """The package `onnx`. Raises MissingTool with the command that installs it."""
    try:
        import onnx
    except ImportError as e:
        raise MissingTool(INSTALL) from e
    return onnx


def kind_name(kind: int) -> str:
    """Name of an element type as messages have it."""
    return KINDS[kind][0] if kind in KINDS else OTHER_KINDS.get(kind, f"number {kind}")


def dtype_of_kind(kind: int, what: str) -> str:
    """The IR's element type for one of ONNX. Raises Unsupported if it has none."""
    if kind not in KINDS:
        raise Unsupported(f"{what} has element type {kind_name(kind)}")
    return KINDS[kind][1]


def parse(data: bytes) -> Any:
    """The file as a ModelProto. Raises BadFile if it is none."""
    from google.protobuf.message import DecodeError

    model = module().ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, RecursionError) as e:
        raise BadFile(f"not an ONNX file ({' '.join(str(e).split())})") from e
    if not model.HasField("graph") or not model.opset_import:
        raise BadFile("not an ONNX file: it has no graph or no opset")
    return model


def array_of(t: Any, folder: Path | None) -> np.ndarray:
    """The numbers of a TensorProto in the IR's element type.

    Raises:
        BadFile: the data is not that of its shape.
        Unsupported: an element type the IR cannot hold, or data outside the model's folder.
    """
    onnx = module()
    dtype = dtype_of_kind(t.data_type, f"constant {t.name[:80]!r}")
    dims = tuple(int(d) for d in t.dims)
    if any(d < 0 for d in dims) or math.prod(dims) * DTYPES[dtype][2] > MAX_BYTES:
        raise BadFile(f"constant {t.name[:80]!r} has shape {list(dims)[:8]}")
    if t.data_location == onnx.TensorProto.EXTERNAL:
        copy = onnx.TensorProto()
        copy.CopyFrom(t)
        copy.raw_data = _external(t, folder)
        copy.data_location = onnx.TensorProto.DEFAULT
        del copy.external_data[:]
        t = copy
    try:
        with np.errstate(all="ignore"):
            a = np.asarray(onnx.numpy_helper.to_array(t))
            return a.reshape(dims).astype(DTYPES[dtype][0])
    except (ValueError, TypeError, OverflowError, AttributeError) as e:
        raise BadFile(f"constant {t.name[:80]!r} of shape {list(dims)[:8]}: {e}") from e


def _external(t: Any, folder: Path | None) -> bytes:
    """Bytes of a constant that lies in a file beside the model, and nowhere else."""
    entry = {e.key: e.value for e in t.external_data}
    name, place = entry.get("location", ""), f"constant {t.name[:80]!r}: external data {entry.get('location', '')!r}"
    if folder is None:
        raise Unsupported(f"{place}: only for models read from a file")
    path = folder / name
    inside = name and not Path(name).is_absolute() and ".." not in Path(name).parts
    if not inside or not path.resolve().is_relative_to(folder.resolve()):
        raise BadFile(f"{place} is not in the model's folder")
    try:
        offset, length = int(entry.get("offset", 0)), int(entry.get("length", -1))
        if not path.is_file():
            raise BadFile(f"{place}: no such file beside the model")
        size = path.stat().st_size
        length = size - offset if length < 0 else length
        if offset < 0 or offset + length > size or length > MAX_BYTES:
            raise BadFile(f"{place}: bytes {offset} to {offset + length} of a file of {size}")
        with path.open("rb") as f:
            f.seek(offset)
            return bytes(f.read(length))
    except (ValueError, OSError) as e:
        raise BadFile(f"{place} cannot be read ({e})") from e
