"""First names of people, lower case: a short text to learn spelling from."""

from __future__ import annotations

import numpy as np

from picozoo.data import _store
from picozoo.data._info import File, Info, Split, check_split
from picozoo.errors import BadFile

FILE = "names.txt"
LONGEST = 15
ALPHABET = ".abcdefghijklmnopqrstuvwxyz"  # letter number -> letter; 0 stands before and behind a name
INFO = Info(
    name="first_names",
    title="29,494 different first names in lower case, a to z",
    licence="MIT (the list in makemore; the names are from the US Social Security Administration, public domain)",
    home=("https://github.com/karpathy/makemore", "https://www.ssa.gov/oact/babynames/"),
    folder="text",
    files=(
        File(
            FILE,
            "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
            228145,
            ("https://raw.githubusercontent.com/karpathy/makemore/988aa59e4d8fefa526d06f3b453ad116258398d4/names.txt",),
        ),
    ),
    sizes={"train": 26544, "test": 2950},
    classes=("name",),
    note="Each name once, in a fixed random order; every tenth is held out. There are no labels: y is 0.",
)


def load(split: str) -> Split:
    """The names.

    Args:
        split: "train" (26,544) or "test" (2,950).

    Returns:
        x int8 (n, 16): letters 1 for a to 26 for z, then zeros, at least one; y int64 (n,), all 0.

    Raises:
        UsageError: another split.
        MissingTool: the file is not here; says how to get it.
        BadFile: the file is something else.
    """
    check_split(INFO, split)
    found = sorted(set(_store.read(INFO, FILE).decode("ascii", "replace").split()))
    if len(found) != sum(INFO.sizes.values()):
        raise BadFile(f"{FILE}: expected {sum(INFO.sizes.values())} different names, got {len(found)}; fetch it again")
    x = np.stack([code(name) for name in found])
    order = np.random.default_rng(1913).permutation(len(x))
    test = np.arange(len(x)) % 10 == 0
    x = x[order[test if split == "test" else ~test]]
    return Split(x, np.zeros(len(x), np.int64))


def code(name: str) -> np.ndarray:
    """A name as numbers, int8 (16,).

    Raises:
        BadFile: longer than 15 letters, or something other than a to z in it.

    Example:
        >>> code("abe").tolist()[:5]
        [1, 2, 5, 0, 0]
    """
    if not 0 < len(name) <= LONGEST or any(c not in ALPHABET[1:] for c in name):
        raise BadFile(f"{FILE}: a name has 1 to {LONGEST} letters from a to z, got {name[:40]!r}; fetch it again")
    made = np.zeros(LONGEST + 1, np.int8)
    made[: len(name)] = [ALPHABET.index(c) for c in name]
    return made


def word(row: np.ndarray) -> str:
    """Back from `code`.

    Example:
        >>> word(code("abe"))
        'abe'
    """
    return "".join(ALPHABET[c] for c in row[row > 0])
