"""PyTorch in: an nn.Module's public methods, through `torch.export`, become the functions of one program.

This file walks graphs and owns no operator. Which aten overload becomes which operator is written in the operator files
(`Op.aten`) and, where one overload becomes several operators, in `frontend/_composites.py` and `_torch_*.py`.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from picozoo.errors import Unsupported, UsageError
from picozoo.frontend._torch_context import (
    Context,
    input_name,
    numbers,
    overload,
    overload_name,
    readers,
    source,
    strip,
    tensor_type,
)
from picozoo.frontend._torch_decompose import decomposed
from picozoo.ir.program import Function, Program
from picozoo.ir.verify import verify

Examples = Mapping[str, Sequence[torch.Tensor]]


def capture(module: torch.nn.Module, examples: Examples | Sequence[torch.Tensor], *, name: str = "") -> Program:
    """Read an nn.Module as a program.

    Args:
        module: switched to eval mode for the capture and put back after it. Buffers that a method writes to become kept
            state; parameters and other buffers become constants.
        examples: example inputs of `forward`, or a mapping from method names to their example inputs. Shapes are fixed
            to those of the examples.
        name: of the program; by default the class name in lower case.

    Raises:
        Unsupported: aten operators without a reader, all of them at once, with their places in the user's source.
        UsageError: `examples` names a method the module does not have, or gives it inputs it cannot take.

    Example:
        >>> p = capture(torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.ReLU()), (torch.zeros(1, 2),), name="tiny")
        >>> [n.op for n in p.main.nodes]
        ['linear', 'relu']
    """
    functions = examples if isinstance(examples, Mapping) else {"forward": examples}
    training = module.training
    exchanged = isinstance(module, torch.fx.GraphModule)  # an exported graph has no modes to switch
    if not exchanged:
        module.eval()
    try:
        exported = {f: _export(module, f, tuple(x)) for f, x in functions.items()}
    finally:
        if not exchanged:
            module.train(training)
    refuse_unknown(exported)
    program = Program(name or type(module).__name__.lower())
    tensors = dict(module.named_parameters()) | dict(module.named_buffers())
    for ep in exported.values():
        declare_states(program, ep, tensors)
    for f, ep in exported.items():
        read_function(program, f, ep, tensors, _parameter_names(module, f))
    return verify(program, "capture")


def declare_states(program: Program, ep: ExportedProgram, tensors: Mapping[str, torch.Tensor]) -> None:
    """Buffers that a function writes to are kept state."""
    for spec in ep.graph_signature.output_specs:
        if spec.kind == OutputKind.BUFFER_MUTATION:
            ref = "$" + strip(str(spec.target))
            value = tensors[strip(str(spec.target))]
            program.states.setdefault(ref, numbers(value, ref))
            program.state_types[ref] = tensor_type(value, ref)


def _export(module: torch.nn.Module, method: str, inputs: tuple[torch.Tensor, ...]) -> ExportedProgram:
    if not callable(getattr(module, method, None)):
        raise UsageError(
            f"module {type(module).__name__} has no method {method!r}; give example inputs for methods it has"
        )

    call = _named_forward(module, method)

    class Method(torch.nn.Module):
        """`torch.export` exports `forward` only."""

        def __init__(self) -> None:
            super().__init__()
            self.m = module

        def forward(self, *args: torch.Tensor) -> Any:
            return call(*args)

    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            method_module = Method()
            method_module.training = False
            made = torch.export.export(method_module, inputs, strict=False).run_decompositions({})
    except Exception as e:  # torch.export raises many kinds; all mean that this method cannot be captured
        first = str(e).strip().splitlines()[0] if str(e).strip() else type(e).__name__
        raise Unsupported(
            f"torch.export cannot capture {type(module).__name__}.{method}: {first[:300]}. Write it without Python "
            f"control flow on tensor values (torch.where, torch.while_loop), with example inputs of the right shapes"
        ) from e
    return functional(made)


def _named_forward(module: torch.nn.Module, method: str) -> Callable[..., Any]:
    """The bound method, under the name `forward`: torch.export records source lines of frames of that name only."""
    fn = getattr(type(module), method, None)
    if method == "forward" or not isinstance(fn, FunctionType):
        return getattr(module, method)  # type: ignore[no-any-return]
    code = fn.__code__.replace(co_name="forward")
    clone = FunctionType(code, fn.__globals__, "forward", fn.__defaults__, fn.__closure__)
    clone.__kwdefaults__ = fn.__kwdefaults__
    return MethodType(clone, module)


def _graphs(ep: ExportedProgram) -> list[torch.fx.Graph]:
    return [m.graph for m in ep.graph_module.modules() if isinstance(m, torch.fx.GraphModule)]


def refuse_unknown(exported: Mapping[str, ExportedProgram]) -> None:
    """Raise Unsupported for aten overloads that nothing reads, all of them at once, with their places."""
    missing: list[str] = []
    places = [source(n) or f"method {f}" for f, ep in exported.items() for n in _unread(ep) if _of_sizes(n)]
    if places:
        raise Unsupported(
            f"a size that depends on values at {', '.join(dict.fromkeys(places))}; write it with sizes that are known: "
            "torch.where in place of x[mask], masked sums in place of nonzero"
        )
    for f, ep in exported.items():
        missing += [f"{_called(n)} at {source(n) or f'method {f}'}" for n in _unread(ep)]
    if missing:
        listed = "; ".join(dict.fromkeys(missing))
        raise Unsupported(
            f"no operator for {listed}. See CONTRIBUTING.md, 'Add an operator', or write it with supported ones"
        )


def _of_sizes(node: torch.fx.Node) -> bool:
    """Does it calculate with sizes that are not known?"""
    return not isinstance(node.target, torch._ops.OpOverload) or overload(node).startswith("sym_")


def _called(node: torch.fx.Node) -> str:
    """The overload that nothing reads, and the function of the user that PyTorch made it of, if that is another."""
    said, first = overload(node), node.meta.get("from_node") or []
    while first and first[-1].from_node:
        first = first[-1].from_node
    user = re.sub(r"(_default)?(_\d+)?$", "", str(first[-1].name)) if first else ""
    said = overload_name(node.meta.get("original_aten")) if said.startswith("prims") else said
    return said if not user or user in said else f"{said} (of {user})"


def functional(made: ExportedProgram) -> ExportedProgram:
    """What nothing reads written in what is read, where PyTorch knows how."""
    return decomposed(made, lambda ep: [n.target for n in _unread(ep)])


def _unread(ep: ExportedProgram) -> list[torch.fx.Node]:
    calls = [n for graph in _graphs(ep) for n in graph.nodes if n.op == "call_function"]
    return [n for n in calls if overload(n) not in readers() and not _structural(n)]


def _structural(node: torch.fx.Node) -> bool:
    return (
        getattr(node.target, "__name__", "") == "getitem"
        or str(node.target) == "while_loop"
        or "assert" in str(node.target)
    )


def _parameter_names(module: torch.nn.Module, method: str) -> list[str]:
    """What the user calls the inputs of a method; empty where the signature does not say."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in inspect.signature(getattr(module, method)).parameters.values() if p.kind in kinds]
    return [n for n in names if n.isascii() and n.isidentifier()]


