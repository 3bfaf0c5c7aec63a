"""On this machine: picozoo's C against other runtimes, one thread each, taking turns in one run.

A turn is as many calls as take about `TURN_S`; what counts is the median over the turns. Time is the processor time of
all threads: on an idle machine the same as the clock's, on a busy one without the others' share. Each runtime is called
through Python, which costs about a microsecond a call. Inputs are the same, and every output is compared first.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from picozoo.bench import rows
from picozoo.bench.measure import inputs
from picozoo.bench.models import Model
from picozoo.compiler import Firmware, Options, compile_network, get_board
from picozoo.errors import MissingTool, PicozooError, UsageError
from picozoo.find import unknown
from picozoo.network import Network, load

TURN_S = 0.01
VECTORS = {"avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "asimd", "asimddp"}
LEAST = 11  # turns
OURS = "picozoo"
FILE = "against.jsonl"


class Runner(Protocol):
    """One runtime with one model loaded and its inputs set."""

    def outputs(self) -> list[np.ndarray]:
        """What it computed last."""

    def __call__(self) -> None:
        """One inference."""


@dataclass(frozen=True)
class Timed:
    """One model in one form: median microseconds a call of each runtime, and where they could not run it, why.

    Args:
        precision: "int8" or "float32".
        us: runtime -> median of the turns; `spread`: runtime -> (lowest, highest).
        differs: runtime -> largest difference of an output from ours, in units of its last place if integers.
    """

    model: str
    precision: str
    us: dict[str, float]
    spread: dict[str, tuple[float, float]]
    differs: dict[str, float]
    missing: dict[str, str]
    turns: int

    @property
    def slower_than(self) -> list[str]:
        """Runtimes that are faster than picozoo here."""
        return [name for name, us in self.us.items() if name != OURS and us < self.us[OURS]]


class Own:
    """picozoo's C in this process."""

    def __init__(self, fw: Firmware, given: Sequence[np.ndarray]) -> None:
        self.fw, self.entry = fw, fw.model.entries[fw.program.main.name]
        self.session = fw.session()
        self.session.call(self.entry.name, *given)
        machine, self.base = self.session.machine, ctypes.c_void_p(self.session.base)
        self.function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(machine.address(self.entry.symbol))
        self.given = [x.copy() for x in given]

    def outputs(self) -> list[np.ndarray]:
        """Of the inputs as given: the timed calls overwrite them."""
        return self.session.call(self.entry.name, *self.given)

    def __call__(self) -> None:
        """One call; what lies at the inputs does not change the time of these networks."""
        self.function(self.base)


class LiteRt:
    """LiteRT with XNNPACK, its default."""

    def __init__(self, model: Model, precision: str, network: Network, given: Sequence[np.ndarray]) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError:
            raise MissingTool("LiteRT is not here: run 'pip install \"picozoo[oracles]\"'") from None
        path = model.path() if precision == "int8" else model.float_path()
        if model.network or path is None:
            raise MissingTool("there is no .tflite file of it")
        self.machine = Interpreter(model_path=path, num_threads=1)
        self.machine.allocate_tensors()
        for slot, x in zip(self.machine.get_input_details(), given, strict=True):
            self.machine.set_tensor(slot["index"], x.reshape(slot["shape"]).astype(slot["dtype"]))

    def outputs(self) -> list[np.ndarray]:
        """Of the last call."""
        return [self.machine.get_tensor(slot["index"]) for slot in self.machine.get_output_details()]

    def __call__(self) -> None:
        """One inference."""
        self.machine.invoke()


class OnnxRuntime:
    """ONNX Runtime on the model written as ONNX by `bench.as_onnx`: the same operators, weights and scales."""

    def __init__(self, model: Model, precision: str, network: Network, given: Sequence[np.ndarray]) -> None:
        try:
            import onnxruntime as ort
        except ImportError:
            raise MissingTool("ONNX Runtime is not here: run 'pip install \"picozoo[oracles]\"'") from None
        from picozoo.bench.as_onnx import to_onnx

        fw = compile_network(network, get_board("host"), Options(precision=_ours(network, precision)))
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = ort.InferenceSession(to_onnx(fw.program), options, providers=["CPUExecutionProvider"])
        names = [slot.name for slot in self.session.get_inputs()]
        self.given = dict(zip(names, given, strict=True))
        self.bound = self.session.io_binding()
        for name, x in self.given.items():
            self.bound.bind_cpu_input(name, x)
        for slot in self.session.get_outputs():
            self.bound.bind_output(slot.name)

    def outputs(self) -> list[np.ndarray]:
        """Of the last call."""
        return [np.asarray(y) for y in self.bound.copy_outputs_to_cpu()]

    def __call__(self) -> None:
        """One inference."""
        self.session.run_with_iobinding(self.bound)


