"""The page about ONNX: what is read, what the node tests gave, what is left out and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results" / "onnx_nodes.json"
WHY = {
    "image files (JPEG, PNG ... decoded inside the model)": "a decoder is no part of a network on a chip",
    "maps": "there are only tensors",
    "optional values": "there are only tensors",
    "random numbers": "the expected numbers are one draw of many",
    "sequences": "inputs and outputs are tensors; inside a graph sequences are read",
    "strings": "there are only numbers",
    "training": "optimisers of training graphs",
    "sizes that depend on values": "the size of a result is known only after it is computed",
}
TEXT = """# ONNX files

    pip install 'picozoo[onnx]'
    picozoo run theirs.onnx --board nano33ble --input in.npy --output out.npy

Operator sets 7 and on; older ones where a node's meaning has not changed since. Shapes are fixed: of the
dimensions that a file leaves open the batch is 1 and the others you say (`--dim seq=16`, `--shape NAME=1,3,224,224`; see
[bring.md](bring.md#open-dimensions)), and an input that an operator must know
while the file is read (axes, sizes) is given a value (`--fix NAME=0,2`). What follows from shapes and constants is
computed when the file is read and costs nothing on the board. Loops with a known number of turns are unrolled; a branch
on a computed condition computes both sides. Functions are read through their bodies, those of the file and those of
ONNX's own definitions. Sequences may be made, grown by such loops and joined inside a graph. Constants may lie in other
files in the model's folder (external data), never outside it. NonMaxSuppression has room for all boxes that could be
left, with rows of -1 behind the last; NonZero is read of constants only.

## Numbers

What ONNX has and the IR has not is held in the next wider type:

{types}
float64 is computed in float32. The narrow floats are rounded where a Cast or QuantizeLinear makes them and computed in
float32 in between. uint64 values of 2^63 and above are not supported.

A model in QDQ form (QuantizeLinear and DequantizeLinear round float operators) becomes integer operators: convolutions,
fully connected layers, sums, products, pooling and tables, as an int8 TFLite file does. What equals ONNX Runtime:

| form | rounding | against ONNX Runtime |
|---|---|---|
| QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear | halves to even | equal |
| MatMulInteger, ConvInteger | none: exact in int32 | equal |
| QLinearMatMul | exact in int32, then one rounding in float32, halves to even | equal but for the order of two factors |
| QLinearConv, operators between Q and DQ | fixed point, as TFLite's reference kernels | differs by at most 1 where a half is near |

## Pre-processing

What a file computes before its network is compiled with it. A uint8 input stays uint8 in the C; Cast, Sub, Div, Transpose
and Resize behind it become loops (in int8 networks tables, where each byte gives one result). DFT, STFT, windows and
MelWeightMatrix are read; transforms are fast ones, of any length, fastest where its prime factors are small. A log-mel
front end of 256 samples a frame gives what ONNX Runtime gives within 1e-5 (of lengths that are no power of two, such as
400, its own transforms lose digits). ImageDecoder, text and the operators of onnxruntime-extensions are refused, with what to do.

## Classical models

What scikit-learn's exporter writes is read: trees, forests and boosting (TreeEnsemble and the two older operators, every
kind of question, NaN going the way the file says) become the tables of the operator `trees`; linear models and support
vector machines become products. Labels that are names are held as their places in the list of classes, which `show`
prints. A ZipMap gives what its maps hold, one column for each class in their order. Probabilities of a support vector
machine are Platt's formula, for two classes; ONNX Runtime, as libsvm, stops within 0.004 of it.

## The ONNX project's node tests

Release 1.17, {total} tests: each is imported, its C generated, built with every warning an error, run on the host and
compared with the expected outputs (NonMaxSuppression gives as many rows as there can be boxes: -1 behind the last). Integers and truth values must be equal, floats within 1e-3 relative (ONNX's own
tolerance) or a millionth of the tensor's largest value. **{passed} of {static} pass ({percent} %)**; of those, in
{with_fixed_inputs} some input is fixed to the test's value as `--fix` does, because an operator must know it while the
model is read. Run them yourself with `tools/onnx_node_tests.py`.

Left out, by class:

{left_out}
Failing, with the first number that is not as expected; in {agree} of {failed} ONNX Runtime ({versions}) gives in all
places what picozoo gives:

{failures}
## Node types

Those with an operator of their own are in [operators.md](operators.md). These become several operators, or none:
{composites}. Any other node type that ONNX defines by a function is read through that.
"""


WHO = ("picozoo", "onnxruntime", "expected")
DOUBTED = {
    "qlinearmatmul": "the expected integers wrap around where the definition saturates",
    "averagepool": "what a window that reaches beyond the padding divides by",
    "BFLOAT16": "the expected numbers are cut, not rounded",
}


def _failure(test: str, detail: str, beside: dict[str, Any]) -> tuple[str, ...]:
    """A row: the test, the first number that is not as expected, in three ways, and why."""
    why = next((text for part, text in DOUBTED.items() if part in test), detail)
    if not beside:
        return f"`{test}`", "–", "–", "–", why
    said = beside["differs"] and f"; ONNX Runtime differs: {beside['differs']}"
    return f"`{test}`", *(f"{beside[k]:g}" if k in beside else "–" for k in WHO), f"{why}{said}"


def onnx_page() -> str:
    """docs/onnx.md."""
    from docs_pages import MADE, table

    from picozoo.frontend import onnx
    from picozoo.frontend._onnx_file import KINDS

    found: dict[str, Any] = json.loads(RESULTS.read_text())
    held: dict[str, list[str]] = {}
    for name, dtype in KINDS.values():
        held.setdefault(dtype, []).append(name)
    types = table(("held in", "types of ONNX"), [(k, ", ".join(v)) for k, v in held.items()])
    left_out = table(("class", "tests", "why"), [(k, str(v), WHY.get(k, "–")) for k, v in found["left_out"].items()])
    beside = found["runtime"]
    head = ("test", "picozoo", "ONNX Runtime", "the test expects", "why")
    failures = table(head, [_failure(k, v, beside[k]) for k, v in found["failures"].items()])
    versions = ", ".join(sorted({v["version"] for v in beside.values() if v})) or "not installed"
    agree = sum(1 for v in beside.values() if v and not v["differs"])
    composites = ", ".join(f"`{k}`" for k, (where, _) in sorted(onnx.readers().items()) if where == "composite")
    text = TEXT.format(types=types, left_out=left_out, failures=failures, composites=composites, versions=versions, agree=agree, **{
        k: found[k] for k in ("total", "passed", "failed", "static", "percent", "with_fixed_inputs")
    })  # fmt: skip
    return MADE.format(source="picozoo/frontend and results/onnx_nodes.json") + text
