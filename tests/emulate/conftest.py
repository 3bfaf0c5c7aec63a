"""Every board that can run here, and machines built once per board."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from picozoo.build import Image, build
from picozoo.emulate import Machine, available, open_machine
from picozoo.find import load, names
from picozoo.specs import Board

sys.path.insert(0, str(Path(__file__).parent))
import programs


def board_named(name: str) -> Board:
    """A board, or a skip with the reason why it cannot run here."""
    board: Board = load("boards", name, "board").BOARD
    reason = available(board)
    if reason is not None:
        pytest.skip(reason)
    return board


@pytest.fixture(params=names("boards"), scope="session")
def board(request: pytest.FixtureRequest) -> Board:
    """One board after the other."""
    return board_named(request.param)


@pytest.fixture(scope="session")
def image(board: Board) -> Image:
    """The test network for the board."""
    return build({"net.c": programs.NETWORK}, board, roots=programs.ROOTS)


@pytest.fixture
def machine(image: Image) -> Iterator[Machine]:
    """A fresh machine with the test network and its inputs."""
    with open_machine(image, layers=programs.LAYERS) as opened:
        opened.write(opened.address("pz_net"), programs.inputs())
        yield opened
