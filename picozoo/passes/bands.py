"""Computes neighbouring layers in bands of rows where that lowers the peak of working memory.

Layers in front of a network are large and short-lived: every row of their outputs is read by a few rows of the next
layer and never again. Computed band by band, from the first row to the last, all layers of a section together, only the
rows that are still to be read need a place; rows that two bands of a reader need are kept between them, so that nothing
is computed twice. The section's output may lie over the rows of its input that have been read.

What is chosen: for the function with the largest peak, the section round its fullest step and the height of bands with
the smallest plan, where a call more in the C must save `PRICE` bytes. Then the same again for what is fullest now.

Source: Lin et al., "MCUNetV2: memory-efficient patch-based inference", 2021; Zheng et al., "StreamNet", 2023. Differs:
bands over whole rows, which are contiguous, and no row is computed twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from picozoo import ops
from picozoo.ir.program import Function, Node, Program
from picozoo.passes import materialise
from picozoo.passes._stream import CannotStream, Section, measure, stream
from picozoo.plan.arena import FunctionPlan, Plan, alignment, guess, plan_program
from picozoo.specs import Target

HEIGHTS = (1, 2, 4, 8, 16)  # rows of a band of the section's output
ROUNDS = 3  # sections of a function
GAIN = 0.95
PRICE = 4  # bytes of RAM that are worth a node: it is a call in the C
LONGEST = 800  # nodes of a section in bands
MEASURED, PLANNED = 6, 4  # sections, and choices, that are looked at more closely


@dataclass(frozen=True)
class _Choice:
    """A section in bands of so many rows, the nodes it becomes, and what the function will need at the least."""

    section: Section
    rows: int
    nodes: int
    peak: int

    @property
    def cost(self) -> int:
        """The least is best."""
        return self.peak + PRICE * self.nodes


def run(program: Program, target: Target) -> Program:
    """The program with sections in bands; unchanged where RAM is not what is preferred, or where nothing helps."""
    if not target.bands:
        return program
    said: list[str] = []
    for _ in range(ROUNDS):
        plan = _plan(program, target)
        name, before = max(plan.functions.items(), key=lambda kv: kv[1].placed.peak)
        found = _best(program, name, before, target)
        if found is None:
            break
        choice, program = found
        nodes, height = choice.section.nodes, program.functions[name].types[choice.section.result].shape[1]
        said.append(
            f"{name}: {nodes[0].name} to {nodes[-1].name} ({len(nodes)} layers) in {-(-height // choice.rows)} bands: "
            f"{before.placed.peak:,} -> {choice.peak:,} bytes of working memory"
        )
    if said:
        program = program.copy()
        program.meta["bands"] = "; ".join(said)
    return program


def _plan(program: Program, target: Target) -> Plan:
    return plan_program(materialise.run(program, target), target, quick=True)


def _best(program: Program, name: str, before: FunctionPlan, target: Target) -> tuple[_Choice, Program] | None:
    """The best choice, and the program with it; None if none helps enough."""
    f, enough = program.functions[name], int(before.placed.peak * GAIN)
    align = alignment(program, target)
    closer = []
    for choice in _shortlist(program, f, before, align, enough):
        made = stream(program, f, choice.section, choice.rows, align)
        prepared = materialise.run(made, target)
        least = guess(prepared, prepared.functions[name], target)
        if least <= enough:
            closer.append((replace(choice, peak=least), made))
    planned = []
    for choice, made in sorted(closer, key=lambda c: c[0].cost)[:PLANNED]:
        peak = _plan(made, target).functions[name].placed.peak
        if peak <= enough:
            planned.append((replace(choice, peak=peak), made))
    return min(planned, key=lambda c: c[0].cost, default=None)


def _shortlist(program: Program, f: Function, before: FunctionPlan, align: int, enough: int) -> list[_Choice]:
    """Sections with the smallest sums of bytes alive, in every height of bands."""
    found: dict[Section, list[_Choice]] = {}
    for choice in _choices(program, f, before, align):
        if choice.peak <= enough and choice.nodes <= LONGEST:
            found.setdefault(choice.section, []).append(choice)
    best = sorted(found.values(), key=lambda cs: min(c.cost for c in cs))[:MEASURED]
    return [c for cs in best for c in cs]


def _choices(program: Program, f: Function, before: FunctionPlan, align: int) -> Iterator[_Choice]:
    """Every section round the fullest step in every height of bands."""
    steps = before.shared.timeline.steps
    used = {s.node.name: before.used(s.time) for s in steps}
    fullest = max(used, key=lambda n: used[n], default="")
    at = next((k for k, n in enumerate(f.nodes) if n.name == fullest), None)
    if at is None:
        return
    needs = {s.node.name: before.needs.get(s.time, 0) for s in steps}
    for section in _sections(program, f, at):
        inside = {n.name for n in section.nodes}
        rest = max((b for n, b in needs.items() if n not in inside), default=0)
        height = f.types[section.result].shape[1]
        for rows in HEIGHTS:
            if 2 * rows > height:
                break
            try:
                most, nodes = measure(program, f, section, rows, align)
            except CannotStream:
                continue
            yield _Choice(section, rows, nodes, max(most, rest))


def _sections(program: Program, f: Function, at: int) -> Iterator[Section]:
    """Runs of two or more nodes with node `at` that read one image and make one that is read behind them."""
    able = [_able(program, f, n) for n in f.nodes]
    uses = f.uses()
    for first in range(at, -1, -1):
        if not able[first]:
            return
        for last in range(max(at, first + 1), len(f.nodes)):
            if not able[last]:
                break
            nodes = f.nodes[first : last + 1]
            made = {r for n in nodes for r in n.outputs}
            sources = {n.inputs[i] for n in nodes for i in _rows(program, f, n) if n.inputs[i] not in made}
            read = [r for r in made if any(u not in nodes for u in uses.get(r, []))]
            whole = any(r in made for n in nodes for i, r in enumerate(n.inputs) if i not in _rows(program, f, n))
            if len(sources) == 1 and read == [nodes[-1].outputs[0]] and not whole:
                yield Section(tuple(nodes), sources.pop(), read[0])


def _rows(program: Program, f: Function, node: Node) -> dict[int, object]:
    ins, outs = program.in_types(f, node), program.out_types(f, node)
    return {i: r for i, r in (ops.get(node.op).rows(ins, outs, node.attrs) or {}).items() if node.inputs[i][0] == "%"}


def _able(program: Program, f: Function, node: Node) -> bool:
    """Can it be computed row by row, and is it not a band already?"""
    ins, outs = program.in_types(f, node), program.out_types(f, node)
    wanted = ops.get(node.op).rows(ins, outs, node.attrs)
    return bool(wanted) and "~" not in node.name and all(node.inputs[i][0] == "%" for i in wanted or ())
