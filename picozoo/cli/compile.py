"""`picozoo compile`: the C of a network, ready for a project."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from picozoo.cli import _common, _screen

KINDS = ("cmake", "arduino", "platformio", "zephyr", "esp-idf")


@click.command(cls=_common.Command, short_help="Write a network as C, for CMake or another build system.")
@_common.network_argument
@click.option("-b", "--board", required=True, metavar="B", help="The board it is for; see 'picozoo boards'.")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="The folder to fill.")
@click.option(
    "--export", "kind", type=click.Choice(KINDS), default="cmake", show_default=True, help="For which build system."
)
@_common.compile_options
@_common.model_options
@_common.learn_options
@click.option("--force", is_flag=True, help="Replace files that are not picozoo's own, and write what does not fit.")
@_common.json_option("the files and sizes")
def COMMAND(  # noqa: N802 - the name by which the command line finds it
    network: str,
    board: str,
    out: Path,
    kind: str,
    precision: str,
    method: str,
    prefer: str,
    toolchain: str,
    io: str,
    model: _common.Model,
    force: bool,
    as_json: bool,
) -> int:
    """Write a network as C99 for a board: NAME.h and NAME.c, the kernels they include, an example that runs one real
    call and checks its result, build files, and a model card NAME.json.

    The code needs no library and no heap, and compiles on any machine; --board decides which forms of its tables are
    best. The same options give the same bytes. Nothing half-written is left behind if it is stopped.
    """
    from picozoo import export
    from picozoo.compiler import compile_network, get_board
    from picozoo.errors import BuildFailed, MissingTool, UsageError

    names = _common.board_names(board)
    if len(names) != 1:
        raise UsageError(f"--board takes one board here, got {', '.join(names)}")
    options = model.options(precision, method, prefer, toolchain, io)
    fw = compile_network(model.load(network), get_board(names[0]), options)
    if not force:
        # without a compiler here the C is as good, only its size is not known
        with contextlib.suppress(BuildFailed, MissingTool):
            fw.check_fits()
    paths = export.write(fw, out, kind, force=force)
    m = fw.model
    if as_json:
        _screen.print_json(
            {
                "name": m.name,
                "board": names[0],
                "precision": fw.precision,
                "kind": kind,
                "folder": str(out),
                "files": [str(p.relative_to(out)) for p in paths],
                "bytes": {"arena": m.arena, "state": m.state, "tables": m.const_bytes},
            }
        )
        return 0
    state = f", {m.state:,} of kept state" if m.state else ""
    print(f"{out}: {len(paths)} files; {m.const_bytes:,} bytes of tables, {m.arena:,} of working memory{state}.")
    if kind == "cmake":
        print(
            f"Try it here: cmake -S {out} -B {out}/build && cmake --build {out}/build && {out}/build/{m.name}_example"
        )
    return 0
