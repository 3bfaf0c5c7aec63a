"""Measure every network on every board its card names; writes results/zoo.jsonl, from which docs/zoo is made.

    .venv/bin/python bench/zoo.py [NETWORK ...]      only these networks are measured anew, other rows stay
    .venv/bin/python bench/zoo.py --thin             measure nothing, only leave out what the pages do not need

The file holds one row a network, size and board, the newest; of layers only those that the pages show: of the main
function, on the first board of a size. How figures went from commit to commit is in results/bench.jsonl.

Exact figures are the same on every machine. Boards whose emulator is not installed keep the rows they had. Set
PICOZOO_DATA to a mirror, or fetch the data sets first; a network without its data is measured with one typical call.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from picozoo import emulate, find
from picozoo.bench import rows as kept
from picozoo.compiler import compile, get_board
from picozoo.errors import PicozooError
from picozoo.evaluate import evaluate
from picozoo.zoo._card import Card

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "results" / "zoo.jsonl"
SAMPLES = 200
LOOPING = 24  # calls of a network that runs until it is at rest
# not needed for the pages
DROPPED = {"memory", "mistakes", "steps", "shown", "cost_source", "title", "board_title", "quantisation", "inputs"}
LAYER = ("name", "op", "function", "macs", "instructions", "out_shape", "out_dtype")  # what the pages show of a layer
Key = tuple[str, str, str]


def jobs(card: Card) -> list[tuple[str, str]]:
    """(size, board) pairs of a card; the board it is shown on comes first."""
    found = [(size, card.board[size]) for size in card.sizes if size in card.board]
    first = card.sizes[0]
    return found + [(first, board) for board in card.boards if (first, board) not in found]


def measure(card: Card, size: str, board: str) -> dict[str, Any] | None:
    """One row, or None with the reason told."""
    reason = emulate.available(get_board(board))
    if reason is not None:
        print(f"{card.name} on {board}: {reason}", file=sys.stderr)
        return None
    name = card.name if size == "default" else f"{card.name}:{size}"
    firmware = compile(name, board=board)
    loops = any(node.op == "while_loop" for f in firmware.program.functions.values() for node in f.nodes)
    report = evaluate(firmware, samples=LOOPING if loops else SAMPLES).to_json()
    return {"size": size, "commit": kept.commit(ROOT)[0], **{k: v for k, v in report.items() if k not in DROPPED}}


def thin(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with what the pages need and no more; of rows of one network, size and board the last.

    Example:
        >>> layer = {"name": "a", "function": "f", "op": "add", "reads": ["x"]}
        >>> row = {"name": "n", "size": "s", "board": "b", "function": "f", "memory": [], "layers": [layer]}
        >>> thin([row, row])[0]["layers"], thin([row])[0].keys() - row.keys(), len(thin([row, {**row, "board": "c"}]))
        ([{'name': 'a', 'op': 'add', 'function': 'f'}], set(), 2)
    """
    newest = {(r["name"], r["size"], r["board"]): r for r in rows}
    made, seen = [], set()
    for (name, size, _), row in newest.items():
        first = (name, size) not in seen
        seen.add((name, size))
        layers = [v for v in row["layers"] if first and v["function"] == row["function"]]
        kept_layers = [{k: v[k] for k in LAYER if k in v} for v in layers]
        made.append({**{k: v for k, v in row.items() if k not in DROPPED}, "layers": kept_layers})
    return made


def main(names: list[str]) -> int:
    """The command."""
    if names == ["--thin"]:
        kept.write(FILE, thin(kept.read(FILE)))
        return 0
    rows: dict[Key, dict[str, Any]] = {(r["name"], r["size"], r["board"]): r for r in kept.read(FILE)}
    wanted: list[Key] = []
    for name in find.names("zoo"):
        card: Card = find.load("zoo", name, "network").CARD
        for size, board in jobs(card):
            wanted.append((name, size, board))
            if names and name not in names:
                continue
            try:
                row = measure(card, size, board)
            except PicozooError as error:
                print(f"{name} on {board}: {error}", file=sys.stderr)
                continue
            if row is not None:
                rows[name, size, board] = row
                print(
                    f"{name} ({size}) on {board}: {row['metric_name']} {row['accuracy']}, "
                    f"{row['instructions']} {row['instructions_unit']}"
                )
    kept.write(FILE, thin(rows[key] for key in wanted if key in rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
