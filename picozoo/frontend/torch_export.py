"""PyTorch in: an nn.Module's public methods, through `torch.export`, become the functions of one program.

This file walks graphs and owns no operator. Which aten overload becomes which operator is written in the operator files
(`Op.aten`) and, where one overload becomes several operators, in `frontend/_composites.py`.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from picozoo import find, ops
from picozoo.errors import Unsupported, UsageError
from picozoo.frontend import _composites, _torch_qdq, _torch_recurrent
from picozoo.ir.program import Function, Node, Program
from picozoo.ir.verify import verify
from picozoo.ops.cast import CastAttrs
from picozoo.ops.expand import ExpandAttrs
from picozoo.ops.reshape import ReshapeAttrs
from picozoo.ops.transpose import TransposeAttrs
from picozoo.ops.while_loop import WhileLoopAttrs
from picozoo.specs import TensorType

Examples = Mapping[str, Sequence[torch.Tensor]]
_DTYPES = {
    torch.float32: "f32",
    torch.int8: "i8",
    torch.uint8: "u8",
    torch.int16: "i16",
    torch.int32: "i32",
    torch.int64: "i64",
    torch.bool: "bool",
}


@cache
def readers() -> dict[str, tuple[str, Callable[..., Any]]]:
    """aten overload -> (operator or "composite", reader)."""
    table: dict[str, tuple[str, Callable[..., Any]]] = {}
    for name in ops.names():
        for overload, read in ops.get(name).aten.items():
            assert overload not in table, f"{overload} is read by {table[overload][0]} and {name}"
            table[overload] = (name, read)
    several = _composites.READERS | _torch_qdq.READERS | _torch_recurrent.READERS
    return table | {k: ("composite", v) for k, v in several.items()}


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
            ref = "$" + _strip(str(spec.target))
            value = tensors[_strip(str(spec.target))]
            program.states.setdefault(ref, _numpy(value, ref))
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
            made = torch.export.export(method_module, inputs, strict=False)
            functional: ExportedProgram = made.run_decompositions({})
            return functional
    except Exception as e:  # torch.export raises many kinds; all mean that this method cannot be captured
        first = str(e).strip().splitlines()[0] if str(e).strip() else type(e).__name__
        raise Unsupported(
            f"torch.export cannot capture {type(module).__name__}.{method}: {first[:300]}. Write it without Python "
            f"control flow on tensor values (torch.where, torch.while_loop), with example inputs of the right shapes"
        ) from e


def _named_forward(module: torch.nn.Module, method: str) -> Callable[..., Any]:
    """The bound method, under the name `forward`: torch.export records source lines of frames of that name only."""
    fn = getattr(type(module), method, None)
    if method == "forward" or not isinstance(fn, FunctionType):
        return getattr(module, method)  # type: ignore[no-any-return]
    code = fn.__code__.replace(co_name="forward")
    clone = FunctionType(code, fn.__globals__, "forward", fn.__defaults__, fn.__closure__)
    clone.__kwdefaults__ = fn.__kwdefaults__
    return MethodType(clone, module)


def _overload(node: torch.fx.Node) -> str:
    """`conv2d.default` for torch.ops.aten.conv2d.default; other targets as they print.

    An operator that changes its inputs stands wrapped in the graph; it is the one inside.
    """
    return re.sub(r"^aten[.:]+", "", str(node.args[0] if _wrapped(node) else node.target))


def _wrapped(node: torch.fx.Node) -> bool:
    """A custom operator that changes its inputs: the graph has the new values as further outputs instead."""
    return str(node.target).startswith("auto_functionalized")


def _unwrapped(node: torch.fx.Node) -> dict[str, Any]:
    """Arguments of the operator inside, by name; what it changes is named by an index into a list."""
    given = dict(node.kwargs)
    bases: Any = given.pop("_all_bases", ())
    ends = "_base_index"
    for name in [k for k in given if k.endswith(ends)]:
        given[name[1 : -len(ends)]] = bases[given.pop(name)]
    return given


def _graphs(ep: ExportedProgram) -> list[torch.fx.Graph]:
    return [m.graph for m in ep.graph_module.modules() if isinstance(m, torch.fx.GraphModule)]


def refuse_unknown(exported: Mapping[str, ExportedProgram]) -> None:
    """Raise Unsupported for aten overloads that nothing reads, all of them at once, with their places."""
    missing = []
    for f, ep in exported.items():
        for graph in _graphs(ep):
            for node in graph.nodes:
                if node.op == "call_function" and _overload(node) not in readers() and not _structural(node):
                    missing.append(f"{_overload(node)} at {_source(node) or f'method {f}'}")
    if missing:
        listed = "; ".join(dict.fromkeys(missing))
        raise Unsupported(
            f"no operator for {listed}. See CONTRIBUTING.md, 'Add an operator', or write it with supported ones"
        )


def _structural(node: torch.fx.Node) -> bool:
    return (
        getattr(node.target, "__name__", "") == "getitem"
        or str(node.target) == "while_loop"
        or "assert" in str(node.target)
    )


def _strip(target: str) -> str:
    return target.removeprefix("m.")


def _source(node: torch.fx.Node) -> str:
    """Last place in the trace that is not PyTorch's own: `file.py:31`."""
    frames = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    frames = [(f, n) for f, n in frames if "/torch/" not in f and "<" not in f and "torch_export.py" not in f]
    return f"{frames[-1][0].rsplit('/', 1)[-1]}:{frames[-1][1]}" if frames else ""


