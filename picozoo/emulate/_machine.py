"""What every emulator offers, and the counts it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

STACK_PATTERN = 0xC5  # painted into unused stack before a call; the lowest byte changed tells the stack's depth
STACK_LIMIT = 256 * 1024  # bytes below the top of RAM that are painted and searched
BUDGET = 4_000_000_000  # instructions (about) after which a call is taken to be running away


@dataclass(frozen=True)
class LayerCount:
    """Instructions run for one layer, its shared helpers included.

    Args:
        mix: instruction class -> times. A key that starts with "+" is an event that costs extra cycles (for example
            "+taken", a branch that was taken) and not an instruction; all other keys add up to `instructions`.
        cycles: exact cycles, only from an emulator that models them (simavr).
    """

    instructions: int
    mix: dict[str, int] = field(default_factory=dict)
    cycles: int | None = None


@dataclass(frozen=True)
class Counts:
    """What ran while counting was on. `None` means that this emulator cannot tell.

    Args:
        instructions: instructions run.
        cycles: exact cycles, only from an emulator that models them (simavr).
        layers: layer label -> its share. What ran for no layer is in the totals only.
        functions: function symbol -> instructions of its own code.
        mix: as in `LayerCount`, for everything that ran.
        unit: what `instructions` counts, "instructions" or "wasm fuel".
    """

    instructions: int | None
    cycles: int | None = None
    layers: dict[str, LayerCount] = field(default_factory=dict)
    functions: dict[str, int] = field(default_factory=dict)
    mix: dict[str, int] = field(default_factory=dict)
    unit: str = "instructions"


class Machine(Protocol):
    """A chip with an image loaded, emulated or real. Use it in a `with` block.

    Attributes:
        emulator: name and version, such as "unicorn 2.1.4".
        budget: instructions (roughly) that one call may run before it is stopped with MachineFault.
    """

    emulator: str
    budget: int

    def address(self, symbol: str) -> int:
        """Address of a symbol of the image. Raises UsageError if there is none."""
        ...

    def write(self, address: int, data: bytes) -> None:
        """Put bytes into RAM. Raises MachineFault where there is no memory."""
        ...

    def read(self, address: int, size: int) -> bytes:
        """Bytes of RAM or flash. Raises MachineFault where there is no memory."""
        ...

    def call(self, symbol: str, *args: int) -> int:
        """Call a C function with up to four integer or pointer arguments.

        Returns:
            The low 32 bits of the result register, as a signed number (no meaning for void functions).

        Raises:
            MachineFault: bad address, undefined instruction, or no return within the budget. The message names the
                function it happened in. The machine can be used again; RAM keeps what the call left in it.
        """
        ...

    def count(self, on: bool) -> None:
        """Start or stop counting. Off at first."""
        ...

    def counts(self) -> Counts:
        """Counts since they were reset."""
        ...

    def reset_counts(self) -> None:
        """Set all counts to zero."""
        ...

    def paint_stack(self) -> None:
        """Fill the unused stack with a pattern; do this before the call whose stack is wanted."""
        ...

    def stack_bytes(self) -> int | None:
        """Bytes of stack used at most since `paint_stack`, at least as deep as the pattern shows; None if unknown."""
        ...

    def close(self) -> None:
        """Free what the machine holds. It cannot be used after."""
        ...

    def __enter__(self) -> Machine: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
