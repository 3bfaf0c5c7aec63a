"""Gives each storage a byte offset so that those alive together never overlap, and plans a whole program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from picozoo import ops
from picozoo.errors import UsageError
from picozoo.ir.program import Function, Node, Program
from picozoo.plan.pack import Body, Near, Packer, Search
from picozoo.plan.storage import Piece, Shared, Storage, share
from picozoo.plan.tied import tied
from picozoo.plan.timeline import Key, key
from picozoo.specs import DTYPES, Target, whole_name


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
        same: the output may begin exactly where the input does, or, of pieces of the two, `shift` bytes behind it.
    """

    lead: int | None = None
    lag: int | None = None
    same: bool = False
    shift: int = 0

    def together(self, x: int, y: int) -> int:
        """Bytes that an input of x and an output of y bytes need at the least."""
        found = [x + y]
        if self.lead is not None:
            found.append(max(x, y, self.lead + x))
        if self.lag is not None:
            found.append(max(x, y, self.lag + y))
        if self.same:
            found.append(max(x, self.shift + y) - min(0, self.shift))
        return min(found)


Overlaps = Mapping[tuple[int, int], Overlap]  # (input's life, output's life)
FEW = 100  # nodes of a function whose plans without pieces are looked at too
FREE = ((0, 2), (1, 2)) * 5  # tried in turn: first and last bands that may lie elsewhere; their windows are smaller
BANDS = 5  # of a layer, from which on that is tried
TRIES = 100  # orders of bodies to try each time where bands lie in one place
MANY = 20_000  # pairs of lives and overlaps to look at; with more, planning would take minutes


