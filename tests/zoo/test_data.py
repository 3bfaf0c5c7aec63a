"""Data sets: what `load` promises, files that are missing, cut short or hostile, and fetching from a home."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picozoo import data
from picozoo.data import _store, human_activity, mnist, skab
from picozoo.data._info import File, Info
from picozoo.errors import BadFile, MissingTool, PicozooError, UnknownName, UsageError


def needs(name: str) -> None:
    if not data.available(name):
        pytest.skip(f"data set {name!r} is not here; set PICOZOO_DATA to a mirror")


@pytest.mark.parametrize("name", data.names())
def test_facts_and_splits(name: str) -> None:
    info = data.info(name)
    assert info.name == name
    assert info.title
    assert info.licence
    assert info.home
    needs(name)
    seen = []
    for split, size in info.sizes.items():
        part = data.load(name, split)
        assert len(part.x) == len(part.y) == size
        assert part.y.dtype == np.int64
        assert part.y.min() >= 0
        assert part.y.max() < len(info.classes)
        assert list(part.starts) == sorted(set(part.starts))
        seen.append(part)
    assert all((a.x.dtype, a.x.shape[1:]) == (seen[0].x.dtype, seen[0].x.shape[1:]) for a in seen)


@pytest.mark.parametrize("name", data.names())
def test_splits_are_disjoint_and_loading_repeats(name: str) -> None:
    needs(name)
    train, test = data.load(name, "train"), data.load(name, "test")
    if name == "letters5x7":  # its test part is made of damaged letters; a few copies may be undamaged
        assert (test.x != np.repeat(train.x, 10, axis=0)).any(axis=(1, 2)).mean() > 0.9
    elif name == "human_activity":  # single steps may coincide by chance, stretches may not
        train_set = {row.tobytes() for row in train.x[: len(train.x) // 16 * 16].reshape(-1, 48)}
        assert not any(row.tobytes() in train_set for row in test.x[: len(test.x) // 16 * 16].reshape(-1, 48))
    else:
        assert not {row.tobytes() for row in test.x} & {row.tobytes() for row in train.x}
    again = data.load(name, "test")
    assert np.array_equal(again.x, test.x)
    again.x[:] = 0  # a copy: the next caller is not harmed
    assert np.array_equal(data.load(name, "test").x, test.x)


def test_unknown_names_and_splits() -> None:
    with pytest.raises(UnknownName, match="did you mean mnist"):
        data.load("mnits", "train")
    with pytest.raises(UsageError, match="must be one of train, test, got 'valid'"):
        data.load("letters5x7", "valid")


def test_importing_the_data_sets_needs_no_torch_and_no_sklearn() -> None:
    code = (
        "import sys\nfrom picozoo import data\n[data.info(n) for n in data.names()]\ndata.load('letters5x7', 'test')\n"
        "sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_digits_are_enlarged_exactly() -> None:
    needs("digits")
    from picozoo.data.digits import enlarge

    full = enlarge(np.full((1, 8, 8), 16, np.int32))
    assert (full[0, 4:24, 4:24] == 255).all()
    assert full.sum() == 400 * 255
    ramp = enlarge(np.tile(np.arange(0, 16, 2, dtype=np.int32), (1, 8, 1)))[0, 10, 4:24].astype(int)
    assert (np.diff(ramp) >= 0).all()
    assert ramp[0] == 0


def test_missing_files_say_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PICOZOO_DATA", str(tmp_path))
    assert not data.available("mnist")
    with pytest.raises(MissingTool, match="picozoo data get mnist"):
        data.load("mnist", "test")
    with pytest.raises(MissingTool, match="set PICOZOO_DATA to a folder that holds har/HumanActivity_decoded"):
        data.load("human_activity", "test")
    with pytest.raises(MissingTool, match="no address"):
        data.get("human_activity")
    assert data.get("letters5x7") is None


def _mnist_folder(folder: Path, images: bytes, labels: bytes) -> None:
    (folder / "mnist").mkdir()
    for stem, raw in (("images-idx3", images), ("labels-idx1", labels)):
        (folder / "mnist" / f"t10k-{stem}-ubyte.gz").write_bytes(raw)


def test_corrupt_mnist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PICOZOO_DATA", str(tmp_path))
    head = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (10000, 28, 28))
    packed = gzip.compress(head + bytes(7840000))
    labels = gzip.compress(bytes([0, 0, 8, 1]) + (10000).to_bytes(4, "big") + bytes(9999) + bytes([10]))
    _mnist_folder(tmp_path, packed[:-500], labels)
    path = tmp_path / "mnist" / "t10k-images-idx3-ubyte.gz"
    for bad, words in (
        (packed[:-500], "not a whole gzip"),
        (b"", "not an idx file"),
        (b"hello", "not a whole gzip"),
        (gzip.compress(b"\0\0\x08\x03"), "not an idx file"),
        (gzip.compress(head + bytes(100)), "must hold"),
        (gzip.compress(head + bytes(7840001)), "unpacks to more"),
        (gzip.compress(bytes([0, 0, 13, 3]) + head[4:] + bytes(7840000)), "not an idx file"),
        (packed, "label above 9"),
    ):
        path.write_bytes(bad)
        with pytest.raises(BadFile, match=words):
            data.load("mnist", "test")


@pytest.mark.parametrize("kept", [0, 1, 100, 5000])
def test_truncated_archive(kept: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """tarfile tells of every kind of archive that it is not, a line each; the sentence is one."""
    info = skab.INFO
    packed = lzma.compress(np.random.default_rng(0).bytes(10_000))
    monkeypatch.setenv("PICOZOO_DATA", str(tmp_path))
    (tmp_path / info.folder).mkdir()
    (tmp_path / info.folder / info.packed).write_bytes(packed[:kept])
    with pytest.raises(BadFile, match="not a whole archive") as told:
        data.load("skab", "test")
    assert str(told.value).isprintable()


@given(st.binary(max_size=64))
@settings(max_examples=200, deadline=None)
def test_idx_takes_any_bytes(raw: bytes) -> None:
    try:
        found = mnist.idx(raw, (3,), "fuzz")
    except BadFile:
        return
    assert found.shape == (3,)


def test_idx_refuses_huge_dimensions() -> None:
    with pytest.raises(BadFile, match="must hold"):
        mnist.idx(bytes([0, 0, 8, 2]) + b"\xff" * 8, (2, 2), "huge")


def _npz(**arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def test_corrupt_activity() -> None:
    steps = human_activity.STEPS[5]
    x, y = np.zeros((3, steps), np.float32), np.ones(steps, np.uint8)
    good = _npz(train_x5=x, train_y5=y)
    assert human_activity.parse(good, [5])[0][0].shape == (steps, 3)
    objects = _npz(train_x5=np.array([{"a": 1}], object), train_y5=y)
    for bad, words in (
        (b"", "cannot be read"),
        (good[:1000], "cannot be read"),
        (objects, "cannot be read"),
        (_npz(train_x5=x), "cannot be read"),
        (_npz(train_x5=x[:2], train_y5=y), "must be float32"),
        (_npz(train_x5=x.astype(np.float64), train_y5=y), "must be float32"),
        (_npz(train_x5=x, train_y5=y * 6), "outside 1..5"),
        (_npz(train_x5=x + np.float32(np.nan), train_y5=y), "not finite"),
    ):
        with pytest.raises(BadFile, match=words):
            human_activity.parse(bad, [5])


def _archive(path: Path, members: dict[str, bytes]) -> None:
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:xz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def test_files_of_a_mirror_may_be_packed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One by one or in one archive: the same bytes. What is missing, too long or cut short is refused."""
    monkeypatch.setenv("PICOZOO_DATA", str(tmp_path))
    files = tuple(File(name, "", 4) for name in ("a/1.csv", "b/1.csv"))
    info = Info("toy", "toy", "MIT", ("home",), "toy", files, packed="toy.tar.xz")
    names = [f.name for f in files]
    packed, contents = tmp_path / "toy" / "toy.tar.xz", {"top/b/1.csv": b"bb", "README": b"?", "top/a/1.csv": b"aaaa"}
    assert len(_store.missing(info)) == 2
    with pytest.raises(MissingTool):
        _store.read_all(info, names)
    _archive(packed, contents)
    assert not _store.missing(info)
    assert _store.read_all(info, names) == [b"aaaa", b"bb"]
    whole = packed.read_bytes()
    for bad in (whole[:60], whole[: len(whole) // 2], b"", b"hello"):
        packed.write_bytes(bad)
        with pytest.raises(BadFile, match=r"(not a whole archive)|(does not hold)"):
            _store.read_all(info, names)
    for name in names:
        _archive(packed, contents | {f"top/{name}": b"longer"})
        with pytest.raises(BadFile, match=f"does not hold {name}"):
            _store.read_all(info, names)
    packed.unlink()
    for name, content in (("a/1.csv", b"aaaa"), ("b/1.csv", b"bb")):
        (tmp_path / "toy" / name).parent.mkdir()
        (tmp_path / "toy" / name).write_bytes(content)
    assert _store.read_all(info, names) == [b"aaaa", b"bb"]


def test_corrupt_pump() -> None:
    head = ";".join(("datetime", *skab.SENSORS, "anomaly", "changepoint"))
    row = "2020-03-09 10:14:33;" + ";".join(map(str, range(8))) + ";1.0;0.0"
    x, y = skab.parse(f"{head}\n{row}\n".encode(), "toy", 1)
    assert x.tolist() == [list(range(8))]
    assert y.tolist() == [1]
    plain = "\n".join(line.rsplit(";", 2)[0] for line in (head, row))
    assert skab.parse(plain.encode(), "toy", 1)[1].tolist() == [0]
    rows = (f"{row};5", row[:-4], row.replace("1.0", "2.0"), row.replace(";3;", ";inf;"), row.replace(";3;", ";x;"))
    for bad in ("", head, plain[:-1], f"{head}\n{row}\n{row}", *(f"{head}\n{r}" for r in rows)):
        with pytest.raises(BadFile, match="toy is not such an experiment"):
            skab.parse(bad.encode(), "toy", 1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that plays a data set's home, and an empty cache."""
    monkeypatch.setattr(_store, "cache", lambda: tmp_path / "cache")
    monkeypatch.delenv("PICOZOO_DATA", raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def _info(home: Path, content: bytes, nbytes: int | None = None) -> Info:
    url = (home / "a.gz").as_uri()
    sha = hashlib.sha256(content).hexdigest()
    file = File("a.gz", sha, len(content) if nbytes is None else nbytes, (url + ".gone", url))
    return Info("toy", "toy", "MIT", ("home",), "toy", (file,))


def test_fetch_checks_and_puts_in_place(home: Path) -> None:
    content = b"x" * 1000
    info = _info(home, content)
    (home / "a.gz").write_bytes(gzip.compress(content, 1))
    told: list[tuple[int, int | None, str]] = []
    folder = _store.fetch(info, lambda *args: told.append(args))
    assert [p.name for p in folder.iterdir()] == ["a.gz"]
    assert told[-1][2] == "a.gz"
    assert _store.read(info, "a.gz") == content
    (home / "a.gz").unlink()
    _store.fetch(info)  # already there: the home is not asked again


def test_fetch_refuses_another_file(home: Path) -> None:
    (home / "a.gz").write_bytes(gzip.compress(b"y" * 1000))
    with pytest.raises(BadFile, match="sha256"):
        _store.fetch(_info(home, b"x" * 1000))
    assert not list((home.parent / "cache" / "toy").iterdir())


def test_fetch_stops_at_a_bomb(home: Path) -> None:
    (home / "a.gz").write_bytes(gzip.compress(bytes(10_000_000)))
    with pytest.raises(BadFile, match="unpacks to more"):
        _store.fetch(_info(home, b"x", 1000))
    (home / "a.gz").write_bytes(np.random.default_rng(0).bytes(200_000))
    with pytest.raises(PicozooError, match="longer than"):
        _store.fetch(_info(home, b"x", 1000))


def test_fetch_without_a_network(home: Path) -> None:
    with pytest.raises(PicozooError, match="check the network"):
        _store.fetch(_info(home, b"x"))
