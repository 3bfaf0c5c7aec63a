"""Element types in which TensorFlow Lite Micro has an operator and LiteRT's reference kernels do not, or seldom."""

from __future__ import annotations

from .tflite_cases import Case, cases

I8, U8, I16, I32, I64, BOOL, FLOAT = "int8", "uint8", "int16", "int32", "int64", "bool", "float32"
TYPES = {
    "BROADCAST_TO": (U8, I16, I64, BOOL),
    "CONCATENATION": (I32, I64, BOOL),
    "DYNAMIC_UPDATE_SLICE": (I16,),
    "EQUAL": (BOOL,),
    "FILL": (FLOAT, I8, U8, I16, I64, BOOL),
    "MAXIMUM": (I64,),
    "MINIMUM": (I64,),
    "NOT_EQUAL": (BOOL,),
    "PACK": (I32, I64),
    "PAD": (I32,),
    "RESHAPE": (I64, BOOL),
    "REVERSE_V2": (I64, BOOL),
    "SHAPE": (U8, I16, I32, I64, BOOL),
    "SLICE": (BOOL,),
    "SPLIT": (I32,),
    "SPLIT_V": (I32,),
    "SQUEEZE": (I32, I64, BOOL),
    "STRIDED_SLICE": (I32, BOOL),
    "UNPACK": (I16, I32),
    "ZEROS_LIKE": (I32, I64),
}


def micro_cases() -> list[tuple[Case, str]]:
    """The first case of each operator, in each of its types."""
    first: dict[str, Case] = {}
    for case in cases():
        first.setdefault(case.kind, case)
    return [(first[kind], dtype) for kind, types in TYPES.items() for dtype in types]
