"""Operators: one operator = one file. `get("conv2d")` loads `ops/conv2d.py` and nothing else."""

from __future__ import annotations

from functools import cache

from picozoo import find
from picozoo.ops._op import Op


@cache
def get(name: str) -> Op:
    """The operator called `name`.

    Raises:
        UnknownName: there is no such operator file.

    Example:
        >>> get("relu").name
        'relu'
    """
    op = find.load("ops", name, "operator").OP
    assert isinstance(op, Op) and op.name == name
    return op


def names() -> tuple[str, ...]:
    """All operator names, sorted."""
    return find.names("ops")
