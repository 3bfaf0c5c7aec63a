"""One model on one board, compiled and run once: the row that the tables show and results/ keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from picozoo import emulate
from picozoo.bench.models import Model
from picozoo.compiler import Firmware, Options, compile_network, get_board, to_slot
from picozoo.emulate import Counts
from picozoo.errors import MissingTool
from picozoo.ladder import random_inputs
from picozoo.measure import predict
from picozoo.network import load

# Figures that are compared from commit to commit; all are exact.
EXACT = ("instructions", "code", "tables", "ram")
SHARED = "(shared)"  # code that is no layer's own: functions, helpers, the compiler's runtime


def measure(model: Model, board: str, options: Options | None = None) -> dict[str, Any]:
    """One inference on the emulated board.

    Returns:
        Exact: instructions, code and tables (bytes of flash), ram (bytes with stack), layers: name -> [instructions,
        bytes of code]. Predicted: cycles_predicted with cycles_error (relative), ms_predicted, uj_predicted and their
        `_low` and `_high`; None where there is no model. Same inputs every time, so the same figures on every machine.

    Raises:
        MissingTool: the model's file or the board's emulator is not here.
    """
    path, options = model.path(), options or Options()
    if path is None:
        raise MissingTool(f"{model.name}: {model.missing()}")
    missing = emulate.available(get_board(board))
    if missing is not None:
        raise MissingTool(f"{model.name} on {board}: {missing}")
    fw = compile_network(load(path), get_board(board), options)
    with fw.session(count=True) as session:
        session.call(fw.program.main.name, *inputs(fw))
        counts, stack, emulator = session.machine.counts(), session.machine.stack_bytes() or 0, session.machine.emulator
    cost, image = predict(fw.board, counts), fw.image
    return {
        "model": model.name,
        "board": board,
        "prefer": options.prefer,
        "precision": fw.precision,
        "macs": sum(v.macs for v in fw.model.layers if v.function == fw.program.main.name),
        "instructions": counts.instructions,
        "unit": counts.unit,
        "code": image.flash_code,
        "tables": image.flash_const + image.flash_data,
        "ram": fw.model.context_bytes + stack,
        "cycles_predicted": cost.cycles,
        "cycles_exact": cost.exact_cycles,
        "cycles_error": cost.cycles_error,
        **{f"{k}_predicted{end}": getattr(cost, k + end) for k in ("ms", "uj") for end in ("", "_low", "_high")},
        "layers": layers(fw, counts),
        "compiler": image.compiler,
        "emulator": emulator,
    }


def inputs(fw: Firmware, seed: int = 0) -> list[np.ndarray]:
    """Inputs of one call of the main function: the first of the calibration data, else random ones, always the same."""
    entry = fw.model.entries[fw.program.main.name]
    c = fw.network.calibration
    if c is not None and c.function == entry.name:
        return [
            to_slot(np.asarray(x[seed], np.float32 if x.dtype.kind == "f" else x.dtype), s)
            for x, s in zip(c.inputs, entry.inputs, strict=True)
        ]
    return random_inputs(fw.program, entry.name, seed)


def layers(fw: Firmware, counts: Counts) -> dict[str, list[int | None]]:
    """Name -> [instructions, bytes of code] of every layer, those that did not run too; what is left over last."""
    found: dict[str, list[int | None]] = {}
    symbols = dict(fw.image.symbols)
    for i, v in enumerate(fw.model.layers):
        name = v.name if v.function == fw.program.main.name else f"{v.function}.{v.name}"
        name = name if name not in found else f"{name}#{i}"
        count, symbol = counts.layers.get(str(i)), symbols.pop(v.symbol, None)  # once, if it does several bands
        found[name] = [count.instructions if count else 0, symbol.size if symbol else 0]
    ran = [v[0] or 0 for v in found.values()]
    rest = None if counts.instructions is None else counts.instructions - sum(ran)
    found[SHARED] = [rest, fw.image.flash_code - sum(v[1] or 0 for v in found.values())]
    return found


def worse_layers(old: dict[str, Any], new: dict[str, Any], figure: str, most: int = 3) -> list[tuple[str, int, int]]:
    """(layer, before, now) of the layers that grew most in "instructions" or "code"; [] for figures of the whole.

    Example:
        >>> worse_layers({"layers": {"conv": [10, 5]}}, {"layers": {"conv": [30, 5], "fc": [1, 1]}}, "instructions")
        [('conv', 10, 30), ('fc', 0, 1)]
    """
    column = {"instructions": 0, "code": 1}.get(figure)
    if column is None:
        return []
    before: dict[str, Sequence[int | None]] = old["layers"]
    grown = [
        (name, int(before.get(name, (0, 0))[column] or 0), int(values[column] or 0))
        for name, values in new["layers"].items()
    ]
    grown = [g for g in grown if g[2] > g[1]]
    return sorted(grown, key=lambda g: g[1] - g[2])[:most]
