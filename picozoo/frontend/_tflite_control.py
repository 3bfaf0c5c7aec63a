"""Control flow and variables of TFLite files: IF, WHILE, CALL_ONCE, and resource variables as kept state.

`ctx` is `_tflite_call.Call`. Both branches of an IF are computed and one is taken, unless one may change state: then
each runs only where it is taken (`_tflite_guard`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._tflite_guard import BOOL, Guarded
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Function, Node, Program
from picozoo.ir.verify import verify
from picozoo.ops.while_loop import WhileLoopAttrs

_DEPTH = 6  # subgraphs in subgraphs


@dataclass(frozen=True)
class Handle:
    """What VAR_HANDLE gives: the variable's name."""

    name: str


def _graph(ctx: Any, number: int) -> Any:
    graphs = ctx.shared.graphs
    if not 0 < number < len(graphs):
        raise BadFile(f"it refers to subgraph {number} of {len(graphs)}")
    if ctx.depth >= _DEPTH:
        raise BadFile(f"subgraphs refer to each other more than {_DEPTH} deep")
    return graphs[number]


def _bound(graph: Any, refs: list[str]) -> dict[int, str]:
    if len(graph.inputs) != len(refs) or len(set(graph.inputs)) != len(refs):
        raise BadFile(f"a subgraph of {len(graph.inputs)} inputs is given {len(refs)}")
    return dict(zip(graph.inputs, refs, strict=True))


def _branch(ctx: Any, number: int, refs: list[str]) -> list[str]:
    """A subgraph's operators in the current function."""
    graph = _graph(ctx, number)
    before, updates = dict(ctx.shared.variables), dict(ctx.function.updates)
    inner = ctx.child(graph, ctx.function, _bound(graph, refs))
    inner.walk()
    if before != ctx.shared.variables or updates != ctx.function.updates:
        raise Unsupported("a branch keeps state or writes a variable")
    return list(inner.refs(graph.outputs))


def _may_change_state(ctx: Any, numbers: list[int]) -> bool:
    """May one of these subgraphs, or one that they refer to, write a variable or keep something?"""
    todo, seen = list(numbers), set[int]()
    while todo:
        number = todo.pop()
        if number in seen:
            continue
        seen.add(number)
        graph = _graph(ctx, number)
        if any(t.variable for t in graph.tensors):
            return True
        for o in graph.operators:
            if o.kind.startswith(("ASSIGN_VARIABLE", "CUSTOM")):
                return True
            todo += [o.options[k] for k in ("then", "else", "cond", "body") if k in o.options]
    return False


def _if(ctx: Any) -> list[str]:
    condition, refs = ctx.reshape(ctx.ref(0), ()), [ctx.ref(i) for i in range(1, ctx.count)]
    numbers = [ctx.options[k] for k in ("then", "else")]
    if _may_change_state(ctx, numbers):
        return _guarded_if(ctx, condition, refs, numbers)
    yes, no = (_branch(ctx, k, refs) for k in numbers)
    if len(yes) != len(no) or len(yes) != len(ctx.op.outputs):
        raise BadFile(f"branches of {len(yes)} and {len(no)} results for {len(ctx.op.outputs)} outputs")
    return [ctx.emit("where", [condition, a, b], like=ctx.out(k)) for k, (a, b) in enumerate(zip(yes, no, strict=True))]


def _guarded_if(ctx: Any, condition: str, refs: list[str], numbers: list[int]) -> list[str]:
    """Both branches behind each other, each where it is taken; the second one begins with the first one's results."""
    op, likes = ctx.op, [ctx.out(k) for k in range(len(ctx.op.outputs))]
    results = [ctx.const(ctx.made(t), t, "unset") for t in likes]
    names = [ctx.output_name()] * len(likes)
    for name, number in zip(("then", "else"), numbers, strict=True):
        before, graph = dict(ctx.shared.variables), _graph(ctx, number)
        part = Guarded(ctx, name)
        entered = dict(ctx.shared.variables)
        inner = ctx.child(graph, part.function, _bound(graph, [part.inside(r) for r in refs]))
        inner.walk()
        ends = inner.refs(graph.outputs)
        if len(ends) != len(likes):
            raise BadFile(f"a branch of {len(ends)} results for {len(likes)} outputs")
        ends = [
            inner.reshape(r, t.shape) if inner.type(r).size == t.size else r for r, t in zip(ends, likes, strict=True)
        ]
        if [inner.type(r) for r in ends] != likes:
            raise Unsupported("a branch that changes state gives other types than the outputs have")
        changed = [k for k, r in ctx.shared.variables.items() if entered.get(k) != r]
        ctx.op = op
        results = part.close(condition, results, ends, names)
        now = {k: ctx.shared.states[k] for k in changed}
        ctx.shared.variables = before | {k: ctx.function.updates.get(s, s) for k, s in now.items()}
        condition = ctx.emit("logical_not", [condition], like=BOOL)
    return results


