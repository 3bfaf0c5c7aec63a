"""Tunes to look at and to hear: notes as ABC text, and a simple synthesiser of plucked strings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

Note = tuple[int, int]  # pitch as in MIDI (60 is middle C, 0 a pause), length in eighth notes
RATE = 8000  # samples per second
_LETTERS = ("C", "^C", "D", "^D", "E", "F", "^F", "G", "^G", "A", "^A", "B")
_DECAY_S = 0.35


def abc(notes: Sequence[Note], bar: int, title: str, upbeat: int = 0) -> str:
    """A melody in C as ABC text, four bars a line.

    Args:
        bar: eighth notes in a bar; a metre of `bar`/8.
        upbeat: eighth notes before the first bar line.

    Example:
        >>> print(abc([(67, 1), (72, 3), (71, 3)], 6, "A bar", upbeat=1))
        X:1
        T:A bar
        M:6/8
        L:1/8
        K:C
        G|c3 B3|]
    """
    bars, left, raised = [""], upbeat or bar, set[str]()
    for pitch, length in notes:
        while length:
            part = min(length, left)
            tie = "-" if length > part and pitch else ""
            group = " " if (bar - left) % 3 == 0 and left < bar else ""
            bars[-1] += group + _letter(pitch, raised) + (str(part) if part > 1 else "") + tie
            length, left = length - part, left - part
            if not left:
                bars.append("")
                left, raised = bar, set()
    bars = [b for b in bars if b]
    rows = [bars[: bool(upbeat)] + bars[bool(upbeat) :][:4]]
    rest = bars[4 + bool(upbeat) :]
    rows += [rest[k : k + 4] for k in range(0, len(rest), 4)]
    body = "|\n".join("|".join(row) for row in rows)
    return f"X:1\nT:{title}\nM:{bar}/8\nL:1/8\nK:C\n{body}|]"


def _letter(pitch: int, raised: set[str]) -> str:
    """A note's name; a natural is written where the bar has raised it before."""
    if pitch <= 0:
        return "z"
    octave, name = pitch // 12 - 5, _LETTERS[pitch % 12]
    plain = name.strip("^")
    key = plain + str(octave)
    sign = "^" if len(name) > 1 and key not in raised else "=" if len(name) == 1 and key in raised else ""
    (raised.add if len(name) > 1 else raised.discard)(key)
    high = plain.lower() + "'" * (octave - 1) if octave > 0 else plain + "," * -octave
    return sign + high


def sound(notes: Sequence[Note], eighth_s: float = 0.18) -> np.ndarray:
    """The melody on something like a plucked string: four harmonics, of which the higher ones fade sooner.

    Args:
        eighth_s: how long an eighth note lasts, seconds.

    Returns:
        Samples float64, -1 to 1, `RATE` a second, to three digits.

    Example:
        >>> sound([(69, 2)], 0.25).shape
        (6400,)
    """
    starts = np.cumsum([0, *(length for _, length in notes)]) * eighth_s
    out = np.zeros(int((starts[-1] + 0.3) * RATE))
    for (pitch, _), (begin, end) in zip(notes, pairwise(starts), strict=True):
        if pitch <= 0:
            continue
        first = int(begin * RATE)
        t = np.arange(min(int((end - begin + 0.3) * RATE), len(out) - first)) / RATE
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        fade = np.minimum(t / 0.005, 1) * np.clip((end - begin + 0.3 - t) / 0.3, 0, 1)  # no clicks
        wave = sum(np.sin(2 * np.pi * hertz * k * t) / k**1.5 * np.exp(-t * k / _DECAY_S) for k in range(1, 5))
        out[first : first + len(t)] += wave * fade
    return np.round(out / max(float(np.abs(out).max()), 1e-9) * 0.9, 3)
