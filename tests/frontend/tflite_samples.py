"""Small TFLite files of every operator that is tested, by name: originals for the fuzzer (`bench/fuzz/tflite.py`)."""

from __future__ import annotations

import numpy as np

from picozoo.ops._tflite import custom

from . import test_tflite_compression as compression
from .test_tflite_all import build
from .test_tflite_control import branches, counters, counting, memory
from .test_tflite_custom import detection
from .test_tflite_signal import bank
from .test_tflite_streaming import network
from .tflite_cases import ALL
from .tflite_models import Net, T


def sound() -> Net:
    """From samples to logarithms of channels."""
    rng, net, n = np.random.default_rng(0), Net(), 32
    x = net.input((1, 16), "int16")
    frame, valid = net.op(
        custom("SignalFramer"),
        [x],
        [T((1, 1, 24), "int16"), T((), "bool")],
        frame_size=24,
        frame_step=16,
        prefill=True,
    )
    (y,) = net.op("RESHAPE", [frame], [T((24,), "int16")], "ReshapeOptions", newShape=[24])
    y, bits = net.op(custom("SignalFftAutoScale"), [y], [T((24,), "int16"), T((), "int32")])
    (y,) = net.op(custom("SignalRfft"), [y], [T((n + 2,), "int16")], T=7, fft_length=n)
    (y,) = net.op(custom("SignalEnergy"), [y], [T((n // 2 + 1,), "uint32")], start_index=1, end_index=16)
    (y,) = net.op(custom("SignalFilterBank"), [y, *bank(rng, net)], [T((5,), "uint64")], num_channels=5)
    (y,) = net.op(custom("SignalFilterBankSquareRoot"), [y, bits], [T((5,), "uint32")])
    values = {"input_correction_bits": 3, "output_scale": 1600}
    (y,) = net.op(custom("SignalFilterBankLog"), [y], [T((5,), "int16")], **values)
    net.outputs = [y, valid]
    return net


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
        "sound": sound(),
        **compressed(),
    }
    for case, dtype in ALL:
        nets.setdefault(f"{case.kind} {dtype}", build(case, dtype, rng))
    return {name: net.bytes() for name, net in nets.items()}
