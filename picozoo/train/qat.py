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
    FakeQuantize,
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
from picozoo.train._parts import take_apart

_KEY = "quantization_annotation"
_EPS = 2.0**-14  # smallest scale
_WEIGHTED = ("conv2d", "linear", "conv_transpose")
_NORMS = ("batch_norm.default", "_native_batch_norm_legit.default", "cudnn_batch_norm.default")
_CLAMPED = ("relu.default", "relu_.default", "relu6.default", "hardtanh.default", "hardtanh_.default")


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
        self.weight, self.turned = (self._weights(axis, training) for axis in (0, 1))
        self.act = QuantizationSpec(torch.int8, act, -128, 127, torch.per_tensor_affine)
        self.moving: set[Node] = set()  # what depends on the inputs

    @staticmethod
    def _weights(axis: int, training: bool) -> QuantizationSpec:
        """One scale for each channel of the output: the first axis, or the second of transposed convolutions."""
        made: Any = PerChannelMinMaxObserver.with_args(eps=_EPS)
        if training:  # the fused class knows the first axis only; the flow tells neither the axis
            trained: Any = FakeQuantize if axis else FusedMovingAvgObsFakeQuantize
            made = trained.with_args(observer=MovingAveragePerChannelMinMaxObserver, eps=_EPS, ch_axis=axis)
        return QuantizationSpec(torch.int8, made, -127, 127, torch.per_channel_symmetric, ch_axis=axis)

    def transform_for_annotation(self, model: torch.fx.GraphModule) -> torch.fx.GraphModule:
        """Attention and recurrent layers taken apart into what has one kernel each."""
        return take_apart(model)

    def annotate(self, model: torch.fx.GraphModule) -> torch.fx.GraphModule:
        """Annotations of every node that has an integer form; the rest stays in float."""
        self.moving = _moving(model)
        for node in model.graph.nodes:
            if node in self.moving and node.op == "call_function" and _KEY not in node.meta and not self._kept(node):
                self._annotate(node)
        return model

    def validate(self, model: torch.fx.GraphModule) -> None:
        """Nothing to refuse: what has no integer form stays in float."""

    def _kept(self, node: Node) -> bool:
        path = next((str(p[0]) for p in reversed(list((node.meta.get("nn_module_stack") or {}).values()))), "")
        return any(k == node.name or path.endswith(k) for k in self.keep_float)

    def _annotate(self, node: Node) -> None:
        overload = str(node.target).removeprefix("aten.")
        found, x = readers().get(overload), [a for a in _inputs(node) if _float(a) and a in self.moving]
        if _passes(node) and _KEY in x[0].meta:
            self._same(node, x)
        if found is None or found[0] == "composite":
            return
        name = "mul" if found[0] == "div" and x == [node.args[0]] else found[0]  # by a number: see `products`
        rule, weighted = ops.get(name).quant_rule, _is_weighted(name)
        if isinstance(node.meta.get("val"), list | tuple) or _keeps(name):
            self._several(node, name, x)
        elif not _float(node) or not x:
            return
        elif name in _WEIGHTED:
            if _has_kernel(node, overload):
                self._weighted(node)
        elif rule == "same":
            self._same(node, x)
        elif rule in ("fixed", "inner") and len(x) == 1:
            masked = _unmasked(x[0])
            if rule == "fixed" or (_KEY in masked.meta and _feeds(node)):
                scale, zero = ops.get(name).fixed_quant([TensorType(())], ops.get(name).Attrs())
                spec = FixedQParamsQuantizationSpec(torch.int8, scale, zero, -128, 127, torch.per_tensor_affine)
                # sums with a mask get their range when the program is compiled: infinity is no part of it
                _put(node, {x[0]: self.act} if masked is x[0] else {}, spec)
        elif (rule == "free" or (rule == "follow" and _follows(x))) and not weighted:
            _put(node, {a: self._read(a) for a in x}, self.act)

    def _read(self, node: Any) -> Any:
        """How a value is read: with parameters of its own, or with the fixed ones of what made it."""
        while _passes(node):
            node = node.args[0]
        made = node.meta.get(_KEY)
        fixed = made is not None and isinstance(made.output_qspec, FixedQParamsQuantizationSpec)
        return made.output_qspec if fixed else self.act

    def _several(self, node: Node, name: str, x: list[Node]) -> None:
        """An operator that gives a list: what is taken out of it has the parameters."""
        parts = [u for u in node.users if u.target is operator.getitem]
        kinds = ops.get(name).quant_outputs([TensorType(())] * 3, ops.get(name).Attrs())
        if _keeps(name):  # a recurrent layer: what it keeps gets its int16 when the program is compiled
            weights = [a for a in node.all_input_nodes if a.op == "get_attr" and a.meta["val"].ndim > 1]
            _put(node, {x[0]: self._read(x[0]), **dict.fromkeys(weights, self.weight)}, None)
            for part in parts:
                if kinds[part.args[1]] == "act":  # type: ignore[index]
                    _put(part, {}, self.act)
        elif ops.get(name).quant_rule == "same" and len(x) == 1:
            _put(node, {x[0]: self._read(x[0])}, None)
            for part in parts:
                _put(part, {}, SharedQuantizationSpec((x[0], node)))

    def _weighted(self, node: Node) -> None:
        """A convolution or linear layer, with the batch norm and the activation that its kernel takes in."""
        tail, inside = node, []
        for names in (_NORMS, _CLAMPED):
            after = [u for u in tail.users if u.op == "call_function"]
            after = [u for a in after for u in (a.users if a.target is operator.getitem else [a])]
            if len(tail.users) == 1 and len(after) == 1 and str(after[0].target).removeprefix("aten.") in names:
                inside.append(tail)
                tail = after[0]
        weight = self.turned if "transpose" in str(node.target) else self.weight
        specs = {node.args[0]: self._read(node.args[0]), node.args[1]: weight}
        _put(node, specs, self.act if tail is node else None)
        if tail is not node:
            for between in inside[1:]:
                _put(between, {}, None)
            _put(tail, {}, self.act)

    def _same(self, node: Node, x: list[Node]) -> None:
        """One set of parameters for all inputs and the output."""
        shared = SharedQuantizationSpec((x[0], node))
        _put(node, {a: self._read(a) if k == 0 else shared for k, a in enumerate(x)}, shared)


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


