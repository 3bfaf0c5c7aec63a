"""Results on stdout, progress on stderr."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[float, str], None]
PIPE_WIDTH = 100  # columns where stdout is no terminal and COLUMNS is not set
QUIET_S = 5.0  # without a terminal, at most one line of progress in so many seconds, unless the work changes


def console() -> Console:
    """For tables: as wide as the terminal, or `PIPE_WIDTH`; no colours where stdout is not a terminal."""
    from rich.console import Console

    class Screen(Console):
        def on_broken_pipe(self) -> None:
            """Left to `main`, which ends quietly with 0; rich would end the process with 1."""
            raise BrokenPipeError

    if sys.stdout.isatty():
        return Screen(highlight=False)
    return Screen(highlight=False, width=columns())


def columns() -> int:
    """Width where there is no terminal: COLUMNS if that is a sensible number."""
    text = os.environ.get("COLUMNS", "")
    return max(40, int(text)) if text.isdigit() else PIPE_WIDTH


def print_json(value: Any) -> None:
    """One JSON document on stdout; numbers that JSON does not know (nan, infinity) become null."""
    print(json.dumps(_finite(value), indent=2, ensure_ascii=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """A bar on stderr on a terminal, else a plain line whenever the work changes."""
    if not sys.stderr.isatty():
        yield _lines(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TaskProgressColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title or "starting", total=1.0)

        def tell(share: float, words: str) -> None:
            bar.update(task, completed=share, description=f"{title}: {words}" if title else words)

        yield tell


def _lines(title: str) -> Progress:
    last: list[Any] = ["", 0.0]

    def tell(share: float, words: str) -> None:
        work, now = words.split(":")[0].rstrip("0123456789. "), time.monotonic()
        if work == last[0] and now - last[1] < QUIET_S:
            return
        last[:] = [work, now]
        print(f"{title}: {words}" if title else words, file=sys.stderr, flush=True)

    return tell


def scaled(tell: Progress, start: float, end: float, prefix: str = "") -> Progress:
    """Progress of one part of a larger work, which spans `start` to `end` of it."""
    return lambda share, words: tell(start + (end - start) * share, prefix + words)
