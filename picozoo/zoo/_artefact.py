"""From a trained module to the artefact that is shipped: capture, float passes, calibration inputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from picozoo.artefact import save_program
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Program
from picozoo.network import artefact_path
from picozoo.specs import Calibration

CALIBRATION_CALLS = 100
STREAM_CALLS = 1000  # steps of a streaming network say little each


def make(module: Any, trained: Any, size: str = "default", *, out: Path | None = None) -> Path:
    """Capture a trained nn.Module of the zoo and write its artefact.

    Args:
        module: the zoo file (has CARD, examples, inputs).
        trained: the nn.Module with its weights.
        out: the file to write; by default where `load` finds it.
    """
    from picozoo.frontend.torch_export import capture

    card = module.CARD.at(size)
    program = capture(trained, module.examples(size), name=card.name)
    program.meta = {"zoo": card.name, "size": size}
    forget_lines(program)
    path = out or artefact_path(card.name, size)
    save_program(program, path, calibration_inputs(module, program, size) if card.precision == "int8" else None)
    return path


def forget_lines(program: Program) -> None:
    """Leave of each node's place in the source its file: a line added above would make another artefact of it."""
    for f in program.functions.values():
        f.nodes = [replace(n, source=n.source.partition(":")[0]) for n in f.nodes]


def calibration_inputs(module: Any, program: Program, size: str = "default") -> Calibration:
    """Inputs spread evenly over the training split; for a streaming network whole stretches from its start points."""
    card = module.CARD.at(size)
    if not card.streaming:
        x, _ = module.inputs("train", limit=20 * CALIBRATION_CALLS, size=size)
        pick = np.linspace(0, len(x) - 1, CALIBRATION_CALLS).astype(int)
        return Calibration(card.main, (x[pick],), more=_more(module, program, x[pick], size))
    x, _ = module.inputs("train", limit=STREAM_CALLS, size=size)
    starts = tuple(int(i) for i in sorted(module.starts("train", limit=STREAM_CALLS, size=size)))
    return Calibration(card.main, (x,), starts, more=_more(module, program, x, size))


def _more(module: Any, program: Program, x: np.ndarray, size: str) -> tuple[Calibration, ...]:
    """Inputs of the functions beside the main one, where the network has such with parameters.

    Args:
        x: inputs of the main function; what another gives for them may be what a third is for.
    """
    given = module.calibration(size) if hasattr(module, "calibration") else {}
    found = []
    for function, inputs in given.items():
        if isinstance(inputs, str):
            machine = Interpreter(program)
            outputs = zip(*(machine.call(inputs, row) for row in x), strict=True)
            inputs = tuple(np.stack(column) for column in outputs)
        found.append(Calibration(function, inputs))
    return tuple(found)
