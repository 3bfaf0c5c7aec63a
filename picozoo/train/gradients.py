"""Training on the chip: PyTorch's own autograd is traced into a `learn` method that is captured like any other.

`learner(module, inputs, how)` gives a copy of the module with three more methods: `learn(x..., target)` makes one
step of the optimiser and gives the loss, `snapshot()` keeps the learnt parameters, `rollback()` puts them back.
Parameters that learn become buffers, so that they are kept state of the program; the others stay constants.
"""

from __future__ import annotations

import copy
import inspect
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch._decomp import core_aten_decompositions
from torch.fx.experimental.proxy_tensor import make_fx

from picozoo.errors import Unsupported, UsageError

aten = torch.ops.aten
KEPT = "_kept"  # ends the name of a parameter's copy
SCOPES = ("last-layer", "bias", "all")
OPTIMISERS = ("sgd", "momentum", "adam")
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
# Gradients with an operator of their own, or that become smaller when written below.
_WHOLE = (aten.convolution_backward.default, aten.max_pool2d_with_indices_backward.default)


@dataclass(frozen=True)
class Learning:
    """What learns and how.

    Args:
        scope: "last-layer": the parameters of the layer that is used last; "bias": all vectors of added numbers; "all".
        optimiser: "sgd", "momentum" (0.9), or "adam" (0.9, 0.999).
        rate: learning rate, > 0.
        snapshot: keep room for a copy of what learns; without it the way back is `NAME_init`, to the shipped values.

    Raises:
        UsageError: another scope or optimiser, or a rate that is not positive.
    """

    scope: str = "last-layer"
    optimiser: str = "sgd"
    rate: float = 0.01
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    snapshot: bool = True

    def __post_init__(self) -> None:
        for what, value, allowed in (("learn", self.scope, SCOPES), ("optimiser", self.optimiser, OPTIMISERS)):
            if value not in allowed:
                raise UsageError(f"{what} must be one of {', '.join(allowed)}, got {value!r}")
        if not self.rate > 0:
            raise UsageError(f"the learning rate must be above 0, got {self.rate}")


