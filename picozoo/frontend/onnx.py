"""ONNX in: an `.onnx` file becomes a program that computes what ONNX's operators are defined to compute.

This file walks graphs and owns no operator. Which node type becomes which of our operators, and how its attributes are
read, is written in the operator files (`Op.onnx`) and, where one becomes several, in the `_onnx_*.py` files beside this
one. Whatever has no reader but a function body, in the file or in ONNX's own schemas, is read through that body.

Shapes are fixed: the batch is 1 unless the caller says otherwise, other open dimensions the caller gives; everything
that follows from constants and shapes is computed here, loops with a known count are unrolled, and branches on a known
condition are chosen. An input that an operator needs while it is read (axes, sizes) can be fixed to a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from picozoo import find, ops
from picozoo.errors import BadFile, PicozooError, Unsupported, UsageError
from picozoo.frontend._dims import Dim, Input, close
from picozoo.frontend._onnx_advice import advice
from picozoo.frontend._onnx_builder import MAX_NODES, Builder, NeedsConstant, Scope, clean
from picozoo.frontend._onnx_builder import Sequence as List
from picozoo.frontend._onnx_call import Call
from picozoo.frontend._onnx_file import KIND_OF, KINDS, MAX_BYTES, RANGES, dtype_of_kind, module, parse
from picozoo.ir.program import Function, Program
from picozoo.ir.verify import verify
from picozoo.specs import TensorType

SUFFIXES = (".onnx",)
TAKES = ("shapes", "dims", "fixed")  # what `read` takes besides the path
OLDEST = 7  # operator set; of older ones, nodes whose meaning has not changed since
_NAMED = 12  # most operators listed in one message
_DEPTH = 24  # of graphs in graphs and functions in functions
_PARTS = ("shapes", "math", "nn", "recurrent", "quant", "signal", "control", "ml", "models", "trees", "sequences")
# Arithmetic whose result may leave the range of an integer type that is held in a wider one.
_OVERFLOWS = {"Add", "Sub", "Mul", "Neg", "BitShift", "BitwiseNot", "Sum", "ReduceSum", "ReduceProd", "CumSum", "Pow"}


@cache
def readers() -> dict[str, tuple[str, Callable[..., Any]]]:
    """Node type ("Conv", "ai.onnx.ml.Binarizer") -> (operator file or "composite", reader)."""
    import importlib

    table: dict[str, tuple[str, Callable[..., Any]]] = {}
    for name in ops.names():
        for kind, read_ in ops.get(name).onnx.items():
            assert kind not in table, f"{kind} is read by {table[kind][0]} and {name}"
            table[kind] = (name, read_)
    for part in _PARTS:
        found = importlib.import_module(f"picozoo.frontend._onnx_{part}").READERS
        assert not table.keys() & found.keys(), table.keys() & found.keys()
        table |= {k: ("composite", v) for k, v in found.items()}
    return table


def read(
    path: Path,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    fixed: Mapping[str, np.ndarray] | None = None,
) -> Program:
    """Read an ONNX file as a program with one function, `forward`.

    Args:
        shapes, dims: input -> its shape, and name -> size, of dimensions that the file leaves open; see `_dims.close`.
        fixed: input -> its value; it then is a constant and no input of the program.

    Raises:
        BadFile: missing, truncated, hostile, or not an ONNX file.
        Unsupported: node types, or forms of them, that picozoo cannot compile: all of them at once, with their names.
        MissingTool: the package onnx is not installed.
        UsageError: a dimension is open; `shapes`, `dims` or `fixed` name nothing in the file, or do not fit it.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadFile(f"{path}: {size} bytes is larger than the limit of {MAX_BYTES}")
        data = path.read_bytes()
    except OSError as e:
        raise BadFile(f"{path}: cannot be read ({e.strerror}). Check the path") from e
    try:
        return from_bytes(data, path.stem, shapes, fixed, path.parent, dims)
    except NeedsConstant as e:
        raise NeedsConstant(f"{path}: {e}", e.inputs) from None
    except Unsupported as e:
        raise Unsupported(f"{path}: {e}") from None
    except UsageError as e:
        raise UsageError(f"{path}: {e}") from None
    except BadFile as e:
        raise BadFile(f"{path}: {e}. Export or get the file again") from None


