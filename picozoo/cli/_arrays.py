"""Inputs and outputs of one call as files: .npy, or raw little-endian bytes of the compiled program's own types."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from picozoo import _untrusted
from picozoo.artefact import write_atomically
from picozoo.compiler import from_slot, to_slot
from picozoo.emit.c_model import Slot
from picozoo.errors import BadFile, UsageError
from picozoo.find import unknown

MOST_BYTES = 1 << 30


def read(given: Sequence[str], slots: Sequence[Slot], meta: Mapping[str, str] | None = None) -> list[np.ndarray]:
    """The inputs of a function, in its order and types.

    Args:
        given: "FILE" or "NAME=FILE" each. One raw file without a name holds all inputs, one behind the other.
        slots: what the function takes.
        meta: the program's; where it says how an input is normalised, .npy files of uint8 (pixels) are, and it is told.

    Raises:
        UsageError: wrong number, name, shape or type; says what is expected.
        BadFile: a file that cannot be read as what it should be.
    """
    files = _assign(given, slots)
    if len(files) == 1 and len(slots) > 1 and "" in files:
        return _split(files[""], slots)
    steps = json.loads((meta or {}).get("preprocessing", "[]"))
    known = dict(zip((s.name for s in slots), steps, strict=True)) if len(steps) == len(slots) else {}
    return [_one(files[s.name], s, known.get(s.name)) for s in slots]


def _assign(given: Sequence[str], slots: Sequence[Slot]) -> dict[str, Path]:
    """Which file is for which input."""
    names = [s.name for s in slots]
    listing = ", ".join(f"{s.name} {s.type.dtype}{list(s.type.shape)}" for s in slots)
    found: dict[str, Path] = {}
    for k, text in enumerate(given):
        name, separator, file = text.partition("=")
        if not separator or Path(text).is_file():
            name, file = (names[k] if k < len(names) and (len(given) == len(names)) else ""), text
        elif name not in names:
            raise UsageError(f"{unknown('input', name, names)} The inputs are: {listing}")
        if name in found:
            raise UsageError(f"--input is given twice for {name or 'the whole call'}; the inputs are: {listing}")
        found[name] = Path(file)
    if set(found) != set(names) and not (list(found) == [""] and len(names) > 1):
        raise UsageError(f"--input: the function takes {len(names)} inputs ({listing}), got {len(given)} files")
    return found


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > MOST_BYTES:
        raise BadFile(f"{path}: {path.stat().st_size} bytes is larger than the limit of {MOST_BYTES}")
    return path.read_bytes()


def _normalised(array: np.ndarray, slot: Slot, step: Mapping[str, list[float]]) -> np.ndarray:
    """Pixels as the model was trained with them: (value - mean) / std."""
    mean, std = (np.array(step[k], np.float32) for k in ("mean", "std"))
    if mean.size not in (1, array.shape[-1] if array.ndim else 1):
        raise UsageError(f"input {slot.name}: its file normalises {mean.size} channels, the array has {array.shape}")
    told = f"(value - {', '.join(f'{v:g}' for v in mean)}) / {', '.join(f'{v:g}' for v in std)}"
    print(f"input {slot.name}: {told}, as the model's file says", file=sys.stderr)
    return (array.astype(np.float32) - mean) / std


def _one(path: Path, slot: Slot, step: Mapping[str, list[float]] | None = None) -> np.ndarray:
    raw = _bytes(path)
    if path.suffix != ".npy":
        return _raw(raw, slot, path)
    try:
        array = _untrusted.array(raw)
    except BadFile as e:
        raise BadFile(f"{path}: not a .npy file of numbers ({e})") from None
    if array.dtype.kind not in "fiub":
        raise BadFile(f"{path}: not a .npy file of numbers")
    if step and array.dtype == np.uint8 and slot.type.dtype != "u8":
        array = _normalised(array, slot, step)
    # Integers for a quantised input are taken as the board's own integers only if they have its type.
    if slot.type.quant is not None and array.dtype.kind in "iu" and array.dtype != slot.type.numpy:
        raise UsageError(
            f"{path}: input {slot.name} takes {slot.type.dtype} integers as they are, or real numbers as floats; "
            f"got {array.dtype}"
        )
    return to_slot(array.astype(array.dtype.newbyteorder("=")), slot)


def _raw(raw: bytes, slot: Slot, path: Path) -> np.ndarray:
    t = slot.type
    if len(raw) != t.nbytes:
        raise UsageError(
            f"{path}: input {slot.name} is {t.dtype}{list(t.shape)}, {t.nbytes} bytes; the file has {len(raw)}"
        )
    return np.frombuffer(raw, np.dtype(t.numpy).newbyteorder("<")).astype(t.numpy).reshape(t.shape)


def _split(path: Path, slots: Sequence[Slot]) -> list[np.ndarray]:
    """One raw file with all inputs."""
    listing = ", ".join(f"{s.name} {s.type.dtype}{list(s.type.shape)}" for s in slots)
    if path.suffix == ".npy":
        raise UsageError(f"--input: the function takes {len(slots)} inputs ({listing}); give each as --input NAME=FILE")
    raw, total = _bytes(path), sum(s.type.nbytes for s in slots)
    if len(raw) != total:
        raise UsageError(f"{path}: the inputs are {listing}, {total} bytes together; the file has {len(raw)}")
    arrays, at = [], 0
    for s in slots:
        arrays.append(_raw(raw[at : at + s.type.nbytes], s, path))
        at += s.type.nbytes
    return arrays


def write(path: Path, arrays: Sequence[np.ndarray]) -> None:
    """Write outputs: a .npy file (several outputs: NAME.npy, NAME.1.npy ...), else raw bytes one behind the other."""
    if path.suffix != ".npy":
        write_atomically(path, b"".join(a.astype(a.dtype.newbyteorder("<")).tobytes() for a in arrays))
        return
    for k, a in enumerate(arrays):
        buffer = io.BytesIO()
        np.save(buffer, a, allow_pickle=False)
        write_atomically(path if k == 0 else path.with_suffix(f".{k}.npy"), buffer.getvalue())


def describe(slots: Sequence[Slot], raw: Sequence[np.ndarray], real: bool) -> list[dict[str, Any]]:
    """Outputs as plain data."""
    found = []
    for s, y in zip(slots, raw, strict=True):
        value = from_slot(y, s) if real else y
        row: dict[str, Any] = {
            "name": s.name,
            "dtype": str(value.dtype),
            "shape": list(value.shape),
            "values": value.reshape(-1).tolist(),
        }
        if s.type.quant is not None:
            row |= {"scale": s.type.quant.scale[0], "zero_point": s.type.quant.zero_point[0]}
        found.append(row)
    return found


def brief(values: list[float], most: int = 16) -> str:
    """The first values of a long list."""
    words = [f"{v:.6g}" if isinstance(v, float) else str(v) for v in values[:most]]
    more = f" … {len(values) - most} more" if len(values) > most else ""
    return f"[{' '.join(words)}{more}]"
