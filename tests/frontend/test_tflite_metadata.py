"""TFLite metadata: normalisation and labels travel with the file, are shown, and `run --input` uses them."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import flatbuffers
import numpy as np
import pytest

from picozoo.cli._main import main
from picozoo.errors import BadFile
from picozoo.network import load

from .tflite_models import Net, T, schema


def vector(b: flatbuffers.Builder, items: list[int]) -> int:
    b.StartVector(4, len(items), 4)
    for item in reversed(items):
        b.PrependUOffsetTRelative(item)
    return int(b.EndVector())


def floats(b: flatbuffers.Builder, values: list[float]) -> int:
    b.StartVector(4, len(values), 4)
    for v in reversed(values):
        b.PrependFloat32(v)
    return int(b.EndVector())


def table(b: flatbuffers.Builder, slots: int, **fields: int) -> int:
    """A table of offsets; `uN` fields are bytes."""
    b.StartObject(slots)
    for name, value in fields.items():
        slot = int(name[1:])
        if name[0] == "u":
            b.PrependByteSlot(slot, value, 0)
        else:
            b.PrependUOffsetTRelativeSlot(slot, value, 0)
    return int(b.EndObject())


def metadata(std: float = 127.5) -> bytes:
    """One input normalised by mean 127.5 in each of three channels, one output with labels."""
    b = flatbuffers.Builder(256)
    mean, dev = floats(b, [127.5, 127.0, 128.0]), floats(b, [std] * 3)
    unit = table(b, 2, u0=1, o1=table(b, 2, o0=mean, o1=dev))
    labels = table(b, 5, o0=b.CreateString("labels.txt"), u2=3)
    x, y = table(b, 7, o4=vector(b, [unit])), table(b, 7, o6=vector(b, [labels]))
    graph = table(b, 7, o2=vector(b, [x]), o3=vector(b, [y]))
    b.Finish(table(b, 8, o0=b.CreateString("Pictures"), o3=vector(b, [graph])), b"M001")
    return bytes(b.Output())


def model(path: Path, meta: bytes) -> np.ndarray:
    """A file with a picture of 2 x 2 pixels as input, and its weights."""
    rng, net = np.random.default_rng(0), Net()
    w = rng.uniform(-1, 1, (3, 12)).astype(np.float32)
    x = net.input((1, 2, 2, 3), "float32")
    net.op("FULLY_CONNECTED", [x, net.const(w)], [T((1, 3), "float32")], "FullyConnectedOptions")
    m = schema.ModelT.InitFromPackedBuf(net.bytes(), 0)
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(meta, np.uint8)
    m.buffers.append(buffer)
    entry.name, entry.buffer = "TFLITE_METADATA", len(m.buffers) - 1
    m.metadata = [entry]
    b = flatbuffers.Builder(1024)
    b.Finish(m.Pack(b), b"TFL3")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("labels.txt", "cat\ndog\nbird\n")
    path.write_bytes(bytes(b.Output()) + archive.getvalue())
    return w


def test_travels(tmp_path: Path) -> None:
    model(tmp_path / "net.tflite", metadata())
    meta = load(tmp_path / "net.tflite").program.meta
    assert meta["about"] == "Pictures"
    assert json.loads(meta["labels"]) == ["cat", "dog", "bird"]
    assert json.loads(meta["preprocessing"]) == [{"mean": [127.5, 127.0, 128.0], "std": [127.5] * 3}]


def test_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model(tmp_path / "net.tflite", metadata())
    assert main(["show", str(tmp_path / "net.tflite")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "3 labels: cat, dog, bird" in said
    assert "(value - 127.5, 127, 128) / 127.5" in said


def test_run_normalises_pixels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    w = model(tmp_path / "net.tflite", metadata())
    pixels = np.random.default_rng(1).integers(0, 256, (1, 2, 2, 3)).astype(np.uint8)
    np.save(tmp_path / "x.npy", pixels)
    words = ["run", str(tmp_path / "net.tflite"), "--board", "host", "--input", str(tmp_path / "x.npy")]
    assert main([*words, "--output", str(tmp_path / "y.npy")]) == 0
    assert "as the model's file says" in capsys.readouterr().err
    x = (pixels.astype(np.float32) - np.array([127.5, 127, 128], np.float32)) / np.float32(127.5)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy").reshape(-1), w @ x.reshape(-1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("meta", [b"M001" * 8, metadata(0.0), metadata()[:40]], ids=["other", "zero", "cut off"])
def test_damaged(tmp_path: Path, meta: bytes) -> None:
    model(tmp_path / "net.tflite", meta)
    with pytest.raises(BadFile, match=r"metadata|offset"):
        load(tmp_path / "net.tflite")
