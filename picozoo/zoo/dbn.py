"""Deep belief network: layers that each learnt, without a teacher, what the one below says; the top two dream.

    784 -> 160 -> 128 + 10 labels <-> 320 hidden: up to read a digit, down to draw one

Reading: a way up, then the label with which the top pair is most at ease (lowest free energy). Dreaming: the label is
held, the top pair is sampled, and a way down draws what it thinks of.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from picozoo import data, pictures
from picozoo.zoo import _digits
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="dbn",
    title="Deep belief network",
    family="energy-based",
    year=2006,
    authors="G. E. Hinton, S. Osindero, Y.-W. Teh",
    paper="A fast learning algorithm for deep belief nets, Neural Computation 18, 2006",
    task="Reads digits, and dreams of the one that it is told.",
    introduced=(
        "Greedy learning: each layer is a restricted Boltzmann machine that models what the layer below makes of the "
        "data; afterwards all of them are tuned together."
    ),
    why_it_mattered=(
        "It was the first recipe that trained networks of many layers well, and began the return of deep learning; "
        "better starts and rectified units made learning layer by layer unnecessary a few years later."
    ),
    differs_from_paper=(
        "Smaller: 160, 128 and 320 units instead of 500, 500 and 2000.",
        "Layers learn with persistent chains and centred units instead of one step of contrastive divergence.",
        "Label units are ten that are on or off on their own, not one choice among ten, while the top pair learns.",
        "Tuned by back-propagation through the way up (Hinton and Salakhutdinov, 2006), the top pair as it is, instead "
        "of the up-down algorithm; so the way down keeps the weights of the greedy learning.",
        "While it dreams, the label counts twice.",
    ),
    data=("mnist", "digits"),
    data_licence="MNIST CC BY-SA 3.0 (as generally listed); UCI digits CC BY 4.0",
    metric="share of test digits read right",
    target=0.98,
    board={"default": "stm32f746"},
    boards=("nano33ble", "nucleo_l4r5zi", "stm32u575", "pico2"),
    functions=("forward", "dream"),
    main="forward",
    train_minutes=2,
    quick={"accuracy": 0.6},  # half the epochs, 1,437 small digits
    results={
        "accuracy": 0.9865,
        "greedy_accuracy": 0.9073,
        "accuracy_without_greedy": 0.9873,
        "dreams_read": 0.975,
    },
    cells="input 6 > probabilistic 5 > probabilistic 4 > probabilistic 6",
    references=(
        "https://doi.org/10.1162/neco.2006.18.7.1527",
        "G. E. Hinton, R. R. Salakhutdinov, Reducing the dimensionality of data with neural networks, Science, 2006",
    ),
)
VISIBLE, FIRST, SECOND, TOP, LABELS = 784, 160, 128, 320, 10
GIBBS = 10  # steps of the top pair in one call of `dream`
LOUD = 2.0  # how much the label counts in a dream; with 1.0 LeNet-5 takes 80 % of dreams for the digit that was told
SLEEP = 12  # calls from an empty mind to a dream that is shown and judged
EPOCHS = {"first": 12, "second": 10, "top": 25, "tune": 12}
RATES = {"first": 0.05, "second": 0.03, "top": 0.03}
BATCH, TUNE_RATE = 100, 4e-3  # of 1e-3, 2e-3 and 4e-3 what reads most of 10,000 training digits held back (98.4 %)


def build(size: str = "default") -> nn.Module:
    """The network.

    `forward(x)`: x float32 (1, 1, 28, 28), 0 paper to 1 ink -> minus the free energy with each label, float32 (1, 10).
    `dream(label)`: label float32 (1, 10), 1 at the digit to dream of -> chances of ink, float32 (1, 1, 28, 28). What it
    thinks of is kept: each call goes on from the last one for ten steps of sampling.

    Raises:
        UsageError: another size than "default".
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building dbn")
    import torch
    from torch import nn
    from torch.nn.functional import linear, softplus

    from picozoo.train import chance

    class DBN(nn.Module):
        mind: torch.Tensor
        dice: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.up1, self.up2 = nn.Linear(VISIBLE, FIRST), nn.Linear(FIRST, SECOND)
            self.down2, self.down1 = nn.Linear(SECOND, FIRST), nn.Linear(FIRST, VISIBLE)
            # the top pair: weights between its hidden units and the second layer, and the labels; their biases
            self.thought = nn.Parameter(torch.randn(TOP, SECOND) * 0.1)
            self.label = nn.Parameter(torch.randn(LABELS, TOP) * 0.1)
            self.top_bias = nn.Parameter(torch.zeros(TOP))
            self.thought_bias = nn.Parameter(torch.zeros(SECOND))
            self.label_bias = nn.Parameter(torch.zeros(LABELS))
            self.register_buffer("mind", torch.zeros(1, SECOND))
            self.register_buffer("dice", chance.new_state(2006))

        def up(self, x: torch.Tensor) -> torch.Tensor:
            """(N, 784) -> chances of the second layer's units, (N, 128)."""
            return torch.sigmoid(self.up2(torch.sigmoid(self.up1(x))))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            heard = linear(self.up(x.flatten(1)), self.thought, self.top_bias)  # (N, 1, 28, 28) -> (N, 320)
            each = heard[:, None] + self.label  # what the top hears with each label: (N, 10, 320)
            return softplus(each).sum(2) + self.label_bias  # -> (N, 10)

        def dream(self, label: torch.Tensor) -> torch.Tensor:
            told = torch.matmul(label * LOUD, self.label) + self.top_bias  # (1, 10) -> (1, 320)
            mind = self.mind
            for _ in range(GIBBS):
                top = chance.bernoulli(self.dice, torch.sigmoid(linear(mind, self.thought) + told))
                mind = chance.bernoulli(self.dice, torch.sigmoid(linear(top, self.thought.T, self.thought_bias)))
            self.mind.copy_(mind)
            drawn = self.down1(torch.sigmoid(self.down2(mind)))  # (1, 128) -> (1, 160) -> (1, 784)
            return torch.sigmoid(drawn).reshape(1, 1, 28, 28)

    return DBN()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function, batch 1."""
    CARD.check_size(size)
    import torch

    return {"forward": (torch.zeros(1, 1, 28, 28),), "dream": (torch.eye(LABELS)[:1],)}


def calibration(size: str = "default") -> dict[str, tuple[np.ndarray, ...]]:
    """Typical inputs of the functions beside the main one: dreams of every digit in turn."""
    CARD.check_size(size)
    return {"dream": (np.eye(LABELS, dtype=np.float32)[np.arange(60) // 6][:, None],)}


def inputs(
    split: str, limit: int | None = None, size: str = "default", source: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures x float32 (n, 1, 1, 28, 28), 0..1, and labels y int64 (n,); see `_digits.inputs`."""
    CARD.check_size(size)
    return _digits.inputs(split, limit, source)


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of pictures for which the right label has the lowest free energy; outputs (n, 10) or (n, 1, 10), y (n,)."""
    return float((np.asarray(outputs).reshape(len(y), 10).argmax(1) == y).mean())


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Three machines one after the other, without labels but for the last; then back-propagation through the way up.

    Args:
        out: folder for `dbn.safetensors`, its figures and, meanwhile, what is done, to resume from.
        quick: digits of scikit-learn and a few epochs.

    Raises:
        MissingTool: PyTorch or a data set is missing.
    """
    CARD.check_size(size)
    need_torch("training dbn")
    import torch

    from picozoo.train import loop

    began = time.perf_counter()
    source = "digits" if quick else "mnist"
    part = data.load(source, "train")
    x = torch.from_numpy(part.x.reshape(-1, VISIBLE).astype(np.float32) / 255)
    y = torch.from_numpy(part.y)
    with loop.repeatable(seed):
        recipe = _Recipe(Path(out), x, y, seed, quick, progress)
        model: Any = build()
        greedy = recipe.greedy(model)
        metrics = {"greedy_accuracy": _score(model, source)}
        recipe.tune(model, [*model.up1.parameters(), *model.up2.parameters()], "tune", 0.6, 0.8)
        loop.halve(model)
        metrics = {"accuracy": _score(model, source), **metrics}
        torch.manual_seed(seed)
        fresh: Any = build()
        recipe.tune(fresh, [p for n, p in fresh.named_parameters() if "down" not in n], "fresh", 0.8, 1.0)
        metrics["accuracy_without_greedy"] = _score(fresh, source)
        metrics["dreams_read"] = _dreams_read(model, 3 if quick else 20)
        for stage in greedy:
            stage.done()
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


