"""What an operator file must provide, and nothing that knows a particular operator.

An operator file defines a subclass of `Op` and `OP = TheClass()`. Everything else about the operator — capture,
quantisation, checking, planning, emission, tests — asks the methods below.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from picozoo.errors import Unsupported
from picozoo.specs import Target, TensorType

if TYPE_CHECKING:
    from picozoo.emit.call import Call
    from picozoo.ir.program import Program
    from picozoo.ops._walk import Walk

Types = Sequence[TensorType]


@dataclass(frozen=True)
class NoAttrs:
    """For operators without attributes."""


@dataclass(frozen=True)
class Case:
    """One test of an operator: types in, attributes, and how to draw the inputs.

    Args:
        ins: input types; quantised ones test the integer form.
        attrs: the operator's attributes.
        outs: output types where they are not what `infer` gives (quantised forms).
        low, high: range of the random inputs (floats), else the full range of the type.
        constants: indices of inputs that are constants in the program (weights).
        values: (index, array) of inputs that cannot be random (tables of indices).
    """

    ins: tuple[TensorType, ...]
    attrs: Any = field(default_factory=NoAttrs)
    outs: tuple[TensorType, ...] = ()
    low: float = -2.0
    high: float = 2.0
    constants: tuple[int, ...] = ()
    values: tuple[tuple[int, np.ndarray], ...] = ()


@dataclass(frozen=True)
class Rows:
    """Which rows of an image [1, H, W, C] a row of the output is made of: r * stride - before and `size - 1` behind it.

    Args:
        fill: what stands in rows that are not there, if `before` or the window reach beyond the image.
    """

    size: int = 1
    stride: int = 1
    before: int = 0
    fill: float = 0


@dataclass(frozen=True)
class SumForm:
    """Operator and attributes of a layer with a sum behind it. Its inputs: the layer's, `more`, and what is added."""

    op: str
    attrs: Any
    more: tuple[np.ndarray, ...] = ()