def tensor_type(value: torch.Tensor, what: str) -> TensorType:
    """Type of a tensor; raises Unsupported for element types and shapes that the IR does not have."""
    if value.dtype not in _DTYPES:
        raise Unsupported(
            f"{what} has element type {value.dtype}; use float32, int8, uint8, int16, int32, int64 or bool"
        )
    if any(not isinstance(d, int) for d in value.shape):
        raise Unsupported(f"{what} has a dynamic shape {tuple(value.shape)}; export with fixed example shapes")
    return TensorType(tuple(value.shape), _DTYPES[value.dtype])


def _numpy(value: torch.Tensor, what: str) -> np.ndarray:
    tensor_type(value, what)
    return value.detach().cpu().contiguous().numpy().copy()


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
            ref = f.fresh(f"%{inputs[k]}" if k < len(inputs) else _input_name(k))
            k += 1
            f.types[ref] = tensor_type(node.meta["val"], f"{name}: input {ref[1:]}")
            f.params = (*f.params, ref)
            ctx.values[node] = ref
        else:
            assert spec.target is not None
            target = _strip(spec.target)
            ctx.tensors[node] = (target, lifted.get(target, lifted.get(spec.target)))
    output = ctx.walk(ep.graph)
    for spec, arg in zip(ep.graph_signature.output_specs, output, strict=True):
        if spec.kind == OutputKind.BUFFER_MUTATION:
            f.updates["$" + _strip(spec.target)] = ctx.ref(arg)
        elif spec.kind == OutputKind.USER_OUTPUT:
            f.results = (*f.results, ctx.ref(arg))
    program.functions[name] = f


def _input_name(k: int) -> str:
    return "%x" if k == 0 else f"%x{k}"


