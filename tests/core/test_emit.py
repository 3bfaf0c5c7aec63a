"""The generated C as its users compile it: the same bytes every time, no warnings, clean under sanitizers."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import picozoo as pz
from picozoo import find
from picozoo.compress import once
from picozoo.emit.c_model import kernel_files
from picozoo.emit.share import FEW, LayerCode, functions
from picozoo.ir.interp import Interpreter
from picozoo.ladder import random_inputs

NETWORKS = ["lenet5", "lstm_activity", "perceptron", "hopfield:tiny"]
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wundef", "-Wcast-align", "-Werror"]
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc (apt install gcc)")


def write_sources(fw: pz.Firmware, folder: Path) -> list[str]:
    """All files of a firmware in a folder; the .c files."""
    for name, text in {**fw.model.files, **kernel_files(fw.model.headers)}.items():
        (folder / name).write_text(text)
    return [n for n in fw.model.files if n.endswith(".c")]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("board", ["nano33ble", "uno"])
def test_same_bytes_every_time(name: str, board: str) -> None:
    first = pz.compile(name, board=board).model.files
    once.forget()  # what was quantised for the first is not taken again
    assert pz.compile(name, board=board).model.files == first


def test_quantised_once_for_equal_programs_only() -> None:
    """Boards share what was quantised; other options, data or numbers do not."""
    net = pz.load("svm")
    assert net.calibration is not None
    once.forget()
    with pytest.MonkeyPatch.context() as patch:
        made: list[int] = []
        real = once.quantise
        patch.setattr(once, "quantise", lambda *a, **k: made.append(1) or real(*a, **k))
        for board in ("pico", "nano33ble"):
            pz.compile(pz.load("svm"), board=board)
        assert len(made) == 1
        pz.compile(net, board="pico", method="minmax")
        ref = next(k for k, a in net.program.constants.items() if a.dtype == np.float32 and a.size > 1)
        net.program.constants[ref] = net.program.constants[ref] * np.float32(1.5)
        pz.compile(net, board="pico")
        half = tuple(x[: len(x) // 2] for x in net.calibration.inputs)
        fewer = dataclasses.replace(net.calibration, inputs=half)
        pz.compile(dataclasses.replace(net, calibration=fewer), board="pico")
        assert len(made) == 4


@needs_gcc
@pytest.mark.parametrize("precision", ["auto", "float32"])
@pytest.mark.parametrize("board", ["host", "nano33ble"])
@pytest.mark.parametrize("name", NETWORKS)
def test_gcc_has_no_warnings(name: str, board: str, precision: str, tmp_path: Path) -> None:
    """Both the portable and the paired form, with the host's own compiler and at two levels."""
    if precision == "float32" and pz.load(name).card.precision == "native":
        pytest.skip("has no floats")
    fw = pz.compile(name, board=board, precision=precision)
    files = write_sources(fw, tmp_path)
    for level in ("-O0", "-O3"):
        done = subprocess.run(["gcc", *STRICT, level, "-c", *files], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NETWORKS)
def test_promises_of_the_c(name: str) -> None:
    """No heap, no stdio, no global that is not constant; two instances side by side share nothing."""
    fw = pz.compile(name, board="host")
    text = "".join(fw.model.files.values()) + "".join(kernel_files(fw.model.headers).values())
    for word in ("malloc", "free(", "<stdio.h>", "printf", "<string.h>", "<math.h>"):
        assert word not in text
    fw = pz.compile(name, board="nano33ble")
    assert fw.image.flash_data == 0
    assert fw.model.context_bytes <= fw.image.ram_data < fw.model.context_bytes + fw.model.target.align


def test_equal_layers_share_a_body() -> None:
    """One body for layers that differ in their places only, called by each; never with the preference for speed."""
    layers = [
        LayerCode(
            "add", "n_L0", "/* a */", "pz_add((const pz_i8 *)(pz->arena + 0), n_w, (pz_i8 *)(pz->arena + 8), 64);", 64
        ),
        LayerCode(
            "add", "n_L1", "/* b */", "pz_add((const pz_i8 *)(pz->state + 4), n_v, (pz_i8 *)(pz->arena + 8), 64);", 64
        ),
        LayerCode(
            "add", "n_L2", "/* c */", "pz_add((const pz_i8 *)(pz->arena + 0), n_w, (pz_i8 *)(pz->arena + 8), 65);", 65
        ),
        LayerCode(
            "add", "n_L3", "/* d */", "pz_add((const pz_i8 *)(pz->arena + 0), n_f, (pz_i8 *)(pz->arena + 8), 64);", 64
        ),
    ]
    tables = {"n_w": "pz_i8", "n_v": "pz_i8", "n_f": "pz_f32"}
    text = functions(layers, "n_t", tables, "long")
    assert len(text) == 5
    assert "pz_add(a0, a1, a2, 64);" in text[0] and "const pz_i8 PZ_FLASH *a1" in text[0]
    assert "pz_shared_0_add((const pz_i8 *)(pz->arena + 0), n_w, (pz_i8 *)(pz->arena + 8));" in text[1]
    assert "pz_shared_0_add((const pz_i8 *)(pz->state + 4), n_v," in text[2]
    assert "pz_add(" in text[3] and "pz_add(" in text[4]  # another size; another type of table
    assert not any("shared" in t for t in functions(layers, "n_t", tables, "none"))