class Op(ABC):
    """Base of all operators; the defaults are those of a one-output operator that quantisation leaves alone."""

    name: ClassVar[str]
    Attrs: ClassVar[type] = NoAttrs
    # aten overload name, such as "relu.default" -> how to read it; see frontend/torch_export.py
    aten: ClassVar[Mapping[str, Callable[..., Any]]] = {}
    # operator of a TFLite file, such as "CONV_2D" -> how to read it; see frontend/tflite.py
    tflite: ClassVar[Mapping[str, Callable[..., Any]]] = {}
    # node type of an ONNX file, such as "Conv" -> how to read it; see frontend/onnx.py
    onnx: ClassVar[Mapping[str, Callable[..., Any]]] = {}
    cases: ClassVar[Sequence[Case]] = ()
    # Quantisation: "none" (stays float), "free" (output has a range of its own), "follow" (the same, but only where
    # its inputs are integers anyway: arithmetic that no heavy layer feeds is better left in float),
    # "same" (output must share the first input's parameters), "fixed" (see `fixed_quant`), "inner" (the same, but only
    # between integer layers: the probabilities that a network gives are better left in float).
    quant_rule: ClassVar[str] = "none"
    # Has the output of the int16 form the scale 2^-15, whatever the rule in int8?
    fixed16: ClassVar[bool] = False
    # Is each element of the output made of the elements at the same (broadcast) place of the inputs?
    elementwise: ClassVar[bool] = False
    # Is each element of the output one of the elements of input 0, whatever they stand for? Quantised values may then
    # pass through as they are (`passes.sink_dequantize`).
    moves: ClassVar[bool] = False
    # Integers only: does no output fall when an input rises?
    monotone: ClassVar[bool] = False
    # Inputs that the kernel reads through PZ_FLASH, so that constants need no copy in RAM on Harvard chips.
    flash_inputs: ClassVar[tuple[int, ...]] = ()

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        """Output shapes and types from input types. Raises UsageError or Unsupported with what is wrong."""
        raise Unsupported(f"operator {self.name} has no shape rule")

    def infer_in(self, program: Program, ins: Types, attrs: Any) -> list[TensorType]:
        """As `infer`, for operators that name other functions of the program."""
        return self.infer(ins, attrs)

    # Are the nodes of its regions layers of their own, planned and printed one by one?
    flattened: ClassVar[bool] = False

    def regions(self, attrs: Any) -> tuple[str, ...]:
        """Other functions of the program that the node runs."""
        return ()

    def run_regions(
        self, calls: Sequence[Callable[..., list[np.ndarray]]], args: list[np.ndarray], attrs: Any
    ) -> list[np.ndarray]:
        """The result in NumPy, for operators with regions: `calls` runs each of them."""
        raise Unsupported(f"operator {self.name} has no regions")

    def check(self, ins: Types, outs: Types, attrs: Any) -> None:  # noqa: B027 - most operators take every combination
        """Raise if this combination of types has no kernel. Runs in the verifier."""

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[Any]:
        """The result in NumPy. Integer forms: exactly what every C form gives."""
        raise Unsupported(f"operator {self.name} has no reference")

    def macs(self, ins: Types, outs: Types, attrs: Any) -> int:
        """Multiply-accumulates of one call, as the field counts them."""
        return 0

    def inplace(self, ins: Types, outs: Types, attrs: Any) -> tuple[int, ...]:
        """Inputs whose memory output 0 may take over when nothing else reads them later."""
        return ()

    def inplace_pairs(self, ins: Types, outs: Types, attrs: Any) -> list[tuple[int, int]]:
        """(output, input) pairs that may share memory; for operators with more than one output."""
        return [(0, i) for i in self.inplace(ins, outs, attrs)]

    def bounds(
        self, low: list[np.ndarray], high: list[np.ndarray], ins: Types, outs: Types, attrs: Any
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Least and largest value of every element of output 0 if every element of the inputs lies in low ... high.

        Constants have low == high. None: nothing is known. By default the ends themselves for operators that are
        `monotone`.
        """
        if not self.monotone or len(outs) != 1:
            return None
        ends = (np.asarray(self.reference(v, ins, outs, attrs)[0]).reshape(outs[0].shape) for v in (low, high))
        return next(ends), next(ends)

    def channelwise(self, ins: Types, outs: Types, attrs: Any) -> bool:
        """Is index k of the last dimension of the output made of index k of the inputs, in the same way for every k?"""
        return False

    def views(self, ins: Types, outs: Types, attrs: Any) -> Sequence[tuple[int, int, int]]:
        """(output, input, bytes) of pairs one of which is a piece of the other, if the output begins so many bytes
        behind the input (below zero: before it). Where the planner lets them lie so, nothing is copied."""
        return ()

    def rows(self, ins: Types, outs: Types, attrs: Any) -> Mapping[int, Rows] | None:
        """Of which rows of its inputs a row of output 0 is made; None: of all. Inputs not named are needed whole.

        With an answer, `at_rows` gives the attributes with which the operator computes some of its rows only.
        """
        if not self.elementwise or len(outs) != 1 or outs[0].rank != 4 or outs[0].shape[0] != 1:
            return None
        flat = all(t.shape == outs[0].shape or t.rank < 3 or t.shape[-3] == 1 for t in ins)
        return {i: Rows() for i, t in enumerate(ins) if t.shape == outs[0].shape} if flat else None

    def at_rows(self, attrs: Any, above: int, below: int) -> Any:
        """The attributes for some rows of the output, with so many rows of padding above and below the input."""
        return attrs

    def walks(self, ins: Types, outs: Types, attrs: Any, target: Target) -> tuple[Walk, ...]:
        """The orders in which the kernel can read input 0 and write output 0, so that the planner may let them overlap.

        First the usual one, then, if there is one, that from the end to the begin (`Call.backward`). None: they must
        not overlap, unless `inplace` says so. Every form of the kernel on this target must keep the order.
        """
        return ()

    def scratch(self, ins: Types, outs: Types, attrs: Any, target: Target) -> int:
        """Bytes of working memory the kernel needs during the call."""
        return 0

    def forms(self, ins: Types, outs: Types, attrs: Any, target: Target) -> tuple[str, ...]:
        """Names of the ways in which `emit` can compute the node on this target; `target.form` chooses one of them."""
        return ()

    def emit(self, call: Call) -> str:
        """C statements that compute the node."""
        raise Unsupported(f"operator {self.name} cannot be emitted as C")

    def permute(self, attrs: Any, ins: Types, perm: tuple[int, ...]) -> Any | None:
        """Attributes with which `op(x.permute(perm)) == op'(x).permute(perm)`, or None if there are none."""
        return None

    def lowers(self, ins: Types, outs: Types, attrs: Any) -> bool:
        """Is there an integer form for these quantised types? Asked by `lower_qdq`."""
        return False

    def wide_form(self, attrs: Any) -> tuple[str, Any] | None:
        """Operator and attributes of the same on int16 activations and int8 weights, if they are another operator's.

        Its inputs are images [N, H, W, C], weights [O, H, W, C] and an int64 bias.
        """
        return None

    def sum_form(
        self, ins: Types, outs: Types, attrs: Any, added: TensorType, y: TensorType, act: str, target: Target
    ) -> SumForm | None:
        """The same with a quantised sum behind it, where the target is better off with it; its output is `y`, after
        `act`."""
        return None

    def quant_inputs(self, ins: Types, attrs: Any) -> Mapping[int, str]:
        """How quantisation treats each input of the integer form: index -> "act", "weight:AXIS", "bias:X,W" ...

        "weight:AXIS" is a constant with symmetric int8 values, one scale per index of AXIS;
        "bias:X,W" is an int32 constant whose scale is the product of those of inputs X and W;
        "const16" is a constant in symmetric int16 with one scale;
        "act" is an activation in int8, "act16" one in symmetric int16 with a power-of-two scale.
        """
        return {0: "act"}

    def quant_outputs(self, outs: Types, attrs: Any) -> Sequence[str]:
        """ "act" or "act16" for each output."""
        return ["act"] * len(outs)

    def quant_ties(self, attrs: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Inputs and outputs of the integer form that must share parameters, beside what the rule says."""
        return (), ()

    def on_the_way(self, args: list[np.ndarray], outs: list[np.ndarray], attrs: Any) -> Mapping[int, np.ndarray]:
        """Real values that an output has before its last: what is kept from step to step needs room for all of them."""
        return {}

    def most_kept(self, ins: Types, outs: Types, attrs: Any) -> float | None:
        """Largest size of "act16" outputs where no calibration saw them, from the other types; None: unknown."""
        return None

    def fixed_quant(self, outs: Types, attrs: Any) -> tuple[float, int]:
        """Scale and zero point of the output where the rule is "fixed" or "inner"."""
        raise Unsupported(f"operator {self.name} has no fixed quantisation")


def norm_axis(axis: int, rank: int) -> int:
    """A negative axis counts from the end.

    Example:
        >>> norm_axis(-1, 4)
        3
    """
    if not -max(rank, 1) <= axis < max(rank, 1):
        raise Unsupported(f"axis must be from {-rank} to {rank - 1}, got {axis}")
    return axis % max(rank, 1)
