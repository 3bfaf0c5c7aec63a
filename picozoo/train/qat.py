"""Quantisation-aware training through torchao's PT2E flow, for what picozoo's kernels can do.

    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_qat_pt2e
    exported = torch.export.export(model, (example,)).module()
    prepared = prepare_qat_pt2e(exported, KernelQuantizer())
    ...                                         # train `prepared` as any module
    converted = convert_pt2e(prepared)
    firmware = picozoo.compile(converted, (example,), board="nano33ble")

`finetune` below does these steps. Which ATen operators have an integer form is not written here: the operator files say
it (`Op.aten`, `Op.quant_rule`), so that a new integer kernel is annotated as soon as it is there. Weights: symmetric
int8 in -127 ... 127, one scale an output channel; activations: int8 with a zero point; what only moves values, and
pooling, shares the parameters of its input; biases become int32 with the product of both scales when the program is
compiled.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch.fx import Node
from torchao.quantization.pt2e import (
    FusedMovingAvgObsFakeQuantize,
    HistogramObserver,
    MovingAverageMinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
    PerChannelMinMaxObserver,
    move_exported_model_to_eval,
    move_exported_model_to_train,
)
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e, prepare_qat_pt2e
from torchao.quantization.pt2e.quantizer import (
    FixedQParamsQuantizationSpec,
    QuantizationAnnotation,
    QuantizationSpec,
    Quantizer,
    SharedQuantizationSpec,
)

from picozoo import ops
from picozoo.frontend._torch_context import readers
from picozoo.specs import TensorType

_KEY = "quantization_annotation"
_EPS = 2.0**-14  # smallest scale
_WEIGHTED = ("conv2d", "linear")
_NORMS = ("batch_norm.default", "_native_batch_norm_legit.default", "cudnn_batch_norm.default")
_CLAMPED = ("relu.default", "relu_.default", "relu6.default", "hardtanh.default", "hardtanh_.default")
# These give views, indices or lists; their readers belong to operators whose integer form is something else.
_NOT = ("split", "chunk", "index", "unbind", "scaled_dot")


class KernelQuantizer(Quantizer):  # type: ignore[misc]
    """Annotates an exported graph with what picozoo's integer kernels compute.

    Args:
        training: observers for training (True) or for calibrating alone (False).
        keep_float: names of graph nodes, or of modules that they are in, to leave in float.
    """

    def __init__(self, *, training: bool = True, keep_float: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.keep_float = keep_float
        trained: Any = FusedMovingAvgObsFakeQuantize
        act: Any = (
            trained.with_args(observer=MovingAverageMinMaxObserver, eps=_EPS)
            if training
            else HistogramObserver.with_args(eps=_EPS)
        )
        weight: Any = (
            trained.with_args(observer=MovingAveragePerChannelMinMaxObserver, eps=_EPS)
            if training
            else PerChannelMinMaxObserver.with_args(eps=_EPS)
        )
        self.act = QuantizationSpec(torch.int8, act, -128, 127, torch.per_tensor_affine)
        self.weight = QuantizationSpec(torch.int8, weight, -127, 127, torch.per_channel_symmetric, ch_axis=0)

    def annotate(self, model: torch.fx.GraphModule) -> torch.fx.GraphModule:
        """Annotations of every node that has an integer form; the rest stays in float."""
        for node in model.graph.nodes:
            if node.op == "call_function" and _KEY not in node.meta and not self._kept(node):
                self._annotate(node)
        return model

    def validate(self, model: torch.fx.GraphModule) -> None:
        """Nothing to refuse: what has no integer form stays in float."""

    def _kept(self, node: Node) -> bool:
        path = next((str(p[0]) for p in reversed(list((node.meta.get("nn_module_stack") or {}).values()))), "")
        return any(k == node.name or path.endswith(k) for k in self.keep_float)

    def _annotate(self, node: Node) -> None:
        overload = str(node.target).removeprefix("aten.")
        found = readers().get(overload)
        if found is None or found[0] == "composite" or overload.startswith(_NOT) or not _float(node):
            return
        name, x = found[0], [a for a in _inputs(node) if _float(a)]
        rule = ops.get(name).quant_rule
        if name in _WEIGHTED:
            self._weighted(node)
        elif rule == "same" and x:
            self._same(node, x)
        elif rule == "fixed" and len(x) == 1:
            scale, zero = ops.get(name).fixed_quant([TensorType(())], ops.get(name).Attrs())
            spec = FixedQParamsQuantizationSpec(torch.int8, scale, zero, -128, 127, torch.per_tensor_affine)
            _put(node, {x[0]: self.act}, spec)
        elif (rule == "free" or (rule == "follow" and any(_KEY in a.meta for a in x))) and all(
            k == "act" for k in _kinds(name, len(x))
        ):
            _put(node, dict.fromkeys(x, self.act), self.act)

    def _weighted(self, node: Node) -> None:
        """A convolution or linear layer, with the batch norm and the activation that its kernel takes in."""
        tail, inside = node, []
        for names in (_NORMS, _CLAMPED):
            after = [u for u in tail.users if u.op == "call_function"]
            after = [u for a in after for u in (a.users if a.target is operator.getitem else [a])]
            if len(tail.users) == 1 and len(after) == 1 and str(after[0].target).removeprefix("aten.") in names:
                inside.append(tail)
                tail = after[0]
        specs = {node.args[0]: self.act, node.args[1]: self.weight}
        _put(node, specs, self.act if tail is node else None)
        if tail is not node:
            for between in inside[1:]:
                _put(between, {}, None)
            _put(tail, {}, self.act)

    def _same(self, node: Node, x: list[Node]) -> None:
        """One set of parameters for all inputs and the output."""
        shared = SharedQuantizationSpec((x[0], node))
        _put(node, {a: self.act if k == 0 else shared for k, a in enumerate(x)}, shared)


def _put(node: Node, inputs: dict[Any, Any], output: Any) -> None:
    node.meta[_KEY] = QuantizationAnnotation(input_qspec_map=inputs, output_qspec=output, _annotated=True)


def _inputs(node: Node) -> list[Node]:
    """Values that a node reads, those in lists too, each once."""
    found: dict[Node, None] = {}
    for a in node.args:
        for v in a if isinstance(a, list | tuple) else [a]:
            if isinstance(v, Node):
                found[v] = None
    return list(found)


def _float(node: Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.dtype == torch.float32 and node.op != "get_attr"


def _kinds(name: str, n: int) -> list[str]:
    kinds = ops.get(name).quant_inputs([TensorType(())] * n, ops.get(name).Attrs())
    return [kinds.get(i, "") for i in range(n)]


def prepare(model: torch.nn.Module, example: tuple[torch.Tensor, ...], **options: Any) -> torch.fx.GraphModule:
    """A module with fake quantisation, to be trained like any other.

    Args:
        model: in float, trained or not.
        example: inputs of the shapes that the compiled network will have; training batches may be larger.
        options: of `KernelQuantizer`.
    """
    batch = torch.export.Dim("batch", min=1, max=1 << 16)
    larger = tuple(torch.cat([x, x]) if x.shape[0] == 1 else x for x in example)
    shapes = tuple({0: batch} for _ in larger)
    exported = torch.export.export(model.train(), larger, dynamic_shapes=shapes).module()
    return prepare_qat_pt2e(exported, KernelQuantizer(**options))  # type: ignore[no-any-return]


def calibrated(
    model: torch.nn.Module, example: tuple[torch.Tensor, ...], inputs: torch.Tensor, **options: Any
) -> torch.nn.Module:
    """Post-training quantisation through the same flow, for comparison: ranges from `inputs`, no training."""
    exported = torch.export.export(model.eval(), example).module()
    prepared = prepare_pt2e(exported, KernelQuantizer(training=False, **options))
    with torch.no_grad():
        for x in inputs:
            prepared(x.reshape(example[0].shape))
    return convert_pt2e(prepared)  # type: ignore[no-any-return]


def finetune(
    model: torch.nn.Module,
    example: tuple[torch.Tensor, ...],
    batches: Callable[[], Any],
    loss: Callable[[torch.Tensor, Any], torch.Tensor],
    *,
    epochs: int = 1,
    rate: float = 1e-3,
    **options: Any,
) -> torch.nn.Module:
    """Train with fake quantisation and convert: what `picozoo.compile(result, example, board=...)` takes.

    Args:
        batches: gives an iterator of (inputs, targets) for one epoch.
        loss: of outputs and targets.
        rate: of Adam.
        options: of `KernelQuantizer`.
    """
    prepared = prepare(model, example, **options)
    move_exported_model_to_train(prepared)
    step = torch.optim.Adam(prepared.parameters(), lr=rate)
    for _ in range(epochs):
        for x, y in batches():
            step.zero_grad()
            loss(prepared(x), y).backward()  # type: ignore[no-untyped-call]
            step.step()
    move_exported_model_to_eval(prepared)
    return convert_pt2e(prepared)  # type: ignore[no-any-return]
