"""Write requirements/base.txt and requirements/dev.txt: every package that pip would install, pinned.

    make lock          resolve again within the ranges of pyproject.toml (takes minutes: it installs everything once)

The lock holds names and versions only, so that pip takes them from whatever index it is set to use. Local version
labels (`+cpu`) are dropped: which build of PyTorch comes is the index's choice, its version is ours.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASE = ROOT / "requirements" / "base.txt"
DEV = ROOT / "requirements" / "dev.txt"
HEAD = "# Locked by tools/lock.py ('make lock'): {what}. Do not edit by hand.\n"
# Exactly this version: with any range, pip would rather fetch the newest build with gigabytes of CUDA.
TORCH = "torch==2.13.0"
# Comes with some builds of PyTorch and not with others.
IGNORED = re.compile(r"(pip|setuptools|wheel|picozoo|nvidia-.*|cuda-.*|triton)==", re.IGNORECASE)
BUILD = ("hatchling>=1.25", "editables")


def freeze(python: Path) -> list[str]:
    """Pinned lines of all that is installed, sorted, without local labels."""
    listed = subprocess.run(
        [python, "-m", "pip", "freeze", "--exclude-editable"], check=True, capture_output=True, text=True
    )
    lines = (re.sub(r"\+\S+", "", line) for line in listed.stdout.splitlines() if "==" in line)
    return sorted((line for line in lines if not IGNORED.match(line)), key=str.lower)


def install(python: Path, *what: str) -> None:
    """pip, quietly."""
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what], check=True, cwd=ROOT
    )


def write(path: Path, what: str, lines: list[str]) -> None:
    """Replace one lock."""
    temporary = path.with_suffix(".new")
    temporary.write_text(HEAD.format(what=what) + "\n".join(lines) + "\n")
    temporary.replace(path)
    print(f"{path.relative_to(ROOT)}: {len(lines)} packages")


def main() -> int:
    """Resolve in a fresh environment, first the base, then the rest on top of it."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        install(python, *BUILD, ".[digits]")
        base = freeze(python)
        install(python, TORCH, ".[dev,train]")
        rest = [line for line in freeze(python) if line not in base]
    write(BASE, "to run picozoo, with the digits extra; no PyTorch", base)
    write(DEV, "to test and check picozoo, and to train", ["-r base.txt", *rest])
    return 0


if __name__ == "__main__":
    sys.exit(main())
