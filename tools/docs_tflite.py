"""docs/tflite.md: which operators of TensorFlow Lite Micro are read, and in which element types each is tested."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from picozoo.frontend.tflite import readers

# What TensorFlow Lite Micro's resolver can register, by the names that files use.
MICRO = [
    "ABS",
    "ADD",
    "ADD_N",
    "ARG_MAX",
    "ARG_MIN",
    "ASSIGN_VARIABLE",
    "AVERAGE_POOL_2D",
    "BATCH_MATMUL",
    "BATCH_TO_SPACE_ND",
    "BROADCAST_ARGS",
    "BROADCAST_TO",
    "CALL_ONCE",
    "CAST",
    "CEIL",
    "CONCATENATION",
    "CONV_2D",
    "COS",
    "CUMSUM",
    "DEPTH_TO_SPACE",
    "DEPTHWISE_CONV_2D",
    "DEQUANTIZE",
    "DIV",
    "DYNAMIC_UPDATE_SLICE",
    "ELU",
    "EMBEDDING_LOOKUP",
    "EQUAL",
    "EXP",
    "EXPAND_DIMS",
    "FILL",
    "FLOOR",
    "FLOOR_DIV",
    "FLOOR_MOD",
    "FULLY_CONNECTED",
    "GATHER",
    "GATHER_ND",
    "GREATER",
    "GREATER_EQUAL",
    "HARD_SWISH",
    "IF",
    "L2_NORMALIZATION",
    "L2_POOL_2D",
    "LEAKY_RELU",
    "LESS",
    "LESS_EQUAL",
    "LOG",
    "LOG_SOFTMAX",
    "LOGICAL_AND",
    "LOGICAL_NOT",
    "LOGICAL_OR",
    "LOGISTIC",
    "MAX_POOL_2D",
    "MAXIMUM",
    "MEAN",
    "MINIMUM",
    "MIRROR_PAD",
    "MUL",
    "NEG",
    "NOT_EQUAL",
    "PACK",
    "PAD",
    "PADV2",
    "PRELU",
    "QUANTIZE",
    "READ_VARIABLE",
    "REDUCE_ALL",
    "REDUCE_MAX",
    "REDUCE_MIN",
    "RELU",
    "RELU6",
    "RESHAPE",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "REVERSE_V2",
    "ROUND",
    "RSQRT",
    "SELECT_V2",
    "SHAPE",
    "SIN",
    "SLICE",
    "SOFTMAX",
    "SPACE_TO_BATCH_ND",
    "SPACE_TO_DEPTH",
    "SPLIT",
    "SPLIT_V",
    "SQRT",
    "SQUARE",
    "SQUARED_DIFFERENCE",
    "SQUEEZE",
    "STRIDED_SLICE",
    "SUB",
    "SUM",
    "SVDF",
    "TANH",
    "TRANSPOSE",
    "TRANSPOSE_CONV",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "UNPACK",
    "VAR_HANDLE",
    "WHILE",
    "ZEROS_LIKE",
]
SIGNAL = (
    "Delay Energy FftAutoScale FilterBank FilterBankLog FilterBankSpectralSubtraction FilterBankSquareRoot Framer Irfft "
    "OverlapAdd PCAN Rfft Stacker Window"
)
CUSTOM = {
    "BasicClassifier": "a custom operator: scores against thresholds",
    "CIRCULAR_BUFFER": "a custom operator for streaming",
    "TFLM_DECODE": "a custom operator: compressed constants",
    "TFLite_Detection_PostProcess": "a custom operator: non-maximum suppression",
    "ethos-u": "a program for another processor",
    **{f"Signal{name}": "a custom operator for sound" for name in SIGNAL.split()},
}
ORDER = ("float32", "int8", "uint8", "int16", "hybrid", "int32", "int64", "bool")


Table = Callable[[tuple[str, ...], Sequence[tuple[str, ...]]], str]


def tflite(root: Path, made: str, table: Table) -> str:
    """The page."""
    sys.path.insert(0, str(root))
    from tests.frontend.tflite_cases import ALL, LAYERS

    tried: dict[str, set[str]] = {k: set(v) for k, v in LAYERS.items()}
    for case, dtype in ALL:
        tried.setdefault(case.kind, set()).add(dtype)
    known = readers()
    rows = [_row(k, known, tried) for k in MICRO]
    named = {k: f"CUSTOM {k!r}" for k in CUSTOM}
    rest = sorted(set(known) - set(MICRO) - set(named.values()))
    read = [(f"`{k}`", *_row(v, known, tried)[1:]) for k, v in named.items() if v in known]
    there = sum(k in known for k in MICRO)
    return (
        made.format(source="the operator files and the tests")
        + "# TFLite files\n\n"
        + f"{there} of the {len(MICRO)} standard operators that TensorFlow Lite Micro can register are read, and "
        f"{len(rest)} more of LiteRT's.\nResults equal LiteRT's reference kernels: integers to the bit, floats within 1e-5. The "
        "types are those in which the tests\ncompare an operator with LiteRT, or with TensorFlow Lite Micro where LiteRT does not have "
        "them (SVDF with int8 state,\nLSTM in int16, SUM of integers, operators for sound); it may work in others. *hybrid* is "
        "float with int8 weights.\n\n"
        + table(("operator", "read by", "tested in"), rows)
        + "\nNot registered by TensorFlow Lite Micro: "
        + ", ".join(f"`{k}` ({', '.join(_types(tried.get(k, set()))) or 'any'})" for k in rest)
        + ".\n\n"
        + table(("custom operator", "read by", "tested in"), read)
        + "\n"
        + table(("not read", "what it is"), [(k, v) for k, v in CUSTOM.items() if named[k] not in known])
    )


def _row(kind: str, known: Mapping[str, tuple[str, object]], tried: dict[str, set[str]]) -> tuple[str, str, str]:
    if kind not in known:
        return f"`{kind}`", "**not yet**", "–"
    by = known[kind][0]
    return (
        f"`{kind}`",
        "several operators" if by == "composite" else f"`{by}`",
        ", ".join(_types(tried.get(kind, set()))) or "–",
    )


def _types(found: set[str]) -> list[str]:
    return sorted(found, key=lambda t: ORDER.index(t) if t in ORDER else len(ORDER))
