"""Decides which values share one piece of storage: views, states updated in place, loop variables, in-place operators.

A class of values that share storage is found by joining, most valuable joins first:

1. views: a reshape is its input;
2. loops: a carried value is one storage for the loop's input, its regions' parameters and its output; that of a state,
   or of a loop round this one, where the output is its next value and nothing reads the old one later;
3. updates: the new value of a state is computed into the state itself where nothing reads the old one later;
4. loop results: the body's new value is computed into the carried storage under the same condition;
5. loop inputs: the carried storage is the initial value's own where that dies at the loop;
6. pieces: a slice that lies in one piece is part of what it is taken from, and what is joined is made in its place;
7. in place: an operator writes over an input that dies there.

What cannot be joined is copied at the function's end or the loop's begin and end; the plan lists those copies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from picozoo import ops
from picozoo.ir.program import Function, Program
from picozoo.plan.timeline import Key, Loop, Step, Timeline, flatten, key
from picozoo.specs import TensorType


@dataclass(frozen=True)
class Piece:
    """Bytes `start` up to `stop` of a storage, and the first and last step (inclusive) that need them."""

    start: int
    stop: int
    first: int
    last: int


@dataclass
class Storage:
    """A class of values in one place. `kind`: "arena", "state" or "const"; times are inclusive.

    `at`: where a value begins that is a piece of the whole, in bytes; `pieces`, if there are any such: what is needed
    for how long.
    """

    kind: str
    members: list[Key]
    size: int
    first: int
    last: int
    ref: str = ""  # the state or constant
    at: dict[Key, int] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)

    def label(self) -> str:
        """Its first value's name, for reports."""
        return self.members[0][1].lstrip("%@$")


@dataclass
class Shared:
    """Result of the joins for one public function."""

    timeline: Timeline
    of: dict[Key, Storage] = field(default_factory=dict)
    update_copies: list[tuple[str, Key]] = field(default_factory=list)
    loop_in: dict[Key, list[tuple[Key, Key]]] = field(default_factory=dict)  # (function, node) -> (from, to)
    loop_out: dict[Key, list[tuple[Key, Key]]] = field(default_factory=dict)

    def storages(self) -> list[Storage]:
        """Every storage once, in the order of first use."""
        seen: dict[int, Storage] = {id(s): s for s in self.of.values()}
        return sorted(seen.values(), key=lambda s: (s.first, s.members[0]))


