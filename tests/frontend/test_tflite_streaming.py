"""CIRCULAR_BUFFER in many calls, against TensorFlow Lite Micro, and its published results without the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo.errors import PicozooError
from picozoo.frontend import tflite
from picozoo.ir.interp import Interpreter
from picozoo.ops._tflite import custom

from .tflite_models import Micro, Net, T

BUFFER = custom("CIRCULAR_BUFFER")


def buffer(net: Net, x: int, slots: int, outs: list[T] | None = None, **values: Any) -> int:
    """A buffer of so many columns of `x`; its output keeps what it holds, as in files for TensorFlow Lite Micro."""
    t = net.tensors[x]
    y = T((1, slots, *t.shape[2:]), "int8", t.scale, t.zero, variable=True)
    return net.op(BUFFER, [x], [y, *(outs or [])], **values)[0]


def dense(net: Net, rng: np.random.Generator, x: int, units: int) -> int:
    """A layer over all that a buffer holds."""
    n = int(np.prod(net.tensors[x].shape))
    w = net.const(rng.integers(-127, 128, (units, n)).astype(np.int8), 0.01)
    b = net.const(rng.integers(-900, 900, units).astype(np.int32), 0.01 * net.tensors[x].scale)
    y = T((1, units), "int8", 0.2, int(rng.integers(-20, 20)))
    return net.op("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions")[0]


def column(net: Net, x: int) -> int:
    """A layer's output as a column of the next buffer."""
    t = net.tensors[x]
    shape = [1, 1, 1, t.shape[-1]]
    return net.op("RESHAPE", [x], [T(tuple(shape), "int8", t.scale, t.zero)], "ReshapeOptions", newShape=shape)[0]


def network(rng: np.random.Generator, first: int, second: int) -> Net:
    """Two buffers of these periods with layers behind them, and a sum over the calls that come so far."""
    net = Net()
    x = net.input((1, 1, 1, 4), "int8", 0.05, 3)
    net.op("ADD", [x, x], [T((1, 1, 1, 4), "int8", 0.1, -2)], "AddOptions")
    h = dense(net, rng, buffer(net, net.outputs[0], 3, cycles_max=first), 5)
    (handle,) = net.op("VAR_HANDLE", [], [T((1,), "resource")], "VarHandleOptions", sharedName="sum", container="")
    (old,) = net.op("READ_VARIABLE", [handle], [T((1, 5), "int8", 0.2, net.tensors[h].zero)], "ReadVariableOptions")
    (new,) = net.op("ADD", [old, h], [T((1, 5), "int8", 0.2, net.tensors[h].zero)], "AddOptions")
    net.op("ASSIGN_VARIABLE", [handle, new], [], "AssignVariableOptions")
    y = dense(net, rng, buffer(net, column(net, new), 4, cycles_max=second), 3)
    net.outputs = [y]
    return net


def compare(net: Net, rng: np.random.Generator, calls: int) -> list[bool]:
    """In which calls everything ran. In the others results that a buffer does not give itself are those of before."""
    machine, program, ran = Micro(net), Interpreter(tflite.from_bytes(net.bytes(), "case")), []
    own = {k for o in net.operators for k in o[4] if o[0] == BUFFER}
    before: list[np.ndarray] = []
    for _ in range(calls):
        x = rng.integers(-128, 128, net.tensors[net.inputs[0]].shape).astype(np.int8)
        got = program.call("forward", x)
        ran.append(len(got) == len(net.outputs) or bool(got.pop()))
        machine.check([x], got, ran=ran[-1])
        for k, a, b in zip(net.outputs, got, before or got, strict=True):
            assert ran[-1] or k in own or np.array_equal(a, b)
        before = got
    return ran


@pytest.mark.parametrize(("first", "second"), [(1, 1), (2, 1), (1, 3), (2, 2), (3, 2)])
def test_periods(first: int, second: int) -> None:
    rng = np.random.default_rng(first + 10 * second)
    ran = compare(network(rng, first, second), rng, 15)
    assert [k for k, yes in enumerate(ran, 1) if yes] == list(range(first * second, 16, first * second))


@pytest.mark.parametrize(("columns", "period"), [(5, 1), (4, 2), (13, 1), (24, 2), (25, 1)])
def test_periods_that_the_file_leaves_open(columns: int, period: int) -> None:
    """Two calls, but for the sizes that TensorFlow Lite Micro knows."""
    net = Net()
    buffer(net, net.input((1, 1, 1, 3), "int8", 0.1, 7), columns)
    ran = compare(net, np.random.default_rng(columns), 7)
    assert ran == [k % period == 0 for k in range(1, 8)]