class Context:
    """What a reader may ask for while one graph is read. Values are passed as references (strings)."""

    def __init__(self, program: Program, function: Function, values: dict[torch.fx.Node, Any] | None = None) -> None:
        self.program, self.function = program, function
        self.values: dict[torch.fx.Node, Any] = values if values is not None else {}
        self.tensors: dict[torch.fx.Node, tuple[str, Any]] = {}
        self.node: Any = None

    # -- walking ------------------------------------------------------------------------------------------------------
    def walk(self, graph: torch.fx.Graph) -> list[Any]:
        """Read every node; returns the arguments of the output node."""
        for node in graph.nodes:
            if node.op == "output":
                out = node.args[0]
                return list(out) if isinstance(out, tuple | list) else [out]
            if node.op == "call_function":
                self.node = node
                self.values[node] = self._read(node)
        return []

    def _read(self, node: torch.fx.Node) -> Any:
        if str(node.target) == "while_loop":
            return self._while_loop(node)
        if getattr(node.target, "__name__", "") == "getitem":
            return self.values[node.args[0]][node.args[1]]  # type: ignore[index]
        if "assert" in str(node.target):
            return None
        _, read = readers()[_overload(node)]
        try:
            return read(self, **_unwrapped(node)) if _wrapped(node) else read(self, *node.args, **node.kwargs)
        except (Unsupported, UsageError) as e:
            place = _source(node) or f"method {self.function.name}"
            raise Unsupported(f"{_overload(node)} at {place}: {e}") from None

    def _while_loop(self, node: torch.fx.Node) -> list[str]:
        cond, body, carried, extra = node.args
        ins = [self.ref(a) for a in (*carried, *extra)]  # type: ignore[misc]
        names = []
        for part, attr in (("cond", cond), ("body", body)):
            graph = getattr(node.graph.owning_module, str(attr.target)).graph  # type: ignore[union-attr]
            names.append(self._region(f"{self.function.name}.{part}", graph, ins))
        attrs = WhileLoopAttrs(names[0], names[1], len(carried))  # type: ignore[arg-type]
        refs = self.emit("while_loop", ins, attrs, name="loop")
        return refs if isinstance(refs, list) else [refs]

    def _region(self, name: str, graph: torch.fx.Graph, ins: list[str]) -> str:
        base, k = name, 1
        while name in self.program.functions:
            name, k = f"{base}{k}", k + 1
        region = Function(name, (), (), [], {}, public=False)
        self.program.functions[name] = region
        ctx = Context(self.program, region)
        for node, ref in zip((n for n in graph.nodes if n.op == "placeholder"), ins, strict=True):
            p = region.fresh(_input_name(len(region.params)))
            region.types[p] = self.type(ref)
            region.params = (*region.params, p)
            ctx.values[node] = p
        region.results = tuple(ctx.ref(r) for r in ctx.walk(graph))
        return name

    # -- what readers ask ---------------------------------------------------------------------------------------------
    @property
    def out_value(self) -> Any:
        """PyTorch's own description of what the node gives (its first output)."""
        value = self.node.meta["val"]
        return value[0] if isinstance(value, tuple | list) else value

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of the node's first output."""
        return tuple(self.out_value.shape)

    @property
    def out_dtype(self) -> str:
        """Element type of the node's first output."""
        return tensor_type(self.out_value, f"output of {_overload(self.node)}").dtype

    def type(self, ref: str) -> TensorType:
        """Type of a value of the function being captured."""
        return self.program.type_of(self.function, ref)

    def hint(self, arg: Any) -> str:
        """Name of a parameter or buffer, for naming constants made from it."""
        if not isinstance(arg, torch.fx.Node):
            return "c"
        return self.tensors[arg][0] if arg in self.tensors else str(getattr(arg, "name", "c"))

    def array(self, arg: Any, what: str) -> np.ndarray:
        """The numbers of a constant argument. Raises Unsupported if it is computed or kept state."""
        if isinstance(arg, torch.fx.Node) and arg in self.tensors and not self.changes(arg):
            name, value = self.tensors[arg]
            return _numpy(value, name)
        ref = self.values.get(arg)
        array = self.program.constant(ref) if isinstance(ref, str) else None
        if array is None:
            raise Unsupported(f"{what} must be constant here; they are computed or change")
        return array

    def changes(self, arg: Any) -> bool:
        """Is the argument kept state?"""
        held = isinstance(arg, torch.fx.Node) and arg in self.tensors
        return held and "$" + self.tensors[arg][0] in self.program.states

    def const(self, array: np.ndarray, hint: str, dtype: str = "") -> str:
        """A constant of the program; its reference."""
        array = np.asarray(array)
        kind = dtype or {"float64": "f32", "float32": "f32", "bool": "bool"}.get(
            array.dtype.name, f"i{array.dtype.itemsize * 8}"
        )
        kind = "u8" if array.dtype == np.uint8 and not dtype else kind
        t = TensorType(array.shape, kind)
        return self.program.add_constant(hint, array.astype(t.numpy), t)

    def ref(self, arg: Any, dtype: str = "") -> str:
        """Reference of an fx node, number or reference, cast to `dtype` if given."""
        if isinstance(arg, bool | int | float):
            kind = dtype or ("bool" if isinstance(arg, bool) else "f32" if isinstance(arg, float) else "i64")
            return self.const(np.array(arg), f"c.{arg}".replace("-", "m"), kind)
        if isinstance(arg, torch.fx.Node):
            arg = self._node_ref(arg)
        if not isinstance(arg, str):
            raise Unsupported(f"an argument of kind {type(arg).__name__} is not supported here")
        if dtype and self.type(arg).dtype != dtype:
            value = self.program.constant(arg)
            if value is not None and value.dtype.kind != "f":
                return self.const(value, arg, dtype)
            return str(self.emit("cast", [arg], CastAttrs(dtype)))
        return arg

    def _node_ref(self, node: torch.fx.Node) -> str:
        if node in self.tensors:
            name, value = self.tensors[node]
            if "$" + name in self.program.states:
                return "$" + name
            self.values[node] = self.program.add_constant(name, _numpy(value, name), tensor_type(value, name))
        value = self.values[node]
        return str(value[0] if isinstance(value, list) else value)

    def index(self, arg: Any) -> str:
        """An integer index; a constant one is stored as narrow as its values allow."""
        ref = self.ref(arg)
        value = self.program.constant(ref)
        if value is None or value.dtype.kind not in "iu":
            return ref
        top = int(value.max(initial=0))
        kind = "i16" if value.min(initial=0) >= 0 and top < 1 << 15 else "i32"
        return self.const(value, ref, kind)

    def promote(self, *args: Any) -> str:
        """The type PyTorch computes in for these arguments."""
        vals = [a.meta["val"] if isinstance(a, torch.fx.Node) else a for a in args]
        vals = [
            torch.empty(self.type(v).shape, dtype=_torch_dtype(self.type(v).dtype)) if isinstance(v, str) else v
            for v in vals
        ]
        if len(vals) == 1:
            return _DTYPES[vals[0].dtype] if isinstance(vals[0], torch.Tensor) else "f32"
        return _DTYPES[torch.result_type(vals[0], vals[1])]

    def emit(self, op: str, inputs: Sequence[str], attrs: Any = None, name: str = "") -> Any:
        """Append a node; its outputs get the inferred types. Returns the reference, or a list for several outputs."""
        operator = ops.get(op)
        attrs = operator.Attrs() if attrs is None else attrs
        ins = [self.type(r) for r in inputs]
        types = operator.infer_in(self.program, ins, attrs)
        label = self._label(name or self._layer_name(op))
        outs = []
        for t in types:
            ref = self.function.fresh(label)
            self.function.types[ref] = t
            outs.append(ref)
        self.function.nodes.append(Node(op, label, tuple(inputs), tuple(outs), attrs, _source(self.node)))
        return outs[0] if len(outs) == 1 else outs

    def _layer_name(self, op: str) -> str:
        """Module path (`features.0`) for the operators of a module, else PyTorch's node name."""
        stack = list((self.node.meta.get("nn_module_stack") or {}).values())
        paths = [re.sub(r"^L\['self'\]\.?", "", str(p[0])) for p in stack]
        path = next((_strip(p) for p in reversed(paths) if _strip(p) not in ("", "m")), "")
        main = _overload(self.node).split(".")[0]
        own = main.lstrip("_").startswith(op.split("_")[0][:4])
        return path if path and own else f"{path}.{op}" if path else op

    def _label(self, base: str) -> str:
        base = re.sub(r"[^A-Za-z0-9_.]", "_", base)
        taken = {n.name for n in self.function.nodes}
        label, k = base, 1
        while label in taken:
            label, k = f"{base}_{k}", k + 1
        return label

    def reshape(self, ref: Any, shape: Sequence[int]) -> str:
        """A view of a value in another shape; the value itself if it has that shape."""
        ref = self.ref(ref)
        shape = tuple(int(d) for d in shape)
        return ref if self.type(ref).shape == shape else str(self.emit("reshape", [ref], ReshapeAttrs(shape)))

    def expand(self, ref: str, shape: Sequence[int]) -> str:
        """A value broadcast to a shape; the value itself if it has that shape."""
        shape = tuple(int(d) for d in shape)
        return ref if self.type(ref).shape == shape else str(self.emit("expand", [ref], ExpandAttrs(shape)))

    def to_last(self, ref: str) -> str:
        """[N, C, H, W] -> [N, H, W, C]."""
        return str(self.emit("transpose", [ref], TransposeAttrs((0, 2, 3, 1))))

    def to_first(self, ref: str) -> str:
        """[N, H, W, C] -> [N, C, H, W]."""
        return str(self.emit("transpose", [ref], TransposeAttrs((0, 3, 1, 2))))


def _torch_dtype(dtype: str) -> torch.dtype:
    return next(t for t, name in _DTYPES.items() if name == dtype)


def near_overload(name: str) -> str:
    """The sentence for an overload nobody reads, with the nearest ones that are."""
    return find.unknown("aten overload", name, list(readers()))
