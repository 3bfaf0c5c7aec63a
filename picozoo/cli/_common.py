"""What commands share: common options, how errors are told."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from picozoo import find
from picozoo.errors import BadFile, PicozooError, UsageError, printable

if TYPE_CHECKING:
    from picozoo.compiler import Options
    from picozoo.network import Network

F = TypeVar("F", bound=Callable[..., Any])

# Equal to the tuples in compiler.py and compress/ranges.py (a test says so), which would bring in NumPy.
PRECISIONS = ("auto", "int8", "float32", "native")
METHODS = ("mse", "percentile", "minmax")
PREFER = ("speed", "balanced", "size", "ram")
IO = ("int8", "float32")
LEARN = ("last-layer", "bias", "all")  # as train/gradients.py has them
OPTIMISERS = ("sgd", "momentum", "adam")
TOOLCHAINS = ("zig", "gcc")


class Command(click.Command):
    """A command that takes --debug in any place."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(["--debug"], is_flag=True, expose_value=False, help="Show the traceback of an error.")
        )


def json_option(what: str) -> Callable[[F], F]:
    """--json; `what` completes "Print ... as JSON"."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what} as JSON, and nothing else on stdout.")


def network_argument(f: F) -> F:
    """The network: a name of the zoo or a file."""
    return click.argument("network", metavar="NAME|FILE")(f)


def compile_options(f: F) -> F:
    """The fields of `compiler.Options`, as one keyword argument each."""
    rows: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
        (
            "--precision",
            PRECISIONS,
            "auto",
            "auto: integers as they are, int8 where there is calibration data, else float32.",
        ),
        ("--method", METHODS, "mse", "How calibration chooses ranges for int8."),
        ("--prefer", PREFER, "balanced", "What the C compiler and the kernels favour."),
        ("--toolchain", TOOLCHAINS, "zig", "zig: bundled Clang. gcc: the chip's vendor compiler, if installed."),
        ("--io", IO, "int8", "Inputs and outputs of an int8 network: as integers, or as real numbers."),
    )
    for flag, allowed, default, text in reversed(rows):
        f = click.option(flag, type=click.Choice(allowed), default=default, show_default=True, help=text)(f)
    return f


def _named(text: str) -> tuple[str, str]:
    """NAME=VALUE. Raises UsageError if it is not."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"{text!r} should be NAME=VALUE")
    return name, value


def _numbers(name: str, text: str) -> list[int]:
    try:
        return [int(n) for n in text.split(",") if n.strip()]
    except ValueError:
        raise UsageError(f"--shape {name}={text}: a shape is whole numbers with commas, such as 1,3,224,224") from None


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--dim {name}={text}: a size is a whole number, such as 16") from None


def _value(name: str, text: str) -> Any:
    """Numbers with commas, or the array in a .npy file."""
    import numpy as np

    from picozoo._untrusted import array

    try:
        if text.endswith(".npy"):
            return array(Path(text).read_bytes())
        words = [w.strip() for w in text.split(",") if w.strip()]
        whole = all(w.lstrip("+-").isdigit() for w in words)
        return np.array([int(w) if whole else float(w) for w in words])
    except (OSError, ValueError, BadFile) as e:
        raise UsageError(f"--fix {name}={text}: give numbers with commas or a .npy file ({e})") from None


