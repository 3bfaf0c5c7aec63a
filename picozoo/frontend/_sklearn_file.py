"""What skops may see of a `.skops` file: a copy that holds data only, with arrays as large as they say.

skops calls only what it is told to trust, but compiled classes believe their data: scikit-learn's `Tree` reads and
writes where its numbers point. Trees are therefore handed over as dictionaries, and other compiled parts that the
readers do not need (search trees, losses) as None.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from picozoo._untrusted import array, arrays, zipped
from picozoo.errors import BadFile

MOST_BYTES = 1 << 30
_COMPILED = re.compile(r"sklearn\.(neighbors\._(kd_tree|ball_tree)|metrics\._dist_metrics|_loss\._loss"
                       r"|linear_model\._sgd_fast)")  # fmt: skip
_SEARCH = re.compile(r"sklearn\.(metrics\._scorer|model_selection\._split)")  # how a search went: nobody reads it
_NOTHING = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": "null", "is_json": True}
_DATA = {"__class__": "Bunch", "__module__": "sklearn.utils._bunch"}


def cleaned(path: Path) -> bytes:
    """The parts of the file that are data, as a file of their own.

    Raises:
        BadFile: no skops file, or parts that are not what they say. Damage may raise zipfile's and json's errors too.
    """
    out = io.BytesIO()
    with zipped(path, MOST_BYTES) as old, zipfile.ZipFile(out, "w") as new:
        if "schema.json" not in old.namelist():
            raise BadFile("it is not a skops file (no schema.json in it)")
        for item in old.infolist():
            part = old.read(item)
            if item.filename == "schema.json":
                part = json.dumps(_plain(json.loads(part))).encode()
            else:
                _check(item.filename, part)
            new.writestr(item.filename, part)
    return out.getvalue()


def _check(name: str, part: bytes) -> None:
    """A `.npy`, or the arrays in an `.npz`: are the bytes there that the header speaks of?"""
    try:
        if name.endswith(".npz"):
            arrays(part, MOST_BYTES)
        elif name.endswith(".npy"):
            array(part)
    except BadFile as e:
        raise BadFile(f"{name} in it: {e}") from e


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
            elif here.get("__loader__") == "LossNode" or any(
                kind.match(str(here.get("__module__"))) for kind in (_COMPILED, _SEARCH)
            ):
                here.clear()
                here.update(_NOTHING)
            todo += here.values()
        elif isinstance(here, list):
            todo += here
    return schema
