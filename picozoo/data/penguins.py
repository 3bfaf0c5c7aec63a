"""Penguins of the Palmer archipelago: bill, flipper and weight of three species."""

from __future__ import annotations

from picozoo.data import _tables
from picozoo.data._info import Info, Split, check_split

FEATURES = ("bill length, mm", "bill depth, mm", "flipper length, mm", "body mass, g")
INFO = Info(
    name="penguins",
    title="Palmer penguins: 342 birds of three species, four measures each",
    licence="CC0 1.0",
    home=("https://allisonhorst.github.io/palmerpenguins/", "https://doi.org/10.1371/journal.pone.0090081"),
    folder="tabular",
    files=(
        _tables.file(
            _tables.SEABORN, "penguins.csv", "e07636bd8af74260099ea2f8678e2eabbf35def579940cc76f67061ee16c06c1", 13478
        ),
    ),
    sizes={"train": 273, "test": 69},
    classes=("Adelie", "Chinstrap", "Gentoo"),
    note="Two birds without measures are left out; island and sex are not used.",
)


def load(split: str) -> Split:
    """The birds.

    Args:
        split: "train" (273) or "test" (69).

    Returns:
        x float32 (n, 4): bill length, bill depth and flipper length in mm, body mass in g; y int64 (n,), the species.

    Raises:
        UsageError: another split.
        MissingTool: the file is not here; says how to get it.
        BadFile: the file is something else.
    """
    check_split(INFO, split)
    rows = [r for r in _tables.rows(INFO, "penguins.csv", 7, head=True) if all(r[2:6])]
    y = _tables.classes(INFO, [r[0] for r in rows], INFO.classes)
    return _tables.part(INFO, _tables.numbers(INFO, [r[2:6] for r in rows]), y, split)
