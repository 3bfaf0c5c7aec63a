"""Generative adversarial network: a forger and a judge who only ever meet each other; here, the forger draws digits.

    64 numbers of chance -> 7x7x48 -> 14x14x24 -> 28x28x8 -> a digit

The judge is needed for training only. Drawing is one pass; the same numbers give the same digit everywhere.
"""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from picozoo import data, pictures
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

    from picozoo.ir.interp import Interpreter

CARD = Card(
    name="gan",
    title="Generative adversarial network",
    family="generative",
    year=2014,
    authors="I. J. Goodfellow and others",
    paper="Generative adversarial nets, NIPS 2014; A. Radford, L. Metz, S. Chintala, Unsupervised representation "
    "learning with deep convolutional generative adversarial networks (DCGAN), ICLR 2016",
    task="Draws handwritten digits that nobody wrote.",
    introduced=(
        "A generator learns from a second network that tells its pictures from real ones: no likelihood, no target for "
        "each picture."
    ),
    why_it_mattered=(
        "Networks drew sharp pictures for the first time; until diffusion models, drawing and its abuses (deep fakes) "
        "were the field of GANs."
    ),
    differs_from_paper=(
        "Smaller than DCGAN, with a last convolution at full size; outputs go through a sigmoid, not tanh.",
        "Shipped is the running mean of the generator's weights over its last steps (Yazici and others, 2019), with "
        "the batch norms folded into the layers.",
    ),
    data=("mnist", "digits"),
    data_licence="MNIST CC BY-SA 3.0 (as generally listed); UCI digits CC BY 4.0",
    metric="share of the drawn digits that LeNet-5 reads with at least 90 % certainty",
    metric_name="digits recognised",
    target=0.7,
    board={"default": "stm32f746"},
    boards=("nano33ble", "nucleo_l4r5zi", "stm32u575", "pico2"),
    functions=("forward", "sample"),
    main="forward",
    train_minutes=5,
    quick={"recognised": 0.2},  # of blurred 8 x 8 digits, after four epochs
    results={
        "recognised": 0.7458,
        "distance": 58.74,
        "distance_training": 1.51,
        "distance_dots": 542.66,
        "classes": 1.0,
        "rarest": 0.0728,
    },
    cells="input 3 > hidden 4 > match 6 > hidden 4 > match 2",
    references=(
        "https://arxiv.org/abs/1406.2661",
        "https://arxiv.org/abs/1511.06434",
        "M. Heusel and others, GANs trained by a two time-scale update rule, 2017 (the Frechet distance)",
    ),
)
CODE, LOW, MIDDLE, HIGH = 64, 48, 24, 8  # numbers of chance; channels at 7 x 7, 14 x 14 and 28 x 28
JUDGE = (16, 32)  # channels at 14 x 14 and 7 x 7
EPOCHS, BATCH, RATE, BETAS = 7, 32, 8e-4, (0.5, 0.99)
KEEP = 0.998  # of the running mean of weights, at each step
QUICK = (4, 16, 0.9)  # epochs, batch and share to keep with 1,150 digits
HELD_BACK = 5000  # training digits, the last ones, that only choose the epoch
SURE = 0.9
SEEDS = {"train": 1, "test": 2}  # of the numbers that digits are drawn from


