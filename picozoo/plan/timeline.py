"""Flattens a function and the regions of its loops into one sequence of steps, and says who reads what when."""

from __future__ import annotations

from dataclasses import dataclass, field

from picozoo.ir.program import Function, Node, Program

# A value of a function or of one of its regions: (function name, reference). Constants and states have no function.
Key = tuple[str, str]


def key(function: Function, ref: str) -> Key:
    """The value behind a reference; constants and states are the same value everywhere."""
    return (function.name, ref) if ref[0] == "%" else ("", ref)


@dataclass(frozen=True)
class Step:
    """One point in time: a node's call, or the begin or end of a loop ("loop_begin", "loop_end")."""

    time: int
    function: Function
    node: Node
    kind: str = "call"


@dataclass
class Loop:
    """A `while_loop` node and the steps it spans."""

    function: Function
    node: Node
    cond: Function
    body: Function
    begin: int
    end: int = 0

    @property
    def carried(self) -> int:
        """How many values go round the loop."""
        return int(self.node.attrs.carried)


@dataclass
class Timeline:
    """Time 0 is the call (inputs are there), 1 ... n the steps, n + 1 the return (results must be there)."""

    steps: list[Step] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    reads: dict[Key, list[int]] = field(default_factory=dict)
    made: dict[Key, int] = field(default_factory=dict)
    producer: dict[Key, Step] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """The time of the return."""
        return len(self.steps) + 1


def flatten(program: Program, function: Function) -> Timeline:
    """The timeline of a public function.

    A value made outside a loop and read inside it counts as read at the loop's end too, since the loop comes round.
    """
    t = Timeline()
    for p in function.params:
        t.made[key(function, p)] = 0
    _walk(program, function, t, [])
    for ref in (*function.results, *function.updates.values()):
        t.reads.setdefault(key(function, ref), []).append(t.end)
    return t


def _walk(program: Program, f: Function, t: Timeline, outer: list[Loop]) -> None:
    for node in f.nodes:
        if node.op == "while_loop":
            _walk_loop(program, f, node, t, outer)
            continue
        step = Step(len(t.steps) + 1, f, node)
        t.steps.append(step)
        for ref in node.inputs:
            t.reads.setdefault(key(f, ref), []).append(step.time)
        for ref in node.outputs:
            t.made[key(f, ref)] = step.time
            t.producer[key(f, ref)] = step


def _walk_loop(program: Program, f: Function, node: Node, t: Timeline, outer: list[Loop]) -> None:
    cond, body = program.functions[node.attrs.cond], program.functions[node.attrs.body]
    loop = Loop(f, node, cond, body, len(t.steps) + 1)
    t.loops.append(loop)
    t.steps.append(Step(loop.begin, f, node, "loop_begin"))
    for ref in node.inputs:
        t.reads.setdefault(key(f, ref), []).append(loop.begin)
    for region in (cond, body):
        for p in region.params:
            t.made[key(region, p)] = loop.begin
        _walk(program, region, t, [*outer, loop])
        for ref in region.results:
            t.reads.setdefault(key(region, ref), []).append(len(t.steps) + 1 if region is body else len(t.steps))
    loop.end = len(t.steps) + 1
    t.steps.append(Step(loop.end, f, node, "loop_end"))
    for ref in node.inputs[loop.carried :]:
        t.reads.setdefault(key(f, ref), []).append(loop.end)
    # constants and states read inside stay where they are; only locals of enclosing functions need the extension
    for k, ref in enumerate(node.outputs):
        t.made[key(f, ref)] = loop.begin
        for region in (cond, body):
            t.reads.setdefault(key(region, region.params[k]), []).append(loop.end)
