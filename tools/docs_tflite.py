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
SIGNAL = {
    "Delay": "samples of some time ago",
    "Energy": "squares of a spectrum",
    "FftAutoScale": "samples shifted up as far as they go",
    "FilterBank": "sums over bands of a spectrum",
    "FilterBankLog": "logarithms of bands",
    "FilterBankSpectralSubtraction": "noise estimated and taken off",
    "FilterBankSquareRoot": "square roots of bands",
    "Framer": "frames that overlap, out of samples",
    "Irfft": "Fourier transform back to samples",
    "OverlapAdd": "samples out of frames that overlap",
    "PCAN": "gain control of each band",
    "Rfft": "Fourier transform of real samples",
    "Stacker": "frames side by side with their neighbours",
    "Window": "frames times a window",
}
CUSTOM = {
    "BasicClassifier": "scores of some classes against thresholds",
    "CIRCULAR_BUFFER": "the last columns of a stream",
    "TFLM_DECODE": "compressed constants",
    "TFLite_Detection_PostProcess": "boxes decoded, non-maximum suppression",
    **{f"Signal{name}": about for name, about in SIGNAL.items()},
    "ethos-u": "a program for another processor",
}
ORDER = ("float32", "int8", "uint8", "int16", "int4", "hybrid", "int32", "int64", "bool")
TEXT = """# TFLite files

    picozoo show theirs.tflite                                   is everything read? its layers and kept state
    picozoo fit theirs.tflite                                    on which boards does it fit, and how fast?
    picozoo run theirs.tflite --board nano33ble                  flash, RAM, stack, instructions; layer by layer
    picozoo run theirs.tflite --board nano33ble --check          the board against the reference, bit for bit
    picozoo compile theirs.tflite --board nano33ble -o out/      the C, an example and a CMake file

All {micro} standard operators that TensorFlow Lite Micro can register are read, all its custom ones but `ethos-u`, and {more}
more standard ones of LiteRT. Nothing has to be registered or sized: a file that cannot be compiled is refused when it is
read, with every operator that is in the way and the tensors it makes.

## Coming from TensorFlow Lite Micro

| there | here |
|---|---|
| the file as a byte array, and an interpreter that walks it on the board | C of this one model; no file, no interpreter on the board |
| `MicroMutableOpResolver`, `AddConv2D()` ... | nothing: what the model needs is what is linked |
| `tensor_arena`, its size found by trying | `theirs_t`, a struct of the size it needs: `THEIRS_ARENA_BYTES`, `THEIRS_STATE_BYTES`; as many as you like |
| `AllocateTensors()`, `Reset()` | `theirs_init(&net)`: kept state to its first value; cannot fail |
| `input(0)->data.int8`, `params.scale`, `params.zero_point` | `THEIRS_FORWARD_X(&net)`, `THEIRS_FORWARD_X_SCALE`, `..._ZERO`, `..._SIZE` |
| `Invoke()` and its status | `theirs_forward(&net)`; cannot fail. It may overwrite its inputs |
| `output(0)` | `THEIRS_FORWARD_OUT0(&net)` |
| `kTfLiteAbort`, from `CIRCULAR_BUFFER` | the last output, a bool, is false; see below |
| CMSIS-NN, ESP-NN ... | kernels of the same bits for each core ([kernels.md](kernels.md)) |

`theirs` is the file's name, `X` the input's. The example that `compile` writes beside the C runs on your computer.

## Whose numbers

Results equal LiteRT's reference kernels (`BUILTIN_REF`): integers to the bit, floats within 1e-5. What LiteRT does not have
equals TensorFlow Lite Micro. The two differ from each other, and optimised kernels from both, by one step here and there:
TensorFlow Lite Micro rounds twice at the end of a fully connected layer, LiteRT once.

An int8 file is compiled as it is: its scales and zero points, no calibration. Inputs and outputs keep the file's types;
a quantised uint8 file is int8 inside. Float files run in float32, or become int8 with your data
([bring.md](bring.md#int8-with-your-own-data)). Weights of four bits take a byte each in flash unless you say `--weights int4`,
which keeps the same bits. Of dimensions that a file leaves open see [bring.md](bring.md#open-dimensions).

## What is special

**Kept state.** Variables (`VAR_HANDLE` ...), variable tensors (SVDF, LSTM) and what custom operators keep lie in the struct, from
call to call; `show` lists them, the header has a macro for each. `CALL_ONCE` is run while the file is read.

**Streaming.** `CIRCULAR_BUFFER` keeps the last columns of its input. With `cycles_max` above 1 TensorFlow Lite Micro ends an
`Invoke()` there with `kTfLiteAbort`, but for every so many. Here the operators behind it are skipped in such a call and cost
nothing; results and state behind it stay what they were, and one more output says whether everything ran. `run` makes as
many calls as it takes and reports their mean. A period that the file leaves open is guessed as TensorFlow Lite Micro does.

**Branches and loops.** `WHILE` is a loop in C. Of an `IF` both sides are computed and one is taken, unless one may change
state: then only the one that is taken runs.

**Compressed constants.** `TFLM_DECODE` (tables, Huffman codes, pruning) and the older `COMPRESSION_METADATA` are decoded when the
file is read: flash of plain weights, no time and no memory on the board. Ways that only an application knows (128 to 255)
are refused.

**Sound.** The `Signal...` operators give TensorFlow Lite Micro's bits, so that a model with its front end inside is one C
function from samples to scores.

**Not read.** `DIV` and `CUMSUM` in int8, which LiteRT does not have either, and a `WHILE` that changes state.

**Ethos-U.** A file that went through Vela holds a program for another processor (`ethos-u`): give the file from before.

## Operators

The types are those in which the tests compare an operator; others may work. *int4* is int8 with weights of four bits, *hybrid*
float with int8 weights.

"""


