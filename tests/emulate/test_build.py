"""Building: sizes, cache, errors, determinism."""

from __future__ import annotations

import time
from pathlib import Path

import programs
import pytest

from picozoo import _cache
from picozoo.boards.nano33ble import BOARD as NANO
from picozoo.boards.uno import BOARD as UNO
from picozoo.build import Image, build
from picozoo.errors import BuildFailed, MissingTool, Unsupported, UsageError
from picozoo.find import load, names
from picozoo.specs import Board


def test_sizes_are_what_the_source_says(image: Image, board: Board) -> None:
    if board.emulator == "host":
        assert image.symbols
        return
    assert image.flash_const == 64
    assert programs.SIZE + 2 <= image.ram_data <= programs.SIZE + 20
    assert 2 <= image.flash_data <= 16
    assert 100 < image.flash_code < 8000
    assert image.roots == tuple(programs.ROOTS)
    if board.core.arch != "wasm32":
        assert image.const_symbols == {"table": 64}
        assert image.symbols["pz_net"].size == programs.SIZE


def test_harness_is_not_counted(image: Image, board: Board) -> None:
    if board.emulator != "qemu":
        pytest.skip("no harness in this image")
    assert image.symbols["pz_monitor"].section == ".pz_harness"
    code = [s.size for s in image.symbols.values() if s.function and s.section == ".text"]
    assert image.flash_code < sum(code) + 64


def test_second_build_comes_from_the_cache() -> None:
    sources = {"net.c": programs.NETWORK}
    build(sources, NANO, roots=programs.ROOTS)
    start = time.perf_counter()
    again = build(sources, NANO, roots=programs.ROOTS)
    assert time.perf_counter() - start < 0.3  # usually under 5 ms
    assert again.build_ms == 0.0


@pytest.mark.parametrize("name", names("boards"))
def test_builds_are_repeatable(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board: Board = load("boards", name, "board").BOARD
    native = _cache.folder("zig")  # keep the compiler's own cache
    images = []
    for turn in ("a", "b"):
        monkeypatch.setenv("PICOZOO_CACHE", str(tmp_path / turn))
        (tmp_path / turn).mkdir()
        (tmp_path / turn / "zig").symlink_to(native)
        images.append(build({"net.c": programs.NETWORK}, board, roots=programs.ROOTS))
    assert images[0].path.read_bytes() == images[1].path.read_bytes()
    assert images[0].symbols == images[1].symbols


def test_too_big_still_links_and_says_so() -> None:
    big = "char net_arena[20000]; void net_init(void) { for (int i = 0; i < 99; i++) net_arena[i] = 1; }"
    image = build({"big.c": big.replace("char", "volatile char")}, UNO, roots=["net_init", "net_arena"])
    assert image.ram_data >= 20000
    assert UNO.ram is not None
    assert image.ram_data > UNO.ram


def test_errors_are_one_clear_sentence() -> None:
    with pytest.raises(BuildFailed, match=r"bad\.c:1:.*error"):
        build({"bad.c": "int f(void) { return x; }"}, NANO, roots=["f"])
    source = "void missing_function(void); void f(void) { missing_function(); }"
    with pytest.raises(BuildFailed, match="no definition of missing_function"):
        build({"a.c": source}, NANO, roots=["f"])
    with pytest.raises(UsageError, match=r"at least one \.c file"):
        build({"a.h": ""}, NANO, roots=["f"])
    with pytest.raises(UsageError, match="no folder"):
        build({"../a.c": ""}, NANO, roots=["f"])
    with pytest.raises(UsageError, match="C identifier"):
        build({"a.c": ""}, NANO, roots=["f; rm"])
    with pytest.raises(UsageError, match="zig or gcc"):
        build({"a.c": ""}, NANO, roots=["f"], toolchain="tcc")
    with pytest.raises(BuildFailed, match="no definition of g"):
        build({"a.c": "void f(void) {}"}, NANO, roots=["f", "g"])


@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
def test_stack_without_initialised_data(toolchain: str) -> None:
    """All that is in RAM is zero at first: the linker may drop `.data`, and the network must not be taken for stack."""
    from picozoo.emulate import open_machine

    source = "char pz_net[9000]; void f(char *p) { volatile char deep[40]; deep[0] = p[8999] = 1; }"
    board: Board = load("boards", "pico", "board").BOARD
    try:
        image = build({"a.c": source}, board, roots=["f", "pz_net"], toolchain=toolchain)
    except MissingTool as error:
        pytest.skip(str(error))
    with open_machine(image) as machine:
        machine.write(machine.address("pz_net"), bytes(range(1, 101)) * 90)
        machine.paint_stack()
        machine.call("f", machine.address("pz_net"))
        assert 1 <= (machine.stack_bytes() or 0) <= 100


@pytest.mark.parametrize("name", names("boards"))
def test_vendor_gcc_gives_the_same_results(name: str) -> None:
    from picozoo.emulate import available, open_machine

    board: Board = load("boards", name, "board").BOARD
    if available(board) is not None:
        pytest.skip(str(available(board)))
    try:
        image = build({"net.c": programs.NETWORK}, board, roots=programs.ROOTS, toolchain="gcc")
    except (MissingTool, Unsupported) as error:
        pytest.skip(str(error))
    assert "gcc" in image.compiler
    with open_machine(image, layers=programs.LAYERS) as machine:
        net = machine.address("pz_net")
        machine.write(net, programs.inputs())
        machine.call("net_forward", net)
        import struct

        *floats, _, total = struct.unpack("<8f2i", machine.read(net, 40))
        assert (floats, total) == programs.expected()


def test_cache_survives_two_builders_at_once(tmp_path: Path) -> None:
    target = tmp_path / "entry"
    with _cache.staging(target) as first, _cache.staging(target) as second:
        (first / "x").write_text("1")
        (second / "x").write_text("2")
    assert (target / "x").read_text() == "2"  # the inner one was done first
    assert [p.name for p in tmp_path.iterdir()] == ["entry"]