def from_bytes(
    data: bytes,
    name: str,
    shapes: Mapping[str, Sequence[int]] | None = None,
    fixed: Mapping[str, np.ndarray] | None = None,
    folder: Path | None = None,
    dims: Mapping[str, int] | None = None,
) -> Program:
    """As `read`, from memory; `name` becomes the program's, `folder` is where external data may lie."""
    model = parse(data)
    try:
        with np.errstate(all="ignore"):  # absurd numbers give absurd constants, as they do on the board
            return _program(model, name, shapes or {}, dims or {}, fixed or {}, folder)
    except (Unsupported, UsageError, BadFile):
        raise
    except (PicozooError, ValueError, OverflowError, MemoryError, LookupError, TypeError, AttributeError) as e:
        raise BadFile(f"truncated or damaged ({type(e).__name__}: {str(e)[:200]})") from e
    except (RecursionError, ZeroDivisionError, AssertionError, RuntimeError) as e:
        raise BadFile(f"truncated or damaged ({type(e).__name__}: {str(e)[:200]})") from e


def _program(model: Any, name: str, shapes: Any, dims: Any, fixed: Any, folder: Path | None) -> Program:
    program, function = Program(name), Function("forward", (), (), [], {})
    program.functions["forward"] = function
    builder = Builder(program, function, model, folder)
    scope = Scope({("" if o.domain == "ai.onnx" else o.domain): o.version for o in model.opset_import})
    _refuse_unknown(builder, scope)
    graph = model.graph
    if graph.sparse_initializer:
        raise Unsupported("constants are stored sparse; convert the model without sparsity")
    scope.tensors = {t.name: t for t in graph.initializer}
    _inputs(builder, scope, graph, shapes, dims, fixed)
    walk(builder, graph.node, scope)
    call = Call(builder, module().NodeProto(name="output", op_type="output"), scope)
    if not graph.output:
        raise BadFile("the graph has no outputs")
    function.results = tuple(call.named(o.name) for o in graph.output)
    for ref, o in zip(function.results, graph.output, strict=True):
        if isinstance(ref, List):
            raise Unsupported(f"output {o.name[:80]!r} is a sequence; give its tensors as outputs of their own")
    for ref, o in zip(function.results, graph.output, strict=True):
        if ref in builder.kinds and KINDS[builder.kinds[ref]][0] not in ("float32",):
            program.meta.setdefault(f"onnx.kind.{o.name}", KINDS[builder.kinds[ref]][0])
    if any(n.op == "quantize" for n in function.nodes):
        program.meta["pairs"] = "pairs that are still to become integer operators"
    if model.producer_name:
        program.meta["onnx"] = f"{model.producer_name} {model.producer_version}".strip()[:200]
    return verify(program, "reading")


def _inputs(builder: Builder, scope: Scope, graph: Any, shapes: Any, dims: Any, fixed: Any) -> None:
    function = builder.function
    # a default value is no input; older files list their constants as inputs too
    inputs = [v for v in graph.input if v.name not in scope.tensors]
    _check_fixed(inputs, fixed)
    values = {name: np.asarray(a) for name, a in fixed.items()}
    declared = [Input(v.name, _dims_of(v), clean(v.name)) for v in inputs]
    known = {x.name: values[x.name].shape for x in declared if x.name in values and values[x.name].ndim == _rank(x)}
    closed = close(declared, {**known, **shapes}, dims)
    if closed.assumed:
        builder.program.note("assumed", closed.assumed)
    for v, shape in zip(inputs, closed.shapes, strict=True):
        if v.name in scope.values:
            raise BadFile(f"input {v.name[:80]!r} is given twice")
        kind = v.type.tensor_type.elem_type
        t = TensorType(shape, dtype_of_kind(kind, f"input {v.name[:80]!r}"))
        if t.nbytes > MAX_BYTES:
            raise Unsupported(f"input {v.name[:80]!r} of shape {list(shape)[:8]} needs {t.nbytes:,} bytes")
        if v.name in values:
            a = values[v.name]
            if a.size != t.size:
                raise UsageError(f"input {v.name} has shape {list(t.shape)}, its fixed value {list(a.shape)}")
            a = a.reshape(t.shape)
            ref = builder.program.add_constant(clean(v.name) or "c", a.astype(t.numpy), t)
        else:
            ref = function.fresh(clean(v.name) or "x")
            function.types[ref] = t
            function.params = (*function.params, ref)
        scope.values[v.name] = ref
        if kind != KIND_OF[t.dtype]:
            builder.kinds[ref] = kind


