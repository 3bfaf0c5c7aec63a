"""What a user installs holds all that running needs, and setting up says clearly what is missing."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

TOOLS = ("cat", "dirname", "env", "rm", "mv")


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names in the wheel, built as pip builds it."""
    if find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(words, cwd=root, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        return archive.namelist()


def test_wheel_holds_what_running_needs(root: Path, wheel: list[str]) -> None:
    package = root / "picozoo"
    needed = [f for kind in ("*.py", "*.pz", "*.h", "*.c", "*.S", "py.typed") for f in package.rglob(kind)]
    assert needed
    missing = [str(f.relative_to(root)) for f in needed if str(f.relative_to(root)) not in wheel]
    assert not missing, "not in the wheel, so not on a user's machine"


def test_wheel_holds_nothing_else(wheel: list[str]) -> None:
    assert all(name.startswith(("picozoo/", "picozoo-")) for name in wheel)
    assert not [name for name in wheel if name.endswith((".pyc", ".o", ".so"))]


def setup_with(folder: Path, root: Path, python: str) -> subprocess.CompletedProcess[str]:
    """tools/setup.sh on a machine whose only Python is this script."""
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    fake = folder / "python3"
    fake.write_text(python)
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    environment = {"PATH": str(folder), "VENV": str(folder / "venv"), "HOME": os.environ.get("HOME", "")}
    words = [shutil.which("sh") or "sh", str(root / "tools" / "setup.sh"), "base"]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_setup_names_the_python_it_needs(root: Path, tmp_path: Path) -> None:
    done = setup_with(tmp_path / "bin", root, "#!/bin/sh\nexit 1\n")
    assert done.returncode == 1
    assert "Python 3.11 or newer" in done.stderr
    assert "apt install python3" in done.stderr


def test_setup_says_when_venv_is_missing(root: Path, tmp_path: Path) -> None:
    python = '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\nexit 0\n'
    done = setup_with(tmp_path / "bin", root, python)
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr


def test_setup_refuses_other_purposes(root: Path) -> None:
    done = subprocess.run(["sh", "tools/setup.sh", "x"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "base or dev" in done.stderr
