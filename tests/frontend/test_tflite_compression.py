"""Compressed constants of TFLite files, against TensorFlow Lite Micro, and its recorded results without the package."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import pytest

from picozoo.errors import BadFile, PicozooError
from picozoo.frontend import tflite
from picozoo.ir.interp import Interpreter
from picozoo.ops._tflite import custom

from .tflite_models import Micro, Net, T, flatbuffers, schema

DECODE = custom("TFLM_DECODE")


def packed(bits: str) -> np.ndarray:
    """A string of 0 and 1 as bytes."""
    return np.array([int(bits[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(bits), 8)], np.uint8)


def head(kind: int, *more: int) -> list[int]:
    return [kind, 1, 0, 0, 1, *more, *[0] * (11 - len(more))]


def decoding(codes: np.ndarray, about: list[int], values: np.ndarray, t: T) -> Net:
    """A file whose result is what it decodes, and whose input goes nowhere."""
    net = Net()
    net.input((1,), "int8", 0.1)
    tables = np.concatenate([np.array(about, np.uint8), np.frombuffer(values.tobytes(), np.uint8)])
    net.op(DECODE, [net.const(codes), net.const(tables)], [t])
    return net


def compare(net: Any) -> np.ndarray:
    """What is decoded, as TensorFlow Lite Micro decodes it."""
    x = np.zeros(1, np.int8)
    got = Interpreter(tflite.from_bytes(net.bytes(), "case")).call("forward", x)
    Micro(net).check([x], got)
    return got[0]


@pytest.mark.parametrize("axis", [None, 0, 2])
@pytest.mark.parametrize("bits", range(1, 8))
def test_tables(bits: int, axis: int | None) -> None:
    dtype = ("bool", "int8", "int16", "int8", "int64", "float32", "int32")[bits - 1]
    rng, shape = np.random.default_rng(bits), (3, 11, 4)
    channels = 1 if axis is None else shape[axis]
    values = rng.integers(-128, 128, (channels, 1 << bits)).astype(dtype)
    numbers = rng.integers(0, 1 << bits, shape)
    codes = packed("".join(f"{k:0{bits}b}" for k in numbers.reshape(-1)))
    q = {"scale": [0.1] * channels, "zero": 0, "axis": axis} if axis is not None else {}
    byte = (15 if axis is None else axis) << 4 | bits
    got = compare(decoding(codes, head(0, byte, 1 << bits), values, T(shape, dtype, **q)))
    row = np.arange(channels).reshape([-1 if d == axis else 1 for d in range(3)])
    np.testing.assert_array_equal(got, values[row, numbers])


@pytest.mark.parametrize(
    ("dtype", "zeros"),
    [("int8", [0]), ("int8", [-5]), ("int8", [7, 0, -100]), ("int8", [1, 2, 3, 4]), ("int16", [0]), ("int64", [0])],
)
def test_pruned(dtype: str, zeros: list[int]) -> None:
    rng, shape = np.random.default_rng(len(zeros)), (3, 7, 4)
    there = rng.random(shape) < 0.4
    values = rng.integers(-128, 128, there.sum()).astype(dtype)
    axis = 2 if len(zeros) == 4 else 0
    t = T(shape, dtype, [0.1] * len(zeros), zeros, axis)
    compare(decoding(packed("".join(str(int(b)) for b in there.reshape(-1))), head(2), values, t))


def prefix_codes(weights: dict[int, int]) -> dict[int, str]:
    """Huffman's codes of symbols that come so often."""
    order = count()
    heap = [(w, next(order), {s: ""}) for s, w in weights.items()]
    heapq.heapify(heap)
    while len(heap) > 1:
        (a, _, left), (b, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        both = {s: "0" + c for s, c in left.items()} | {s: "1" + c for s, c in right.items()}
        heapq.heappush(heap, (a + b, next(order), both))
    return heap[0][2]


def tables(codes: dict[int, str], first: int, wide: bool) -> np.ndarray:
    """The decoder's tables: the first one picks by `first` bits, those behind it by what is left, `first` at most."""
    shift = 27 if wide else 11
    made: list[int] = []

    def table(part: dict[int, str], bits: int) -> None:
        at = len(made)
        made.extend([0] * (1 << bits))
        for k in range(1 << bits):
            text = f"{k:0{bits}b}"
            if found := [s for s, c in part.items() if text.startswith(c)]:
                symbol = found[0] & (0xFFFF if wide else 0xFF)
                made[at + k] = 1 << (shift + 4) | len(part[found[0]]) << shift | symbol
            elif deeper := {s: c[bits:] for s, c in part.items() if c.startswith(text)}:
                more = min(first, max(map(len, deeper.values())))
                made[at + k] = (more - 1) << shift | (len(made) - at - k)
                table(deeper, more)

    table(codes, first)
    return np.array(made, np.uint32 if wide else np.uint16)


@pytest.mark.parametrize("first", [1, 3, 6])
@pytest.mark.parametrize(("dtype", "wide"), [("int8", False), ("int8", True), ("int16", True)])
def test_huffman(dtype: str, wide: bool, first: int) -> None:
    rng = np.random.default_rng(first)
    drawn = np.rint(rng.laplace(0, 9 if dtype == "int8" else 900, (5, 40))).clip(
        -128 if dtype == "int8" else -9999, 127
    )
    symbols, often = np.unique(drawn, return_counts=True)
    codes = prefix_codes({int(s): int(w) for s, w in zip(symbols, often, strict=True)})
    bits = "".join(codes[int(s)] for s in drawn.reshape(-1))
    data = packed(bits.ljust(-(-len(bits) // 32) * 32 + 32, "0"))  # the decoder takes words, and may look at one more
    about = head(1, (first - 1) << 4 | wide)
    got = compare(decoding(data, about, tables(codes, first, wide), T((5, 40), dtype, 0.1)))
    np.testing.assert_array_equal(got, drawn)


def layer(rng: np.random.Generator) -> Net:
    """A convolution whose weights take 8 values in each channel, a bias of few values, a dense layer with 4 values."""
    net, scales = Net(), [0.01, 0.02, 0.03]
    x = net.input((1, 5, 5, 2), "int8", 0.1, 4)
    w = net.const((rng.integers(-4, 4, (3, 3, 3, 2)) * 9).astype(np.int8), scales)
    b = net.const(rng.choice(np.array([-70, 900, 5, 0], np.int32), 3), [0.1 * s for s in scales])
    values = {"strideH": 1, "strideW": 1, "padding": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    net.op("CONV_2D", [x, w, b], [T((1, 3, 3, 3), scale=0.2, zero=-3)], "Conv2DOptions", **values)
    v = net.const((rng.integers(-2, 2, (4, 27)) * 31).astype(np.int8), 0.02)
    (y,) = net.op("RESHAPE", net.outputs, [T((1, 27), scale=0.2, zero=-3)], "ReshapeOptions", newShape=[1, 27])
    net.op("FULLY_CONNECTED", [y, v, -1], [T((1, 4), scale=0.3, zero=1)], "FullyConnectedOptions")
    return net


def test_files_of_its_compressor() -> None:
    """The same program as from the file before."""
    package = "tflite_micro.tensorflow.lite.micro.compression"
    compress = pytest.importorskip(f"{package}.compress", reason="needs tflite-micro")
    spec = pytest.importorskip(f"{package}.spec")
    rng = np.random.default_rng(1)
    net = layer(rng)
    lut, each, whole = spec.LookUpTableCompression, spec.PerChannel(0), spec.PerTensor()
    how = [(1, lut(3, each)), (2, lut(2, whole)), (4, lut(2, whole))]
    with pytest.warns(UserWarning, match="expansion"):
        data = bytes(compress.compress(net.bytes(), [spec.Tensor(0, k, [m]) for k, m in how]))
    small = tflite.from_bytes(data, "small")
    plain = tflite.from_bytes(net.bytes(), "plain")
    for a, b in zip(sorted(small.constants), sorted(plain.constants), strict=True):
        np.testing.assert_array_equal(small.constants[a], plain.constants[b])
    x = rng.integers(-128, 128, (1, 5, 5, 2)).astype(np.int8)
    np.testing.assert_array_equal(*(Interpreter(p).call("forward", x)[0] for p in (small, plain)))


@dataclass
class File:
    """Bytes where a `Net` is asked for."""

    data: bytes

    def bytes(self) -> bytes:
        return self.data


def with_metadata(net: Net, tensors: dict[int, int], version: int = 1) -> File:
    """The file with these constants as numbers in so many bits, and the values behind; metadata names them."""
    m = schema.ModelT.InitFromPackedBuf(bytearray(net.bytes()))
    entries = []
    for number, bits in tensors.items():
        t = net.tensors[number]
        channels = t.data.shape[0] if np.ndim(t.scale) else 1
        pairs = [np.unique(row, return_inverse=True) for row in t.data.reshape(channels, -1)]
        stride = max(len(v) for v, _ in pairs)
        values = np.concatenate([np.pad(v, (0, stride - len(v))) for v, _ in pairs]).astype(t.data.dtype)
        m.buffers[m.subgraphs[0].tensors[number].buffer].data = packed(
            "".join(f"{k:0{bits}b}" for _, numbers in pairs for k in numbers.reshape(-1))
        )
        entries.append((number, len(m.buffers), bits))
        m.buffers.append(schema.BufferT())
        m.buffers[-1].data = np.frombuffer(values.tobytes(), np.uint8)
    made = schema.MetadataT()
    made.name, made.buffer = "COMPRESSION_METADATA", len(m.buffers)
    m.metadata = [made]
    m.buffers.append(schema.BufferT())
    m.buffers[-1].data = np.frombuffer(metadata(entries, version), np.uint8)
    b = flatbuffers.Builder(1024)
    b.Finish(m.Pack(b), b"TFL3")
    return File(bytes(b.Output()))


def metadata(entries: list[tuple[int, int, int]], version: int) -> bytes:
    b = flatbuffers.Builder(256)

    def vector(offsets: list[int]) -> int:
        b.StartVector(4, len(offsets), 4)
        for o in reversed(offsets):
            b.PrependUOffsetTRelative(o)
        return int(b.EndVector())

    luts = []
    for number, buffer, bits in entries:
        b.StartObject(3)
        b.PrependInt32Slot(0, number, 0)
        b.PrependUint32Slot(1, buffer, 0)
        b.PrependUint8Slot(2, bits, 0)
        luts.append(b.EndObject())
    tables_ = vector(luts)
    b.StartObject(1)
    b.PrependUOffsetTRelativeSlot(0, tables_, 0)
    graphs = vector([b.EndObject()])
    b.StartObject(2)
    b.PrependUint32Slot(0, version, 1)
    b.PrependUOffsetTRelativeSlot(1, graphs, 0)
    b.Finish(b.EndObject())
    return bytes(b.Output())


def test_metadata() -> None:
    """The form from before TFLM_DECODE."""
    rng = np.random.default_rng(2)
    net = layer(rng)
    file, x = with_metadata(net, {1: 3, 4: 2}), rng.integers(-128, 128, (1, 5, 5, 2)).astype(np.int8)
    got = Interpreter(tflite.from_bytes(file.bytes(), "case")).call("forward", x)
    np.testing.assert_array_equal(got[0], Interpreter(tflite.from_bytes(net.bytes(), "plain")).call("forward", x)[0])
    Micro(file).check([x], got)  # type: ignore[arg-type]


def test_wrong_forms_are_refused() -> None:
    t, codes = T((4,), "int8", 0.1), packed("00011011")
    for about, told in (
        ([200, 1, *[0] * 14], "an application's own way, 200"),
        ([3, 1, *[0] * 14], "a way, 3"),
        ([0, 2, *[0] * 14], "version 2.0"),
        (head(0, 0xF0, 4), "0 bits"),
        (head(0, 0xF2, 9), "1 tables of 9"),
        (head(0, 0xF2, 3), "value 3 of 3"),
        (head(0, 0x12, 1), "along dimension 1"),
        (head(1, 0x11), "out of its tables"),
        (head(0)[:9], "fewer than 16"),
    ):
        net = decoding(codes, about, np.zeros(4, np.int8), t)
        with pytest.raises(PicozooError, match=told):
            tflite.checked(net.bytes(), "case", "case.tflite")
    with pytest.raises(BadFile, match="version 7"):
        tflite.checked(with_metadata(layer(np.random.default_rng(0)), {1: 3}, 7).bytes(), "case", "case.tflite")


def test_damaged_codes_are_refused_or_read() -> None:
    """Whatever the bytes of the tables and codes."""
    dice, refused = random.Random(1), 0
    symbols = prefix_codes({k: 1 << k for k in range(9)})
    bits = "".join(symbols[k % 9] for k in range(60))
    about = np.frombuffer(bytes(head(1, 0x20)) + tables(symbols, 3, False).tobytes(), np.uint8)
    for _ in range(400):
        data, wrong = packed(bits), about.copy()
        for part in (data, wrong[4:]):
            part[dice.randrange(len(part))] = dice.randrange(256)
        net = Net()
        net.input((1,), "int8", 0.1)
        net.op(DECODE, [net.const(data), net.const(wrong)], [T((60,), "int8", 0.1)])
        try:
            tflite.checked(net.bytes(), "case", "case.tflite")
        except PicozooError:
            refused += 1
    assert 40 < refused < 400
