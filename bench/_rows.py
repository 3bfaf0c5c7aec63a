"""Rows of results/: what they say about where and when they were measured, and how they are written."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results"


def commit() -> str:
    """The commit measured; with "+" behind it if the package differed from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    head = git("rev-parse", "HEAD") or "unknown"
    return head + ("+" if git("status", "--porcelain", "--", "picozoo") else "")


def machine() -> dict[str, Any]:
    """What the timings depend on; exact figures do not."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
    }


def write(name: str, rows: list[dict[str, Any]]) -> Path:
    """Replace results/NAME; it is there whole or not at all."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / name
    handle, temporary = tempfile.mkstemp(dir=RESULTS, prefix=f".{name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, sort_keys=True) + "\n" for row in rows)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)
    return path


def read(name: str) -> list[dict[str, Any]]:
    """The rows of results/NAME, or none."""
    path = RESULTS / name
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
