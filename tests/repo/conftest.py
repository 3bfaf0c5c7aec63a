"""The tools folder, importable; and the files that git tracks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))


def files_of(root: Path) -> list[Path]:
    """Files that git tracks or would track, in order; all files but hidden ones where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        return sorted(f for f in root.rglob("*") if f.is_file() and not any(p.startswith(".") for p in f.parts))
    names = [name for name in listed.stdout.decode().split("\0") if name]
    return sorted(root / name for name in set(names) if (root / name).is_file())


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """See `files_of`."""
    return files_of(ROOT)
