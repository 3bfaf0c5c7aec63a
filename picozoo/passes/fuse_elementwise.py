"""Puts operators that work element by element into one loop with the one that reads them, where that takes no more RAM.

RAM is what `schedule` estimates: the planner may come to a little more for a group, and on the whole comes to less.

A group has one result; what is made inside is read nowhere else, and every value in it has the result's shape, so that
nothing is computed twice. Quantised operators stay alone: their kernels are tables, or have activations of their own.
"""

from __future__ import annotations

from picozoo import ops
from picozoo.ir.program import Function, Node, Program
from picozoo.ops.fused import FusedAttrs
from picozoo.passes.schedule import best_order, peak
from picozoo.specs import Target

LONG = 150
MOST_INPUTS = 6  # with more, their addresses no longer fit the registers of small cores


def run(program: Program, target: Target) -> Program:
    """The program with groups of two or more fused; unchanged for targets that share kernels between layers."""
    if not target.fuse:
        return program
    program = program.copy()
    for f in list(program.functions.values()):
        tried: set[str] = set()
        while (group := _next_group(program, f, tried)) is not None:
            _try(program, f, group)
    return program


def _fusable(program: Program, f: Function, node: Node) -> bool:
    types = [*program.in_types(f, node), *program.out_types(f, node)]
    return ops.get(node.op).elementwise and len(node.outputs) == 1 and all(t.quant is None for t in types)


def _next_group(program: Program, f: Function, tried: set[str]) -> list[Node] | None:
    """The last group not yet tried, in the order of the function."""
    for sink in reversed(f.nodes):
        if sink.name in tried or not _fusable(program, f, sink):
            continue
        tried.add(sink.name)
        group = _grow(program, f, sink)
        if len(group) > 1:
            return group
    return None


def _grow(program: Program, f: Function, sink: Node) -> list[Node]:
    shape = f.types[sink.outputs[0]].shape
    uses, made = f.uses(), f.producers()
    group = [sink]
    todo = [made[r] for r in sink.inputs if r in made]
    while todo:
        node = todo.pop()
        if node in group or not _fusable(program, f, node) or f.types[node.outputs[0]].shape != shape:
            continue
        inside = all(reader in group for reader in uses[node.outputs[0]])
        if inside and len(_inputs([*group, node])) <= MOST_INPUTS:
            group.append(node)
            todo += [made[r] for r in node.inputs if r in made]
    return [n for n in f.nodes if n in group]


def _inputs(group: list[Node]) -> list[str]:
    made = {r for n in group for r in n.outputs}
    return list(dict.fromkeys(r for n in group for r in n.inputs if r not in made))


def _try(program: Program, f: Function, group: list[Node]) -> None:
    """Fuse the group if no more memory is alive at once after it."""
    sink, ins = group[-1], _inputs(group)
    name, k = f"{f.name}.{sink.name}", 1
    while name in program.functions:
        name, k = f"{f.name}.{sink.name}.{k}", k + 1
    fused = Node("fused", sink.name, tuple(ins), sink.outputs, FusedAttrs(name), sink.source)
    nodes = [fused if n is sink else n for n in f.nodes if n is sink or n not in group]
    after = Function(f.name, f.params, f.results, nodes, f.types, f.updates)
    program.functions[name] = _region(program, f, name, group, ins)
    if ram(program, after) > ram(program, f):
        del program.functions[name]
        return
    f.nodes = nodes
    for node in group[:-1]:
        del f.types[node.outputs[0]]


def ram(program: Program, f: Function) -> int:
    """Bytes alive at once in the greedy order; of long functions, where that takes long, in the order written."""
    return peak(program, f, best_order(program, f, 0) if len(f.nodes) <= LONG else f.nodes)


def _region(program: Program, f: Function, name: str, group: list[Node], ins: list[str]) -> Function:
    types = {f"%in{i}": program.type_of(f, r) for i, r in enumerate(ins)}
    local = {r: f"%in{i}" for i, r in enumerate(ins)}
    nodes = []
    for n in group:
        out = n.outputs[0]
        local[out] = "%" + n.name if "%" + n.name not in types else f"%{n.name}.out"
        types[local[out]] = f.types[out]
        nodes.append(Node(n.op, n.name, tuple(local[r] for r in n.inputs), (local[out],), n.attrs, n.source))
    result = local[group[-1].outputs[0]]
    return Function(name, tuple(f"%in{i}" for i in range(len(ins))), (result,), nodes, types, public=False)
