"""Ctrl-C in the middle of a run, as a terminal sends it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_interrupt_ends_with_130(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "picozoo", "run", "hopfield", "-b", "nano33ble", "-n", "400"]

    def hear() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a suite in the background of a shell ignores Ctrl-C

    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, preexec_fn=hear, **pipes) as child:  # type: ignore[call-overload]
        assert child.stderr is not None
        assert child.stderr.readline().startswith("nano33ble: ")  # it is at work
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "picozoo: stopped" in said and "Traceback" not in said
    assert not list(tmp_path.iterdir())
