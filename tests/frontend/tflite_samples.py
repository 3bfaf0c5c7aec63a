"""Small TFLite files of every operator that is tested, by name: originals for the fuzzer (`bench/fuzz/tflite.py`)."""

from __future__ import annotations

import numpy as np

from . import test_tflite_compression as compression
from .test_tflite_all import build
from .test_tflite_control import branches, counters, counting, memory
from .test_tflite_custom import detection
from .test_tflite_signal import sound
from .test_tflite_streaming import network
from .tflite_cases import ALL
from .tflite_models import Net, T


def compressed() -> dict[str, compression.File | Net]:
    """Constants in each of the ways."""
    rng = np.random.default_rng(0)
    symbols = compression.prefix_codes({k: 1 << k for k in range(9)})
    bits, codes = "".join(symbols[k % 9] for k in range(60)), rng.integers(0, 256, 30).astype(np.uint8)
    t, head = T((60,), "int8", 0.1, 3), compression.head
    values = rng.integers(-128, 128, 60).astype(np.int8)
    return {
        "tables": compression.decoding(codes, head(0, 0xF4, 16), values[:16], t),
        "huffman": compression.decoding(
            compression.packed(bits), head(1, 0x20), compression.tables(symbols, 3, False), t
        ),
        "pruned": compression.decoding(codes[:8], head(2), values, t),
        "metadata": compression.with_metadata(compression.layer(rng), {1: 3, 4: 2}),
    }


def samples() -> dict[str, bytes]:
    """Name -> file."""
    rng = np.random.default_rng(0)
    nets = {
        "streaming": network(rng, 2, 3),
        "if": branches("int8", {"scale": 0.1, "zero": 3}),
        "if with state": counters(),
        "while": counting(),
        "variables": memory(True),
        "detection": detection(rng, 0)[0],
        "sound": sound(window=False),
        **compressed(),
    }
    for case, dtype in ALL:
        nets.setdefault(f"{case.kind} {dtype}", build(case, dtype, rng))
    return {name: net.bytes() for name, net in nets.items()}
