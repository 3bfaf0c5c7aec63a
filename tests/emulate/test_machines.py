"""One program on every board: same results, exact counts, faults that end, stack that is measured."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
import time
from pathlib import Path

import programs
import pytest

from picozoo.build import Image, build
from picozoo.emulate import Machine, open_machine
from picozoo.errors import MachineFault, UsageError
from picozoo.specs import Board


def run(machine: Machine, n: int = 5) -> tuple[list[float], int]:
    """Results from fresh inputs; the same work each time, also where float arithmetic is software."""
    net = machine.address("pz_net")
    machine.write(net, programs.inputs(n))
    machine.call("net_init", net)
    machine.call("net_forward", net)
    *floats, _, total = struct.unpack("<8f2i", machine.read(net, 40))
    return floats, total


def test_same_results_everywhere(machine: Machine) -> None:
    assert run(machine) == programs.expected()


def test_two_machines_do_not_share_state(image: Image, machine: Machine) -> None:
    net = machine.address("pz_net")
    with open_machine(image) as other:
        run(other, n=9)
        assert machine.read(net, programs.SIZE) == programs.inputs()


def test_layers_add_up_and_helpers_are_charged_to_their_caller(board: Board, machine: Machine) -> None:
    machine.count(True)
    run(machine)
    counts = machine.counts()
    if board.emulator == "host":
        assert counts.instructions is None
        return
    assert counts.instructions is not None
    inside = sum(layer.instructions for layer in counts.layers.values())
    assert set(counts.layers) == {"dot", "floats"}
    assert inside < counts.instructions < inside + 60  # init and the driver are no layer
    assert counts.layers["dot"].instructions > 5 * 64 * 3  # the shared helper's loop, not only the layer's own code
    for layer in counts.layers.values():
        plain = sum(times for name, times in layer.mix.items() if not name.startswith("+"))
        assert plain in (layer.instructions, 0)  # 0: an emulator that knows no mix
    if counts.functions:
        assert sum(counts.functions.values()) == counts.instructions
        assert counts.functions["dot"] > 5 * 64 * 3


def test_counts_grow_by_the_same_each_time_and_reset(board: Board, machine: Machine) -> None:
    if board.emulator == "host":
        pytest.skip("nothing is counted on host")
    machine.count(True)
    run(machine)
    once = machine.counts()
    run(machine)
    assert machine.counts().instructions == 2 * (once.instructions or 0)
    machine.reset_counts()
    assert machine.counts().instructions == 0
    machine.count(False)
    run(machine)
    assert machine.counts().instructions == 0
    machine.count(True)
    run(machine)
    again = machine.counts()
    assert (again.instructions, again.layers, again.mix) == (once.instructions, once.layers, once.mix)


def test_a_layer_that_takes_another_path(board: Board, machine: Machine) -> None:
    if board.emulator == "host":
        pytest.skip("nothing is counted on host")
    machine.count(True)
    run(machine)
    short = machine.counts()
    machine.reset_counts()
    run(machine, n=1001)
    long = machine.counts()
    ratio = long.layers["dot"].instructions / short.layers["dot"].instructions
    assert ratio == pytest.approx(1001 / 5, rel=0.05)


def test_hand_counted_loop(board: Board) -> None:
    if board.core.arch in ("host", "wasm32"):
        pytest.skip("no instructions of ours to count")
    image = build({"loop.c": programs.LOOP}, board, roots=["net_loop", "pz_net"])
    with open_machine(image, layers={"net_loop": "loop"}) as machine:
        machine.count(True)
        machine.call("net_loop")
        counts = machine.counts()
    assert counts.instructions == programs.LOOP_INSTRUCTIONS
    assert counts.layers["loop"].instructions == programs.LOOP_INSTRUCTIONS
    assert counts.mix["branch"] == 101
    if board.emulator == "simavr":
        assert counts.cycles == programs.LOOP_AVR_CYCLES
    else:
        assert counts.mix["+taken"] in (99, 100)  # the return's target is outside the program


def test_stack_is_measured(machine: Machine) -> None:
    machine.paint_stack()
    machine.call("net_deep", machine.address("pz_net"))
    used = machine.stack_bytes()
    assert used is None or 200 <= used < 420


def test_faults_end_and_the_machine_goes_on(board: Board, machine: Machine) -> None:
    if board.emulator == "host":
        pytest.skip("a fault on host would end this process")
    if board.emulator != "simavr":  # an AVR chip has no traps
        with pytest.raises(MachineFault, match="net_fault"):
            machine.call("net_fault", machine.address("pz_net"))
    assert run(machine) == programs.expected()


def test_a_runaway_call_is_stopped(board: Board, machine: Machine) -> None:
    if board.emulator == "host":
        pytest.skip("a call on host cannot be stopped")
    machine.budget = 2_000_000
    with pytest.raises(MachineFault, match="did not return within"):
        machine.call("net_spin", machine.address("pz_net"))
    assert run(machine) == programs.expected()


def test_wrong_addresses_and_names_are_refused(board: Board, machine: Machine) -> None:
    with pytest.raises(UsageError, match="nothing"):
        machine.address("nothing")
    with pytest.raises(UsageError, match="at most 4"):
        machine.call("net_init", 1, 2, 3, 4, 5)
    if board.emulator != "qemu":  # much of that board's address space is memory
        with pytest.raises(MachineFault, match="no memory"):
            machine.read(0xDEAD_0000, 4)
        with pytest.raises(MachineFault, match="no memory"):
            machine.write(0xDEAD_0000, b"1234")


def test_qemu_ends_with_its_parent() -> None:
    from conftest import board_named

    image = build({"net.c": programs.NETWORK}, board_named("corstone300"), roots=programs.ROOTS)
    code = "import os, pickle, sys; from picozoo.emulate import open_machine\n"
    code += "machine = open_machine(pickle.loads(sys.stdin.buffer.read())); print(machine._process.pid)\n"
    code += "sys.stdout.flush(); os._exit(1)"
    done = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(image), capture_output=True, check=False)
    child = int(done.stdout)
    for _ in range(100):
        if not _alive(child):
            return
        time.sleep(0.05)
    os.kill(child, 9)
    pytest.fail("QEMU goes on without the process that started it")


def _alive(process: int) -> bool:
    """Running, and not merely waiting for somebody to ask how it ended."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