@dataclass(frozen=True)
class Model:
    """What the options of `model_options` say: how to read the network, and how to quantise it."""

    calibrate: str
    int8: bool
    int16: tuple[str, ...]
    keep_float: tuple[str, ...]
    weights: tuple[str, ...]
    trust_pickle: bool
    tune: bool = False
    forms: tuple[str, ...] = ()
    learn: str = ""
    optimiser: str = "sgd"
    rate: float = 0.01
    snapshot: bool = True
    shapes: tuple[str, ...] = ()
    dims: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()

    def load(self, name: str) -> Network:
        """The network, with its calibration data, and a training step where one is asked for.

        What was assumed of dimensions that the file leaves open is told on stderr.
        """
        from picozoo.network import load, with_learning

        shapes = {k: _numbers(k, v) for k, v in map(_named, self.shapes)}
        dims = {k: _number(k, v) for k, v in map(_named, self.dims)}
        fixed = {k: _value(k, v) for k, v in map(_named, self.fixed)}
        data = self.calibrate or None
        net = load(name, calibrate=data, trust_pickle=self.trust_pickle, shapes=shapes, dims=dims, fixed=fixed)
        if net.assumed:
            print(printable(f"{name}: {net.assumed}"), file=sys.stderr)
        if not self.learn:
            return net
        return with_learning(net, self.learn, optimiser=self.optimiser, rate=self.rate, snapshot=self.snapshot)

    def options(self, precision: str, method: str, prefer: str, toolchain: str, io: str) -> Options:
        """All options of the compiler.

        Raises:
            UsageError: --int8 beside another --precision.
        """
        from picozoo.compiler import Options

        if self.int8 and precision not in ("auto", "int8"):
            raise UsageError(f"--int8 and --precision {precision} exclude each other")
        precision = "int8" if self.int8 or (precision == "auto" and self.int16) else precision
        layers = (self.keep_float, self.int16, self.weights)
        return Options(precision, method, prefer, toolchain, io, *layers, self.tune, self.forms)

    def words(self) -> list[str]:
        """The options again, as words of a command line."""
        found = ["--calibrate", self.calibrate] if self.calibrate else []
        for flag, names in (
            ("--int16", self.int16),
            ("--keep-float", self.keep_float),
            ("--weights", self.weights),
            ("--forms", self.forms),
            ("--shape", self.shapes),
            ("--dim", self.dims),
            ("--fix", self.fixed),
        ):
            found += [w for n in names for w in (flag, n)]
        found += ["--tune"] if self.tune else []
        if self.learn:
            found += ["--learn", self.learn, "--optimiser", self.optimiser, "--rate", f"{self.rate:g}"]
            found += [] if self.snapshot else ["--no-snapshot"]
        return found + (["--trust-pickle"] if self.trust_pickle else [])