Table = Callable[[tuple[str, ...], Sequence[tuple[str, ...]]], str]


def tflite(root: Path, made: str, table: Table) -> str:
    """The page."""
    sys.path.insert(0, str(root))
    from tests.frontend.tflite_cases import ALL, LAYERS
    from tests.frontend.tflite_micro_types import micro_cases

    tried: dict[str, set[str]] = {k: set(v) for k, v in LAYERS.items()}
    for case, dtype in (*ALL, *micro_cases()):
        tried.setdefault(case.kind, set()).add(dtype)
    known = readers()
    missing = [k for k in MICRO if k not in known]
    assert not missing, f"docs/tflite.md says that these are read: {missing}"
    named = {k: f"CUSTOM {k!r}" for k in CUSTOM}
    rest = sorted(set(known) - set(MICRO) - set(named.values()))
    own = [(f"`{k}`", *_row(named[k], known, tried)[1:], about) for k, about in CUSTOM.items()]
    columns = ("operator", "tested in", "becomes")
    return (
        made.format(source="the operator files and the tests")
        + TEXT.format(micro=len(MICRO), more=len(rest))
        + table(columns, [_row(k, known, tried) for k in MICRO])
        + "\n"
        + table(("custom operator", *columns[1:], "what it is"), own)
        + "\nOf LiteRT, not registered by TensorFlow Lite Micro:\n\n"
        + table(columns, [_row(k, known, tried) for k in rest])
    )


def _row(kind: str, known: Mapping[str, tuple[str, object]], tried: dict[str, set[str]]) -> tuple[str, str, str]:
    """Operator, types, and the operator of ours that it becomes."""
    if kind not in known:
        return f"`{kind}`", "not read", "–"
    by = known[kind][0]
    types = sorted(tried.get(kind, set()), key=lambda t: ORDER.index(t) if t in ORDER else len(ORDER))
    return f"`{kind}`", ", ".join(types) or "–", "several" if by == "composite" else f"`{by}`"
