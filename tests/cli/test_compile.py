"""compile: what it writes compiles without warnings, runs, and never harms what was there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from picozoo import compile as compile_network
from picozoo import export, find
from picozoo.errors import UsageError
from picozoo.export._folder import write_folder

from .conftest import Run

STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O1"]
CASES = [(name, "nano33ble") for name in find.names("zoo")] + [
    ("perceptron", "uno"),
    ("lenet5", "host"),
    ("hopfield:tiny", "esp32c3"),
]
ARDUINO = """\
#include <cstddef>
#include <cstdio>
#define PROGMEM
#define F(text) text
#define pgm_read_byte(at) (*(at))
static struct {
  void begin(long) {}
  void print(const char *s) { std::printf("%s", s); }
  void println(unsigned long) {}
} Serial;
static unsigned long micros() { return 0; }
static void delay(int) {}
#include "SKETCH"
int main() { setup(); loop(); }
"""


def compiler(language: str = "cc") -> list[str]:
    """GCC if it is here, since users have it, else the Clang that comes with picozoo."""
    gcc = shutil.which("gcc" if language == "cc" else "g++")
    return [gcc] if gcc else [sys.executable, "-m", "ziglang", language]


@pytest.mark.parametrize(("name", "board"), CASES, ids=[f"{n}-{b}" for n, b in CASES])
def test_example_compiles_strictly_and_is_right(run: Run, name: str, board: str) -> None:
    said = run("compile", name, "-b", board, "-o", "out")
    assert said.code == 0, said.err
    c = Path(f"out/{name.partition(':')[0]}.c")
    done = subprocess.run(
        [*compiler(), *STRICT, "-ffp-contract=off", c, "out/example_main.c", "-o", "example"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:2000]
    ran = subprocess.run(["./example"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0 and "as expected" in ran.stdout and "NOT" not in ran.stdout


def test_float_example(run: Run) -> None:
    assert run("compile", "lenet5", "-b", "nano33ble", "--precision", "float32", "-o", "out").code == 0
    subprocess.run(
        [*compiler(), *STRICT, "-ffp-contract=off", "out/lenet5.c", "out/example_main.c", "-o", "example"], check=True
    )
    assert subprocess.run(["./example"], capture_output=True, check=False).returncode == 0


def test_example_without_stdio(run: Run) -> None:
    run("compile", "perceptron", "-b", "host", "-o", "out")
    subprocess.run(
        [*compiler(), *STRICT, "-DEXAMPLE_NO_STDIO", "out/perceptron.c", "out/example_main.c", "-o", "example"],
        check=True,
    )
    assert subprocess.run(["./example"], capture_output=True, check=False).stdout == b""


@pytest.mark.skipif(not shutil.which("cmake") or not shutil.which("gcc"), reason="needs cmake and gcc")
def test_cmake(run: Run) -> None:
    run("compile", "perceptron", "-b", "host", "-o", "out")
    for words in (["-S", "out", "-B", "build"], ["--build", "build"]):
        done = subprocess.run(["cmake", *words], capture_output=True, text=True, check=True)
        assert "warning" not in done.stdout + done.stderr
    assert subprocess.run(["ctest", "--test-dir", "build"], capture_output=True, check=False).returncode == 0


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("kind", export.names())
def test_same_bytes_every_time_and_a_card_of_all(run: Run, kind: str) -> None:
    for folder in ("a", "b", "a"):
        said = run("compile", "perceptron", "-b", "nano33ble", "-o", folder, "--export", kind)
        assert said.code == 0, said.err
    files = everything(Path("a"))
    assert files == everything(Path("b"))
    assert {p.name for p in Path.cwd().iterdir()} == {"a", "b"}
    card = json.loads(files.pop("perceptron.json"))
    assert set(card["files"]) == set(files) and card["kind"] == kind
    assert {f["name"] for f in card["functions"]} == {"forward", "learn"}
    assert card["functions"][0]["inputs"][0] | {"offset": 0} == {
        "name": "x",
        "macro": "PERCEPTRON_FORWARD_X",
        "dtype": "i8",
        "shape": [400],
        "offset": 0,
        "bytes": 400,
        "scale": None,
        "zero_point": None,
    }


MUST = {
    "arduino": {
        "library.properties",
        "src/lenet5.h",
        "src/lenet5.c",
        "src/pz_base.h",
        "examples/lenet5_example/lenet5_example.ino",
    },
    "platformio": {"library.json", "include/lenet5.h", "src/lenet5.c", "examples/basic/main.c"},
    "zephyr": {
        "zephyr/module.yml",
        "Kconfig",
        "CMakeLists.txt",
        "include/lenet5.h",
        "samples/lenet5/prj.conf",
        "samples/lenet5/src/main.c",
    },
    "esp-idf": {
        "idf_component.yml",
        "CMakeLists.txt",
        "include/lenet5.h",
        "src/lenet5.c",
        "examples/lenet5/main/main.c",
    },
    "cmake": {"CMakeLists.txt", "lenet5.h", "lenet5.c", "example_main.c"},
}


@pytest.mark.parametrize("kind", export.names())
def test_layout_of_each_ecosystem(kind: str) -> None:
    files = export.files(compile_network("lenet5", board="nano33ble"), kind)
    assert set(files) >= MUST[kind]
    if kind == "platformio":
        assert json.loads(files["library.json"])["headers"] == "lenet5.h"
    if kind == "esp-idf":
        assert 'idf_component_register(SRCS "src/lenet5.c"' in files["CMakeLists.txt"]
    if kind == "zephyr":
        assert (
            "config PICOZOO_LENET5\n" in files["Kconfig"]
            and "zephyr_library_sources(src/lenet5.c)" in files["CMakeLists.txt"]
        )


def test_arduino_sketch(run: Run) -> None:
    run("compile", "lenet5", "-b", "nano33ble", "-o", "lib", "--export", "arduino")
    Path("main.cpp").write_text(ARDUINO.replace("SKETCH", "lib/examples/lenet5_example/lenet5_example.ino"))
    subprocess.run([*compiler(), *STRICT, "-c", "lib/src/lenet5.c", "-o", "net.o"], check=True)
    subprocess.run(
        [*compiler("c++"), "-Wall", "-Wextra", "-Werror", "-Ilib/src", "main.cpp", "net.o", "-o", "sketch"], check=True
    )
    assert "lenet5: as expected" in subprocess.run(["./sketch"], capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(not shutil.which("avr-gcc"), reason="needs avr-gcc ('apt install gcc-avr avr-libc')")
def test_arduino_library_compiles_for_avr(run: Run) -> None:
    run("compile", "perceptron", "-b", "uno", "-o", "lib", "--export", "arduino")
    subprocess.run(
        [
            "avr-gcc",
            "-mmcu=atmega328p",
            "-std=gnu11",
            "-Os",
            "-Wall",
            "-Werror",
            "-c",
            "lib/src/perceptron.c",
            "-o",
            "net.o",
        ],
        check=True,
    )


def test_what_others_wrote_is_kept(run: Run) -> None:
    run("compile", "perceptron", "-b", "host", "-o", "out")
    Path("out/notes.txt").write_text("mine")
    Path("out/example_main.c").write_text("mine")
    said = run("compile", "perceptron", "-b", "host", "-o", "out")
    assert said.code == 2 and "example_main.c was changed since it was written" in said.err
    assert Path("out/example_main.c").read_text() == "mine"
    assert run("compile", "perceptron", "-b", "host", "-o", "out", "--force").code == 0
    assert Path("out/example_main.c").read_text() != "mine" and Path("out/notes.txt").read_text() == "mine"
    Path("other").mkdir()
    Path("other/CMakeLists.txt").write_text("mine")
    said = run("compile", "perceptron", "-b", "host", "-o", "other")
    assert said.code == 2 and "was not written by picozoo" in said.err
    assert [p.name for p in Path("other").iterdir()] == ["CMakeLists.txt"]


def test_another_kind_clears_its_own_files_only(run: Run) -> None:
    run("compile", "perceptron", "-b", "host", "-o", "out")
    Path("out/pz_base.h").write_text("mine")
    assert run("compile", "perceptron", "-b", "host", "-o", "out", "--export", "platformio").code == 0
    assert not Path("out/perceptron.c").exists() and Path("out/src/perceptron.c").exists()
    assert Path("out/pz_base.h").read_text() == "mine"


@pytest.mark.parametrize("there", [False, True])
def test_interruption_leaves_no_half(run: Run, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    if there:
        run("compile", "perceptron", "-b", "host", "-o", "out")
    before = everything(Path("out")) if there else {}

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", stopped)
        patch.setattr(os, "replace", stopped)
        said = run("compile", "perceptron", "-b", "host", "-o", "out", "--prefer", "size")
    assert said.code == 130 and "stopped" in said.err
    assert {p.name for p in Path.cwd().iterdir()} == ({"out"} if there else set())
    assert not there or everything(Path("out")) == before


def test_nothing_is_written_elsewhere(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    folder.mkdir()
    (outside / "x").write_text("mine")
    for path in ("../x", "/etc/x", "a/../../x"):
        with pytest.raises(UsageError, match="not a path below"):
            write_folder(folder, {path: "", "n.json": "{}"}, "n.json")
    (folder / "src").symlink_to(outside)
    with pytest.raises(UsageError, match="leads out of"):
        write_folder(folder, {"src/y": "", "n.json": "{}"}, "n.json")
    # a card that claims files elsewhere must not make picozoo delete them
    digest = "0" * 64
    for claimed in ("../outside/x", str(outside / "x"), "src/x"):
        from picozoo.export._folder import digest as of

        (folder / "n.json").write_text(json.dumps({"files": {claimed: of("mine"), "gone": digest}}))
        write_folder(folder, {"a": "1", "n.json": json.dumps({"files": {}})}, "n.json", force=True)
    assert (outside / "x").read_text() == "mine" and [p.name for p in outside.iterdir()] == ["x"]
    with pytest.raises(UsageError, match="is a file"):
        write_folder(outside / "x", {"a": ""}, "n.json")
