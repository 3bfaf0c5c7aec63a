"""Runs a firmware on its board over data and writes down what happened: the `Report`."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo import __version__, pictures
from picozoo import data as data_sets
from picozoo.compiler import Firmware, Session, from_slot, to_slot
from picozoo.compress import accuracy as noise
from picozoo.compress.precision import is_quantised
from picozoo.emit.c_model import Layer
from picozoo.emulate import Counts
from picozoo.errors import MissingTool, UsageError
from picozoo.ir.interp import Interpreter
from picozoo.measure import Cost, predict
from picozoo.plan.timeline import Step
from picozoo.report.data import Block, LayerNoise, LayerReport, Learning, Report
from picozoo.specs import TensorType, whole_name

FLOAT_TOLERANCE = 1e-4  # relative and, below 1, absolute: what "equal" means between float forms
LESSONS = 50  # training examples that a report shows to a compiled training step
METRIC = ("metric", "metric_name", "metric_unit", "metric_better")  # a report has them from the card
MOST_CALLS = 64  # of a network without data whose calls do not all run everything
NOISE_CALLS = 8  # calibration calls behind the layers' signal-to-noise ratios in a report
Progress = Callable[[float, str], None]


@dataclass
class Data:
    """Inputs of the main function and what is right; both None without a data set."""

    x: np.ndarray
    y: np.ndarray
    starts: frozenset[int]
    label: str


def test_data(fw: Firmware, limit: int) -> Data | str:
    """Up to `limit` held-out calls from the network's own data set, or the sentence that says why there are none."""
    module = fw.network.module
    if module is None or limit <= 0:
        return ""
    try:
        return _read_data(fw, module, limit)
    except MissingTool as e:  # the costs can be measured all the same
        return f"{fw.network.card.metric_name} not measured: {e}"


def _read_data(fw: Firmware, module: Any, limit: int) -> Data:
    x, y = module.inputs("test", limit=limit, **_size(fw))
    starts = frozenset(module.starts("test", limit=limit, **_size(fw))) if module.CARD.streaming else frozenset()
    source = _source(fw)
    return Data(x, y, starts, f"{source}, held out" if source in data_sets.names() else source)


def _source(fw: Firmware) -> str:
    """Name of the data set that the network's `inputs` reads: what it says itself, else the first that is here."""
    module: Any = fw.network.module
    if hasattr(module, "source"):
        return str(module.source(**_size(fw)))
    named: tuple[str, ...] = module.CARD.data
    return next((name for name in named if data_sets.available(name)), named[0])


def _size(fw: Firmware) -> dict[str, str]:
    return {} if fw.network.size == "default" else {"size": fw.network.size}


def evaluate(fw: Firmware, *, samples: int = 200, progress: Progress | None = None, show: bool = False) -> Report:
    """Measure on the board.

    Args:
        samples: held-out calls to make; 0, or a network without data: one typical call, or one period of calls.
        progress: called with the share done and a line of words.
        show: also make the pictures that the network shows of itself (`picozoo.pictures`).

    Raises:
        DoesNotFit, MissingTool, MachineFault, BuildFailed.
    """
    tell = progress or (lambda share, words: None)
    tell(0.0, "building")
    fw.check_fits()
    found = test_data(fw, samples)
    data = found if isinstance(found, Data) else None
    tell(0.05, f"running on {fw.board.title}")
    with fw.session(count=True) as s:
        run = _Run(fw, s, data)
        run.go(tell)
        counts, stack = s.machine.counts(), s.machine.stack_bytes()
        emulator = s.machine.emulator
    fw.check_fits(stack or 0)
    report = _report(fw, run, counts, stack, emulator)
    if isinstance(found, str):
        report.data = found
    own = data is not None and fw.network.card.learns and hasattr(fw.network.module, "lessons")
    if data is not None and (own or fw.network.program.meta.get("learn")):
        tell(0.9, "learning on the board")
        report.learning = learn(fw, data)
    if show:
        tell(0.95, "making its pictures")
        report.shown = shown(fw)
    tell(1.0, "done")
    return report