def _check_fixed(inputs: Sequence[Any], fixed: Mapping[str, Any]) -> None:
    names = [v.name for v in inputs]
    for given in fixed:
        if given not in names:
            raise UsageError(find.unknown("input", given, names))


def _rank(x: Input) -> int:
    return -1 if x.dims is None else len(x.dims)


def _dims_of(v: Any) -> tuple[Dim, ...] | None:
    """Dimensions of an input: sizes, names, or None where the file says nothing."""
    what = f"input {v.name[:80]!r}"
    if v.type.WhichOneof("value") != "tensor_type":
        raise Unsupported(f"{what} is a {(v.type.WhichOneof('value') or 'value without type').replace('_type', '')}")
    t = v.type.tensor_type
    dtype_of_kind(t.elem_type, what)
    if not t.HasField("shape"):
        return None
    dims = [d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in t.shape.dim]
    if any(isinstance(d, int) and d < 0 for d in dims):
        raise BadFile(f"{what} has shape {dims[:8]}")
    return tuple(dims)


class Skipped(Unsupported):
    """A graph inside a node reads a value that could not be made; the reason has been noted where that happened."""


# -- walking ------------------------------------------------------------------------------------------------------
def walk(builder: Builder, nodes: Iterable[Any], scope: Scope) -> None:
    """Every node in the file's order. What cannot be read is noted, and all of it told at the end."""
    wrong: list[str] = []
    fix: list[str] = []
    for node in nodes:
        if any(_is_broken(scope, n) for n in node.input):
            if builder.depth:
                raise Skipped("it reads what could not be read")
            scope.broken.update(node.output)
            continue
        try:
            read_node(builder, node, scope)
        except Unsupported as e:
            if builder.depth:
                raise
            if isinstance(e, Skipped):
                scope.broken.update(node.output)
                continue
            wrong.append(f"{_told(node)}: {e}")
            fix += e.inputs if isinstance(e, NeedsConstant) else []
            scope.broken.update(node.output)
        except (BadFile, MemoryError):
            raise
        except (PicozooError, ValueError, LookupError, TypeError, OverflowError, ArithmeticError, AttributeError) as e:
            raise BadFile(f"{_told(node)}: damaged or not allowed ({type(e).__name__}: {str(e)[:160]})") from e
    if wrong:
        more = f"; and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        text = (
            f"{len(wrong)} of its operators cannot be compiled: {'; '.join(wrong[:_NAMED])}{more}. "
            f"docs/operators.md lists those that can"
        )
        raise NeedsConstant(text, list(dict.fromkeys(fix))) if fix else Unsupported(text)


def _is_broken(scope: Scope, name: str) -> bool:
    found = scope.find(name) if name else None
    return found is not None and name in found.broken


def _told(node: Any) -> str:
    return f"{_key(node)} ({(node.name or next(iter(node.output), ''))[:80]!r})"


def _key(node: Any) -> str:
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def read_node(builder: Builder, node: Any, scope: Scope) -> None:
    """One node, by its reader or through its body."""
    builder.steps += 1
    if builder.steps > MAX_NODES:
        raise BadFile(f"more than {MAX_NODES:,} nodes, with functions and loops written out")
    call = Call(builder, node, scope)
    if node.domain in ("", "ai.onnx") and call.opset < OLDEST and _changed(node):
        raise Unsupported(f"operator set {call.opset} is too old for it; convert the model to {OLDEST} or later")
    body = builder.functions.get((node.domain, node.op_type))
    if body is not None:
        found: Any = run_body(call, body)
    elif _moves(node) and call.has(0) and call.strings(0) is None and call.ref(0) in builder.quantised:
        call.shadow[node.input[0]] = builder.quantised[call.ref(0)]
        first, *rest = _listed(readers()[_key(node)][1](call))
        found = [as_uint8(call, first), *rest]
        call.shadow.clear()
    elif _key(node) in readers():
        found = readers()[_key(node)][1](call)
        if found is NotImplemented:
            found = run_body(call, *_schema_body(call))
    else:
        found = run_body(call, *_schema_body(call))
    made = _listed(found)
    if len(made) < len(node.output):
        made += [None] * (len(node.output) - len(made))
    _bind(call, made)


