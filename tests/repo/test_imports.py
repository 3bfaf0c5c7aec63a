"""Imports go one way, and importing picozoo costs nothing."""

from __future__ import annotations

import subprocess
import sys
import time

import imports


def test_every_module_has_a_row() -> None:
    parts = {imports.part_of(name) for name in imports.modules()}
    missing = sorted(part for part in parts if imports.row_of(part) < 0)
    assert not missing, f"name {missing} in ROWS of tools/imports.py"


def test_rows_name_what_is_there() -> None:
    parts = {imports.part_of(name) for name in imports.modules()} | {"__main__"}
    gone = sorted(part for _, row in imports.ROWS for part in row if part not in parts)
    assert not gone, f"{gone} in ROWS of tools/imports.py are not in picozoo"


def test_imports_go_one_way() -> None:
    new = [v for v in imports.violations() if (v.module, v.part) not in imports.EXCEPTIONS]
    told = [f"picozoo.{v.module} (line {v.line}) imports picozoo.{v.part}, which is in a row below" for v in new]
    assert not told, "\n".join(told)


def test_exceptions_only_shrink() -> None:
    there = {(v.module, v.part) for v in imports.violations()}
    stale = sorted(set(imports.EXCEPTIONS) - there)
    assert not stale, f"take {stale} out of EXCEPTIONS in tools/imports.py: they are mended"


def test_importing_picozoo_is_light() -> None:
    code = "import sys, picozoo; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"torch", "numpy", "scipy", "sklearn", "unicorn", "capstone", "rich", "safetensors", "logging"}
    assert not heavy & set(loaded)
    assert len(loaded) < 150  # modules are what the time goes into


def test_compiling_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import picozoo as pz\n"
        "print(len(pz.compile('perceptron', board='host').model.files))"
    )
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert time.perf_counter() - began < 30
