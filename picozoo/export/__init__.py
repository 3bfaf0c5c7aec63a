"""The C of a network as files that other tools take: one ecosystem = one file here.

An exporter has `files(package) -> {path: text}`, where `package` (see `_package.py`) holds the generated sources, the
kernels they include and the pieces of an example. `write` puts them into a folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from picozoo import find
from picozoo.errors import UsageError
from picozoo.export._folder import write_folder
from picozoo.export._package import make_package

if TYPE_CHECKING:
    from picozoo.compiler import Firmware

DEFAULT = "cmake"


def names() -> tuple[str, ...]:
    """What `picozoo compile --export` takes, as users write it.

    Example:
        >>> names()
        ('arduino', 'cmake', 'esp-idf', 'platformio', 'zephyr')
    """
    return tuple(name.replace("_", "-") for name in find.names("export"))


def files(firmware: Firmware, kind: str = DEFAULT) -> Mapping[str, str]:
    """Every file of an export, path below the target folder -> text; the same firmware gives the same text.

    Raises:
        UnknownName: no exporter of this name.
        UsageError: the network's name collides with a file that the ecosystem wants.
    """
    package = make_package(firmware)
    module = find.load("export", kind.replace("-", "_"), "export")
    made: dict[str, str] = dict(module.files(package))
    card = f"{package.name}.json"
    if card in made:
        raise UsageError(
            f"a network called {package.name!r} cannot be exported as {kind}: {card} has a meaning there. Rename it"
        )
    made[card] = package.card(kind, made)
    return dict(sorted(made.items()))


def write(firmware: Firmware, folder: Path, kind: str = DEFAULT, *, force: bool = False) -> list[Path]:
    """Write an export into a folder, in one step where the folder is new.

    Args:
        folder: made if it is not there. Files of an earlier export are replaced, all others left alone.
        force: also replace files that were not written by picozoo, or were changed since.

    Returns:
        The files, in order.

    Raises:
        UsageError: a file that it would replace is not its own.
    """
    return write_folder(folder, files(firmware, kind), f"{firmware.model.name}.json", force=force)


__all__ = ["DEFAULT", "files", "names", "write"]
