"""From exact instruction counts to predicted cycles, time and energy, each with the range that its error leaves.

    cycles = sum over classes of count x cost, x the board's memory factor   (exact where the emulator counts them)
    time   = cycles / clock
    energy = cycles x energy per cycle

Nothing here is a measurement: `Cost.exact_cycles` says whether the cycles are exact, and every other figure has a low
and a high value.
"""

from __future__ import annotations

from dataclasses import dataclass

from picozoo.emulate import Counts, LayerCount
from picozoo.specs import Board


@dataclass(frozen=True)
class Cost:
    """What a run costs on a board. `None`: not known for this board.

    Args:
        cycles: predicted, or exact if `exact_cycles`.
        cycles_error: relative; 0.25 means that the truth is expected between cycles / 1.25 and cycles x 1.25.
        ms, uj: milliseconds and microjoules; `_low` and `_high` hold the cycle model's error and, for energy, the
            published spread of the energy per cycle.
        source: where costs, error and energy come from.
    """

    cycles: float | None
    cycles_error: float
    exact_cycles: bool
    ms: float | None = None
    ms_low: float | None = None
    ms_high: float | None = None
    uj: float | None = None
    uj_low: float | None = None
    uj_high: float | None = None
    source: str = ""


def predict(board: Board, counts: Counts | LayerCount) -> Cost:
    """Predicted cost of a run, or of one of its layers.

    Args:
        counts: as `Machine.counts()` gives them, or one entry of their `layers`.

    Returns:
        Cycles None where the core has no cycle model, time None where the board has no clock, and so on.

    Example:
        >>> from picozoo.boards.nano33ble import BOARD
        >>> round(predict(BOARD, LayerCount(3, {"alu": 1, "mul": 1, "load": 1})).cycles)
        4
    """
    model = board.core.cycles
    if counts.cycles is not None:
        return _cost(board, float(counts.cycles), 0.0, True, "cycles counted by the emulator")
    if model is None or model.exact or counts.instructions is None:
        return Cost(None, 0.0, False)
    cycles = mix_cycles(model.costs, counts.mix) * board.memory_factor
    return _cost(board, cycles, model.error, False, model.source)


def mix_cycles(costs: dict[str, float], mix: dict[str, int]) -> float:
    """Sum of count x cost. A class without a cost of its own costs one cycle; an event without one costs nothing.

    Example:
        >>> mix_cycles({"load": 2.0, "+taken": 2.0}, {"load": 3, "vector": 1, "+taken": 1, "+paired": 5})
        9.0
    """
    return sum(times * costs.get(name, 0.0 if name.startswith("+") else 1.0) for name, times in mix.items())


def _cost(board: Board, cycles: float, error: float, exact: bool, source: str) -> Cost:
    low, high = cycles / (1.0 + error), cycles * (1.0 + error)
    ms: tuple[float | None, float | None, float | None] = (None, None, None)
    uj: tuple[float | None, float | None, float | None] = (None, None, None)
    if board.clock_hz is not None:
        ms = (cycles / board.clock_hz * 1e3, low / board.clock_hz * 1e3, high / board.clock_hz * 1e3)
    if board.energy is not None:
        pj = board.energy
        uj = (cycles * pj.pj_per_cycle * 1e-6, low * pj.low * 1e-6, high * pj.high * 1e-6)
        source = f"{source} Energy: {pj.source}"
    return Cost(cycles, error, exact, *ms, *uj, source=source)
