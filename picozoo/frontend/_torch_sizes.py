"""Open dimensions of `.pt2` files: every size that the file gives as an expression becomes a number.

PyTorch would hand the expressions to Python's `eval`; here they are read as what they are, sums and products of names.
Needs no PyTorch.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._dims import Dim, Input, calculate, close

_LONGEST = 2000  # characters of an expression


def closed(held: Any, shapes: Mapping[str, Sequence[int]] | None, dims: Mapping[str, int] | None) -> str:
    """Put numbers into the graph, in place; gives what was assumed, see `_dims.close`.

    Args:
        held: the JSON of the file's graph.

    Raises:
        Unsupported: a size that depends on values, or is no sum or product.
        UsageError: a dimension is open that is no batch, or `shapes` or `dims` do not fit.
    """
    graph = held["graph_module"]["graph"]
    inputs = []
    for spec in held["graph_module"]["signature"]["input_specs"]:
        if "user_input" in spec and "as_tensor" in spec["user_input"]["arg"]:
            name = spec["user_input"]["arg"]["as_tensor"]["name"]
            inputs.append(Input(name, tuple(_dim(s) for s in graph["tensor_values"][name]["sizes"])))
    found = close(inputs, shapes, dims)
    todo: list[Any] = [held]
    while todo:
        here = todo.pop()
        items = here.items() if isinstance(here, dict) else enumerate(here) if isinstance(here, list) else ()
        for key, value in list(items):
            if isinstance(value, dict) and "as_expr" in value:
                here[key] = {"as_int": _number(value, found.dims)}
            else:
                todo.append(value)
    return found.assumed


def _dim(size: Any) -> Dim:
    return int(size["as_int"]) if "as_int" in size else infix(size["as_expr"]["expr_str"])


def _number(value: Any, known: Mapping[str, int]) -> int:
    text = infix(value["as_expr"]["expr_str"])
    size = calculate(text, known)
    if size is None:
        raise Unsupported(f"it has the size {text[:80]!r}, which depends on values")
    return size


def infix(text: str) -> str:
    """An expression as PyTorch writes it, as one with signs.

    Example:
        >>> infix("Mul(Integer(4), Symbol('s27', positive=True, integer=True))")
        '(4 * s27)'
    """
    if len(text) > _LONGEST:
        raise Unsupported(f"it has a size of {len(text)} characters")
    try:
        return _infix(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        raise BadFile(f"it has the size {text[:80]!r}") from e


def _power(*args: str) -> str:
    base, times = args
    if not times.isdigit() or not 1 <= int(times) <= 4:
        raise Unsupported(f"it has a size to the power of {times[:20]}")
    return f"({' * '.join([base] * int(times))})"


def _joined(sign: str) -> Callable[..., str]:
    return lambda *args: f"({sign.join(args)})"


_FUNCTIONS: dict[str, Callable[..., str]] = {
    "Add": _joined(" + "),
    "Mul": _joined(" * "),
    "FloorDiv": _joined(" // "),
    "CleanDiv": _joined(" // "),
    "Mod": _joined(" % "),
    "PythonMod": _joined(" % "),
    "Min": lambda *args: f"min({', '.join(args)})",
    "Max": lambda *args: f"max({', '.join(args)})",
    "Pow": _power,
}


def _infix(tree: ast.expr) -> str:
    if isinstance(tree, ast.Name) and tree.id.isascii():
        return tree.id
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.args:
        first = tree.args[0]
        if tree.func.id == "Symbol" and isinstance(first, ast.Constant) and str(first.value).isidentifier():
            return str(first.value)
        if tree.func.id == "Integer":
            return f"(0 - {_whole(first.operand)})" if isinstance(first, ast.UnaryOp) else str(_whole(first))
        if tree.func.id in _FUNCTIONS:
            return _FUNCTIONS[tree.func.id](*map(_infix, tree.args))
    raise Unsupported(f"it has the size {ast.unparse(tree)[:80]!r}, which is no sum or product")


def _whole(tree: ast.expr) -> int:
    if isinstance(tree, ast.Constant) and type(tree.value) is int:
        return tree.value
    raise ValueError("not a number")
