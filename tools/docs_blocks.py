"""Blocks inside pages that people write: outputs of real commands, lists that live in the code."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import imports
from docs_pages import EMULATORS, comment_for, comments_of, table

from picozoo import find

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "picozoo"
Block = Callable[[], str]
FOLDERS = ("zoo", "data", "train", "frontend", "ir", "ops", "passes", "compress", "plan", "emit", "kernels", "harness",
           "cores", "boards", "emulate", "report", "export", "bench", "cli")  # fmt: skip


@cache
def output(*words: str) -> str:
    """What a picozoo command prints in a terminal of 80 columns without colours."""
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", "picozoo", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        encoding="utf-8",
    )
    if done.returncode != 0:
        raise SystemExit(f"docs: picozoo {' '.join(words)} said: {done.stderr.strip()}")
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


def run() -> str:
    """The main job, as `make demo` shows it."""
    words = ("run", "lenet5", "--board", "nano33ble", "--no-html")
    return f"```text\n$ picozoo {' '.join(words[:-1])}\n{output(*words)}\n```"


def listing() -> str:
    """`picozoo list`."""
    return f"```text\n$ picozoo list\n{output('list')}\n```"


def boards() -> str:
    """The boards in short; docs/boards.md has the rest."""
    found = [find.load("boards", name, "board").BOARD for name in find.names("boards")]
    rows = [(f"`{b.name}`", f"{b.title} ({b.chip})", b.core.title, EMULATORS[b.emulator]) for b in found]
    return table(("name", "board", "core", "runs in"), rows)


def figures() -> str:
    """The newest row of results/figures.jsonl."""
    path = ROOT / "results" / "figures.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    if not lines:
        return "Not measured yet: `make bench`."
    row = json.loads(lines[-1])
    words = {True: "reached", False: "**missed**", None: "–"}
    made = [(f["what"], f["wanted"], f["got"], words[f["ok"]]) for f in row["figures"]]
    where = f"on {row['machine']['cores']} {row['machine']['machine']} cores"
    told = f"By `make bench` at commit `{row['commit'][:12]}`, timings {where}."
    return table(("what", "to reach", "measured", ""), made) + f"\n{told}"


def forms() -> str:
    """What int8 layers cost per multiply-accumulate, from results/forms.jsonl."""
    lines = (ROOT / "results" / "forms.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    kinds = list(found[0]["per_mac"])
    made = [
        (
            f"`{row['board']}`",
            find.load("cores", row["core"], "core").CORE.title,
            *(f"{row['per_mac'][k]:.2f}" for k in kinds),
        )
        for row in found
    ]
    return table(("board", "core", *kinds), made)


def fuzzed() -> str:
    """How many mutated files each importer has read, from results/fuzz.jsonl; of a file read twice, the later reading."""
    path = ROOT / "results" / "fuzz.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    taken: dict[str, list[dict[str, Any]]] = {}
    for row in reversed([json.loads(line) for line in lines]):
        others = taken.setdefault(row["importer"], [])
        if all(row["seeds"][1] <= o["seeds"][0] or o["seeds"][1] <= row["seeds"][0] for o in others):
            others.append(row)
    made = []
    for kind, found in sorted(taken.items()):
        files, read = sum(r["files"] for r in found), sum(r["read"] for r in found)
        wrong = [sum(r[k] for r in found) for k in ("crashes", "hangs", "blow_ups")]
        most = [max(r[k] for r in found) for k in ("slowest_ms", "most_mb")]
        counts = [f"{n:,}" for n in (files, read, files - read - sum(wrong), *wrong)]
        made.append((f"`.{kind}`", *counts, f"{most[0]:,} ms", f"{most[1]} MB"))
    head = ("kind", "files", "read", "refused", "crashes", "hangs", "over 1 GB", "slowest (CPU)", "most memory")
    return table(head, made)


def rows() -> str:
    """Who may import whom."""
    made = [(str(i), what, ", ".join(f"`{p}`" for p in parts)) for i, (what, parts) in enumerate(imports.ROWS, 1)]
    listed = [f"- `{module}` imports `{part}`: {why}." for (module, part), why in imports.EXCEPTIONS.items()]
    return table(("row", "what", "parts"), made) + "\nExceptions, a list that may only shrink:\n\n" + "\n".join(listed)


def passes() -> str:
    """The pass lists with the comments of passes/pipeline.py, and what each pass says it does."""
    source = (PACKAGE / "passes" / "pipeline.py").read_text(encoding="utf-8")
    comments = comments_of(source)
    text = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Tuple):
            named = [n for n in node.value.elts if isinstance(n, ast.Name)]
            text.append(f"**`{node.target.id}`**: {comment_for(comments, node.lineno)}\n")
            made = [
                (f"`{n.id}`", summary(PACKAGE / "passes" / f"{n.id}.py"), comment_for(comments, n.lineno))
                for n in named
            ]
            text.append(table(("pass", "what it does", "why here"), made))
    return "\n".join(text)


def rules() -> str:
    """The numbered rules at the head of ir/verify.py."""
    doc = ast.get_docstring(ast.parse((PACKAGE / "ir" / "verify.py").read_text(encoding="utf-8"))) or ""
    return doc.split("\n\n", 1)[1]


def layout() -> str:
    """Folders of the package, each with the first sentence of its own docstring or of the list below."""
    other = {
        "kernels": "Header-only C99, one header an operator: portable form always, faster forms by feature macro",
        "harness": "C and assembly that run networks on emulated chips: start-up, runtime, monitor, counters",
    }
    lines = []
    for name in FOLDERS:
        file = PACKAGE / name / "__init__.py"
        text = other.get(name) or (summary(file).rstrip(".") if file.is_file() else "")
        lines.append(f"{name + '/':11s} {text}")
    return "```text\n" + "\n".join(lines) + "\n```"


def summary(file: Path) -> str:
    """First sentence of a file's docstring."""
    doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(doc.split("\n\n")[0].split())


BLOCKS: dict[str, Block] = {
    "run": run,
    "list": listing,
    "boards": boards,
    "figures": figures,
    "forms": forms,
    "fuzzed": fuzzed,
    "rows": rows,
    "passes": passes,
    "rules": rules,
    "layout": layout,
}
