"""Dimensions of inputs that a file leaves open: the batch is one sample, of the others the user says how long they are.

Files name an open dimension ("batch", "seq", an expression such as "seq + 1") or do not name it. The generated C has
fixed shapes, so that each needs a number while the file is read.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from picozoo.errors import BadFile, UsageError
from picozoo.find import unknown

Dim = int | str | None  # a size, a name or an expression of names, or open without a name

MOST = 1 << 28  # of one dimension
_BATCH = re.compile(r"batch|^(n|b|bs|bsz)$", re.I)
_LENGTH = re.compile(r"seq|time|len|frame|step|sample|token|point|height|width|^[tlhw]$", re.I)
_TOLD = 6  # most inputs or dimensions named in one message
_EXAMPLE = 16  # a size in messages
_LONGEST = 4000  # characters of an expression that are looked at
_SIGNS: dict[type, Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.floordiv,
    ast.Mod: operator.mod,
}
_OF: dict[str, Callable[..., int]] = {"min": min, "max": max}


@dataclass(frozen=True)
class Input:
    """An input of the file. `dims`: None where the file gives it no shape; `alias`: its name in the generated C."""

    name: str
    dims: tuple[Dim, ...] | None
    alias: str = ""


@dataclass
class Closed:
    """Shapes of all inputs in their order, sizes of the named dimensions, and what was assumed, as a sentence or ""."""

    shapes: list[tuple[int, ...]]
    dims: dict[str, int]
    assumed: str = ""


def close(
    inputs: Sequence[Input], shapes: Mapping[str, Sequence[int]] | None, dims: Mapping[str, int] | None
) -> Closed:
    """A number for every dimension.

    A dimension is the batch, and 1, if its name says so or if it is the first of several and its name does not say that
    it is a length.

    Args:
        shapes: input -> its whole shape, as the user gives it.
        dims: name of a dimension -> its size, as the user gives it.

    Raises:
        UsageError: a dimension is open and no batch, all of them at once; or `shapes` or `dims` do not fit the file.

    Example:
        >>> close([Input("x", ("N", "seq", 16))], {}, {"seq": 8}).shapes
        [(1, 8, 16)]
    """
    known = _checked_dims(inputs, dims or {})
    given = _checked_shapes(inputs, shapes or {}, known)
    batch = {i: name for i, x in enumerate(inputs) if i not in given and (name := _take_batch(x, known)) is not None}
    found = [
        given.get(i, tuple(_size(d, k, x, known) for k, d in enumerate(x.dims or ()))) for i, x in enumerate(inputs)
    ]
    _refuse_open(inputs, given, found)
    closed = [tuple(d for d in shape if d is not None) for shape in found]
    assumed = ""
    if batch:
        i, name = next(iter(batch.items()))
        sizes = ",".join(["4", *map(str, closed[i][1:])])
        say = f"--dim {name[:40]}=4" if name else f"--shape {inputs[i].name[:40]}={sizes}"
        assumed = (
            f"the file leaves the batch of {_listed([inputs[k] for k in batch])} open: it is 1 ({say} for another)"
        )
    return Closed(closed, known, assumed)


def names(dim: Dim) -> list[str]:
    """Names in a dimension.

    Example:
        >>> names("past + seq")
        ['past', 'seq']
    """
    if not isinstance(dim, str):
        return []
    tree = _parsed(dim)
    found = [] if tree is None else [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id not in _OF]
    return [dim] if tree is None else list(dict.fromkeys(found))


def evaluate(dim: str, known: Mapping[str, int]) -> int | None:
    """Size of a named dimension, None if a name in it has no size yet. Raises BadFile if it cannot be a size."""
    size = calculate(dim, known)
    if size is not None and not 0 <= size <= MOST:
        raise BadFile(f"the dimension {dim[:80]!r} would be {size}")
    return size


def calculate(dim: str, known: Mapping[str, int]) -> int | None:
    """As `evaluate`, of any whole number."""
    if dim in known:
        return known[dim]
    tree = _parsed(dim)
    if tree is None or any(n not in known for n in names(dim)):
        return None
    try:
        return _value(tree, known)
    except ZeroDivisionError as e:
        raise BadFile(f"the dimension {dim[:80]!r} divides by nothing") from e


def _parsed(dim: str) -> ast.expr | None:
    """An expression of sums, products, least and largest of names, None if the name is only a name."""
    if re.search(r"\w-\w", dim):  # a hyphen in a name
        return None
    try:
        tree = ast.parse(dim[:_LONGEST].strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    nodes = [n for n in ast.walk(tree) if not isinstance(n, ast.operator | ast.expr_context)]
    good = all(
        isinstance(n, ast.Name)
        or (isinstance(n, ast.Constant) and type(n.value) is int)
        or (isinstance(n, ast.BinOp) and type(n.op) in _SIGNS)
        or (isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in _OF and len(n.args) > 1)
        for n in nodes
    )
    return tree if good and len(dim) <= _LONGEST else None


def _value(tree: ast.expr, known: Mapping[str, int]) -> int:
    if isinstance(tree, ast.Name):
        return known[tree.id]
    if isinstance(tree, ast.BinOp):
        return _SIGNS[type(tree.op)](_value(tree.left, known), _value(tree.right, known))
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        return _OF[tree.func.id](*(_value(a, known) for a in tree.args))
    assert isinstance(tree, ast.Constant) and isinstance(tree.value, int)
    return tree.value


def _checked_dims(inputs: Sequence[Input], dims: Mapping[str, int]) -> dict[str, int]:
    open_ = list(dict.fromkeys(n for x in inputs for d in x.dims or () for n in (d, *names(d)) if isinstance(n, str)))
    for name, size in dims.items():
        if name not in open_:
            raise UsageError(
                unknown("open dimension", name, open_)
                if open_
                else f"no open dimension is called {name!r}; there is {_listed(inputs)}"
            )
        if not 1 <= int(size) <= MOST:
            raise UsageError(f"dimension {name!r} must be 1 or more, got {size}")
    return {k: int(v) for k, v in dims.items()}


def _checked_shapes(
    inputs: Sequence[Input], shapes: Mapping[str, Sequence[int]], known: dict[str, int]
) -> dict[int, tuple[int, ...]]:
    """Number of an input -> its whole shape as given; names that it gives sizes to go into `known`."""
    found: dict[int, tuple[int, ...]] = {}
    for name, shape in shapes.items():
        at = [i for i, x in enumerate(inputs) if name in (x.name, x.alias)]
        if not at:
            raise UsageError(unknown("input", name, [x.name for x in inputs]))
        x, shape = inputs[at[0]], tuple(int(n) for n in shape)
        fits = x.dims is None or len(shape) == len(x.dims)
        for n, d in zip(shape, x.dims or shape, strict=False):
            fits = fits and 0 <= n <= MOST and (n == d or not isinstance(d, int))
        if not fits or any(n < 0 for n in shape):
            raise UsageError(f"input {x.name[:80]!r} has shape {_told(x.dims or ())}, which {list(shape)} does not fit")
        for n, d in zip(shape, x.dims or (), strict=False):
            size = evaluate(d, known) if isinstance(d, str) else n
            if size not in (None, n):
                raise UsageError(f"dimension {str(d)[:80]!r} cannot be {size} and, in input {x.name[:80]!r}, {n}")
            if isinstance(d, str):
                known[d] = n
        found[at[0]] = shape
    return found


def _take_batch(x: Input, known: dict[str, int]) -> str | None:
    """Make the batch of an input 1; its name ("" without one), None if there was none to be made."""
    found, many = None, len(x.dims or ()) > 1
    for k, d in enumerate(x.dims or ()):
        if d is None and k == 0 and many:
            found = ""
            continue
        if not isinstance(d, str) or d in known or names(d) != [d]:
            continue
        short = found is None and many and bool(_BATCH.search(d))  # "n": the batch, if nothing before it is
        if "batch" in d.lower() or short or (many and k == 0 and not _LENGTH.search(d)):
            known[d], found = 1, d
    return found


def _size(dim: Dim, axis: int, x: Input, known: Mapping[str, int]) -> int | None:
    if isinstance(dim, str):
        return evaluate(dim, known)
    return 1 if dim is None and axis == 0 and len(x.dims or ()) > 1 else dim


def _refuse_open(
    inputs: Sequence[Input], given: Mapping[int, tuple[int, ...]], found: Sequence[Sequence[int | None]]
) -> None:
    """Raise if a dimension has no size yet: all of them at once, with what to say."""
    left = [i for i, x in enumerate(inputs) if i not in given and (x.dims is None or None in found[i])]
    if not left:
        return
    x, shape = inputs[left[0]], [_EXAMPLE if d is None else d for d in found[left[0]]] or [1, _EXAMPLE]
    wanted = list(dict.fromkeys(n for i in left for n in _wanted(inputs[i], found[i])))
    options = [" ".join(f"--dim {n[:40]}={_EXAMPLE}" for n in wanted[:_TOLD])] if wanted else []
    options.append(f"--shape {x.name[:40]}={','.join(map(str, shape))}")
    sizes = ", ".join(repr(n[:40]) for n in wanted[:_TOLD]) or "'?'"
    raise UsageError(
        f"the file leaves open how large {sizes} is, of {_listed([inputs[i] for i in left])}. Say it with "
        f"{', or '.join(options)} (in Python {'dims={...} or ' if wanted else ''}shapes={{...}})"
    )


def _wanted(x: Input, found: Sequence[int | None]) -> Iterator[str]:
    for d, n in zip(x.dims or (), found, strict=False):
        yield from names(d) if n is None else ()


def _listed(inputs: Sequence[Input]) -> str:
    more = f" and {len(inputs) - _TOLD} more" if len(inputs) > _TOLD else ""
    return ", ".join(f"input {x.name[:80]!r} {_told(x.dims)}" for x in inputs[:_TOLD]) + more


def _told(dims: Sequence[Dim] | None) -> str:
    if dims is None:
        return "(no shape)"
    return f"[{', '.join('?' if d is None else str(d)[:40] for d in dims[:12])}]"
