"""An independent proof of a memory plan: it replays the program over labelled bytes, knowing nothing of lifetimes.

Every byte of the context remembers which value was last written there. Replaying each function, a node may read a value
only if all its bytes still carry that value; a write relabels them. Loops are replayed twice, so that what must survive
the first round is checked in the second. An operator may overlap its output with an input only as it declares: at the
same place, or step by step, where no step may write a byte that a later one still reads.
"""

from __future__ import annotations

import numpy as np

from picozoo import ops
from picozoo.errors import InvalidProgram
from picozoo.ir.program import Function, Node, Program
from picozoo.ops._walk import Walk
from picozoo.plan.arena import Plan, scratch_bytes
from picozoo.plan.timeline import Key, key
from picozoo.specs import Target, TensorType


class _Replay:
    def __init__(self, program: Program, plan: Plan, function: Function, target: Target) -> None:
        self.program, self.plan, self.function, self.target = program, plan, function, target
        self.fp = plan.functions[function.name]
        self.bytes = np.zeros(plan.arena + plan.state, np.int64)
        self.count = 0
        self.owner: dict[Key, np.ndarray] = {}  # value -> the labels that its bytes must have

    def span(self, k: Key) -> slice | None:
        kind, offset = self.plan.locate(self.function.name, k)
        if kind == "const":
            return None
        size = self.program.type_of(self.program.functions.get(k[0]), k[1]).nbytes
        start = offset + (self.plan.arena if kind == "state" else 0)
        end_of_region = self.plan.arena if kind == "arena" else self.plan.arena + self.plan.state
        if offset < 0 or start + size > end_of_region or offset % self.plan.align:
            raise InvalidProgram(f"memory plan: {k[1]} lies outside its region or is not aligned")
        return slice(start, start + size)

    def write(self, k: Key) -> None:
        """New labels for all bytes of a value."""
        span = self.span(k)
        size = 0 if span is None else span.stop - span.start
        self.owner[k] = np.arange(self.count + 1, self.count + size + 1)
        self.count += size
        if span is not None:
            self.bytes[span] = self.owner[k]

    def read(self, k: Key, why: str) -> None:
        span = self.span(k)
        if span is not None and not (self.bytes[span] == self.owner[k]).all():
            raise InvalidProgram(f"memory plan of {self.function.name}: {k[1]} is overwritten before it is read {why}")

    def alias(self, new: Key, old: Key) -> bool:
        """`new` becomes another name of `old` if it lies at the same place."""
        if self.span(new) != self.span(old):
            return False
        self.owner[new] = self.owner[old]
        return True

    # -- replay ---------------------------------------------------------------------------------------------------
    def run(self) -> None:
        f = self.function
        for ref in self.program.states:
            self.write_if_known(("", ref))
        for p in f.params:
            self.write(key(f, p))
        for p in f.params:  # callers may write them in any order, read or not
            self.read(key(f, p), "at the call")
        self.body(f)
        for state, k in self.fp.shared.update_copies:
            self.read(k, f"to update {state}")
            self.write(("", state))
        for ref in f.results:
            self.read(key(f, ref), "as a result")
        copied = {state for state, _ in self.fp.shared.update_copies}
        for state, ref in f.updates.items():
            if state not in copied and self.span(("", state)) != self.span(key(f, ref)):
                raise InvalidProgram(f"memory plan of {f.name}: the update of {state} is lost")
            if state not in copied:
                self.read(key(f, ref), f"as the new {state}")
        touched = set(f.updates)
        for ref in self.program.states:
            if ref not in touched and ("", ref) in self.owner:
                self.read(("", ref), "in the next call")

    def write_if_known(self, k: Key) -> None:
        if k in self.fp.shared.of:
            self.write(k)

    def body(self, f: Function) -> None:
        for node in f.nodes:
            if node.op == "while_loop":
                self.loop(f, node)
            else:
                self.node(f, node)

    def node(self, f: Function, node: Node) -> None:
        ins, outs = self.program.in_types(f, node), self.program.out_types(f, node)
        for ref in node.inputs:
            if ref[0] != "@":
                self.read(key(f, ref), f"by {node.name}")
        allowed = set(ops.get(node.op).inplace_pairs(ins, outs, node.attrs))
        kept = self._kept(f, node, ins, outs)
        spans = [(f"input {i}", self.span(key(f, r)), i) for i, r in enumerate(node.inputs) if r[0] != "@"]
        if size := scratch_bytes(self.program, f, node, self.target):
            at = self.fp.scratch[(f.name, node.name)]
            for what, span, _ in spans:
                self._apart(node, "working memory", slice(at, at + size), what, span)
            for o, ref in enumerate(node.outputs):
                self._apart(node, "working memory", slice(at, at + size), f"output {o}", self.span(key(f, ref)))
            self.bytes[at : at + size] = 0
        for o, ref in enumerate(node.outputs):
            out = self.span(key(f, ref))
            for what, span, i in spans:
                if (o, i) in kept:
                    continue
                if (o, i) in allowed and span is not None and out is not None and span.start == out.start:
                    continue
                if (o, i) == (0, 0) and self._in_step(node, ins, outs, span, out):
                    continue
                self._apart(node, f"output {o}", out, what, span)
        for o, ref in enumerate(node.outputs):
            self.write(key(f, ref))
            for (made, _), (place, labels) in kept.items():
                if made == o:  # nothing is written there
                    self.bytes[place] = labels
                    start = self._span(key(f, ref)).start
                    self.owner[key(f, ref)][place.start - start : place.stop - start] = labels

    def _kept(
        self, f: Function, node: Node, ins: list[TensorType], outs: list[TensorType]
    ) -> dict[tuple[int, int], tuple[slice, np.ndarray]]:
        """(output, input) pairs one of which lies in the other as its piece: the bytes they share, and their labels."""
        found = {}
        for o, i, behind in ops.get(node.op).views(ins, outs, node.attrs):
            x, y = key(f, node.inputs[i]), key(f, node.outputs[o])
            a, b = self.span(x), self.span(y)
            if a is None or b is None or b.start - a.start != behind or self._region(x) != self._region(y):
                continue
            both = slice(max(a.start, b.start), min(a.stop, b.stop))
            found[o, i] = both, self.owner[x][both.start - a.start : both.stop - a.start].copy()
        return found

    def _region(self, k: Key) -> str:
        return self.plan.locate(self.function.name, k)[0]

    def _span(self, k: Key) -> slice:
        span = self.span(k)
        assert span is not None
        return span

    def _in_step(
        self, node: Node, ins: list[TensorType], outs: list[TensorType], x: slice | None, y: slice | None
    ) -> bool:
        """Is every byte that the output takes from input 0 read for the last time before it is written?"""
        if x is None or y is None:
            return False
        walks = ops.get(node.op).walks(ins, outs, node.attrs, self.target.at(node.name))
        return any(_safe(walk, x, y) for walk in walks)

    def _apart(self, node: Node, a: str, x: slice | None, b: str, y: slice | None) -> None:
        if x is not None and y is not None and x.start < y.stop and y.start < x.stop:
            raise InvalidProgram(f"memory plan of {self.function.name}: {node.name}: {a} overlaps {b}")

    def loop(self, f: Function, node: Node) -> None:
        cond, body = self.program.functions[node.attrs.cond], self.program.functions[node.attrs.body]
        n = node.attrs.carried
        into, out = self.fp.shared.loop_in[(f.name, node.name)], self.fp.shared.loop_out[(f.name, node.name)]
        for source, _ in into:
            self.read(source, f"to enter loop {node.name}")
        copied = {to for _, to in into}
        for source, to in into:
            self.read(source, f"to enter loop {node.name}")
            self.write(to)
        for k, ref in enumerate(node.inputs[:n]):
            if key(f, node.outputs[k]) not in copied:
                self.read(key(f, ref), f"to enter loop {node.name}")
                if not self.alias(key(f, node.outputs[k]), key(f, ref)):
                    raise InvalidProgram(
                        f"memory plan of {self.function.name}: loop {node.name} loses an initial value"
                    )
        for _ in range(2):
            self._enter(f, node, cond, n)
            self.body(cond)
            self.read(key(cond, cond.results[0]), f"as the condition of {node.name}")
            self._enter(f, node, body, n)
            self.body(body)
            for ref in body.results:
                self.read(key(body, ref), f"at the end of loop {node.name}")
            for source, to in out:
                self.read(source, f"at the end of loop {node.name}")
                self.write(to)
            done = {to[1] for _, to in out}
            for k, ref in enumerate(body.results):
                home = key(f, node.outputs[k])
                if body.params[k] in done:
                    self.owner[home] = self.owner[key(body, body.params[k])]
                elif not self.alias(home, key(body, ref)):
                    raise InvalidProgram(f"memory plan of {self.function.name}: loop {node.name} loses a carried value")

    def _enter(self, f: Function, node: Node, region: Function, n: int) -> None:
        for k, p in enumerate(region.params):
            source = key(f, node.outputs[k] if k < n else node.inputs[k])
            self.read(source, f"in a region of {node.name}")
            if source[1][0] == "@" or self.span(source) is None:
                self.owner[key(region, p)] = np.zeros(0, np.int64)
            elif not self.alias(key(region, p), source):
                raise InvalidProgram(
                    f"memory plan of {self.function.name}: {p} of {region.name} is not where {source[1]} is"
                )


def _safe(walk: Walk, x: slice, y: slice) -> bool:
    """Step by step: the last step that reads each byte, and the first that writes it."""
    low = min(x.start, y.start)
    read = np.full(max(x.stop, y.stop) - low, -1, np.int64)
    written = np.full(len(read), len(walk.writes), np.int64)
    for p, (a, b) in enumerate(walk.reads.tolist()):
        read[x.start - low + a : x.start - low + b] = p
    for p, (a, b) in reversed(list(enumerate(walk.writes.tolist()))):
        written[y.start - low + a : y.start - low + b] = p
    return bool((read <= written).all())


def check_plan(program: Program, plan: Plan, target: Target) -> None:
    """Prove that every value is intact whenever it is read.

    Raises:
        InvalidProgram: the first value that would be read after it was overwritten, and by whom.
    """
    for f in program.public():
        _Replay(program, plan, f, target).run()