def _moves(node: Any) -> bool:
    """Does it only move values? On quantised uint8 it then works on the int8 form, so that pairs stay together."""
    where, _ = readers().get(_key(node), ("", None))
    return node.op_type == "Identity" or (where not in ("", "composite") and ops.get(where).moves)


def _listed(found: Any) -> list[Any]:
    return list(found) if isinstance(found, list | tuple) and not isinstance(found, List) else [found]


def as_uint8(call: Call, q: str) -> str:
    """The uint8 value of the file for an int8 one here, 128 more."""
    value = call.cast(call.op("bitwise_xor", call.plain(q), -128), "u8")
    if call.type(q).quant is not None:
        call.builder.quantised[value] = q
    return value


def _changed(node: Any) -> bool:
    """Did the node type mean something else, or take its arguments otherwise, before operator set 7?"""
    old = {"broadcast", "consumed_inputs", "is_test", "spatial", "paddings"}
    gone = ("Reshape", "Cast", "Tile", "BatchNormalization", "Dropout", "Upsample", "GRU", "LSTM", "RNN")
    return node.op_type in gone or any(a.name in old for a in node.attribute)


def _bind(call: Call, made: list[Any]) -> None:
    """Give the node's outputs their names, element types and ranges."""
    builder, node = call.builder, call.node
    inherited = {call.type(r).dtype: call.kind_of(r) for r in reversed(_known(call))}
    for name, ref in zip(node.output, made, strict=False):
        if name == "":
            continue
        if ref is None:
            raise Unsupported(f"its output {name[:80]!r} is not supported")
        if isinstance(ref, List):
            call.scope.values[name] = ref
            continue
        dtype = call.type(ref).dtype
        kind = call.out_kind if call.out_kind and KINDS[call.out_kind][1] == dtype else 0
        kind = kind or builder.kinds.get(ref, inherited.get(dtype, KIND_OF[dtype]))
        if kind in RANGES and node.op_type in _OVERFLOWS:
            ref = call.wrapped(ref, kind)
        if kind != KIND_OF[dtype]:
            builder.kinds.setdefault(ref, kind)
        if name in call.scope.values:
            raise BadFile(f"value {name[:80]!r} is made twice")
        call.scope.values[name] = ref


def _known(call: Call) -> list[str]:
    found = [call.named(n) for i, n in enumerate(call.node.input) if n and call.strings(i) is None]
    return [r for r in found if not isinstance(r, List)]


def run_body(call: Call, body: Any, defaults: Mapping[str, Any] | None = None) -> list[Any]:
    """The nodes of a function in place of its call; `defaults` are attributes that it has anyway."""
    builder, node = call.builder, call.node
    builder.depth += 1
    if builder.depth > _DEPTH:
        raise BadFile("functions or graphs call each other without end")
    inner = Scope({("" if o.domain == "ai.onnx" else o.domain): o.version for o in body.opset_import})
    inner.opsets = {**call.scope.opsets, **inner.opsets}
    defaults = {**(defaults or {}), **{a.name: a for a in body.attribute_proto}}
    given = {a.name: (call.scope.attributes.get(a.ref_attr_name) if a.ref_attr_name else a) for a in node.attribute}
    inner.attributes = {**defaults, **{k: v for k, v in given.items() if v is not None}}
    for formal, actual in zip(body.input, node.input, strict=False):
        if actual:
            inner.values[formal] = call.named(actual)
    try:
        walk(builder, body.node, inner)
    finally:
        builder.depth -= 1
    reader = Call(builder, node, inner)
    return [reader.named(o) if call.wants(k) else None for k, o in enumerate(body.output)]


