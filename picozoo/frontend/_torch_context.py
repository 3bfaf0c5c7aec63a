"""What the readers of aten overloads may ask for while a graph of `torch.export` is read, and the table of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch

from picozoo import ops
from picozoo.errors import Unsupported, UsageError
from picozoo.frontend import (
    _composites,
    _torch_complex,
    _torch_math,
    _torch_moves,
    _torch_nn,
    _torch_qdq,
    _torch_recurrent,
)
from picozoo.frontend._torch_onnx import as_node
from picozoo.ir.program import Function, Node, Program
from picozoo.ops.cast import CastAttrs
from picozoo.ops.expand import ExpandAttrs
from picozoo.ops.reshape import ReshapeAttrs
from picozoo.ops.transpose import TransposeAttrs
from picozoo.ops.while_loop import WhileLoopAttrs
from picozoo.specs import TensorType

_DTYPES = {
    torch.float32: "f32",
    torch.int8: "i8",
    torch.uint8: "u8",
    torch.int16: "i16",
    torch.int32: "i32",
    torch.int64: "i64",
    torch.bool: "bool",
    torch.complex64: "f32",  # each of the two parts
    torch.float16: "f32",  # rounded to it where a value is converted, calculated in float32
    torch.bfloat16: "f32",
}
_NARROW = {torch.float16: "float16", torch.bfloat16: "bfloat16"}
_PYTORCH = re.compile(rf"(site|dist)-packages/torch/|^{re.escape(next(iter(torch.__path__)))}/")  # its own files
_MOST_KNOWN = 1 << 20  # bytes of a value that is computed while a graph is read
_MOST_WORK = 1 << 16  # multiply-accumulates of it


@cache
def readers() -> dict[str, tuple[str, Callable[..., Any]]]:
    """aten overload -> (operator or "composite", reader)."""
    table: dict[str, tuple[str, Callable[..., Any]]] = {}
    for name in ops.names():
        for said, read in ops.get(name).aten.items():
            assert said not in table, f"{said} is read by {table[said][0]} and {name}"
            table[said] = (name, read)
    for part in (_composites, _torch_qdq, _torch_nn, _torch_math, _torch_moves):
        for said, read in part.READERS.items():
            assert said not in table, f"{said} is read by {table[said][0]} and {part.__name__}"
            table[said] = ("composite", read)
    for more in (_composites.ALIASES, _torch_recurrent.READERS):
        assert not (twice := table.keys() & more), f"read twice: {', '.join(twice)}"
        table |= more
    return table | {k: ("composite", v) for k, v in _torch_complex.OWN.items()}


def overload(node: torch.fx.Node) -> str:
    """`conv2d.default` for torch.ops.aten.conv2d.default; other targets as they print.

    An operator that changes its inputs stands wrapped in the graph; it is the one inside.
    """
    return overload_name(node.args[0] if _wrapped(node) else node.target)


def overload_name(target: Any) -> str:
    """As `overload`, of what a node calls."""
    return re.sub(r"^aten[.:]+", "", str(target))


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


def strip(target: str) -> str:
    """A name in the exported module as the user knows it."""
    return target.removeprefix("m.")


def source(node: torch.fx.Node) -> str:
    """Last place in the trace that is not PyTorch's own: `file.py:31`."""
    frames = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    frames = [(f, n) for f, n in frames if not _PYTORCH.search(f) and "<" not in f and "torch_export.py" not in f]
    return f"{frames[-1][0].rsplit('/', 1)[-1]}:{frames[-1][1]}" if frames else ""


def tensor_type(value: torch.Tensor, what: str) -> TensorType:
    """Type of a tensor; raises Unsupported for element types and shapes that the IR does not have."""
    if value.dtype not in _DTYPES or (
        (value.is_complex() or value.dtype in _NARROW) and not what.startswith("output of")
    ):
        raise Unsupported(
            f"{what} has element type {value.dtype}; use float32, int8, uint8, int16, int32, int64 or bool"
        )
    if any(not isinstance(d, int) for d in value.shape):
        raise Unsupported(f"{what} has a dynamic shape {tuple(value.shape)}; export with fixed example shapes")
    return TensorType(tuple(value.shape), _DTYPES[value.dtype])


def numbers(value: torch.Tensor, what: str) -> np.ndarray:
    """A tensor as a new array; raises as `tensor_type`."""
    tensor_type(value, what)
    return value.detach().cpu().contiguous().numpy().copy()


def input_name(k: int) -> str:
    """Reference of input k where the signature gives no name."""
    return "%x" if k == 0 else f"%x{k}"


