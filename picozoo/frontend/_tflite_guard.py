"""Operators that run only where a value says so: the body of a loop that makes one turn or none.

What does not run costs nothing, and state that it would change stays as it was. `ctx` is `_tflite_call.Call`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ir.program import Function, Node, rewire
from picozoo.ops.while_loop import WhileLoopAttrs
from picozoo.specs import TensorType

BOOL = TensorType((), "bool")
_MOST = 64  # guarded bodies in a program; they may stand in each other


def truth(ctx: Any, value: bool) -> str:
    """A constant bool."""
    return str(ctx.const(np.array(value), BOOL, "yes" if value else "no"))


class Guarded:
    """A body in the making: read operators into `function`, then `close` it."""

    def __init__(self, ctx: Any, name: str) -> None:
        if sum(not f.public for f in ctx.program.functions.values()) >= 2 * _MOST:
            raise Unsupported(f"more than {_MOST} parts of a graph that run only sometimes")
        self.ctx = ctx
        self.function = Function(ctx.program_name(name), (), (), [], {}, public=False)
        self.params: dict[str, str] = {}  # reference outside -> parameter
        ctx.program.functions[self.function.name] = self.function
        # a variable's value may be one made outside
        ctx.shared.variables = {k: self.inside(r) for k, r in ctx.shared.variables.items()}

    def inside(self, ref: str) -> str:
        """What the body calls a value made outside: the loop hands it in."""
        if ref[0] != "%":
            return ref
        if ref not in self.params:
            self.params[ref] = self.function.fresh(ref)
            self.function.types[self.params[ref]] = self.ctx.type(ref)
        return self.params[ref]

    def close(self, go: str, starts: Sequence[str], ends: Sequence[str], names: Iterable[str]) -> list[str]:
        """Put the loop behind what the outer function has, state and all.

        Args:
            go: a bool: does the body run?
            starts: values that the results have if it does not.
            ends: those that they have if it does; references of the body, of the same types.
            names: what to call the results.

        Returns:
            The results, outside.
        """
        ctx, body = self.ctx, self.function
        kept = list(body.updates)
        body.results, body.updates = (truth(ctx, False), *ends, *body.updates.values()), {}
        starts = [go, *starts, *(ctx.function.updates.get(s, s) for s in kept)]
        outs = self._loop(starts, ["due", *names, *(s[1:].removesuffix(".last") for s in kept)])[1:]
        for state, ref in zip(kept, outs[len(ends) :], strict=True):
            ctx.keep(state, ref)
        return outs[: len(ends)]

    def _loop(self, starts: list[str], names: list[str]) -> list[str]:
        """The loop's node: its first value says whether it makes a turn."""
        ctx, body = self.ctx, self.function
        types = [ctx.type(r) for r in starts]
        own = _fresh(body, names, types)
        rewire(body, {s: p for s, p in zip(starts, own, strict=True) if s[0] == "$"})
        body.params = (*own, *self.params.values())
        given = {r: body.types[r] for r in body.params}
        test = Function(ctx.program_name("due"), body.params, (own[0],), [], given, public=False)
        ctx.program.functions[test.name] = test
        outs = _fresh(ctx.function, names, types)
        attrs, refs = WhileLoopAttrs(test.name, body.name, len(starts)), (*starts, *self.params)
        node = Node("while_loop", ctx.node_name(body.name), refs, tuple(outs), attrs, ctx.place)
        ctx.function.nodes.append(node)
        return outs


def _fresh(f: Function, names: list[str], types: list[TensorType]) -> list[str]:
    found = []
    for name, t in zip(names, types, strict=True):
        found.append(f.fresh(name))
        f.types[found[-1]] = t
    return found
