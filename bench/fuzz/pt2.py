"""PyTorch's `.pt2`: a zip of `models/model.json`, which is the graph, and of weights as plain bytes."""

from __future__ import annotations

import contextlib
import copy
import importlib
import io
import json
import random
import re
import typing
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from . import trees, zips

SUFFIX = ".pt2"
_UNREAD = re.compile(r"sample_inputs|serialization_id")


def originals(folder: Path) -> dict[str, bytes]:
    """A small file of each kind of network, made here."""
    import torch
    from torch import nn

    torch.manual_seed(0)

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.v = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: Any) -> Any:
            scores = self.q(x) @ self.k(x).transpose(1, 2) / 2.0
            return torch.softmax(scores, -1) @ self.v(x)

    class Counting(nn.Module):
        calls: Any

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros(3))

        def forward(self, x: Any) -> Any:
            self.calls.add_(1.0)
            return torch.cat([x + self.calls, x[:, :1].clamp(0, 1)], 1)

    class Loop(nn.Module):
        def forward(self, x: Any) -> Any:
            def more(k: Any, v: Any) -> Any:
                return k < 3

            def step(k: Any, v: Any) -> Any:
                return k + 1, v * 2.0

            loop: Any = torch.while_loop
            return loop(more, step, (torch.tensor(0), x))[1]

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.LSTM(3, 2, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.layer(x)[0][:, -1]

    layers = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 2)
    nets: dict[str, tuple[Any, Any]] = {
        "linear": (nn.Linear(3, 2), torch.zeros(1, 3)),
        "relu": (nn.ReLU(), torch.zeros(1, 3)),
        "softmax": (nn.Softmax(1), torch.zeros(1, 3)),
        "pool": (nn.AvgPool2d(2), torch.zeros(1, 1, 4, 4)),
        "conv1d": (nn.Conv1d(1, 2, 3), torch.zeros(1, 1, 5)),
        "norm": (nn.LayerNorm(3), torch.zeros(1, 3)),
        "embedding": (nn.Embedding(4, 2), torch.zeros(1, 2, dtype=torch.int64)),
        "conv": (nn.Sequential(*layers), torch.zeros(1, 1, 6, 6)),
        "attention": (Attention(), torch.zeros(1, 3, 4)),
        "state": (Counting(), torch.zeros(1, 3)),
        "loop": (Loop(), torch.zeros(2)),
        "lstm": (Last(), torch.zeros(1, 4, 3)),
    }
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        found = {name: _saved(torch.export.export(net.eval(), (x,))) for name, (net, x) in nets.items()}
        found |= {name: _bare(found[name]) for name in nets if name not in ("linear", "state")}
    return found | _trained()


def _saved(exported: Any) -> bytes:
    import torch

    out = io.BytesIO()
    torch.export.save(exported, out)
    return out.getvalue()


def _bare(data: bytes) -> bytes:
    """Without the notes on where a node stands in the source, most of the file, which change nothing."""

    def less(name: str, part: bytes) -> bytes:
        if not name.endswith("model.json"):
            return part
        tree = json.loads(part)
        for here, key in list(trees.places(tree)):
            if key == "metadata":
                here[key] = {}
        return json.dumps(tree).encode()

    return zips.packed([(name, less(name, part)) for name, part in zips.members(data)], random.Random(0))


def _trained() -> dict[str, bytes]:
    """A network trained with quantisation, where torchao is there."""
    import torch

    try:
        import torchao  # noqa: F401
    except ImportError:
        return {}
    from picozoo.train import qat

    net, x = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2)), torch.randn(8, 4)
    made = qat.finetune(net, (x[:1],), lambda: [(x, torch.zeros(8, 2))], torch.nn.functional.mse_loss, epochs=1)
    return {"qat": _saved(torch.export.export(made, (x[:1],)))}


@contextlib.contextmanager
def prepared() -> Iterator[None]:
    """PyTorch works out for each file anew what never changes, a tenth of a second; here once.

    What it does with composite operators, and the types of the fields of its schema.
    """
    importlib.import_module("torch").set_num_threads(1)
    parts: Any = importlib.import_module("torch.export.exported_program")
    schema: Any = importlib.import_module("torch._export.serde.serialize")
    told, held = parts._override_composite_implicit_decomp, contextlib.ExitStack()
    known = parts._collect_all_valid_cia_ops()
    seen: list[Any] = []

    @contextlib.contextmanager
    def once(table: Any) -> Iterator[None]:
        if not seen:
            held.enter_context(told(table))
            seen.append(table)
        yield

    before = parts._collect_all_valid_cia_ops
    parts._override_composite_implicit_decomp, parts._collect_all_valid_cia_ops = once, lambda: known
    schema.typing = SimpleNamespace(**vars(typing) | {"get_type_hints": _cached(typing.get_type_hints)})
    try:
        yield
    finally:
        parts._override_composite_implicit_decomp, parts._collect_all_valid_cia_ops = told, before
        schema.typing = typing
        held.close()


