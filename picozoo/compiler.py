"""The whole way from a network to a firmware: passes, quantisation, memory plan, C, image, session on the board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from picozoo import __version__, build, emulate, find
from picozoo import tune as tuning
from picozoo.compress.precision import becomes_integers, choose_precision, in_precision
from picozoo.compress.ranges import METHODS
from picozoo.emit.c_model import Layer, Model, Slot, emit
from picozoo.errors import DoesNotFit, UsageError
from picozoo.ir.program import Program
from picozoo.network import Network, calibration_of, from_estimator, from_module, is_estimator, load, with_learning
from picozoo.ops._fixed_point import quantize_array
from picozoo.passes import pipeline
from picozoo.plan.arena import Plan, plan_program
from picozoo.plan.check import check_plan
from picozoo.smaller import advice
from picozoo.specs import Board

PRECISIONS = ("auto", "int8", "float32", "native")
PREFER = ("speed", "balanced", "size", "ram")
# What each preference changes: compiler flag, most convolution weights stored as int16, one kernel for many layers,
# which equal layers have one body, layers in bands of rows.
_PREFER: dict[str, tuple[str, int, bool, str, bool]] = {
    "speed": ("-O3", 1 << 30, False, "none", False),
    "balanced": ("-O2", 4096, False, "long", False),
    "size": ("-Os", 0, True, "all", False),
    "ram": ("-O2", 4096, False, "all", True),
}


@dataclass(frozen=True)
class Options:
    """How to compile. Checked when built.

    Args:
        precision: "int8", "float32", "native" (what the program knows is in integers already), or "auto": native where
            that is so, int8 where there is calibration data, else float32.
        method: how calibration chooses ranges, see `compress.ranges.choose`.
        prefer: "speed" | "balanced" | "size" | "ram": as balanced, but layers are computed in bands of rows where that
            lowers the peak of working memory.
        toolchain: "zig" (bundled) or "gcc" (the vendor's, if installed).
        io: "int8" leaves inputs and outputs as integers where they are; "float32" keeps the program's own types.
        keep_float: layers to leave in float.
        int16: layers whose activations are int16 instead of int8.
        weights: bits of weights in flash, of int8 convolutions and fully connected layers: "int4", "int2" or "ternary",
            with "/16", "/32", "/64" or "/128" behind it with a factor for each so many weights, for all of them or,
            with ":LAYER" behind it, for one; later ones count more ("int8:LAYER" takes one out).
        tune: choose forms by what the emulated board counts, see `picozoo.tune`.
        forms: forms of layers, as "LAYER=FORM", and a compiler flag such as "-O3"; what `tune` chooses.
    """

    precision: str = "auto"
    method: str = "mse"
    prefer: str = "balanced"
    toolchain: str = "zig"
    io: str = "int8"
    keep_float: tuple[str, ...] = ()
    int16: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    tune: bool = False
    forms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("precision", self.precision, PRECISIONS),
            ("calibration method", self.method, METHODS),
            ("prefer", self.prefer, PREFER),
            ("toolchain", self.toolchain, ("zig", "gcc")),
            ("io", self.io, ("int8", "float32")),
        ):
            if value not in allowed:
                raise UsageError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


@dataclass(repr=False)
class Firmware:
    """A network compiled for a board: the C, its memory plan, and (built when first asked for) the image.

    Args:
        program: as compiled, integers and all.
        float_program: before quantisation, optimised; what `program` is judged against.
        whole_program: quantised, but with all its layers and channels: before what is needless was left out.
        precision: what "auto" became.
    """

    network: Network
    board: Board
    options: Options
    precision: str
    program: Program
    float_program: Program
    whole_program: Program
    plan: Plan
    model: Model

    def __repr__(self) -> str:
        m = self.model
        return (
            f"<firmware {self.network.name} ({self.precision}) for {self.board.name}: "
            f"{m.const_bytes:,} bytes of tables, {m.arena:,} of working memory, {m.state:,} of state>"
        )

    @cached_property
    def image(self) -> build.Image:
        """Compiled and linked; from the cache if the same sources were built before."""
        return self._build()

    def stepping_image(self) -> build.Image:
        """The same, with layer functions that can be called one at a time from outside."""
        return self._build([v.symbol for v in self.model.layers], ["-DPZ_LAYER=PZ_NOINLINE"])

    def _build(self, roots: Sequence[str] = (), extra: Sequence[str] = ()) -> build.Image:
        n = self.model.name
        sources = dict(self.model.files)
        sources["pz_instance.c"] = f'#include "{n}.h"\n{n}_t pz_net;\n'
        opt, _, shared, _, _ = _PREFER[self.options.prefer]
        opt = tuning.split(self.options.forms)[0] or opt
        keep = ["pz_net", f"{n}_init", *[e.symbol for e in self.model.entries.values()], *roots]
        flags = [*(["-DPZ_SHARED_KERNELS"] if shared else []), *extra]
        return build.build(
            sources,
            self.board,
            roots=keep,
            toolchain=self.options.toolchain,
            opt=opt,
            const_prefix=f"{n}_",
            extra=flags,
        )

    def check_fits(self, stack: int = 0) -> None:
        """Raise if flash or RAM is too small.

        Raises:
            DoesNotFit: by how much, at which layer, and what would help.
        """
        tables, m, limits = self.model.const_bytes, self.model, self.board
        if limits.flash is not None and tables > limits.flash:  # some linkers refuse to try
            raise self._does_not_fit("flash", tables, limits.flash, "of flash for tables alone", tables, 0)
        ram = m.context_bytes + stack
        if limits.ram is not None and ram > limits.ram:  # known without a compiler
            parts = f"working memory {m.arena:,}, state {m.state:,}" + (f", stack {stack:,}" if stack else "")
            raise self._does_not_fit("RAM", ram, limits.ram, f"of RAM ({parts})", tables, ram)
        flash = self.image.flash
        if limits.flash is not None and flash > limits.flash:
            parts = f"of flash ({self.image.flash_const:,} of them tables)"
            raise self._does_not_fit("flash", flash, limits.flash, parts, flash, ram)

    def _does_not_fit(self, what: str, needed: int, limit: int, parts: str, flash: int, ram: int) -> DoesNotFit:
        peak = f"{self._peak()} " if what == "RAM" else ""
        return DoesNotFit(
            f"{self.network.name} needs {needed:,} bytes {parts}, {self.board.name} has {limit:,}: "
            f"{needed - limit:,} too many. {peak}{advice(self, what, flash, ram)}"
        )

    def _peak(self) -> str:
        """The fullest step: its layer and the largest tensors alive there."""
        function, plan = max(self.plan.functions.items(), key=lambda kv: kv[1].placed.peak)
        steps = plan.shared.timeline.steps
        if not steps:
            return ""
        at = max(range(1, len(steps) + 1), key=plan.used)
        alive = sorted((v for v in plan.lives if v.first <= at <= v.last), key=lambda v: -v.size)[:3]
        return (
            f"The peak is in {function} at layer {steps[at - 1].node.name}: "
            + ", ".join(f"{v.label} {v.size:,}" for v in alive)
            + "."
        )

    def session(self, *, count: bool = False) -> Session:
        """Start the network on its board; use it in a `with` block."""
        return Session(self, count=count)

    def run(self, *inputs: Any, function: str = "") -> Any:
        """One call on the board from a fresh state, in real numbers.

        Args:
            inputs: arrays or tensors, one per input of the function, real values (they are quantised where needed).
            function: by default the main one.

        Returns:
            The output array (a list of them if the function has several); integer outputs of quantised networks are
            given back as real numbers.
        """
        with self.session() as s:
            outs = s.call_real(function or self.program.main.name, *inputs)
        return outs[0] if len(outs) == 1 else outs

    @cached_property
    def report(self) -> Any:
        """What it costs: a `report.Report`, measured on the board with one typical call. Shows itself in notebooks."""
        from picozoo.evaluate import evaluate

        return evaluate(self, samples=0)

    def layer(self, symbol: str) -> Layer:
        """The layer behind a C function's name."""
        return next(v for v in self.model.layers if v.symbol == symbol)


class Session:
    """A running board with one instance of the network: calls, state, counts."""

    def __init__(self, firmware: Firmware, *, count: bool = False, image: build.Image | None = None) -> None:
        self.firmware = firmware
        layers: dict[str, str] = {}
        for i, v in enumerate(firmware.model.layers):  # bands of a layer may be one C function
            layers.setdefault(v.symbol, str(i))
        self.machine = emulate.open_machine(image or firmware.image, layers=layers)
        self.base = self.machine.address("pz_net")
        self.machine.paint_stack()
        self.machine.count(count)
        self.reset()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.machine.close()

    def reset(self) -> None:
        """Put the state back to its initial value; not counted."""
        self.machine.call(f"{self.firmware.model.name}_init", self.base)

    def call(self, function: str, *inputs: np.ndarray) -> list[np.ndarray]:
        """Write the inputs, call, read the outputs; arrays in the compiled program's own types.

        Raises:
            UsageError: no such function, wrong number of inputs, shape or type.
        """
        entries = self.firmware.model.entries
        if function not in entries:
            raise UsageError(f"{self.firmware.network.name} has no function {function!r}; it has {', '.join(entries)}")
        e = entries[function]
        if len(inputs) != len(e.inputs):
            raise UsageError(
                f"{function} takes {len(e.inputs)} inputs ({', '.join(s.name for s in e.inputs)}), got {len(inputs)}"
            )
        for s, x in zip(e.inputs, inputs, strict=True):
            if x.size != s.type.size or x.dtype != s.type.numpy:
                raise UsageError(
                    f"{function}: input {s.name} must be {s.type.dtype}{list(s.type.shape)}, "
                    f"got {x.dtype}{list(x.shape)}"
                )
            self.machine.write(self.base + s.offset, np.ascontiguousarray(x).tobytes())
        self.machine.call(e.symbol, self.base)
        return [self._read(s) for s in e.outputs]

    def call_real(self, function: str, *inputs: Any) -> list[np.ndarray]:
        """As `call`, from and to real numbers."""
        e = self.firmware.model.entries.get(function)
        slots = e.inputs if e is not None else ()
        given = [to_slot(x, s) for x, s in zip(inputs, slots, strict=False)] + list(inputs[len(slots) :])
        outs = self.call(function, *given)
        assert e is not None
        return [from_slot(y, s) for y, s in zip(outs, e.outputs, strict=True)]

    def _read(self, s: Slot) -> np.ndarray:
        raw = self.machine.read(self.base + s.offset, s.type.nbytes)
        return np.frombuffer(raw, s.type.numpy).reshape(s.type.shape).copy()

    def state(self) -> bytes:
        """All kept state, as `restore` takes it."""
        return (
            self.machine.read(self.base + self.firmware.model.arena, self.firmware.model.state)
            if self.firmware.model.state
            else b""
        )

    def restore(self, state: bytes) -> None:
        """Put a saved state back.

        Raises:
            UsageError: the number of bytes is not that of this network's state.
        """
        if len(state) != self.firmware.model.state:
            raise UsageError(
                f"the state of {self.firmware.network.name} has {self.firmware.model.state} bytes, got {len(state)}"
            )
        if state:
            self.machine.write(self.base + self.firmware.model.arena, state)

    def get_state(self, name: str) -> np.ndarray:
        """One kept tensor, in the compiled program's type."""
        if name not in self.firmware.model.states:
            raise UsageError(find.unknown("state", name, list(self.firmware.model.states)))
        return self._read(self.firmware.model.states[name])

    def set_state(self, name: str, values: np.ndarray) -> None:
        """Write one kept tensor; real numbers are put into the compiled program's type.

        Raises:
            UsageError: no such state, or another number of values than it holds.
        """
        if name not in self.firmware.model.states:
            raise UsageError(find.unknown("state", name, list(self.firmware.model.states)))
        slot = self.firmware.model.states[name]
        self.machine.write(self.base + slot.offset, np.ascontiguousarray(to_slot(values, slot)).tobytes())


def to_slot(x: Any, s: Slot) -> np.ndarray:
    """A real-valued input in the slot's type: quantised where the slot is, cast where only the type differs.

    Raises:
        UsageError: the number of elements differs, or values would be lost by the cast.
    """
    a = np.asarray(x.detach().cpu().numpy() if hasattr(x, "detach") else x)
    if a.size != s.type.size:
        raise UsageError(f"input {s.name} must have shape {list(s.type.shape)}, got {list(a.shape)}")
    a = a.reshape(s.type.shape)
    if a.dtype == s.type.numpy:
        return a
    if s.type.quant is not None:
        return quantize_array(a, s.type.quant.scale[0], s.type.quant.zero_point[0], s.type.dtype)
    cast: np.ndarray = a.astype(s.type.numpy)
    if s.type.dtype != "f32" and not np.array_equal(cast.astype(np.float64), a.astype(np.float64)):
        raise UsageError(f"input {s.name} must be {s.type.dtype}; the {a.dtype} values given do not fit it")
    return cast


def from_slot(y: np.ndarray, s: Slot) -> np.ndarray:
    """A raw output as real numbers."""
    if s.type.quant is None:
        return y
    scale, zero = s.type.quant.broadcast(s.type.rank)
    real: np.ndarray = ((y.astype(np.int32) - zero) * scale).astype(np.float32)
    return real


def get_board(board: str | Board) -> Board:
    """A board by name. Raises UnknownName with the nearest names."""
    if isinstance(board, Board):
        return board
    found: Board = find.load("boards", board, "board").BOARD
    return found


def compile(
    network: Any,
    example_inputs: Any = None,
    *,
    board: str | Board,
    calibrate: Any = None,
    name: str = "",
    keep_float: Sequence[str] = (),
    int16: Sequence[str] = (),
    weights: str | Sequence[str] = (),
    tune: bool = False,
    forms: Sequence[str] = (),
    trust_pickle: bool = False,
    learn: str = "",
    optimiser: str = "sgd",
    rate: float = 0.01,
    snapshot: bool = True,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    fixed: Mapping[str, Any] | None = None,
    **options: str,
) -> Firmware:
    """Compile a network for a board.

    Args:
        network: a name of the zoo, a file, a `Network`, a PyTorch nn.Module or ExportedProgram, or a scikit-learn
            estimator.
        example_inputs: for a module: a tuple of example tensors, or a mapping of method names to tuples.
        board: name of a board, see `picozoo boards`.
        calibrate: for int8: typical inputs of the main function, first dimension = calls; one array an input, or a
            file or folder of them, see `compress.samples`.
        name: of the generated C (modules and estimators only).
        keep_float, int16, weights, tune, forms, options: fields of `Options`.
        trust_pickle: read a file that runs code when it is opened.
        learn: "last-layer", "bias" or "all" adds a training step (functions `learn`, and with `snapshot` also
            `snapshot` and `rollback`); optimiser, rate: see `train.gradients.Learning`. Needs PyTorch.
        shapes, dims, fixed: of a file that leaves dimensions open, see `network.load`.

    Returns:
        The firmware; nothing is built or run yet.

    Raises:
        UnknownName, Unsupported, UsageError, BadFile: as their messages say.

    Example:
        >>> fw = compile("perceptron", board="uno")
        >>> sorted(fw.model.files)
        ['perceptron.c', 'perceptron.h']
    """
    if isinstance(network, Network):
        given = {"shapes": shapes, "dims": dims, "fixed": fixed}
        if late := [k for k, v in given.items() if v]:
            raise UsageError(f"compile: {', '.join(late)} belong to reading a file; give them to load")
        net = network if calibrate is None else replace(network, calibration=calibration_of(network.program, calibrate))
    elif isinstance(network, str) or hasattr(network, "__fspath__"):
        net = load(network, calibrate=calibrate, trust_pickle=trust_pickle, shapes=shapes, dims=dims, fixed=fixed)
    elif is_estimator(network):
        net = from_estimator(network, name=name, calibrate=calibrate)
    else:
        net = from_module(network, example_inputs, name=name, calibrate=calibrate)
    if learn:
        net = with_learning(net, learn, optimiser=optimiser, rate=rate, snapshot=snapshot, examples=example_inputs)
    few = (weights,) if isinstance(weights, str) else tuple(weights)
    layers = {"keep_float": tuple(keep_float), "int16": tuple(int16), "weights": few, "forms": tuple(forms)}
    chosen = replace(Options(**options), **layers, tune=tune)  # type: ignore[arg-type]
    return compile_network(net, get_board(board), chosen)


def compile_network(net: Network, board: Board, options: Options, *, watch: pipeline.Watch | None = None) -> Firmware:
    """As `compile`, for what is already loaded and checked."""
    if options.tune:
        options = tuning.tune(net, board, options)
    _, forms = tuning.split(options.forms)
    target = replace(
        board.core.target,
        layer_forms=forms,
        wide_weights=min(board.core.target.wide_weights, _PREFER[options.prefer][1])
        if options.prefer != "speed"
        else _PREFER["speed"][1],
        fuse=not _PREFER[options.prefer][2],  # calls of shared kernels for single elements would be slow
        bands=_PREFER[options.prefer][4],
    )
    float_program = pipeline.run(net.program, pipeline.FLOAT, target, watch=watch)
    precision = choose_precision(float_program, net.calibration, options.precision)
    if becomes_integers(float_program, precision):
        float_program = pipeline.run(float_program, pipeline.BEFORE_INT8, target, watch=watch)
    whole = in_precision(
        float_program,
        precision,
        net.calibration,
        target,
        method=options.method,
        keep_float=options.keep_float,
        int16=options.int16,
        weights=options.weights,
        io=options.io,
        watch=watch,
    )
    program = pipeline.run(whole, pipeline.PREPARE, target, watch=watch)
    plan = plan_program(program, target)
    check_plan(program, plan, target)
    how = f"precision {precision}, calibration {options.method}, prefer {options.prefer}"
    how += f", weights {' '.join(options.weights)}" if options.weights else ""
    how += f", forms {' '.join(options.forms)}" if options.forms else ""
    stamp = f"picozoo {__version__}, {how}, for {board.core.title}"
    model = emit(program, plan, target, stamp=stamp, share=_PREFER[options.prefer][3])
    tuning.check(model.layers, forms)
    return Firmware(net, board, options, precision, program, float_program, whole, plan, model)


__all__ = [
    "Firmware",
    "Options",
    "Session",
    "compile",
    "compile_network",
    "from_slot",
    "get_board",
    "to_slot",
]