def cross_entropy(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of logits (N, classes) and class numbers int64 (N,), without an index: compares instead."""
    classes = torch.arange(output.shape[-1], device=output.device)
    hot = (classes == target.reshape(-1, 1)).to(output.dtype)
    return -(torch.log_softmax(output.reshape(len(hot), -1), -1) * hot).sum() / len(hot)


def squared_error(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean squared difference."""
    return ((output - target) ** 2).mean()


def learner(
    module: nn.Module,
    inputs: Sequence[torch.Tensor],
    how: Learning,
    *,
    main: str = "forward",
    loss: Loss | None = None,
    target: torch.Tensor | None = None,
) -> tuple[nn.Module, dict[str, tuple[torch.Tensor, ...]]]:
    """A module that can also learn, and example inputs of its new methods.

    Args:
        module: not changed.
        inputs: example inputs of `main`.
        main: the method whose output is trained.
        loss: of (output, target), a scalar; by default cross-entropy for an output of several logits, else the mean
            squared error.
        target: example target; by default class numbers int64 (N,) for cross-entropy, else the output's shape.

    Raises:
        UsageError: nothing would learn.
        Unsupported: the method keeps state of its own, or PyTorch cannot trace its gradient.
    """
    net = copy.deepcopy(module).eval()
    with torch.no_grad():
        before = {k: v.clone() for k, v in net.named_buffers()}
        output = getattr(net, main)(*inputs)
    if not isinstance(output, torch.Tensor) or not output.is_floating_point():
        raise UsageError(f"learn: {main} must give one float tensor to train")
    if any(not torch.equal(before[k], v) for k, v in net.named_buffers()):
        raise Unsupported(f"learn: {main} changes kept state; a gradient through time is not supported yet")
    if loss is None:
        loss = cross_entropy if output.dim() > 1 and output.shape[-1] > 1 else squared_error
    if target is None:
        target = torch.zeros(len(output), dtype=torch.int64) if loss is cross_entropy else torch.zeros_like(output)
    names = chosen(net, inputs, how.scope, main)
    step = _trace(net, names, inputs, target, main, loss)
    _to_buffers(net, names, how)
    kind = type(net)
    methods: dict[str, Any] = {"learn": _learn(step, how)}
    examples: dict[str, tuple[torch.Tensor, ...]] = {"learn": (*inputs, target)}
    if how.snapshot:
        methods |= {"snapshot": _copies(names, "", KEPT), "rollback": _copies(names, KEPT, "")}
        examples |= {"snapshot": (), "rollback": ()}
    if taken := [m for m in methods if hasattr(net, m)]:
        raise UsageError(f"learn: {kind.__name__} has a method {taken[0]!r} of its own; rename it")
    given = [p for p in inspect.signature(getattr(net, main)).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    goal = inspect.Parameter("target", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    methods["learn"].__signature__ = inspect.Signature(
        [goal.replace(name="self"), *(p.replace(default=p.empty) for p in given[: len(inputs)]), goal]
    )
    net.__class__ = type(kind.__name__, (kind,), methods)
    return net, examples


def chosen(module: nn.Module, inputs: Sequence[torch.Tensor], scope: str, main: str) -> list[str]:
    """Names of the parameters that learn, in the module's order.

    Raises:
        UsageError: there are none.
    """
    params = dict(module.named_parameters())
    if scope == "bias":
        names = [k for k, p in params.items() if k.rpartition(".")[2].startswith("bias") and p.dim() == 1]
    elif scope == "all":
        names = list(params)
    else:
        names = _last_layer(module, params, inputs, main)
    if not names:
        raise UsageError(f"learn {scope}: {type(module).__name__} has no parameters of this kind")
    return names


def _last_layer(
    module: nn.Module, params: Mapping[str, torch.Tensor], inputs: Sequence[torch.Tensor], main: str
) -> list[str]:
    """The parameters of the layer whose weights are first read last."""

    def run(params: dict[str, torch.Tensor], *x: torch.Tensor) -> Any:
        return _call(module, params, main, x)

    graph = make_fx(run)(dict(params), *inputs).graph
    places = list(graph.nodes)
    used = {}
    for name, node in zip(params, (n for n in places if n.op == "placeholder"), strict=False):
        if node.users:
            used[name] = min(places.index(u) for u in node.users)
    if not used:
        return []
    layer = max(used, key=used.__getitem__).rpartition(".")[0]
    return [k for k in params if k.rpartition(".")[0] == layer]


def _call(module: nn.Module, params: Mapping[str, torch.Tensor], main: str, x: Sequence[torch.Tensor]) -> Any:
    """A method of the module with other parameters."""
    with torch.nn.utils.stateless._reparametrize_module(module, dict(params)):
        return getattr(module, main)(*x)


@dataclass(frozen=True)
class _Step:
    """The traced gradient: a graph of (parameters..., inputs..., target) -> loss and gradients.

    `pairs`: of a gradient that is an outer product the graph gives both vectors instead.
    """

    graph: fx.GraphModule
    learns: tuple[str, ...]
    reads: tuple[str, ...]
    pairs: frozenset[str]


def _trace(
    net: nn.Module,
    names: Sequence[str],
    inputs: Sequence[torch.Tensor],
    target: torch.Tensor,
    main: str,
    loss: Loss,
) -> _Step:
    everything = {k: p.detach() for k, p in net.named_parameters()}
    fixed = {k: v for k, v in everything.items() if k not in names}

    def step(learning: dict[str, torch.Tensor], fixed: dict[str, torch.Tensor], *given: torch.Tensor) -> Any:
        def of(params: dict[str, torch.Tensor]) -> torch.Tensor:
            return loss(_call(net, {**fixed, **params}, main, given[:-1]), given[-1])

        grads, value = torch.func.grad_and_value(of)(learning)
        return [value, *(grads[k] for k in names)]

    every: Any = core_aten_decompositions()
    table = {k: v for k, v in every.items() if "backward" in str(k) and k not in _WHOLE}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = make_fx(step, decomposition_table=table)({k: everything[k] for k in names}, fixed, *inputs, target)
    except Exception as e:  # tracing raises many kinds; all mean the same
        first = (str(e).strip().splitlines() or [type(e).__name__])[0]
        raise Unsupported(f"learn: PyTorch cannot trace the gradient of {type(net).__name__}: {first[:200]}") from e
    pairs = frozenset(_simplify(made, names))
    return _Step(made, tuple(names), tuple(fixed), pairs)


def _simplify(made: fx.GraphModule, names: Sequence[str]) -> list[str]:
    """Write linear layers as such, drop what cancels, split outer products; gives the names of the latter."""
    graph = made.graph
    for node in list(graph.nodes):
        if node.target is aten.detach.default:
            node.replace_all_uses_with(node.args[0])
        elif node.target is aten.t.default and _is(node.args[0], aten.t.default):
            node.replace_all_uses_with(node.args[0].args[0])
    for node in list(graph.nodes):
        with graph.inserting_before(node):
            if node.target is aten.addmm.default and _is(node.args[2], aten.t.default) and not node.kwargs:
                bias, x, w = node.args[0], node.args[1], node.args[2].args[0]
                _swap(graph, node, aten.linear.default, (x, w, bias))
            elif node.target is aten.mm.default and _is(node.args[1], aten.t.default):
                _swap(graph, node, aten.linear.default, (node.args[0], node.args[1].args[0]))
            elif node.target is aten.t.default and 1 in tuple(node.meta["val"].shape):
                _swap(graph, node, aten.reshape.default, (node.args[0], list(node.meta["val"].shape)))
    output = next(n for n in graph.nodes if n.op == "output")
    value, *grads = output.args[0]
    pairs, results = [], [value]
    for name, grad in zip(names, grads, strict=True):
        product, turned = grad, False
        while _is(product, aten.t.default):
            product, turned = product.args[0], not turned
        factors = _outer(graph, product, output) if isinstance(product, fx.Node) else None
        if factors is None:
            results.append(grad)
            continue
        pairs.append(name)
        results.append(tuple(reversed(factors)) if turned else factors)
    output.args = (results,)
    graph.eliminate_dead_code()
    graph.lint()
    made.recompile()
    return pairs


def _outer(graph: fx.Graph, node: fx.Node, before: fx.Node) -> tuple[fx.Node, fx.Node] | None:
    """Both vectors of a product of (n, 1) and (1, m)."""
    if len(node.args) != 2 or node.target not in (aten.mm.default, aten.linear.default):
        return None
    a, b = node.args
    assert isinstance(a, fx.Node)
    assert isinstance(b, fx.Node)
    if a.meta["val"].shape[1] != 1:
        return None
    with graph.inserting_before(before):
        vectors = [graph.call_function(aten.reshape.default, (v, [v.meta["val"].numel()])) for v in (a, b)]
    for v, source in zip(vectors, (a, b), strict=True):
        v.meta["val"] = source.meta["val"].reshape(-1)
    return vectors[0], vectors[1]


def _is(node: Any, target: Any) -> bool:
    return isinstance(node, fx.Node) and node.target is target


def _swap(graph: fx.Graph, node: fx.Node, target: Any, args: tuple[Any, ...]) -> None:
    new = graph.call_function(target, args)
    new.meta = dict(node.meta)
    node.replace_all_uses_with(new)


def _to_buffers(net: nn.Module, names: Sequence[str], how: Learning) -> None:
    """Learning parameters become buffers, with the optimiser's and the snapshot's beside them."""
    extra = {"sgd": (), "momentum": ("_momentum",), "adam": ("_mean", "_square")}[how.optimiser]
    for name in names:
        path, _, leaf = name.rpartition(".")
        owner = operator.attrgetter(path)(net) if path else net
        value = getattr(owner, leaf).detach().clone()
        delattr(owner, leaf)
        owner.register_buffer(leaf, value)
        if how.snapshot:
            owner.register_buffer(leaf + KEPT, value.clone())
        for suffix in extra:
            owner.register_buffer(leaf + suffix, torch.zeros_like(value))
    if how.optimiser == "adam":
        net.register_buffer("beta1_power", torch.ones(1))
        net.register_buffer("beta2_power", torch.ones(1))


def _learn(step: _Step, how: Learning) -> Callable[..., torch.Tensor]:
    def learn(self: nn.Module, *given: torch.Tensor) -> torch.Tensor:
        tensors = dict(self.named_parameters()) | dict(self.named_buffers())
        value, *grads = step.graph({k: tensors[k] for k in step.learns}, {k: tensors[k] for k in step.reads}, *given)
        if how.optimiser == "adam":
            tensors["beta1_power"].mul_(how.betas[0])
            tensors["beta2_power"].mul_(how.betas[1])
        for name, grad in zip(step.learns, grads, strict=True):
            _update(tensors, name, grad, how)
        return torch.as_tensor(value).reshape(1)

    return learn


def _add(total: torch.Tensor, grad: Any, by: float) -> None:
    """total += by * grad, where grad may be the two vectors of an outer product."""
    if isinstance(grad, tuple | list):
        total.addr_(grad[0] * by if by != 1 else grad[0], grad[1])
    else:
        total.add_(grad * by if by != 1 else grad)


def _squared(grad: Any) -> Any:
    return tuple(g * g for g in grad) if isinstance(grad, tuple | list) else grad * grad


def _update(tensors: Mapping[str, torch.Tensor], name: str, grad: Any, how: Learning) -> None:
    """One parameter's step, as torch.optim.SGD and Adam make it."""
    w = tensors[name]
    if how.optimiser == "sgd":
        _add(w, grad, -how.rate)
    elif how.optimiser == "momentum":
        speed = tensors[f"{name}_momentum"]
        speed.mul_(how.momentum)
        _add(speed, grad, 1)
        w.sub_(speed * how.rate)
    else:
        mean, square = tensors[f"{name}_mean"], tensors[f"{name}_square"]
        mean.mul_(how.betas[0])
        _add(mean, grad, 1 - how.betas[0])
        square.mul_(how.betas[1])
        _add(square, _squared(grad), 1 - how.betas[1])
        size = how.rate / (1 - tensors["beta1_power"])
        spread = torch.sqrt(square) / torch.sqrt(1 - tensors["beta2_power"]) + how.eps
        w.sub_(size * (mean / spread))


def _copies(names: Sequence[str], source: str, to: str) -> Callable[[nn.Module], torch.Tensor]:
    """Copies one set of buffers over another; gives the first number that was copied."""

    def move(self: nn.Module) -> torch.Tensor:
        tensors = dict(self.named_buffers())
        for name in names:
            tensors[name + to].copy_(tensors[name + source])
        return tensors[names[0]].reshape(-1)[:1].clone()

    return move