TOOLS: dict[str, Callable[[Model, str, Network, Sequence[np.ndarray]], Runner]] = {
    "litert": LiteRt,
    "onnxruntime": OnnxRuntime,
}


def machine() -> dict[str, Any]:
    """What the timings depend on: the processor by its name, and the versions of all."""
    found = dict(rows.machine())
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    found["processor"] = next((s.split(":", 1)[1].strip() for s in lines if s.startswith("model name")), "")
    flags = next((s.split(":", 1)[1].split() for s in lines if s.startswith(("flags", "Features"))), [])
    found["vectors"] = sorted(set(flags) & VECTORS)
    for package in ("ai-edge-litert", "onnxruntime", "ziglang"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def tools(text: str) -> list[str]:
    """Names of a comma-separated list.

    Raises:
        UsageError: a name that is no runtime known here.

    Example:
        >>> tools("litert, onnxruntime")
        ['litert', 'onnxruntime']
    """
    names = [n.strip() for n in text.split(",") if n.strip()]
    for name in names:
        if name not in TOOLS:
            raise UsageError(unknown("runtime", name, list(TOOLS)))
    return names


def _ours(network: Network, precision: str) -> str:
    """Our name of the precision: an int8 file is integers already."""
    quantised = any(t.quant is not None for f in network.program.functions.values() for t in f.types.values())
    return "native" if precision == "int8" and quantised else precision


def against(model: Model, precision: str, names: Sequence[str], turns: int = 21) -> Timed:
    """Time one model in one form.

    Raises:
        MissingTool: its file is not here.
        UsageError: fewer than `LEAST` turns.
    """
    if turns < LEAST:
        raise UsageError(f"a median needs at least {LEAST} turns, got {turns}")
    path = model.path() if precision == "int8" else model.float_path()
    if path is None:
        raise MissingTool(f"{model.name}: {model.missing()}")
    network = load(path)
    fw = compile_network(network, get_board("host"), Options(precision=_ours(network, precision), prefer="speed"))
    given = inputs(fw)
    runners: dict[str, Runner] = {OURS: Own(fw, given)}
    differs, missing = {}, {}
    want = runners[OURS].outputs()
    for name in names:
        try:
            runner = TOOLS[name](model, precision, network, given)
            runner()
            differs[name] = _difference(runner.outputs(), want)
            runners[name] = runner
        except PicozooError as e:
            missing[name] = str(e)
    times = take_turns(runners, turns)
    return Timed(
        model.name,
        precision,
        {name: statistics.median(t) for name, t in times.items()},
        {name: (min(t), max(t)) for name, t in times.items()},
        differs,
        missing,
        turns,
    )


def _difference(got: Sequence[np.ndarray], want: Sequence[np.ndarray]) -> float:
    return max(float(np.abs(a.reshape(-1).astype(float) - b.reshape(-1)).max()) for a, b in zip(got, want, strict=True))


def take_turns(runners: dict[str, Any], turns: int) -> dict[str, list[float]]:
    """Microseconds a call of every turn of every runner; the first turn, which warms up, is dropped."""
    calls = {name: max(1, round(TURN_S / max(_seconds(run, 3) / 3, 1e-7))) for name, run in runners.items()}
    times: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(turns + 1):
        for name, run in runners.items():
            times[name].append(_seconds(run, calls[name]) / calls[name] * 1e6)
    return {name: t[1:] for name, t in times.items()}


def _seconds(run: Runner, calls: int) -> float:
    began = time.process_time_ns()
    for _ in range(calls):
        run()
    return (time.process_time_ns() - began) * 1e-9
