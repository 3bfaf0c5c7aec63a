"""Finding, fetching and checking the files of data sets.

A file is looked for in `PICOZOO_DATA/<folder>` if that variable is set, else in the user's cache.
Only `fetch` writes, and only into the user's cache: to a temporary name first, then renamed into place.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import lzma
import os
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from platformdirs import user_cache_dir

from picozoo.data._info import File, Info
from picozoo.errors import BadFile, MissingTool, PicozooError, printable

# (bytes so far, bytes in all or None, file name) -> None
Progress = Callable[[int, int | None, str], None]
CHUNK = 1 << 18
TIMEOUT_S = 30


def folder(info: Info) -> Path:
    """Where the files of this data set are read from (it may not exist yet)."""
    mirror = os.environ.get("PICOZOO_DATA")
    return (Path(mirror) if mirror else cache()) / info.folder


def cache() -> Path:
    """The user's own store of fetched data sets."""
    return Path(user_cache_dir("picozoo")) / "data"


def missing(info: Info) -> list[File]:
    """The files of this data set that are not there; none where their archive is."""
    if info.packed and (folder(info) / info.packed).is_file():
        return []
    return [f for f in info.files if not (folder(info) / f.name).is_file()]


def read(info: Info, name: str) -> bytes:
    """The content of one file, unpacked if its name ends in ".gz".

    Raises:
        MissingTool: the file is not there; says how to get it.
        BadFile: it cannot be unpacked or is longer than the data set's file can be.
    """
    file = next(f for f in info.files if f.name == name)
    path = folder(info) / name
    try:
        packed = path.read_bytes()
    except OSError:
        raise MissingTool(how_to_get(info, path)) from None
    return unpack(file, packed, path)


def read_all(info: Info, names: Sequence[str]) -> list[bytes]:
    """The contents of several files, from the archive of a mirror if that is there.

    Raises:
        MissingTool, BadFile: as `read`; a member of the archive is missing or longer than it can be.
    """
    path = folder(info) / info.packed
    if not info.packed or not path.is_file():
        return [read(info, name) for name in names]
    wanted = {f.name: f for f in info.files if f.name in names}
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = "/".join(member.name.split("/")[-1 - next(iter(wanted)).count("/") :])
                if name in wanted and member.isreg() and member.size <= wanted[name].nbytes:
                    stream = archive.extractfile(member)
                    found[name] = stream.read() if stream else b""
    except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise BadFile(f"{path} is not a whole archive ({printable(str(error))}); delete it and copy it again") from None
    if lacking := [name for name in names if name not in found]:
        raise BadFile(f"{path} does not hold {lacking[0]} of at most {wanted[lacking[0]].nbytes} bytes; copy it again")
    return [found[name] for name in names]


def unpack(file: File, packed: bytes, path: Path) -> bytes:
    """Content of `packed`, gunzipped for ".gz"; never beyond `file.nbytes`: a hostile file must not fill memory."""
    if not file.name.endswith(".gz"):
        return packed
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            raw = stream.read(file.nbytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadFile(f"{path} is not a whole gzip file ({error}); delete it and fetch it again") from None
    if len(raw) > file.nbytes:
        raise BadFile(f"{path} unpacks to more than its {file.nbytes} bytes; delete it and fetch it again")
    return raw


def how_to_get(info: Info, path: Path) -> str:
    """The sentence for a file that is not there."""
    if any(f.urls for f in info.files):
        get = f"run 'picozoo data get {info.name}' or set PICOZOO_DATA to a mirror"
        return f"data set {info.name!r} is not here ({path}); {get}"
    return (
        f"data set {info.name!r} is not here ({path}) and has no address to fetch it from; set PICOZOO_DATA to "
        f"a folder that holds {info.folder}/{path.name}, see {info.home[0]}"
    )


def fetch(info: Info, progress: Progress | None = None) -> Path:
    """Download the files that the user's cache lacks, from the data set's own home, and check them.

    Args:
        info: the data set.
        progress: called with (bytes so far, bytes in all or None, file name) now and then.

    Returns:
        The folder in the cache.

    Raises:
        MissingTool: the data set has no address to fetch it from.
        BadFile: what came is not the file it should be (wrong sha256).
        PicozooError: no address answered.
    """
    target = cache() / info.folder
    for file in info.files:
        if (target / file.name).is_file():
            continue
        if not file.urls:
            raise MissingTool(how_to_get(info, target / file.name))
        (target / file.name).parent.mkdir(parents=True, exist_ok=True)
        _fetch_file(info, file, target / file.name, progress)
    return target


def _fetch_file(info: Info, file: File, path: Path, progress: Progress | None) -> None:
    """Try each address in turn; put the first right answer in place."""
    said: list[str] = []
    for url in file.urls:
        try:
            packed = _download(url, file, progress)
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            said.append(f"{url}: {getattr(error, 'reason', error)}")
            continue
        got = hashlib.sha256(unpack(file, packed, path)).hexdigest()
        if got != file.sha256:
            raise BadFile(f"{url} gave another file than {info.name}/{file.name}: sha256 {got}, expected {file.sha256}")
        _replace(path, packed)
        return
    raise PicozooError(
        f"data set {info.name!r}: no address of {file.name} answered ({'; '.join(said)}); check the network, "
        "or set PICOZOO_DATA to a mirror"
    )


def _download(url: str, file: File, progress: Progress | None) -> bytes:
    """The body at `url`, at most a little more than the unpacked length."""
    limit = file.nbytes + 65536  # a stored (uncompressed) gzip is a little longer than its content
    parts: list[bytes] = []
    done = 0
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        length = answer.headers.get("Content-Length")
        total = int(length) if length else None
        while part := answer.read(CHUNK):
            parts.append(part)
            done += len(part)
            if done > limit:
                raise ValueError(f"answer is longer than {limit} bytes")
            if progress:
                progress(done, total, file.name)
    return b"".join(parts)


def _replace(path: Path, content: bytes) -> None:
    """Write beside `path`, then rename, so that a file is there whole or not at all."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")  # not mkstemp: that file only its owner could read
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