def test_short_layers_keep_their_body() -> None:
    code = "pz_add((pz_i8 *)(pz->arena + 0), {});"
    for numbers, small, shared in ((FEW, False, False), (FEW + 1, False, True), (FEW + 1, True, False)):
        layers = [LayerCode("add", f"n_L{k}", "", code.format(3), numbers, small) for k in range(2)]
        assert any("shared" in t for t in functions(layers, "n_t", {}, "long")) == shared
        assert any("shared" in t for t in functions(layers, "n_t", {}, "all"))


@needs_gcc
@pytest.mark.slow
@pytest.mark.parametrize("board", ["host", "nano33ble"])
@pytest.mark.parametrize("precision", ["auto", "float32"])
@pytest.mark.parametrize("name", NETWORKS)
def test_sanitizers(name: str, precision: str, board: str, tmp_path: Path) -> None:
    """Address and undefined-behaviour sanitizers over every function, two instances interleaved, results compared."""
    if precision == "float32" and pz.load(name).card.precision == "native":
        pytest.skip("has no floats")
    fw = pz.compile(name, board=board, precision=precision)
    files, m = write_sources(fw, tmp_path), fw.model
    twin = Interpreter(fw.program)
    lines, want = [], []
    for k, e in enumerate(list(m.entries.values()) * 3):
        inputs = own_inputs(fw, e.name, k)
        for slot, x in zip(e.inputs, inputs, strict=True):
            raw = ",".join(map(str, x.reshape(-1).view(np.uint8).tolist()))
            lines.append(f"  {{ static const unsigned char in[] = {{{raw}}};")
            lines.append(
                f"    for (size_t i = 0; i < sizeof in; ++i) a[{slot.offset} + i] = b[{slot.offset} + i] = in[i]; }}"
            )
        lines += [f"  {e.symbol}(one);", f"  {e.symbol}(two);"]
        for slot, y in zip(e.outputs, twin.call(e.name, *inputs), strict=True):
            lines.append(
                f"  for (int i = 0; i < {y.nbytes}; ++i) putchar(a[{slot.offset} + i]), putchar(b[{slot.offset} + i]);"
            )
            want.append(y)
    (tmp_path / "main.c").write_text(
        f'#include <stdio.h>\n#include <stdlib.h>\n#include "{m.name}.h"\nint main(void) {{\n'
        f"  const size_t n = (sizeof({m.name}_t) + 63) / 64 * 64;\n"
        f"  {m.name}_t *one = aligned_alloc(64, n), *two = aligned_alloc(64, n);\n"
        f"  unsigned char *a = (unsigned char *)one, *b = (unsigned char *)two;\n"
        f"  {m.name}_init(one);\n  {m.name}_init(two);\n"
        + "\n".join(lines)
        + "\n  free(one);\n  free(two);\n  return 0;\n}\n"
    )
    flags = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-ffp-contract=off"]
    built = subprocess.run(["gcc", *flags, *files, "main.c", "-o", "run"], cwd=tmp_path, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    done = subprocess.run([tmp_path / "run"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    both = np.frombuffer(done.stdout, np.uint8).reshape(-1, 2)
    assert (both[:, 0] == both[:, 1]).all()
    at = 0
    for y in want:
        got = np.frombuffer(both[at : at + y.nbytes, 0].tobytes(), y.dtype).reshape(y.shape)
        at += y.nbytes
        if y.dtype.kind == "f":
            np.testing.assert_allclose(got, y, rtol=1e-4, atol=1e-4)
        else:
            np.testing.assert_array_equal(got, y)


def own_inputs(fw: pz.Firmware, function: str, k: int) -> list[np.ndarray]:
    """Inputs that mean something to the network: ±1 for Hopfield, random ones otherwise."""
    inputs = random_inputs(fw.program, function, k)
    return [np.where(x >= 0, 1, -1).astype(x.dtype) for x in inputs] if fw.network.name == "hopfield" else inputs


def test_unknown_board_gives_the_nearest() -> None:
    with pytest.raises(pz.PicozooError, match="did you mean nano33ble"):
        pz.compile("lenet5", board="nano33bel")
    assert "nano33ble" in find.names("boards")


def test_short_in_a_prompt() -> None:
    """What a prompt shows of a firmware, its program and its report is one line."""
    fw = pz.compile("perceptron", board="pico")
    for thing in (fw, fw.program, fw.network, fw.report):
        assert "perceptron" in repr(thing)
        assert len(repr(thing)) < 200
