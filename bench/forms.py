"""What int8 kernels cost per multiply-accumulate on each core; rewrites results/forms.jsonl for docs/kernels.md.

    .venv/bin/python bench/forms.py

One layer of each kind, random weights with one scale per output channel, counted by the board's emulator. All of the
layer counts: windows, requantisation, edges. Boards whose emulator is not installed keep no row.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from picozoo import build, emulate, find
from picozoo.emit.c_model import emit
from picozoo.ir.program import Function, Node, Program
from picozoo.ops._conv import Conv2dAttrs
from picozoo.ops.linear import LinearAttrs
from picozoo.passes import materialise
from picozoo.plan.arena import plan_program
from picozoo.specs import QuantParams, TensorType

FILE = Path(__file__).resolve().parent.parent / "results" / "forms.jsonl"
BOARDS = ("nucleo_l4r5zi", "stm32u575", "stm32f746", "corstone300", "pico", "esp32c3", "rpi_zero2", "browser")
SAME = Conv2dAttrs((1, 1), (1, 1, 1, 1))


def depthwise(stride: int = 1, dilation: int = 1) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], str, Any]:
    """A depthwise 3 x 3 of 10 x 10 pixels and 64 channels: input, weights, output, operator, attributes."""
    size = 10 // stride
    attrs = Conv2dAttrs((stride, stride), (dilation,) * 4, (dilation, dilation), 64)
    return (1, 10, 10, 64), (64, 3, 3, 1), (1, size, size, 64), "conv2d", attrs


LAYERS = {
    "3 x 3": ((1, 16, 16, 16), (16, 3, 3, 16), (1, 16, 16, 16), "conv2d", SAME),
    "pointwise": ((1, 10, 10, 64), (64, 1, 1, 64), (1, 10, 10, 64), "conv2d", Conv2dAttrs()),
    "depthwise 3 x 3": depthwise(),
    "fully connected": ((1, 256), (64, 256), (1, 64), "linear", LinearAttrs()),
    "depthwise, stride 2": depthwise(stride=2),
    "depthwise, dilation 2": depthwise(dilation=2),
}


def program() -> Program:
    """One function for each layer."""
    made, chance = Program("forms"), np.random.default_rng(0)
    for i, (x, w, y, op, attrs) in enumerate(LAYERS.values()):
        scales = QuantParams(tuple(float(np.float32(0.01 + 0.001 * (k % 7))) for k in range(w[0])), (0,) * w[0], 0)
        f = Function(f"f{i}", ("%x",), ("%y",), [], {})
        values = np.clip(chance.normal(0, 35, w).round(), -127, 127).astype(np.int8)
        at = made.add_constant(f"{f.name}.w", values, TensorType(w, "i8", scales))
        f.types = {"%x": TensorType(x, "i8", QuantParams.tensor(0.05, -3))}
        f.types["%y"] = TensorType(y, "i8", QuantParams.tensor(0.9, 3))
        f.nodes = [Node(op, f"layer{i}", ("%x", at), ("%y",), attrs)]
        made.functions[f.name] = f
    return made


def measure(board_name: str) -> dict[str, object] | None:
    """Instructions (fuel in WebAssembly) per multiply-accumulate of each layer; None where there is no emulator."""
    board = find.load("boards", board_name, "board").BOARD
    if emulate.available(board):
        return None
    made = materialise.run(program(), board.core.target)
    model = emit(made, plan_program(made, board.core.target), board.core.target)
    sources = {**model.files, "pz_instance.c": '#include "forms.h"\nforms_t pz_net;\n'}
    roots = ["pz_net", *[e.symbol for e in model.entries.values()]]
    image = build.build(sources, board, roots=roots, opt="-O2")
    cost = {}
    with emulate.open_machine(image) as machine:
        for kind, layer, entry in zip(LAYERS, model.layers, model.entries.values(), strict=True):
            machine.count(True)
            machine.reset_counts()
            machine.call(entry.symbol, machine.address("pz_net"))
            counted = machine.counts().instructions
            assert counted is not None
            cost[kind] = round(counted / layer.macs, 3)
    return {"board": board_name, "core": board.core.name, "compiler": image.compiler, "per_mac": cost}


def main() -> None:
    """The command."""
    found = [row for name in BOARDS if (row := measure(name))]
    FILE.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    for row in found:
        print(row["board"], row["per_mac"])


if __name__ == "__main__":
    main()
