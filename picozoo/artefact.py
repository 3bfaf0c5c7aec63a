"""One network in one file: the program's text and its numbers, in the safetensors format.

The file is a plain safetensors container: every constant and state is a tensor under its own reference, and the
header's metadata holds the program text. Nothing in it is ever executed.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from picozoo.errors import BadFile, PicozooError
from picozoo.ir.program import Program
from picozoo.ir.text import parse_program, print_program
from picozoo.ir.verify import verify

FORMAT = "picozoo-program-1"
SUFFIX = ".pz"
_MAX_BYTES = 4 << 30


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it is either whole or not there: to a temporary name beside it, then rename."""
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


def save_program(program: Program, path: Path) -> None:
    """Write `program` to `path` in one step. The same program gives the same bytes."""
    tensors = {ref: np.ascontiguousarray(a) for ref, a in {**program.constants, **program.states}.items()}
    # One metadata key only: with more, the library writes them in an order that changes from run to run.
    data = save(tensors, metadata={FORMAT: print_program(program)})
    write_atomically(path, data)


def load_program(path: Path) -> Program:
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
                for ref in types:
                    if ref not in f.keys():  # noqa: SIM118 - not a dict
                        raise BadFile(f"the numbers of {kind} {ref} are missing")
                    arrays[ref] = f.get_tensor(ref)
                    arrays[ref].setflags(write=False)
        return verify(program)
    except BadFile as e:
        raise BadFile(f"{path}: {e}") from None
    except (SafetensorError, PicozooError, OSError, ValueError, TypeError, KeyError) as e:
        raise BadFile(f"{path}: truncated or damaged ({e}). Get the file again") from e
