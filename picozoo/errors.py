"""Every error picozoo raises on purpose, with the exit code of the command line and what to do next.

    PicozooError                 exit 1
    ├── UsageError               exit 2   the call itself is wrong
    │   └── UnknownName          exit 2   a name that nothing has; gives the nearest ones
    ├── BadFile                  a file is truncated, hostile or not what it says
    ├── Unsupported              an operator or a form of it that picozoo cannot compile
    ├── InvalidProgram           the verifier refuses a program (names the pass that broke it)
    ├── DoesNotFit               flash or RAM is too small; says by how much, where and what would help
    ├── BuildFailed              a C compiler or linker said no
    ├── MissingTool              a program or Python package that must be installed first
    ├── MachineFault             the emulated chip stopped (bad address, undefined instruction, no answer)
    └── Mismatch                 two steps of the verification ladder disagree

A message is one sentence or two: what was wrong, where, what is allowed, what was given, what to do next.
"""

from __future__ import annotations

_LONGEST, _END = 2500, 400  # characters of a message that are kept: at its head, and at its end


def printable(text: str) -> str:
    """A message as one line that any terminal can show, whatever a hostile file put into it.

    Example:
        >>> printable("layer 'a\\n\\x1b[31m' is unknown")
        "layer 'a \\\\x1b[31m' is unknown"
    """
    text = " ".join(text.split())
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= _LONGEST + _END else f"{text[:_LONGEST]} … {text[-_END:]}"


class PicozooError(Exception):
    """Base of all of them. `exit_code` is what the command line returns.

    As text it is `printable`: names of files, layers and tensors in it may be anybody's.
    """

    exit_code = 1

    def __str__(self) -> str:
        return printable(super().__str__())


class UsageError(PicozooError):
    """The call is wrong: a bad option, a shape that cannot be, a missing argument."""

    exit_code = 2


class UnknownName(UsageError):
    """No network, board, operator or data set has this name."""


class BadFile(PicozooError):
    """A file cannot be read as what it claims to be."""


class Unsupported(PicozooError):
    """The model uses something picozoo has no operator for."""


class InvalidProgram(PicozooError):
    """An `ir.Program` breaks a rule of the IR."""


class DoesNotFit(PicozooError):
    """The compiled network needs more flash or RAM than the board has."""


class BuildFailed(PicozooError):
    """The C compiler or the linker refused."""


class MissingTool(PicozooError):
    """Something must be installed first; the message says exactly what."""


class MachineFault(PicozooError):
    """The emulated (or real) chip faulted or did not answer."""


class Mismatch(PicozooError):
    """Two forms of the same computation gave different results."""