class _Joiner:
    def __init__(self, program: Program, function: Function, shrinking: bool, pieces: int) -> None:
        self.program, self.function, self.shrinking, self.align = program, function, shrinking, pieces
        self.t = flatten(program, function)
        self.shared = Shared(self.t)
        self.of = self.shared.of
        self.times: dict[Key, tuple[int, int]] = {}

    def type_of(self, k: Key) -> TensorType:
        return self.program.type_of(self.program.functions.get(k[0]), k[1])

    def place(self, k: Key) -> Storage:
        if k not in self.of:
            kind = {"@": "const", "$": "state"}.get(k[1][0], "arena")
            times = [self.t.made.get(k, 0), *self.t.reads.get(k, [])]
            ref = k[1] if kind != "arena" else ""
            self.times[k] = min(times), max(times)
            self.of[k] = Storage(kind, [k], self.type_of(k).nbytes, *self.times[k], ref)
        return self.of[k]

    def join(self, into: Storage, other: Storage) -> None:
        if into is other:
            return
        into.members += other.members
        into.size = max(into.size, other.size)
        into.first, into.last = min(into.first, other.first), max(into.last, other.last)
        for k in other.members:
            self.of[k] = into

    # -- the joins, in order ------------------------------------------------------------------------------------
    def run(self) -> Shared:
        for p in self.function.params:
            self.place(key(self.function, p))
        for step in self.t.steps:
            for ref in (*step.node.inputs, *step.node.outputs):
                self.place(key(step.function, ref))
        for ref in (*self.function.results, *self.function.updates.values(), *self.function.updates):
            self.place(key(self.function, ref))
        for loop in self.t.loops:
            self._loop_storage(loop)
        for loop in self.t.loops:
            self._loop_through(loop)
        for step in self.t.steps:
            if step.kind == "call" and step.node.op == "reshape":
                self.join(
                    self.place(key(step.function, step.node.inputs[0])),
                    self.place(key(step.function, step.node.outputs[0])),
                )
        for state, ref in self.function.updates.items():
            self._update(state, key(self.function, ref))
        for loop in self.t.loops:
            self._loop_results(loop)
        for loop in self.t.loops:
            self._loop_inputs(loop)
        if self.align and not self.t.loops:
            for step in self.t.steps:
                self._pieces(step)
        for step in self.t.steps:
            if step.kind == "call":
                self._inplace(step)
        for storage in self.shared.storages():
            self._cut(storage)
        return self.shared

    def _loop_storage(self, loop: Loop) -> None:
        for k, ref in enumerate(loop.node.inputs):
            if k < loop.carried:
                home = self.place(key(loop.function, loop.node.outputs[k]))
                home.last = max(home.last, loop.end)
            else:
                home = self.place(key(loop.function, ref))
            for region in (loop.cond, loop.body):
                self.join(home, self.place(key(region, region.params[k])))

    def _loop_through(self, loop: Loop) -> None:
        """Let a loop work in what takes its result, if it starts with it: a state, or what a loop round it carries."""
        around = next((o for o in self.t.loops if o.body is loop.function), None)
        for ref, out in zip(loop.node.inputs, loop.node.outputs, strict=False):
            start, home = self.of[key(loop.function, ref)], self.of[key(loop.function, out)]
            if ref[0] == "$":
                next_ = self.function.updates.get(ref) if loop.function is self.function else None
            else:
                next_ = dict(zip(around.body.params, around.body.results, strict=False)).get(ref) if around else None
            # from the end of the loop round it on, what is read there is the new value
            until = around.end if around else self.t.end + 1
            read = any(loop.begin < r < until for k in start.members for r in self.t.reads.get(k, []))
            alone = sum(self.of[key(loop.function, r)] is start for r in loop.node.inputs) == 1
            if next_ == out and alone and not read:
                self.join(start, home)

    def _reads_after(self, storage: Storage, time: int, allowed: set[int] | None = None) -> bool:
        """Is any member read at or after `time`, apart from the times in `allowed`?"""
        return any(r >= time and r not in (allowed or ()) for k in storage.members for r in self.t.reads.get(k, []))

    def _may_overwrite(self, step: Step, value: Key, old: Storage) -> bool:
        """May `step` write `value` into the storage of `old`, if nothing needs `old` after the step?"""
        sources = [i for i, r in enumerate(step.node.inputs) if self.of[key(step.function, r)] is old]
        if not sources:
            return True
        ins = self.program.in_types(step.function, step.node)
        outs = self.program.out_types(step.function, step.node)
        pairs = ops.get(step.node.op).inplace_pairs(ins, outs, step.node.attrs)
        out = step.node.outputs.index(value[1])
        return len(sources) == 1 and (out, sources[0]) in pairs

    def _fresh(self, k: Key) -> Step | None:
        """The step that makes `k`, if the value has a storage of its own that starts there."""
        step, storage = self.t.producer.get(k), self.of[k]
        if step is None or storage.kind != "arena" or storage.first != step.time:
            return None
        return step

    def _update(self, state: str, value: Key) -> None:
        old, new = self.place(("", state)), self.of[value]
        if new is old:
            return
        step = self._fresh(value)
        if step and not self._reads_after(old, step.time, {step.time}) and self._may_overwrite(step, value, old):
            self.join(old, new)
        else:
            self.shared.update_copies.append((state, value))

    def _loop_results(self, loop: Loop) -> None:
        copies = self.shared.loop_out.setdefault((loop.function.name, loop.node.name), [])
        for k, ref in enumerate(loop.body.results):
            value, home = key(loop.body, ref), self.of[key(loop.body, loop.body.params[k])]
            if self.of[value] is home:
                continue
            step = self._fresh(value)
            old_reads = {loop.end, loop.begin} | {step.time if step else -1}
            inside = [
                r
                for m in home.members
                for r in self.t.reads.get(m, [])
                if loop.begin < r < loop.end and r not in old_reads
            ]
            if (
                step
                and loop.begin < step.time < loop.end
                and all(r < step.time for r in inside)
                and self._may_overwrite(step, value, home)
            ):
                self.join(home, self.of[value])
            else:
                copies.append((value, key(loop.body, loop.body.params[k])))

    def _loop_inputs(self, loop: Loop) -> None:
        copies = self.shared.loop_in.setdefault((loop.function.name, loop.node.name), [])
        for k, ref in enumerate(loop.node.inputs[: loop.carried]):
            start, home = self.of[key(loop.function, ref)], self.of[key(loop.function, loop.node.outputs[k])]
            if start is home:
                continue
            alone = sum(self.of[key(loop.function, r)] is start for r in loop.node.inputs) == 1
            if start.kind == "arena" and home.kind == "arena" and alone and start.last <= loop.begin:
                self.join(start, home)
            else:
                copies.append((key(loop.function, ref), key(loop.function, loop.node.outputs[k])))

    def _pieces(self, step: Step) -> None:
        """Put a piece where the whole has it, if the piece has a storage of its own."""
        ins, outs = self.program.in_types(step.function, step.node), self.program.out_types(step.function, step.node)
        read = [self.of[key(step.function, r)] for r in step.node.inputs]
        for out, i, behind in ops.get(step.node.op).views(ins, outs, step.node.attrs):
            if read.count(read[i]) > 1:
                continue
            x, y = key(step.function, step.node.inputs[i]), key(step.function, step.node.outputs[out])
            if behind >= 0 and outs[out].nbytes <= ins[i].nbytes:
                self._put(self.of[y], self.of[x], self.of[x].at.get(x, 0) + behind)
            elif self.of[x].first > 0:  # callers write inputs, where they lie apart
                self._put(self.of[x], self.of[y], self.of[y].at.get(y, 0) - behind)

    def _put(self, piece: Storage, whole: Storage, at: int) -> None:
        alone = piece is not whole and not piece.at and all(self.type_of(k).nbytes == piece.size for k in piece.members)
        if not alone or piece.kind != "arena" or whole.kind != "arena" or at % self.align or not piece.size:
            return
        whole.at.update(dict.fromkeys(piece.members, at))
        self.join(whole, piece)

    def _cut(self, storage: Storage) -> None:
        """For how long each byte of a storage with pieces is needed."""
        if not storage.at:
            return
        spans = [(storage.at.get(k, 0), self.type_of(k).nbytes, *self.times[k]) for k in storage.members]
        edges = sorted({edge for at, size, _, _ in spans for edge in (at, at + size)})
        for low, high in pairwise(edges):
            over = [(first, last) for at, size, first, last in spans if at <= low and high <= at + size]
            if over:
                storage.pieces.append(Piece(low, high, min(a for a, _ in over), max(b for _, b in over)))

    def _inplace(self, step: Step) -> None:
        ins = self.program.in_types(step.function, step.node)
        outs = self.program.out_types(step.function, step.node)
        for out, i in ops.get(step.node.op).inplace_pairs(ins, outs, step.node.attrs):
            old, value = self.of[key(step.function, step.node.inputs[i])], key(step.function, step.node.outputs[out])
            new = self.of[value]
            if old is new or old.at or new.at or new.kind != "arena" or new.first != step.time:
                continue
            if not self._dies(old, new, step):
                continue
            fits = new.size == old.size or (self.shrinking and new.size < old.size)
            if fits and self._may_overwrite(step, value, old):
                self.join(old, new)

    def _dies(self, old: Storage, new: Storage, step: Step) -> bool:
        """Does nothing need `old` after `step`? A state may serve for what lies between its old and its new value."""
        if old.kind == "arena":
            return old.last <= step.time
        updated = old.kind == "state" and self.function.updates.get(old.ref)
        if not updated or self.of[key(self.function, updated)] is not old or step.function is not self.function:
            return False
        later = [self.t.made[k] for k in old.members if self.t.made.get(k, 0) > step.time]
        needed = [r for k in old.members if self.t.made.get(k, 0) <= step.time for r in self.t.reads.get(k, [])]
        return bool(later) and new.last <= min(later) and all(r <= step.time for r in needed)


def share(program: Program, function: Function, *, shrinking: bool = True, pieces: int = 0) -> Shared:
    """Run all joins for one public function of a program.

    Args:
        shrinking: an operator may also write a smaller output over its input. That saves the output's own place, but
            keeps all of the input's place taken for as long as the output is needed.
        pieces: pieces lie in their wholes, where they begin at a multiple of so many bytes; 0: nowhere.
    """
    return _Joiner(program, function, shrinking, pieces).run()