def read_function(
    program: Program, name: str, ep: ExportedProgram, tensors: Mapping[str, torch.Tensor], inputs: Sequence[str]
) -> None:
    """Add a function to the program: the graph of one exported method; `inputs` are names for its parameters."""
    f = Function(name, (), (), [], {})
    ctx = Context(program, f)
    specs = {s.arg.name: s for s in ep.graph_signature.input_specs}
    lifted = dict(tensors) | {k: v for k, v in ep.constants.items() if isinstance(v, torch.Tensor)}
    k = 0
    for node in ep.graph.nodes:
        if node.op != "placeholder":
            continue
        spec = specs[node.name]
        if spec.kind == InputKind.USER_INPUT:
            if not isinstance(node.meta.get("val"), torch.Tensor):
                raise Unsupported(f"{name}: input {node.name} is not a tensor")
            ref = f.fresh(f"%{inputs[k]}" if k < len(inputs) else input_name(k))
            k += 1
            f.types[ref] = tensor_type(node.meta["val"], f"{name}: input {ref[1:]}")
            f.params = (*f.params, ref)
            ctx.values[node] = ref
        else:
            assert spec.target is not None
            target = strip(spec.target)
            ctx.tensors[node] = (target, lifted.get(target, lifted.get(spec.target)))
    output = ctx.walk(ep.graph)
    for spec, arg in zip(ep.graph_signature.output_specs, output, strict=True):
        if spec.kind == OutputKind.BUFFER_MUTATION:
            f.updates["$" + strip(spec.target)] = ctx.ref(arg)
        elif spec.kind == OutputKind.USER_OUTPUT:
            f.results = (*f.results, ctx.ref(arg))
    program.functions[name] = f