def _float(node: Any) -> bool:
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.dtype == torch.float32 and node.op != "get_attr"


def _has_kernel(node: Node, overload: str) -> bool:
    """Constant weights; transposed convolutions only if they become ordinary ones (`passes.subpixel`)."""
    if overload.startswith("conv_transpose"):
        dilation = node.args[7] if len(node.args) > 7 else [1]
        return "3d" not in overload and set(dilation) == {1}  # type: ignore[arg-type]
    return node.args[1].op == "get_attr"  # type: ignore[union-attr]


def _keeps(name: str) -> bool:
    """Is it a recurrent layer, with a state of its own kind of integers?"""
    return "act16" in ops.get(name).quant_outputs([TensorType(())] * 3, ops.get(name).Attrs())


def _follows(x: list[Node]) -> bool:
    """Are all of these in integers, or inputs of the network, and is one computed by an integer kernel?"""
    return all(_KEY in a.meta or a.op == "placeholder" for a in x) and any(_KEY in a.meta for a in x)


def _passes(node: Node) -> bool:
    """Does it give what it gets, once trained: dropout, a copy, another layout in memory?"""
    found = readers().get(str(node.target).removeprefix("aten.")) if node.op == "call_function" else None
    return found is not None and found[0] == "cast" and _float(node) and _float(node.args[0])


def _is_weighted(name: str) -> bool:
    """Has the operator weights with a scale for each channel?"""
    kinds = ops.get(name).quant_inputs([TensorType(())] * 8, ops.get(name).Attrs())
    return any(k.startswith("weight") for k in kinds.values())


def _moving(model: torch.fx.GraphModule) -> set[Node]:
    """The nodes whose values depend on the inputs, not only their shapes."""
    found: set[Node] = set()
    for node in model.graph.nodes:
        value = node.meta.get("val")
        values = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(v, torch.Tensor) for v in values) and (
            node.op == "placeholder" or any(a in found for a in node.all_input_nodes)
        ):
            found.add(node)
    return found


def _unmasked(node: Node) -> Node:
    """The scores behind a mask."""
    masks = node.op == "call_function" and str(node.target).removeprefix("aten.").startswith("masked_fill")
    return node.args[0] if masks else node  # type: ignore[return-value]


def _feeds(node: Node) -> bool:
    """Does an integer kernel that is there for itself read the value, perhaps moved first?"""
    for user in node.users:
        found = readers().get(str(user.target).removeprefix("aten."))
        rule = ops.get(found[0]).quant_rule if found is not None and found[0] != "composite" else "none"
        if rule in ("free", "fixed") or ((rule != "none" or _passes(user)) and _feeds(user)):
            return True
    return False


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