def plan_arena(
    lives: Sequence[Life],
    *,
    align: int = 4,
    overlaps: Overlaps | None = None,
    bodies: Sequence[Body] = (),
    search: Search | None = None,
) -> Placed:
    """Choose a byte offset for each life so that lives that share a step never overlap, but as `overlaps` allows.

    Several orders are tried (largest first, longest first, by time), with the lowest free gap for each or with the one
    that widens the arena least, and the smallest result kept. Not optimal; `plan.check` proves the answer safe.

    Args:
        lives: sizes in bytes.
        align: every offset is a multiple of this, a power of two.
        overlaps: pairs of an input and an output that share only the step that reads the one and makes the other.
        bodies: lives that are pieces of one thing, every life in one body; by default each alone.
        search: try further orders.

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
    wholes = [_whole(lives, body) for body in bodies or [((i, 0),) for i in range(len(lives))]]
    orders: list[Callable[[Life], tuple[int, ...]]] = [
        lambda v: (-v.size, v.first),
        lambda v: (v.first - v.last, -v.size),
        lambda v: (v.first, -v.size),
        lambda v: (-v.last, -v.size),
    ]
    sizes = [v.size for v in lives]
    packer = Packer(sizes, [body for _, body in wholes], meetings(lives, overlaps or {}), align)
    ways = (False, True) if overlaps else (False,)
    sequences = [sorted(range(len(wholes)), key=lambda k: o(wholes[k][0])) for o in orders]
    found = packer.best([(s, w) for s in sequences for w in ways], search)
    offsets = [0] * len(lives)
    for begin, (_, body) in zip(found[0], wholes, strict=True):
        for i, start in body:
            offsets[i] = begin + start
    return Placed(tuple(offsets), found[1])


def _whole(lives: Sequence[Life], body: Body) -> tuple[Life, Body]:
    """A body as if it were one life, and its pieces that have bytes."""
    real = tuple((i, at) for i, at in body if lives[i].size)
    first, last = min(lives[i].first for i, _ in body), max(lives[i].last for i, _ in body)
    return Life(max((at + lives[i].size for i, at in real), default=0), first, last), real


def meetings(lives: Sequence[Life], overlaps: Overlaps) -> list[list[Near]]:
    """Of each life the others that share a step with it, and how near to them it may begin."""
    first, last = np.array([v.first for v in lives], np.int64), np.array([v.last for v in lives], np.int64)
    size = np.array([v.size for v in lives], np.int64)
    found: list[list[Near]] = []
    for i, v in enumerate(lives):
        others = np.flatnonzero((first <= v.last) & (last >= v.first) & (size > 0)).tolist()
        found.append([(j, *_forbidden(lives, overlaps, i, j)) for j in others if j != i])
    return found


def _forbidden(lives: Sequence[Life], overlaps: Overlaps, i: int, j: int) -> tuple[int, int, int | None]:
    """Where life i must not begin if j begins at 0: above the first and below the second number, but for a third."""
    lo, hi = -lives[i].size, lives[j].size
    if (how := overlaps.get((j, i))) is not None:
        before, behind = how.lead, how.lag
    elif (how := overlaps.get((i, j))) is not None:
        before, behind = how.lag, how.lead
    else:
        return lo, hi, None
    lo = lo if before is None else max(lo, -before)
    hi = hi if behind is None else min(hi, behind)
    return lo, hi, (how.shift if (j, i) in overlaps else -how.shift) if how.same else None


def lower_bound(lives: Sequence[Life], overlaps: Overlaps | None = None) -> int:
    """Largest sum of sizes alive at one step, less what may overlap there: no placement can need less.

    Example:
        >>> lower_bound([Life(8, 0, 1), Life(4, 1, 2)])
        12
        >>> lower_bound([Life(8, 0, 1), Life(4, 1, 2)], {(0, 1): Overlap(0)})
        8
    """
    return max(needed(lives, overlaps).values(), default=0)


def needed(lives: Sequence[Life], overlaps: Overlaps | None = None) -> dict[int, int]:
    """The sum behind `lower_bound` at every step at which a life begins or has just ended, in order."""
    saved: dict[int, int] = {}
    dying: dict[int, set[int]] = {}
    for (x, y), how in (overlaps or {}).items():
        both, t = lives[x].size + lives[y].size, lives[y].first
        saved[t] = saved.get(t, 0) + both - how.together(lives[x].size, lives[y].size)
        dying.setdefault(t, set()).add(x)
    for t, ends in dying.items():  # pieces may have several partners
        saved[t] = min(saved[t], sum(lives[x].size for x in ends))
    change: dict[int, int] = {}
    for v in lives:
        change[v.first] = change.get(v.first, 0) + v.size
        change[v.last + 1] = change.get(v.last + 1, 0) - v.size
    alive, found = 0, {}
    for t in sorted(change):
        alive += change[t]
        found[t] = alive - saved.get(t, 0)
    return found


@dataclass
class FunctionPlan:
    """Where everything of one public function lies. Offsets in bytes from the start of the arena."""

    shared: Shared
    lives: list[Life]
    placed: Placed
    offset_of: dict[int, int] = field(default_factory=dict)  # id(storage) -> offset
    scratch: dict[tuple[str, str], int] = field(default_factory=dict)  # (function, node) -> offset
    tensor_bound: int = 0
    needs: dict[int, int] = field(default_factory=dict)  # step -> bytes that it needs in any plan, by `needed`

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
        return "arena", self.functions[function].offset_of[id(storage)] + storage.at.get(k, 0)


def plan_program(program: Program, target: Target, *, quick: bool = False) -> Plan:
    """Plan every public function over one arena; `plan.check.check_plan` proves the result.

    The program must have passed `passes.prepare` (copies in place of results that are constants or inputs).

    Args:
        quick: only to see what it needs: with overlaps that it could do without.
    """
    target = replace(target, align=alignment(program, target))
    state_offset, at = {}, 0
    for ref, t in program.state_types.items():
        state_offset[ref] = at
        at += -(-t.nbytes // target.align) * target.align
    functions = {f.name: _plan_function(program, f, target, quick) for f in program.public()}
    arena = max((p.placed.peak for p in functions.values()), default=0)
    return Plan(-(-max(arena, 1) // target.align) * target.align, at, state_offset, functions, target.align)


def alignment(program: Program, target: Target) -> int:
    """The target's alignment, raised to the widest element of the program on chips that care at all."""
    types = [t for f in program.functions.values() for t in f.types.values()] + list(program.state_types.values())
    widest = max((DTYPES[t.dtype][2] for t in types), default=1)
    return target.align if target.align == 1 else max(target.align, widest)


