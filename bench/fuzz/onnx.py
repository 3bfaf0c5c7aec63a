"""ONNX: a protobuf. Half of the files are changed as bytes, half as graphs that are written again."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from .plain import damaged

SUFFIX = ".onnx"
INTS = (0, 1, -1, 2, 3, 7, 255, 65536, 2**31 - 1, -(2**31), 2**62, -(2**63))
FLOATS = (0.0, -1.0, 1e38, float("nan"), float("inf"))


def originals(folder: Path) -> dict[str, bytes]:
    """None of its own: give files, or an archive of ONNX's node tests."""
    return {}


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Bytes changed; or numbers of attributes and shapes, names, node types, inputs and nodes lost or repeated."""
    if dice.random() < 0.5:
        return damaged(data, dice)
    import onnx

    model = onnx.load_model_from_string(data)
    for _ in range(dice.randint(1, 4)):
        graph = model.graph
        change = dice.choice((_attribute, _attribute, _shape, _initializer, _name, _type, _nodes, _opset, _part))
        change(model, graph, dice)
    return bytes(model.SerializeToString())


def _attribute(model: Any, graph: Any, dice: random.Random) -> None:
    found = [a for n in graph.node for a in n.attribute]
    if not found:
        return
    a = dice.choice(found)
    if a.ints:
        a.ints[dice.randrange(len(a.ints))] = dice.choice(INTS)
    elif a.floats:
        a.floats[dice.randrange(len(a.floats))] = dice.choice((0.0, -1.0, 1e38, float("nan"), float("inf")))
    elif a.HasField("i"):
        a.i = dice.choice(INTS)
    elif a.HasField("f"):
        a.f = dice.choice((0.0, -1.0, 1e38, float("nan"), float("inf")))
    elif a.HasField("s"):
        a.s = dice.choice((b"", b"x", b"SAME_UPPER", b"\xff", a.s[:-1]))
    if dice.random() < 0.1:
        a.type = dice.randrange(15)


def _shape(model: Any, graph: Any, dice: random.Random) -> None:
    v = dice.choice([*graph.input, *graph.output])
    t = v.type.tensor_type
    kind = dice.randrange(4)
    if kind == 0:
        t.elem_type = dice.randrange(28)
    elif kind == 1:
        t.ClearField("shape")
    elif t.shape.dim:
        d = dice.choice(t.shape.dim)
        if kind == 2:
            d.dim_value = dice.choice(INTS)
        else:
            d.dim_param = "n"


def _initializer(model: Any, graph: Any, dice: random.Random) -> None:
    tensors = [*graph.initializer, *(a.t for n in graph.node for a in n.attribute if a.HasField("t"))]
    if not tensors:
        return
    t = dice.choice(tensors)
    kind = dice.randrange(4)
    if kind == 0 and t.dims:
        t.dims[dice.randrange(len(t.dims))] = dice.choice(INTS)
    elif kind == 1:
        t.data_type = dice.randrange(28)
    elif kind == 2:
        t.raw_data = t.raw_data[: dice.randrange(len(t.raw_data) + 1)]
    elif t.int64_data:
        t.int64_data[dice.randrange(len(t.int64_data))] = dice.choice(INTS)
    elif len(t.raw_data) >= 8:
        t.raw_data = dice.choice(INTS).to_bytes(8, "little", signed=True) + t.raw_data[8:]
    if dice.random() < 0.1:
        t.data_location = 1
        entry = t.external_data.add()
        entry.key, entry.value = "location", dice.choice(("../../etc/passwd", "/etc/passwd", "x", "", "."))


def _name(model: Any, graph: Any, dice: random.Random) -> None:
    if not graph.node:
        return
    node, other = dice.choice(graph.node), dice.choice(graph.node)
    names = [*other.input, *other.output, ""]
    side = node.input if dice.random() < 0.7 else node.output
    if side:
        side[dice.randrange(len(side))] = dice.choice(names)
    elif names:
        side.append(dice.choice(names))
    if dice.random() < 0.2 and node.input:
        del node.input[dice.randrange(len(node.input)) :]


def _type(model: Any, graph: Any, dice: random.Random) -> None:
    from picozoo.frontend.onnx import readers

    if graph.node:
        node = dice.choice(graph.node)
        node.op_type = dice.choice([k for k in readers() if "." not in k])


def _nodes(model: Any, graph: Any, dice: random.Random) -> None:
    if not graph.node:
        return
    at = dice.randrange(len(graph.node))
    if dice.random() < 0.5:
        del graph.node[at]
    else:
        graph.node.add().CopyFrom(graph.node[at])


def _opset(model: Any, graph: Any, dice: random.Random) -> None:
    if model.opset_import:
        model.opset_import[0].version = dice.choice((1, 6, 7, 9, 10, 11, 12, 13, 17, 18, 21, 22, 24, 99, -1))


def _part(model: Any, graph: Any, dice: random.Random) -> None:
    """A whole graph inside a node, a name that no terminal should see, a very long list."""
    how = dice.randrange(3)
    if how == 0 and graph.node:
        a = dice.choice(graph.node).attribute.add()
        a.name, a.type = dice.choice(("body", "then_branch", "else_branch")), 5
        inner = type(graph)()
        inner.CopyFrom(graph)
        a.g.CopyFrom(inner)
    elif how == 1 and graph.node:
        node = dice.choice(graph.node)
        node.name = dice.choice(("x" * 5000, "\x1b[31m", "../x", "\n\n", ""))
        node.domain = dice.choice(("", "", "ai.onnx.ml", "com.microsoft", "\n"))
    else:
        found = [a for n in graph.node for a in n.attribute if a.ints]
        if found:
            dice.choice(found).ints.extend([1] * dice.choice((1, 2, 100_000)))
