"""Items are found by their file name: the board `pico` is `picozoo/boards/pico.py`, and so on.

Nothing is registered by hand and nothing is imported before it is asked for.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from functools import cache
from types import ModuleType

from picozoo.errors import UnknownName


@cache
def names(package: str) -> tuple[str, ...]:
    """Names of all items in `picozoo/<package>`, sorted; files that start with `_` are machinery.

    Example:
        >>> "host" in names("boards")
        True
    """
    module = importlib.import_module(f"picozoo.{package}")
    return tuple(sorted(m.name for m in pkgutil.iter_modules(module.__path__) if not m.name.startswith("_")))


def load(package: str, name: str, kind: str) -> ModuleType:
    """Import the one file that holds item `name`.

    Args:
        package: folder below `picozoo`, such as "boards".
        name: the item, equal to its file name.
        kind: what to call it in the error sentence, such as "board".

    Raises:
        UnknownName: no such file; the message gives the nearest names.

    Example:
        >>> load("boards", "hots", "board")
        Traceback (most recent call last):
        picozoo.errors.UnknownName: no board is called 'hots'; did you mean host? See 'picozoo boards'.
    """
    known = names(package)
    if name not in known:
        raise UnknownName(unknown(kind, name, known, LISTED_BY.get(package, "")))
    return importlib.import_module(f"picozoo.{package}.{name}")


LISTED_BY = {"boards": "picozoo boards", "zoo": "picozoo list", "data": "picozoo data list"}


def unknown(kind: str, name: str, known: tuple[str, ...] | list[str], listed_by: str = "") -> str:
    """The sentence for a name that nothing has: the three nearest names and where to see all."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else f"; known: {', '.join(known[:12])}."
    see = f" See '{listed_by}'." if listed_by else ""
    return f"no {kind} is called {name!r}{hint}{see}"
