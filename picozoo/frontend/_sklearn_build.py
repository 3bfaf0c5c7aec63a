"""What the readers of scikit-learn estimators share: nodes, constants, and how classes become labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from picozoo import ops
from picozoo.errors import BadFile, Unsupported
from picozoo.ir.program import Function, Node, Program
from picozoo.ops._reduce import ReduceAttrs
from picozoo.ops.cast import CastAttrs
from picozoo.ops.concat import ConcatAttrs
from picozoo.ops.gather import GatherAttrs
from picozoo.ops.linear import LinearAttrs
from picozoo.ops.reshape import ReshapeAttrs
from picozoo.ops.softmax import SoftmaxAttrs
from picozoo.ops.sum import SumAttrs
from picozoo.specs import TensorType, dtype_of

# What an estimator can do, such as "predict": from the reference of its input to that of its result.
Method = Callable[["Build", str], str]
Methods = dict[str, Method]
# Methods of a fitted estimator.
Reader = Callable[[Any], Methods]


class Build:
    """One function about to be filled. Values are references; rows are samples, so most shapes are [1, features]."""

    def __init__(self, program: Program, function: Function) -> None:
        self.program, self.function, self.part = program, function, ""

    def type(self, ref: str) -> TensorType:
        """Type of a value."""
        return self.program.type_of(self.function, ref)

    def const(self, array: Any, hint: str, dtype: str = "") -> str:
        """A constant: floats become float32.

        Raises:
            Unsupported: a number that float32 does not have.
        """
        a = np.asarray(array.toarray() if hasattr(array, "toarray") else array)
        if dtype:
            a = a.astype(TensorType((), dtype).numpy)
        elif a.dtype.kind == "f":
            with np.errstate(over="ignore"):
                a = a.astype(np.float32)
            if not np.isfinite(a).all():
                raise Unsupported(f"{self.part or hint}: {hint} holds a number that float32 does not have")
        return self.program.add_constant(f"{self.part}{hint}", a, TensorType(a.shape, dtype_of(a)))

    def emit(self, op: str, refs: Sequence[str], attrs: Any = None, name: str = "") -> str:
        """Add a node; gives its output."""
        found = ops.get(op)
        if any(self.type(r).size == 0 for r in refs):
            raise BadFile(f"{self.part or op}: a part of the model holds nothing")
        attrs = found.Attrs() if attrs is None else attrs
        taken = {n.name for n in self.function.nodes}
        base = label = f"{self.part}{name or op}"
        k = 1
        while label in taken:
            label, k = f"{base}_{k}", k + 1
        ref = self.function.fresh(label)
        self.function.types[ref] = found.infer([self.type(r) for r in refs], attrs)[0]
        self.function.nodes.append(Node(op, label, tuple(refs), (ref,), attrs))
        return ref

    # -- shorter names ------------------------------------------------------------------------------------------------
    def linear(self, x: str, weight: Any, bias: Any, name: str = "linear") -> str:
        """x W^T + b; weight [out, in], bias [out]."""
        w = np.atleast_2d(np.asarray(weight.toarray() if hasattr(weight, "toarray") else weight, np.float64))
        b = np.broadcast_to(np.asarray(bias, np.float64).reshape(-1), (w.shape[0],))
        refs = [x, self.const(w, f"{name}.weight"), self.const(b, f"{name}.bias")]
        return self.emit("linear", refs, LinearAttrs(), name)

    def shift_scale(self, x: str, minus: Any, times: Any, name: str = "scale") -> str:
        """(x - minus) * times; None leaves out a part."""
        if minus is not None:
            x = self.emit("sub", [x, self.const(np.asarray(minus, np.float64), f"{name}.minus")])
        if times is not None:
            x = self.emit("mul", [x, self.const(np.asarray(times, np.float64), f"{name}.times")])
        return x

    def binary(self, op: str, x: str, value: Any, hint: str = "c") -> str:
        """x op a constant in the type of x."""
        return self.emit(op, [x, self.const(value, hint, self.type(x).dtype)])

    def pick(self, x: str, columns: Any) -> str:
        """Some columns, in the order given; all of them in their order cost nothing."""
        columns = np.asarray(columns, np.int64)
        if np.array_equal(columns, np.arange(self.type(x).shape[1])):
            return x
        return self.emit("gather", [x, self.const(columns, "columns", "i16")], GatherAttrs(1), "columns")

    def concat(self, refs: Sequence[str]) -> str:
        """Side by side."""
        return refs[0] if len(refs) == 1 else self.emit("concat", refs, ConcatAttrs(1))

    def sum(self, x: str, *, keep: bool = True) -> str:
        """Over the columns."""
        return self.emit("sum", [x], SumAttrs((1,), keep))

    def cast(self, x: str, dtype: str) -> str:
        """Another element type."""
        return x if self.type(x).dtype == dtype else self.emit("cast", [x], CastAttrs(dtype))

    def softmax(self, x: str) -> str:
        """Over the columns."""
        return self.emit("softmax", [x], SoftmaxAttrs(1))

    def flat(self, x: str) -> str:
        """[1, 1] to [1], as scikit-learn gives one number a sample."""
        return self.emit("reshape", [x], ReshapeAttrs((self.type(x).size,)))

    def normalised(self, x: str) -> str:
        """Each row divided by its sum."""
        return self.emit("div", [x, self.sum(x)])

    def both(self, positive: str) -> str:
        """[1 - p, p] of a probability [1, 1]."""
        one = self.emit("sub", [self.const(np.ones((1, 1)), "one"), positive])
        return self.concat([one, positive])

    # -- classes ------------------------------------------------------------------------------------------------------
    def largest(self, scores: str) -> str:
        """Index of the largest score, the first of equals: i32 [1]."""
        return self.cast(self.emit("argmax", [scores], ReduceAttrs((1,), False)), "i32")

    def positive(self, score: str, limit: float = 0.0) -> str:
        """1 where a score [1, 1] or [1] is above the limit, else 0: i32 [1]."""
        flat = self.flat(score) if self.type(score).rank > 1 else score
        return self.cast(self.binary("gt", flat, limit, "limit"), "i32")

    def label(self, index: str, classes: Any) -> str:
        """The class behind an index: itself where it is a number, else the index, whose names go into `meta`."""
        classes = np.asarray(classes)
        if classes.dtype.kind not in "iufb":
            self.program.meta["classes"] = ", ".join(str(c) for c in classes)
            return index
        if np.array_equal(classes, np.arange(len(classes))):
            return index
        kind = "f32" if classes.dtype.kind == "f" and (classes != np.rint(classes)).any() else "i32"
        return self.emit("gather", [self.const(classes, "classes", kind), index], GatherAttrs(0), "label")


def scored(classes: Any, scores: Method, **others: Method) -> Methods:
    """A classifier that takes the class of the largest score; of two classes with one score, its sign.

    Args:
        scores: [1, classes], or [1, 1] for two classes.
        others: further methods, such as predict_proba.
    """

    def predict(b: Build, x: str) -> str:
        s = scores(b, x)
        return b.label(b.positive(s) if b.type(s).size == 1 else b.largest(s), classes)

    return {"predict": predict, **others}


def decided(classes: Any, scores: Method, **others: Method) -> Methods:
    """As `scored`, where the scores are also the result of `decision_function`."""

    def decision(b: Build, x: str) -> str:
        s = scores(b, x)
        return b.flat(s) if b.type(s).size == 1 else s

    return scored(classes, scores, decision_function=decision, **others)
