"""Predictions: units, ranges, what is unknown stays unknown; facts of boards and cores."""

from __future__ import annotations

import dataclasses

import pytest

from picozoo.boards.corstone300 import BOARD as M55
from picozoo.boards.nucleo_l4r5zi import BOARD as L4R5
from picozoo.boards.uno import BOARD as UNO
from picozoo.emulate import Counts, LayerCount, available
from picozoo.find import load, names
from picozoo.measure import predict
from picozoo.specs import Board

BOARDS = [load("boards", name, "board").BOARD for name in names("boards")]


def test_cycles_time_and_energy_follow_from_the_mix() -> None:
    counts = Counts(120, mix={"alu": 100, "load": 20, "+taken": 10})
    cost = predict(L4R5, counts)
    assert cost.cycles == 100 + 20 * 2 + 10 * 2
    assert not cost.exact_cycles
    assert cost.ms == pytest.approx(160 / 120e3)
    assert cost.uj == pytest.approx(160 * 276e-6)
    assert cost.ms_low is not None
    assert cost.ms_high is not None
    assert cost.ms_low < cost.ms < cost.ms_high  # type: ignore[operator]
    assert cost.uj_low is not None
    assert cost.uj_high is not None
    assert cost.uj_low < cost.uj < cost.uj_high  # type: ignore[operator]
    assert "MLPerf" in cost.source


def test_exact_cycles_are_taken_as_they_are() -> None:
    cost = predict(UNO, LayerCount(100, {"alu": 100}, cycles=160))
    assert (cost.cycles, cost.cycles_error, cost.exact_cycles) == (160, 0.0, True)
    assert cost.ms == pytest.approx(0.01)
    assert cost.ms_low == cost.ms_high == cost.ms


def test_unknown_stays_unknown() -> None:
    cost = predict(M55, Counts(100, mix={"alu": 100}))
    assert cost.cycles is None
    assert cost.ms is None
    assert cost.uj is None
    assert predict(L4R5, Counts(None)).cycles is None


def test_a_wait_state_factor_scales_cycles() -> None:
    slow = dataclasses.replace(L4R5, memory_factor=1.5)
    assert predict(slow, Counts(10, mix={"alu": 10})).cycles == 15


def test_our_model_against_published_instructions_and_cycles() -> None:
    """An integer dot-product loop must land near the 1.57 cycles per instruction named in the core's source."""
    mix = {"load": 256, "+paired": 128, "alu": 134, "mul": 128, "branch": 130, "+taken": 129}
    cost = predict(L4R5, Counts(648, mix=mix))
    assert cost.cycles is not None
    assert cost.cycles / 648 == pytest.approx(1.57, rel=0.25)


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.name)
def test_board_facts_hold_together(board: Board) -> None:
    assert board.name in names("boards")
    assert board.core.name in names("cores")
    assert board.title
    assert board.chip
    if board.energy is not None:
        assert 0 < board.energy.low <= board.energy.pj_per_cycle <= board.energy.high
        assert board.energy.source
    model = board.core.cycles
    if model is not None:
        assert 0 <= model.error < 1
        assert model.source
        assert model.exact or model.error > 0
    if board.flash and board.ram and board.core.arch != "avr":
        separate = board.flash_origin + board.flash <= board.ram_origin or board.ram_origin < board.flash_origin
        assert separate
    reason = available(board)
    assert reason is None or "install" in reason or "WSL" in reason
