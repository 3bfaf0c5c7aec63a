"""Machines that run an image: one emulator (or a real board on a port) = one file here.

with open_machine(image, layers={"net_forward_L0_conv1": "conv1"}) as machine:
    machine.write(machine.address("pz_net") + 16, pixels)
    machine.count(True)
    machine.call("net_forward", machine.address("pz_net"))
    machine.counts().layers["conv1"].instructions
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from picozoo.emulate._machine import Counts, LayerCount, Machine
from picozoo.errors import MissingTool
from picozoo.find import load

if TYPE_CHECKING:
    from picozoo.build import Image
    from picozoo.specs import Board

__all__ = ["Counts", "LayerCount", "Machine", "available", "open_machine"]


def available(board: Board) -> str | None:
    """None if images for this board can run here, else a sentence that says what to install."""
    reason: str | None = load("emulate", board.emulator, "emulator").available()
    return reason


def open_machine(image: Image, *, layers: Mapping[str, str] | None = None, port: str | None = None) -> Machine:
    """Start the emulator of the image's board with the image loaded, or open a real board.

    Args:
        layers: function symbol -> layer label; what those functions and the helpers they call run is counted for
            that label.
        port: serial port of a real board that has this image and the monitor in its flash; None: emulate.

    Raises:
        MissingTool: the emulator is not installed; the message says what to install.
        MachineFault: nothing answers on `port`.
        DoesNotFit: the emulated chip has less memory than the image needs (only where that cannot be emulated).
    """
    if port is not None:
        real: Machine = load("emulate", "serial", "emulator").open(image, dict(layers or {}), port)
        return real
    reason = available(image.board)
    if reason is not None:
        raise MissingTool(reason)
    machine: Machine = load("emulate", image.board.emulator, "emulator").open(image, dict(layers or {}))
    return machine
