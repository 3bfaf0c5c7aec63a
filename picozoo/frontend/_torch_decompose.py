"""PyTorch's own decompositions: PyTorch writes a function that nothing here reads in others, until all are read.

What can be read stays as it is, and a graph that can be read whole is not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any

import torch
from torch._decomp import decomposition_table
from torch.export import ExportedProgram

from picozoo.errors import Unsupported

MOST_NODES = 20_000  # of a graph that PyTorch may make of a file
_COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd


def decomposed(ep: ExportedProgram, unread: Callable[[ExportedProgram], Iterable[Any]]) -> ExportedProgram:
    """The program with functions that nothing reads written in others, where PyTorch knows how.

    Args:
        unread: targets in a program that nothing reads.

    Raises:
        Unsupported: the graph grows beyond all bounds.
    """
    before: object = None
    for _ in range(16):
        table = {t: how for t in unread(ep) if (how := decomposition(t)) is not None}
        now = table.keys(), [n.target for n in ep.graph.nodes]
        if not table or now == before:  # nothing left, or nothing that changes any more: sizes that depend on values
            return ep
        before, made = now, _run(ep, table)
        if made is None:
            return ep
        ep = made
        if len(ep.graph.nodes) > MOST_NODES:
            raise Unsupported(f"the graph becomes more than {MOST_NODES:,} nodes; write it with fewer steps")
    return ep


def _run(ep: ExportedProgram, table: Mapping[Any, Callable[..., Any]]) -> ExportedProgram | None:
    """One round; what PyTorch cannot decompose here is left as it is. None: that is all of it."""
    try:
        with torch.no_grad():
            once: ExportedProgram = ep.run_decompositions(dict(table))
            return once
    except Exception:  # many kinds: sizes that depend on values, types that a decomposition does not take
        if len(table) == 1:
            return None
    made = None
    for target, how in table.items():
        made = _run(made or ep, {target: how}) or made
    return made


@cache
def decomposition(target: Any) -> Callable[..., Any] | None:
    """How PyTorch writes an ATen function in others; None if it does not."""
    if not isinstance(target, torch._ops.OpOverload) or target.namespace != "aten":
        return None
    composite = torch._C._dispatch_has_kernel_for_dispatch_key(target._name, _COMPOSITE)
    if target in decomposition_table and not (composite and target._name.startswith("aten::fft_")):
        found: Callable[..., Any] = decomposition_table[target]
        return found
    return partial(target._op_dk, _COMPOSITE) if composite else None
