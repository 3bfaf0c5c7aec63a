"""Banknotes: four figures of a wavelet-transformed photograph tell genuine notes from forged ones."""

from __future__ import annotations

from picozoo.data import _tables
from picozoo.data._info import Info, Split, check_split

FEATURES = ("variance", "skewness", "curtosis", "entropy")
INFO = Info(
    name="banknote",
    title="Banknote authentication: 1,348 photographed notes, four wavelet figures each",
    licence="CC BY 4.0 (UCI Machine Learning Repository)",
    home=("https://archive.ics.uci.edu/dataset/267/banknote+authentication",),
    folder="tabular",
    files=(
        _tables.file(
            _tables.BROWNLEE,
            "banknote_authentication.csv",
            "d0539aaed2139ba7a587b3e34fb345ce503ff7d5d33dbf9912d8e195ce425cb9",
            46400,
        ),
    ),
    sizes={"train": 1078, "test": 270},
    classes=("genuine", "forged"),
    note="24 rows that repeat another row are left out, so that no test row is in the training part.",
)


def load(split: str) -> Split:
    """The notes.

    Args:
        split: "train" (1,078) or "test" (270).

    Returns:
        x float32 (n, 4): variance, skewness, curtosis and entropy of the wavelet image; y int64 (n,), 1 for forged.

    Raises:
        UsageError: another split.
        MissingTool: the file is not here; says how to get it.
        BadFile: the file is something else.
    """
    check_split(INFO, split)
    rows = list(dict.fromkeys(map(tuple, _tables.rows(INFO, INFO.files[0].name, 5))))
    y = _tables.classes(INFO, [r[4] for r in rows], ("0", "1"))
    return _tables.part(INFO, _tables.numbers(INFO, [r[:4] for r in rows]), y, split)
