"""picozoo: any neural network as small C on a small chip, with an honest account of what it costs there.

import picozoo as pz
net = pz.load("lenet5")
fw = pz.compile(net, board="nano33ble")
fw.run(x)
fw.report
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Firmware", "Network", "PicozooError", "__version__", "boards", "compile", "load", "networks"]

_HOMES = {
    "Firmware": "picozoo.compiler",
    "Network": "picozoo.network",
    "PicozooError": "picozoo.errors",
    "compile": "picozoo.compiler",
    "load": "picozoo.network",
}

if TYPE_CHECKING:
    from picozoo.compiler import Firmware, compile
    from picozoo.errors import PicozooError
    from picozoo.network import Network, load


def __getattr__(name: str) -> Any:
    """Public names are imported when first used, so that `import picozoo` and `--help` stay quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'picozoo' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def boards() -> tuple[str, ...]:
    """Names of all boards."""
    from picozoo import find

    return find.names("boards")


def networks() -> tuple[str, ...]:
    """Names of all networks of the zoo."""
    from picozoo import find

    return find.names("zoo")
