"""Machinery of operators that work element by element: broadcasting, unary, binary and comparison forms."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._fixed_point import quantize_array, quantize_multiplier, requantize
from picozoo.ops._lut16 import lookup16, lut16
from picozoo.ops._op import Case, NoAttrs, Op, Types
from picozoo.specs import QuantParams, TensorType

if TYPE_CHECKING:
    from picozoo.emit.call import Call

INTS = ("i8", "u8", "i16", "i32", "i64")


def broadcast_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of `a op b`. Raises Unsupported with both shapes if they do not broadcast."""
    try:
        return tuple(int(d) for d in np.broadcast_shapes(a, b))
    except ValueError:
        raise Unsupported(f"shapes {list(a)} and {list(b)} do not broadcast") from None


@dataclass(frozen=True)
class Loops:
    """Four nested loops over `n`, and for each operand the step in elements of each loop (0 = repeated)."""

    n: tuple[int, int, int, int]
    steps: tuple[tuple[int, int, int, int], ...]

    @property
    def args(self) -> list[int]:
        """As the C kernels take them: the four counts, then four steps for each operand."""
        return [*self.n, *(s for step in self.steps for s in step)]


def plan_loops(out: tuple[int, ...], *operands: tuple[int, ...]) -> Loops:
    """Merge dimensions that all operands walk alike, so that most calls become one loop.

    Raises:
        Unsupported: more than four loops are left.

    Example:
        >>> plan_loops((1, 4, 5), (1, 4, 5), (5,)).n
        (1, 1, 4, 5)
        >>> plan_loops((2, 3), (2, 3), ()).steps
        ((0, 0, 0, 1), (0, 0, 0, 0))
    """
    rank = len(out)
    strides = []
    for shape in operands:
        full = (1,) * (rank - len(shape)) + shape
        step, walk = [0] * rank, 1
        for d in range(rank - 1, -1, -1):
            step[d] = walk if full[d] != 1 else 0
            walk *= full[d]
        strides.append(step)
    dims: list[int] = []
    merged: list[list[int]] = [[] for _ in operands]
    for d in range(rank - 1, -1, -1):
        if out[d] == 1:
            continue
        if dims and all(m[0] * dims[0] == s[d] for m, s in zip(merged, strides, strict=True)):
            dims[0] *= out[d]
            continue
        dims.insert(0, out[d])
        for m, s in zip(merged, strides, strict=True):
            m.insert(0, s[d])
    if len(dims) > 4:
        raise Unsupported(f"broadcasting to {list(out)} needs {len(dims)} nested loops, 4 is the limit; reshape first")
    pad = 4 - len(dims)
    n = tuple([1] * pad + dims)
    return Loops(n, tuple(tuple([0] * pad + m) for m in merged))  # type: ignore[arg-type,misc]


class Elementwise(Op):
    """Same attributes under any permutation of the dimensions."""

    elementwise = True

    def channelwise(self, ins: Types, outs: Types, attrs: Any) -> bool:
        return all(t.shape == outs[0].shape for t in ins)

    def permute(self, attrs: Any, ins: Types, perm: tuple[int, ...]) -> Any | None:
        return attrs


