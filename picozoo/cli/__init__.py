"""The command line: one command = one file in this folder, loaded only when it is asked for.

Exit codes: 0 done, 1 failed, 2 the command itself is wrong, 130 stopped with Ctrl-C. An error is one sentence on
stderr; the traceback is shown only with --debug. Nothing heavy (NumPy, PyTorch, rich) is imported before a command
runs, so that `--help` is quick.

There is no code in this file: the module of a command such as `list` becomes a name of this package when it is loaded,
and would hide the builtin of that name here.
"""

from picozoo.cli._main import cli, main

__all__ = ["cli", "main"]
