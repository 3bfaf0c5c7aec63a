"""PyTorch files in: `.pt2`, as `torch.export.save` writes them.

`torch.export.load` may unpickle parts of a file and looks up any function that the file names, so that a hostile file
could run code. Here a file is checked first, and only a copy of what is data is given to it: the graph, if all it calls
are ATen operators, with numbers for all its sizes, and weights that are plain bytes. Sample inputs, which are pickled,
and everything else are left out. `.pt` and `.pth` files are pickles without a graph, and are refused.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from picozoo._untrusted import zipped
from picozoo.errors import BadFile, MissingTool, PicozooError, Unsupported, UsageError
from picozoo.frontend._torch_sizes import closed
from picozoo.ir.program import Program

SUFFIXES = (".pt2", ".pt", ".pth")
TAKES = ("shapes", "dims")  # what `read` takes besides the path
MOST_BYTES = 1 << 30
_CALLS = re.compile(r"torch\.ops\.(aten|quantized_decomposed|torchao|higher_order)\.(?!__)\w+(\.(?!__)\w+)?"
                    r"|torch\.ops\.aten\.__(and|or|xor|lshift|rshift)__\.\w+"
                    r"|_operator\.(getitem|add|sub|mul|floordiv|mod)")  # fmt: skip
_KEPT = re.compile(
    r"archive_format|archive_version|byteorder|\.data/version|\.data/serialization_id|models/model\.json"
    r"|data/(weights|constants)/(weight_\d+|tensor_\d+|model_(weights|constants)_config\.json)"
)
_METADATA = ("stack_trace", "nn_module_stack")
_HOW = "torch.export.save(torch.export.export(model.eval(), (example_input,)), 'model.pt2')"


def read(
    path: Path, shapes: Mapping[str, Sequence[int]] | None = None, dims: Mapping[str, int] | None = None
) -> Program:
    """Read a `.pt2` file as a program with one function, `forward`.

    Args:
        shapes, dims: input -> its shape, and name -> size, of dimensions that the file leaves open; see `_dims.close`.

    Raises:
        BadFile: missing, damaged, a pickle, or with anything in it that is not data.
        MissingTool: PyTorch is not installed.
        Unsupported: operators that picozoo cannot compile, all of them at once.
        UsageError: a dimension is open; or `shapes` or `dims` do not fit the file.
    """
    if path.suffix.lower() != ".pt2":
        raise BadFile(
            f"{path}: a {path.suffix} file is a pickle, which runs code when it is opened, and has no graph of the "
            f"network in it. Where the model is defined, write {_HOW}"
        )
    try:
        data, assumed = _clean(path, shapes, dims)
    except OSError as e:
        raise BadFile(f"{path}: cannot be read ({e.strerror or e}). Check the path") from e
    except (BadFile, Unsupported, UsageError) as e:
        raise type(e)(f"{path}: {e}") from None
    except Exception as e:  # zipfile and json raise many kinds for damaged files
        raise BadFile(f"{path}: truncated or damaged ({type(e).__name__}: {e}). Get the file again") from e
    try:
        import torch
    except ImportError:
        raise MissingTool(f"{path}: reading it needs PyTorch. Install it with: pip install 'picozoo[train]'") from None
    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")
        try:
            if b"quantized_decomposed" in data:
                importlib.import_module("torch.ao.quantization.fx._decomposed")  # PyTorch knows them only then
            exported = torch.export.load(io.BytesIO(_with_inputs(data)))
        except Exception as e:  # whatever PyTorch raises for what it cannot read
            raise BadFile(
                f"{path}: damaged, or from a version of PyTorch that {torch.__version__} cannot read "
                f"({type(e).__name__}). Export the model again"
            ) from e
        from picozoo.frontend._torch_file import from_exported

        try:
            program = from_exported(exported, re.sub(r"\W", "_", path.stem))
        except PicozooError as e:
            raise type(e)(f"{path}: {e}") from None
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, AssertionError) as e:
            raise BadFile(f"{path}: damaged ({type(e).__name__}: {str(e)[:160]}). Export the model again") from e
    program.meta |= {"assumed": assumed} if assumed else {}
    return program


def _with_inputs(data: bytes) -> bytes:
    """With sample inputs made here, which PyTorch insists on: none."""
    import torch

    inputs, out = io.BytesIO(), io.BytesIO(data)
    torch.save(((), {}), inputs)
    with zipfile.ZipFile(out, "a") as z:
        z.writestr("archive/data/sample_inputs/model.pt", inputs.getvalue())
    return out.getvalue()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """PyTorch logs a traceback of every file that it cannot read; the sentence says it."""
    import logging

    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _clean(path: Path, shapes: Mapping[str, Sequence[int]] | None, dims: Mapping[str, int] | None) -> tuple[bytes, str]:
    """The parts of the file that are data, as a file of their own, and what was assumed of open dimensions."""
    if path.stat().st_size > MOST_BYTES:
        raise BadFile(f"{path.stat().st_size} bytes is larger than the limit of {MOST_BYTES}")
    out, assumed = io.BytesIO(), ""
    with zipped(path, MOST_BYTES) as old, zipfile.ZipFile(out, "w") as new:
        items = old.infolist()
        roots = {i.filename.split("/")[0] for i in items}
        if len(roots) != 1:
            raise BadFile(f"it is not a .pt2 file of PyTorch. Write it with {_HOW}")
        (root,) = roots
        names = {i.filename.removeprefix(f"{root}/") for i in items}
        if "models/model.json" not in names:
            raise BadFile(f"it holds no exported program named 'model'. Write it with {_HOW}")
        for item in items:
            name = item.filename.removeprefix(f"{root}/")
            if not _KEPT.fullmatch(name):
                if name.startswith(("data/constants/", "data/weights/")):
                    raise BadFile(f"{name} in it is not plain numbers and is not opened")
                continue
            part = old.read(item)
            if name.endswith(".json"):
                held = json.loads(part)
                if name == "models/model.json":
                    assumed = closed(held, shapes, dims)
                part = json.dumps(_checked(name, held)).encode()
            new.writestr(f"archive/{name}", part)
    return out.getvalue(), assumed


def _checked(name: str, held: Any) -> Any:
    """The JSON again, without what is not needed.

    Raises:
        BadFile: it asks for something to be unpickled or calculated, or calls what is not an operator.
    """
    if not isinstance(held, dict):
        raise BadFile(f"{name} in it is not what it should be")
    if name != "models/model.json":
        for key, entry in held["config"].items():
            if entry.get("use_pickle") is not False or not re.fullmatch(r"(weight|tensor)_\d+", entry["path_name"]):
                raise BadFile(f"{key[:80]!r} in it is pickled and is not opened")
        return {"config": held["config"]}
    todo: list[Any] = [held]
    while todo:
        here = todo.pop()
        if isinstance(here, list):
            todo += here
            continue
        if not isinstance(here, dict):
            continue
        if "expr_str" in here or "as_expr" in here:
            raise BadFile("a size in it is not a number and is not calculated")
        if isinstance(here.get("metadata"), dict) and "target" in here:
            here["metadata"] = {k: v for k, v in here["metadata"].items() if k in _METADATA and isinstance(v, str)}
            if not (isinstance(here["target"], str) and _CALLS.fullmatch(here["target"])):
                raise BadFile(f"it calls {str(here['target'])[:80]!r}, which is no operator of PyTorch and is not run")
        if "as_operator" in here or "as_custom_obj" in here:
            raise Unsupported("it has operators or objects of your own as arguments")
        todo += here.values()
    return held | {"guards_code": [], "range_constraints": {}}
