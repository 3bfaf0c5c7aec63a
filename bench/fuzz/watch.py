"""Files read in a child process that is watched: how long, how much memory, and what came out."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
KINDS = sorted(f.stem for f in Path(__file__).parent.glob("*.py") if "\nSUFFIX = " in f.read_text(encoding="utf-8"))
LIMIT_S, LIMIT_MB = 2.0, 1024  # CPU seconds of one file; megabytes of a process, and of one piece of memory
STUCK_S = 20  # CPU seconds after which the child is ended, where it cannot be interrupted
ASLEEP_S = 900  # seconds without any news
CHUNK = 2000  # files a child
LONGEST = 4000  # characters of a message


class Hang(BaseException):
    """Reading took too long. No importer may catch it."""


@dataclass
class Tally:
    """What became of the files so far."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    most_mb: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)  # (seed, what)

    @property
    def files(self) -> int:
        """How many were read or refused."""
        return sum(self.outcomes.values())

    @property
    def clean(self) -> bool:
        """Nothing went wrong?"""
        return not self.bad and self.most_mb <= LIMIT_MB

    def add(self, seed: int, outcome: str, took: float, memory: int) -> None:
        """One file."""
        self.slowest_s, self.most_mb = max(self.slowest_s, took), max(self.most_mb, memory)
        self.outcomes[outcome.split(":")[0]] += 1
        if outcome.startswith(("crash", "hang", "memory")):
            self.bad.append((seed, outcome))


def module(kind: str) -> ModuleType:
    """The file beside this one that knows a kind of file."""
    return importlib.import_module(f".{kind}", __package__)


def made(kind: ModuleType, originals: Mapping[str, bytes], seed: int) -> tuple[str, bytes]:
    """The file of a seed, and which one it was made from: the same whenever and with whatever else it is made."""
    dice = random.Random(seed)
    two = dice.choices(sorted(originals), k=2)
    name = min(two, key=lambda n: len(originals[n]))  # small ones are read faster, and have less that is only numbers
    return name, kind.mutate(originals[name], dice)


def read(kind: str, path: Path) -> str:
    """What comes of a file: "read", the kind of refusal, or what is wrong with how it was refused."""
    from picozoo import network
    from picozoo.errors import PicozooError

    try:
        getattr(module(kind), "read", network.load)(path)
    except PicozooError as e:
        return _told(e, type(e).__name__)
    except Hang:
        return "hang"
    except BaseException as e:  # what an importer must not let through
        return f"{'memory' if isinstance(e, MemoryError) else 'crash'}: {type(e).__name__}: {str(e)[:300]}"
    return "read"


def _told(error: BaseException, kind: str) -> str:
    """Is the message a sentence, and did nothing break behind it?"""
    text, cause = str(error), error.__cause__ or error.__context__
    while cause is not None:
        if isinstance(cause, Hang):
            return "hang"
        if isinstance(cause, MemoryError):
            return f"memory: {str(cause)[:200]}"
        cause = cause.__cause__ or cause.__context__
    if len(text) > LONGEST or not text.isprintable():
        return f"crash: {kind} with {len(text)} characters: {ascii(text)[:300]}"
    return kind


def one(kind: str, path: Path) -> tuple[str, float]:
    """As `read`, interrupted after LIMIT_S; and the CPU seconds it took."""
    began = time.process_time()
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + STUCK_S, hard))
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
    try:
        outcome = read(kind, path)
    except Hang:  # between two lines here
        outcome = "hang"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    took = time.process_time() - began
    return ("hang" if took > LIMIT_S and outcome == "read" else outcome), took


def child(kind: str, originals: Mapping[str, bytes], seeds: range, pipe: Connection, warm: str) -> None:
    """Read one file for each seed; tell what happened."""

    def late(*_: object) -> None:
        raise Hang

    signal.signal(signal.SIGPROF, late)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory())
        held.enter_context(getattr(module(kind), "prepared", contextlib.nullcontext)())
        path = Path(folder) / f"case{module(kind).SUFFIX}"
        path.write_bytes(originals[warm])
        read(kind, path)  # and everything is loaded
        file = held.enter_context(path.open("r+b", buffering=0))  # opening it anew takes longer than reading it
        have = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (have + (LIMIT_MB << 20),) * 2)
        for seed in seeds:
            _, data = made(module(kind), originals, seed)
            file.seek(0)
            file.write(data)
            file.truncate()
            outcome, took = one(kind, path)
            pipe.send((seed, outcome, took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))
    pipe.close()


def run(kind: str, originals: Mapping[str, bytes], seeds: range, tally: Tally | None = None) -> Tally:
    """Read the files of `seeds`, in children, one after the other.

    Args:
        tally: counted on as files are read, so that a caller who is interrupted has what was done so far.
    """
    tally = Tally() if tally is None else tally
    warm = next((name for name in sorted(originals) if _readable(kind, originals[name])), None)
    if warm is None:
        raise SystemExit(f"none of the {len(originals)} {kind} files can be read; give others")
    at = seeds.start
    while at < seeds.stop:
        at = _chunk(kind, originals, range(at, min(at + CHUNK, seeds.stop)), tally, warm)
    return tally


def _readable(kind: str, data: bytes) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"case{module(kind).SUFFIX}"
        path.write_bytes(data)
        return read(kind, path) == "read"


def _chunk(kind: str, originals: Mapping[str, bytes], seeds: range, tally: Tally, warm: str) -> int:
    """Read with one child; the seed to go on with, behind the one that ended the child if one did."""
    ours, theirs = multiprocessing.get_context("fork").Pipe(duplex=False)
    job = multiprocessing.get_context("fork").Process(target=child, args=(kind, originals, seeds, theirs, warm))
    job.start()
    theirs.close()
    last, asleep = seeds.start - 1, False
    try:
        while last + 1 < seeds.stop:
            asleep = not ours.poll(ASLEEP_S)
            if asleep:
                break
            last, *told = ours.recv()
            tally.add(last, *told)
    except EOFError:
        pass
    finally:
        if asleep or sys.exc_info()[0] is not None:
            job.kill()
        job.join()
    if last + 1 < seeds.stop:
        hung = asleep or job.exitcode == -signal.SIGXCPU
        how = f"{'hang' if hung else 'crash'}: the reader ended with {job.exitcode}"
        tally.add(last + 1, how, float(STUCK_S) if hung else 0.0, 0)
        return last + 2
    return last + 1


os.environ.setdefault("OMP_NUM_THREADS", "1")
