"""What the readers of `ai.onnx.ml` share: rows of samples, classes and their labels, what is done with scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._sklearn_build import Build
from picozoo.specs import TensorType


class Rows(Build):
    """The shorthands that scikit-learn's readers have, over a node of an ONNX file; any number of rows."""

    def __init__(self, ctx: Any) -> None:
        super().__init__(ctx.program, ctx.function)
        self.ctx = ctx

    def type(self, ref: str) -> TensorType:
        """Type of a value."""
        found: TensorType = self.ctx.type(ref)
        return found

    def const(self, array: Any, hint: str, dtype: str = "") -> str:
        """A constant: floats become float32."""
        return str(self.ctx.const(array, hint, dtype))

    def emit(self, op: str, refs: Sequence[str], attrs: Any = None, name: str = "") -> str:
        """Add a node; gives its output."""
        return str(self.ctx.emit(op, refs, attrs))


def rows(ctx: Any) -> str:
    """Input 0 as float rows of features [rows, features]; a vector is one row."""
    x = ctx.cast(ctx.plain(ctx.ref(0)), "f32")
    shape = ctx.shape(x)
    if len(shape) not in (1, 2):
        raise BadFile(f"rows of features are needed, got {list(shape)}")
    return str(ctx.reshape(x, (1, *shape)) if len(shape) == 1 else x)


def classes(ctx: Any, numbers: str) -> list[Any]:
    """Labels of the classes, numbers (the attribute's name is `numbers`) or names."""
    found = ctx.attr(numbers) or ctx.attr("classlabels_strings") or []
    if not 2 <= len(found) < 1 << 15:
        raise BadFile(f"{len(found)} class labels")
    if any(isinstance(v, int) and abs(v) >= 1 << 31 for v in found):
        raise Unsupported("class labels that int32 does not have; number the classes from 0")
    return list(found)


def labelled(b: Rows, index: str, names: Sequence[Any]) -> str:
    """The label behind an index, int64; the index itself where labels are names, which then stand in `meta`."""
    return b.cast(b.label(index, np.asarray(names)), "i64")


def transformed(b: Rows, scores: str, post: str) -> str:
    """Scores [rows, n] after `post_transform`."""
    if post == "NONE":
        return scores
    n = b.type(scores).shape[1]
    if post not in ("LOGISTIC", "SOFTMAX") or n < 2:
        raise Unsupported(f"post_transform {post} of {n} scores; LOGISTIC and SOFTMAX of two or more can be read")
    return b.emit("sigmoid", [scores]) if post == "LOGISTIC" else b.softmax(scores)