def _region(ctx: Any, number: int, name: str, refs: list[str]) -> str:
    """A subgraph as a function of its own."""
    graph = _graph(ctx, number)
    function = Function(ctx.program_name(name), (), (), [], {}, public=False)
    params = []
    for k, ref in enumerate(refs):
        params.append(f"%in{k}")
        function.types[params[-1]] = ctx.type(ref)
    function.params = tuple(params)
    ctx.program.functions[function.name] = function
    before = dict(ctx.shared.variables)
    inner = ctx.child(graph, function, _bound(graph, params))
    inner.walk()
    if function.updates or before != ctx.shared.variables:
        raise Unsupported("a loop keeps state or writes a variable")
    function.results = tuple(inner.refs(graph.outputs))
    return function.name


def _while(ctx: Any) -> list[str]:
    refs = [ctx.ref(i) for i in range(ctx.count)]
    cond = _region(ctx, ctx.options["cond"], "condition", refs)
    body = _region(ctx, ctx.options["body"], "body", refs)
    types = [ctx.type(r) for r in refs]
    found = ctx.program.functions
    gives = [ctx.program.type_of(found[body], r) for r in found[body].results]
    if gives != types or len(found[cond].results) != 1:
        raise Unsupported("the loop's body changes a type or a shape")
    made = []
    for t in types:
        made.append(ctx.function.fresh("loop"))
        ctx.function.types[made[-1]] = t
    attrs = WhileLoopAttrs(cond, body, len(refs))
    ctx.function.nodes.append(Node("while_loop", ctx.node_name("while"), tuple(refs), tuple(made), attrs, ctx.place))
    return made


def _call_once(ctx: Any) -> list[str]:
    """Run the subgraph now: what it writes is the variables' first value."""
    graph = _graph(ctx, ctx.options["init"])
    if graph.inputs or ctx.shared.variables or ctx.function.nodes:
        raise Unsupported("it must come first, without inputs")
    program = Program("once")
    function = Function("once", (), (), [], {})
    program.functions["once"] = function
    inner = ctx.child(graph, function, {}, program)
    inner.walk()
    if any(n.op == "while_loop" for n in function.nodes) or program.states:
        raise Unsupported("loops and state in a subgraph that runs once")
    if sum(t.size for t in function.types.values()) > 1 << 22:
        raise Unsupported("a subgraph that runs once with more than 4 million values")
    written = dict(inner.shared.variables)
    inner.shared.variables.clear()
    function.results = tuple(written.values())
    values = Interpreter(verify(program, "reading")).call("once")
    for (name, ref), array in zip(written.items(), values, strict=True):
        ctx.variable(name, program.type_of(function, ref), array)
    return []


def _var_handle(ctx: Any) -> Handle:
    return Handle(str(ctx.options["name"])[:80] or "variable")


def _handle(ctx: Any) -> str:
    found = ctx.handles.get(ctx.op.inputs[0] if ctx.op.inputs else -1)
    if found is None:
        raise Unsupported("a resource that is not made by VAR_HANDLE in the same subgraph")
    return str(found.name)


def _read(ctx: Any) -> str:
    name = _handle(ctx)
    if name not in ctx.shared.variables:
        t = ctx.out()
        ctx.variable(name, t, ctx.made(t, t.quant.zero_point[0] if t.quant is not None else 0))
    return str(ctx.shared.variables[name])


def _assign(ctx: Any) -> list[str]:
    name, ref = _handle(ctx), ctx.ref(1)
    shared = ctx.shared
    if ctx.program.name != "once":
        t = ctx.type(ref)
        state = shared.states.get(name) or ctx.variable(name, t, ctx.made(t))
        if ctx.program.state_types[state] != t:
            raise Unsupported(f"variable {name!r} is {ctx.program.state_types[state]}, it is given {t}")
        ctx.function.updates[state] = ref
    shared.variables[name] = ref
    return []


READERS: Mapping[str, Callable[..., Any]] = {
    "IF": _if,
    "WHILE": _while,
    "CALL_ONCE": _call_once,
    "VAR_HANDLE": _var_handle,
    "READ_VARIABLE": _read,
    "ASSIGN_VARIABLE": _assign,
}
