"""Truncated and hostile TFLite files: one clear error, quickly, and never a crash or a huge allocation."""

from __future__ import annotations

import struct
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from picozoo.errors import BadFile, PicozooError
from picozoo.frontend import tflite
from picozoo.network import load

from .tflite_models import Net, T


def sample() -> bytes:
    rng, net = np.random.default_rng(0), Net()
    x = net.input((1, 6, 6, 3), scale=0.05, zero=3)
    w = net.const(rng.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8), [0.01, 0.02, 0.03, 0.04])
    b = net.const(np.arange(4, dtype=np.int32), 0.001)
    net.op("CONV_2D", [x, w, b], [T((1, 6, 6, 4), scale=0.1)], "Conv2DOptions", strideH=1, strideW=1)
    net.op("RESHAPE", [net.outputs[0]], [T((1, 144), scale=0.1)], "ReshapeOptions", newShape=[1, 144])
    w = net.const(rng.integers(-127, 128, (5, 144)).astype(np.int8), 0.02)
    net.op("FULLY_CONNECTED", [net.outputs[0], w], [T((1, 5), scale=0.2)], "FullyConnectedOptions")
    net.op("SOFTMAX", [net.outputs[0]], [T((1, 5), scale=1 / 256, zero=-128)], "SoftmaxOptions", beta=1.0)
    return net.bytes()


def refuse(data: bytes) -> None:
    """Read it or refuse it in so many words, within two seconds."""
    began = time.perf_counter()
    # `read` turns all of these into BadFile or Unsupported
    with suppress(PicozooError, ValueError, OverflowError, IndexError, KeyError, TypeError):
        tflite.from_bytes(data, "case")
    assert time.perf_counter() - began < 2


def test_sample_is_read() -> None:
    assert [n.op for n in tflite.from_bytes(sample(), "case").main.nodes] == ["conv2d", "reshape", "linear", "softmax"]


def test_every_truncation() -> None:
    data = sample()
    for n in range(0, len(data), 7):
        refuse(data[:n])


def test_many_references_to_one_place() -> None:
    """A vector of a million operators that are all the same table: refused for what it costs, not read for minutes."""
    data = bytearray(sample())
    n = 200_000
    at = len(data)
    data += struct.pack("<I", n) + b"".join(struct.pack("<i", -4 * i) for i in range(n))
    root = struct.unpack_from("<I", data, 0)[0]
    vtable = root - struct.unpack_from("<i", data, root)[0]
    field = root + struct.unpack_from("<H", data, vtable + 4 + 2 * 4)[0]  # the list of buffers
    struct.pack_into("<I", data, field, at - field)
    refuse(bytes(data))


@pytest.mark.parametrize(
    "content", [b"", b"TFL3", b"\0" * 64, b"\x10\0\0\0TFL3" + b"\xff" * 64, b"#!/bin/sh\nexit\n" * 9]
)
def test_not_a_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=r"net\.tflite"):
        load(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="Check the path"):
        load(tmp_path / "nothing.tflite")
