"""Predictions: units, ranges, what is unknown stays unknown; facts of boards and cores."""

from __future__ import annotations

import dataclasses

import pytest

from picozoo.boards.browser import BOARD as BROWSER
from picozoo.boards.corstone300 import BOARD as M55
from picozoo.boards.nucleo_l4r5zi import BOARD as L4R5
from picozoo.boards.uno import BOARD as UNO
from picozoo.emulate import Counts, LayerCount, available
from picozoo.emulate._blocks import Block, account
from picozoo.emulate._decode import Decoder
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
    cost = predict(BROWSER, Counts(100, mix={"alu": 100}))
    assert cost.cycles is None
    assert cost.ms is None
    assert cost.uj is None
    assert predict(L4R5, Counts(None)).cycles is None


def test_cycles_without_a_clock_are_no_time() -> None:
    cost = predict(M55, Counts(10, mix={"vload": 3, "vmul": 4, "loop": 3, "+beat": 2, "+taken": 0}))
    assert cost.cycles == 3 + 4 + 2
    assert cost.ms is None
    assert cost.uj is None


HELIUM = [
    (0xECB0, 0x1E10, "vload"),  # VLDRB q0, [r0], #16
    (0xEDB0, 0x1F00, "vload"),  # VLDRW q0, [r0, #0]!
    (0xED80, 0x0F00, "vstore"),  # VSTRB.32
    (0xEEF0, 0x0F24, "vmul"),  # VMLADAVA.S8
    (0xEE03, 0x1E04, "vmul"),  # VMULLT.S8
    (0xEE23, 0x0E05, "vmul"),  # VMULH.S32
    (0xEE23, 0x0E42, "vmul"),  # VMLA.S32 by a scalar
    (0xEEB0, 0x0F42, "vector"),  # VMOVLB.S16
    (0xEE37, 0x0E03, "vector"),  # VQMOVNB.S32
    (0xEE23, 0x0F42, "vector"),  # VADD.I32 of a scalar
    (0xEC14, 0x0F00, "vector"),  # VMOV q0[2], q0[0], r0, r4
    (0xF000, 0xE801, "vector"),  # VCTP.8
    (0xF00F, 0xC803, "loop"),  # LE
    (0xF040, 0xE001, "branch"),  # DLS
]


@pytest.mark.parametrize(("first", "second", "kind"), HELIUM)
def test_classes_of_helium(first: int, second: int, kind: str) -> None:
    """Encodings as GNU as 2.40 writes them."""
    code = first.to_bytes(2, "little") + second.to_bytes(2, "little")
    assert Decoder("arm", lambda address, size: code)(0, 4).mix == {kind: 1}


def test_beats_of_helium() -> None:
    """Two loads behind each other do not overlap, a load and a product do; the jump back of a loop is free."""
    words = (0xECB0, 0x1E10, 0xECB0, 0x1E10, 0xEEF0, 0x0F24, 0xECB0, 0x1E10, 0xF00F, 0xC803)
    code = b"".join(w.to_bytes(2, "little") for w in words)
    decoder = Decoder("arm", lambda address, size: code)
    assert decoder(0, len(code)).mix == {"vload": 3, "vmul": 1, "loop": 1, "+beat": 1}
    counted = account([Block(0, len(code), 0, 10, 9)], decoder, lambda address: None, [])
    assert counted.mix == {"vload": 30, "vmul": 10, "loop": 10, "+beat": 10}


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
