"""What skops may see of a `.skops` file: a copy that holds data only, with arrays as large as they say.

skops calls only what it is told to trust, but compiled classes believe their data: scikit-learn's `Tree` reads and
writes where its numbers point. Trees are therefore handed over as dictionaries, and other compiled parts that the
readers do not need (search trees, losses) as None.
"""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from picozoo.errors import BadFile

MOST_BYTES = 1 << 30
_MOST_PARTS = 100_000
_COMPILED = re.compile(r"sklearn\.(neighbors\._(kd_tree|ball_tree)|metrics\._dist_metrics|_loss\._loss"
                       r"|linear_model\._sgd_fast)")  # fmt: skip
_NOTHING = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": "null", "is_json": True}
_DATA = {"__class__": "Bunch", "__module__": "sklearn.utils._bunch"}


def cleaned(path: Path) -> bytes:
    """The parts of the file that are data, as a file of their own.

    Raises:
        BadFile: no skops file, or parts that are not what they say. Damage may raise zipfile's and json's errors too.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        items = old.infolist()
        total = sum(i.file_size for i in items)
        if total > MOST_BYTES or len(items) > _MOST_PARTS:
            raise BadFile(f"it holds {total} bytes in {len(items)} parts, the limit is {MOST_BYTES} in {_MOST_PARTS}")
        names = {i.filename for i in items}
        if "schema.json" not in names or len(names) != len(items):
            raise BadFile("it is not a skops file (no schema.json in it, or a part twice)")
        for item in items:
            part = old.read(item)
            if item.filename == "schema.json":
                part = json.dumps(_plain(json.loads(part))).encode()
            else:
                _check(item.filename, part)
            new.writestr(item.filename, part)
    return out.getvalue()


def _check(name: str, part: bytes) -> None:
    """A `.npy`, or the arrays in an `.npz`: are the bytes there that the header speaks of?"""
    if name.endswith(".npz"):
        with zipfile.ZipFile(io.BytesIO(part)) as inner:
            if sum(i.file_size for i in inner.infolist()) > MOST_BYTES:
                raise BadFile(f"{name} in it holds more than {MOST_BYTES} bytes")
            for item in inner.infolist():
                _check(item.filename, inner.read(item))
    if not name.endswith(".npy"):
        return
    stream = io.BytesIO(part)
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    found = len(part) - stream.tell()
    if dtype.hasobject or min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != found:
        raise BadFile(f"{name} in it says {dtype}{list(shape)[:8]}, and holds {found} bytes")


def _plain(schema: Any) -> Any:
    """The schema without compiled classes."""
    todo = [schema]
    while todo:
        here = todo.pop()
        if isinstance(here, dict):
            content = here.get("content")
            if here.get("__loader__") == "TreeNode" and isinstance(content, dict):
                own = here.get("__id__")
                here.clear()
                here.update(content | _DATA | {"__id__": own})
            elif here.get("__loader__") == "LossNode" or _COMPILED.match(str(here.get("__module__"))):
                here.clear()
                here.update(_NOTHING)
            todo += here.values()
        elif isinstance(here, list):
            todo += here
    return schema