def run_graph(call: Call, graph: Any, inputs: Sequence[str]) -> list[str]:
    """The nodes of a graph attribute with these values as its inputs; its outputs."""
    builder = call.builder
    builder.depth += 1
    if builder.depth > _DEPTH:
        raise BadFile("graphs call each other without end")
    inner = Scope(call.scope.opsets, call.scope)
    inner.attributes = call.scope.attributes
    inner.tensors = {t.name: t for t in graph.initializer}
    if len(inputs) != len([v for v in graph.input if v.name not in inner.tensors]):
        raise BadFile(f"a graph takes {len(graph.input)} inputs, got {len(inputs)}")
    inner.values = {v.name: ref for v, ref in zip(graph.input, inputs, strict=True)}
    try:
        walk(builder, graph.node, inner)
    finally:
        builder.depth -= 1
    reader = Call(builder, call.node, inner)
    return [reader.named(o.name) for o in graph.output]


def _schema_body(call: Call) -> tuple[Any, dict[str, Any]]:
    """ONNX's own definition of an operator by simpler ones, if it has one, and its attributes' defaults."""
    onnx = module()
    node = call.node
    try:
        schema = onnx.defs.get_schema(node.op_type, call.opset or 1, node.domain if node.domain != "ai.onnx" else "")
    except onnx.defs.SchemaError:
        raise Unsupported("no such operator here") from None
    defaults = {k: a.default_value for k, a in schema.attributes.items() if a.default_value.type}
    if schema.has_context_dependent_function:
        types = [_type_proto(call, n) for n in node.input]
        versions = [v for v in schema.context_dependent_function_opset_versions if v <= call.opset]
        plain = onnx.NodeProto()
        plain.CopyFrom(node)
        _resolve(plain, call)
        if versions:
            data = schema.get_context_dependent_function_with_opset_version(
                max(versions), plain.SerializeToString(), [t.SerializeToString() for t in types]
            )
        else:
            data = schema.get_context_dependent_function(
                plain.SerializeToString(), [t.SerializeToString() for t in types]
            )
        body = onnx.FunctionProto()
        body.ParseFromString(data)
        if body.node:
            return body, defaults
    if schema.has_function:
        versions = [v for v in schema.function_opset_versions if v <= call.opset]
        if versions:
            body = onnx.FunctionProto()
            body.ParseFromString(schema.get_function_with_opset_version(max(versions)))
            return body, defaults
        return schema.function_body, defaults
    raise Unsupported("no such operator here")


def _resolve(node: Any, call: Call) -> None:
    """Attributes that refer to those of the enclosing function, in full."""
    for a in list(node.attribute):
        if a.ref_attr_name:
            found, name = call.scope.attributes.get(a.ref_attr_name), a.name
            node.attribute.remove(a)
            if found is not None:
                node.attribute.add().CopyFrom(found)
                node.attribute[-1].name = name


def _type_proto(call: Call, name: str) -> Any:
    onnx = module()
    if not name:
        return onnx.TypeProto()
    ref = call.named(name)
    return onnx.helper.make_tensor_type_proto(call.kind_of(ref), call.shape(ref))


def _refuse_unknown(builder: Builder, scope: Scope) -> None:
    """Name every node type that nobody reads, at once, before anything else is done."""
    onnx, total = module(), 0
    missing: dict[str, tuple[str, str]] = {}  # how it is named -> its domain and type
    bodies: dict[str, bool] = {}

    def has_body(node: Any) -> bool:
        if (node.domain, node.op_type) in builder.functions:
            return True
        if _key(node) not in bodies:
            try:
                version = scope.opsets.get("" if node.domain == "ai.onnx" else node.domain, 1)
                schema = onnx.defs.get_schema(node.op_type, version, "" if node.domain == "ai.onnx" else node.domain)
                bodies[_key(node)] = schema.has_function or schema.has_context_dependent_function
            except onnx.defs.SchemaError:
                bodies[_key(node)] = False
        return bodies[_key(node)]

    todo: list[Any] = [builder.model.graph, *builder.model.functions]
    while todo:
        for node in todo.pop().node:
            total += 1
            if _key(node) not in readers() and not has_body(node):
                missing[_told(node)] = node.domain, node.op_type
            for a in node.attribute:
                todo += [a.g] if a.HasField("g") else []
                todo += list(a.graphs)
    if missing:
        more = f"; and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise Unsupported(
            f"{len(missing)} of its {total} nodes have no operator here: {'; '.join(list(missing)[:_NAMED])}{more}"
            f"{advice(missing.values()) or '. docs/operators.md lists the operators that there are'}"
        )
