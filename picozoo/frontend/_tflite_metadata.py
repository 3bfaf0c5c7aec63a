"""TFLite metadata: how inputs were normalised, in a FlatBuffer in the file, and labels, in a zip behind it.

The numbers are field numbers of the public `metadata_schema.fbs` (identifier M001).
"""

from __future__ import annotations

import io
import json
import math
import zipfile

import numpy as np

from picozoo.errors import BadFile
from picozoo.frontend._tflite_schema import Bytes, Table

NAME = "TFLITE_METADATA"
_NORMALISATION, _LABEL_FILES = 1, (2, 3)  # kinds of process units and of associated files
_MOST_LABELS, _MOST_BYTES = 10_000, 1 << 20


def read(found: np.ndarray, whole: bytes, inputs: int) -> dict[str, str]:
    """Entries for a program's `meta`: "about", "preprocessing" and "labels", those that are there.

    Args:
        found: the metadata's bytes.
        whole: the file, for the zip behind the model.
        inputs: number of the model's inputs.

    Returns:
        preprocessing: a JSON list with one entry for each input, null or {"mean": [...], "std": [...]}: the model takes
        (value - mean) / std. labels: a JSON list of names, in the order of the first output.

    Raises:
        BadFile: the metadata is damaged.
    """
    data = found.tobytes()
    if len(data) < 16 or data[4:8] != b"M001":
        raise BadFile("its metadata is not of the kind M001")
    file = Bytes(data)
    root = Table(file, file.number("I", 0))
    about = ", ".join(t for t in (root.text(0), root.text(2), root.text(1)) if t)
    meta = {"about": about} if about else {}
    for graph in root.tables(3):
        steps = [_normalisation(t) for t in graph.tables(2)]
        if any(steps) and len(steps) == inputs:
            meta["preprocessing"] = json.dumps(steps)
        labels = next((names for t in graph.tables(3) if (names := _labels(t, whole))), None)
        if labels:
            meta["labels"] = json.dumps(labels)
        break  # of the model itself
    return meta


def _normalisation(t: Table) -> dict[str, list[float]] | None:
    for unit in t.tables(4):
        options = unit.table(1)
        if unit.number(0, "B") != _NORMALISATION or options is None:
            continue
        mean, std = (options.array(k, "<f4").tolist() for k in (0, 1))
        if not 0 < len(mean) == len(std) <= 64 or not all(map(math.isfinite, (*mean, *std))) or 0 in std:
            raise BadFile(f"its metadata normalises with mean {mean[:4]} and deviation {std[:4]}")
        return {"mean": mean, "std": std}
    return None


def _labels(t: Table, whole: bytes) -> list[str] | None:
    """Lines of the first file of labels that belongs to an output."""
    for file in t.tables(6):
        if file.number(2, "b") not in _LABEL_FILES:
            continue
        try:
            with zipfile.ZipFile(io.BytesIO(whole)) as archive:
                info = archive.getinfo(file.text(0))
                if info.file_size > _MOST_BYTES:
                    raise BadFile(f"its labels take {info.file_size} bytes; {_MOST_BYTES} is the limit")
                lines = archive.read(info).decode("utf-8", "replace").splitlines()
        except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, OSError) as e:
            raise BadFile(f"its file of labels {file.text(0)!r} cannot be read ({e})") from None
        return [line[:100] for line in lines[:_MOST_LABELS]]
    return None
