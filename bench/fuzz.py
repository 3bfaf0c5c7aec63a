"""Fuzzing of importers: real files, mutated, read in a child process; says how many, how long, how much memory.

    .venv/bin/python bench/fuzz.py tflite FOLDER [--files 100000] [--seed 0]

Every file is read or refused with one of picozoo's own errors. Anything else counts as a crash, and so does the child's
end; more than two seconds count as a hang. Exits with 1 if there was any, or if the child took over 1 GB.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import random
import resource
import signal
import struct
import sys
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

LIMIT_S, LIMIT_MB, CHUNK = 2.0, 1024, 500
ODD = (0, 1, 2, 4, 127, 128, 255, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1)


class Hang(Exception):
    """Reading took too long."""


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Bytes changed, numbers replaced, pieces cut out, copied or cut off."""
    wrong = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        # most of a model is weights; what can go wrong lies in the tables round them
        at = dice.randrange(max(1, len(wrong) - 4))
        if dice.random() < 0.7:
            at = dice.choice((at % 4096, max(0, len(wrong) - 1 - at % 16384)))
        how = dice.random()
        if how < 0.4:
            wrong[at] = dice.randrange(256)
        elif how < 0.7:
            value = dice.choice((dice.choice(ODD), dice.randrange(2**32), at, len(wrong)))
            wrong[at : at + 4] = struct.pack("<I", value)
        elif how < 0.8:
            other = dice.randrange(max(1, len(wrong) - 64))
            wrong[at : at + 64] = wrong[other : other + 64]
        elif how < 0.9:
            del wrong[at : at + dice.choice((1, 4, 64))]
        else:
            del wrong[dice.randrange(len(wrong)) :]
        if not wrong:
            break
    return bytes(wrong)


def child(importer: str, files: list[Path], seeds: range, pipe: Connection) -> None:
    """Read one mutated file for each seed; tell what happened."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from picozoo.errors import PicozooError

    checked = importlib.import_module(f"picozoo.frontend.{importer}").checked
    originals = [f.read_bytes() for f in files]
    for data, f in zip(originals, files, strict=True):
        checked(data, "warm", f.name)  # and everything is loaded

    def late(*_: object) -> None:
        raise Hang

    signal.signal(signal.SIGALRM, late)
    for seed in seeds:
        dice = random.Random(seed)
        which = dice.randrange(len(originals))
        data = mutate(originals[which], dice)
        began, outcome = time.perf_counter(), "read"
        signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
        try:
            checked(data, "case", "case")
        except PicozooError as e:
            outcome = type(e).__name__
        except Hang:
            outcome = "hang"
        except BaseException as e:  # what an importer must not let through
            outcome = f"crash: {files[which].name} seed {seed}: {type(e).__name__}: {e}"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        pipe.send((seed, outcome, time.perf_counter() - began, memory))
    pipe.close()


def main() -> int:
    """Run and report; 0 if nothing went wrong."""
    args = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    args.add_argument("importer")
    args.add_argument("folder", type=Path)
    args.add_argument("--files", type=int, default=100_000)
    args.add_argument("--seed", type=int, default=0)
    given = args.parse_args()
    files = sorted(f for f in given.folder.rglob(f"*.{given.importer}"))
    if not files:
        print(f"no *.{given.importer} below {given.folder}", file=sys.stderr)
        return 2
    total: Counter[str] = Counter()
    slowest, most, bad, began = 0.0, 0, [], time.perf_counter()
    at, end = given.seed, given.seed + given.files
    while at < end:
        ours, theirs = multiprocessing.Pipe(duplex=False)
        job = multiprocessing.Process(
            target=child, args=(given.importer, files, range(at, min(at + CHUNK, end)), theirs)
        )
        job.start()
        theirs.close()
        last = at - 1
        while True:
            try:
                last, outcome, took, memory = ours.recv()
            except EOFError:
                break
            slowest, most = max(slowest, took), max(most, memory)
            total[outcome.split(":")[0]] += 1
            if outcome.startswith(("crash", "hang")):
                bad.append(f"{outcome} ({last})")
        job.join()
        if job.exitcode:
            total["crash"] += 1
            bad.append(f"crash: the reader ended with {job.exitcode} at seed {last + 1}")
            last += 1
        at = last + 1
    seconds = time.perf_counter() - began
    print(
        f"{given.importer}: {sum(total.values()):,} files from {len(files)} in {seconds:.0f} s: "
        f"{', '.join(f'{n:,} {k}' for k, n in total.most_common())}; {total['crash']} crashes, "
        f"{total['hang']} hangs over {LIMIT_S:g} s, slowest {slowest * 1000:.0f} ms, {most} MB at most"
    )
    print("\n".join(bad[:20]), file=sys.stderr)
    return 1 if bad or most > LIMIT_MB else 0


if __name__ == "__main__":
    sys.exit(main())