def shown(fw: Firmware) -> list[dict[str, Any]]:
    """What the network shows of itself, computed on the board; a sentence where its data set is missing."""
    module: Any = fw.network.module
    if not hasattr(module, "show"):
        return []
    try:
        with fw.session() as s:
            return pictures.to_plain(module.show(s, **_size(fw)))
    except MissingTool as e:
        return pictures.to_plain([pictures.Words("What it shows needs its data", str(e))])


class _Run:
    """All calls of one evaluation, on the board and through both references."""

    def __init__(self, fw: Firmware, session: Session, data: Data | None) -> None:
        self.fw, self.session = fw, session
        self.main = fw.program.main.name
        self.entry = fw.model.entries[self.main]
        self.data = data
        self.reference, self.float = Interpreter(fw.program), Interpreter(fw.float_program)
        self.equal = self.same = self.calls = 0
        self.outputs: list[np.ndarray] = []
        self.float_outputs: list[np.ndarray] = []

    def go(self, tell: Progress) -> None:
        if self.data is None:
            for _ in range(min(self.fw.program.period, MOST_CALLS)):
                self._one([np.asarray(x) for x in typical(self.fw)])
            return
        n = len(self.data.x)
        for i in range(n):
            if i in self.data.starts:
                # state is put back outside the count: a reset is not part of a call
                self.session.machine.count(False)
                self.session.reset()
                self.session.machine.count(True)
                self.reference.reset()
                self.float.reset()
            self._one([self.data.x[i]])
            if i % 16 == 0:
                tell(0.05 + 0.8 * i / n, f"running on {self.fw.board.title}: {i} of {n}")

    def _one(self, inputs: list[Any]) -> None:
        raw = [to_slot(x, s) for x, s in zip(inputs, self.entry.inputs, strict=True)]
        got = self.session.call(self.main, *raw)
        want = self.reference.call(self.main, *raw)
        self.equal += all(equal(a, b) for a, b in zip(got, want, strict=True))
        self.calls += 1
        real = [from_slot(y, s) for y, s in zip(got, self.entry.outputs, strict=True)]
        self.outputs.append(real[0])
        if self.fw.precision == "int8" and not is_quantised(self.fw.float_program):
            f = self.fw.float_program.functions[self.main]
            exact = self.float.call(
                self.main,
                *[
                    np.asarray(x, f.types[p].numpy).reshape(f.types[p].shape)
                    for x, p in zip(inputs, f.params, strict=True)
                ],
            )
            self.float_outputs.append(exact[0])
            self.same += decision(exact[0]) == decision(real[0])


def equal(a: np.ndarray, b: np.ndarray) -> bool:
    """Bits for integers, `FLOAT_TOLERANCE` for floats."""
    if a.dtype.kind == "f":
        return bool(np.allclose(a, b, rtol=FLOAT_TOLERANCE, atol=FLOAT_TOLERANCE, equal_nan=True))
    return bool(np.array_equal(a, b))


def decision(y: np.ndarray) -> Any:
    """What an output says: the index of its largest value, or its sign if it is one number."""
    return int(y.reshape(-1)[0] > 0) if y.size == 1 else int(y.reshape(-1).argmax())


def _decides(data: Data | None, y: TensorType) -> bool:
    """Is the output an answer out of several? With data: what is right is one whole number. A picture is no answer.

    Without: it has one dimension that counts. Boxes, masks and sequences have more.
    """
    if data is None:
        return sum(n > 1 for n in y.shape) < 2
    return np.ndim(data.y) == 1 and bool(np.asarray(data.y).dtype.kind in "iu")


def typical(fw: Firmware) -> list[np.ndarray]:
    """One typical call of the main function: the first calibration input, or zeros."""
    f = fw.float_program.main
    c = fw.network.calibration
    if c is not None and c.function == f.name:
        return [np.asarray(x[0]) for x in c.inputs]
    return [np.zeros(f.types[p].shape, f.types[p].numpy) for p in f.params]


