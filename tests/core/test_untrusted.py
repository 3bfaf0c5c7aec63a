"""Zip and `.npy` files that say more than they hold: refused before there is room for it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from picozoo._untrusted import array, arrays, zipped
from picozoo.cli import main
from picozoo.compress import samples
from picozoo.errors import BadFile


def npy(shape: str = "(4,)", values: bytes = bytes(32), kind: str = "<f8") -> bytes:
    """A `.npy` whose header says this."""
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + head.ljust(117).encode() + b"\n" + values


def packed(**parts: bytes) -> bytearray:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, part in parts.items():
            z.writestr(f"{name}.npy", part)
    return bytearray(out.getvalue())


def test_arrays_are_read() -> None:
    a = np.arange(6, dtype=np.int16).reshape(2, 3)
    out = io.BytesIO()
    np.savez_compressed(out, x=a, y=a.T)
    found = arrays(out.getvalue(), 1 << 20)
    assert list(found) == ["x", "y"]
    assert np.array_equal(found["y"], a.T)
    assert array(npy("()", bytes(8))).shape == ()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (npy("(999999999999,)"), "its header says float64"),
        (npy("(4294967296, 4294967296)"), "its header says float64"),
        (npy("(-4,)"), "its header says float64"),
        (npy(values=bytes(31)), "and 31 bytes follow"),
        (npy(kind="|O"), "pickled objects"),
        (npy("(4"), "damaged"),
        (npy("[4]"), "damaged"),
        (b"", "damaged"),
        (b"\x93NUMPY\x09\x00" + bytes(64), "damaged"),
        (b"PK\x03\x04" + bytes(64), "damaged"),
    ],
)
def test_npy(data: bytes, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadFile, match=told) as e:
        array(data)
    assert not isinstance(e.value.__cause__, MemoryError)
    path = tmp_path / "x.npy"
    path.write_bytes(data)
    with pytest.raises(BadFile, match=r"x\.npy: not a \.npy file of numbers"):
        samples.read(path, ["x"])
    for words in (["--input", str(path)], ["--calibrate", str(path)]):
        assert main(["run", "mcculloch_pitts", "--board", "host", *words]) == 1
        assert "x.npy: not a .npy file of numbers" in capsys.readouterr().err


def test_a_part_larger_than_the_file() -> None:
    """zipfile would make room for it; two gigabytes here."""
    data = packed(x=npy())
    at = data.rindex(b"PK\x01\x02")
    data[at + 20 : at + 24] = (2**31).to_bytes(4, "little")
    with pytest.raises(BadFile, match=r"x\.npy in it says 2147483648 bytes"), zipped(io.BytesIO(data), 1 << 20):
        pass


def test_what_unpacks_to_too_much() -> None:
    out = io.BytesIO()
    np.savez_compressed(out, x=np.zeros(1 << 20))
    assert len(out.getvalue()) < 1 << 16
    with pytest.raises(BadFile, match="it unpacks to 8388"):
        arrays(out.getvalue(), 1 << 20)


def test_a_part_twice() -> None:
    data = packed(x=npy(), y=npy()).replace(b"y.npy", b"x.npy")
    with pytest.raises(BadFile, match="twice"):
        arrays(bytes(data), 1 << 20)
