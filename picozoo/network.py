"""What `load` gives back: a program with its card and calibration data, from the zoo, a file, or a user's module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from picozoo import artefact, find
from picozoo.compress import samples
from picozoo.errors import BadFile, UnknownName, Unsupported, UsageError, printable
from picozoo.ir.program import Program
from picozoo.specs import Calibration

if TYPE_CHECKING:
    from types import ModuleType

# Arguments of `load` -> options of the command line.
_OPTION = {"shapes": "--shape (shapes)", "dims": "--dim (dims)", "fixed": "--fix (fixed)"}
_OPTIONS = ", ".join(_OPTION.values())
ARTEFACTS = Path(__file__).parent / "zoo" / "_artefacts"


@dataclass
class Network:
    """A program and what is known about it.

    Args:
        program: float or native; quantisation happens at compile time.
        calibration: None where there is none (then only float32 and native are possible).
        module: the zoo file it came from, for its card, data and metric; None for a user's model.
        size: which of the card's sizes.
        path: the file it was read from.
        source: the PyTorch module it was captured from, for the verification ladder.
    """

    program: Program
    calibration: Calibration | None = None
    module: ModuleType | None = None
    size: str = "default"
    path: Path | None = None
    source: Any = None

    @property
    def name(self) -> str:
        """The program's name; the generated C has it too."""
        return self.program.name

    @property
    def assumed(self) -> str:
        """What was assumed: of dimensions that a file leaves open, of categories that are names; "" if nothing was."""
        return self.program.meta.get("assumed", "")

    @property
    def card(self) -> Any:
        """The zoo card, or None."""
        return self.module.CARD.at(self.size) if self.module is not None else None

    def __repr__(self) -> str:
        functions = ", ".join(f.name for f in self.program.public())
        numbers = sum(a.size for a in self.program.constants.values())
        return f"<network {self.name}: functions {functions}; {numbers:,} constants>"


def load(
    name: str | Path,
    *,
    calibrate: Any = None,
    trust_pickle: bool = False,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    fixed: Mapping[str, Any] | None = None,
) -> Network:
    """A network of the zoo by name, or a file.

    Args:
        name: `lenet5`, `hopfield:tiny` (a size of a network), or the path of a file: `.pz`, or one that an
            importer reads (`.tflite`, `.skops` ...).
        calibrate: typical inputs of the main function, to quantise it with; as `compile` takes them.
        trust_pickle: read a file that runs code when it is opened.
        shapes: input -> its shape, where a file (ONNX, TFLite, .pt2) leaves dimensions open. A batch is 1 by default;
            `Network.assumed` says so.
        dims: name of an open dimension -> its size, wherever the file has it.
        fixed: input -> a value that it always has; it becomes a constant. ONNX files only.

    Raises:
        UnknownName: no network has this name; the message gives the nearest.
        BadFile: the file is missing, damaged, or of a kind that cannot be read.
        UsageError: the file leaves a dimension open that is no batch; names all of them.

    Example:
        >>> load("perceptron")
        <network perceptron: functions forward, learn; 2,307 constants>
    """
    given = {k: v for k, v in (("shapes", shapes), ("dims", dims), ("fixed", fixed)) if v}
    net = _load(str(name), trust_pickle, given)
    if calibrate is not None:
        net.calibration = calibration_of(net.program, calibrate)
    return net


def _load(text: str, trust_pickle: bool, given: Mapping[str, Any]) -> Network:
    if "/" in text or "\\" in text or "." in text or Path(text).is_file():
        return _load_file(Path(text), trust_pickle, given)
    if given:
        raise UsageError(f"{text}: {_OPTIONS} are for model files; a network of the zoo has its shapes")
    base, _, size = text.partition(":")
    module = find.load("zoo", base, "network")
    size = size or "default"
    module.CARD.check_size(size)
    path = artefact_path(base, size)
    if not path.is_file():
        raise BadFile(f"{base}: the trained artefact {path.name} is not installed. Run 'picozoo train {text}'")
    program, calibration = artefact.load_network(path)
    return Network(program, calibration, module, size, path)


def artefact_path(name: str, size: str = "default") -> Path:
    """Where the shipped artefact of a zoo network lies."""
    return ARTEFACTS / f"{name}{'' if size == 'default' else '_' + size}{artefact.SUFFIX}"