def learn(fw: Firmware, data: Data) -> Learning:
    """Teach the network on the board, and measure before and after.

    A network that learns of itself begins with nothing; a compiled training step goes on from the shipped weights.
    """
    module: Any = fw.network.module
    own = not fw.network.program.meta.get("learn")
    task = ""
    if own:
        name, lessons, blank = module.lessons(**_size(fw))
    else:
        task, name, lessons, data = _gradient_lessons(fw, data)
        blank = {}
    entry = fw.model.entries[name]
    with fw.session() as s:
        for state in blank:
            slot = fw.model.states[state]
            start = blank[state] if isinstance(blank, Mapping) else np.zeros(slot.type.shape, slot.type.numpy)
            s.set_state(state, start)
        before = _score(fw, s, data)
        s.machine.paint_stack()
        s.machine.count(True)
        for example in lessons:
            s.call(name, *[to_slot(v, slot) for v, slot in zip(example, entry.inputs, strict=True)])
        s.machine.count(False)
        counts, stack = s.machine.counts(), s.machine.stack_bytes()
        after = _score(fw, s, data)
    cost = per_call(predict(fw.board, counts), len(lessons))
    steps = None if counts.instructions is None else counts.instructions / len(lessons)
    state, arena = learning_ram(fw, name)
    begins = "nothing" if own else "the shipped weights"
    return Learning(len(lessons), before, after, steps, cost.ms, stack, state, arena, begins, task)


def _gradient_lessons(fw: Firmware, data: Data) -> tuple[str, str, list[Any], Data]:
    """What a compiled training step goes on to learn: the network's `adapt`, or more training examples.

    Returns:
        The task in words, "" if it is the network's own; the function and its calls; what to measure with.
    """
    module: Any = fw.network.module
    task = ""
    if hasattr(module, "adapt"):
        task, (x, y), (tx, ty) = module.adapt(len(data.x), **_size(fw))
        data = Data(tx, ty, frozenset(), data.label)
    else:
        x, y = module.inputs("train", LESSONS, **_size(fw))
    slot = fw.model.entries["learn"].inputs[1].type
    if slot.size != np.asarray(y[0]).size:
        raise UsageError(f"learn: the targets of {fw.network.name} have shape {list(np.shape(y[0]))}, not {slot.shape}")
    return task, "learn", [(a, np.asarray(b).reshape(slot.shape)) for a, b in zip(x, y, strict=True)], data


def learning_ram(fw: Firmware, name: str) -> tuple[int, int]:
    """RAM that only learning needs, bytes: the state it writes, and working memory beyond the main function's."""
    f, model = fw.program.functions[name], fw.model
    state = sum(model.states[ref[1:]].type.nbytes for ref in f.updates if ref[1:] in model.states)
    peak = {n: p.placed.peak for n, p in fw.plan.functions.items()}
    return state, max(0, peak[name] - peak[fw.program.main.name])


def _score(fw: Firmware, s: Session, data: Data) -> float:
    main = fw.program.main.name
    entry = fw.model.entries[main]
    outs = [s.call(main, to_slot(x, entry.inputs[0]))[0] for x in data.x]
    return float(fw.network.module.metric(np.stack(outs), data.y))  # type: ignore[union-attr]


def per_call(cost: Cost, calls: int) -> Cost:
    """The cost of one of `calls` equal calls."""
    from dataclasses import replace

    def share(v: float | None) -> float | None:
        return None if v is None else v / calls

    return replace(
        cost,
        cycles=share(cost.cycles),
        ms=share(cost.ms),
        ms_low=share(cost.ms_low),
        ms_high=share(cost.ms_high),
        uj=share(cost.uj),
        uj_low=share(cost.uj_low),
        uj_high=share(cost.uj_high),
    )