def build(size: str = "default") -> nn.Module:
    """The generator.

    `forward(z)`: z float32 (1, 64), normal numbers -> a digit float32 (1, 1, 28, 28), 0 paper to 1 ink.
    `sample()`: the same from numbers that it throws itself; the generator of chance is kept (docs/chance.md).

    Raises:
        UsageError: another size than "default".
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building gan")
    import torch
    from torch import nn

    from picozoo.train import chance

    class Generator(nn.Module):
        dice: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(CODE, 49 * LOW)
            self.up1 = nn.ConvTranspose2d(LOW, MIDDLE, 4, 2, 1)
            self.up2 = nn.ConvTranspose2d(MIDDLE, HIGH, 4, 2, 1)
            self.last = nn.Conv2d(HIGH, 1, 3, padding=1)
            self.norms = nn.ModuleList([nn.Identity() for _ in range(3)])  # batch norms while it learns
            self.register_buffer("dice", chance.new_state(2014))

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            x = self.first(z).reshape(-1, 7, 7, LOW).permute(0, 3, 1, 2)  # (N, 64) -> (N, 48, 7, 7)
            x = torch.relu(self.norms[0](x))
            x = torch.relu(self.norms[1](self.up1(x)))  # -> (N, 24, 14, 14)
            x = torch.relu(self.norms[2](self.up2(x)))  # -> (N, 8, 28, 28)
            return torch.sigmoid(self.last(x))  # -> (N, 1, 28, 28)

        def sample(self) -> torch.Tensor:
            return self.forward(chance.gaussian(self.dice, (1, CODE)))

    return Generator()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    CARD.check_size(size)
    import torch

    return {"forward": (torch.zeros(1, CODE),), "sample": ()}


def source(size: str = "default") -> str:
    """What `inputs` is, in words."""
    CARD.check_size(size)
    return "numbers of chance"


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """Numbers of chance to draw digits from, others for each split; there is no right answer.

    Returns:
        x float32 (n, 1, 64), normal; y float32 (n, 0), nothing. 10,000 of them without a limit.
    """
    CARD.check_size(size)
    n = 10_000 if limit is None else limit
    return codes(SEEDS[split], n)[:, None], np.zeros((n, 0), np.float32)


def codes(seed: int, n: int) -> np.ndarray:
    """Normal numbers, float32 (n, 64), the same on every machine."""
    from picozoo.ops import _chance

    numbers: np.ndarray = _chance.draw_gaussian(_chance.new_state(seed), (n, CODE))[0]
    return numbers


@cache
def _reader() -> Interpreter:
    from picozoo.ir.interp import Interpreter
    from picozoo.network import load

    return Interpreter(load("lenet5").program)


def read(picture: np.ndarray) -> np.ndarray:
    """What the shipped LeNet-5 takes a picture for: shares of the ten digits, (10,); picture of 28 * 28 numbers."""
    logits = _reader().call("forward", np.asarray(picture, np.float32).reshape(1, 1, 28, 28))[0].reshape(10)
    share: np.ndarray = np.exp(logits.astype(np.float64) - logits.max())
    share /= share.sum()
    return share


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of the drawings that LeNet-5 reads with at least 90 % certainty; outputs (n, ..., 28, 28)."""
    return float(np.mean([read(picture).max() >= SURE for picture in outputs]))


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Generator and judge take turns, a step each; of all epochs the one nearest to held-back digits is kept.

    Args:
        out: folder for `gan.safetensors`, its figures and, meanwhile, the checkpoint to resume from.
        quick: digits of scikit-learn and a few epochs.

    Raises:
        MissingTool: PyTorch or a data set is missing.
    """
    CARD.check_size(size)
    need_torch("training gan")
    import torch
    from torch import nn

    from picozoo.train import loop

    began = time.perf_counter()
    source = "digits" if quick else "mnist"
    x = data.load(source, "train").x.astype(np.float32) / 255
    held = len(x) // 5 if quick else HELD_BACK
    real = torch.from_numpy(x[:-held])[:, None]
    total, batch, keep = QUICK if quick else (EPOCHS, BATCH, KEEP)
    with loop.repeatable(seed):
        # `best` starts as the mean and becomes a copy of it whenever it is nearer to the held-back digits
        both = nn.ModuleDict({"forger": _learner(), "judge": _judge(), "mean": _learner(), "best": _learner()})
        both["mean"].load_state_dict(both["forger"].state_dict())
        both.register_buffer("distance", torch.tensor(float("inf")))
        learnt = [*both["forger"].parameters(), *both["judge"].parameters()]
        optimiser = torch.optim.Adam(learnt, lr=RATE, betas=BETAS)

        def step(epoch: int) -> float:
            chance = torch.Generator().manual_seed(seed * 1000 + epoch)
            order = torch.randperm(len(real), generator=chance)
            for at in range(0, len(order) - batch + 1, batch):
                _turn(both, optimiser, real[order[at : at + batch]], keep, chance)
            return _choose(both, x[-held:])

        checkpoint = loop.Checkpoint(out, CARD.name, f"gan-{seed}-{quick}-{total}")
        loop.epochs(step, both, optimiser, loop.cosine(RATE, total), total, checkpoint, progress)
        model = build()
        model.load_state_dict(_folded(both["best"]), strict=False)
        loop.halve(model)
        metrics = figures(model, source)
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def _learner() -> nn.Module:
    """The generator with batch norms."""
    from torch import nn

    model: Any = build()
    model.norms = nn.ModuleList([nn.BatchNorm2d(n) for n in (LOW, MIDDLE, HIGH)])
    for part in (model.first, model.up1, model.up2, model.last):
        nn.init.normal_(part.weight, 0, 0.02)
    return model  # type: ignore[no-any-return]


def _judge() -> nn.Module:
    """The discriminator: (N, 1, 28, 28) -> one number each, above zero for what it takes for a real digit."""
    from torch import nn

    a, b = JUDGE
    judge = nn.Sequential(
        nn.Conv2d(1, a, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(a, b, 4, 2, 1, bias=False),
        nn.BatchNorm2d(b),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(49 * b, 1),
    )
    for part in judge:
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.normal_(part.weight, 0, 0.02)
    return judge


def _turn(
    both: nn.ModuleDict, optimiser: torch.optim.Optimizer, real: torch.Tensor, keep: float, chance: torch.Generator
) -> None:
    """One step of the judge, one of the forger, and of the running mean of its weights.

    Source: Goodfellow and others, 2014, algorithm 1, the forger with -log D (section 3).
    """
    import torch
    from torch.nn.functional import softplus

    forger, judge = both["forger"], both["judge"]
    forged = forger(torch.randn(len(real), CODE, generator=chance))
    loss = softplus(-judge(real)).mean() + softplus(judge(forged.detach())).mean()
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    optimiser.zero_grad()
    softplus(-judge(forged)).mean().backward()  # type: ignore[no-untyped-call]
    judge.zero_grad()
    optimiser.step()
    with torch.no_grad():
        for kept, now in zip(both["mean"].parameters(), forger.parameters(), strict=True):
            kept.lerp_(now, 1 - keep)


def _choose(both: nn.ModuleDict, held: np.ndarray) -> float:
    """Keep the mean generator if its drawings are nearer to the held-back digits than before; their distance."""
    import torch

    from picozoo.train import frechet

    mean, best = both["mean"], both["best"]
    chance = torch.Generator().manual_seed(0)
    with torch.no_grad():  # statistics of the batch norms, for these weights: over 5,000 drawings
        for norm in mean.norms:  # type: ignore[union-attr]
            norm.reset_running_stats()
            norm.momentum = None
        mean.train()
        for _ in range(10):
            mean(torch.randn(500, CODE, generator=chance))
        mean.eval()
    drawn = draw(mean, torch.randn(max(1000, len(held)), CODE, generator=chance).numpy())
    found = frechet.distance(frechet.look(drawn)[0], frechet.look(held)[0])
    if found < float(both.get_buffer("distance")):
        both.get_buffer("distance").fill_(found)
        best.load_state_dict(mean.state_dict())
    return found


def draw(model: Any, z: np.ndarray) -> np.ndarray:
    """Digits of many codes at once: (n, 64) -> (n, 28, 28)."""
    import torch

    with torch.no_grad():
        made = [model(part)[:, 0] for part in torch.split(torch.from_numpy(z), 500)]
    return torch.cat(made).numpy()


def _folded(learner: Any) -> dict[str, torch.Tensor]:
    """Weights without batch norms: each is a factor and a sum per channel (Jacob and others, 2018, section 3.2)."""
    import torch

    state: dict[str, torch.Tensor] = learner.state_dict()
    for k, name in enumerate(("first", "up1", "up2")):
        norm, w, b = learner.norms[k], state[f"{name}.weight"], state[f"{name}.bias"]
        factor = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
        shift = norm.bias.detach() - norm.running_mean * factor
        if name == "first":  # its outputs are 49 places of all channels
            state[f"{name}.weight"], factor, shift = w * factor.repeat(49)[:, None], factor.repeat(49), shift.repeat(49)
        else:
            state[f"{name}.weight"] = w * factor[None, :, None, None]
        state[f"{name}.bias"] = b * factor + shift
    return {k: v for k, v in state.items() if not k.startswith("norms")}


def figures(model: nn.Module, source: str = "mnist") -> dict[str, float]:
    """How near 10,000 drawings are to the test digits, and how near other things are.

    Returns:
        recognised: the metric.
        distance: Frechet distance (train/frechet.py) of drawings and test digits; `distance_training`: of as many
            training digits; `distance_dots`: of dots that are ink as often as in the training digits.
        rarest: share of the digit that is drawn least; in the test digits 0.089.
        classes: share of the ten digits that are at least 5 % of the drawings.
    """
    from picozoo.train import frechet

    test = data.load(source, "test").x.astype(np.float32) / 255
    train = data.load(source, "train").x[:10_000].astype(np.float32) / 255
    drawn = draw(model, inputs("test")[0][:, 0])
    dots = (np.random.default_rng(0).random((10_000, 28, 28)) < train.mean(0)).astype(np.float32)
    seen, shares = frechet.look(drawn)
    written = frechet.look(test)[0]
    often = np.bincount(shares.argmax(1), minlength=10) / len(drawn)
    return {
        "recognised": round(float((shares.max(1) >= SURE).mean()), 4),
        "distance": round(frechet.distance(seen, written), 2),
        "distance_training": round(frechet.distance(frechet.look(train)[0], written), 2),
        "distance_dots": round(frechet.distance(frechet.look(dots)[0], written), 2),
        "classes": float((often >= 0.05).mean()),
        "rarest": round(float(often.min()), 4),
    }


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """A sheet of digits, one of each kind, and a walk from one to another."""
    CARD.check_size(size)
    sheet = [board.call_real("sample")[0].reshape(28, 28) for _ in range(54)]
    shares = np.stack([read(v) for v in sheet])
    taken, sure = shares.argmax(1), shares.max(1)
    kinds = {d: int(np.argmax(np.where(taken == d, sure, -1))) for d in range(10) if (taken == d).any()}
    often = np.bincount(taken, minlength=10)
    return [
        pictures.Images("Digits that nobody wrote, as the board draws them", tuple(sheet)),
        pictures.Images(
            "One of each kind, the one that LeNet-5 is surest of",
            tuple(sheet[k] for k in kinds.values()),
            tuple(f"{d}: {sure[k]:.0%}" for d, k in kinds.items()),
            columns=5,
        ),
        pictures.Images("A walk through its 64 numbers from one digit to another", tuple(_walk(board))),
        pictures.Bars(f"What LeNet-5 takes the {len(sheet)} for", tuple(map(str, range(10))), often * 1.0, "digits"),
    ]


def _walk(board: pictures.Board, steps: int = 9) -> list[np.ndarray]:
    """Drawings between the two that LeNet-5 is surest of among those of different kinds, along a great circle."""
    z = inputs("test", 30)[0]
    shares = np.stack([read(board.call_real("forward", row)[0]) for row in z])
    order = np.argsort(-shares.max(1))
    other = next((k for k in order if shares[k].argmax() != shares[order[0]].argmax()), order[1])
    a, b = z[order[0]], z[other]
    angle = np.arccos(np.clip(float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)), -1, 1))
    at = np.linspace(0, angle, steps)
    between = [(np.sin(angle - t) * a + np.sin(t) * b) / np.sin(angle) for t in at]
    return [board.call_real("forward", row.astype(np.float32))[0].reshape(28, 28) for row in between]
