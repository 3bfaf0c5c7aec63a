"""Reading tunes in ABC notation: the notes of the melody, without chords, ornaments and repeats.

Source: C. Walshaw, The ABC music standard 2.1, 2011; the parts of it that the Nottingham collection uses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
FIFTHS = {
    "Db": -5, "Ab": -4, "Eb": -3, "Bb": -2, "F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5, "F#": 6, "C#": 7,
    "G#": 8, "D#": 9,
}  # fmt: skip
SHARPS, FLATS = "FCGDAEB", "BEADGCF"
REST = -1  # the pitch of a pause
_TOKEN = re.compile(
    r"(?P<field>\[[A-Za-z]:[^\]]*\])|(?P<bar>[|:\]]+|\[\d|\[\|)|(?P<tuplet>\(\d)|(?P<chord>\[[^\]]*\])|"
    r"(?P<note>[\^_=]*[A-Ga-gz][,']*)(?P<length>\d*/*\d*)(?P<dots>[<>]*)(?P<tie>-?)"
)
_NOTE = re.compile(r"([\^_=]*)([A-Ga-gz])([,']*)(\d*/*\d*)")


@dataclass
class Tune:
    """One tune.

    Args:
        title: from its T: line.
        metre: such as "6/8"; that of the first note.
        tonic: name of the key note, such as "Bb".
        minor: the key is a minor one.
        notes: (semitones above the C below middle C, or -1 for a pause; length; start in its bar), lengths and places
            in eighths of a whole note (quavers).
    """

    title: str = ""
    metre: str = "4/4"
    tonic: str = "C"
    minor: bool = False
    notes: list[tuple[int, Fraction, Fraction]] = field(default_factory=list)


def tunes(text: str) -> list[Tune]:
    """All tunes of a file that change neither metre nor key once the melody has begun."""
    found = []
    for part in re.split(r"(?m)^X:", text)[1:]:
        try:
            made = _tune(part)
        except (ValueError, KeyError):  # a key or a length that is none
            continue
        if made is not None and made.notes:
            found.append(made)
    return found


def _tune(text: str) -> Tune | None:
    """None if it changes metre or key on its way."""
    tune, unit, body = Tune(), Fraction(0), ""
    for line in text.split("\n")[1:]:
        line = line.split("%")[0]
        kind, value = (line[0], line[2:].strip()) if re.match(r"[A-Za-z]:", line) else ("", "")
        if not kind:
            body += line.rstrip("\\") + " "
        elif kind in "MKL" and body.strip():
            return None
        elif kind == "T" and not tune.title:
            tune.title = value
        elif kind == "M":
            tune.metre = {"C": "4/4", "C|": "2/2"}.get(value, value)
        elif kind == "L":
            unit = Fraction(value)
        elif kind == "K":
            tune.tonic, tune.minor = _key(value)
    bar = Fraction(tune.metre) * 8
    _melody(tune, re.sub(r'"[^"]*"|![^!]*!|\{[^}]*\}|\+[^+]*\+', "", body), unit * 8 or Fraction(1), bar)
    return tune


def _key(text: str) -> tuple[str, bool]:
    """Tonic and whether the key is minor, from "G", "Bb", "F#m". Raises ValueError for other modes."""
    found = re.fullmatch(r"([A-G][#b]?)(m|min|maj)?", text.replace(" ", ""))
    if found is None:
        raise ValueError(text)
    return found[1], found[2] in ("m", "min")


def signature(tonic: str, minor: bool) -> dict[str, int]:
    """Letters that the key raises (1) or lowers (-1).

    Example:
        >>> signature("D", False)
        {'F': 1, 'C': 1}
    """
    fifths = FIFTHS[tonic] - (3 if minor else 0)
    return dict.fromkeys(SHARPS[:fifths], 1) if fifths >= 0 else dict.fromkeys(FLATS[:-fifths], -1)


def _melody(tune: Tune, body: str, unit: Fraction, bar: Fraction) -> None:
    """Append the notes; the first bar may be short (an upbeat)."""
    key = signature(tune.tonic, tune.minor)
    here, raised, left, factor, swing, bound = Fraction(0), dict[str, int](), 0, Fraction(1), Fraction(1), False
    bars: list[list[tuple[int, Fraction, Fraction, bool]]] = [[]]
    for t in _TOKEN.finditer(body):
        if t["bar"] is not None:
            if bars[-1]:
                bars.append([])
            here, raised = Fraction(0), {}
            continue
        if t["tuplet"] is not None:
            left = int(t["tuplet"][1:])
            factor = {2: Fraction(3, 2), 3: Fraction(2, 3), 4: Fraction(3, 4)}.get(left, Fraction(1))
            continue
        if t["field"] is not None or (t["chord"] is None and t["note"] is None):
            continue
        heads = _NOTE.findall(t["chord"][1:-1] if t["chord"] else t["note"] + t["length"])
        if not heads:
            continue
        pitch = max(_pitch(a, letter, octave, key, raised) for a, letter, octave, _ in heads)
        length = _length(heads[0][3]) * unit * swing * (factor if left else 1)
        left, swing = max(left - 1, 0), Fraction(1)
        if t["dots"]:
            length, swing = (length * 3 / 2, Fraction(1, 2)) if t["dots"][0] == ">" else (length / 2, Fraction(3, 2))
        bars[-1].append((pitch, length, here, bound and pitch >= 0))
        here, bound = here + length, bool(t["tie"])
    for k, notes in enumerate(bars):
        short = bar - sum((n[1] for n in notes), Fraction(0)) if k == 0 else Fraction(0)
        for pitch, length, at, tied in notes:
            last = tune.notes[-1] if tune.notes else None
            if tied and last is not None and last[0] == pitch:
                tune.notes[-1] = (pitch, last[1] + length, last[2])
            else:
                tune.notes.append((pitch, length, (at + max(short, Fraction(0))) % bar))


def _pitch(accidental: str, letter: str, octave: str, key: dict[str, int], raised: dict[str, int]) -> int:
    """Semitones above the C below middle C; an accidental holds to the end of its bar."""
    if letter == "z":
        return REST
    name = letter.upper() + ("'" if letter.islower() else "") + octave
    if accidental:
        raised[name] = accidental.count("^") - accidental.count("_")
    shift = raised.get(name, key.get(letter.upper(), 0))
    height = 12 + 12 * letter.islower() + 12 * octave.count("'") - 12 * octave.count(",")
    return SEMITONES[letter.upper()] + height + shift


def _length(text: str) -> Fraction:
    """The length behind a note: "" is 1, "3/2", "/" is 1/2, "//" 1/4.

    Example:
        >>> [str(_length(t)) for t in ("", "3", "/", "/4", "3/2", "//")]
        ['1', '3', '1/2', '1/4', '3/2', '1/4']
    """
    above, slash, below = text.partition("/")
    halves = below.count("/") + bool(slash)
    below = below.strip("/")
    return Fraction(int(above or 1), int(below) if below else 2**halves)