class Unary(Elementwise):
    """One input, one output of the same shape. In int8 it is a table of 256 results, whatever the function.

    A subclass gives `name`, `fn` (NumPy, float in and out) and the kernel `pz_NAME_f32` in `pz_NAME.h`, called with
    (x, y, n) and the values of `kernel_args`.
    """

    quant_rule = "free"
    dtypes: ClassVar[tuple[str, ...]] = ("f32",)
    attr_order: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        """The operation on whole arrays, in NumPy."""

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        if ins[0].quant is None and ins[0].dtype not in self.dtypes:
            raise Unsupported(f"{self.name} takes {', '.join(self.dtypes)}, got {ins[0].dtype}")
        return [TensorType(ins[0].shape, ins[0].dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        if outs[0].quant is not None:
            assert ins[0].quant is not None
            if outs[0].dtype == "i16":
                return [self.wide(args[0], ins[0].quant, outs[0].quant, attrs)]
            return [self.table(ins[0].quant, outs[0].quant, attrs)[args[0].astype(np.int64) + 128]]
        return [self.fn(args[0], attrs)]

    def bounds(
        self, low: list[np.ndarray], high: list[np.ndarray], ins: Types, outs: Types, attrs: Any
    ) -> tuple[np.ndarray, np.ndarray] | None:
        if ins[0].quant is None or outs[0].quant is None or ins[0].dtype != "i8":
            return None
        table, (a, b) = self.table(ins[0].quant, outs[0].quant, attrs), (low[0] + 128, high[0] + 128)
        spans = [(table[i:].copy(), table[i:].copy()) for i in range(256)]
        for least, most in spans:
            np.minimum.accumulate(least, out=least)
            np.maximum.accumulate(most, out=most)
        pairs, back = np.unique(np.stack([a.reshape(-1), b.reshape(-1)], 1), axis=0, return_inverse=True)
        ends = np.array([[spans[i][0][j - i], spans[i][1][j - i]] for i, j in pairs.tolist()])[back.reshape(-1)]
        return ends[:, 0].reshape(a.shape), ends[:, 1].reshape(a.shape)

    def table(self, qx: QuantParams, qy: QuantParams, attrs: Any) -> np.ndarray:
        """Output integer for each input integer -128 ... 127; float32 arithmetic as LiteRT's tables."""
        x = (np.arange(-128, 128) - qx.zero_point[0]).astype(np.float32) * np.float32(qx.scale[0])
        with np.errstate(all="ignore"):
            y = self.fn(x, attrs)
            # times the reciprocal, where plain quantisation divides
            return quantize_array(y * (np.float32(1) / np.float32(qy.scale[0])), 1.0, qy.zero_point[0])

    def table16(self, qx: QuantParams, qy: QuantParams, attrs: Any) -> np.ndarray:
        """The int16 form's table, see `_lut16.lut16`; zero points are 0."""
        low, high = np.float32(qx.scale[0]) * np.float32(-32768), np.float32(qx.scale[0]) * np.float32(32767)
        steps = np.float32(65536) / (np.float32(65535) * np.float32(qy.scale[0]))
        with np.errstate(all="ignore"):
            return lut16(lambda x: np.nan_to_num(self.fn(x, attrs)), float(low), float(high), float(steps))

    def wide(self, x: np.ndarray, qx: QuantParams, qy: QuantParams, attrs: Any) -> np.ndarray:
        """The int16 form."""
        return lookup16(x, self.table16(qx, qy, attrs))

    def emit_wide(self, call: Call, qx: QuantParams, qy: QuantParams) -> str:
        """C of the int16 form."""
        table = call.table("lut", self.table16(qx, qy, call.attrs))
        return call.run("pz_lut_i16", call.x(0), table, call.y(), call.outs[0].size, header="pz_lut.h")

    def inplace(self, ins: Types, outs: Types, attrs: Any) -> tuple[int, ...]:
        return (0,)

    def lowers(self, ins: Types, outs: Types, attrs: Any) -> bool:
        zeros = [t.quant.zero_point for t in (ins[0], outs[0]) if t.quant is not None]
        return ins[0].dtype == outs[0].dtype and (
            ins[0].dtype == "i8" or (ins[0].dtype == "i16" and zeros == [(0,)] * 2)
        )

    def emit(self, call: Call) -> str:
        n = call.outs[0].size
        if call.outs[0].quant is not None:
            assert call.ins[0].quant is not None
            if call.outs[0].dtype == "i16":
                return self.emit_wide(call, call.ins[0].quant, call.outs[0].quant)
            table = self.table(call.ins[0].quant, call.outs[0].quant, call.attrs)
            return call.run("pz_lut_i8", call.x(0), call.table("lut", table), call.y(), n, header="pz_lut.h")
        extra = [call.literal(getattr(call.attrs, a)) for a in self.attr_order]
        return call.run(f"pz_{self.name}_{call.ins[0].dtype}", call.x(0), call.y(), n, *extra)


class Binary(Elementwise):
    """Two inputs that broadcast, computed in one element type, kernel `pz_NAME_TYPE` on four nested loops."""

    dtypes: ClassVar[tuple[str, ...]] = ("f32", *INTS)
    result: ClassVar[str] = ""  # output type where it differs from the inputs', such as "bool"

    @abstractmethod
    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The operation on whole arrays, in NumPy; `a` and `b` broadcast."""

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        a, b = ins
        if a.quant is None and (a.dtype != b.dtype or a.dtype not in self.dtypes):
            raise Unsupported(
                f"{self.name} takes two inputs of one type ({', '.join(self.dtypes)}), got {a.dtype} and {b.dtype}"
            )
        return [TensorType(broadcast_shape(a.shape, b.shape), self.result or a.dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        return [self.fn(args[0], args[1])]

    def inplace(self, ins: Types, outs: Types, attrs: Any) -> tuple[int, ...]:
        return tuple(i for i, t in enumerate(ins) if t.shape == outs[0].shape and t.nbytes == outs[0].nbytes)

    def emit(self, call: Call) -> str:
        loops = plan_loops(call.outs[0].shape, call.ins[0].shape, call.ins[1].shape)
        return call.run(f"pz_{self.name}_{call.ins[0].dtype}", call.x(0), call.x(1), call.y(), *loops.args)


def clipped_table(qx: QuantParams, qy: QuantParams, low: float, high: float) -> np.ndarray:
    """Table of a clamp: requantised in fixed point, then limited to the integers of the bounds, as LiteRT's RELUs."""
    zero = qy.zero_point[0]
    m, s = quantize_multiplier(float(np.float32(qx.scale[0]) / np.float32(qy.scale[0])))
    with np.errstate(over="ignore"):  # a bound may be the largest float
        lo, hi = quantize_array(np.array([low, high], np.float32), qy.scale[0], zero).tolist()
    return requantize(np.arange(-128, 128) - qx.zero_point[0], m, s, zero, lo, hi).astype(np.int8)


def clipped_factors(qx: QuantParams, qy: QuantParams, low: float, high: float) -> tuple[int, int, int, int]:
    """Factor, shift and bounds of a clamp in int16."""
    m, s = quantize_multiplier(float(np.float32(qx.scale[0]) / np.float32(qy.scale[0])))
    with np.errstate(over="ignore"):
        lo, hi = quantize_array(np.array([low, high], np.float32), qy.scale[0], 0, "i16").tolist()
    return m, s, lo, hi


class Rectifier(Unary):
    """A unary operator that is a clamp: in int16 one requantisation with bounds."""

    @abstractmethod
    def limits(self, attrs: Any) -> tuple[float, float]:
        """Least and largest result."""

    def table(self, qx: QuantParams, qy: QuantParams, attrs: Any) -> np.ndarray:
        return clipped_table(qx, qy, *self.limits(attrs))

    def wide(self, x: np.ndarray, qx: QuantParams, qy: QuantParams, attrs: Any) -> np.ndarray:
        m, s, lo, hi = clipped_factors(qx, qy, *self.limits(attrs))
        return requantize(x, m, s, 0, lo, hi)

    def emit_wide(self, call: Call, qx: QuantParams, qy: QuantParams) -> str:
        m, s, lo, hi = clipped_factors(qx, qy, *self.limits(call.attrs))
        args = (call.x(0), call.y(), call.outs[0].size, m, s, 0, 0, lo, hi)
        return call.run("pz_requantize_i16_i16", *args, header="pz_requantize.h")


def torch_unary(name: str, **attr_args: str) -> Mapping[str, Callable[..., Any]]:
    """Reader of an aten unary overload whose extra arguments become attributes of the same name."""

    def read(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        return ctx.emit(name, [args[0]], *args[1:], **kwargs)

    return {f"{name}.default": read}


def unary_cases(low: float = -4.0, high: float = 4.0, attrs: Any = None) -> Sequence[Case]:
    """Float in one and three dimensions, and the int8 table."""
    a = attrs or NoAttrs()
    qx, qy = QuantParams.tensor(max(abs(low), abs(high)) / 127, 3), QuantParams.tensor(0.02, -7)
    wx, wy = QuantParams.tensor(max(abs(low), abs(high)) / 32768), QuantParams.tensor(0.0001)
    return (
        Case((TensorType((7,)),), a, low=low, high=high),
        Case((TensorType((2, 3, 5)),), a, low=low, high=high),
        Case((TensorType((1, 9), "i8", qx),), a, (TensorType((1, 9), "i8", qy),)),
        Case((TensorType((3, 9), "i16", wx),), a, (TensorType((3, 9), "i16", wy),)),
    )


def binary_cases(dtypes: Sequence[str] = ("f32", "i32"), low: float = -4.0, high: float = 4.0) -> Sequence[Case]:
    """Same shapes, a row, a scalar, and two that both broadcast."""
    shapes = (((6,), (6,)), ((2, 3, 4), (4,)), ((3, 5), ()), ((4, 1), (1, 5)), ((2, 1, 3, 1), (1, 4, 1, 2)))
    return tuple(Case((TensorType(a, d), TensorType(b, d)), low=low, high=high) for d in dtypes for a, b in shapes)
