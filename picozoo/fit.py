"""Will it fit, and how fast: every board at once, before any data is run.

Flash and RAM are exact: from the memory plan and a real link for each board. Stack, and the instructions that time and
energy are predicted from, come from one emulated run per core type: boards with the same core run the same code.
Results are kept in the user's cache under a key of everything they depend on, so that asking again takes no time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from picozoo import _cache, emulate, find
from picozoo.compiler import Firmware, Options, compile_network, to_slot
from picozoo.emulate import Counts
from picozoo.errors import MissingTool, PicozooError, UsageError
from picozoo.evaluate import per_call
from picozoo.ir.text import print_program
from picozoo.measure import predict
from picozoo.network import Network
from picozoo.specs import Board

CALLS = 4  # typical calls that an emulated run makes; instruction counts differ little from one to the next
THREADS = 2
KEEP = 4000  # results kept in the cache
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Fit:
    """One network on one board. Sizes in bytes; per call of the main function; `None`: not known.

    Args:
        fits: flash and RAM are enough (judged without the stack where that is not known).
        flash, ram: what is needed in all; `..._limit`: what the board has; `..._short`: bytes too many, 0 if it fits.
        peak_function, peak_layer, peak_bytes: where working memory is fullest, and how much of it is in use there.
        ms, uj: predicted, with the low and high end that the models' errors leave; exact cycles where `cycles_exact`.
        counted_on: the board that was emulated for this core; "" if none could be.
        note: why something is not known: one sentence, "" if all is.
    """

    name: str
    board: str
    title: str
    core: str
    precision: str
    fits: bool
    flash: int | None = None
    flash_limit: int | None = None
    flash_short: int = 0
    ram: int | None = None
    ram_limit: int | None = None
    ram_short: int = 0
    ram_arena: int | None = None
    ram_state: int | None = None
    ram_stack: int | None = None
    peak_function: str = ""
    peak_layer: str = ""
    peak_bytes: int | None = None
    macs: int = 0
    instructions: float | None = None
    instructions_unit: str = "instructions"
    cycles: float | None = None
    cycles_error: float = 0.0
    cycles_exact: bool = False
    ms: float | None = None
    ms_low: float | None = None
    ms_high: float | None = None
    uj: float | None = None
    uj_low: float | None = None
    uj_high: float | None = None
    counted_on: str = ""
    compiler: str = ""
    note: str = ""


def fit(
    net: Network, options: Options | None = None, *, boards: Sequence[str] = (), progress: Progress | None = None
) -> list[Fit]:
    """Try a network on every board.

    Args:
        net: as `picozoo.load` gives it.
        options: precision "auto" is what `run` would choose.
        boards: names; all of them by default.
        progress: called with the share done and a line of words.

    Returns:
        One entry per board, smallest RAM first. A board it cannot be built for has the reason in `note`.

    Example:
        >>> from picozoo.network import load
        >>> fit(load("perceptron"), boards=["host"])[0].fits
        True
    """
    options, tell = options or Options(), progress or (lambda share, words: None)
    found = [find.load("boards", name, "board").BOARD for name in boards or find.names("boards")]
    digest = _digest(net, options)
    files = {b.name: _cache.folder("fit") / f"{_key(digest, b, options)}.json" for b in found}
    rows = {name: row for name, path in files.items() if (row := _read(path)) is not None}
    groups: dict[str, list[Board]] = {}
    for b in found:
        if b.name not in rows:
            groups.setdefault(b.core.name, []).append(b)
    done = len(rows)
    with ThreadPoolExecutor(THREADS) as pool:
        # the slowest to build first, so that no thread is left alone at the end
        for made in pool.map(lambda group: _core(net, options, group), sorted(groups.values(), key=len, reverse=True)):
            for row in made:
                _write(files[row.board], row)
                rows[row.board] = row
            done += len(made)
            tell(done / len(found), f"building and emulating: {done} of {len(found)} boards")
    if groups:
        _cache.prune(_cache.folder("fit"), KEEP)
    order = sorted(found, key=lambda b: (b.ram is None, b.ram or 0, b.name))
    return [rows[b.name] for b in order]


def _core(net: Network, options: Options, boards: Sequence[Board]) -> list[Fit]:
    """All boards of one core: compiled once, linked for each, emulated once."""
    try:
        first = compile_network(net, boards[0], options)
    except UsageError:
        raise
    except PicozooError as e:
        return [Fit(net.name, b.name, b.title, b.core.title, options.precision, False, note=str(e)) for b in boards]
    firmwares = [dataclasses.replace(first, board=b) for b in boards]
    counts, stack, on, note = _emulate(firmwares)
    return [_row(fw, counts, stack, on, note) for fw in firmwares]


def _emulate(firmwares: Sequence[Firmware]) -> tuple[Counts | None, int | None, str, str]:
    """Counts of `CALLS` calls and stack, on the first board of the core that has room and an emulator."""
    note = "it does not fit, so it cannot be run"
    for fw in firmwares:
        missing = emulate.available(fw.board)
        if missing is not None:
            note = f"time and stack are not known: {missing}"
            continue
        try:
            fw.check_fits()
            with fw.session(count=True) as s:
                for inputs in typical_calls(fw, CALLS):
                    s.call(fw.program.main.name, *inputs)
                return s.machine.counts(), s.machine.stack_bytes(), fw.board.name, ""
        except PicozooError as e:
            note = str(e)
    return None, None, "", note


def typical_calls(fw: Firmware, calls: int) -> Iterator[list[np.ndarray]]:
    """Inputs of the main function as it will see them: calibration data, else the network's own, else random ones."""
    entry = fw.model.entries[fw.program.main.name]
    c, module = fw.network.calibration, fw.network.module
    rows: list[Sequence[Any]] = []
    if c is not None and c.function == entry.name:
        rows = [
            [np.asarray(x[i % len(x)], np.float32 if x.dtype.kind == "f" else x.dtype) for x in c.inputs]
            for i in range(calls)
        ]
    elif module is not None and len(entry.inputs) == 1:
        try:
            size = {} if fw.network.size == "default" else {"size": fw.network.size}
            x = module.inputs("test", limit=calls, **size)[0]
            rows = [[x[i % len(x)]] for i in range(calls)]
        except MissingTool:
            rows = []
    if not rows:
        from picozoo.ladder import random_inputs

        rows = [random_inputs(fw.program, entry.name, i) for i in range(calls)]
    for row in rows:
        yield [to_slot(x, s) for x, s in zip(row, entry.inputs, strict=True)]