@cache
def importers() -> Mapping[str, str]:
    """File suffix -> the file below `picozoo/frontend` that reads it.

    An importer declares `SUFFIXES` and `read(path) -> Program`, in `TAKES` which of the arguments `shapes`, `dims` and
    `fixed` its `read` has, and in `EXECUTES` those of its suffixes whose files run
    code when they are opened.

    Example:
        >>> importers()[".tflite"]
        'tflite'
    """
    found: dict[str, str] = {}
    for name in find.names("frontend"):
        if name != "torch_export":  # reads modules, not files, and importing it imports PyTorch
            found.update(dict.fromkeys(find.load("frontend", name, "importer").SUFFIXES, name))
    return found


def _load_file(path: Path, trust_pickle: bool, given: Mapping[str, Any]) -> Network:
    net = _read_file(path, trust_pickle, given)
    net.program.name = printable(net.program.name)  # a file's own; tables show it
    return net


def _read_file(path: Path, trust_pickle: bool, given: Mapping[str, Any]) -> Network:
    suffix = path.suffix.lower()
    if suffix in importers():
        importer = find.load("frontend", importers()[suffix], "importer")
        if suffix in getattr(importer, "EXECUTES", ()) and not trust_pickle:
            raise UsageError(
                f"{path}: a {suffix} file runs whatever code is in it when it is opened. {importer.INSTEAD}; or, if "
                f"you made this file yourself, say --trust-pickle (trust_pickle=True in Python)"
            )
        takes = getattr(importer, "TAKES", ())
        if other := [k for k in given if k not in takes]:
            allowed = f" it takes {', '.join(_OPTION[k] for k in takes)}" if takes else " its inputs have their shapes"
            raise UsageError(f"{path}: {_OPTION[other[0]]} is not for {suffix} files;{allowed}")
        return Network(importer.read(path, **given), path=path)
    if given:
        raise UsageError(f"{path}: {_OPTIONS} are for files of other tools; this one has its shapes")
    if path.is_dir():
        raise BadFile(f"{path} is a folder; give a file, or the name of a network. See 'picozoo list'")
    if suffix != artefact.SUFFIX:
        if not suffix:
            raise UnknownName(f"{path}: no such file, and no network has this name. See 'picozoo list'")
        raise BadFile(
            f"{path}: files of kind {path.suffix!r} cannot be read yet; picozoo reads "
            f"{', '.join((artefact.SUFFIX, *sorted(importers())))} files. "
            f"In Python, picozoo.compile(module, example_inputs, board=...) takes a PyTorch module"
        )
    program, calibration = artefact.load_network(path)
    module, size = None, program.meta.get("size", "default")
    if program.meta.get("zoo") in find.names("zoo"):
        module = find.load("zoo", program.meta["zoo"], "network")
        if size not in module.CARD.sizes:  # of another version, or hostile: a program like any other
            module = None
    return Network(program, calibration, module, size if module else "default", path)


def from_module(module: Any, examples: Any, *, name: str = "", calibrate: Any = None) -> Network:
    """A user's nn.Module as a network.

    Args:
        module: or what `torch.export.export` gave of one; `examples` are then its own by default.
        examples: example inputs of `forward`, or a mapping of method names to theirs; see
            `frontend.torch_export.capture`.
        calibrate: array of inputs of the main function (first dimension = calls), or a sequence of them, one per
            parameter; None if it will not be quantised.
    """
    from picozoo.frontend.torch_export import capture

    if hasattr(module, "graph_signature") and hasattr(module, "module"):
        examples = examples if examples is not None else module.example_inputs[0]
        module = module.module()
    if examples is None:
        raise UsageError(
            "compile(module, ...) needs example inputs: one tuple of tensors, or a mapping of method names to tuples"
        )
    given = examples if isinstance(examples, Mapping | list | tuple) else (examples,)
    program = capture(module, given, name=name)
    net = Network(program, source=module)
    if calibrate is not None:
        net.calibration = calibration_of(program, calibrate)
    return net