def _report(fw: Firmware, run: _Run, counts: Counts, stack: int | None, emulator: str) -> Report:
    card, image, board = fw.network.card, fw.image, fw.board
    cost = per_call(predict(board, counts), run.calls)
    accuracy = accuracy_float = None
    mistakes: list[dict[str, Any]] = []
    if run.data is not None:
        metric = fw.network.module.metric  # type: ignore[union-attr]
        accuracy = float(metric(np.stack(run.outputs), run.data.y))
        accuracy_float = float(metric(np.stack(run.float_outputs), run.data.y)) if run.float_outputs else accuracy
        mistakes = _mistakes(run)
    main_layers = [v for v in fw.model.layers if v.function == run.main]
    decides = _decides(run.data, run.entry.outputs[0].type)
    ram = fw.model.context_bytes + (stack or 0)
    return Report(
        name=fw.network.name,
        board=board.name,
        core=board.core.title,
        precision=fw.precision,
        accuracy=accuracy,
        accuracy_float=accuracy_float,
        agreement=run.equal / run.calls,
        macs=sum(v.macs for v in main_layers),
        instructions=None if counts.instructions is None else counts.instructions / run.calls,
        cycles_predicted=cost.cycles,
        cycles_error=cost.cycles_error,
        ms_predicted=cost.ms,
        uj_predicted=cost.uj,
        flash_code=image.flash_code,
        flash_const=image.flash_const,
        ram_arena=fw.model.arena,
        ram_state=fw.model.state,
        ram_stack=stack,
        emulator=emulator,
        compiler=image.compiler,
        layers=_layers(fw, counts, run.calls),
        title=card.title if card else fw.network.name,
        board_title=board.title,
        function=run.main,
        inputs={s.name: list(s.type.shape) for s in run.entry.inputs},
        **({k: getattr(card, k) for k in METRIC} if card else {}),
        data=run.data.label if run.data else "",
        samples=run.calls,
        agreement_float=run.same / run.calls if run.float_outputs and decides else None,
        instructions_unit=counts.unit,
        cycles_exact=cost.exact_cycles,
        ms_low=cost.ms_low,
        ms_high=cost.ms_high,
        uj_low=cost.uj_low,
        uj_high=cost.uj_high,
        cost_source=cost.source,
        flash_data=image.flash_data,
        flash_total=image.flash,
        ram_total=ram,
        flash_limit=board.flash,
        ram_limit=board.ram,
        fits=(board.flash is None or image.flash <= board.flash) and (board.ram is None or ram <= board.ram),
        arena_bound=max((p.tensor_bound for p in fw.plan.functions.values()), default=0),
        memory=[b for name in fw.plan.functions for b in _memory(fw, name)],
        steps={name: [step.node.name for step in _steps(fw, name)] for name in fw.plan.functions},
        mistakes=mistakes,
        picozoo=__version__,
        simplified=[v for v in fw.program.meta.get("simplified", "").split("; ") if v],
        bands=[v for v in fw.program.meta.get("bands", "").split("; ") if v],
        quantisation=layer_noise(fw, NOISE_CALLS),
    )


def layer_noise(fw: Firmware, calls: int = 32) -> list[LayerNoise]:
    """What quantisation cost each layer, on calibration data; empty where nothing was quantised here."""
    c = fw.network.calibration
    if c is None or fw.precision != "int8" or is_quantised(fw.float_program):
        return []
    rows = noise.layers(fw.float_program, fw.whole_program, c.calls(), calls)
    # an estimator's functions repeat their layers: those of the main function, and of loops, say it all
    others = {f.name for f in fw.program.public()} - {fw.program.main.name}
    return [LayerNoise(**dataclasses.asdict(row), cause=row.cause) for row in rows if row.function not in others]


def _layers(fw: Firmware, counts: Counts, calls: int) -> list[LayerReport]:
    """One row a layer; what was computed in bands is one layer."""
    made: dict[tuple[str, str], list[LayerReport]] = {}
    for i, v in enumerate(fw.model.layers):
        c = counts.layers.get(str(i))
        cost = per_call(predict(fw.board, c), calls) if c is not None else None
        made.setdefault((v.function, whole_name(v.name)), []).append(
            LayerReport(
                v.name,
                v.op,
                v.function,
                v.macs,
                None if c is None else c.instructions / calls,
                cost.cycles if cost else None,
                cost.ms if cost else None,
                cost.uj if cost else None,
                list(v.out_type.shape),
                v.out_type.dtype,
                v.source,
                _reads(fw, v),
            )
        )
    return [_together(name, rows) for (_, name), rows in made.items()]


