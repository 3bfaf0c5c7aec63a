"""What the operator files may ask for while a node of an ONNX file is read (`Op.onnx`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from picozoo import ops
from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._onnx_builder import MAX_NODES, Builder, NeedsConstant, Scope, clean
from picozoo.frontend._onnx_builder import Sequence as List
from picozoo.frontend._onnx_file import KIND_OF, KINDS, MAX_BYTES, RANGES, array_of, module
from picozoo.frontend._values import Values
from picozoo.ir.program import Node
from picozoo.ops.clamp import ClampAttrs
from picozoo.ops.narrow_float import NarrowFloatAttrs
from picozoo.ops.reshape import ReshapeAttrs
from picozoo.specs import TensorType, dtype_of

FOLD_INTS, FOLD_FLOATS = 1 << 20, 4096  # largest results, in bytes, that are computed here when all inputs are constant
_NO_FOLD = ("while_loop", "dequantize", "copy")
# Their references walk element by element: computed here only for a few numbers, such as parts of a shape.
_SLOW = {
    "conv2d",
    "conv3d",
    "conv_transpose",
    "deform_conv",
    "grid_sample",
    "gru",
    "lstm",
    "lstm_sequence",
    "matmul",
    "pool_nd",
    "rnn",
}
_SLOW |= {"roi_align", "scatter_elements", "scatter_nd"}
_FLOATS = {k: KINDS[k][0] for k in (10, 16, 17, 18, 19, 20)}  # rounded to, and held in float32


class Call(Values):
    """One node of the file about to become nodes of ours. Values are passed as references."""

    def __init__(self, builder: Builder, node: Any, scope: Scope) -> None:
        self.builder, self.node, self.scope = builder, node, scope
        self.program, self.function = builder.program, builder.function
        self.attributes = {a.name: a for a in node.attribute}
        self.shadow: dict[str, str] = {}  # name -> the reference to use in place of its own
        self.out_kind = 0  # element type of the outputs where it is not what follows from the inputs

    # -- attributes and inputs ----------------------------------------------------------------------------------------
    @property
    def opset(self) -> int:
        """Version of the node's operator set."""
        return self.scope.opsets.get(_domain(self.node.domain), 0)

    def attr(self, name: str, default: Any = None) -> Any:
        """An attribute as number, string, list, array or graph; `default` where it is not given."""
        found = self._attribute(name)
        if found is None:
            return default
        value = module().helper.get_attribute_value(found)
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if found.type == module().AttributeProto.TENSOR:
            return array_of(value, self.builder.folder)
        if found.type == module().AttributeProto.STRINGS:
            return [v.decode("utf-8", "replace") for v in value]
        if found.type in (module().AttributeProto.INTS, module().AttributeProto.FLOATS):
            return list(value)
        if default is not None and isinstance(default, int | float | list | str) and not _alike(value, default):
            raise BadFile(f"attribute {name} should be like {default!r}, got {str(value)[:40]}")
        return value

    def _attribute(self, name: str) -> Any:
        found = self.attributes.get(name)
        if found is not None and found.ref_attr_name:
            found = self.scope.attributes.get(found.ref_attr_name)
        return found

    def doubles(self, name: str) -> np.ndarray:
        """A list attribute of `ai.onnx.ml`, float64 as it is: `name`, or the tensor `name`_as_tensor; else empty."""
        for key in (f"{name}_as_tensor", name):
            found = self._attribute(key)
            if found is not None and found.type == module().AttributeProto.TENSOR:
                array_of(found.t, self.builder.folder)  # the checks of its shape and size
                return np.asarray(module().numpy_helper.to_array(found.t), np.float64).reshape(-1)
            if found is not None:
                return np.asarray(self.attr(key), np.float64).reshape(-1)
        return np.zeros(0)

    def strings(self, i: int) -> list[str] | None:
        """Input `i` if it is a constant of names, else None."""
        scope = self.scope.find(self.node.input[i]) if self.has(i) else None
        found = scope.tensors.get(self.node.input[i]) if scope is not None else None
        if found is None or found.data_type != module().TensorProto.STRING:
            return None
        return [v.decode("utf-8", "replace") for v in found.string_data]

    @property
    def count(self) -> int:
        """Number of inputs."""
        return len(self.node.input)

    def has(self, i: int) -> bool:
        """Is input `i` there?"""
        return i < len(self.node.input) and self.node.input[i] != ""

    def wants(self, k: int) -> bool:
        """Is output `k` asked for?"""
        return k < len(self.node.output) and self.node.output[k] != ""

    def ref(self, i: int) -> str:
        """Reference of input `i`; a constant is stored when it is first asked for."""
        if not self.has(i):
            raise BadFile(f"input {i} is missing")
        found = self.named(self.node.input[i])
        if isinstance(found, List):
            raise Unsupported(f"input {i} is a sequence; only operators for sequences can read it")
        return str(found)

    def sequence(self, i: int) -> List:
        """Input `i`, a sequence of tensors."""
        found = self.named(self.node.input[i]) if self.has(i) else None
        if not isinstance(found, List):
            raise BadFile(f"input {i} should be a sequence")
        return found

    def refs(self) -> list[str]:
        """References of all inputs."""
        return [self.ref(i) for i in range(self.count)]

    def named(self, name: str) -> Any:
        """Reference of a value by its name in the file."""
        if name in self.shadow:
            return self.shadow[name]
        scope = self.scope.find(name)
        if scope is None:
            raise BadFile(f"value {name[:80]!r} is used before it is computed")
        if name in scope.broken:
            raise BadFile(f"value {name[:80]!r} could not be read")
        if name not in scope.values:
            t = scope.tensors[name]
            a = array_of(t, self.builder.folder)
            ref = self.program.add_constant(clean(name) or "c", a, TensorType(a.shape, dtype_of(a)))
            scope.values[name] = ref
            self.builder.kinds.setdefault(ref, t.data_type)
        return scope.values[name]

    def kind(self, i: int) -> int:
        """ONNX element type of input `i`."""
        return self.kind_of(self.ref(i))

    def kind_of(self, ref: str) -> int:
        """ONNX element type of a value."""
        return self.builder.kinds.get(ref, KIND_OF[self.type(ref).dtype])

    def constant(self, i: int) -> np.ndarray | None:
        """The numbers of input `i` if they are known now."""
        return self.program.constant(self.ref(i)) if self.has(i) else None

    def array(self, i: int, what: str = "") -> np.ndarray:
        """The numbers of input `i`.

        Raises:
            NeedsConstant: they are computed from the model's inputs.
        """
        found = self.program.constant(self.ref(i))
        if found is None:
            raise self.needs(self.ref(i), what or f"input {i}")
        return found

    def needs(self, ref: str, what: str) -> NeedsConstant:
        """The error for a value that must be known while the file is read."""
        roots = [r[1:] for r in self.builder.roots(ref)]
        how = f"; give it a fixed value: --fix {roots[0]}=VALUES" if roots else ""
        return NeedsConstant(
            f"{what} must be constant here; it is computed from {', '.join(roots) or 'values'}{how}", roots
        )

    # -- values -------------------------------------------------------------------------------------------------------
    def type(self, ref: str) -> TensorType:
        """Type of a value."""
        return self.builder.type(ref)

    def constant_of(self, ref: str) -> np.ndarray | None:
        """The numbers of a value if they are known now."""
        return self.program.constant(ref)

    def const(self, array: Any, hint: str = "c", dtype: str = "") -> str:
        """Store a constant made here, float64 as f32."""
        a = np.asarray(array)
        kind = dtype or ("f32" if a.dtype.kind == "f" else "bool" if a.dtype.kind == "b" else "")
        t = TensorType(a.shape, kind or dtype_of(a))
        with np.errstate(all="ignore"):
            return self.builder.store(hint, a.astype(t.numpy), t)

    def emit(self, op: str, refs: Sequence[str], attrs: Any = None, like: TensorType | None = None) -> Any:
        """Add a node, or compute it now if all it reads is constant. Gives its output, or a list of several.

        Args:
            like: element type and quantisation of the output where they do not follow from the inputs.
        """
        found = ops.get(op)
        attrs = attrs if attrs is not None else found.Attrs()
        ins = [self.type(r) for r in refs]
        outs = found.infer_in(self.program, ins, attrs)
        if like is not None:
            outs = [outs[0].with_(dtype=like.dtype, quant=like.quant)]
        elif found.quant_rule == "same" and ins[0].quant is not None:
            outs = [outs[0].with_(quant=ins[0].quant)]
        big = max((t.nbytes for t in outs), default=0)
        if big > MAX_BYTES:
            raise Unsupported(f"it makes a value of {big:,} bytes; the limit is {MAX_BYTES:,}")
        if len(self.function.nodes) > MAX_NODES:
            raise Unsupported(f"the file becomes more than {MAX_NODES:,} operators")
        found.check(ins, outs, attrs)
        folded = self._folded(op, refs, ins, outs, attrs)
        if folded is not None:
            return folded[0] if len(folded) == 1 else folded
        label = clean(self.node.name or next((o for o in self.node.output if o), "")) or op
        made = []
        for t in outs:
            ref = self.builder.fresh(label)
            self.function.types[ref] = t
            made.append(ref)
        if op == "dequantize" and refs[0][0] == "@":
            self.builder.dequantised[made[0]] = refs[0]
        self.function.nodes.append(Node(op, self._free(made[0][1:]), tuple(refs), tuple(made), attrs, self.place))
        return made[0] if len(made) == 1 else made

    def _folded(self, op: str, refs: Sequence[str], ins: Any, outs: Any, attrs: Any) -> list[str] | None:
        """Results as constants, if every input is one and the results are small (or no larger than the inputs)."""
        if op in _NO_FOLD or any(r[0] != "@" for r in refs) or any(t.quant is not None for t in (*ins, *outs)):
            return None
        size = sum(t.nbytes for t in outs)
        if size > max(FOLD_FLOATS if any(t.is_float for t in outs) else FOLD_INTS, sum(t.nbytes for t in ins)):
            return None
        if op in _SLOW and size + sum(t.nbytes for t in ins) > FOLD_FLOATS:
            return None
        with np.errstate(all="ignore"):
            arrays = ops.get(op).reference([self.program.constants[r] for r in refs], list(ins), list(outs), attrs)
            made = [np.asarray(a).astype(t.numpy).reshape(t.shape) for a, t in zip(arrays, outs, strict=True)]
        hint = clean(next((o for o in self.node.output if o), "")) or "c"
        return [self.builder.store(hint, a, t) for a, t in zip(made, outs, strict=True)]

    @property
    def place(self) -> str:
        """Which node of the file this is, for reports."""
        return f"{self.node.op_type} {clean(self.node.name or next(iter(self.node.output), ''))}"

    def _free(self, name: str) -> str:
        base, k = name, self.builder.counts.get(name, 1)
        while name in self.builder.names:
            name, k = f"{base}_{k}", k + 1
        self.builder.counts[base] = k
        self.builder.names.add(name)
        return name

    # -- shorthands ---------------------------------------------------------------------------------------------------
    def reshape(self, ref: str, shape: Sequence[int]) -> str:
        """The same elements under another shape; `ref` itself if it has it."""
        shape = tuple(int(d) for d in shape)
        if self.shape(ref) == shape:
            return ref
        inner = self.builder.dequantised.get(ref)
        quant = None if inner is None else self.type(inner).quant
        if inner is not None and quant is not None and quant.per_tensor:
            a = self.program.constants[inner].reshape(shape)
            made = self.program.add_constant(inner, a, self.type(inner).with_(shape=shape))
            return str(self.emit("dequantize", [made]))
        return str(self.emit("reshape", [ref], ReshapeAttrs(shape)))

    def turned(self, ref: str, perm: tuple[int, ...]) -> str:
        """As `transpose`; constants of any size, also behind a dequantize node, are turned here."""
        known = self.program.constant(ref)
        if known is not None:
            return self.const(known.transpose(perm), ref, self.type(ref).dtype)
        inner = self.builder.dequantised.get(ref)
        if inner is None:
            return self.transpose(ref, perm)
        t = self.type(inner)
        q = t.quant
        if q is not None and q.axis is not None:
            q = replace(q, axis=perm.index(q.axis))
        a = self.program.constants[inner].transpose(perm)
        return str(self.emit("dequantize", [self.program.add_constant(inner, a, TensorType(a.shape, t.dtype, q))]))

    def is_weight(self, ref: str) -> bool:
        """Is it a constant, or one behind a dequantize node?"""
        return ref[0] == "@" or ref in self.builder.dequantised

    def to_kind(self, ref: str, kind: int, saturate: bool = True) -> str:
        """A value in another element type of ONNX, as Cast has it."""
        dtype = self.ir_dtype(kind)
        self.out_kind, ref = kind, self.plain(ref)
        if kind in _FLOATS:
            y = self.cast(ref, "f32")
            if self.kind_of(ref) == kind:
                return y
            return str(self.emit("narrow_float", [y], NarrowFloatAttrs(_FLOATS[kind], saturate)))
        if kind not in RANGES:
            return self.cast(ref, dtype)
        low, high = RANGES[kind]
        if self.type(ref).is_float:  # floats are cut to the range, integers wrap around
            cut = self.emit("clamp", [ref], ClampAttrs(float(low), float(high)))
            return self.cast(self.cast(cut, "i32" if high < 1 << 31 else "i64"), dtype)
        wide = self.cast(ref, "i64" if dtype == "i64" or self.type(ref).dtype == "i64" else "i32")
        return self.cast(self.wrapped(wide, kind), dtype)

    def wrapped(self, ref: str, kind: int) -> str:
        """A value brought back into the range of an integer type that is held in a wider one."""
        if kind not in RANGES:
            return ref
        low, high = RANGES[kind]
        if low == 0:
            return self.op("bitwise_and", ref, high)
        return self.op("sub", self.op("bitwise_and", self.op("add", ref, -low), high - low), -low)


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def _alike(value: Any, default: Any) -> bool:
    if isinstance(default, list):
        return False  # lists were dealt with before
    return isinstance(value, str) if isinstance(default, str) else isinstance(value, int | float)