def _row(fw: Firmware, counts: Counts | None, stack: int | None, on: str, note: str) -> Fit:
    b, model = fw.board, fw.model
    function, layer, used = peak(fw)
    try:
        image = fw.image
    except PicozooError as e:
        return Fit(
            model.name,
            b.name,
            b.title,
            b.core.title,
            fw.precision,
            False,
            note=str(e),
            ram_arena=model.arena,
            ram_state=model.state,
        )
    ram = model.context_bytes + (stack or 0)
    flash_short = max(0, image.flash - b.flash) if b.flash is not None else 0
    ram_short = max(0, ram - b.ram) if b.ram is not None else 0
    cost = per_call(predict(b, counts), CALLS) if counts is not None else None
    return Fit(
        fw.network.name,
        b.name,
        b.title,
        b.core.title,
        fw.precision,
        not (flash_short or ram_short),
        image.flash,
        b.flash,
        flash_short,
        ram,
        b.ram,
        ram_short,
        model.arena,
        model.state,
        stack,
        function,
        layer,
        used,
        sum(v.macs for v in model.layers if v.function == fw.program.main.name),
        None if counts is None or counts.instructions is None else counts.instructions / CALLS,
        counts.unit if counts is not None else "instructions",
        cost.cycles if cost else None,
        cost.cycles_error if cost else 0.0,
        cost.exact_cycles if cost else False,
        cost.ms if cost else None,
        cost.ms_low if cost else None,
        cost.ms_high if cost else None,
        cost.uj if cost else None,
        cost.uj_low if cost else None,
        cost.uj_high if cost else None,
        on,
        image.compiler,
        note,
    )


def peak(fw: Firmware) -> tuple[str, str, int]:
    """The fullest moment of working memory: function, layer, bytes of tensors and scratch alive there."""
    best = ("", "", 0)
    for name, plan in fw.plan.functions.items():
        for step in plan.shared.timeline.steps:
            used = plan.used(step.time)
            if used > best[2]:
                best = (name, step.node.name, used)
    return best


# -- the cache --------------------------------------------------------------------------------------------------------
def _digest(net: Network, options: Options) -> str:
    """Of the network with its numbers, the options, and picozoo's own code."""
    digest = hashlib.sha256(f"{print_program(net.program)}\n{options}\n{net.size}\n{_tools()}".encode())
    arrays = [
        *net.program.constants.values(),
        *net.program.states.values(),
        *(x for c in ((net.calibration, *net.calibration.more) if net.calibration else ()) for x in c.inputs),
    ]
    for a in arrays:
        digest.update(f"{a.dtype}{a.shape}".encode() + np.ascontiguousarray(a).tobytes())
    if net.module is not None:
        from picozoo import data

        digest.update(str([data.available(name) for name in net.card.data]).encode())
    package = Path(__file__).parent
    for path in sorted(p for p in package.rglob("*") if p.suffix in (".py", ".h", ".c", ".S")):
        facts = path.stat()
        digest.update(f"{path.relative_to(package)} {facts.st_size} {facts.st_mtime_ns}".encode())
    return digest.hexdigest()


def _tools() -> list[str]:
    found = []
    for name in ("ziglang", "unicorn", "capstone", "wasmtime", "numpy"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return found


def _key(digest: str, board: Board, options: Options) -> str:
    from picozoo._toolchain import select

    try:
        compiler = select(board, options.toolchain).version
    except PicozooError as e:
        compiler = str(e)
    facts = json.dumps(dataclasses.asdict(board), sort_keys=True, default=sorted)  # sets have no order of their own
    return hashlib.sha256(f"{digest}\n{facts}\n{emulate.available(board)}\n{compiler}".encode()).hexdigest()[:32]


def _read(path: Path) -> Fit | None:
    try:
        return Fit(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None  # not there, or of another version


def _write(path: Path, row: Fit) -> None:
    from picozoo.artefact import write_atomically

    write_atomically(path, json.dumps(dataclasses.asdict(row)).encode())


__all__ = ["Fit", "fit", "peak", "typical_calls"]
