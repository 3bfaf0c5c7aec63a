"""Runs a program with the operators' NumPy references: the oracle every C form is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from picozoo import ops
from picozoo.errors import UsageError
from picozoo.ir.program import Function, Node, Program

Watch = Callable[[Function, Node, list[np.ndarray], list[np.ndarray]], None]


class Interpreter:
    """One instance of a program with its own state.

    Args:
        program: what to run; it is not changed.
        watch: called after each node with its inputs and outputs (calibration and `bisect` use it).

    Example:
        >>> from picozoo.ir.text import parse_program
        >>> p = parse_program('program "p"\\nfunc forward(%x: f32[2]) -> (%y) {\\n'
        ...                   '  %y: f32[2] = relu(%x) {} #["act", ""]\\n}')
        >>> Interpreter(p).call("forward", np.array([-1, 2], np.float32))[0].tolist()
        [0.0, 2.0]
    """

    def __init__(self, program: Program, watch: Watch | None = None) -> None:
        self.program = program
        self.watch = watch
        self.state: dict[str, np.ndarray] = {}
        self.reset()

    def reset(self) -> None:
        """Put every state back to its initial value."""
        self.state = {ref: array.copy() for ref, array in self.program.states.items()}

    def call(self, function: str, *inputs: np.ndarray) -> list[np.ndarray]:
        """Run one function; inputs and results have the shapes and types the function declares.

        Raises:
            UsageError: wrong number, shape or type of inputs.
        """
        f = self.program.functions[function]
        if len(inputs) != len(f.params):
            raise UsageError(f"{function} takes {len(f.params)} inputs, got {len(inputs)}")
        for p, x in zip(f.params, inputs, strict=True):
            t = f.types[p]
            if x.shape != t.shape or x.dtype != t.numpy:
                raise UsageError(
                    f"{function}: input {p[1:]} must be {t.dtype}{list(t.shape)}, got {x.dtype}{list(x.shape)}"
                )
        results, updates = self._run(f, list(inputs))
        self.state.update(updates)
        return results

    def _region(self, f: Function, quiet: bool, *inputs: np.ndarray) -> list[np.ndarray]:
        return self._run(f, inputs, quiet)[0]

    def _run(
        self, f: Function, inputs: Sequence[np.ndarray], quiet: bool = False
    ) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
        values = dict(zip(f.params, inputs, strict=True))

        def read(ref: str) -> np.ndarray:
            if ref[0] == "@":
                return self.program.constants[ref]
            return self.state[ref] if ref[0] == "$" else values[ref]

        for node in f.nodes:
            args = [read(r) for r in node.inputs]
            op = ops.get(node.op)
            if regions := op.regions(node.attrs):
                # what a fused node does inside is no layer of its own
                calls = [partial(self._region, self.program.functions[r], not op.flattened) for r in regions]
                outs = op.run_regions(calls, args, node.attrs)
            else:
                ins, out_types = self.program.in_types(f, node), self.program.out_types(f, node)
                with np.errstate(all="ignore"):
                    outs = op.reference(args, ins, out_types, node.attrs)
                outs = [
                    np.asarray(o).astype(t.numpy, copy=False).reshape(t.shape)
                    for o, t in zip(outs, out_types, strict=True)
                ]
            values.update(zip(node.outputs, outs, strict=True))
            if self.watch and not quiet:
                self.watch(f, node, args, outs)
        return [read(r) for r in f.results], {s: read(r).copy() for s, r in f.updates.items()}
