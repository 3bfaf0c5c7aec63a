"""The monitor's protocol: the same for an emulated board's UART and a real board's serial port.

A frame, both ways, numbers little-endian:

    A5 | type u8 | size u32 | payload, size bytes | Fletcher-16 of type, size and payload: two bytes

    request                                     answer
    'H'                                         'H'+80: protocol version u32
    'R' address u32, size u32                   'R'+80: the bytes
    'W' address u32, bytes                      'W'+80: 1
    'C' function u32, four arguments u32        'C'+80: result u32, when the function has returned
    'P' paint the stack, 'S' bytes of it used   the same +80: u32
                                                EE: a call faulted: pc u32, fault status u32
                                                EF: refused (bad checksum, unknown request): code u32

The other side is harness/pz_monitor.c.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

from picozoo.errors import MachineFault

SYNC, OK, FAULT, REFUSED = 0xA5, 0x80, 0xEE, 0xEF
CHUNK = 32768  # bytes per request, so that an answer is never waited for long
VERSION = 1
LARGEST = 1 << 20


def fletcher16(data: bytes, start: tuple[int, int] = (0, 0)) -> tuple[int, int]:
    """Two sums modulo 255.

    Example:
        >>> fletcher16(b"abc")
        (39, 76)
    """
    a, b = start
    for byte in data:
        a = (a + byte) % 255
        b = (b + a) % 255
    return a, b


def frame(kind: int, payload: bytes) -> bytes:
    """One frame, ready to send."""
    body = struct.pack("<BI", kind, len(payload)) + payload
    return bytes([SYNC]) + body + bytes(fletcher16(body))


class BoardFaultError(Exception):
    """The board reported a fault during a call: program counter (0 if unknown) and fault status."""

    def __init__(self, pc: int, status: int) -> None:
        super().__init__(f"fault at {pc:#x}, status {status:#x}")
        self.pc, self.status = pc, status


class Link:
    """Requests and answers over a byte stream.

    Args:
        read: (bytes wanted, seconds) -> up to that many bytes; fewer, or none, when the time is over.
        write: sends bytes.
        patience: seconds to wait for an answer that needs no computing.
        watch: called now and then while waiting for a call to return; raises to give up.
    """

    def __init__(
        self,
        read: Callable[[int, float], bytes],
        write: Callable[[bytes], None],
        patience: float = 5.0,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        self._read, self._write = read, write
        self._patience, self._watch = patience, watch

    def hello(self) -> None:
        """Check that a monitor of our version answers. Raises MachineFault if not."""
        answer = self._ask(ord("H"), b"")
        version = struct.unpack("<I", answer)[0]
        if version != VERSION:
            raise MachineFault(f"the board's monitor speaks protocol {version}, picozoo {VERSION}; flash it again")

    def read(self, address: int, size: int) -> bytes:
        """Bytes of the board's memory."""
        parts = []
        for at in range(0, size, CHUNK):
            part = min(CHUNK, size - at)
            parts.append(self._ask(ord("R"), struct.pack("<II", address + at, part)))
        return b"".join(parts)

    def write(self, address: int, data: bytes) -> None:
        """Put bytes into the board's memory."""
        for at in range(0, len(data), CHUNK):
            self._ask(ord("W"), struct.pack("<I", address + at) + data[at : at + CHUNK])

    def call(self, function: int, args: tuple[int, ...], seconds: float) -> int:
        """Call a function and wait for its result at most so long.

        Raises:
            BoardFaultError: the board reported a fault.
            MachineFault: no answer, or a broken one.
        """
        padded = [value & 0xFFFFFFFF for value in (*args, 0, 0, 0, 0)[:4]]
        answer = self._ask(ord("C"), struct.pack("<5I", function, *padded), seconds, retry=False)
        return int(struct.unpack("<I", answer)[0])

    def paint_stack(self) -> None:
        """Fill the unused stack with the pattern."""
        self._ask(ord("P"), b"")

    def stack_bytes(self) -> int:
        """Bytes of stack that the last call used."""
        return int(struct.unpack("<I", self._ask(ord("S"), b""))[0])

    def _ask(self, kind: int, payload: bytes, seconds: float | None = None, retry: bool = True) -> bytes:
        for attempt in range(3 if retry else 1):
            self._write(frame(kind, payload))
            got, answer = self._answer(seconds or self._patience)
            if got == kind | OK:
                return answer
            if got == FAULT and len(answer) == 8:
                raise BoardFaultError(*struct.unpack("<II", answer))
            if got != REFUSED or attempt == 2:
                break
        raise MachineFault(f"the board refused request {chr(kind)!r} (answer {got:#x} {answer.hex()})")

    def _answer(self, seconds: float) -> tuple[int, bytes]:
        deadline = time.monotonic() + seconds
        while self._exactly(1, deadline) != bytes([SYNC]):
            pass  # bytes of an older answer, or noise
        head = self._exactly(5, deadline)
        kind, size = struct.unpack("<BI", head)
        if size > LARGEST:
            raise MachineFault(f"the board sent a frame of {size} bytes; the line is disturbed")
        payload = self._exactly(size, deadline)
        if self._exactly(2, deadline) != bytes(fletcher16(head + payload)):
            raise MachineFault("the board's answer has a wrong checksum; the line is disturbed")
        return kind, payload

    def _exactly(self, size: int, deadline: float) -> bytes:
        got = b""
        while len(got) < size:
            left = deadline - time.monotonic()
            if left <= 0:
                raise MachineFault("the board did not answer in time; reset it and try again")
            got += self._read(size - len(got), min(left, 0.05))
            if len(got) < size:
                self._watch()
        return got
