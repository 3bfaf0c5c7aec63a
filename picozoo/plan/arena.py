"""Gives each storage a byte offset so that those alive together never overlap, and plans a whole program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


@dataclass(frozen=True)
class Overlap:
    """An input that dies at the step that makes an output, and how the two may share memory.

    Args:
        lead: the output may begin at least so many bytes before the input (or, below zero, so many behind it) and
            then lie over it; None if it may not. See `ops._walk`.
        lag: the same for bytes behind the input, where the kernel can go backward.
        same: the output may begin exactly where the input does.
    """

    lead: int | None = None
    lag: int | None = None
    same: bool = False

    def together(self, x: int, y: int) -> int:
        """Bytes that an input of x and an output of y bytes need at the least."""
        found = [x + y]
        if self.lead is not None:
            found.append(max(x, y, self.lead + x))
        if self.lag is not None:
            found.append(max(x, y, self.lag + y))
        if self.same:
            found.append(max(x, y))
        return min(found)


Overlaps = Mapping[tuple[int, int], Overlap]  # (input's life, output's life)


def plan_arena(lives: Sequence[Life], *, align: int = 4, overlaps: Overlaps | None = None) -> Placed:
    """Choose a byte offset for each life so that lives that share a step never overlap, but as `overlaps` allows.

    Several orders are tried (largest first, longest first, by time), with the lowest free gap for each or with the one
    that widens the arena least, and the smallest result kept. Not optimal; `plan.check` proves the answer safe.

    Args:
        lives: sizes in bytes.
        align: every offset is a multiple of this, a power of two.
        overlaps: pairs of an input and an output that share only the step that reads the one and makes the other.

    Raises:
        UsageError: a negative size, or steps in the wrong order.

    Source: the greedy by size of Pisarchyk and Lee, 2020, section 5. Differs: several orders, ties keep input order,
    overlaps.

    Example:
        >>> plan_arena([Life(8, 0, 1), Life(8, 1, 2), Life(8, 2, 3)]).peak
        16
        >>> plan_arena([Life(8, 0, 1), Life(12, 1, 2)], overlaps={(0, 1): Overlap(4)}).peak
        12
    """
    if any(v.size < 0 or v.first > v.last for v in lives):
        raise UsageError("plan_arena: sizes must be >= 0 and first <= last")
    orders: list[Callable[[int], tuple[int, ...]]] = [
        lambda i: (-lives[i].size, lives[i].first),
        lambda i: (lives[i].first - lives[i].last, -lives[i].size),
        lambda i: (lives[i].first, -lives[i].size),
        lambda i: (-lives[i].last, -lives[i].size),
    ]
    shared = overlaps or {}
    ways = (False, True) if shared else (False,)
    made = (_place(lives, sorted(range(len(lives)), key=o), align, shared, w) for o in orders for w in ways)
    return min(made, key=lambda p: p.peak)


def _place(lives: Sequence[Life], order: Sequence[int], align: int, overlaps: Overlaps, below: bool) -> Placed:
    """One life after the other; with `below` also under what lies there already, all moved up in the end."""
    offsets = [0] * len(lives)
    done: list[int] = []
    low = high = 0
    for i in order:
        life = lives[i]
        if life.size == 0:
            continue
        gaps = [_forbidden(lives, overlaps, i, j, offsets[j]) for j in done if _meet(lives[j], life)]
        free = {0, *(-(-hi // align) * align for _, hi, _ in gaps), *(at for _, _, at in gaps if at is not None)}
        if below:
            free |= {lo // align * align for lo, _, _ in gaps}
        fits = [at for at in free if (below or at >= 0) and all(at <= lo or at >= hi or at == v for lo, hi, v in gaps)]
        at = min(fits, key=lambda v: (max(high, v + life.size) - min(low, v), v)) if below else min(fits)
        offsets[i], low, high = at, min(low, at), max(high, at + life.size)
        done.append(i)
    return Placed(tuple(v - low if lives[i].size else 0 for i, v in enumerate(offsets)), high - low)


def _meet(a: Life, b: Life) -> bool:
    return a.first <= b.last and b.first <= a.last


def _forbidden(lives: Sequence[Life], overlaps: Overlaps, i: int, j: int, at: int) -> tuple[int, int, int | None]:
    """Where life i must not begin if j begins at `at`: above the first and below the second number, but for a third."""
    lo, hi = at - lives[i].size, at + lives[j].size
    if (how := overlaps.get((j, i))) is not None:
        before, behind = how.lead, how.lag
    elif (how := overlaps.get((i, j))) is not None:
        before, behind = how.lag, how.lead
    else:
        return lo, hi, None
    lo = lo if before is None else max(lo, at - before)
    hi = hi if behind is None else min(hi, at + behind)
    return lo, hi, at if how.same else None


def lower_bound(lives: Sequence[Life], overlaps: Overlaps | None = None) -> int:
    """Largest sum of sizes alive at one step, less what may overlap there: no placement can need less.

    Example:
        >>> lower_bound([Life(8, 0, 1), Life(4, 1, 2)])
        12
        >>> lower_bound([Life(8, 0, 1), Life(4, 1, 2)], {(0, 1): Overlap(0)})
        8
    """
    saved: dict[int, int] = {}
    for (x, y), how in (overlaps or {}).items():
        both = lives[x].size + lives[y].size
        saved[lives[y].first] = saved.get(lives[y].first, 0) + both - how.together(lives[x].size, lives[y].size)
    times = {v.first for v in lives}
    return max((sum(v.size for v in lives if v.first <= t <= v.last) - saved.get(t, 0) for t in times), default=0)


@dataclass
class FunctionPlan:
    """Where everything of one public function lies. Offsets in bytes from the start of the arena."""

    shared: Shared
    lives: list[Life]
    placed: Placed
    offset_of: dict[int, int] = field(default_factory=dict)  # id(storage) -> offset
    scratch: dict[tuple[str, str], int] = field(default_factory=dict)  # (function, node) -> offset
    tensor_bound: int = 0

    def used(self, time: int) -> int:
        """Bytes of the arena taken at a step; where an output lies over its input, they count once."""
        alive = (k for k, v in enumerate(self.lives) if v.first <= time <= v.last)
        taken, end = 0, 0
        for start, size in sorted((self.placed.offsets[k], self.lives[k].size) for k in alive):
            taken += max(0, start + size - max(start, end))
            end = max(end, start + size)
        return taken


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
    best = min(plans, key=lambda p: p.placed.peak)
    best.tensor_bound = min(p.tensor_bound for p in plans)
    return best


def _plan_shared(program: Program, shared: Shared, target: Target) -> FunctionPlan:
    storages = [s for s in shared.storages() if s.kind == "arena"]
    lives = [Life(s.size, s.first, s.last, s.label()) for s in storages]
    overlaps = _overlaps(program, shared, storages, target)
    bound = lower_bound(lives, overlaps)
    scratch: list[tuple[str, str]] = []
    for step in shared.timeline.steps:
        size = scratch_bytes(program, step.function, step.node, target) if step.kind == "call" else 0
        if size:
            lives.append(Life(size, step.time, step.time, f"{step.node.name} (working memory)"))
            scratch.append((step.function.name, step.node.name))
    placed = _fewest(lives, target.align, overlaps)
    plan = FunctionPlan(shared, lives, placed, tensor_bound=bound)
    plan.offset_of = {id(s): o for s, o in zip(storages, placed.offsets, strict=False)}
    plan.scratch = dict(zip(scratch, placed.offsets[len(storages) :], strict=True))
    return plan


def _fewest(lives: Sequence[Life], align: int, overlaps: Overlaps) -> Placed:
    """The smallest placement, without the overlaps that it can do without: those may cost a few instructions."""
    best = plan_arena(lives, align=align, overlaps=overlaps)
    kept = dict(overlaps)
    for change in (lambda how: Overlap(None, None, how.same), lambda how: replace(how, lag=None)):
        for pair in kept:
            fewer = {**kept, pair: change(kept[pair])}
            if fewer == kept:
                continue
            placed = plan_arena(lives, align=align, overlaps=fewer)
            if placed.peak <= best.peak:
                best, kept = placed, fewer
    return best


def _overlaps(
    program: Program, shared: Shared, storages: Sequence[Storage], target: Target
) -> dict[tuple[int, int], Overlap]:
    """Which outputs may lie over the input that dies where they are made."""
    index = {id(s): i for i, s in enumerate(storages)}
    found: dict[tuple[int, int], Overlap] = {}
    for step in shared.timeline.steps:
        if step.kind != "call" or not step.node.inputs or not step.node.outputs:
            continue
        f, node = step.function, step.node
        read = [shared.of[key(f, r)] for r in node.inputs]
        x, y = read[0], shared.of[key(f, node.outputs[0])]
        dies = id(x) in index and x.last == step.time and read.count(x) == 1
        if x is y or not dies or id(y) not in index or y.first != step.time:
            continue
        ins, outs = program.in_types(f, node), program.out_types(f, node)
        op = ops.get(node.op)
        walks = op.walks(ins, outs, node.attrs, target.at(node.name))
        same = (0, 0) in op.inplace_pairs(ins, outs, node.attrs)
        if walks or same:
            lead, lag = (walks[0].lead if walks else None), (walks[1].lag if len(walks) > 1 else None)
            found[index[id(x)], index[id(y)]] = Overlap(lead, lag, same)
    return found


def scratch_bytes(program: Program, f: Function, node: Node, target: Target) -> int:
    """Working memory of one node on this target, in bytes."""
    ins, outs = program.in_types(f, node), program.out_types(f, node)
    return ops.get(node.op).scratch(ins, outs, node.attrs, target.at(node.name))


__all__ = [
    "FunctionPlan",
    "Life",
    "Overlap",
    "Placed",
    "Plan",
    "Storage",
    "key",
    "lower_bound",
    "plan_arena",
    "plan_program",
    "scratch_bytes",
]
