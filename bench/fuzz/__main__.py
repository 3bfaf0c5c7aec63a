"""Fuzzing of what reads users' files; says how many were read, how long they took and how much memory.

    .venv/bin/python -m bench.fuzz KIND [FILES...] [--files 100000] [--seed 0] [--record]

KIND is npy, npz, onnx, pt2, pz, skops or tflite; FILES are files, folders of them or ONNX's archive of node tests. By
default: small files made here, and those of the mirror that PICOZOO_DATA names. Every file is read or refused with one
of picozoo's own errors, in one printable sentence. Anything else counts as a crash, and so does the reader's end; more
than two seconds of CPU time count as a hang, memory over 1 GB as a blow-up. Exits with 1 if there was any.

File k depends on k and on the originals only: `--seed 40000 --files 1` makes one of them again, and a run that was
interrupted goes on with `--seed`. `--record` adds a row to results/fuzz.jsonl, also when interrupted; `source` in it is
a digest of the code that reads files, since a commit has another name when it has landed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from picozoo.bench import rows

from . import watch

RESULTS = watch.ROOT / "results" / "fuzz.jsonl"
# below picozoo: what takes part in reading a file
READERS = ("errors.py", "specs.py", "_untrusted.py", "artefact.py", "frontend", "ir", "ops", "compress/samples.py")
STEP = 2_000  # files between two lines that say how far it is
MOST = 1 << 20  # bytes of an original; bigger ones are weights


def originals(kind: str, given: list[Path], folder: Path) -> dict[str, bytes]:
    """Name -> file, of those given or found and of those made here."""
    suffix = watch.module(kind).SUFFIX
    found = {}
    for path in given or _mirror(kind):
        if path.suffix == ".xz":
            with tarfile.open(path) as archive:
                archive.extractall(folder, filter="data")
            path = folder
        for file in sorted(path.rglob(f"*{suffix}")) if path.is_dir() else [path]:
            if file.stat().st_size <= MOST:
                found[str(file.relative_to(path) if path.is_dir() else file.name)] = file.read_bytes()
    return found if given else found | watch.module(kind).originals(folder)


def _mirror(kind: str) -> list[Path]:
    root = Path(os.environ.get("PICOZOO_DATA", "none")) / "models"
    archives = sorted(root.rglob(f"{kind}_node_tests/*.tar.xz"))
    return [root, *archives] if root.is_dir() else []


def source(root: Path) -> str:
    """Of the code in the checkout at `root` that reads files: sixteen hexadecimal digits."""
    digest = hashlib.sha256()
    for part in READERS:
        path = root / "picozoo" / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path] * path.is_file():
            digest.update(f"{file.relative_to(root).as_posix()}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def row(kind: str, tally: watch.Tally, first: int, count: int, at: tuple[str, str]) -> dict[str, Any]:
    """What results/fuzz.jsonl keeps of a run; `at`: the digest of the readers, and the date."""
    return {
        "importer": kind,
        "files": tally.files,
        "read": tally.outcomes["read"],
        "crashes": tally.outcomes["crash"],
        "hangs": tally.outcomes["hang"],
        "blow_ups": tally.outcomes["memory"],
        "slowest_ms": round(1000 * tally.slowest_s),
        "most_mb": tally.most_mb,
        "seeds": [first, first + tally.files],
        "originals": count,
        "source": at[0],
        "date": at[1],
    }


def main() -> int:
    """Run and report; 0 if nothing went wrong."""
    parser = argparse.ArgumentParser(prog="bench.fuzz", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("kind", choices=watch.KINDS)
    parser.add_argument("given", nargs="*", type=Path, metavar="FILES")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the files that went wrong")
    parser.add_argument("--record", action="store_true", help="add a row to results/fuzz.jsonl")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = originals(args.kind, args.given, Path(folder))
    if not found:
        print(f"no {args.kind} files: give files or folders, or set PICOZOO_DATA", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was done so far is reported
    tally, version = watch.Tally(), (source(watch.ROOT), rows.commit(watch.ROOT)[1])
    try:
        for at in range(args.seed, args.seed + args.files, STEP):
            watch.run(args.kind, found, range(at, min(at + STEP, args.seed + args.files)), tally)
            told = "".join(f"; {seed} {what[:100]}" for seed, what in tally.bad if seed >= at)
            print(f"{tally.files:,} files{told}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print(f"interrupted; go on with --seed {args.seed + tally.files}", file=sys.stderr)
    _report(args, tally, found, version)
    return 0 if tally.clean else 1


def _report(args: argparse.Namespace, tally: watch.Tally, found: dict[str, bytes], at: tuple[str, str]) -> None:
    listed = ", ".join(f"{n:,} {k}" for k, n in tally.outcomes.most_common())
    made = row(args.kind, tally, args.seed, len(found), at)
    print(
        f"{args.kind}: {made['files']:,} files from {len(found)}: {listed}; {made['crashes']} crashes, {made['hangs']} "
        f"hangs over {watch.LIMIT_S:g} s, {made['blow_ups']} blow-ups, slowest {made['slowest_ms']} ms of CPU time, "
        f"{made['most_mb']} MB at most"
    )
    for seed, what in tally.bad[:30]:
        name, data = watch.made(watch.module(args.kind), found, seed)
        print(f"{what} (seed {seed}, from {name})", file=sys.stderr)
        if args.keep:
            args.keep.mkdir(parents=True, exist_ok=True)
            (args.keep / f"{seed}{watch.module(args.kind).SUFFIX}").write_bytes(data)
    if args.record:
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(made, sort_keys=True) + "\n")


if __name__ == "__main__":
    sys.exit(main())
