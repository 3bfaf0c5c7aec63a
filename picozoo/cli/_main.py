"""The group of all commands, and `main`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

import click

from picozoo import __version__, find
from picozoo.cli._common import report_error

# Headings of `picozoo --help`; a command without a place here is listed under the last one.
SECTIONS = (
    ("Look around", ("list", "show", "boards", "data", "bench")),
    ("Put a network on a chip", ("run", "fit", "quantise", "compile", "bisect")),
    ("Make your own", ("train", "new")),
)


class Commands(click.Group):
    """Finds commands by their file name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        known = find.names("cli")
        placed = [name for _, names in SECTIONS for name in names if name in known]
        return [*placed, *(name for name in known if name not in placed)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in find.names("cli"):
            return None
        command: click.Command = find.load("cli", cmd_name, "command").COMMAND
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name not in find.names("cli") and not name.startswith("-"):
            raise click.UsageError(find.unknown("command", name, find.names("cli"), "picozoo --help"), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        listed = self.list_commands(ctx)
        placed = {name for _, names in SECTIONS for name in names}
        for title, names in SECTIONS:
            here = [n for n in names if n in listed]
            if title == SECTIONS[-1][0]:
                here += [n for n in listed if n not in placed]
            rows = [(n, c.get_short_help_str(80)) for n in here if (c := self.get_command(ctx, n)) is not None]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="'picozoo COMMAND --help' says more. Start with: picozoo run lenet5 --board nano33ble",
)
@click.version_option(__version__, message="picozoo %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Any neural network as small C on a small chip, with an honest account of what it costs there."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after `picozoo`; by default those of the process.

    Returns:
        The exit code.

    Example:
        >>> main(["--version"])
        picozoo 0.1.0
        0
    """
    args = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without "µ" gets "?" and not a crash
    try:
        code = cli.main(args, prog_name="picozoo", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain again when it flushes at exit.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except BaseException as error:
        return report_error(error, debug="--debug" in args)


__all__ = ["cli", "main"]
