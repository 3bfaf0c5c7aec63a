"""What would make an int8 program more exact: each remedy is tried on the calibration data, none is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from picozoo.compress import accuracy
from picozoo.compress.quantise import calibrate, quantise, wide_layers
from picozoo.compress.ranges import METHODS
from picozoo.errors import PicozooError
from picozoo.ir.program import Program
from picozoo.passes import pipeline
from picozoo.specs import Calibration, Target

LAYERS = 3  # how many of the worst layers get remedies of their own
CALLS = 32


@dataclass
class Remedy:
    """One change, and what it did to the results."""

    option: str  # what to add to the command, such as "--int16 c1"
    why: str  # what it answers
    snr_db: float  # signal to noise of the results with it
    gain_db: float  # how much better that is than without


class Lossy(Protocol):
    """What is asked of a layer's figures; see `accuracy.LayerAccuracy`."""

    name: str
    own_db: float
    clipped: float

    @property
    def cause(self) -> str:
        """Largest part of the loss."""


@dataclass(frozen=True)
class Choice:
    """The choices of quantisation that a remedy may change; as in `compiler.Options`."""

    method: str = "mse"
    keep_float: tuple[str, ...] = ()
    int16: tuple[str, ...] = ()


def remedies(
    program: Program, calibration: Calibration, choice: Choice, rows: Sequence[Lossy], target: Target
) -> tuple[float, list[Remedy]]:
    """Try other calibration methods, and int16 and float for the layers that add the most error.

    Args:
        program: float, after the float passes.
        rows: as `accuracy.layers` gave them for `choice`.

    Returns:
        Signal to noise of the results now (dB), and the remedies, best first, those that do not help last.
    """
    seen = calibrate(program, calibration.calls())

    def score(c: Choice) -> float:
        made = quantise(program, (), method=c.method, keep_float=c.keep_float, int16=c.int16, seen=seen)
        made = pipeline.run(made, pipeline.INTEGER, target)
        return accuracy.outputs_db(program, made, calibration.calls(), CALLS)

    now = score(choice)
    tries = [
        (f"--method {m}", "another way of choosing ranges", replace(choice, method=m))
        for m in METHODS
        if m != choice.method
    ]
    wide = set(wide_layers(program))
    worst = sorted(rows, key=lambda r: r.own_db)[:LAYERS]
    for row in worst:
        why = _WHY[row.cause].format(row=row)
        if row.name in wide and row.name not in choice.int16:
            narrowed = replace(choice, int16=(*choice.int16, row.name))
            tries.append((f"--int16 {row.name}", why, narrowed))
        kept = tuple(n for n in choice.int16 if n != row.name)
        tries.append(
            (f"--keep-float {row.name}", why, replace(choice, int16=kept, keep_float=(*choice.keep_float, row.name)))
        )
    several = [n for n in dict.fromkeys(r.name for r in worst if r.name in wide) if n not in choice.int16]
    if len(several) > 1:
        why = "together: what goes from one to the next is then int16 as well"
        tries.append((" ".join(f"--int16 {n}" for n in several), why, replace(choice, int16=(*choice.int16, *several))))
    found = []
    for option, why, c in tries:
        try:
            db = score(c)
        except PicozooError:  # a combination that has no form is no remedy
            continue
        found.append(Remedy(option, why, round(db, 2), round(db - now, 2)))
    return round(now, 2), sorted(found, key=lambda r: -r.gain_db)


_WHY = {
    "inputs": "{row.name} loses most by the rounding of its inputs",
    "weights": "{row.name} loses most by the rounding of its weights, which have a scale per channel already",
    "output": "{row.name} loses most by the rounding of its output",
    "inside": "{row.name} loses most between its inputs and its output: what it keeps, limits or looks up in int8",
    "clipping": "{row.name} loses most because {row.clipped:.2%} of its output lies outside the chosen range",
}
