"""`picozoo bench`: what the models of MLPerf Tiny cost, against other tools and earlier commits."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import click

from picozoo.cli import _common, _screen
from picozoo.errors import MissingTool, PicozooError, UsageError


@click.command(cls=_common.Command, short_help="Cost of reference models, against other tools and earlier commits.")
@click.argument("models", nargs=-1, metavar="[MODEL…]")
@click.option("-b", "--board", "boards", multiple=True, metavar="B[,B2…]", help="Boards. [default: nucleo_l4r5zi]")
@click.option("--prefer", type=click.Choice(_common.PREFER), default="balanced", show_default=True)
@click.option("--published", is_flag=True, help="Also predicted time and energy beside what others published.")
@click.option(
    "--against",
    metavar="TOOL[,TOOL…]",
    help="On this machine instead, timed against litert, onnxruntime: one thread, taking turns.",
)
@click.option("--repeat", type=click.IntRange(11), default=21, show_default=True, help="With --against: turns.")
@click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Folder of the rows of earlier commits. New rows are added if it is there.",
)
@click.option("--dry", is_flag=True, help="Add no rows.")
@click.option("--accept", is_flag=True, help="Add rows that are over 1 % worse, too.")
@click.option("--check", is_flag=True, help="Only compare with the rows: exit code 1 if a figure is over 1 % worse.")
@click.option("--history", is_flag=True, help="Measure nothing; show how the figures went from commit to commit.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --history: also draw it, as .svg, .png or .html.",
)
@_common.json_option("the rows")
def COMMAND(  # noqa: N802 - the name by which the command line finds it
    models: tuple[str, ...],
    boards: tuple[str, ...],
    prefer: str,
    published: bool,
    against: str | None,
    repeat: int,
    results: Path,
    dry: bool,
    accept: bool,
    check: bool,
    history: bool,
    plot: Path | None,
    as_json: bool,
) -> int:
    """Compile reference models, run each once on emulated boards, and show instructions, code and RAM beside the
    figures to reach and those of other tools.

    The three models of MLPerf Tiny are files below PICOZOO_DATA; without it only shipped networks are measured. MODELs
    are image, keyword, anomaly, lenet5, lstm_activity, hopfield and perceptron; by default all. Exact figures are the
    same on every machine; rows of results/ keep them commit by commit.

    \b
    picozoo bench --board nucleo_l4r5zi,pico
    picozoo bench --against litert,onnxruntime
    picozoo bench --history --plot history.svg
    """
    if plot is not None and not history:
        raise UsageError("--plot needs --history")
    if history:
        return _history(results, plot, as_json)
    if against is not None:
        return _against(models, against, repeat, results, dry, as_json)
    return _measure(
        models, boards, prefer, published, results, "check" if check else "dry" if dry else "", accept, as_json
    )


def _measure(
    names: tuple[str, ...],
    boards: tuple[str, ...],
    prefer: str,
    published: bool,
    results: Path,
    mode: str,
    accept: bool,
    as_json: bool,
) -> int:
    from picozoo.bench import rows as kept
    from picozoo.bench.models import BOARD, choose
    from picozoo.cli import _bench

    wanted = choose(names)
    where = _common.board_names(boards) if boards else [BOARD]
    made, skipped = _rows([(m, b) for b in where for m in wanted], prefer)
    path = results / kept.FILE
    earlier = kept.read(path)
    before = kept.newest(earlier)
    found = [c for row in made if kept.key(row) in before for c in kept.changes(before[kept.key(row)], row)]
    worse = [c for c in found if c.regression]
    if mode == "check":
        return _judge(made, skipped, found, [r for r in made if kept.key(r) not in before])
    if as_json:
        _screen.print_json(made)
    else:
        console = _screen.console()
        for board in where:
            for part in _bench.tables(board, [r for r in made if r["board"] == board]):
                console.print(part)
        for sentence in skipped:
            console.print(f"Skipped: {sentence}", markup=False)
        if published:
            for part in _bench.published(where, made, console.width):
                console.print(part)
    _tell(found, earlier, made)
    if mode == "dry" or not made:
        return 0
    if not results.is_dir():
        print(f"No rows were kept: there is no folder {results} here (--results FOLDER names another)", file=sys.stderr)
        return 0
    bad = set() if accept else {(c.board, c.model, prefer) for c in worse}
    added = kept.add(path, [r for r in made if kept.key(r) not in bad])
    if added:
        print(f"{len(added)} row(s) added to {path}", file=sys.stderr)
    if bad:
        print(f"{len(bad)} row(s) not added, being over 1 % worse (--accept adds them)", file=sys.stderr)
    return 0


def _rows(jobs: list[tuple[Any, str]], prefer: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows, and for what is not here the sentence that says so."""
    import picozoo
    from picozoo.bench.measure import measure
    from picozoo.bench.rows import commit
    from picozoo.compiler import Options

    at, date = commit(Path(picozoo.__file__).parent)
    made, skipped = [], []
    with _screen.progress("") as tell:
        for i, (model, board) in enumerate(jobs):
            tell(i / len(jobs), f"{model.name} on {board}")
            try:
                made.append({"commit": at, "date": date, **measure(model, board, Options(prefer=prefer))})
            except MissingTool as e:
                skipped.append(str(e))
    return made, skipped


