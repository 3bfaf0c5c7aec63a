"""Block counts from native code, turned into instruction counts and mixes per layer and function."""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from picozoo.emulate._layers import DRIVER, FIRST_LAYER, LayerMap
from picozoo.emulate._machine import Counts, LayerCount
from picozoo.errors import MachineFault

SLOTS = 1 << 16


class CBlock(ctypes.Structure):
    """pz_block of harness/pz_blocks.h."""

    _fields_ = (
        ("address", ctypes.c_uint64),
        ("size", ctypes.c_uint32),
        ("layer", ctypes.c_uint32),
        ("count", ctypes.c_uint64),
        ("taken", ctypes.c_uint64),
    )


class CBlocks(ctypes.Structure):
    """pz_blocks of harness/pz_blocks.h."""

    _fields_ = (
        ("table", ctypes.POINTER(CBlock)),
        ("slots", ctypes.c_uint64),
        ("used", ctypes.c_uint64),
        ("kind_of", ctypes.c_void_p),
        ("base", ctypes.c_uint64),
        ("end", ctypes.c_uint64),
        ("last", ctypes.c_void_p),
        ("steps", ctypes.c_uint64),
        ("budget", ctypes.c_uint64),
        ("layer", ctypes.c_uint32),
        ("counting", ctypes.c_uint32),
        ("full", ctypes.c_uint32),
        ("stopped", ctypes.c_uint32),
    )


@dataclass(frozen=True)
class Block:
    """One basic block as it ran for one layer: times run, and times it ended in a jump."""

    address: int
    size: int
    layer: int
    count: int
    taken: int


@dataclass(frozen=True)
class Decoded:
    """Instructions of a block by class, "+" events included, and the class of its last one."""

    instructions: int
    mix: dict[str, int]
    last: str = ""


class BlockTable:
    """The native table's memory, and how to read it."""

    def __init__(self, blocks: CBlocks, layers: LayerMap) -> None:
        self._memory = (CBlock * SLOTS)()
        self._kinds = layers.kinds
        self.c = blocks
        blocks.table = ctypes.cast(self._memory, ctypes.POINTER(CBlock))
        blocks.slots = SLOTS
        blocks.kind_of = self._kinds.ctypes.data
        blocks.base, blocks.end = layers.base, layers.end
        blocks.layer = DRIVER

    def start(self, budget_bytes: int) -> None:
        """Before a call: no layer runs, nothing ran before, the whole budget is left."""
        self.c.layer, self.c.last, self.c.steps, self.c.stopped = DRIVER, None, 0, 0
        self.c.budget = budget_bytes

    def reset(self) -> None:
        """All counts to zero."""
        ctypes.memset(self._memory, 0, ctypes.sizeof(self._memory))
        self.c.used, self.c.full, self.c.last = 0, 0, None

    def blocks(self) -> list[Block]:
        """Every block that ran. Raises MachineFault if the table was too small to be exact."""
        if self.c.full:
            raise MachineFault(f"the program has more than {SLOTS * 3 // 4} basic blocks; count fewer calls at a time")
        if self.c.used == 0:
            return []
        rows = self._memory
        return [Block(r.address, r.size, r.layer, r.count, r.taken) for r in rows if r.size]


def account(
    blocks: Iterable[Block],
    decode: Callable[[int, int], Decoded],
    function_at: Callable[[int], str | None],
    labels: list[str],
) -> Counts:
    """Add up blocks x instructions.

    Args:
        decode: (address, bytes) -> instructions of that block.
        function_at: address -> function symbol.
        labels: layer labels, number k in `Block.layer` is labels[k - 2].
    """
    total: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    layers: dict[int, Counter[str]] = {}
    instructions: Counter[int] = Counter()
    for block in blocks:
        decoded = decode(block.address, block.size)
        own = layers.setdefault(block.layer, Counter())
        for name, times in decoded.mix.items():
            own[name] += times * block.count
        if block.taken and decoded.last != "loop":
            own["+taken"] += block.taken
        instructions[block.layer] += decoded.instructions * block.count
        functions[function_at(block.address) or "?"] += decoded.instructions * block.count
    for mix in layers.values():
        total.update(mix)
    numbers = [k for k in sorted(layers) if k >= FIRST_LAYER]
    named = {labels[k - FIRST_LAYER]: LayerCount(instructions[k], dict(layers[k])) for k in numbers}
    return Counts(sum(instructions.values()), None, named, dict(functions), dict(total))
