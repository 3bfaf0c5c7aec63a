"""The Nottingham collection: British and American folk tunes, written down in ABC by the Nottingham Music Database."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from picozoo.data import _abc, _store
from picozoo.data._info import File, Info, Split, check_split
from picozoo.errors import BadFile

BASE = "https://raw.githubusercontent.com/jukedeck/nottingham-dataset/0992bb6cd864f6d4b90d6663e08c0ef53ffaa08f/"
METRES = ("4/4", "6/8", "3/4", "2/4", "9/8", "another")
LONGEST = 460  # notes of a tune that are kept
TICKS = 12  # of an eighth note: the unit of lengths and places
PAUSE, END = 0, -1  # as pitches
ARCHIVE = "nottingham_ABC_cleaned.tar.xz"
_FILES = (
    ("ashover.abc", "6586eea8dca53866b42721050d11fc1408bdb2cf31a902b41c5c13504139b164", 19647),
    ("hpps.abc", "6d035c6972ac0c204ba79d8128e2d71978ece2214a29ffceeb3e053e27f17db5", 25222),
    ("jigs.abc", "5bb6f621e443bde552540810e3ea53e53531fd22258736e338d795e7a5bdcaf5", 129665),
    ("morris.abc", "cbf60b212c87748dea226c76b72a15db5b4f606bb35a580763e9cd8f7294e7da", 12002),
    ("playford.abc", "070877bc37176e0dedbcd038268d6669399201cd7b58d88b4ab36127528f9c76", 5101),
    ("reelsa-c.abc", "f92ed0e66024e0a5bb7d21fe3172cd50c3fb4cb7f642b4ec7cd5aa8ad0396da8", 37613),
    ("reelsd-g.abc", "33f535569116ec8cfb530c112f4cdc3bfb7fc042c271e0317cf6458bad30dfae", 42433),
    ("reelsh-l.abc", "cb701d4ffe6839cb7a5655bc21785ecb71a72ab63d8560f7be3856f6aedaf7e5", 43044),
    ("reelsm-q.abc", "a99f2967cf47460bba70bae40cd355a220b537a87180131c6d9433750bc446a1", 38405),
    ("reelsr-t.abc", "f80a2c0f37a49b9b0c748e922924d59c40d82758abc5b0f7fc9245d7fd563be0", 46838),
    ("reelsu-z.abc", "d104d7d1bb83eb1ca18f6b944dc22cf9f7bfe5f955d07cd573615985f69c2c1f", 17203),
    ("slip.abc", "da686b3a0de20aab38e64f8c8ec57edace980bab6450a6c388d79a2866e5b16a", 3838),
    ("waltzes.abc", "ffa773d012756be17784ab4a84e0e4618f316be5c6f244f9d60c06b23cd812c6", 21490),
    ("xmas.abc", "05ebc4b856c8c5186bb828641e8f88f723c109d47ba7e3f1e5048b536e091249", 3519),
)
INFO = Info(
    name="nottingham",
    title="Nottingham Music Database: 948 folk tunes, their melodies in C major or A minor",
    licence="GPL-3.0 (the cleaned collection); the tunes are traditional or by the authors their files name",
    home=("https://github.com/jukedeck/nottingham-dataset", "https://ifdo.ca/~seymour/nottingham/nottingham.html"),
    folder="music",
    files=tuple(File(name, sha256, nbytes, (BASE + "ABC_cleaned/" + name,)) for name, sha256, nbytes in _FILES),
    packed=ARCHIVE,
    sizes={"train": 853, "test": 95},
    classes=METRES,
    note=(
        "Melodies only: chords, ornaments and repeats are left out, and so are tunes that change key or metre, and "
        "those in other modes. Each melody once, in a fixed random order; every tenth is held out."
    ),
)


def load(split: str) -> Split:
    """The melodies.

    Args:
        split: "train" (853) or "test" (95).

    Returns:
        x int16 (n, 460, 3): pitch, length and place in its bar of each note. Pitches as in MIDI (60 is middle C), moved
        so that the key note is a C, or an A in minor keys; 0 is a pause, -1 follows the last note. Lengths and places
        in twelfths of an eighth note. y int64 (n,): the metre.

    Raises:
        UsageError: another split.
        MissingTool: a file is not here; says how to get it.
        BadFile: the files are something else.
    """
    check_split(INFO, split)
    rows, metres = _melodies(_store.folder(INFO))
    order = np.random.default_rng(1906).permutation(len(rows))
    test = np.arange(len(rows)) % 10 == 0
    pick = order[test if split == "test" else ~test]
    return Split(rows[pick], metres[pick])


@cache
def _melodies(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """All of them, read once a folder."""
    found: dict[bytes, tuple[np.ndarray, int]] = {}
    for text in _store.read_all(INFO, [f.name for f in INFO.files]):
        for tune in _abc.tunes(text.decode("ascii", "replace")):
            if len(tune.notes) < LONGEST:
                row = coded(tune)
                found.setdefault(row.tobytes(), (row, METRES.index(tune.metre if tune.metre in METRES else "another")))
    if len(found) != sum(INFO.sizes.values()):
        raise BadFile(f"nottingham: expected {sum(INFO.sizes.values())} melodies, got {len(found)}; fetch it again")
    rows, metres = zip(*found.values(), strict=True)
    return np.stack(rows), np.array(metres, np.int64)


def coded(tune: _abc.Tune) -> np.ndarray:
    """A tune as numbers, int16 (460, 3); see `load`."""
    letter, sign = tune.tonic[0], tune.tonic[1:]
    tonic = _abc.SEMITONES[letter] + {"#": 1, "b": -1}.get(sign, 0)
    shift = (9 if tune.minor else 0) - tonic
    row = np.full((LONGEST, 3), END, np.int16)
    for k, (pitch, length, place) in enumerate(tune.notes):
        row[k] = PAUSE if pitch == _abc.REST else pitch + 48 + shift, round(length * TICKS), round(place * TICKS)
    return row