def _plan_function(program: Program, function: Function, target: Target, quick: bool) -> FunctionPlan:
    """With and without writing small outputs over large inputs: either may need less; on a tie, with.

    Just so with and without pieces in their wholes.
    """
    few = len(function.nodes) <= FEW
    ways = [
        share(program, function, shrinking=s, pieces=target.align)
        for s in (True, False)[: 1 if quick and not few else 2]
    ]
    if few and any(s.pieces for s in ways[0].storages()):
        ways += [share(program, function, shrinking=s) for s in (True, False)]
    plans = [_plan_shared(program, s, target, quick) for s in ways]
    best = min(plans, key=lambda p: p.placed.peak)
    best.tensor_bound = min(p.tensor_bound for p in plans)
    return best if quick else _tied(program, ways[0], best, target)


def _tied(program: Program, shared: Shared, best: FunctionPlan, target: Target) -> FunctionPlan:
    """The smallest plan in which bands of a layer lie in one place, if it needs no more than the best one."""
    steps = [s.node.name.partition("~") for s in best.shared.timeline.steps]
    bands = Counter(layer for layer, _, band in steps if band.isdigit())
    if max(bands.values(), default=0) < BANDS:
        return best
    bound, least = best.tensor_bound, best.placed.peak
    for seed, free in enumerate(FREE):
        plan = _plan_shared(program, shared, target, True, (free, seed), 0)
        if plan.placed.peak <= least:
            best, least = plan, plan.placed.peak - 1
    best.tensor_bound = bound
    return best


def _plan_shared(
    program: Program,
    shared: Shared,
    target: Target,
    quick: bool,
    tie: tuple[tuple[int, int], int] | None = None,
    goal: int = 0,
) -> FunctionPlan:
    """The plan of what shares storage so.

    Args:
        tie: put the bands of a layer in one place, but for so many first and last ones; and a seed.
        goal: with `tie`, bytes that are good enough.
    """
    storages = [s for s in shared.storages() if s.kind == "arena"]
    lives, bodies = _bodies(storages)
    overlaps = _overlaps(program, shared, storages, bodies, target)
    bound = lower_bound(lives, overlaps)
    names = [_layer(program, shared, s) for s in storages]
    scratch: list[tuple[str, str]] = []
    for step in shared.timeline.steps:
        size = scratch_bytes(program, step.function, step.node, target) if step.kind == "call" else 0
        if size:
            bodies.append(((len(lives), 0),))
            lives.append(Life(size, step.time, step.time, f"{step.node.name} (working memory)"))
            scratch.append((step.function.name, step.node.name))
            names.append(f"{whole_name(step.node.name)} (working memory)" if "~" in step.node.name else "")
    tensors = len(lives) - len(scratch)
    if tie is None:
        placed = _fewest(lives, target.align, overlaps, bodies, 0 if quick else MANY)
    else:
        together = tied(bodies, names, lives, meetings(lives, overlaps), target.align, tie[0])
        search = Search(TRIES, goal, tie[1])
        placed = plan_arena(lives, align=target.align, overlaps=overlaps, bodies=together, search=search)
    plan = FunctionPlan(shared, lives, placed, tensor_bound=bound, needs=needed(lives, overlaps))
    plan.offset_of = {id(s): placed.offsets[b[0][0]] - b[0][1] for s, b in zip(storages, bodies, strict=False)}
    plan.scratch = dict(zip(scratch, placed.offsets[tensors:], strict=True))
    return plan


def _layer(program: Program, shared: Shared, s: Storage) -> str:
    """The layer whose bands lie in a storage; "" if it holds something else."""
    made = shared.timeline.made
    whole = [k for k in s.members if program.type_of(program.functions.get(k[0]), k[1]).nbytes == s.size]
    name = max(whole, key=lambda k: made.get(k, 0))[1][1:]
    layer, _, band = name.partition("~")
    return (f"{layer} (input)" if band.startswith("input") else whole_name(name)) if band else ""