def _cached(hints: Any) -> Any:
    held: dict[type, Any] = {}
    return lambda kind, **known: held[kind] if kind in held else held.setdefault(kind, hints(kind, **known))


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Members changed: nodes of the graph, their arguments, sizes, types, the table of weights, weights."""
    parts = [(name, part) for name, part in zips.members(data) if not _UNREAD.search(name)]
    return zips.mutate(zips.packed(parts, random.Random(0)), dice, _member)


def _member(name: str, part: bytes, dice: random.Random) -> bytes:
    if not name.endswith(".json"):
        return dice.choice((part[: len(part) // 2], part * 2, b"\xff" * len(part), b""))
    tree = json.loads(part)
    for _ in range(dice.choice((1, 1, 1, 2))):
        tree = _graph(tree, dice) if "graph_module" in tree and dice.random() < 0.6 else trees.twist(tree, dice)
    return trees.text(tree, dice)


def _graph(tree: Any, dice: random.Random) -> Any:
    """Nodes lost, repeated or exchanged; arguments, sizes and types of another value; other operators."""
    graph = tree.get("graph_module", {}).get("graph", {})
    nodes, values = graph.get("nodes"), graph.get("tensor_values")
    if not isinstance(nodes, list) or not nodes or not isinstance(values, dict) or not values:
        return tree
    node, other = dice.choice(nodes), dice.choice(nodes)
    how = dice.randrange(8)
    if how == 0:
        nodes.remove(node)
    elif how == 1:
        nodes[dice.randrange(len(nodes)) : 0] = [node] * dice.choice((1, 1, 2, 200))
    elif how == 2:
        node["target"] = dice.choice((other["target"], *_TARGETS))
    elif how == 3:
        _arguments(node, other, list(values), dice)
    else:
        _value(values, dice)
    return tree


_TARGETS = ("torch.ops.higher_order.while_loop", "_operator.getitem", "os.system", *(f"torch.ops.aten.{n}" for n in (
    "relu.default", "add.Tensor", "view.default", "linear.default", "conv2d.default", "cat.default", "lstm.input",
    "resize_.default", "set_.source_Tensor", "empty.memory_format", "full.default", "arange.default", "repeat.default",
    "expand.default", "as_strided.default", "unfold.default", "nonzero.default", "item.default", "rand.default",
    "topk.default", "no.default", "pad.default", "upsample_nearest2d.vec", "split.Tensor", "index.Tensor",
    "eye.default", "__class__",
)))  # fmt: skip


def _arguments(node: Any, other: Any, names: list[str], dice: random.Random) -> None:
    """One argument of a node: another tensor, another number, lost, or that of another node."""
    inputs = node.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        return
    at = dice.randrange(len(inputs))
    how = dice.random()
    if how < 0.4:
        tensors = [here for here, key in trees.places(inputs) if key == "name" and isinstance(here, dict)]
        if tensors:
            dice.choice(tensors)["name"] = dice.choice(names)
    elif how < 0.7:
        numbers = [(h, k) for h, k in trees.places(inputs[at]) if isinstance(h[k], int) and k != "kind"]
        if numbers:
            here, key = dice.choice(numbers)
            here[key] = dice.choice(trees.INTS)
    elif how < 0.85:
        del inputs[at]
    elif other.get("inputs"):
        inputs[at] = copy.deepcopy(dice.choice(other["inputs"]))


def _value(values: Any, dice: random.Random) -> None:
    """What the file says of one tensor: another size, stride, offset, type, or that of another tensor."""
    name = dice.choice(list(values))
    value = values[name]
    how = dice.random()
    if how < 0.2 or not isinstance(value, dict):
        values[name] = copy.deepcopy(values[dice.choice(list(values))])
        return
    for key in ("sizes", "strides"):
        if isinstance(value.get(key), list) and value[key] and dice.random() < 0.5:
            value[key][dice.randrange(len(value[key]))] = {"as_int": dice.choice((*trees.INTS, 4, 5))}
    if dice.random() < 0.3:
        value["dtype"] = dice.randrange(40)
    if dice.random() < 0.1:
        value["storage_offset"] = {"as_int": dice.choice(trees.INTS)}
    if dice.random() < 0.1:
        value["device"] = {"type": dice.choice(("cuda", "meta", "x", "")), "index": dice.choice((None, 0, -1))}
    if dice.random() < 0.1:
        value["layout"] = dice.randrange(10)
