"""The command line as such: help, start-up, exit codes, error sentences."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from picozoo import find
from picozoo.cli import _common, cli, main
from picozoo.cli._main import SECTIONS
from picozoo.errors import BuildFailed, PicozooError, UsageError

from .conftest import Run

COMMANDS = find.names("cli")


def test_help(run: Run) -> None:
    """Every command once, with a line about it, in its section; docs/cli.md has their whole texts."""
    said = run("--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("Usage: picozoo [OPTIONS] COMMAND [ARGS]...")
    at = [said.out.index(f"\n{title}:\n") for title, _ in SECTIONS]
    assert at == sorted(at)
    for name in COMMANDS:
        assert len(re.findall(rf"^  {name} +[A-Z]", said.out, re.MULTILINE)) == 1
    assert said.out.endswith("Start with: picozoo run lenet5 --board nano33ble\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_a_place(run: Run, name: str) -> None:
    said = run(name, "--help")
    assert said.code == 0 and said.err == ""
    assert said.out.startswith(f"Usage: picozoo {name}")
    assert any(name in names for _, names in SECTIONS), "give it a section in cli/_main.py"
    command = cli.get_command(click.Context(cli), name)
    assert command is not None and command.short_help and command.help


@pytest.mark.parametrize("words", [["--help"], *[[name, "--help"] for name in COMMANDS]], ids=" ".join)
def test_help_is_light(words: list[str]) -> None:
    code = "import sys\nfrom picozoo.cli import main\nmain(sys.argv[1:])\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    heavy = {"torch", "numpy", "rich", "capstone", "unicorn", "elftools", "safetensors", "sklearn"}
    loaded = set(done.stderr.split())
    assert not heavy & loaded
    assert len(loaded) < 250  # what takes the time; bench/figures.py measures it


def test_version(run: Run) -> None:
    assert run("--version").out.startswith("picozoo ")


def test_choices_are_those_of_the_compiler() -> None:
    from picozoo import compiler, export
    from picozoo.cli import compile as compile_command
    from picozoo.compress.ranges import METHODS

    assert _common.PRECISIONS == compiler.PRECISIONS
    assert _common.METHODS == METHODS
    assert _common.PREFER == compiler.PREFER
    assert set(compile_command.KINDS) == set(export.names())


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["rum"], 2, "no command is called 'rum'; did you mean run?"),
        (["run", "lenet5", "--bord", "pico"], 2, "no option is called --bord; did you mean --board"),
        (["run", "lenet5", "-b", "nano33bel"], 2, "did you mean nano33ble? See 'picozoo boards'"),
        (["run", "lenet5", "-b", ","], 2, "--board needs a name. See 'picozoo boards'"),
        (["run", "lenet", "-b", "pico"], 2, "no network is called 'lenet'; did you mean lenet5? See 'picozoo list'"),
        (["run", "lenet5:huge", "-b", "pico"], 2, "the size must be one of default, got 'huge'"),
        (["run", "lenet5", "-b", "pico", "-n", "-3"], 2, "picozoo run: Invalid value for '-n'"),
        (["run", "lenet5", "-b", "pico", "--precision", "int4"], 2, "'int4' is not one of"),
        (["run", "lenet5", "-b", "host", "--precision", "native"], 2, "is in floats; use int8 or float32"),
        (["run", "gone.pz", "-b", "pico"], 1, "gone.pz: cannot be read"),
        (["run", "model.gguf", "-b", "pico"], 1, "files of kind '.gguf' cannot be read yet"),
        (["run", "lenet5", "-b", "host", "--output", "y.npy"], 2, "--output, --function and --real need --input FILE"),
        (["show", "lenet5", "--c"], 2, "--c needs --board B"),
        (["compile", "perceptron", "-b", "host,uno", "-o", "x"], 2, "--board takes one board here"),
        (["compile", "lenet5", "-b", "uno", "-o", "x"], 1, "bytes of flash for tables alone, uno has 32,768"),
        (["bisect", "lenet5", "-b", "all"], 2, "--board takes one board here"),
        (["data", "get", "mnits"], 2, "no data set is called 'mnits'; did you mean mnist"),
        (["train", "lenet6"], 2, "no network is called 'lenet6'; did you mean lenet5?"),
        (["new", "board", "My Board"], 2, "a board is called by small letters, digits and _"),
        (["new", "board", "pico"], 2, "there is a board called 'pico' already"),
        (["new", "network", "mine", "-o", "."], 2, "is no checkout of picozoo"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_misuse_is_told_in_one_sentence(run: Run, words: list[str], code: int, sentence: str) -> None:
    said = run(*words)
    assert said.code == code, said.err
    assert said.out == ""
    progress = tuple(f"{board}: " for board in find.names("boards"))
    lines = [line for line in said.err.splitlines() if not line.startswith(progress)]
    assert len(lines) == 1 and sentence in lines[0]
    assert "Traceback" not in said.err
    assert not any(Path.cwd().iterdir()), "it left something behind"


@pytest.mark.parametrize("words", [[], ["data"]])
def test_without_a_command_there_is_help(run: Run, words: list[str]) -> None:
    said = run(*words)
    assert (said.out + said.err).startswith("Usage: picozoo") and (said.out + said.err).count("\n") > 5


def test_where_nothing_can_be_written(run: Run) -> None:
    """The name is the user's, not that of a temporary file; a device is written to and stays one."""
    Path("file").write_text("no folder")
    for words in (["-o", "file/out"], ["-o", "file"]):
        said = run("compile", "perceptron", "-b", "host", *words)
        assert said.code in (1, 2) and said.err.startswith(f"picozoo: {words[1]}"), said.err
    said = run("run", "perceptron", "-b", "host", "-n", "1", "--html", "file/page.html")
    assert said.code == 1 and "picozoo: file/page.html: Not a directory" in said.err
    if Path("/dev/full").is_char_device():
        said = run("run", "perceptron", "-b", "host", "-n", "1", "--html", "/dev/full")
        assert said.code == 1 and "/dev/full: No space left on device" in said.err
        assert Path("/dev/full").is_char_device()


