"""One network in one file: the program's text and its numbers, in the safetensors format.

The file is a plain safetensors container: every constant and state is a tensor under its own reference, and the
header's metadata holds the program text. Large float32 arrays whose every number is one of float16 are stored as such,
so nothing is lost. A quantisable network also carries typical inputs, so that it can be quantised
without its data set: tensors `calibration.FUNCTION.K` (float16 or integers, first dimension = calls) and
`calibration.starts`. Nothing in the file is ever executed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from picozoo.errors import BadFile, PicozooError
from picozoo.ir.program import Program
from picozoo.ir.text import parse_program, print_program
from picozoo.ir.verify import verify
from picozoo.specs import Calibration, TensorType

FORMAT = "picozoo-program-1"
SUFFIX = ".pz"
_CALIBRATION = "calibration."
_MAX_BYTES = 4 << 30
_LARGE = 1024  # numbers; below that half the bytes are not worth a second form


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors of the system name `path`, which the user knows, not the temporary name beside it."""
    try:
        yield
    except FileExistsError as e:  # a file where a folder above it should be
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from e
    except OSError as e:
        raise OSError(e.errno, e.strerror, str(path)) from e


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it is either whole or not there: to a temporary name beside it, then rename.

    A link stays one; what is no ordinary file, such as a device or a pipe, is written to and never replaced.
    """
    with naming(path):
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            _replace(path.resolve(), data)


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def save_program(program: Program, path: Path, calibration: Calibration | None = None) -> None:
    """Write `program` to `path` in one step. The same program gives the same bytes."""
    tensors = {ref: _narrowed(np.asarray(a, order="C")) for ref, a in {**program.constants, **program.states}.items()}
    if calibration is not None:
        for c in (calibration, *calibration.more):
            for k, x in enumerate(c.inputs):
                kept = x.astype(np.float16) if x.dtype.kind == "f" else x
                tensors[f"{_CALIBRATION}{c.function}.{k}"] = np.asarray(kept, order="C")
        tensors[f"{_CALIBRATION}starts"] = np.array(calibration.starts, np.int64)
    # One metadata key only: with more, the library writes them in an order that changes from run to run.
    data = save(tensors, metadata={FORMAT: print_program(program)})
    write_atomically(path, data)


def _narrowed(a: np.ndarray) -> np.ndarray:
    """The array as float16 where it is large and that changes no number of it, else as it is."""
    if a.dtype != np.float32 or a.size < _LARGE:
        return a
    with np.errstate(over="ignore"):
        half = a.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32).view(np.uint32), a.view(np.uint32)) else a


def _widened(a: np.ndarray, declared: TensorType) -> np.ndarray:
    """What `_narrowed` was given."""
    return a.astype(np.float32) if a.dtype == np.float16 and declared.dtype == "f32" else a


def load_program(path: Path) -> Program:
    """As `load_network`, without the calibration data."""
    return load_network(path)[0]


def load_network(path: Path) -> tuple[Program, Calibration | None]:
    """Read a program that `save_program` wrote, checking everything.

    Raises:
        BadFile: missing, truncated, hostile or of another format; says what and where.
    """
    try:
        size = path.stat().st_size
    except OSError as e:
        raise BadFile(f"{path}: cannot be read ({e.strerror}). Check the path") from e
    if size > _MAX_BYTES:
        raise BadFile(f"{path}: {size} bytes is larger than the limit of {_MAX_BYTES}")
    try:
        with safe_open(path, framework="numpy") as f:
            meta = f.metadata() or {}
            if FORMAT not in meta:
                raise BadFile(f"it is not a picozoo program (no {FORMAT!r} in its header)")
            program = parse_program(meta[FORMAT])
            for kind, types, arrays in (
                ("constant", program.constant_types, program.constants),
                ("state", program.state_types, program.states),
            ):
                for ref, declared in types.items():
                    if ref not in f.keys():  # noqa: SIM118 - not a dict
                        raise BadFile(f"the numbers of {kind} {ref} are missing")
                    arrays[ref] = _widened(f.get_tensor(ref), declared)
                    arrays[ref].setflags(write=False)
            calibration = _calibration(program, {k: f.get_tensor(k) for k in f.keys() if k.startswith(_CALIBRATION)})  # noqa: SIM118
        _check_notes(program.meta)
        return verify(program), calibration
    except BadFile as e:
        raise BadFile(f"{path}: {e}") from None
    except (SafetensorError, PicozooError, OSError, ValueError, TypeError, KeyError, RecursionError) as e:
        raise BadFile(f"{path}: truncated or damaged ({e}). Get the file again") from e


def _check_notes(meta: Mapping[str, str]) -> None:
    """Entries that are JSON, and are parsed again where they are used, are what the importers write."""
    if "labels" in meta and not _listed(json.loads(meta["labels"]), str):
        raise BadFile("its labels are no list of names")
    for row in json.loads(meta.get("qdq", "[]")):
        if not _listed(row, int, float):
            raise BadFile("its scales of weights are no lists of numbers")
    for step in json.loads(meta.get("preprocessing", "[]")):
        if step is not None and not (
            isinstance(step, dict) and all(step.get(k) and _listed(step[k], int, float) for k in ("mean", "std"))
        ):
            raise BadFile("what it says of the normalisation of its inputs is no mean and std")


def _listed(value: object, *kinds: type) -> bool:
    return isinstance(value, list) and all(isinstance(v, kinds) and not isinstance(v, bool) for v in value)


def _calibration(program: Program, tensors: dict[str, np.ndarray]) -> Calibration | None:
    """Calibration inputs of the file, checked against the functions they are for."""
    starts = tensors.pop(f"{_CALIBRATION}starts", np.zeros(0, np.int64))
    if not tensors:
        return None
    named = sorted({k.removeprefix(_CALIBRATION).rpartition(".")[0] for k in tensors})
    main = program.main.name if program.main.name in named else named[0]
    found = [_of_function(program, name, tensors) for name in [main, *(n for n in named if n != main)]]
    if starts.ndim != 1:
        raise BadFile(f"its calibration data start at {list(starts.shape)} places")
    alone = tuple(f.name for f in program.public() if not f.params)
    others = tuple(f for f in alike(program, main) if f not in named)
    return replace(found[0], starts=tuple(int(s) for s in starts), others=others, more=tuple(found[1:]), alone=alone)


def alike(program: Program, function: str) -> tuple[str, ...]:
    """Public functions that take what `function` takes and change no state: they can be shown the same inputs."""
    f = program.functions[function]
    want = [f.types[p] for p in f.params]
    return tuple(
        o.name for o in program.public() if o is not f and not o.updates and [o.types[p] for p in o.params] == want
    )


def _of_function(program: Program, function: str, tensors: dict[str, np.ndarray]) -> Calibration:
    f = program.functions.get(function)
    given = {k for k in tensors if k.rpartition(".")[0] == f"{_CALIBRATION}{function}"}
    if f is None or given != {f"{_CALIBRATION}{function}.{k}" for k in range(len(f.params))}:
        raise BadFile(f"its calibration data are for {function!r}, which the program does not have")
    inputs = tuple(tensors[f"{_CALIBRATION}{function}.{k}"] for k in range(len(f.params)))
    for p, x in zip(f.params, inputs, strict=True):
        if x.shape[1:] != f.types[p].shape or len(x) != len(inputs[0]):
            raise BadFile(f"its calibration data for {p} have shape {list(x.shape)}")
    return Calibration(function, inputs)
