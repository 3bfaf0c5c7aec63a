"""IF, WHILE, CALL_ONCE and resource variables of TFLite files, in several calls, against LiteRT."""

from __future__ import annotations

import numpy as np
import pytest

from picozoo.boards.host import BOARD
from picozoo.compiler import Options, compile_network
from picozoo.errors import PicozooError
from picozoo.frontend import tflite
from picozoo.ir.interp import Interpreter
from picozoo.network import load

from .tflite_models import Net, T, compare, draw

F = "float32"


def one(*v: float) -> np.ndarray:
    return np.array(v, np.float32)


def branches(dtype: str, q: dict[str, float]) -> Net:
    """if sum-like input > 0: x + x, else x * x."""
    net, yes, no = Net(), Net(), Net()
    a, b = yes.input((3,), dtype, **q), no.input((3,), dtype, **q)
    yes.op("ADD", [a, a], [T((3,), dtype, **q)], "AddOptions")
    no.op("MUL", [b, b], [T((3,), dtype, **q)], "MulOptions")
    x, c = net.input((3,), dtype, **q), net.input((1,), "bool")
    net.op("IF", [c, x], [T((3,), dtype, **q)], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)
    net.subgraphs = [yes, no]
    return net


@pytest.mark.parametrize(("dtype", "q"), [(F, {}), ("int8", {"scale": 0.1, "zero": 3})])
def test_if(dtype: str, q: dict[str, float]) -> None:
    compare(branches(dtype, q), np.random.default_rng(0), calls=6)


def counting() -> Net:
    """while n < 5: x = x * 1.5, n = n + 1."""
    net, cond, body = Net(), Net(), Net()
    n, _ = cond.input((1,), "int32"), cond.input((2, 3), F)
    cond.op("LESS", [n, cond.const(np.array([5], np.int32))], [T((1,), "bool")], "LessOptions")
    n, x = body.input((1,), "int32"), body.input((2, 3), F)
    (m,) = body.op("ADD", [n, body.const(np.array([1], np.int32))], [T((1,), "int32")], "AddOptions")
    (y,) = body.op("MUL", [x, body.const(one(1.5))], [T((2, 3), F)], "MulOptions")
    body.outputs = [m, y]
    a, b = net.input((1,), "int32"), net.input((2, 3), F)
    net.op("WHILE", [a, b], [T((1,), "int32"), T((2, 3), F)], "WhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2)
    net.subgraphs = [cond, body]
    return net


def test_while() -> None:
    compare(counting(), np.random.default_rng(0), calls=4)


def memory(initial: bool) -> Net:
    """A sum over all calls, kept in a variable that starts at 7 or at nothing."""
    net, init = Net(), Net()
    if initial:
        (h,) = init.op("VAR_HANDLE", [], [T((1,), "resource")], "VarHandleOptions", sharedName="total", container="")
        init.op("ASSIGN_VARIABLE", [h, init.const(one(7, 8, 9))], [], "AssignVariableOptions")
        init.outputs = []
        net.op("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=1)
        net.subgraphs = [init]
    x = net.input((3,), F)
    (h,) = net.op("VAR_HANDLE", [], [T((1,), "resource")], "VarHandleOptions", sharedName="total", container="")
    (old,) = net.op("READ_VARIABLE", [h], [T((3,), F)], "ReadVariableOptions")
    (new,) = net.op("ADD", [old, x], [T((3,), F)], "AddOptions")
    net.op("ASSIGN_VARIABLE", [h, new], [], "AssignVariableOptions")
    (again,) = net.op("READ_VARIABLE", [h], [T((3,), F)], "ReadVariableOptions")
    net.op("MUL", [again, x], [T((3,), F)], "MulOptions")
    net.outputs = [net.outputs[0], old]
    return net


def test_variables() -> None:
    compare(memory(True), np.random.default_rng(0), calls=5)


def counters() -> Net:
    """if c: total += x, give total; else: give x * other, other += 1. The model gives that and both variables' sum."""
    net, yes, no = Net(), Net(), Net()
    for inner, name, op in ((yes, "total", "ADD"), (no, "other", "MUL")):
        x = inner.input((3,), F)
        (h,) = inner.op("VAR_HANDLE", [], [T((1,), "resource")], "VarHandleOptions", sharedName=name, container="")
        (old,) = inner.op("READ_VARIABLE", [h], [T((3,), F)], "ReadVariableOptions")
        (y,) = inner.op(op, [old, x], [T((3,), F)], f"{op.title()}Options")
        new = y if name == "total" else inner.op("ADD", [old, inner.const(one(1))], [T((3,), F)], "AddOptions")[0]
        inner.op("ASSIGN_VARIABLE", [h, new], [], "AssignVariableOptions")
        inner.outputs = [y]
    x, c = net.input((3,), F), net.input((1,), "bool")
    (y,) = net.op("IF", [c, x], [T((3,), F)], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)
    read = []
    for name in ("total", "other"):
        (h,) = net.op("VAR_HANDLE", [], [T((1,), "resource")], "VarHandleOptions", sharedName=name, container="")
        read += net.op("READ_VARIABLE", [h], [T((3,), F)], "ReadVariableOptions")
    net.op("ADD", read, [T((3,), F)], "AddOptions")
    net.outputs, net.subgraphs = [y, net.outputs[0]], [yes, no]
    return net


def initialised(net: Net) -> Net:
    """With both variables at zero, as LiteRT wants them before it reads one."""
    init = Net()
    for name in ("total", "other"):
        (h,) = init.op("VAR_HANDLE", [], [T((1,), "resource")], "VarHandleOptions", sharedName=name, container="")
        init.op("ASSIGN_VARIABLE", [h, init.const(one(0, 0, 0))], [], "AssignVariableOptions")
    init.outputs = []
    net.operators.insert(0, ("CALL_ONCE", "CallOnceOptions", {"initSubgraphIndex": 3}, [], []))
    net.intermediates = {}
    net.subgraphs.append(init)
    return net


def test_branches_with_state() -> None:
    compare(initialised(counters()), np.random.default_rng(0), calls=8)


@pytest.mark.parametrize(
    "net", [branches(F, {}), counting(), memory(True), counters()], ids=["if", "while", "variables", "if with state"]
)
def test_in_c(net: Net, tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "net.tflite"
    path.write_bytes(net.bytes())
    fw, rng = compile_network(load(path), BOARD, Options()), np.random.default_rng(0)
    twin = Interpreter(tflite.read(path))
    with fw.session() as s:
        for _ in range(4):
            xs = [draw(net.tensors[i].shape, net.tensors[i].dtype, rng) for i in net.inputs]
            for got, want in zip(s.call("forward", *xs), twin.call("forward", *xs), strict=True):
                np.testing.assert_allclose(got.reshape(want.shape), want, rtol=1e-6)


def test_subgraphs_in_a_circle() -> None:
    net = branches(F, {})
    inner = net.subgraphs[0]
    c = inner.const(np.array([True]))
    inner.op("IF", [c, inner.inputs[0]], [T((3,), F)], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=1)
    with pytest.raises(PicozooError, match="refer to each other"):
        tflite.checked(net.bytes(), "case", "case")


def test_unsupported_in_a_subgraph_is_named() -> None:
    net = branches(F, {})
    inner = net.subgraphs[1]
    inner.op("LOCAL_RESPONSE_NORMALIZATION", [inner.outputs[0]], [T((3,), F)])
    with pytest.raises(PicozooError, match=r"LOCAL_RESPONSE_NORMALIZATION \(makes 't2', in a subgraph\)"):
        tflite.checked(net.bytes(), "case", "case")
