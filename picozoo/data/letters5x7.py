"""The 26 capital letters as 5x7 dot patterns of our own, and damaged copies of them: no files."""

from __future__ import annotations

import numpy as np

from picozoo.data._info import Info, Split, check_split

DAMAGE = 0.1
COPIES = 10
INFO = Info(
    name="letters5x7",
    title="26 capital letters in 5x7 dots, drawn for picozoo",
    licence="MIT (part of picozoo)",
    home=("part of picozoo itself",),
    sizes={"train": 26, "test": 26 * COPIES},
    classes=tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    note=f"'train' holds the letters; 'test' {COPIES} copies of each with {DAMAGE:.0%} of the dots flipped (seeded).",
)

# One letter = seven rows of five dots, written as five bits each, top row first.
_ROWS = {
    "A": "00100 01010 10001 10001 11111 10001 10001",
    "B": "11110 10001 10001 11110 10001 10001 11110",
    "C": "01111 10000 10000 10000 10000 10000 01111",
    "D": "11100 10010 10001 10001 10001 10010 11100",
    "E": "11111 10000 10000 11100 10000 10000 11111",
    "F": "11111 10000 10000 11110 10000 10000 10000",
    "G": "01111 10000 10000 10011 10001 10001 01111",
    "H": "10001 10001 10001 11111 10001 10001 10001",
    "I": "11111 00100 00100 00100 00100 00100 11111",
    "J": "00111 00010 00010 00010 00010 10010 01100",
    "K": "10001 10010 10100 11000 10100 10010 10001",
    "L": "10000 10000 10000 10000 10000 10000 11111",
    "M": "10001 11011 10101 10101 10001 10001 10001",
    "N": "10001 11001 11001 10101 10011 10011 10001",
    "O": "01110 10001 10001 10001 10001 10001 01110",
    "P": "11110 10001 10001 11110 10000 10000 10000",
    "Q": "01110 10001 10001 10001 10101 10010 01101",
    "R": "11110 10001 10001 11110 10100 10010 10001",
    "S": "01111 10000 10000 01110 00001 00001 11110",
    "T": "11111 00100 00100 00100 00100 00100 00100",
    "U": "10001 10001 10001 10001 10001 10001 01110",
    "V": "10001 10001 10001 10001 01010 01010 00100",
    "W": "10001 10001 10001 10101 10101 11011 10001",
    "X": "10001 10001 01010 00100 01010 10001 10001",
    "Y": "10001 10001 01010 00100 00100 00100 00100",
    "Z": "11111 00001 00010 00100 01000 10000 11111",
}


def load(split: str) -> Split:
    """The letters, or damaged copies.

    Args:
        split: "train" (26 letters) or "test" (260 damaged copies, always the same).

    Returns:
        x uint8 (n, 7, 5), 1 where there is ink; y int64 (n,), 0 for A to 25 for Z.

    Raises:
        UsageError: another split.
    """
    check_split(INFO, split)
    clean = np.array([[[int(dot) for dot in row] for row in rows.split()] for rows in _ROWS.values()], np.uint8)
    labels = np.arange(26, dtype=np.int64)
    if split == "train":
        return Split(clean, labels)
    flips = np.random.default_rng(57).random((26 * COPIES, 7, 5)) < DAMAGE
    return Split(np.repeat(clean, COPIES, axis=0) ^ flips, np.repeat(labels, COPIES))
