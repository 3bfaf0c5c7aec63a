"""Which layer each code address belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from picozoo.build import Image, Symbol

HELPER, DRIVER, FIRST_LAYER = 0, 1, 2


class LayerMap:
    """Kinds of code by address, as the native counters read them (kernels of meaning: harness/pz_blocks.h).

    Args:
        layers: function symbol -> layer label. A compiler's clone of it (`name.part.0`) belongs to the same layer;
            several symbols may share one label.

    Attributes:
        base, end: addresses covered.
        kinds: uint16 per two bytes of code: 0 shared helper, 1 driver of the network, k >= 2 layer number k - 2.
        labels: layer labels in the order of their numbers.
    """

    def __init__(self, image: Image, layers: Mapping[str, str]) -> None:
        functions = {name: s for name, s in image.symbols.items() if s.function and s.size}
        self.labels: list[str] = list(dict.fromkeys(layers.values()))
        self.base = min((s.address for s in functions.values()), default=0)
        self.end = max((s.address + s.size for s in functions.values()), default=0)
        self.kinds = np.zeros((self.end - self.base + 1) // 2 + 1, np.uint16)
        networks = tuple(root[: -len("init")] for root in image.roots if root.endswith("_init"))
        for name, symbol in functions.items():
            self._mark(symbol, self._kind(name, layers, networks, image.roots))

    def _kind(self, name: str, layers: Mapping[str, str], networks: tuple[str, ...], roots: Sequence[str]) -> int:
        plain = name.split(".", 1)[0]
        label = layers.get(name, layers.get(plain))
        if label is not None:
            return FIRST_LAYER + self.labels.index(label)
        return DRIVER if plain in roots or plain.startswith(networks or ("\0",)) else HELPER

    def _mark(self, symbol: Symbol, kind: int) -> None:
        if kind != HELPER:
            first = (symbol.address - self.base) // 2
            self.kinds[first : first + (symbol.size + 1) // 2] = kind