def _together(name: str, rows: list[LayerReport]) -> LayerReport:
    """The bands of a layer as one row, with what it took to keep rows between them."""
    bands = [v for v in rows if v.name.rpartition("~")[2].isdigit()]
    if not bands:
        return rows[0]

    def total(values: Iterable[float | None]) -> float | None:
        known = [v for v in values if v is not None]
        return sum(known) if known else None

    shape = list(bands[0].out_shape)
    shape[1] = sum(v.out_shape[1] for v in bands)
    return dataclasses.replace(
        bands[0],
        name=name,
        macs=sum(v.macs for v in rows),
        instructions=total(v.instructions for v in rows),
        cycles_predicted=total(v.cycles_predicted for v in rows),
        ms_predicted=total(v.ms_predicted for v in rows),
        uj_predicted=total(v.uj_predicted for v in rows),
        out_shape=shape,
        reads=[r for r in dict.fromkeys(r for v in rows for r in v.reads) if r != name],
    )


def _reads(fw: Firmware, layer: Layer) -> list[str]:
    """Where a layer's inputs come from: layers, inputs or state by name; views are looked through."""
    f = fw.program.functions[layer.key[0]]
    printed = {v.key for v in fw.model.layers if v.function == layer.function}
    producers = f.producers()
    found: dict[str, None] = {}
    for ref in next(n for n in f.nodes if n.name == layer.key[1]).inputs:
        node = producers.get(ref)
        while node is not None and node.op != "while_loop" and (f.name, node.name) not in printed:
            ref = node.inputs[0]
            node = producers.get(ref)
        if node is not None or ref[0] != "@":
            found[whole_name(node.name) if node is not None else ref[1:]] = None
    return list(found)


def _steps(fw: Firmware, function: str) -> list[Step]:
    """Steps at which something runs; views and what is joined in its place are none."""
    printed = {v.key for v in fw.model.layers if v.function == function}
    steps = fw.plan.functions[function].shared.timeline.steps
    return [s for s in steps if s.kind != "call" or (s.function.name, s.node.name) in printed]


def _memory(fw: Firmware, function: str) -> list[Block]:
    """The arena over time, in the steps that run."""
    p, times = fw.plan.functions[function], [s.time for s in _steps(fw, function)]
    end = p.shared.timeline.end
    found = []
    for v, offset in zip(p.lives, p.placed.offsets, strict=True):
        first = bisect_left(times, v.first) + 1 if v.first else 0
        last = len(times) + 1 if v.last == end else bisect_right(times, v.last)
        if v.size:
            found.append(Block(v.label, offset, v.size, first, max(first, last), function))
    return found


def _mistakes(run: _Run, most: int = 24) -> list[dict[str, Any]]:
    """Calls whose decision is not the label, of networks that are judged by their decisions."""
    assert run.data is not None
    y = np.asarray(run.data.y)
    if y.ndim != 1 or run.fw.network.card.metric_name != "accuracy":
        return []
    found = []
    for i, out in enumerate(run.outputs):
        got = decision(out) if out.size > 1 or set(np.unique(y).tolist()) <= {0, 1} else None
        if got is not None and got != int(y[i]):
            found.append(
                {
                    "index": i,
                    "expected": int(y[i]),
                    "got": got,
                    "input": np.asarray(run.data.x[i]).round(3).reshape(-1).tolist(),
                    "shape": list(np.asarray(run.data.x[i]).shape),
                }
            )
    return found[:most]


__all__ = ["Data", "decision", "equal", "evaluate", "learn", "per_call", "test_data", "typical"]