def is_estimator(thing: Any) -> bool:
    """Is this a scikit-learn estimator? Asked without importing scikit-learn."""
    return hasattr(thing, "get_params") and hasattr(thing, "fit") and not hasattr(thing, "state_dict")


def from_estimator(estimator: Any, *, name: str = "", calibrate: Any = None) -> Network:
    """A user's fitted scikit-learn estimator or pipeline as a network; see `frontend.sklearn`."""
    from picozoo.frontend.sklearn import convert

    net = Network(convert(estimator, name=name))
    if calibrate is not None:
        net.calibration = calibration_of(net.program, calibrate)
    return net


def with_learning(
    net: Network, scope: str, *, optimiser: str = "sgd", rate: float = 0.01, snapshot: bool = True, examples: Any = None
) -> Network:
    """The network with a training step: functions `learn`, `snapshot` and `rollback` beside its own.

    Args:
        net: of the zoo, or captured from a module (`from_module`).
        scope, optimiser, rate, snapshot: see `train.gradients.Learning`.
        examples: of a module, what `from_module` was given.

    Raises:
        UsageError: nothing in it can learn by gradients.
        Unsupported: it came from a file without its PyTorch module, or its gradient cannot be traced.
        MissingTool: no PyTorch.
    """
    from picozoo.zoo._card import need_torch

    need_torch("a training step")
    from picozoo.frontend.torch_export import capture
    from picozoo.train.gradients import Learning, learner

    how = Learning(scope, optimiser, rate, snapshot=snapshot)
    main = net.program.main.name
    if net.module is not None:
        from picozoo.train.weights import trained

        module, given = trained(net), dict(net.module.examples(net.size))
        loss = getattr(net.module, "loss", None)
    elif net.source is not None:
        module, loss = net.source, None
        given = dict(examples) if isinstance(examples, Mapping) else {main: tuple(examples)}
    else:
        raise Unsupported(f"{net.name}: a training step needs the PyTorch module; files hold only what it computes")
    twin, more = learner(module, tuple(given[main]), how, main=main, loss=loss)
    program = capture(twin, given | more, name=net.name)
    program.meta = {**net.program.meta, "learn": scope}
    return replace(net, program=program, source=twin, calibration=None)


def calibration_of(program: Program, data: Any) -> Calibration:
    """Check calibration arrays against the main function's parameters.

    Args:
        data: one array an input (a mapping of names to arrays, or a sequence), or a file or folder of them.

    Raises:
        UsageError: wrong number or shapes; says what is expected.
    """
    f = program.main
    if isinstance(data, str | Path):
        data = samples.read(Path(data), [p[1:] for p in f.params])
        data = data[0] if len(data) == 1 else data
    if isinstance(data, Mapping):
        if set(data) != (names := {p[1:] for p in f.params}):
            raise UsageError(f"calibration data: {f.name} takes {sorted(names)}, got {sorted(data)}")
        data = [data[p[1:]] for p in f.params]
        data = data[0] if len(data) == 1 else data
    arrays = (
        list(data) if isinstance(data, list | tuple) and len(data) == len(f.params) and len(f.params) > 1 else [data]
    )
    arrays = [np.asarray(a.detach().numpy() if hasattr(a, "detach") else a) for a in arrays]
    if len(arrays) != len(f.params):
        raise UsageError(f"calibration data: {f.name} takes {len(f.params)} inputs, got {len(arrays)} arrays")
    made = []
    for p, a in zip(f.params, arrays, strict=True):
        t = f.types[p]
        if a.size == 0 or a.size % max(t.size, 1):
            raise UsageError(f"calibration data for {p[1:]}: expected calls x {list(t.shape)}, got {list(a.shape)}")
        made.append(a.reshape(-1, *t.shape).astype(t.numpy))
    if len({len(a) for a in made}) != 1:
        raise UsageError(
            f"calibration data: the arrays hold {[len(a) for a in made]} calls; they must hold the same number"
        )
    alone = tuple(o.name for o in program.public() if not o.params)
    return Calibration(f.name, tuple(made), others=artefact.alike(program, f.name), alone=alone)


__all__ = [
    "ARTEFACTS",
    "Calibration",
    "Network",
    "artefact_path",
    "calibration_of",
    "from_module",
    "load",
    "with_learning",
]