def guess(program: Program, function: Function, target: Target) -> int:
    """A little less than what the plan of a function will need, found in a fraction of the time."""
    target = replace(target, align=alignment(program, target))
    shared = share(program, function, pieces=target.align)
    storages = [s for s in shared.storages() if s.kind == "arena"]
    lives, bodies = _bodies(storages)
    overlaps = _overlaps(program, shared, storages, bodies, target)
    for step in shared.timeline.steps:
        if step.kind == "call":
            lives.append(Life(scratch_bytes(program, step.function, step.node, target), step.time, step.time))
    return lower_bound(lives, overlaps)


def _bodies(storages: Sequence[Storage]) -> tuple[list[Life], list[Body]]:
    """The lives of all storages, piece by piece, and which of them are one storage."""
    lives: list[Life] = []
    bodies: list[Body] = []
    for s in storages:
        pieces = s.pieces or [Piece(0, s.size, s.first, s.last)]
        bodies.append(tuple((len(lives) + k, p.start) for k, p in enumerate(pieces)))
        lives += [Life(p.stop - p.start, p.first, p.last, s.label()) for p in pieces]
    return lives, bodies


def _fewest(lives: Sequence[Life], align: int, overlaps: Overlaps, bodies: Sequence[Body], most: int) -> Placed:
    """The smallest placement, without the overlaps that it can do without: those may cost a few instructions.

    `most`: lives times overlaps up to which it is tried.
    """
    best = plan_arena(lives, align=align, overlaps=overlaps, bodies=bodies)
    if len(lives) * len(overlaps) > most:
        return best
    kept = dict(overlaps)
    for forward in (False, True):
        for pair in kept:
            fewer = {**kept, pair: replace(kept[pair], lead=kept[pair].lead if forward else None, lag=None)}
            if fewer == kept:
                continue
            placed = plan_arena(lives, align=align, overlaps=fewer, bodies=bodies)
            if placed.peak <= best.peak:
                best, kept = placed, fewer
    return best


def _overlaps(
    program: Program, shared: Shared, storages: Sequence[Storage], bodies: Sequence[Body], target: Target
) -> dict[tuple[int, int], Overlap]:
    """Which outputs may lie over the input that dies where they are made, piece by piece."""
    index = {id(s): i for i, s in enumerate(storages)}
    found: dict[tuple[int, int], Overlap] = {}
    for step in shared.timeline.steps:
        if step.kind != "call" or not step.node.inputs or not step.node.outputs:
            continue
        f, node = step.function, step.node
        read = [shared.of[key(f, r)] for r in node.inputs]
        x, y = read[0], shared.of[key(f, node.outputs[0])]
        if x is y or id(x) not in index or id(y) not in index or read.count(x) > 1:
            continue
        ends = [p for p in _within(x, bodies[index[id(x)]], key(f, node.inputs[0]), program) if p[2] == step.time]
        begins = [p for p in _within(y, bodies[index[id(y)]], key(f, node.outputs[0]), program) if p[1] == step.time]
        if not ends or not begins:
            continue
        ins, outs = program.in_types(f, node), program.out_types(f, node)
        op = ops.get(node.op)
        walks = op.walks(ins, outs, node.attrs, target.at(node.name))
        same = (0, 0) in op.inplace_pairs(ins, outs, node.attrs)
        if walks or same:
            lead, lag = (walks[0].lead if walks else None), (walks[1].lag if len(walks) > 1 else None)
            for i, _, _, before in ends:
                for j, _, _, behind in begins:
                    by = behind - before
                    moved = Overlap(None if lead is None else lead - by, None if lag is None else lag + by, same, by)
                    found[i, j] = moved
    return found


def _within(s: Storage, body: Body, k: Key, program: Program) -> list[tuple[int, int, int, int]]:
    """Pieces of a storage that are all part of a value: life, first and last step, and how far from its begin."""
    if not s.pieces:
        return [(body[0][0], s.first, s.last, 0)]
    at = s.at.get(k, 0)
    stop = at + program.type_of(program.functions.get(k[0]), k[1]).nbytes
    return [
        (i, p.first, p.last, p.start - at)
        for (i, _), p in zip(body, s.pieces, strict=True)
        if at <= p.start and p.stop <= stop
    ]


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
    "guess",
    "key",
    "lower_bound",
    "plan_arena",
    "plan_program",
    "scratch_bytes",
]
