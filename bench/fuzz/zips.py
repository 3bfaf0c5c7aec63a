"""Zip files whose members are changed and packed again, so that checksums and tables are right."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable

import numpy as np

from .plain import damaged
from .trees import TEXTS

Members = list[tuple[str, bytes]]
Change = Callable[[str, bytes, random.Random], bytes]
NUMBERS = (0, 1, -1, 2, 3, 100, 2**31 - 1, -(2**31), 2**62, 0.5, -2.0, 1e38, 1e300, float("nan"), float("inf"))


def members(data: bytes) -> Members:
    """Names and contents, in the file's order."""
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        return [(item.filename, z.read(item)) for item in z.infolist()]


def packed(parts: Members, dice: random.Random) -> bytes:
    """A zip file of them; some are compressed, as hostile ones would be."""
    out = io.BytesIO()
    how = zipfile.ZIP_DEFLATED if dice.random() < 0.05 else zipfile.ZIP_STORED
    with zipfile.ZipFile(out, "w", how) as z:
        for name, part in parts:
            z.writestr(zipfile.ZipInfo(name.encode(errors="replace").decode() or "x"), part, how)
    return out.getvalue()


def mutate(data: bytes, dice: random.Random, change: Change) -> bytes:
    """A file with one or two members changed by what knows them, by bytes, or with members lost, renamed, exchanged.

    Args:
        change: from a member's name and content to other content.
    """
    if dice.random() < 0.1:
        return damaged(data, dice)  # of the container
    parts = members(data)
    for _ in range(dice.choice((1, 1, 1, 2))):
        at = _chosen(parts, dice)
        name, part = parts[at]
        how = dice.random()
        if how < 0.4:
            parts[at] = (name, damaged(part, dice))
        elif how < 0.92:
            parts[at] = (name, _known(name, part, dice, change))
        else:
            _whole(parts, at, dice)
    return packed(parts, dice)


def _chosen(parts: Members, dice: random.Random) -> int:
    """One member; mostly one that says what the others are."""
    telling = [k for k, (name, _) in enumerate(parts) if name.endswith(".json")]
    return dice.choice(telling) if telling and dice.random() < 0.75 else dice.randrange(len(parts))


def _known(name: str, part: bytes, dice: random.Random, change: Change) -> bytes:
    """Changed by what knows it; by bytes if that finds it damaged already, or makes what no file can hold."""
    try:
        return change(name, part, dice)
    except Exception:  # NumPy and json raise many kinds
        return damaged(part, dice)


def _whole(parts: Members, at: int, dice: random.Random) -> None:
    """One member lost, renamed, there twice, with the content of another, or blown up."""
    (name, part), (other, its) = parts[at], dice.choice(parts)
    how = dice.randrange(5)
    if how == 0 and len(parts) > 1:
        del parts[at]
    elif how == 1:
        folder = name.rpartition("/")[0]
        parts[at] = (dice.choice((other, f"{folder}/{dice.choice(TEXTS)}", dice.choice(TEXTS))), part)
    elif how == 2:
        parts.append((name, its))
    elif how == 3:
        parts[at] = (name, its)
    else:
        parts[at] = (name, part + bytes(dice.choice((1, 100, 10**6))))


def array(data: bytes, dice: random.Random) -> bytes:
    """A `.npy` file with other numbers, another shape or another type, sound in itself; or with a header that lies."""
    a = np.load(io.BytesIO(data), allow_pickle=False)
    how = dice.random()
    if how < 0.45 and a.size:
        a = _numbers(a.copy(), dice)
    elif how < 0.6:
        a = dice.choice((a.reshape(-1), a.reshape(-1)[:0], a[..., None], a[: len(a) // 2] if a.ndim else a, a.T))
    elif how < 0.75 and not a.dtype.names:
        with np.errstate(all="ignore"):
            a = a.astype(dice.choice("?bBhHiIqQefdFDSU"))
    else:
        return _header(data, dice)
    out = io.BytesIO()
    np.save(out, a, allow_pickle=False)
    return out.getvalue()


def _numbers(a: np.ndarray, dice: random.Random) -> np.ndarray:
    """A few elements, of one field where there are several, become odd."""
    part = a[dice.choice(a.dtype.names)] if a.dtype.names else a
    if part.dtype.kind not in "biufc" or not part.flags.writeable:
        return a
    for _ in range(dice.choice((1, 1, 3, 30))):
        where = np.unravel_index(dice.randrange(part.size), part.shape)
        value = np.array([dice.choice((*NUMBERS, dice.randrange(20), part.size))])
        with np.errstate(all="ignore"):
            part[where] = value.astype(part.dtype)[0]
    return a


def _header(data: bytes, dice: random.Random) -> bytes:
    """The text at the head, of the same length, with a number or a type replaced."""
    size = 10 + int.from_bytes(data[8:10], "little")
    head, rest = bytearray(data[10:size].rstrip()), data[size:]
    digits = [k for k, c in enumerate(head) if chr(c).isdigit()]
    at = dice.choice(digits) if digits and dice.random() < 0.7 else dice.randrange(max(1, len(head)))
    head[at : at + 1] = dice.choice((b"-1", b"0", b"9" * 9, b"9" * 30, b"O", b"True", b"(", b"'", b"1,2", b"\xff"))
    return data[:8] + len(head).to_bytes(2, "little") + bytes(head) + rest
