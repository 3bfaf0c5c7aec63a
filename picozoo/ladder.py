"""The verification ladder: the same computation step by step from PyTorch to the chip, compared at each step.

    PyTorch ↔ interpreter ↔ interpreter after the float passes;  compiled program: interpreter ↔ host C ↔ each board

Integers must be equal to the bit, floats within `evaluate.FLOAT_TOLERANCE`. Where a step differs, `bisect` runs the
firmware's layers one at a time on the machine and names the first operator whose output is not what it should be.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np

from picozoo import emulate
from picozoo.compiler import Firmware, Options, Session, compile_network, get_board, to_slot
from picozoo.emit.c_model import Layer, Slot
from picozoo.errors import PicozooError, UsageError
from picozoo.evaluate import FLOAT_TOLERANCE, equal
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Function, Node, Program
from picozoo.network import Network
from picozoo.passes import pipeline
from picozoo.plan.timeline import Key, key
from picozoo.specs import TensorType

Progress = Callable[[float, str], None]
CALLS = 12  # calls of each function on each step of the ladder
OWN_CALLS = 4  # the same for networks that bring their own inputs: settling networks run long


@dataclass(frozen=True)
class Rung:
    """One comparison.

    Args:
        name, compared_with: the two forms.
        calls: how many calls were compared.
        worst: largest absolute difference of any output (0 for equal integers).
        ok: all outputs equal (bits, or within the tolerance for floats).
        first_difference: sentence of `bisect`, or of what went wrong; "" if ok.
    """

    name: str
    compared_with: str
    calls: int
    worst: float
    ok: bool
    first_difference: str = ""


@dataclass(frozen=True)
class Finding:
    """The first layer whose output differs from the reference."""

    layer: str
    function: str
    source: str
    op: str
    worst: float
    expected: list[float]
    got: list[float]

    @property
    def sentence(self) -> str:
        """The finding in words: layer, place in the source, operator, values."""
        place = f" ({self.source})" if self.source else ""
        return (
            f"first difference: layer {self.layer!r}{place}, operator {self.op}, in {self.function}: "
            f"off by {self.worst:g}; expected {self.expected[:6]}, got {self.got[:6]}"
        )


def check(
    net: Network, boards: Sequence[str], options: Options | None = None, progress: Progress | None = None
) -> list[Rung]:
    """Climb the ladder for a network.

    Args:
        boards: names; a board whose emulator is missing gives a rung that is not ok and says what to install.

    Returns:
        One rung per comparison, in order.
    """
    options, tell = options or Options(), progress or (lambda share, words: None)
    rungs = []
    tell(0.0, "PyTorch against the interpreter")
    rungs += _torch_rung(net)
    board = get_board("host")
    fw = compile_network(net, board, options)
    rungs.append(_programs_rung(net.program, fw.float_program, net))
    names = ["host", *[b for b in boards if b != "host"]]
    for k, name in enumerate(names):
        tell((k + 1) / (len(names) + 1), f"interpreter against {name}")
        rungs.append(_board_rung(net, name, options))
    return rungs


def random_inputs(program: Program, function: str, seed: int, spread: float = 1.0) -> list[np.ndarray]:
    """Repeatable inputs of a function's own types: floats in ±spread, quantised and 8-bit integers over their range,
    wider integers small.

    Example:
        >>> from picozoo.network import load
        >>> [x.shape for x in random_inputs(load("perceptron").program, "learn", 0)]
        [(400,), (1,)]
    """
    f = program.functions[function]
    rng = np.random.default_rng(zlib.crc32(f"{program.name}.{function}.{seed}".encode()))
    return [_random(f.types[p], rng, spread) for p in f.params]


def _random(t: TensorType, rng: np.random.Generator, spread: float) -> np.ndarray:
    if t.is_float:
        return rng.uniform(-spread, spread, t.shape).astype(np.float32)
    if t.dtype == "bool":
        return rng.integers(0, 2, t.shape).astype(np.bool_)
    info = np.iinfo(t.numpy)
    low, high = (info.min, info.max) if t.quant is not None else (max(info.min, -1), 1)
    return rng.integers(low, high + 1, t.shape).astype(t.numpy)


def _calls(net: Network, program: Program) -> list[tuple[str, list[np.ndarray]]]:
    """Calls to compare on: typical inputs of the main function where known, random ones for every function."""
    found: list[tuple[str, list[np.ndarray]]] = []
    c, own = net.calibration, _own_inputs(net)
    for i in range(OWN_CALLS if own else CALLS):
        for f in program.public():
            if own.get(f.name):
                slots = [Slot(p[1:], f.types[p], 0) for p in f.params]
                given = own[f.name][i % len(own[f.name])]
                found.append((f.name, [to_slot(x, s) for x, s in zip(given, slots, strict=True)]))
            elif c is not None and c.function == f.name and i % 2 == 0 and i < len(c.inputs[0]):
                slots = [Slot(p[1:], f.types[p], 0) for p in f.params]
                found.append(
                    (
                        f.name,
                        [
                            to_slot(np.asarray(x[i], np.float32 if x.dtype.kind == "f" else x.dtype), s)
                            for x, s in zip(c.inputs, slots, strict=True)
                        ],
                    )
                )
            else:
                found.append((f.name, random_inputs(program, f.name, i)))
    return found


def _own_inputs(net: Network) -> dict[str, list[tuple[np.ndarray, ...]]]:
    """Inputs of a zoo network that is not quantised from its own file: not every number means something to it."""
    if net.module is None or net.card.precision == "int8":
        return {}
    size = {} if net.size == "default" else {"size": net.size}
    x, _ = net.module.inputs("test", limit=OWN_CALLS, **size)
    found: dict[str, list[tuple[np.ndarray, ...]]] = {net.card.main: [(v,) for v in x]}
    if net.card.learns and hasattr(net.module, "lessons"):
        name, lessons, _ = net.module.lessons(**size)
        found[name] = lessons[:OWN_CALLS]
    return found


def _compare(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, bool]:
    worst, ok = 0.0, True
    for a, b in pairs:
        if a.size:
            with np.errstate(invalid="ignore"):
                worst = max(worst, float(np.nanmax(np.abs(a.astype(np.float64) - b.astype(np.float64)), initial=0.0)))
        ok = ok and a.shape == b.shape and equal(a, b)
    return worst, ok


def _torch_rung(net: Network) -> list[Rung]:
    """The module against its captured program: the user's own, or the zoo's with fresh weights."""
    module, examples = net.source, None
    if module is None and net.module is not None and find_spec("torch") is not None:
        module, examples = net.module.build(net.size), net.module.examples(net.size)
    if module is None:
        return []
    import copy

    import torch

    from picozoo.frontend.torch_export import capture

    program = net.program if net.source is not None else capture(module, examples, name=net.name)  # type: ignore[arg-type]
    reference, twin = copy.deepcopy(module).eval(), Interpreter(program)
    pairs = []
    for name, inputs in _calls(Network(program, module=net.module, size=net.size), program):
        with torch.no_grad():
            want = getattr(reference, name)(*[torch.from_numpy(x.copy()) for x in inputs])
        got = twin.call(name, *inputs)
        want = want if isinstance(want, tuple | list) else (want,)
        pairs += [(w.detach().numpy(), g) for w, g in zip(want, got, strict=True)]
    worst, ok = _compare(pairs)
    note = "" if ok else "the captured program does not compute what the module does; please report the module"
    return [Rung("interpreter", "PyTorch", len(pairs), worst, ok, note)]


def _programs_rung(before: Program, after: Program, net: Network) -> Rung:
    a, b, pairs = Interpreter(before), Interpreter(after), []
    for name, inputs in _calls(replace(net, program=before), before):
        pairs += list(zip(a.call(name, *inputs), b.call(name, *inputs), strict=True))
    worst, ok = _compare(pairs)
    return Rung("after the float passes", "interpreter", len(pairs), worst, ok, "" if ok else _guilty_pass(before, net))


def _guilty_pass(before: Program, net: Network) -> str:
    """Which float pass changed the results."""
    board = get_board("host")
    last, blame = before, ""

    def watch(name: str, program: Program) -> None:
        nonlocal last, blame
        a, b = Interpreter(last), Interpreter(program)
        pairs = [
            p
            for n, x in _calls(replace(net, program=before), before)
            for p in zip(a.call(n, *x), b.call(n, *x), strict=True)
        ]
        if not _compare(pairs)[1] and not blame:
            blame = f"pass {name!r} changed the results"
        last = program

    pipeline.run(before, pipeline.FLOAT, board.core.target, watch=watch)
    return blame


def _board_rung(net: Network, name: str, options: Options) -> Rung:
    board = get_board(name)
    missing = emulate.available(board)
    if missing:
        return Rung(name, "interpreter", 0, 0.0, False, missing)
    try:
        fw = compile_network(net, board, options)
        fw.check_fits()
        return on_board(fw)
    except PicozooError as e:
        return Rung(name, "interpreter", 0, 0.0, False, str(e))


def on_board(fw: Firmware) -> Rung:
    """The last rung: a firmware on its board against the interpreter.

    Raises:
        PicozooError: it cannot be built or run there.
    """
    twin, pairs = Interpreter(fw.program), []
    with fw.session() as s:
        for f, inputs in _calls(fw.network, fw.program):
            pairs += list(zip(s.call(f, *inputs), twin.call(f, *inputs), strict=True))
    worst, ok = _compare(pairs)
    finding = None if ok else bisect(fw)
    note = finding.sentence if finding else "layers agree one by one; the difference is in what lies between them"
    return Rung(f"{fw.board.name} ({fw.precision})", "interpreter", len(pairs), worst, ok, "" if ok else note)


def bisect(fw: Firmware, inputs: Sequence[np.ndarray] | None = None, *, function: str = "") -> Finding | None:
    """Run the layers one at a time on the board, and find the first whose output is not the reference's.

    The firmware is the same but for its layer functions being visible; memory plan and code of each are unchanged.

    Args:
        inputs: real or raw inputs of the function, by default a dozen typical and random calls of every function.
        function: which one `inputs` are for; the main one by default.

    Returns:
        The first difference, or None if every layer of every call agrees.
    """
    if inputs is not None:
        name = function or fw.program.main.name
        entry = fw.model.entries[name]
        if len(inputs) != len(entry.inputs):
            raise UsageError(f"{name} takes {len(entry.inputs)} inputs, got {len(inputs)}")
        calls = [(name, [to_slot(x, s) for x, s in zip(inputs, entry.inputs, strict=True)])]
    else:
        calls = _calls(fw.network, fw.program)
    with Session(fw, image=fw.stepping_image()) as s:
        stepper = _Stepper(fw, s)
        for name, given in calls:
            finding = stepper.call(name, given)
            if finding is not None:
                return finding
    return None


class _Stepper:
    """Walks a function as the generated C does, one layer call at a time, checking each output."""

    def __init__(self, fw: Firmware, session: Session) -> None:
        self.fw, self.s = fw, session
        self.layers = {(v.function, v.key): v for v in fw.model.layers}
        self.log: list[list[np.ndarray]] = []
        self.twin = Interpreter(fw.program, lambda f, node, args, outs: self._note(node, outs))
        self.root = ""
        self.at = 0

    def _note(self, node: Node, outs: list[np.ndarray]) -> None:
        if node.op != "while_loop":
            self.log.append(outs)

    def call(self, name: str, inputs: list[np.ndarray]) -> Finding | None:
        entry = self.fw.model.entries[name]
        for slot, x in zip(entry.inputs, inputs, strict=True):
            self.s.machine.write(self.s.base + slot.offset, x.tobytes())
        self.log, self.at, self.root = [], 0, name
        self.twin.call(name, *inputs)
        f = self.fw.program.functions[name]
        finding = self._walk(f)
        if finding is None:
            for state, k in self.fw.plan.functions[name].shared.update_copies:
                self._copy(("", state), k)
        return finding

    def _address(self, k: Key) -> int:
        kind, offset = self.fw.plan.locate(self.root, k)
        return self.s.base + offset + (self.fw.model.arena if kind == "state" else 0)

    def _type(self, k: Key) -> TensorType:
        return self.fw.program.type_of(self.fw.program.functions.get(k[0]), k[1])

    def _read(self, k: Key) -> np.ndarray:
        t = self._type(k)
        return np.frombuffer(self.s.machine.read(self._address(k), t.nbytes), t.numpy).reshape(t.shape)

    def _copy(self, to: Key, source: Key) -> None:
        n = self._type(to).nbytes
        constant = self.fw.program.constants.get(source[1])
        data = constant.tobytes() if constant is not None else self.s.machine.read(self._address(source), n)
        self.s.machine.write(self._address(to), data)

    def _walk(self, f: Function) -> Finding | None:
        for node in f.nodes:
            finding = self._loop(f, node) if node.op == "while_loop" else self._layer(f, node)
            if finding is not None:
                return finding
        return None

    def _layer(self, f: Function, node: Node) -> Finding | None:
        layer = self.layers.get((self.root, (f.name, node.name)))
        want, self.at = self.log[self.at], self.at + 1
        if layer is None:
            return None  # a view: nothing runs
        self.s.machine.call(layer.symbol, self.s.base, *(() if layer.turn is None else (layer.turn,)))
        for ref, w in zip(node.outputs, want, strict=True):
            got = self._read(key(f, ref))
            if not equal(got, w):
                return self._finding(layer, node, w, got)
        return None

    def _finding(self, layer: Layer, node: Node, want: np.ndarray, got: np.ndarray) -> Finding:
        off = np.abs(got.astype(np.float64) - want.astype(np.float64)).reshape(-1)
        wrong = np.flatnonzero(
            ~np.isclose(
                got.reshape(-1).astype(np.float64),
                want.reshape(-1).astype(np.float64),
                FLOAT_TOLERANCE,
                FLOAT_TOLERANCE,
            )
            if want.dtype.kind == "f"
            else off > 0
        )[:6]
        pick: Any = wrong if wrong.size else slice(0, 6)
        return Finding(
            layer.name,
            self.root,
            node.source,
            node.op,
            float(np.nanmax(off, initial=0.0)),
            want.reshape(-1)[pick].astype(float).tolist(),
            got.reshape(-1)[pick].astype(float).tolist(),
        )

    def _loop(self, f: Function, node: Node) -> Finding | None:
        program, shared = self.fw.program, self.fw.plan.functions[self.root].shared
        cond, body = program.functions[node.attrs.cond], program.functions[node.attrs.body]
        for source, to in shared.loop_in[(f.name, node.name)]:
            self._copy(to, source)
        while True:
            finding = self._walk(cond)
            if finding is not None:
                return finding
            if not bool(self._read(key(cond, cond.results[0])).reshape(-1)[0]):
                return None
            finding = self._walk(body)
            if finding is not None:
                return finding
            for source, to in shared.loop_out[(f.name, node.name)]:
                self._copy(to, source)