class Context:
    """What a reader may ask for while one graph is read. Values are passed as references (strings)."""

    def __init__(self, program: Program, function: Function, values: dict[torch.fx.Node, Any] | None = None) -> None:
        self.program, self.function = program, function
        self.values: dict[torch.fx.Node, Any] = values if values is not None else {}
        self.tensors: dict[torch.fx.Node, tuple[str, Any]] = {}
        self.node: Any = None
        self.makers: dict[str, Node] = {}  # reference -> the node that makes it
        self.computed: dict[str, np.ndarray | None] = {}  # what `known` found

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
        _, read = readers()[overload(node)]
        try:
            if _wrapped(node):
                return read(self, **_unwrapped(node))
            if any(self.complex_of(a) is not None for a in node.all_input_nodes):
                return _torch_complex.read(self, overload(node), read, node.args, dict(node.kwargs))
            return read(self, *node.args, **node.kwargs)
        except (Unsupported, UsageError) as e:
            place = source(node) or f"method {self.function.name}"
            raise Unsupported(f"{overload(node)} at {place}: {e}") from None

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
            p = region.fresh(input_name(len(region.params)))
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
        return tensor_type(self.out_value, f"output of {overload(self.node)}").dtype

    @property
    def narrow(self) -> str:
        """The node's element type if it is a float narrower than float32 and its first input is not of it; else ""."""
        given = self.node.args[0].meta["val"].dtype if isinstance(self.node.args[0], torch.fx.Node) else None
        return "" if given == self.out_value.dtype else _NARROW.get(self.out_value.dtype, "")

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
            return numbers(value, name)
        ref = self.values.get(arg)
        array = self.known(ref) if isinstance(ref, str) else None
        if array is None:
            raise Unsupported(f"{what} must be constant here; they are computed or change")
        return array

    def known(self, ref: str) -> np.ndarray | None:
        """The numbers of a value that is constant, or computed from constants; else None."""
        if ref[0] == "@":
            return self.program.constant(ref)
        if ref not in self.computed and ref[0] == "%":
            self.computed[ref] = self._compute(ref)
        return self.computed.get(ref)

    def _compute(self, ref: str) -> np.ndarray | None:
        node = self.makers.get(ref)
        if node is None or ops.get(node.op).regions(node.attrs):
            return None
        ins, outs = [self.type(r) for r in node.inputs], [self.type(r) for r in node.outputs]
        work = ops.get(node.op).macs(ins, outs, node.attrs)
        if max(t.nbytes for t in (*ins, *outs)) > _MOST_KNOWN or work > _MOST_WORK:
            return None
        args = [self.known(r) for r in node.inputs]
        if any(a is None for a in args):
            return None
        with np.errstate(all="ignore"):
            made = ops.get(node.op).reference([a for a in args if a is not None], ins, outs, node.attrs)
        k = node.outputs.index(ref)
        return np.asarray(made[k]).astype(outs[k].numpy).reshape(outs[k].shape)

    def read(self, said: str, *args: Any, **named: Any) -> Any:
        """What another overload would give in place of this node."""
        return readers()[said][1](self, *args, **named)

    def as_node(self, kind: str, inputs: Sequence[Any], outputs: int = 1, **attributes: Any) -> Any:
        """What a node of ONNX would give in place of this one; see `_torch_onnx.as_node`."""
        return as_node(self, kind, inputs, outputs, **attributes)

    def read_later(self, k: int) -> bool:
        """Does anything read output k of the node? Gradients do not: they look for the places again."""
        users = [u for u in self.node.users if getattr(u.target, "__name__", "") == "getitem" and u.args[1] == k]
        return any(not overload(r).endswith("_backward.default") for u in users for r in u.users)

    def only_first(self) -> None:
        """Raise Unsupported if anything reads another output than the first."""
        if any(self.read_later(k) for k in range(1, len(self.node.meta["val"]))):
            raise Unsupported("only its first output is supported; the others are read in this network")

    def complex_of(self, arg: Any) -> _torch_complex.Complex | None:
        """Both parts of a complex value; None for others."""
        found = self.values.get(arg) if isinstance(arg, torch.fx.Node) else None
        return found if isinstance(found, _torch_complex.Complex) else None

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
            self.values[node] = self.program.add_constant(name, numbers(value, name), tensor_type(value, name))
        value = self.values[node]
        if isinstance(value, _torch_complex.Complex):
            raise Unsupported("complex numbers; give torch.view_as_real of them")
        return str(value[0] if isinstance(value, list) else value)

    def index(self, arg: Any, size: int = 0) -> str:
        """An integer index; a constant one is stored as narrow as its values allow.

        Args:
            size: of the dimension, if negative ones count from its end.
        """
        ref = self.ref(arg)
        value = self.known(ref)
        if value is None or value.dtype.kind not in "iu":
            return ref
        value = np.where(value < 0, value.astype(np.int64) + size, value) if size else value
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
        self.function.nodes.append(Node(op, label, tuple(inputs), tuple(outs), attrs, source(self.node)))
        self.makers |= dict.fromkeys(outs, self.function.nodes[-1])
        return outs[0] if len(outs) == 1 else outs

    def _layer_name(self, op: str) -> str:
        """Module path (`features.0`) for the operators of a module, else PyTorch's node name."""
        stack = list((self.node.meta.get("nn_module_stack") or {}).values())
        paths = [re.sub(r"^L\['self'\]\.?", "", str(p[0])) for p in stack]
        path = next((strip(p) for p in reversed(paths) if strip(p) not in ("", "m")), "")
        main = overload(self.node).split(".")[0]
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
