"""Computes neighbouring layers in bands of rows where that lowers the peak of working memory.

Layers in front of a network are large and short-lived: every row of their outputs is read by a few rows of the next
layer and never again. Computed band by band, from the first row to the last, all layers of a section together, only the
rows that are still to be read need a place; rows that two bands of a reader need are kept between them, so that nothing
is computed twice. The section's output may lie over the rows of its input that have been read.

What is chosen: for the function with the largest peak, the section round its fullest step and the height of bands with
the smallest plan; within `SLACK` of that, the fewest layers in the C. Then the same again for what is fullest now.

Source: Lin et al., "MCUNetV2: memory-efficient patch-based inference", 2021; Zheng et al., "StreamNet", 2023. Differs:
bands over whole rows, which are contiguous, and no row is computed twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from picozoo import ops
from picozoo.ir.program import Function, Node, Program
from picozoo.passes import materialise
from picozoo.passes._stream import CannotStream, Section, stream
from picozoo.plan.arena import FunctionPlan, alignment, guess, plan_program
from picozoo.specs import Target

HEIGHTS = (1, 2, 3, 4, 6, 8, 12, 16)  # rows of a band of the section's output
ROUNDS = 3  # sections of a function
GAIN, SLACK = 0.95, 1.02
GUESSED, PLANNED = 16, 4  # candidates that are looked at more closely


@dataclass(frozen=True)
class _Choice:
    """A program with one more section in bands, and what it needs."""

    program: Program
    peak: float
    nodes: int
    words: str


def run(program: Program, target: Target) -> Program:
    """The program with sections in bands; unchanged where RAM is not what is preferred, or where nothing helps."""
    if not target.bands:
        return program
    said: list[str] = []
    for _ in range(ROUNDS):
        plan = plan_program(materialise.run(program, target), target, quick=True)
        name, before = max(plan.functions.items(), key=lambda kv: kv[1].placed.peak)
        found = _best(program, name, before, target)
        if found is None or found.peak > before.placed.peak * GAIN:
            break
        program = found.program
        said.append(f"{name}: {found.words}: {before.placed.peak:,} -> {found.peak:,.0f} bytes of working memory")
    if said:
        program = program.copy()
        program.meta["bands"] = "; ".join(said)
    return program


def _best(program: Program, name: str, before: FunctionPlan, target: Target) -> _Choice | None:
    """The choice with the smallest peak, or nearly that and fewer nodes."""
    f = program.functions[name]
    enough = before.placed.peak * GAIN
    candidates = sorted(_candidates(program, f, before, target), key=lambda c: c[0])[:GUESSED]
    closer = [(_guess(c[1].program, name, target), c[1]) for c in candidates if c[0] <= enough]
    made = []
    for _, c in sorted((c for c in closer if c[0] <= enough), key=lambda c: c[0])[:PLANNED]:
        plan = plan_program(materialise.run(c.program, target), target, quick=True)
        made.append(_Choice(c.program, plan.functions[name].placed.peak, c.nodes, c.words))
    if not made:
        return None
    least = min(c.peak for c in made)
    return min((c for c in made if c.peak <= least * SLACK), key=lambda c: c.nodes)


def _guess(program: Program, name: str, target: Target) -> int:
    prepared = materialise.run(program, target)
    return guess(prepared, prepared.functions[name], target)


def _candidates(program: Program, f: Function, before: FunctionPlan, target: Target) -> Iterator[tuple[float, _Choice]]:
    """Every section round the fullest step in every height of bands, with a first estimate of its peak."""
    steps = before.shared.timeline.steps
    used = {s.node.name: before.used(s.time) for s in steps}
    fullest = max(used, key=lambda n: used[n], default="")
    at = next((k for k, n in enumerate(f.nodes) if n.name == fullest), None)
    if at is None:
        return
    align = alignment(program, target)
    for section in _sections(program, f, at):
        inside = {n.name for n in section.nodes}
        rest = max((b for n, b in used.items() if n not in inside), default=0)
        height = f.types[section.result].shape[1]
        for rows in HEIGHTS:
            if 2 * rows > height:
                break
            try:
                made, most = stream(program, f, section, rows, align)
            except CannotStream:
                continue
            n, chosen = len(section.nodes), made.functions[f.name]
            words = f"{section.nodes[0].name} to {section.nodes[-1].name} ({n} layers) in {-(-height // rows)} bands"
            yield max(most, rest), _Choice(made, 0, len(chosen.nodes), words)


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
