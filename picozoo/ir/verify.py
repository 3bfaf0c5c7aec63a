"""The rules of the IR, checked. In tests this runs after every pass and names the pass that broke a rule.

1. A reference is defined before it is read, exactly once, and its first character is one of % @ $.
2. Constants and states have arrays of their declared shape and type.
3. Every node has a known operator, the right number of inputs, and outputs of the shape the operator infers.
4. Results and updates are defined; an update has the type of its state.
5. Node names are unique in a function (they name C functions and rows of the report).
6. Regions named by `while_loop` exist, are not public, and map carried types to carried types.
"""

from __future__ import annotations

from picozoo import ops
from picozoo.errors import InvalidProgram, PicozooError
from picozoo.ir.program import Function, Node, Program


def verify(program: Program, after: str = "") -> Program:
    """Return `program` unchanged, or raise.

    Args:
        after: the pass that just ran, for the message.

    Raises:
        InvalidProgram: the first rule broken, where, and after which pass.
    """
    try:
        _arrays(program)
        for f in program.functions.values():
            _function(program, f)
    except InvalidProgram as e:
        raise InvalidProgram(f"{e}{f' (after pass {after!r})' if after else ''}") from None
    return program


def _arrays(program: Program) -> None:
    for kind, arrays, types in (
        ("constant", program.constants, program.constant_types),
        ("state", program.states, program.state_types),
    ):
        if arrays.keys() != types.keys():
            raise InvalidProgram(f"{kind} arrays and types differ: {sorted(arrays.keys() ^ types.keys())[:3]}")
        for ref, array in arrays.items():
            if array.shape != types[ref].shape or array.dtype != types[ref].numpy:
                raise InvalidProgram(f"{kind} {ref} is {array.dtype}{list(array.shape)}, declared as {types[ref]}")


def _function(program: Program, f: Function) -> None:
    defined = set(f.params)
    if len(defined) != len(f.params):
        raise InvalidProgram(f"function {f.name}: a parameter is named twice")
    names: set[str] = set()
    for node in f.nodes:
        where = f"function {f.name}, node {node.name!r} ({node.op})"
        for ref in node.inputs:
            _readable(program, f, defined, ref, where)
        for ref in node.outputs:
            if ref in defined or ref[:1] != "%" or ref not in f.types:
                raise InvalidProgram(f"{where}: output {ref} is defined twice or has no type")
            defined.add(ref)
        if node.name in names:
            raise InvalidProgram(f"{where}: the name is used twice in this function")
        names.add(node.name)
        _node(program, f, node, where)
    for ref in f.results:
        _readable(program, f, defined, ref, f"function {f.name}, results")
    for state, ref in f.updates.items():
        if state not in program.states:
            raise InvalidProgram(f"function {f.name} updates {state}, which is no state")
        _readable(program, f, defined, ref, f"function {f.name}, update of {state}")
        if program.type_of(f, ref) != program.state_types[state]:
            raise InvalidProgram(
                f"function {f.name}: update of {state} has type {program.type_of(f, ref)}, "
                f"the state has {program.state_types[state]}"
            )


def _readable(program: Program, f: Function, defined: set[str], ref: str, where: str) -> None:
    known = {"%": defined, "@": program.constants, "$": program.states}.get(ref[:1], ())
    if ref not in known:
        raise InvalidProgram(f"{where}: {ref or 'an empty reference'} is not defined before it is read")


def _node(program: Program, f: Function, node: Node, where: str) -> None:
    try:
        op = ops.get(node.op)
        if not isinstance(node.attrs, op.Attrs):
            raise InvalidProgram(f"attributes are {type(node.attrs).__name__}")
        ins, outs = program.in_types(f, node), program.out_types(f, node)
        inferred = op.infer_in(program, ins, node.attrs)
        op.check(ins, outs, node.attrs)
    except (PicozooError, ValueError, IndexError, TypeError) as e:
        raise InvalidProgram(f"{where}: {e}") from None
    if [t.shape for t in inferred] != [t.shape for t in outs]:
        raise InvalidProgram(
            f"{where}: output shapes are {[t.shape for t in outs]}, the operator gives {[t.shape for t in inferred]}"
        )
    if any(a.dtype != b.dtype for a, b in zip(inferred, outs, strict=True) if b.quant is None):
        raise InvalidProgram(
            f"{where}: output types are {[t.dtype for t in outs]}, the operator gives {[t.dtype for t in inferred]}"
        )
