"""Bytes changed without knowing what they mean."""

from __future__ import annotations

import random
import struct

ODD = (0, 1, 2, 4, 127, 128, 255, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1)
END = 16384  # bytes at the end of a file where tables often lie


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Bytes changed, numbers replaced, pieces cut out, copied, repeated or cut off."""
    wrong = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        if not wrong:
            break
        _once(wrong, dice)
    return bytes(wrong)


def _once(wrong: bytearray, dice: random.Random) -> None:
    # most of a model is weights; what can go wrong lies in the tables round them
    at = dice.randrange(max(1, len(wrong) - 4))
    if dice.random() < 0.7:
        at = dice.choice((at % 4096, max(0, len(wrong) - 1 - at % END)))
    how = dice.random()
    if how < 0.35:
        wrong[at] = dice.randrange(256)
    elif how < 0.45:
        wrong[at] ^= 1 << dice.randrange(8)
    elif how < 0.65:
        value = dice.choice((dice.choice(ODD), dice.randrange(2**32), at, len(wrong)))
        wrong[at : at + 4] = struct.pack("<I", value % 2**32)
    elif how < 0.7:
        wrong[at : at + 5] = b"\xff\xff\xff\xff\x07"  # a length as protobuf writes it
    elif how < 0.8:
        other = dice.randrange(max(1, len(wrong) - 64))
        wrong[at : at + 64] = wrong[other : other + 64]
    elif how < 0.85:
        wrong[at:at] = wrong[at : at + dice.choice((1, 4, 40))]
    elif how < 0.93:
        del wrong[at : at + dice.choice((1, 4, 64))]
    else:
        del wrong[dice.randrange(len(wrong)) :]
