"""What can be done about a network that needs more flash or RAM than its board has: only what applies to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from picozoo import find
from picozoo.compress.narrow import takes

if TYPE_CHECKING:
    from picozoo.compiler import Firmware

MOST = 3  # boards that are named


def advice(fw: Firmware, what: str, flash: int, ram: int) -> str:
    """One or two sentences.

    Args:
        what: "flash" or "RAM", the one that is too small.
        flash, ram: bytes that the network needs, as far as they are known.

    Example:
        >>> from picozoo import compile
        >>> advice(compile("lenet5", board="uno"), "flash", 70_000, 4_000)
        'What can help: --weights int4 (half the tables). Boards with room: nano33ble, pico, stm32f746.'
    """
    ways = list(_flash(fw) if what == "flash" else _ram(fw))
    return (f"What can help: {', '.join(ways)}. " if ways else "") + _boards(flash, ram)


def _flash(fw: Firmware) -> Iterator[str]:
    yield from _int8(fw)
    p = fw.whole_program
    if not fw.options.weights and any(takes(p, f, n) for f in p.functions.values() for n in f.nodes):
        yield "--weights int4 (half the tables)"
    if fw.options.prefer != "size" and fw.model.const_bytes <= (fw.board.flash or 0):  # else code is not what matters
        yield "--prefer size (smaller code)"


def _ram(fw: Firmware) -> Iterator[str]:
    yield from _int8(fw)
    if fw.options.prefer != "ram" and any(n.op == "conv2d" for f in fw.program.functions.values() for n in f.nodes):
        yield "--prefer ram (layers in bands of rows)"
    if "snapshot" in fw.program.functions and fw.program.meta.get("learn"):
        yield "--no-snapshot (no copy to roll back to)"


def _int8(fw: Firmware) -> Iterator[str]:
    """Where the network is in float and could be in int8."""
    net = fw.network
    if fw.precision != "float32" or net.program.meta.get("learn"):
        return
    if net.calibration is not None:
        yield "--precision int8 (about a quarter of the size)"
    elif net.module is None:
        yield "--int8 --calibrate DATA with typical inputs (about a quarter of the size)"


def _boards(flash: int, ram: int) -> str:
    fits = []
    for name in find.names("boards"):
        b = find.load("boards", name, "board").BOARD
        if b.flash is not None and b.ram is not None and flash <= b.flash and ram <= b.ram:
            fits.append((b.ram, name))
    if not fits:
        return "No board in the list has room; make the network smaller."
    return f"Boards with room: {', '.join(name for _, name in sorted(fits)[:MOST])}."


__all__ = ["advice"]
