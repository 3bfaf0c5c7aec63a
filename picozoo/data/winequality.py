"""Portuguese wines, red and white: eleven laboratory figures and the marks of tasters."""

from __future__ import annotations

from picozoo.data import _tables
from picozoo.data._info import Info, Split, check_split

FEATURES = (
    "fixed acidity", "volatile acidity", "citric acid", "residual sugar", "chlorides", "free sulfur dioxide",
    "total sulfur dioxide", "density", "pH", "sulphates", "alcohol",
)  # fmt: skip
_FILES = (
    ("winequality-red.csv", "c9614512e980f1cbd221c796daa97f00c4898c3cd1716863abac60f6cd1a522e", 84028),
    ("winequality-white.csv", "659d419fff887f225bf977d20520bb64a64cae203e460087f809721d4430ba27", 264255),
)
INFO = Info(
    name="winequality",
    title="Wine quality: 5,318 vinhos verdes, eleven laboratory figures each and the tasters' mark",
    licence="CC BY 4.0 (UCI Machine Learning Repository)",
    home=("https://archive.ics.uci.edu/dataset/186/wine+quality", "https://doi.org/10.1016/j.dss.2009.05.016"),
    folder="tabular",
    files=tuple(_tables.file(_tables.BROWNLEE, *f) for f in _FILES),
    sizes={"train": 4254, "test": 1064},
    classes=("red", "white"),
    note="The label is the colour; x has the mark (0 to 10) as its last column. Rows that repeat another are left out.",
)


def load(split: str) -> Split:
    """The wines.

    Args:
        split: "train" (4,254) or "test" (1,064).

    Returns:
        x float32 (n, 12): the eleven `FEATURES` in the units of the paper, then the median mark of at least three
        tasters, 3 to 9; y int64 (n,), 0 for red and 1 for white.

    Raises:
        UsageError: another split.
        MissingTool: a file is not here; says how to get it.
        BadFile: a file is something else.
    """
    check_split(INFO, split)
    rows: dict[tuple[str, ...], int] = {}
    for colour, (name, _, _) in enumerate(_FILES):
        for r in _tables.rows(INFO, name, 12):
            rows.setdefault(tuple(r), colour)
    x = _tables.numbers(INFO, list(rows))
    return _tables.part(INFO, x, _tables.classes(INFO, [str(c) for c in rows.values()], ("0", "1")), split)