def test_a_folder_in_place_of_a_file(run: Run) -> None:
    said = run("show", ".")
    assert said.code == 1 and ". is a folder; give a file" in said.err


def test_bad_files(run: Run, tmp_path: Path) -> None:
    whole = find_artefact("perceptron").read_bytes()
    for name, content in (
        ("empty.pz", b""),
        ("noise.pz", bytes(range(256)) * 9),
        ("short.pz", whole[: len(whole) // 2]),
    ):
        (tmp_path / name).write_bytes(content)
        said = run("run", name, "-b", "host")
        assert said.code == 1 and said.err.count("\n") == 1 and f"{name}: truncated or damaged" in said.err


EVIL = "ev\x1b[31mil\x07\x9b"


@pytest.mark.parametrize(
    "words",
    [
        ["show", f"{EVIL}.pz"],
        ["show", EVIL],
        ["run", "lenet5", "-b", EVIL],
        ["run", "lenet5", "--calibrate", f"{EVIL}.npy"],
        ["compile", "perceptron", "-b", "uno", "-o", f"file/{EVIL}"],
        ["fit", f"--{EVIL}"],
        ["fit", "lenet5", "--prefer", EVIL],
        [EVIL],
    ],
    ids=repr,
)
def test_names_cannot_steer_the_terminal(run: Run, words: list[str]) -> None:
    Path("file").write_text("no folder")
    said = run(*words)
    assert said.code != 0 and said.err.count("\n") == 1
    assert said.err[:-1].isprintable() and said.out == ""


def test_files_cannot_steer_the_terminal(run: Run) -> None:
    """Names in a sound file and that of the file itself, in tables, pages and what did not work."""
    onnx = pytest.importorskip("onnx")
    make = onnx.helper
    ends = [make.make_tensor_value_info(f"{v}{EVIL}", onnx.TensorProto.FLOAT, [1, 4]) for v in "xy"]
    node = make.make_node("Relu", [f"x{EVIL}"], [f"y{EVIL}"], name=f"relu{EVIL}")
    onnx.save(make.make_model(make.make_graph([node], EVIL, *([end] for end in ends))), f"{EVIL}.onnx")
    for words in ("show", "show --ir", "fit -b host", "run -b host,uno --no-html", "quantise"):
        said = run(*words.split(), f"{EVIL}.onnx")
        assert (said.out + said.err).replace("\n", "").isprintable(), words


def find_artefact(name: str) -> Path:
    from picozoo.network import artefact_path

    return artefact_path(name)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "stopped"),
        (click.Abort(), 130, "stopped"),
        (UsageError("wrong"), 2, "picozoo: wrong"),
        (BuildFailed("no"), 1, "picozoo: no"),
        (PermissionError(13, "Permission denied", "x.html"), 1, "picozoo: x.html: Permission denied"),
        (MemoryError(), 1, "not enough memory"),
        (ZeroDivisionError("division by zero"), 1, "bug in picozoo; --debug shows where"),
        (BrokenPipeError(), 0, ""),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, BaseException) else None,
)
def test_exit_codes(run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, words: str) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli, "main", fails)
    if isinstance(error, BrokenPipeError):
        monkeypatch.setattr("os.dup2", lambda *_: None)
    said = run("boards")
    assert said.code == code and words in said.err
    assert "Traceback" not in said.err
    if isinstance(error, PicozooError):
        assert "Traceback" in run("boards", "--debug").err


def test_debug_may_stand_anywhere(run: Run) -> None:
    for words in (["--debug", "show", "nothing"], ["show", "--debug", "nothing"]):
        said = run(*words)
        assert said.code == 2 and "Traceback" in said.err


def test_broken_pipe_is_silent() -> None:
    code = f"{sys.executable} -m picozoo boards | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_can_be_called_twice() -> None:
    # the module of the command `list` must not hide the builtin
    assert main(["list", "--help"]) == main(["list", "--help"]) == 0


def test_help_names_every_kind_of_file(run: Run) -> None:
    from picozoo.artefact import SUFFIX
    from picozoo.network import importers

    said = run("run", "--help").out
    pickles = {".pkl", ".pickle", ".joblib", ".pt", ".pth"}  # refused, or only with --trust-pickle
    for suffix in {SUFFIX, *importers()} - pickles:
        assert suffix in said
