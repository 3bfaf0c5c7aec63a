"""Quantises a program once for all its boards: ranges depend on the program and the calibration data, on no target."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np

from picozoo.compress.quantise import quantise
from picozoo.ir.program import Program
from picozoo.ir.text import print_program
from picozoo.specs import Calibration

KEEP = 4  # programs that are remembered; those of one network on its boards follow each other
_made: OrderedDict[str, Program] = OrderedDict()
_lock = Lock()  # boards are compiled in threads: the second one waits for what the first is making


def quantised(
    program: Program, calibration: Calibration, method: str, keep_float: Sequence[str], int16: Sequence[str]
) -> Program:
    """What `quantise` gives; the same again for an equal program, equal data and equal options.

    Args:
        program: float, after the float passes.

    Example:
        >>> from picozoo.network import load
        >>> net = load("svm")
        >>> a, b = (quantised(load("svm").program, net.calibration, "mse", (), ()) for _ in range(2))
        >>> a is b, a.constants.keys() == b.constants.keys()
        (False, True)
    """
    key = _key(program, calibration, f"{method} {tuple(keep_float)} {tuple(int16)}")
    with _lock:
        if key not in _made:
            calls = calibration.calls()
            _made[key] = quantise(program, calls, method=method, keep_float=tuple(keep_float), int16=tuple(int16))
            while len(_made) > KEEP:
                _made.popitem(last=False)
        _made.move_to_end(key)
        return _made[key].copy()


def forget() -> None:
    """Let everything be quantised anew; for tests that compare two runs."""
    with _lock:
        _made.clear()


def _key(program: Program, c: Calibration, options: str) -> str:
    """Of everything that the result depends on, where nodes come from included: reports name it."""
    places = [n.source for f in program.functions.values() for n in f.nodes]
    digest = hashlib.sha256(f"{print_program(program)}\n{program.meta}\n{places}\n{options}\n".encode())
    for call in c.calls():
        digest.update(repr(None if call is None else call[0]).encode())
        for a in call[1] if call is not None else ():
            _add(digest, a)
    for a in (*program.constants.values(), *program.states.values()):
        _add(digest, a)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, a: np.ndarray) -> None:
    digest.update(f"{a.dtype}{a.shape}".encode() + np.ascontiguousarray(a).tobytes())


__all__ = ["forget", "quantised"]
