"""Tables as comma-separated text: read strictly, split once and for all."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Sequence

import numpy as np

from picozoo.data import _store
from picozoo.data._info import File, Info, Split
from picozoo.errors import BadFile

SEABORN = "https://raw.githubusercontent.com/mwaskom/seaborn-data/71e2436a092d714350de0fc409ca8a8714e7e78f/"
BROWNLEE = "https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f/"


def file(base: str, name: str, sha256: str, nbytes: int) -> File:
    """A file of a table, at a fixed commit of the repository that keeps it as comma-separated text."""
    return File(name, sha256, nbytes, (base + name,))


def rows(info: Info, name: str, columns: int, *, head: bool = False) -> list[list[str]]:
    """The rows of one file as words.

    Args:
        name: the file.
        columns: what every row must have.
        head: the first row names the columns and is left out.

    Raises:
        MissingTool: the file is not here.
        BadFile: not text, or a row of another length.
    """
    try:
        text = _store.read(info, name).decode("utf-8")
        found = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"{info.name}/{name} is not comma-separated text ({error}); fetch it again") from None
    for k, row in enumerate(found):
        if len(row) != columns:
            raise BadFile(f"{info.name}/{name}, line {k + 1}: expected {columns} columns, got {len(row)}")
    return found[1:] if head else found


def numbers(info: Info, found: Sequence[Sequence[str]]) -> np.ndarray:
    """Words that are all numbers, float32 (rows, columns).

    Raises:
        BadFile: a word that is no finite number.
    """
    try:
        made = np.array(found, np.float64)
    except ValueError as error:
        raise BadFile(f"data set {info.name}: a column of numbers holds something else ({error})") from None
    if not np.isfinite(made).all():
        raise BadFile(f"data set {info.name}: a column of numbers holds a value that is not finite")
    return made.astype(np.float32)


def classes(info: Info, words: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """Each word's place among the known ones, int64.

    Raises:
        BadFile: an unknown word.
    """
    place = {w: i for i, w in enumerate(known)}
    unknown = sorted({w for w in words if w not in place})
    if unknown:
        raise BadFile(f"data set {info.name}: expected one of {', '.join(known)}, got {unknown[0]!r}")
    return np.array([place[w] for w in words], np.int64)


def part(info: Info, x: np.ndarray, y: np.ndarray, split: str) -> Split:
    """One part of a table: every fifth row of a fixed random order is held out, class by class.

    Raises:
        BadFile: the table has not as many rows as it should.
    """
    if len(x) != sum(info.sizes.values()):
        raise BadFile(f"data set {info.name}: expected {sum(info.sizes.values())} rows, got {len(x)}; fetch it again")
    order = np.random.default_rng(zlib.crc32(info.name.encode())).permutation(len(x))
    order = order[np.argsort(y[order], kind="stable")]  # class by class, so that both parts have the same shares
    test = np.zeros(len(x), bool)
    test[order[::5]] = True
    pick = np.flatnonzero(test if split == "test" else ~test)
    return Split(x[pick].copy(), y[pick].copy())
