"""Mutated files of every kind that users give: a short form of `python -m bench.fuzz`, which reads 100,000 of each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.fuzz import watch
from picozoo.errors import BadFile, printable

FILES = {"npy": 1000, "npz": 500, "onnx": 1500, "pt2": 100, "pz": 1500, "skops": 300, "tflite": 500}
NEEDS = {"onnx": "onnx", "pt2": "torch", "skops": "skops"}


def test_every_kind_is_here() -> None:
    assert set(FILES) == set(watch.KINDS)


def onnx() -> dict[str, bytes]:
    """The test's own network, and those of the mirror."""
    from .test_onnx_files import sample

    return {"sample": sample()} | mirror("*.onnx")


def tflite() -> dict[str, bytes]:
    """Every operator that is tested, and those of the mirror."""
    from .test_tflite_files import sample
    from .tflite_samples import samples

    return {"sample": sample()} | samples() | mirror("*.tflite")


def mirror(pattern: str) -> dict[str, bytes]:
    """Small files below PICOZOO_DATA."""
    root = Path(os.environ.get("PICOZOO_DATA", "none")) / "models"
    return {str(f): f.read_bytes() for f in sorted(root.rglob(pattern)) if f.stat().st_size < 1 << 17}


OWN: dict[str, Callable[[], dict[str, bytes]]] = {"onnx": onnx, "tflite": tflite}


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(FILES))
def test_mutated_files(kind: str, tmp_path: Path) -> None:
    """Each is read or refused in one printable sentence, within two seconds of CPU time and one GB; nothing else."""
    pytest.importorskip(NEEDS.get(kind, "numpy"))
    originals = OWN[kind]() if kind in OWN else watch.module(kind).originals(tmp_path)
    tally = watch.run(kind, originals, range(FILES[kind]))
    assert tally.clean, (tally.bad, tally.most_mb)
    assert tally.files == FILES[kind]
    assert tally.outcomes["read"] > FILES[kind] // 50, "mutations should leave some files readable"
    assert len(tally.outcomes) > 1


@pytest.mark.slow
def test_same_seed_same_file(tmp_path: Path) -> None:
    """So that a file can be made again from its number, whatever was made before it."""
    made = [watch.made(watch.module("pz"), watch.module("pz").originals(tmp_path), 5) for _ in range(2)]
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("what", "bad"),
    [
        ("raise KeyError", "crash"),
        ("raise BadFile('x') from MemoryError('of 9 GB')", "memory"),
        ("while True: pass", "hang"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "crash"),
    ],
)
def test_what_is_wrong_is_seen(what: str, bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the importer catches everything, or the process ends."""
    from picozoo import errors, network

    def load(path: Path) -> None:
        if path.read_bytes() != b"sound":
            exec(what, {"BadFile": errors.BadFile})

    monkeypatch.setattr(network, "load", load)
    monkeypatch.setattr(watch, "LIMIT_S", 0.05)
    monkeypatch.setattr(watch.module("pz"), "mutate", lambda data, dice: data if dice.random() < 0.5 else b"bad")
    tally = watch.run("pz", {"one": b"sound"}, range(12))
    assert tally.files == 12
    assert set(tally.outcomes) == {"read", bad}
    assert len(tally.bad) == tally.outcomes[bad]


def test_printable() -> None:
    assert printable("a\n\nb \x1b[31m\x00\ud800é") == "a b \\x1b[31m\\x00\\ud800é"
    assert len(printable("x" * 10**6)) < 3000
    assert str(BadFile("a\x1b[31mb\n" + "c" * 5000)).startswith("a\\x1b[31mb c")
    assert len(str(BadFile("c" * 5000))) < 3000
