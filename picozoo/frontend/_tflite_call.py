"""What the operator files may ask for while an operator of a TFLite file is read (`Op.tflite`)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from picozoo import ops
from picozoo.errors import BadFile, Unsupported
from picozoo.frontend import _tflite_open
from picozoo.frontend._flexbuffer import read_map
from picozoo.frontend._tflite_schema import DTYPES, MAX_OPERATORS, OTHER_DTYPES, UNSIGNED, Graph, Operator, Tensor
from picozoo.ir.program import Function, Node, Program
from picozoo.ops.clamp import ClampAttrs
from picozoo.ops.reshape import ReshapeAttrs
from picozoo.specs import QuantParams, TensorType

_ACTS = ("none", "relu", "relu_n1_to_1", "relu6", "tanh", "sign_bit")
# Operators that take unsigned numbers of 32 and 64 bits: those for sound, and those that only move values.
TAKES_UNSIGNED = ("CUSTOM 'Signal", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "CONCATENATION", "SLICE", "STRIDED_SLICE")
MAX_MADE = 1 << 24  # values of a tensor that the importer makes
_TINY = float(np.finfo(np.float32).tiny)
# These read or make quantised values without being integer forms of a float operator.
_CONVERTERS = ("quantize", "dequantize", "requantize", "cast", "widen")


def clean(name: str) -> str:
    """A tensor's name as a reference may have it: the first of names joined by `;`, without odd characters.

    Example:
        >>> clean("functional_1/activation/Relu;functional_1/dense/BiasAdd")
        'activation/Relu'
    """
    first = re.sub(r"[^A-Za-z0-9_./-]", "_", name.split(";")[0]).strip("/_")
    return "/".join(first.split("/")[-2:])


def tensor_type(t: Tensor) -> TensorType:
    """Type of a tensor of the file. Quantised uint8 becomes int8: every value and the zero point 128 less.

    Raises:
        Unsupported: an element type that the IR does not have, or sparse data.
    """
    if t.code not in DTYPES:
        raise Unsupported(f"tensor {t.name!r} has element type {OTHER_DTYPES.get(t.code, f'number {t.code}')}")
    if t.sparse:
        raise Unsupported(f"tensor {t.name!r} is stored sparse; convert the model without sparsity")
    dtype = DTYPES[t.code]
    if not t.scale or dtype not in ("i8", "u8", "i16", "i32") or (dtype == "i32" and t.data is not None):
        return TensorType(t.shape, dtype)  # the scale of an int32 bias follows from its layer's
    # A channel whose weights are all zero may have scale 0: its factor becomes 0, as it does from the tiniest scale.
    scale = tuple(_TINY if s == 0 else s for s in t.scale)
    axis = None if len(scale) == 1 else t.axis
    if any(not np.isfinite(s) or s < 0 for s in scale) or any(abs(z) > 1 << 16 for z in t.zero):
        raise BadFile(f"tensor {t.name!r} has scale {min(scale)}, zero point {max(t.zero)}")
    if axis is not None and not (0 <= axis < len(t.shape) and t.shape[axis] == len(scale)):
        raise BadFile(f"tensor {t.name!r} of shape {list(t.shape)} has {len(scale)} scales along dimension {axis}")
    if dtype == "u8":
        return TensorType(t.shape, "i8", QuantParams(scale, tuple(z - 128 for z in t.zero), axis))
    return TensorType(t.shape, dtype, QuantParams(scale, t.zero, axis))


def outside_type(t: Tensor) -> TensorType:
    """Type of an input or output as the caller sees it: quantised uint8 stays what it is."""
    inside = tensor_type(t)
    if DTYPES[t.code] != "u8" or inside.quant is None:
        return inside
    return TensorType(t.shape, "u8", QuantParams(inside.quant.scale, t.zero, inside.quant.axis))


@dataclass
class Shared:
    """What all subgraphs share. `variables`: each one's value at this place; `states`: where it is kept; `resized`: an
    input has another shape than the file gives it, so that the declared shapes hold no longer."""

    graphs: list[Graph]
    read: Callable[[Call], Any]
    pay: Callable[[int], None]
    variables: dict[str, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    operators: int = 0
    resized: bool = False
    unsaid: int = 0  # this and what follows: see `_tflite_streaming`
    last: dict[int, str] = field(default_factory=dict)
    period: int = 1


class Call:
    """One operator of the file about to become nodes. Values are passed as references."""

    def __init__(
        self, program: Program, function: Function, graph: Graph, values: dict[int, str], shared: Shared, depth: int = 0
    ) -> None:
        self.program, self.function, self.model, self.values = program, function, graph, values
        self.shared, self.depth = shared, depth
        self.op = Operator("", (), ())
        self.index = 0
        self.names: set[str] = {n.name for n in function.nodes}
        self.handles: dict[int, Any] = {}
        self.rest: Callable[[], None] | None = None
        self.ran: str | None = None  # a bool: did every operator run, if that depends on the call?

    # -- subgraphs ----------------------------------------------------------------------------------------------------
    def child(self, graph: Graph, function: Function, values: dict[int, str], program: Program | None = None) -> Call:
        """A reader of another subgraph, into this function or another."""
        inner = Call(program or self.program, function, graph, values, self.shared, self.depth + 1)
        inner.names = self.names if function is self.function else inner.names
        return inner

    def walk(self, first: int = 0) -> None:
        """Read every operator of the subgraph in the file's order. What cannot be read is noted in `shared.wrong`.

        A reader may leave the operators behind its own to a function of its choice, `rest`.
        """
        for index, operator in enumerate(self.model.operators[first:], first):
            self.shared.operators += 1
            if self.shared.operators > MAX_OPERATORS:
                raise BadFile(f"its subgraphs come to more than {MAX_OPERATORS} operators")
            self.index, self.op = index, operator
            self.shared.read(self)
            if self.rest is not None:
                return self.rest()
        return None

    def refs(self, numbers: tuple[int, ...]) -> list[str]:
        """References of tensors of the subgraph."""
        self.op = Operator("results", numbers, ())
        return [self.ref(i) for i in range(len(numbers))]

    def variable(self, name: str, type_: TensorType, value: np.ndarray) -> str:
        """A variable as kept state with a first value; returns the state."""
        state = self.program.add_state(clean(name) or "variable", value, type_)
        self.shared.states[name] = self.shared.variables[name] = state
        return state

    def made(self, t: TensorType, value: float = 0) -> np.ndarray:
        """An array of one value; refused where it would be larger than any board's memory."""
        self.room(t)
        return np.full(t.shape, value, t.numpy)

    def room(self, t: TensorType) -> None:
        """Raise BadFile if so many values cannot belong to a real model."""
        if t.size > MAX_MADE:
            raise BadFile(f"{t.size} values in one tensor; {MAX_MADE} is the limit")

    def program_name(self, hint: str) -> str:
        """A function's name that is not taken."""
        k = 1
        while f"{hint}_{k}" in self.program.functions:
            k += 1
        return f"{hint}_{k}"

    def node_name(self, hint: str) -> str:
        """A layer's name that is not taken."""
        return self._free(hint)

    # -- what readers ask ---------------------------------------------------------------------------------------------
    @property
    def options(self) -> dict[str, Any]:
        """The operator's options by name, see `_tflite_schema.OPTIONS`."""
        return self.op.options

    def setting(self, name: str, low: int = 0, high: int = 1 << 20, default: int | None = None) -> int:
        """A whole number among a custom operator's options.

        Raises:
            BadFile: it is missing and there is no default, no whole number, or outside low ... high.
        """
        value = read_map(self.op.custom).get(name)
        value = default if value is None else value
        if not isinstance(value, int) or not low <= value <= high:
            raise BadFile(f"option {name} must be a whole number from {low} to {high}, got {value}")
        return int(value)

    def real(self, name: str) -> float:
        """A finite number among a custom operator's options. Raises BadFile if there is none."""
        value = read_map(self.op.custom).get(name)
        if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 1e30:
            raise BadFile(f"option {name} must be a number, got {value}")
        return float(value)

    @property
    def act(self) -> str:
        """The fused activation's name."""
        k = self.options.get("act", 0)
        if not 0 <= k < len(_ACTS):
            raise BadFile(f"activation {k} is not one of {', '.join(_ACTS)}")
        return _ACTS[k]

    @property
    def count(self) -> int:
        """Number of inputs."""
        return len(self.op.inputs)

    def out(self, k: int = 0) -> TensorType:
        """Declared type of an output."""
        return tensor_type(self.model.tensors[self.op.outputs[k]])

    def shaped(self, ref: str, k: int = 0) -> str:
        """A value under the declared shape of output `k`."""
        return self.reshape(ref, self._shape(k, self.type(ref).shape))

    def reshaped(self) -> tuple[int, ...]:
        """The shape that an operator gives its first input which only changes that."""
        return _tflite_open.reshaped(self, self.ref(0)) if self.shared.resized else self.out().shape

    def shape_said(self, i: int) -> tuple[int, ...]:
        """The output's declared shape, or, where that does not hold, the numbers of input `i`, which are that shape."""
        if not self.shared.resized:
            return self.out().shape
        return tuple(int(n) for n in self.array(i, "the shape").reshape(-1))

    def _shape(self, k: int, have: tuple[int, ...]) -> tuple[int, ...]:
        if not self.shared.resized:
            return self.out(k).shape
        return _tflite_open.fit(self.model.tensors[self.op.outputs[k]], have)

    def has(self, i: int) -> bool:
        """Is input `i` there?"""
        return i < len(self.op.inputs) and self.op.inputs[i] >= 0

    def ref(self, i: int) -> str:
        """Reference of input `i`; a constant is stored when it is first asked for.

        Raises:
            BadFile: the input is missing, or used before it is computed.
        """
        if not self.has(i):
            raise BadFile(f"input {i} is missing")
        number = self.op.inputs[i]
        if number not in self.values:
            t = self.model.tensors[number]
            if t.variable:
                raise Unsupported(f"tensor {t.name!r} is kept between calls, which this operator does not support here")
            if t.data is None:
                raise BadFile(f"tensor {t.name!r} is used before it is computed")
            self.values[number] = self.program.add_constant(clean(t.name) or "c", self.array(i), tensor_type(t))
        return self.values[number]

    def state(self, i: int) -> str:
        """Reference of input `i`, a tensor kept between calls; zero at first, as LiteRT sets it.

        Raises:
            BadFile: the tensor is not kept, or two operators keep it.
        """
        if not self.has(i):
            raise BadFile(f"input {i} is missing")
        number = self.op.inputs[i]
        t = self.model.tensors[number]
        if not t.variable or t.data is not None or number in self.values:
            raise BadFile(f"tensor {t.name!r} should be kept between calls by this operator alone")
        type_ = tensor_type(t)
        zero = type_.quant.zero_point[0] if type_.quant is not None and type_.dtype == "i8" else 0
        name = self.values[number] = self.program.add_state(clean(t.name) or "state", self.made(type_, zero), type_)
        return name

    def new_state(self, name: str, value: np.ndarray, type_: TensorType) -> str:
        """A tensor kept between calls that the file does not name; returns its reference."""
        return self.program.add_state(f"{self.output_name()}.{name}", value, type_)

    def output_name(self) -> str:
        """A name for what the operator makes."""
        return clean(self.model.tensors[self.op.outputs[0]].name) or "x" if self.op.outputs else "x"

    def signed_only(self) -> None:
        """Raise if the operator meets unsigned numbers of 32 or 64 bits and does not take them."""
        if self.op.kind.startswith(TAKES_UNSIGNED):
            return
        for k in (*self.op.inputs, *self.op.outputs):
            if k >= 0 and (code := self.model.tensors[k].code) in UNSIGNED:
                raise Unsupported(f"tensor {self.model.tensors[k].name!r} has element type {UNSIGNED[code]}")

    def keep(self, state: str, ref: str) -> None:
        """Let `ref` be the state's value in the next call."""
        self.function.updates[state] = ref

    def array(self, i: int, what: str = "") -> np.ndarray:
        """The numbers of a constant input.

        Raises:
            Unsupported: it is computed.
            BadFile: its bytes are not those of its shape.
        """
        if not self.has(i):
            raise BadFile(f"input {i} is missing")
        t = self.model.tensors[self.op.inputs[i]]
        if t.data is None and self.known(self.op.inputs[i]):
            return self.program.constants[self.values[self.op.inputs[i]]]
        if t.data is None or (self.op.inputs[i] in self.values and self.values[self.op.inputs[i]][0] != "@"):
            raise Unsupported(f"{what or f'input {i}'} ({t.name!r}) must be constant here; it is computed")
        return self.stored(t)

    def stored(self, t: Tensor) -> np.ndarray:
        """The numbers of a tensor with data. Raises BadFile if its bytes are not those of its shape."""
        type_ = tensor_type(t)
        if t.data is None or t.data.nbytes != type_.nbytes:
            held = 0 if t.data is None else t.data.nbytes
            raise BadFile(f"tensor {t.name!r} needs {type_.nbytes} bytes, its buffer holds {held}")
        data = t.data.tobytes()
        if DTYPES[t.code] == "u8" and type_.dtype == "i8":
            data = (t.data.reshape(-1).view(np.uint8) ^ 0x80).tobytes()
        return np.frombuffer(data, type_.numpy).reshape(t.shape)

    def type(self, ref: str) -> TensorType:
        """Type of a value."""
        return self.program.type_of(self.function, ref)

    def const(self, array: np.ndarray, type_: TensorType, hint: str) -> str:
        """Store a constant made here."""
        self.room(type_)
        return self.program.add_constant(hint, array, type_)

    def zeros(self, n: int, dtype: str = "") -> str:
        """A bias of zeros, for layers without one."""
        t = TensorType((n,), dtype or ("f32" if self.out().quant is None else "i32"))
        return self.const(self.made(t), t, "zeros")

    def half(self, i: int) -> np.ndarray | None:
        """The numbers of a constant of float16, which no operator but DEQUANTIZE takes; None if it is none."""
        t = self.model.tensors[self.op.inputs[i]] if self.has(i) else None
        if t is None or t.code != 1 or t.data is None:
            return None
        if t.data.nbytes != 2 * math.prod(t.shape):
            raise BadFile(f"tensor {t.name!r} needs {2 * math.prod(t.shape)} bytes, its buffer holds {t.data.nbytes}")
        return np.frombuffer(t.data.tobytes(), np.float16).reshape(t.shape)

    def was_unsigned(self, i: int) -> bool:
        """Is input `i` quantised uint8 in the file?"""
        t = self.model.tensors[self.op.inputs[i]]
        return DTYPES.get(t.code) == "u8" and bool(t.scale)

    def is_constant(self, i: int) -> bool:
        """Are the numbers of input `i` known?"""
        number = self.op.inputs[i] if self.has(i) else -1
        return number >= 0 and self.known(number)

    def known(self, number: int) -> bool:
        """Is a tensor constant, in the file or made so here?"""
        if number in self.values:
            return self.values[number][0] == "@"
        return self.model.tensors[number].data is not None

    def constant(self, ref: str) -> np.ndarray:
        """The numbers behind a constant. Raises Unsupported if it is computed."""
        array = self.program.constant(ref)
        if array is None:
            raise Unsupported(f"{ref[1:]!r} must be constant here; it is computed")
        return array

    def reshape_constant(self, ref: str, shape: tuple[int, ...]) -> str:
        """Weights under another shape, their first dimension the same."""
        t = self.type(ref)
        if ref[0] != "@":
            return self.reshape(ref, shape)
        return self.const(self.constant(ref).reshape(shape), t.with_(shape=shape), ref[1:])

    def attrs_of(self, op: str) -> Any:
        """The attributes' class of an operator."""
        return ops.get(op).Attrs

    def odd_layer(self, x: str, w: str) -> bool:
        """Does a layer mix float and int8, have int16 activations, computed weights, or weights with a zero point?"""
        q = self.type(w).quant
        return (self.type(x).quant is None) != (q is None) or (
            q is not None and (self.type(x).dtype == "i16" or any(q.zero_point) or w[0] != "@")
        )

    def hint(self, i: int) -> str:
        """A name for a constant made of input `i`."""
        return clean(self.model.tensors[self.op.inputs[i]].name) or "c"

    def emit(self, op: str, refs: list[str], attrs: Any = None, like: TensorType | None = None) -> str:
        """Add a node; returns its output.

        Args:
            like: element type and quantisation of the output; by default those of the operator's first output.

        Raises:
            Unsupported: the operator has no form for these types.
        """
        return self.emit_all(op, refs, attrs, [like if like is not None else self.out()])[0]

    def emit_all(self, op: str, refs: list[str], attrs: Any, likes: list[TensorType]) -> list[str]:
        """As `emit`, for operators with several outputs."""
        found = ops.get(op)
        attrs = attrs if attrs is not None else found.Attrs()
        ins = [self.type(r) for r in refs]
        outs = [
            t.with_(dtype=like.dtype, quant=like.quant) for t, like in zip(found.infer(ins, attrs), likes, strict=True)
        ]
        if (
            op not in _CONVERTERS
            and any(t.quant is not None for t in (*ins, *outs))
            and not (op == "reshape" or found.lowers(ins, outs, attrs))
        ):
            raise Unsupported(f"no integer form for {', '.join(map(_told, ins))} -> {', '.join(map(_told, outs))}")
        found.check(ins, outs, attrs)
        if self.shared.resized and (folded := _tflite_open.fold(self, op, refs, outs, attrs)) is not None:
            return folded
        name = clean(self.model.tensors[self.op.outputs[0]].name) or op
        made = []
        for t in outs:
            made.append(self.function.fresh(name))
            self.function.types[made[-1]] = t
        self.function.nodes.append(Node(op, self._free(made[0][1:]), tuple(refs), tuple(made), attrs, self.place))
        return made

    def reshape(self, ref: str, shape: tuple[int, ...]) -> str:
        """The same elements under another shape; `ref` itself if it has it."""
        t = self.type(ref)
        if t.shape == shape:
            return ref
        return self.emit("reshape", [ref], ReshapeAttrs(shape), like=t)

    def converted(self, ref: str, to: TensorType) -> str:
        """A quantised value in another element type; `ref` itself if it has it."""
        t = self.type(ref)
        if t == to or t.quant is None or to.quant is None or t.dtype == to.dtype:
            return ref
        return self.emit("requantize", [ref], self.attrs_of("requantize")(to.dtype), like=to)

    def activated(self, ref: str, act: str) -> str:
        """The fused activation as an operator of its own, in the same type."""
        if act == "none":
            return ref
        t = self.type(ref)
        if act in ("relu", "tanh"):
            return self.emit(act, [ref], like=t)
        if act in ("relu6", "relu_n1_to_1"):
            return self.emit("clamp", [ref], ClampAttrs(*((0.0, 6.0) if act == "relu6" else (-1.0, 1.0))), like=t)
        raise Unsupported(f"fused activation {act} is not supported")

    def window(self, x: str, size: tuple[int, int], dilation: tuple[int, int] = (1, 1)) -> dict[str, Any]:
        """`stride` and `pad` (top, bottom, left, right) of a sliding window with the file's padding scheme."""
        stride = (self.options["stride_h"], self.options["stride_w"])
        scheme = self.options["padding"]
        if scheme not in (0, 1) or min(*stride, *size, *dilation) < 1:
            raise BadFile(f"padding scheme {scheme}, strides {stride}, window {size}, dilation {dilation}")
        pad: list[int] = []
        for n, k, s, d in zip(self.type(x).shape[1:3], size, stride, dilation, strict=True):
            over = max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n) if scheme == 0 else 0
            pad += [over // 2, over - over // 2]  # the odd one comes after
        return {"stride": stride, "pad": tuple(pad)}

    # -- for the walk -------------------------------------------------------------------------------------------------
    @property
    def place(self) -> str:
        """Which operator of the file this is, for reports."""
        return f"{self.op.kind} #{self.index}" + (f" of a subgraph, {self.depth} deep" if self.depth else "")

    def _free(self, name: str) -> str:
        base, k = name, 1
        while name in self.names:
            name, k = f"{base}_{k}", k + 1
        self.names.add(name)
        return name

    def finish(self, found: Any) -> None:
        """Bind what a reader gave back to the operator's outputs, under the declared shapes."""
        if self.op.kind == "VAR_HANDLE":
            self.handles.update(dict.fromkeys(self.op.outputs, found))
            return
        refs = found if isinstance(found, list) else [found]
        if len(refs) != len(self.op.outputs):
            raise BadFile(f"it has {len(self.op.outputs)} outputs, expected {len(refs)}")
        for k, (number, ref) in enumerate(zip(self.op.outputs, refs, strict=True)):
            want, got = self.out(k), self.type(ref)
            if self.op.kind.startswith("CUSTOM") and want.shape == ():  # converters may leave such shapes open
                want = want.with_(shape=got.shape)
            if self.shared.resized:
                want = want.with_(shape=self._shape(k, got.shape))
            if got.size != want.size or got.dtype != want.dtype:
                raise BadFile(f"output {k} is declared as {_told(want)}, the operator gives {_told(got)}")
            if number in self.values:
                raise BadFile(f"tensor {self.model.tensors[number].name!r} is computed twice")
            if got.quant != want.quant and ref[0] == "%":
                raise BadFile(f"output {k} is declared as {_told(want)}, the operator gives {_told(got)}")
            self.values[number] = self.reshape(ref, want.shape)


def _told(t: TensorType) -> str:
    q = "" if t.quant is None else " per channel" if not t.quant.per_tensor else " quantised"
    return f"{t.dtype}{list(t.shape)}{q}"


__all__ = ["Call", "Shared", "clean", "outside_type", "tensor_type"]
