"""The monitor's protocol and the serial machine, against a board made of Python on a pseudo-terminal."""

from __future__ import annotations

import os
import struct
import sys
import threading
from collections.abc import Iterator

import programs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picozoo.boards.nano33ble import BOARD
from picozoo.build import Image, build
from picozoo.emulate import open_machine
from picozoo.emulate._protocol import BoardFaultError, Link, fletcher16, frame
from picozoo.errors import MachineFault


class FakeBoard:
    """Speaks the monitor's side: a memory, and three functions."""

    def __init__(self) -> None:
        self.memory = bytearray(4096)
        self.base = 0x2000_0000
        self.functions = {0x100: lambda a, b, c, d: (a + 2 * b + 3 * c + 4 * d) & 0xFFFFFFFF}
        self.corrupt_next = False
        self._left = b""

    def feed(self, data: bytes) -> bytes:
        """Bytes in, bytes out."""
        self._left += data
        out = b""
        while len(self._left) >= 8:
            start = self._left.find(b"\xa5")
            if start < 0:
                self._left = b""
                break
            self._left = self._left[start:]
            kind, size = struct.unpack_from("<BI", self._left, 1) if len(self._left) >= 6 else (0, 1 << 30)
            if len(self._left) < 8 + size:
                break
            whole, self._left = self._left[: 8 + size], self._left[8 + size :]
            good = bytes(fletcher16(whole[1 : 6 + size])) == whole[6 + size :]
            out += self._answer(kind, whole[6 : 6 + size]) if good else frame(0xEF, struct.pack("<I", 1))
        if self.corrupt_next and out:
            self.corrupt_next, out = False, out[:-1] + bytes([out[-1] ^ 1])
        return out

    def _answer(self, kind: int, payload: bytes) -> bytes:
        if kind == ord("H"):
            return frame(kind | 0x80, struct.pack("<I", 1))
        if kind == ord("R"):
            address, size = struct.unpack("<II", payload)
            return frame(kind | 0x80, bytes(self.memory[address - self.base : address - self.base + size]))
        if kind == ord("W"):
            address = struct.unpack_from("<I", payload)[0] - self.base
            self.memory[address : address + len(payload) - 4] = payload[4:]
            return frame(kind | 0x80, struct.pack("<I", 1))
        if kind == ord("C"):
            function, *args = struct.unpack("<5I", payload)
            if function not in self.functions:
                return frame(0xEE, struct.pack("<II", function, 0x8200))
            return frame(kind | 0x80, struct.pack("<I", self.functions[function](*args)))
        return frame(kind | 0x80, struct.pack("<I", 96))


def link_to(board: FakeBoard) -> Link:
    pending = bytearray()

    def read(size: int, seconds: float) -> bytes:
        out, pending[:] = bytes(pending[:size]), pending[size:]
        return out

    return Link(read, lambda data: pending.extend(board.feed(data)), patience=0.2)


def test_memory_and_calls() -> None:
    board = FakeBoard()
    link = link_to(board)
    link.hello()
    link.write(board.base + 10, b"\xa5\xa5hello")
    assert link.read(board.base + 8, 9) == b"\0\0\xa5\xa5hello"
    assert link.call(0x100, (1, 2), 1.0) == 5
    assert link.stack_bytes() == 96
    with pytest.raises(BoardFaultError) as fault:
        link.call(0x200, (), 1.0)
    assert (fault.value.pc, fault.value.status) == (0x200, 0x8200)


def test_a_disturbed_line_is_noticed() -> None:
    board = FakeBoard()
    link = link_to(board)
    board.corrupt_next = True
    with pytest.raises(MachineFault, match="checksum"):
        link.read(board.base, 4)
    with pytest.raises(MachineFault, match="in time"):
        Link(lambda size, seconds: b"", lambda data: None, patience=0.05).hello()


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 3000))
def test_any_bytes_survive(data: bytes, offset: int) -> None:
    board = FakeBoard()
    link = link_to(board)
    link.write(board.base + offset, data)
    assert link.read(board.base + offset, len(data)) == data


@pytest.fixture
def port() -> Iterator[str]:
    """A pseudo-terminal with a fake board behind it."""
    pytest.importorskip("serial", reason="pyserial is not installed: pip install 'picozoo[serial]'")
    if sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals")
    import tty

    main, other = os.openpty()
    tty.setraw(main)
    tty.setraw(other)
    board = FakeBoard()

    def serve() -> None:
        while True:
            try:
                data = os.read(main, 4096)
            except OSError:
                return
            os.write(main, board.feed(data))

    threading.Thread(target=serve, daemon=True).start()
    yield os.ttyname(other)
    os.close(main)
    os.close(other)


def test_a_board_on_a_serial_port(port: str) -> None:
    image: Image = build({"net.c": programs.NETWORK}, BOARD, roots=programs.ROOTS)
    with open_machine(image, port=port) as machine:
        assert machine.emulator == f"Arduino Nano 33 BLE on {port}"
        machine.write(machine.address("pz_net"), b"abc")
        assert machine.read(machine.address("pz_net"), 3) == b"abc"
        assert machine.stack_bytes() == 96
        assert machine.counts().instructions is None
        with pytest.raises(MachineFault, match="net_init"):
            machine.call("net_init", 0)


def test_no_board_on_the_port(tmp_path: os.PathLike[str]) -> None:
    pytest.importorskip("serial", reason="pyserial is not installed: pip install 'picozoo[serial]'")
    image = build({"net.c": programs.NETWORK}, BOARD, roots=programs.ROOTS)
    with pytest.raises(MachineFault, match="cannot open"):
        open_machine(image, port=str(tmp_path / "ttyNONE"))
