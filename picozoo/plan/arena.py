"""Gives each storage a byte offset so that those alive together never overlap, and plans a whole program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from picozoo import ops
from picozoo.errors import UsageError
from picozoo.ir.program import Function, Node, Program
from picozoo.plan.storage import Shared, Storage, share
from picozoo.plan.timeline import key
from picozoo.specs import DTYPES, Target


@dataclass(frozen=True)
class Life:
    """Bytes (>= 0) and the first and last step (inclusive) that need them."""

    size: int
    first: int
    last: int
    label: str = ""


@dataclass(frozen=True)
class Placed:
    """Offsets in the order of the lives, and the bytes they need together."""

    offsets: tuple[int, ...]
    peak: int


def plan_arena(lives: Sequence[Life], *, align: int = 4) -> Placed:
    """Choose a byte offset for each life so that lives that share a step never overlap.

    Several orders are tried (largest first, longest first, by time) with the lowest free gap for each, and the
    smallest result kept. Not optimal; `plan.check` proves the answer safe.

    Args:
        lives: sizes in bytes.
        align: every offset is a multiple of this, a power of two.

    Raises:
        UsageError: a negative size, or steps in the wrong order.

    Source: the greedy by size of Pisarchyk and Lee, 2020, section 5. Differs: three orders, ties keep input order.

    Example:
        >>> plan_arena([Life(8, 0, 1), Life(8, 1, 2), Life(8, 2, 3)]).peak
        16
    """
    if any(v.size < 0 or v.first > v.last for v in lives):
        raise UsageError("plan_arena: sizes must be >= 0 and first <= last")
    orders: list[Callable[[int], tuple[int, ...]]] = [
        lambda i: (-lives[i].size, lives[i].first),
        lambda i: (lives[i].first - lives[i].last, -lives[i].size),
        lambda i: (lives[i].first, -lives[i].size),
        lambda i: (-lives[i].last, -lives[i].size),
    ]
    return min((_place(lives, sorted(range(len(lives)), key=o), align) for o in orders), key=lambda p: p.peak)


def _place(lives: Sequence[Life], order: Sequence[int], align: int) -> Placed:
    offsets = [0] * len(lives)
    done: list[int] = []
    for i in order:
        life, at = lives[i], 0
        if life.size == 0:
            continue
        clashes = sorted(
            (offsets[j], offsets[j] + lives[j].size)
            for j in done
            if lives[j].first <= life.last and life.first <= lives[j].last
        )
        for start, end in clashes:
            if at + life.size <= start:
                break
            at = max(at, -(-end // align) * align)
        offsets[i] = at
        done.append(i)
    return Placed(tuple(offsets), max((offsets[i] + lives[i].size for i in done), default=0))


def lower_bound(lives: Sequence[Life]) -> int:
    """Largest sum of sizes alive at one step: no placement can need less.

    Example:
        >>> lower_bound([Life(8, 0, 1), Life(4, 1, 2)])
        12
    """
    times = {v.first for v in lives}
    return max((sum(v.size for v in lives if v.first <= t <= v.last) for t in times), default=0)


@dataclass
class FunctionPlan:
    """Where everything of one public function lies. Offsets in bytes from the start of the arena."""

    shared: Shared
    lives: list[Life]
    placed: Placed
    offset_of: dict[int, int] = field(default_factory=dict)  # id(storage) -> offset
    scratch: dict[tuple[str, str], int] = field(default_factory=dict)  # (function, node) -> offset
    tensor_bound: int = 0


@dataclass
class Plan:
    """Memory of a whole program: one arena that all functions share, then the state."""

    arena: int
    state: int
    state_offset: dict[str, int]
    functions: dict[str, FunctionPlan]
    align: int

    def locate(self, function: str, k: tuple[str, str]) -> tuple[str, int]:
        """("arena" | "state", offset) of a value, or ("const", 0)."""
        storage = self.functions[function].shared.of[k]
        if storage.kind == "const":
            return "const", 0
        if storage.kind == "state":
            return "state", self.state_offset[storage.ref]
        return "arena", self.functions[function].offset_of[id(storage)]


def plan_program(program: Program, target: Target) -> Plan:
    """Plan every public function over one arena; `plan.check.check_plan` proves the result.

    The program must have passed `passes.prepare` (copies in place of results that are constants or inputs).
    """
    target = replace(target, align=alignment(program, target))
    state_offset, at = {}, 0
    for ref, t in program.state_types.items():
        state_offset[ref] = at
        at += -(-t.nbytes // target.align) * target.align
    functions = {f.name: _plan_function(program, f, target) for f in program.public()}
    arena = max((p.placed.peak for p in functions.values()), default=0)
    return Plan(-(-max(arena, 1) // target.align) * target.align, at, state_offset, functions, target.align)


def alignment(program: Program, target: Target) -> int:
    """The target's alignment, raised to the widest element of the program on chips that care at all."""
    types = [t for f in program.functions.values() for t in f.types.values()] + list(program.state_types.values())
    widest = max((DTYPES[t.dtype][2] for t in types), default=1)
    return target.align if target.align == 1 else max(target.align, widest)


def _plan_function(program: Program, function: Function, target: Target) -> FunctionPlan:
    """With and without writing small outputs over large inputs: either may need less; on a tie, with."""
    plans = [_plan_shared(program, share(program, function, shrinking=s), target) for s in (True, False)]
    return min(plans, key=lambda p: p.placed.peak)


def _plan_shared(program: Program, shared: Shared, target: Target) -> FunctionPlan:
    storages = [s for s in shared.storages() if s.kind == "arena"]
    lives = [Life(s.size, s.first, s.last, s.label()) for s in storages]
    bound = lower_bound(lives)
    scratch: list[tuple[str, str]] = []
    for step in shared.timeline.steps:
        size = scratch_bytes(program, step.function, step.node, target) if step.kind == "call" else 0
        if size:
            lives.append(Life(size, step.time, step.time, f"{step.node.name} (working memory)"))
            scratch.append((step.function.name, step.node.name))
    placed = plan_arena(lives, align=target.align)
    plan = FunctionPlan(shared, lives, placed, tensor_bound=bound)
    plan.offset_of = {id(s): o for s, o in zip(storages, placed.offsets, strict=False)}
    plan.scratch = dict(zip(scratch, placed.offsets[len(storages) :], strict=True))
    return plan


def scratch_bytes(program: Program, f: Function, node: Node, target: Target) -> int:
    """Working memory of one node on this target, in bytes."""
    return ops.get(node.op).scratch(program.in_types(f, node), program.out_types(f, node), node.attrs, target)


__all__ = [
    "FunctionPlan",
    "Life",
    "Placed",
    "Plan",
    "Storage",
    "key",
    "lower_bound",
    "plan_arena",
    "plan_program",
    "scratch_bytes",
]
