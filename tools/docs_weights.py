"""docs/weights.md: what weights of fewer bits do, from the rows that bench/weights.py measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TITLES = {
    "lenet5": "LeNet-5, MNIST, whole test set",
    "image": "ResNet-8 of MLPerf Tiny, CIFAR-10 test images from JPEG files of quality 75",
}
HEAD = """<!-- Made by tools/docs.py from results/weights.jsonl. Do not edit: run 'make docs'. -->

# Weights of four and two bits

    picozoo run lenet5 --board nucleo_l4r5zi --weights int4
    picozoo run lenet5 --board nucleo_l4r5zi --weights int4/16
    picozoo run lenet5 --board nucleo_l4r5zi --weights int2,int4:c1,int4:out

`--weights` stores the weights of int8 convolutions and fully connected layers with fewer bits in flash: `int4` (16
levels), `int2` (-2 to 1) or `ternary` (-1, 0, 1); with `:LAYER` for one layer only, and `int8:LAYER` takes one out.
Activations stay int8, a channel keeps one scale, and the kernels unpack in their loop (`kernels/pz_dot4.h`), so that no
weights are ever in RAM. With `/16`, `/32`, `/64` or `/128` behind it so many neighbouring weights of a channel also share a
factor of one byte: a whole number, at most 15 for four bits and 63 for two, so that level times factor is an int8 weight
and sums are whole numbers. The sum of each group is multiplied by its factor in the loop. Depthwise layers and convolutions in groups keep eight bits: they have few weights. A layer with no more weights a channel than a group, or
with windows whose rows are not laid at multiples of four (a row of 5 values), has one group.

Which level each weight gets is chosen on the calibration inputs so that the layer's outputs change least
(`compress/levels.py`); without such inputs (a TFLite file without `--calibrate`) it is the nearest level, which costs
accuracy. Results are integers as ever: the same bits on every board as in the interpreter.

Accuracy is that of the C on the host, over the samples named; flash and instructions are exact, of emulated boards with
`--prefer balanced`.
"""


def weights() -> str:
    """The page."""
    path = ROOT / "results" / "weights.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
    text = HEAD
    for model in dict.fromkeys(row["model"] for row in rows):
        text += _model(model, [row for row in rows if row["model"] == model])
    return text


def _model(model: str, rows: list[dict[str, Any]]) -> str:
    boards = list(rows[0]["boards"])
    head = ["weights", "accuracy", "tables in flash"]
    head += [f"{what}, `{b}`" for b in boards for what in ("instructions", "code")]
    lines = [f"\n## {TITLES[model]}\n", f"{rows[0]['samples']:,} samples.\n", "| " + " | ".join(head) + " |"]
    lines.append("|---" + "|---:" * (len(head) - 1) + "|")
    for row in rows:
        costs = row["boards"]
        cells = [" ".join(f"`{w}`" for w in row["weights"]), f"{100 * row['accuracy']:.2f} %"]
        cells.append(f"{costs[boards[0]]['tables']:,} B")
        cells += [
            f"{costs[b]['instructions']:,}" if what else f"{costs[b]['code']:,} B" for b in boards for what in (1, 0)
        ]
        lines.append("| " + " | ".join(cells) + " |")
    theirs = rows[0].get("litert")
    if theirs is not None:
        lines.append(f"\nLiteRT reads {100 * theirs:.2f} % of the same images right with the same int8 file.")
    return "\n".join(lines) + "\n"