def model_options(f: F) -> F:
    """Options about the model file and its quantisation; the command gets one argument, `model`."""

    @functools.wraps(f)
    def command(
        *args: Any,
        calibrate: str,
        int8: bool,
        int16: tuple[str, ...],
        keep_float: tuple[str, ...],
        weights: tuple[str, ...],
        trust_pickle: bool,
        tune: bool,
        forms: tuple[str, ...],
        shapes: tuple[str, ...],
        dims: tuple[str, ...],
        fixed: tuple[str, ...],
        **others: Any,
    ) -> Any:
        def split(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(n.strip() for part in names for n in part.split(",") if n.strip())

        layers = (split(int16), split(keep_float), split(weights))
        options = (trust_pickle, tune, split(forms))
        model = Model(calibrate, int8, *layers, *options, shapes=shapes, dims=dims, fixed=fixed)
        return f(*args, model=model, **others)

    made: Any = command
    for option in (
        click.option(
            "--fix",
            "fixed",
            multiple=True,
            metavar="NAME=VALUE",
            help="ONNX: an input that always has this value: numbers with commas, or a .npy file.",
        ),
        click.option(
            "--dim",
            "dims",
            multiple=True,
            metavar="NAME=N",
            help="The size of a dimension that the file leaves open and names, such as seq=16.",
        ),
        click.option(
            "--shape",
            "shapes",
            multiple=True,
            metavar="NAME=N,N…",
            help="The shape of an input whose dimensions the file leaves open.  [default: 1 for a batch]",
        ),
        click.option("--trust-pickle", is_flag=True, help="Open a .pkl or .joblib file, which runs the code in it."),
        click.option(
            "--forms",
            multiple=True,
            metavar="LAYER=FORM[,…]",
            help="Forms of layers, as the C made with --tune names them.",
        ),
        click.option("--tune", is_flag=True, help="Choose each layer's form by the instructions the board counts."),
        click.option(
            "--weights",
            multiple=True,
            metavar="KIND[/N][:LAYER][,…]",
            help="int8: weights of fewer bits in flash: int4, int2 or ternary, with a factor for each N weights, for "
            "all layers or one.",
        ),
        click.option(
            "--keep-float", multiple=True, metavar="LAYER[,…]", help="int8: leave these layers in float32; see 'show'."
        ),
        click.option(
            "--int16", multiple=True, metavar="LAYER[,…]", help="int8: let these layers work on int16 activations."
        ),
        click.option("--int8", is_flag=True, help="The same as --precision int8."),
        click.option(
            "--calibrate",
            default="",
            metavar="DATA",
            help="Typical inputs for int8: .npy, .npz (an array an input), or a folder with one such file a call.",
        ),
    ):
        made = option(made)
    return made  # type: ignore[no-any-return]


def learn_options(f: F) -> F:
    """Options about learning on the board; they go into the argument `model`, so this stands under `model_options`."""

    @functools.wraps(f)
    def command(
        *args: Any, model: Model, learn: str, optimiser: str, rate: float, no_snapshot: bool, **rest: Any
    ) -> Any:
        told = replace(model, learn=learn or "", optimiser=optimiser, rate=rate, snapshot=not no_snapshot)
        return f(*args, model=told, **rest)

    made: Any = command
    for option in (
        click.option("--no-snapshot", is_flag=True, help="--learn: keep no copy to roll back to; less RAM."),
        click.option("--rate", type=float, default=0.01, show_default=True, help="--learn: learning rate."),
        click.option(
            "--optimiser", type=click.Choice(OPTIMISERS), default="sgd", show_default=True, help="--learn: the rule."
        ),
        click.option(
            "--learn", type=click.Choice(LEARN), help="Add a training step for these parameters; needs PyTorch."
        ),
    ):
        made = option(made)
    return made  # type: ignore[no-any-return]


def board_names(text: tuple[str, ...] | str) -> list[str]:
    """Board names of one or more comma-separated lists; `all` stands for every board.

    Raises:
        UnknownName: one of them is no board.
        UsageError: none is given.

    Example:
        >>> board_names("pico,uno,pico")
        ['pico', 'uno']
    """
    from picozoo.errors import UnknownName

    known = find.names("boards")
    lists = (text,) if isinstance(text, str) else text
    names = [n.strip() for part in lists for n in part.split(",") if n.strip()]
    if not names:
        raise UsageError("--board needs a name. See 'picozoo boards'")
    found: dict[str, None] = {}
    for name in names:
        if name != "all" and name not in known:
            raise UnknownName(find.unknown("board", name, known, "picozoo boards"))
        found.update(dict.fromkeys(known if name == "all" else [name]))
    return list(found)


def report_error(error: BaseException, *, debug: bool = False) -> int:
    """Tell the user in one sentence on stderr, and choose the exit code."""
    if isinstance(error, click.exceptions.Exit | SystemExit):
        code = error.exit_code if isinstance(error, click.exceptions.Exit) else error.code
        return code if isinstance(code, int) else int(code is not None)
    if isinstance(error, click.UsageError) and type(error).__name__ == "NoArgsIsHelpError":  # of Click 8.2 and later
        print(error.format_message(), file=sys.stderr)
        return 2
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    sentence, code = _told(error)
    print(printable(sentence), file=sys.stderr)
    return code


def _told(error: BaseException) -> tuple[str, int]:
    if isinstance(error, click.NoSuchOption):
        near = f"; did you mean {' or '.join(sorted(error.possibilities)[:3])}?" if error.possibilities else "."
        where = error.ctx.command_path if error.ctx else "picozoo"
        return f"{where}: no option is called {error.option_name}{near} See '{where} --help'", 2
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else "picozoo"
        text = error.format_message().rstrip(".")
        see = "" if "--help" in text else f". See '{where} --help'"
        return f"{where}: {text}{see}", 2
    if isinstance(error, click.ClickException):
        return f"picozoo: {error.format_message()}", error.exit_code
    if isinstance(error, PicozooError):
        return f"picozoo: {error}", error.exit_code
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "picozoo: stopped. Nothing half-written is left behind", 130
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return f"picozoo: {name}{error.strerror or error}", 1
    if isinstance(error, MemoryError):
        return "picozoo: this machine has not enough memory for it. Use a smaller network or fewer --samples", 1
    kind = type(error).__name__
    return f"picozoo: unexpected {kind}: {error}. This is a bug in picozoo; --debug shows where, please report it", 1
