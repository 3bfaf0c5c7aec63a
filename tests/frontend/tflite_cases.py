"""What TFLite operators are tried with, one at a time: shapes, constants, options and element types.

`test_tflite_all.py` compares each with LiteRT; docs/tflite.md is made of this list too, and says only what is tested.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

FLOAT, I8, U8, I16 = "float32", "int8", "uint8", "int16"
QUANT = (I8, U8, I16)


@dataclass(frozen=True)
class Case:
    """One file. `ins`: shapes of computed inputs; `consts`: arrays after them; `same`: all share one quantisation.

    `out`: output shapes; `scale`: scale and zero point of an output that must have a certain one; `y`: its type,
    where it differs; `low`, `high`: scales of the inputs.
    """

    kind: str
    ins: tuple[tuple[int, ...], ...]
    out: tuple[int, ...] | tuple[tuple[int, ...], ...]
    types: tuple[str, ...] = (FLOAT,)
    consts: tuple[Any, ...] = ()
    options: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    same: bool = False
    scale: dict[str, tuple[float, int]] = field(default_factory=dict)
    y: str = ""
    low: float = 0.01
    high: float = 0.1
    first: bool = False  # constants come before the inputs
    symmetric: bool = False  # zero points are 0
    note: str = ""


def ints(*v: Any) -> np.ndarray:
    return np.array(v[0] if len(v) == 1 else v, np.int32)


def reduce(kind: str, axes: tuple[int, ...], keep: bool, types: tuple[str, ...], same: bool = False) -> Case:
    shape = (2, 3, 4, 5)
    out = tuple(1 if d in axes else n for d, n in enumerate(shape) if keep or d not in axes)
    return Case(kind, (shape,), out, types, (ints(axes),), "ReducerOptions", {"keepDims": keep}, same, note=str(axes))


def strided(at: Any, stop: Any, step: Any, out: tuple[int, ...], **masks: int) -> Case:
    v = {f"{k}Mask": m for k, m in masks.items()}
    consts = (ints(at), ints(stop), ints(step))
    note = f"{at} {stop} {step} {masks}"
    return Case("STRIDED_SLICE", ((3, 4, 5),), out, (FLOAT, *QUANT), consts, "StridedSliceOptions", v, True, note=note)


UNARY_TYPES = {
    "ABS": (FLOAT, I8, I16),
    "CEIL": (FLOAT,),
    "COS": (FLOAT,),
    "ELU": (FLOAT, I8),
    "EXP": (FLOAT, I8, I16),
    "FLOOR": (FLOAT,),
    "GELU": (FLOAT, I8),
    "HARD_SWISH": (FLOAT, I8, U8),
    "LEAKY_RELU": (FLOAT, I8, U8, I16),
    "LOGISTIC": (FLOAT, I8, U8, I16),
    "NEG": (FLOAT,),
    "RELU": (FLOAT, I8, U8, I16),
    "RELU6": (FLOAT, I8, U8, I16),
    "RELU_N1_TO_1": (FLOAT, I8, U8),
    "RELU_0_TO_1": (FLOAT, I8, U8),
    "ROUND": (FLOAT,),
    "SIN": (FLOAT,),
    "SQUARE": (FLOAT,),
    "TANH": (FLOAT, I8, U8, I16),
    "LOG": (FLOAT,),
    "SQRT": (FLOAT,),
    "RSQRT": (FLOAT,),
    "ZEROS_LIKE": (FLOAT,),
}
FIXED = {
    "LOGISTIC": {I8: (1 / 256, -128), U8: (1 / 256, 0), I16: (1 / 32768, 0)},
    "TANH": {I8: (1 / 128, 0), U8: (1 / 128, 128), I16: (1 / 32768, 0)},
}
BINARY = {
    "ADD": (FLOAT, *QUANT, "int32", "int64"),
    "SUB": (FLOAT, *QUANT, "int32"),
    "MUL": (FLOAT, *QUANT, "int32"),
    "DIV": (FLOAT, "int32"),
    "MAXIMUM": (FLOAT, *QUANT, "int32"),
    "MINIMUM": (FLOAT, *QUANT, "int32"),
    "SQUARED_DIFFERENCE": (FLOAT, I8, "int32"),
    "FLOOR_DIV": (FLOAT, "int32"),
    "FLOOR_MOD": (FLOAT, "int32"),
    "POW": (),
}
OPTIONS = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions", "DIV": "DivOptions"}
COMPARE = ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL")


def cases() -> list[Case]:
    found = []
    for kind, types in UNARY_TYPES.items():
        options = {"LEAKY_RELU": ("LeakyReluOptions", {"alpha": 0.17}), "GELU": ("GeluOptions", {"approximate": True})}
        o = options.get(kind, ("", {}))
        found.append(Case(kind, ((3, 100),), (3, 100), types, (), *o, scale=FIXED.get(kind, {})))
    found += [
        Case(k, ((3, 50),), (3, 50), (I16,), scale=FIXED[k], low=2.0**-4, high=2.0**-4, note="power of two")
        for k in ("LOGISTIC", "TANH")
    ]
    for kind, types in BINARY.items():
        same = kind in ("MAXIMUM", "MINIMUM")
        for a, b, y in (
            ((2, 3, 4), (2, 3, 4), (2, 3, 4)),
            ((2, 3, 4), (4,), (2, 3, 4)),
            ((2, 1, 3), (2, 4, 1), (2, 4, 3)),
        ):
            found.append(Case(kind, (a, b), y, types, (), OPTIONS.get(kind, ""), same=same, note=f"{a} {b}"))
    for kind in ("ADD", "SUB"):
        found.append(
            Case(
                kind, ((300,), (300,)), (300,), (I16,), (), OPTIONS[kind], same=True, note="power of two", low=1, high=1
            )
        )
    for kind in COMPARE:
        found.append(Case(kind, ((2, 3, 4), (3, 1)), (2, 3, 4), (FLOAT, I8, U8, "int32", "int64"), y="bool"))
    for kind, types, same in (
        ("MEAN", (FLOAT, *QUANT), False),
        ("SUM", (FLOAT, U8, "int32"), False),
        ("REDUCE_MAX", (FLOAT, *QUANT, "int32"), True),
        ("REDUCE_MIN", (FLOAT, *QUANT, "int32"), True),
        ("REDUCE_PROD", (FLOAT, "int32"), False),
        ("REDUCE_ANY", ("bool",), False),
        ("REDUCE_ALL", ("bool",), False),
    ):
        found += [
            reduce(kind, axes, keep, types, same)
            for axes, keep in (((1, 2), True), ((3,), False), ((0, 2), False), ((1, 3), True), ((0, 1, 2, 3), False))
        ]
    found += [
        strided((0, 1, 0), (3, 4, 5), (1, 2, 2), (3, 2, 3)),
        strided((-2, 3, 4), (3, 0, -6), (1, -1, -2), (2, 3, 3)),
        strided((1, 0, 0), (2, 0, 0), (1, 1, 1), (4, 5), begin=6, end=6, shrinkAxis=1),
        strided((0, 1), (0, 3), (1, 1), (3, 4, 2), ellipsis=1),
        strided((0, 0, 1), (0, 0, 3), (1, 1, 1), (3, 4, 1, 2), ellipsis=1, newAxis=2),
        strided((1,), (3,), (1,), (2, 4, 5)),
        strided((0, -1), (0, 0), (1, 1), (3, 5), begin=1, end=1, shrinkAxis=2),
    ]
    every = (FLOAT, *QUANT)
    for kind, out, block in (("SPACE_TO_DEPTH", (2, 2, 3, 12), 2), ("DEPTH_TO_SPACE", (2, 8, 12, 3), 2)):
        shape = (2, 4, 6, 3) if kind == "SPACE_TO_DEPTH" else (2, 4, 6, 12)
        name = "SpaceToDepthOptions" if kind == "SPACE_TO_DEPTH" else "DepthToSpaceOptions"
        found.append(Case(kind, (shape,), out, (FLOAT, I8, U8), (), name, {"blockSize": block}, True))
    found += [
        Case(
            "SPACE_TO_BATCH_ND",
            ((2, 3, 5, 2),),
            (12, 2, 2, 2),
            every[:3],
            (ints([2, 3]), ints([[1, 0], [0, 1]])),
            same=True,
        ),
        Case(
            "BATCH_TO_SPACE_ND",
            ((12, 2, 2, 2),),
            (2, 3, 5, 2),
            every[:3],
            (ints([2, 3]), ints([[1, 0], [0, 1]])),
            same=True,
        ),
        Case(
            "MIRROR_PAD",
            ((2, 3, 4),),
            (2, 6, 7),
            (FLOAT, I8),
            (ints([[0, 0], [1, 2], [2, 1]]),),
            "MirrorPadOptions",
            {"mode": 0},
            True,
        ),
        Case(
            "MIRROR_PAD",
            ((2, 3, 4),),
            (3, 8, 7),
            (FLOAT, I8),
            (ints([[0, 1], [3, 2], [2, 1]]),),
            "MirrorPadOptions",
            {"mode": 1},
            True,
            note="symmetric",
        ),
        Case("PAD", ((2, 3, 4),), (3, 5, 4), every, (ints([[0, 1], [2, 0], [0, 0]]),), same=True),
        Case("TILE", ((2, 3),), (4, 9), (FLOAT, I8, "int32"), (ints([2, 3]),), same=True),
        Case("REVERSE_V2", ((2, 3, 4),), (2, 3, 4), (FLOAT, I8, U8, I16, "int32"), (ints([1]),), same=True),
        Case("EXPAND_DIMS", ((2, 3),), (2, 1, 3), (*every, "int32"), (ints(1),), same=True),
        Case("RESHAPE", ((2, 6),), (3, 4), (*every, "int32"), (ints([3, 4]),), "ReshapeOptions", {}, True),
        Case("SLICE", ((3, 4, 5),), (2, 2, 5), (*every, "int32"), (ints([1, 2, 0]), ints([2, 2, -1])), same=True),
        Case("SPLIT", ((4, 6),), ((4, 2),) * 3, every, (ints(1),), "SplitOptions", {"numSplits": 3}, True, first=True),
        Case("PADV2", ((2, 3),), (4, 4), (FLOAT,), (ints([[0, 2], [1, 0]]), np.array(1.5, np.float32))),
        Case("TRANSPOSE", ((2, 3, 4, 5),), (4, 2, 5, 3), every, (ints([2, 0, 3, 1]),), same=True),
        Case(
            "GATHER",
            ((3, 4, 5),),
            (3, 2, 3, 5),
            every,
            (ints([[1, 0, 3], [2, 2, 1]]),),
            "GatherOptions",
            {"axis": 1},
            True,
        ),
        *(
            Case(
                "GATHER",
                (x,),
                y,
                every,
                (ints(i),),
                "GatherOptions",
                {"axis": a, "batchDims": b},
                True,
                note=f"{b} {a}",
            )
            for x, i, a, b, y in (
                ((2, 4, 5), [[1, 0, 3], [2, 2, 1]], 1, 1, (2, 3, 5)),
                ((2, 3, 4, 5), [[[1, 0], [3, 3]], [[2, 2], [0, 1]]], 3, 1, (2, 3, 4, 2, 2)),
                ((2, 3, 4, 5), [[[1, 0], [3, 3], [0, 2]], [[2, 2], [0, 1], [1, 1]]], -2, -1, (2, 3, 2, 5)),
            )
        ),
        Case("GATHER_ND", ((3, 4, 5),), (2, 5), (FLOAT, I8), (ints([[1, 0], [2, 3]]),), same=True),
        Case("BROADCAST_TO", ((3, 1),), (2, 3, 4), (FLOAT, I8, "int32"), (ints([2, 3, 4]),), same=True),
        Case(
            "SPLIT_V",
            ((3, 6),),
            ((3, 2), (3, 4)),
            every,
            (ints([2, -1]), ints(1)),
            "SplitVOptions",
            {"numSplits": 2},
            True,
        ),
        Case(
            "UNPACK",
            ((2, 3, 4),),
            ((2, 4), (2, 4), (2, 4)),
            (FLOAT, I8, U8),
            (),
            "UnpackOptions",
            {"num": 3, "axis": 1},
            True,
        ),
        Case("PACK", ((2, 3), (2, 3)), (2, 2, 3), every, (), "PackOptions", {"valuesCount": 2, "axis": 1}, True),
        Case("CONCATENATION", ((2, 3), (2, 4)), (2, 7), every, (), "ConcatenationOptions", {"axis": 1}, True),
        Case(
            "RESIZE_NEAREST_NEIGHBOR",
            ((1, 3, 4, 2),),
            (1, 7, 6, 2),
            (FLOAT, *QUANT),
            (ints([7, 6]),),
            "ResizeNearestNeighborOptions",
            {},
            True,
        ),
        Case(
            "RESIZE_NEAREST_NEIGHBOR",
            ((1, 3, 4, 2),),
            (1, 7, 6, 2),
            (FLOAT, I8),
            (ints([7, 6]),),
            "ResizeNearestNeighborOptions",
            {"alignCorners": True},
            True,
            note="corners",
        ),
        Case(
            "RESIZE_NEAREST_NEIGHBOR",
            ((1, 3, 4, 2),),
            (1, 2, 6, 2),
            (FLOAT, I8),
            (ints([2, 6]),),
            "ResizeNearestNeighborOptions",
            {"halfPixelCenters": True},
            True,
            note="centres",
        ),
        Case(
            "ARG_MAX",
            ((3, 7),),
            (3,),
            (FLOAT, I8, U8, "int32"),
            (ints(1),),
            "ArgMaxOptions",
            {"outputType": 2},
            y="int32",
        ),
        Case(
            "ARG_MIN",
            ((3, 7),),
            (3,),
            (FLOAT, I8, U8, "int32"),
            (ints(-1),),
            "ArgMinOptions",
            {"outputType": 2},
            y="int32",
        ),
        Case(
            "L2_NORMALIZATION",
            ((3, 7),),
            (3, 7),
            (FLOAT, I8, U8),
            (),
            "L2NormOptions",
            scale={I8: (1 / 128, 0), U8: (1 / 128, 128)},
        ),
        Case(
            "L2_POOL_2D",
            ((1, 6, 6, 2),),
            (1, 3, 3, 2),
            (FLOAT,),
            (),
            "Pool2DOptions",
            {"padding": 0, "strideH": 2, "strideW": 2, "filterHeight": 3, "filterWidth": 3},
        ),
        Case("PRELU", ((2, 3, 4),), (2, 3, 4), (FLOAT, I8, U8), (np.array([0.1, 0.5, -0.3, 1.5], np.float32),)),
        Case("ADD_N", ((2, 3), (2, 3), (2, 3)), (2, 3), (FLOAT, "int32")),
        Case(
            "CUMSUM",
            ((3, 4),),
            (3, 4),
            (FLOAT, "int32"),
            (ints(1),),
            "CumsumOptions",
            {"exclusive": True, "reverse": True},
        ),
        Case("LOG_SOFTMAX", ((3, 7),), (3, 7), (FLOAT, I8), scale={I8: (16 / 256, 127)}),
        Case(
            "SOFTMAX",
            ((3, 7),),
            (3, 7),
            every,
            (),
            "SoftmaxOptions",
            {"beta": 1.0},
            scale={I8: (1 / 256, -128), U8: (1 / 256, 0), I16: (1 / 32768, 0)},
        ),
        Case("FILL", (), (2, 3), ("int32",), (ints([2, 3]), np.float32(1.5)), y=FLOAT),
        Case("BROADCAST_ARGS", (), (3,), ("int32",), (ints([2, 1, 3]), ints([4, 1]))),
        Case("SHAPE", ((3, 7),), (2,), (FLOAT, I8), (), "ShapeOptions", {"outType": 2}, y="int32"),
        Case("RANK", ((3, 7),), (), (FLOAT, I8), (), "RankOptions", y="int32"),
        Case(
            "SELECT_V2",
            ((2, 3), (2, 3)),
            (2, 3),
            (FLOAT, I8, I16, "int32"),
            (np.array([True, False, True]),),
            same=True,
            first=True,
        ),
        Case(
            "SELECT",
            ((2, 3), (2, 3)),
            (2, 3),
            (FLOAT, I8, "int32"),
            (np.array([True, False]),),
            same=True,
            first=True,
            note="rows",
        ),
        Case("BATCH_MATMUL", ((2, 3, 4), (2, 4, 5)), (2, 3, 5), (FLOAT, I8, I16), (), "BatchMatMulOptions", {}),
        Case(
            "BATCH_MATMUL",
            ((2, 3, 4), (1, 5, 4)),
            (2, 3, 5),
            (FLOAT, I8),
            (),
            "BatchMatMulOptions",
            {"adjY": True},
            note="turned",
        ),
        Case(
            "BATCH_MATMUL",
            ((2, 4, 3), (4, 5)),
            (2, 3, 5),
            (FLOAT, I8),
            (),
            "BatchMatMulOptions",
            {"adjX": True},
            note="first turned",
        ),
        Case(
            "ONE_HOT",
            ((2, 3),),
            (2, 3, 5),
            ("int32",),
            (ints(5), np.float32(2.0), np.float32(-1.0)),
            "OneHotOptions",
            {"axis": -1},
            y=FLOAT,
        ),
        Case(
            "EMBEDDING_LOOKUP", (), (3, 4), (FLOAT,), (ints([1, 0, 2]), np.arange(20, dtype=np.float32).reshape(5, 4))
        ),
        Case("DYNAMIC_UPDATE_SLICE", ((3, 4), (2, 2)), (3, 4), (FLOAT, I8, "int32"), (ints([1, 1]),), same=True),
        Case(
            "AVERAGE_POOL_2D",
            ((2, 6, 6, 3),),
            (2, 3, 3, 3),
            every,
            (),
            "Pool2DOptions",
            {
                "padding": 0,
                "strideH": 2,
                "strideW": 2,
                "filterHeight": 3,
                "filterWidth": 3,
                "fusedActivationFunction": 1,
            },
            True,
        ),
        Case(
            "MAX_POOL_2D",
            ((2, 6, 6, 3),),
            (2, 3, 3, 3),
            every,
            (),
            "Pool2DOptions",
            {"padding": 0, "strideH": 2, "strideW": 2, "filterHeight": 3, "filterWidth": 3},
            True,
        ),
        *(
            Case(
                "RESIZE_BILINEAR",
                ((2, 3, 4, 2),),
                (2, 7, 5, 2),
                (FLOAT, I8, U8, I16),
                (ints([7, 5]),),
                "ResizeBilinearOptions",
                v,
                True,
                note=str(v),
            )
            for v in ({}, {"alignCorners": True}, {"halfPixelCenters": True})
        ),
        Case("SQUEEZE", ((2, 1, 3),), (2, 3), every, (), "SqueezeOptions", {"squeezeDims": [1]}, True),
        Case("LOGICAL_AND", ((2, 3), (2, 3)), (2, 3), ("bool",)),
        Case("LOGICAL_OR", ((2, 3), (2, 3)), (2, 3), ("bool",)),
        Case("LOGICAL_NOT", ((2, 3),), (2, 3), ("bool",)),
        *(
            Case("CAST", ((3, 5),), (3, 5), (t,), y=y)
            for t in (FLOAT, "int32", "int8", "bool", "int16", "uint8", "int64")
            for y in (FLOAT, "int32", "int8", "bool", "int16", "uint8", "int64")
            if t != y
        ),
    ]
    return found


def names(c: Case, dtype: str) -> str:
    return f"{c.kind}-{dtype}" + (f"-{c.note}" if c.note else "") + (f"-{c.y}" if c.kind == "CAST" else "")


# Layers with weights, and those that keep state, have tests of their own: operator -> what is tried there
LAYERS = {
    "CONV_2D": (FLOAT, *QUANT, "hybrid", "int4"),
    "DEPTHWISE_CONV_2D": (FLOAT, *QUANT, "hybrid", "int4"),
    "FULLY_CONNECTED": (FLOAT, *QUANT, "hybrid", "int4"),
    "SVDF": (FLOAT, I8, "hybrid"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (FLOAT, I8, I16, "hybrid"),
    "TOPK_V2": (FLOAT, I8, I16, "int32"),
    "CUSTOM 'TFLite_Detection_PostProcess'": (FLOAT,),
    **{f"CUSTOM 'Signal{k}'": (I16,) for k in ("Delay", "Energy", "FftAutoScale", "Framer", "Stacker", "Window")},
    **{f"CUSTOM 'Signal{k}'": (FLOAT, I16, "int32") for k in ("Rfft", "Irfft")},
    "CUSTOM 'SignalOverlapAdd'": (FLOAT, I16),
    **{f"CUSTOM 'SignalFilterBank{k}'": ("uint32",) for k in ("", "Log", "SpectralSubtraction")},
    "CUSTOM 'SignalFilterBankSquareRoot'": ("uint64",),
    "CUSTOM 'SignalPCAN'": ("uint32",),
    "CUSTOM 'BasicClassifier'": ("int32",),
    "CUSTOM 'CIRCULAR_BUFFER'": (I8,),
    "CUSTOM 'TFLM_DECODE'": (FLOAT, I8, I16, "int32", "int64", "bool"),
    "SQUARED_DIFFERENCE": (I16,),
    "SUM": (I8, I16),
    "ZEROS_LIKE": (I8,),
    "QUANTIZE": QUANT,
    "DEQUANTIZE": QUANT,
    "PADV2": (I8,),
    "TRANSPOSE_CONV": (FLOAT, *QUANT),
    "IF": (FLOAT, I8),
    "WHILE": (FLOAT, "int32"),
    "CALL_ONCE": (FLOAT,),
    "VAR_HANDLE": (FLOAT, I8),
    "READ_VARIABLE": (FLOAT, I8),
    "ASSIGN_VARIABLE": (FLOAT, I8),
}
ALL = [(c, t) for c in cases() for t in c.types]
