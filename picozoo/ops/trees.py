"""An ensemble of decision trees as tables: the sum over all trees of the leaf that the input falls into.

Inputs: x f32[N, features]; threshold f32[nodes]; feature i32[nodes]; child i32[nodes, 2]; root i32[trees]; leaf
i32 or f32 [leaves, width]. Node n asks whether x[feature[n]] <= threshold[n] and goes on with child[n, 0] if so, else
(NaN included) with child[n, 1]. Children are counted from the root of their own tree and lie behind their parent; a
negative child c is leaf ~c. root[t] is the first node of tree t, or ~leaf for a tree that asks nothing. The tables are
constants, and are stored as narrow as their values allow.

A threshold that a float64 program compares with float32 inputs becomes the largest float32 that is not above it: then
every float32 takes the same branch. C side: `kernels/pz_trees.h`, which cores without an FPU walk with integers only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import Target, TensorType


@dataclass(frozen=True)
class TreesAttrs:
    """`missing`: feature[n] is twice the feature, plus one where NaN goes left."""

    missing: bool = False


def floor32(x: np.ndarray) -> np.ndarray:
    """Largest float32 that is not above each number; zero is positive.

    Example:
        >>> float(floor32(np.array([0.1]))[0]) <= 0.1 < float(np.float32(0.1))
        True
    """
    x = np.asarray(x, np.float64)
    with np.errstate(over="ignore"):
        near = x.astype(np.float32)
    below = np.where(near.astype(np.float64) > x, np.nextafter(near, np.float32(-np.inf)), near)
    return (below + np.float32(0)).astype(np.float32)


def keys(x: np.ndarray) -> np.ndarray:
    """Integers in the order of the floats, as `pz_trees_keys` makes them.

    Example:
        >>> bool((np.diff(keys(np.array([-2.0, -0.5, 0.0, 1e-40, 3.0], np.float32))) > 0).all())
        True
    """
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    size = bits & np.uint32(0x7FFFFFFF)
    key = np.where(bits >> 31, ~size, size).view(np.int32)
    return np.where(size > 0x7F800000, np.int32(2**31 - 1), key)


def _case(
    seed: int,
    width: int,
    value: str,
    *,
    missing: bool = False,
    features: int = 6,
    trees: int = 5,
    depth: int = 4,
    batch: int = 1,
) -> Case:
    """A random forest, the last tree a single leaf."""
    rng = np.random.default_rng(seed)
    child: list[list[int]] = []
    root: list[int] = []
    leaves = 0

    def grow(left: int, start: int) -> int:
        nonlocal leaves
        if left == 0 or (left < depth and rng.random() < 0.3):
            leaves += 1
            return ~(leaves - 1)
        at = len(child)
        child.append([0, 0])
        for side in (0, 1):
            child[at][side] = grow(left - 1, start)
        return at - start

    for _ in range(trees - 1):
        root.append(len(child))
        grow(depth, len(child))
    leaves += 1
    root.append(~(leaves - 1))
    child = child or [[-1, -1]]  # tables are never empty
    n = len(child)
    feature = rng.integers(0, features, n)
    values = {
        1: rng.uniform(-1.5, 1.5, n).astype(np.float32) + np.float32(0),
        2: feature * 2 + rng.integers(0, 2, n) if missing else feature,
        3: np.array(child),
        4: np.array(root),
    }
    table = rng.integers(-1000, 1000, (leaves, width)).astype(np.int32)
    values[5] = table if value == "i32" else (table / np.float32(37)).astype(np.float32)
    if value == "vote":
        for k, ends in ((3, np.array(child)), (4, np.array(root))):
            values[k] = np.where(ends < 0, -1 - (-1 - ends) % width, ends)
        values[5] = np.eye(width, dtype=np.int32) * 3
    dtypes = ("f32", "i32", "i32", "i32", "i32" if value in ("i32", "vote") else "f32")
    ins = [TensorType((batch, features))]
    ins += [TensorType(values[k].shape, d) for k, d in enumerate(dtypes, 1)]
    fixed = tuple((k, np.asarray(v, ins[k].numpy)) for k, v in values.items())
    return Case(tuple(ins), TreesAttrs(missing), constants=(1, 2, 3, 4, 5), values=fixed)


class Trees(Op):
    name = "trees"
    Attrs = TreesAttrs
    flash_inputs = (1, 2, 3, 4, 5)
    cases = (
        _case(1, 3, "i32"),
        _case(2, 1, "f32", trees=9),
        _case(3, 4, "vote", trees=12),
        _case(4, 2, "i32", missing=True, batch=2),
        _case(5, 2, "f32", features=300, depth=6, trees=8),
        _case(6, 1, "i32", trees=1),
        _case(7, 3, "vote", missing=True, depth=7, trees=6),
    )

    def infer(self, ins: Types, attrs: TreesAttrs) -> list[TensorType]:
        if len(ins) != 6:
            raise Unsupported(f"trees takes 6 inputs, got {len(ins)}")
        x, threshold, feature, child, root, leaf = ins
        n = threshold.size
        if (
            x.rank != 2
            or [t.dtype for t in ins[:5]] != ["f32", "f32", "i32", "i32", "i32"]
            or (threshold.shape, feature.shape, child.shape) != ((n,), (n,), (n, 2))
            or root.rank != 1
            or leaf.rank != 2
            or leaf.dtype not in ("i32", "f32")
        ):
            raise Unsupported(f"trees: {[(t.dtype, list(t.shape)) for t in ins]} do not belong together")
        return [TensorType((x.shape[0], leaf.shape[1]), leaf.dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: TreesAttrs) -> list[np.ndarray]:
        x, threshold, feature, child, root, leaf = args
        checked(args, attrs)
        y = np.zeros((len(x), leaf.shape[1]), leaf.dtype)
        rows = np.arange(len(x))
        for start in root.tolist():
            at = np.full(len(x), 0 if start >= 0 else start, np.int64)
            while (going := at >= 0).any():
                n = np.where(going, at + max(start, 0), 0)
                f = feature[n] >> 1 if attrs.missing else feature[n]
                v = x[rows, f]
                no = ~(v <= threshold[n])
                if attrs.missing:
                    no = np.where(np.isnan(v), (feature[n] & 1) == 0, no)
                at = np.where(going, child[n, no.astype(np.int64)], at)
            y += leaf[~at]
        return [y]

    def scratch(self, ins: Types, outs: Types, attrs: Any, target: Target) -> int:
        return 0 if "fpu" in target.features else 4 * ins[0].shape[1]

    def emit(self, call: Any) -> str:
        tables = [call.value(k) for k in range(1, 6)]
        checked([np.zeros(call.ins[0].shape, np.float32), *tables], call.attrs)
        threshold, feature, child, root, leaf = tables
        form = "f32" if "fpu" in call.target.features else "key"
        wide = _narrow(child, "i8", "i16", "i32")
        if wide != "i32" and max(abs(root.min(initial=0)), root.max(initial=0)) > 32767:
            wide = "i32"
        kind = "u8" if feature.max(initial=0) < 256 else "i16"
        vote = leaf.dtype == np.int32 and leaf.shape[0] == leaf.shape[1] and _diagonal(leaf)
        names = [
            call.table("threshold", threshold if form == "f32" else keys(threshold)),
            call.table("feature", feature.astype(np.uint8 if kind == "u8" else np.int16)),
            call.table("child", child.astype(f"int{wide[1:]}")),
            call.table("root", root.astype(np.int32 if wide == "i32" else np.int16)),
            int(leaf[0, 0]) if vote else call.table("leaf", leaf),
        ]
        kernel = f"pz_trees_{'vote' if vote else call.outs[0].dtype}_{form}_{kind}_{wide}"
        lines = []
        (batch, n), width = call.ins[0].shape, call.outs[0].shape[1]
        for row in range(batch):
            x, y = (f"{p} + {row * k}" if row else p for p, k in ((call.x(0), n), (call.y(), width)))
            if form == "key":
                lines.append(call.run("pz_trees_keys", x, call.scratch("pz_i32"), n))
                x = call.scratch("pz_i32")
            lines.append(call.run(kernel, x, *names, y, len(root), width, int(call.attrs.missing)))
        return "\n".join(lines)


def _narrow(a: np.ndarray, *kinds: str) -> str:
    return next(
        k for k in kinds if a.min(initial=0) >= -(1 << int(k[1:]) - 1) and a.max(initial=0) < 1 << int(k[1:]) - 1
    )


def _diagonal(leaf: np.ndarray) -> bool:
    return leaf.size > 1 and bool((leaf == np.eye(len(leaf), dtype=np.int32) * leaf[0, 0]).all())


def checked(args: list[np.ndarray], attrs: TreesAttrs) -> None:
    """Every walk ends at a leaf and reads nothing that is not there.

    Raises:
        Unsupported: what is wrong with the tables.
    """
    x, threshold, feature, child, root, leaf = args
    n, used = len(threshold), feature >> 1 if attrs.missing else feature
    starts = np.sort(root[root >= 0])
    owner = starts[np.maximum(np.searchsorted(starts, np.arange(n), "right") - 1, 0)] if len(starts) else np.zeros(n)
    here = np.arange(n) - owner
    ends = np.append(starts[1:], n)[np.searchsorted(starts, owner)] - owner if len(starts) else np.zeros(n)
    inner = child >= 0
    wrong = (
        (inner & ((child <= here[:, None]) | (child >= ends[:, None]))).any()
        or (used < 0).any()
        or (used >= x.shape[1]).any()
        or feature.max(initial=0) > 32767
        or (~child[~inner] >= len(leaf)).any()
        or (~root[root < 0] >= len(leaf)).any()
        or (root >= n).any()
        or (len(starts) > 0 and starts[0] != 0)
        or not len(leaf)
    )
    if wrong:
        raise Unsupported(
            "trees: a node leads to a feature, a node or a leaf that is not there, or back to an earlier one"
        )


OP = Trees()