def test_the_fifth_of_some_size_runs_always() -> None:
    net, rng = Net(), np.random.default_rng(5)
    x = net.input((1, 1, 2, 96), "int8", 0.1, 7)
    for columns in (5, 2, 2, 2, 2, 2):
        y = buffer(net, x, columns)
    net.outputs = [y]
    assert compare(net, rng, 17)[15:] == [True, False]


def test_second_output_says_when() -> None:
    """Then nothing ends the call."""
    net, rng = Net(), np.random.default_rng(3)
    x = net.input((1, 1, 2, 3), "int8", 0.1, 7)
    y = buffer(net, x, 4, [T((1,), "bool")], cycles_max=3)
    net.op("ADD", [y, y], [T((1, 4, 2, 3), "int8", 0.2, 5)], "AddOptions")
    net.outputs = [net.outputs[0], y + 1]
    assert compare(net, rng, 7) == [True] * 7


@pytest.mark.parametrize("board", ["host", "nano33ble", "uno"])
def test_on_boards(tmp_path: Path, board: str) -> None:
    """Result for result as the interpreter; a call that ends early takes less."""
    rng = np.random.default_rng(1)
    path = tmp_path / "stream.tflite"
    path.write_bytes(network(rng, 2, 2).bytes())
    twin, fw = Interpreter(tflite.read(path)), pz.compile(path, board=board)
    with fw.session() as s:
        for _ in range(9):
            x = rng.integers(-128, 128, (1, 1, 1, 4)).astype(np.int8)
            for got, want in zip(s.call("forward", x), twin.call("forward", x), strict=True):
                np.testing.assert_array_equal(got.reshape(want.shape), want)


def test_columns_behind_two_periods_are_kept_where_they_lie(tmp_path: Path) -> None:
    """State of a body in a body: no working memory for it, and the same results."""
    rng, net, path = np.random.default_rng(0), Net(), tmp_path / "deep.tflite"
    x = net.input((1, 1, 1, 8), "int8", 0.05, 3)
    for columns, units in ((4, 16), (6, 32), (20, 5)):
        y = dense(net, rng, buffer(net, x, columns, cycles_max=2), units)
        x = column(net, y)
    net.operators.pop()
    net.outputs = [y]
    path.write_bytes(net.bytes())
    assert pz.compile(path, board="uno").plan.functions["forward"].placed.peak < 64  # the last buffer has 640 bytes
    twin, fw = Interpreter(tflite.read(path)), pz.compile(path, board="host")
    with fw.session() as s:
        for _ in range(17):
            v = rng.integers(-128, 128, (1, 1, 1, 8)).astype(np.int8)
            for got, want in zip(s.call("forward", v), twin.call("forward", v), strict=True):
                np.testing.assert_array_equal(got.reshape(want.shape), want)


def test_the_header_and_show_say_when_everything_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from picozoo.cli import main

    path = tmp_path / "stream.tflite"
    path.write_bytes(network(np.random.default_rng(1), 3, 2).bytes())
    fw = pz.compile(path, board="host")
    assert "Everything runs in every 6th call" in fw.model.files["stream.h"]
    assert pz.load(path).program.period == 6
    assert main(["show", str(path)]) == 0
    assert "every 6th call" in capsys.readouterr().out


def test_refusals() -> None:
    net = Net()
    x = net.input((1, 2, 1, 3), "int8", 0.1, 7)
    net.op(BUFFER, [x], [T((1, 4, 1, 3), "int8", 0.1, 7)])
    with pytest.raises(PicozooError, match=r"CIRCULAR_BUFFER.*i8\[1, 2, 1, 3\]"):
        tflite.checked(net.bytes(), "case", "case.tflite")
    net, inner = Net(), Net()
    buffer(inner, inner.input((1, 1, 1, 3), "int8", 0.1, 7), 4, cycles_max=2)
    x, c = net.input((1, 1, 1, 3), "int8", 0.1, 7), net.input((1,), "bool")
    net.op("IF", [c, x], [T((1, 4, 1, 3), "int8", 0.1, 7)], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=1)
    net.subgraphs = [inner]
    with pytest.raises(PicozooError, match="main graph only"):
        tflite.checked(net.bytes(), "case", "case.tflite")
