"""Takes apart, in an exported graph, what is one ATen operator but several integer kernels: each gets its own ranges.

Attention becomes products, softmax and dropout; recurrent layers that lie on each other become one operator each.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch.fx import GraphModule, Node

ATEN = torch.ops.aten
RECURRENT = ("lstm.input", "gru.input", "rnn_tanh.input", "rnn_relu.input")


class _Builder:
    """Adds nodes before another one, with their fake values."""

    def __init__(self, model: GraphModule, before: Node) -> None:
        self.graph, self.before = model.graph, before
        self.meta = {k: v for k, v in before.meta.items() if k in ("nn_module_stack", "stack_trace", "source_fn_stack")}

    def __call__(self, target: Any, *args: Any, val: Any = None) -> Node:
        with self.graph.inserting_before(self.before):
            node = self.graph.call_function(target, args)
        made = target(*torch.fx.map_arg(args, lambda n: n.meta["val"])) if val is None else val
        node.meta = {**self.meta, "val": made}
        return node


def take_apart(model: GraphModule) -> GraphModule:
    """The same computation, of operators that have one integer kernel each."""
    forms: dict[str, Callable[..., Node | None]] = {"scaled_dot_product_attention.default": _attention}
    forms |= dict.fromkeys(RECURRENT, _layers)
    for node in list(model.graph.nodes):
        form = forms.get(str(node.target).removeprefix("aten.")) if node.op == "call_function" else None
        made = form(_Builder(model, node), *node.args, **node.kwargs) if form is not None else None
        if made is not None:
            node.replace_all_uses_with(made)
            model.graph.erase_node(node)
    model.recompile()
    return model


def _attention(
    add: _Builder,
    q: Node,
    k: Node,
    v: Node,
    mask: Node | None = None,
    dropout: float = 0.0,
    causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Node | None:
    if enable_gqa:
        return None
    scores = add(ATEN.matmul.default, q, add(ATEN.transpose.int, k, -2, -1))
    scores = add(ATEN.mul.Tensor, scores, scale or 1 / math.sqrt(q.meta["val"].shape[-1]))
    if causal:
        n, m = scores.meta["val"].shape[-2:]
        ones = add(ATEN.ones.default, [n, m])
        scores = add(ATEN.masked_fill.Scalar, scores, add(ATEN.eq.Scalar, add(ATEN.tril.default, ones), 0), -1e30)
    elif mask is not None and mask.meta["val"].dtype == torch.bool:
        scores = add(ATEN.masked_fill.Scalar, scores, add(ATEN.logical_not.default, mask), -1e30)
    elif mask is not None:
        scores = add(ATEN.add.Tensor, scores, mask)
    chances = add(ATEN.softmax.int, scores, -1)
    if dropout > 0:
        chances = add(ATEN.dropout.default, chances, dropout, True)
    return add(ATEN.matmul.default, chances, v)


def _layers(
    add: _Builder,
    x: Node,
    states: Any,
    params: Any,
    biases: bool,
    layers: int,
    dropout: float,
    train: bool,
    both: bool,
    batch_first: bool,
) -> Node | None:
    """One operator for each layer; directions stay together, for they share their output."""
    if layers == 1:
        return None
    target, many = add.before.target, isinstance(states, list | tuple)
    each, ways, finals = len(params) // layers, 2 if both else 1, []
    for k in range(layers):
        held = [add(ATEN.slice.Tensor, s, 0, k * ways, (k + 1) * ways) for s in (states if many else [states])]
        mine = list(params[k * each : (k + 1) * each])
        if k and dropout > 0:
            x = add(ATEN.dropout.default, x, dropout, train)
        val = (add.before.meta["val"][0], *(s.meta["val"] for s in held))  # shapes do not differ from layer to layer
        y = add(target, x, held if many else held[0], mine, biases, 1, 0.0, train, both, batch_first, val=val)
        x = add(operator.getitem, y, 0)
        finals.append([add(operator.getitem, y, i + 1) for i in range(len(held))])
    last = [add(ATEN.cat.default, [f[i] for f in finals]) for i in range(len(finals[0]))]
    for user in list(add.before.users):
        user.replace_all_uses_with([x, *last][user.args[1]])  # type: ignore[index]
        add.graph.erase_node(user)
    add.graph.erase_node(add.before)
    return None