class _Recipe:
    """What the stages of the training share."""

    def __init__(
        self, out: Path, x: torch.Tensor, y: torch.Tensor, seed: int, quick: bool, progress: Progress | None
    ) -> None:
        self.out, self.x, self.y, self.seed, self.quick, self.progress = out, x, y, seed, quick, progress
        self.batch = 20 if quick else BATCH

    def _epochs(self, stage: str) -> int:
        return EPOCHS[stage] // 2 if self.quick else EPOCHS[stage]

    def _told(self, first: float, last: float) -> Progress:
        """Progress of a stage as a share of the whole."""
        return lambda share, words: self.progress(first + (last - first) * share, words) if self.progress else None

    def greedy(self, model: Any) -> list[Any]:
        """Layer by layer; the way up begins with the weights of the way down. Gives what holds the finished layers."""
        import torch
        from torch.nn.functional import one_hot

        first, a = self._machine(self.x, FIRST, "first", 0.0, 0.25)
        model.up1.weight.data, model.up1.bias.data = first["w"].T.clone(), first["c"].clone()
        model.down1.weight.data, model.down1.bias.data = first["w"].clone(), first["b"].clone()
        said = torch.sigmoid(model.up1(self.x)).detach()
        second, b = self._machine(said, SECOND, "second", 0.25, 0.4)
        model.up2.weight.data, model.up2.bias.data = second["w"].T.clone(), second["c"].clone()
        model.down2.weight.data, model.down2.bias.data = second["w"].clone(), second["b"].clone()
        said = torch.sigmoid(model.up2(said)).detach()
        labels = one_hot(self.y, LABELS).float()
        top, c = self._machine(torch.cat([said, labels], 1), TOP, "top", 0.4, 0.6)
        model.thought.data, model.label.data = top["w"][:SECOND].T.clone(), top["w"][SECOND:].clone()
        model.top_bias.data = top["c"].clone()
        model.thought_bias.data, model.label_bias.data = top["b"][:SECOND].clone(), top["b"][SECOND:].clone()
        return [a, b, c]

    def _machine(self, x: torch.Tensor, hidden: int, stage: str, first: float, last: float) -> tuple[Any, Any]:
        """Weights w (visible, hidden) and biases b, c of one restricted Boltzmann machine over x."""
        from picozoo.train import boltzmann, loop

        epochs = self._epochs(stage)

        def made() -> dict[str, torch.Tensor]:
            machine = boltzmann.train(
                x,
                hidden,
                epochs=epochs,
                rate=RATES[stage],
                steps=lambda epoch: 5 if stage == "top" else 1,
                seed=self.seed,
                checkpoint=self.out,
                name=f"{CARD.name}_{stage}",
                progress=self._told(first, last),
                batch=self.batch,
            )
            loop.halve(machine)
            return {k: getattr(machine, k).detach() for k in "wbc"}

        kept = loop.Stage(self.out, f"{CARD.name}_{stage}", f"{hidden}-{epochs}-{self.seed}-{len(x)}-{RATES[stage]}")
        return kept.get(made), kept

    def tune(self, model: Any, parameters: list[Any], stage: str, first: float, last: float) -> None:
        """Back-propagation of the cross-entropy of the ten free energies, batches shifted by up to a dot each way."""
        import torch
        from torch.nn.functional import cross_entropy

        from picozoo.train import loop

        total = self._epochs("tune")
        optimiser = torch.optim.Adam(parameters, lr=TUNE_RATE)

        def step(epoch: int) -> float:
            chance = torch.Generator().manual_seed(self.seed * 1000 + epoch)
            order = torch.randperm(len(self.x), generator=chance)
            losses = []
            for pick in torch.split(order, self.batch):
                shift = (torch.randint(3, (2,), generator=chance) - 1).tolist()
                picture = torch.roll(self.x[pick].reshape(-1, 1, 28, 28), shift, (2, 3))  # digits have a wide margin
                loss = cross_entropy(model(picture), self.y[pick])
                model.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                losses.append(float(loss.detach()))
            return float(np.mean(losses))

        checkpoint = loop.Checkpoint(self.out, f"{CARD.name}_{stage}", f"{stage}-{self.seed}-{self.quick}-{total}")
        rate: Callable[[int], float] = loop.cosine(TUNE_RATE, total)
        loop.epochs(step, model, optimiser, rate, total, checkpoint, self._told(first, last))


