"""ONNX nodes with graphs inside: branches on a known condition are chosen, loops with a known count unrolled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from picozoo.errors import BadFile, Unsupported
from picozoo.ops.concat import ConcatAttrs

MAX_TURNS = 4096


def _if(ctx: Any) -> Any:
    """A computed condition: both branches are computed and one is taken."""
    from picozoo.frontend.onnx import run_graph

    cond = ctx.constant(0)
    branches = (ctx.attr("then_branch"), ctx.attr("else_branch"))
    if cond is not None:
        return run_graph(ctx, branches[0] if cond.reshape(-1)[0] else branches[1], [])
    a, b = (run_graph(ctx, g, []) for g in branches)
    if [ctx.type(r) for r in a] != [ctx.type(r) for r in b]:
        raise Unsupported("the branches of a computed condition give values of different shapes")
    test = ctx.reshape(ctx.ref(0), ())
    return [ctx.emit("where", [test, x, y]) for x, y in zip(a, b, strict=True)]


def _loop(ctx: Any) -> Any:
    from picozoo.frontend.onnx import run_graph

    body = ctx.attr("body")
    turns = ctx.ints(0, "the number of turns")[0] if ctx.has(0) else MAX_TURNS + 1
    carried = [ctx.named(n) for n in ctx.node.input[2:]]
    keep = bool(ctx.array(1, "the loop's condition").reshape(-1)[0]) if ctx.has(1) else True
    stacks: list[list[str]] = [[] for _ in range(len(body.output) - 1 - len(carried))]
    k, cond = 0, ctx.ref(1) if ctx.has(1) else ctx.const(True, "true")
    while keep and k < turns:
        if k >= MAX_TURNS:
            raise Unsupported(f"a loop of more than {MAX_TURNS} turns, or without an end")
        step = run_graph(ctx, body, [ctx.const(k, "turn", "i64"), cond, *carried])
        known = ctx.program.constant(step[0])
        if known is None:
            raise ctx.needs(step[0], "the condition of the loop")
        cond, keep, k = step[0], bool(known.reshape(-1)[0]), k + 1
        for stack, ref in zip(stacks, step[1 + len(carried) :], strict=True):
            stack.append(ref)
        carried = step[1 : 1 + len(carried)]
    return [*carried, *(_stacked(ctx, s, 0) for s in stacks)]


def _stacked(ctx: Any, refs: list[str], axis: int) -> str:
    if not refs:
        raise Unsupported("a loop that makes no turn")
    rows = []
    for r in refs:
        shape = ctx.shape(r)
        rows.append(ctx.reshape(r, (*shape[:axis], 1, *shape[axis:])))
    return rows[0] if len(rows) == 1 else str(ctx.emit("concat", rows, ConcatAttrs(axis)))


def _scan(ctx: Any) -> Any:
    from picozoo.frontend.onnx import run_graph

    body, n = ctx.attr("body"), ctx.attr("num_scan_inputs", 1)
    refs = [ctx.ref(i) for i in range(ctx.count) if ctx.has(i)]
    if not 0 < n <= len(refs):
        raise BadFile(f"a scan over {n} of its {len(refs)} inputs")
    if ctx.opset < 9:
        return _scan8(ctx, body, n, refs)
    states, xs = refs[: len(refs) - n], refs[len(refs) - n :]
    n_out = len(body.output) - len(states)
    axes = ctx.attr("scan_input_axes") or [0] * n
    back, back_out = ctx.attr("scan_input_directions") or [0] * n, ctx.attr("scan_output_directions") or [0] * n_out
    out_axes = ctx.attr("scan_output_axes") or [0] * n_out
    how = [(a % ctx.type(x).rank, d) for a, d, x in zip(axes, back, xs, strict=True)]
    states, stacks = _turns(ctx, run_graph, body, states, xs, how)
    outs = zip(stacks, back_out, out_axes, strict=True)
    return [*states, *(_stacked(ctx, s[::-1] if d else s, a) for s, d, a in outs)]


def _scan8(ctx: Any, body: Any, n: int, refs: list[str]) -> Any:
    """Version 8 has a batch dimension in front of everything."""
    from picozoo.frontend.onnx import run_graph

    states, xs = refs[: len(refs) - n], refs[len(refs) - n :]
    if any(ctx.shape(r)[0] != 1 for r in (*states, *xs)):
        raise Unsupported("Scan of version 8 with more than one batch")
    states = [ctx.reshape(r, ctx.shape(r)[1:]) for r in states]
    xs = [ctx.reshape(r, ctx.shape(r)[1:]) for r in xs]
    states, stacks = _turns(ctx, run_graph, body, states, xs, [(0, 0)] * n)
    made = [*states, *(_stacked(ctx, s, 0) for s in stacks)]
    return [ctx.reshape(r, (1, *ctx.shape(r))) for r in made]


def _turns(ctx: Any, run: Any, body: Any, states: list[str], xs: list[str], how: list[tuple[int, int]]) -> Any:
    counts = {ctx.shape(x)[a] for x, (a, _) in zip(xs, how, strict=True)}
    if len(counts) != 1 or max(counts) > MAX_TURNS:
        raise BadFile(f"a scan over sequences of lengths {sorted(counts)}")
    count = counts.pop()
    stacks: list[list[str]] = [[] for _ in range(len(body.output) - len(states))]
    for k in range(count):
        rows = []
        for x, (axis, back) in zip(xs, how, strict=True):
            row = ctx.part(x, axis, count - 1 - k if back else k, 1)
            shape = ctx.shape(x)
            rows.append(ctx.reshape(row, (*shape[:axis], *shape[axis + 1 :])))
        step = run(ctx, body, [*states, *rows])
        for stack, ref in zip(stacks, step[len(states) :], strict=True):
            stack.append(ref)
        states = step[: len(states)]
    return states, stacks


READERS: Mapping[str, Callable[..., Any]] = {"If": _if, "Loop": _loop, "Scan": _scan}