def _tell(found: list[Any], earlier: list[dict[str, Any]], made: list[dict[str, Any]]) -> None:
    """What became worse or better since the committed row, on stderr."""
    from picozoo.bench.rows import key

    for change in found:
        if change.regression:
            print(f"WORSE: {change.sentence}", file=sys.stderr)
    for row in made:
        mine = [r for r in earlier if key(r) == key(row)]
        news = [
            f"{f} {min(r[f] for r in mine):,} -> {row[f]:,}"
            for f in ("instructions", "code", "ram")
            if row[f] is not None and mine and all(r[f] is not None and row[f] < r[f] for r in mine)
        ]
        if news:
            print(f"{row['model']} on {row['board']}: new best: {', '.join(news)}: commit the row", file=sys.stderr)


def _judge(made: list[Any], skipped: list[str], found: list[Any], new: list[Any]) -> int:
    """--check."""
    for sentence in skipped:
        print(f"bench: skipped: {sentence}")
    for row in new:
        print(f"bench: {row['model']} on {row['board']} has no committed row: run 'picozoo bench' and commit it")
    worse = [c for c in found if c.regression]
    for change in found:
        if change.now < change.before:
            print(f"bench: {change.sentence}: new best: run 'picozoo bench' and commit the row")
    for change in worse:
        print(f"bench: over 1 % worse: {change.sentence}", file=sys.stderr)
    if worse:
        print("bench: if it is wanted, run 'picozoo bench --accept' and commit the row", file=sys.stderr)
        return 1
    print(f"bench: {len(made)} rows, none over 1 % worse than committed")
    return 0


def _history(results: Path, plot: Path | None, as_json: bool) -> int:
    from picozoo.bench import history
    from picozoo.cli import _bench

    found = history.series(results)
    if not found:
        raise UsageError(f"there are no rows in {results}: run 'picozoo bench' where it is, or name it with --results")
    if plot is not None:
        history.plot(found, plot)
    if as_json:
        _screen.print_json([dataclasses.asdict(s) for s in found])
    else:
        _screen.console().print(_bench.history(found))
        if plot is not None:
            print(f"drawn in {plot}")
    return 0


def _against(models: tuple[str, ...], tools: str, repeat: int, results: Path, dry: bool, as_json: bool) -> int:
    import picozoo
    from picozoo.bench import against
    from picozoo.bench import rows as kept
    from picozoo.bench.models import HOST, choose
    from picozoo.cli import _bench

    names, wanted = against.tools(tools), choose(models or HOST)
    made, skipped = [], []
    at, date = kept.commit(Path(picozoo.__file__).parent)
    with _screen.progress("") as tell:
        for i, (model, precision) in enumerate((m, p) for m in wanted for p in ("int8", "float32")):
            tell(i / len(wanted) / 2, f"{model.name} in {precision}")
            try:
                made.append(against.against(model, precision, names, repeat))
            except PicozooError as e:
                skipped.append(f"{model.name} in {precision}: {e}")
    found = [{"commit": at, "date": date, "machine": against.machine(), **dataclasses.asdict(t)} for t in made]
    if as_json:
        _screen.print_json(found)
    else:
        console = _screen.console()
        console.print(_bench.against(names, made))
        for text in (*_bench.verdicts(made), *(f"Skipped: {s}" for s in skipped)):
            console.print(text, markup=False)
    if found and results.is_dir() and not dry:
        kept.write(results / against.FILE, found)
        print(f"{len(found)} row(s) written to {results / against.FILE}", file=sys.stderr)
    return 0