def _score(model: nn.Module, source: str) -> float:
    """Accuracy on the test part of one data set."""
    import torch

    x, y = inputs("test", source=source)
    with torch.no_grad():
        logits = torch.cat([model(torch.from_numpy(part)) for part in np.array_split(x[:, 0], 10)])
    return metric(logits.numpy(), y)


def _dreams_read(model: nn.Module, each: int) -> float:
    """Share of dreams, so many of each digit, that LeNet-5 takes for the digit that was told; see `SLEEP`."""
    import torch

    from picozoo.train import frechet

    dreamer: Any = build()  # another one, so that the artefact's mind stays empty
    dreamer.load_state_dict(model.state_dict())
    made = []
    with torch.no_grad():
        for label in range(LABELS * each):
            dreamer.mind.zero_()
            for _ in range(SLEEP):
                dream = dreamer.dream(torch.eye(LABELS)[[label % LABELS]])
            made.append(dream[0, 0].numpy())
    shares = frechet.look(np.stack(made))[1]
    return round(float((shares.argmax(1) == np.arange(LABELS * each) % LABELS).mean()), 4)


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """Dreams of every digit, one dream as it forms, what happens when the label changes, and the first layer."""
    CARD.check_size(size)
    eye = np.eye(LABELS, dtype=np.float32)

    def dream(label: int, calls: int = 1) -> np.ndarray:
        made = [board.call_real("dream", eye[[label]])[0] for _ in range(calls)]
        return made[-1].reshape(28, 28)

    def rested(label: int, calls: int) -> np.ndarray:
        board.set_state("mind", np.zeros((1, SECOND), np.float32))
        return dream(label, calls)

    dreams = [rested(d, SLEEP) for d in range(LABELS)]
    board.set_state("mind", np.zeros((1, SECOND), np.float32))
    forming = [dream(3) for _ in range(8)]
    changed = [dream(8) for _ in range(8)]
    x, y = inputs("test", 60)
    pick = [int(np.argmax(y == d)) for d in range(6)]
    read = [board.call_real("forward", x[i])[0].reshape(-1) for i in pick]
    steps = tuple(str(GIBBS * (k + 1)) for k in range(8))
    return [
        pictures.Images(
            f"Told a digit, it dreams of it: {SLEEP * GIBBS} steps of sampling from an empty mind",
            tuple(dreams),
            tuple(map(str, range(LABELS))),
            columns=5,
        ),
        pictures.Images("A dream of a 3 as it forms: steps of sampling", tuple(forming), steps),
        pictures.Images("The label becomes 8: the same dream, later", tuple(changed), steps),
        pictures.Images(
            "Digits that it reads: the label with the lowest free energy",
            tuple(x[i, 0, 0] for i in pick),
            tuple(f"says {r.argmax()}" for r in read),
        ),
        pictures.Images(
            "What twelve units of the first layer listen for: orange ink speaks for them, blue against",
            features()[:12],
            signed=True,
            columns=6,
            common=False,
        ),
    ]


def features() -> tuple[np.ndarray, ...]:
    """Weights into the first layer's units on the way up, of the shipped artefact, (28, 28) each, strongest first."""
    from picozoo.network import load

    weights = load(CARD.name).program.constants["@up1.weight"]
    order = np.argsort(-(weights**2).sum(1))
    return tuple(weights[k].reshape(28, 28) for k in order)
