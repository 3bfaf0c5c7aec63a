"""picozoo's own `.pz`: a safetensors file whose header holds the program's text."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

from . import trees
from .plain import damaged

SUFFIX = ".pz"
FORMAT = "picozoo-program-1"
MOST = 64 << 10  # bytes of a file taken as it is


def originals(folder: Path) -> dict[str, bytes]:
    """The small networks of the zoo, those compiled to int8 with quantised types, and one with loops."""
    from picozoo.network import ARTEFACTS

    found = {f.name: f.read_bytes() for f in sorted(ARTEFACTS.glob("*.pz")) if f.stat().st_size < MOST}
    return found | _quantised(folder)


def _quantised(folder: Path) -> dict[str, bytes]:
    import picozoo
    from picozoo.artefact import save_program

    found = {}
    for name in ("lstm_activity", "mlp", "hopfield:tiny"):
        path = folder / "made.pz"
        save_program(picozoo.compile(name, board="host").program, path)
        found[f"{name} compiled"] = path.read_bytes()
        path.unlink()
    return found


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Half plain bytes; half the parts: lines of the text, the header, the length of the header."""
    if dice.random() < 0.4:
        return damaged(data, dice)
    size = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    if dice.random() < 0.2:
        header = trees.twist(header, dice)
        text = trees.text(header, dice)
    else:
        header["__metadata__"][FORMAT] = _text(header["__metadata__"][FORMAT], dice)
        text = json.dumps(header, ensure_ascii=dice.random() < 0.5).encode(errors="surrogatepass")
    if dice.random() < 0.05:
        body = damaged(body, dice)
    return len(text).to_bytes(8, "little") + text + body


def _text(program: str, dice: random.Random) -> str:
    """The program with lines or words changed."""
    lines = program.splitlines()
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        at = dice.randrange(len(lines))
        how = dice.random()
        if how < 0.6:
            lines[at] = _line(lines[at], lines, dice)
        elif how < 0.7:
            lines[at:at] = [dice.choice(lines)] * dice.choice((1, 1, 1, 3, 300))
        elif how < 0.8 and len(lines) > 1:
            del lines[at]
        elif how < 0.9:
            other = dice.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        else:
            lines[at] = lines[at].replace("{", "{" * dice.choice((2, 500, 5000)), 1)
    return "\n".join(lines) + "\n"


_WORDS = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?|[%@$][\w.]+|\"[^\"]*\"|[a-z_0-9]{2,}|\[[^\]]*\]|\W")


def _line(line: str, lines: list[str], dice: random.Random) -> str:
    """One word of a line: a number, a reference, a string, an operator, an attribute's value, a sign."""
    words = _WORDS.findall(line) or [line]
    at = dice.randrange(len(words))
    others: list[Any] = [w for w in _WORDS.findall(dice.choice(lines)) if w.strip()] or [""]
    same = [w for w in others if w[:1].isdigit() == words[at][:1].isdigit()] or others
    numbers = [*map(str, trees.INTS), "1e999", "NaN", "-Infinity", "0.5"]
    how = dice.random()
    if how < 0.35:
        words[at] = dice.choice(same)
    elif how < 0.75:
        words[at] = dice.choice(numbers if words[at][:1].isdigit() or dice.random() < 0.3 else _OTHER)
    elif how < 0.85:
        del words[at]
    else:
        words[at:at] = [dice.choice(others)] * dice.choice((1, 1, 2, 2000))
    return "".join(words)


_OTHER = ("[]", "[[1]]", "{}", '""', "null", "true", "%x", "@w", "$h", "while_loop", "conv2d", "reshape", "f32", "i8",
          "bool", "i64", "(", ")", "{", "}", ";", ",", " ", "q{", '"\\ud800"', '"\\u001b[31m"', "[1,1,1,1]", "[-1]",
          '"../../x"', "é", "\x85", "\u2028")  # fmt: skip
