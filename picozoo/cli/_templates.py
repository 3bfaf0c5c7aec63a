"""Skeletons for `picozoo new`. They work as they are; what must be replaced is marked TODO."""

from __future__ import annotations

NETWORK = '''\
"""TODO: what this network is (authors, year) and its plan: 28x28 pixels -> 16 -> 10."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from picozoo import data
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="@NAME@",
    title="TODO @NAME@",
    family="TODO family",
    year=0,  # TODO
    authors="TODO",
    paper="TODO: title, where, year",
    task="TODO: what it does here, one sentence.",
    introduced="TODO: what was new in it.",
    why_it_mattered="TODO: what followed from it.",
    differs_from_paper=("TODO: one entry per difference.",),
    data=("digits",),
    data_licence="UCI digits CC BY 4.0",
    metric="share of test digits read right",
    metric_name="accuracy",  # as tables have it; other units than shares, and where lower is better: see _card.py
    target=0.9,  # TODO: the figure to reach
    board={"default": "nano33ble"},
    boards=(),
    functions=("forward",),
    main="forward",
    train_minutes=0.1,
    quick={"digits_accuracy": 0.7},  # TODO: what the quick recipe must at least reach; the tests run it
    results={},  # TODO: what the trained artefact reaches, first the metric, such as {"digits_accuracy": 0.93}
)
EPOCHS, BATCH, RATE = 12, 32, 2e-3


def build(size: str = "default") -> nn.Module:
    """The network; `forward(x)`: x float32 (1, 784), 0 paper to 1 ink -> logits float32 (1, 10).

    Raises:
        UsageError: another size than those of the card.
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building @NAME@")
    from torch import nn

    class @CLASS@(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = nn.Linear(784, 16)
            self.out = nn.Linear(16, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.out(self.hidden(x).relu())  # (N, 784) -> (N, 16) -> (N, 10)
            return logits

    return @CLASS@()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function, batch 1."""
    CARD.check_size(size)
    import torch

    return {"forward": (torch.zeros(1, 784),)}


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """Inputs of `forward` and what is right, for scoring.

    Args:
        split: "train" or "test".
        limit: at most so many, from the start.

    Returns:
        x float32 (n, 1, 784), 0..1; y int64 (n,).
    """
    CARD.check_size(size)
    part = data.load("digits", split)
    x = part.x[:limit].reshape(-1, 1, 784).astype(np.float32) / np.float32(255)
    return x, part.y[:limit]


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of outputs whose largest logit is the right one; outputs (n, 10) or (n, 1, 10), y (n,)."""
    return float((np.asarray(outputs).reshape(len(y), 10).argmax(1) == y).mean())


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """The recipe; the same seed gives the same bytes.

    Args:
        out: folder for `@NAME@.safetensors`, its JSON figures and, meanwhile, the checkpoint to resume from.
        quick: seconds, without a download.

    Raises:
        MissingTool: PyTorch or the data set is missing.
    """
    CARD.check_size(size)
    need_torch("training @NAME@")
    import torch
    from torch.nn.functional import cross_entropy

    from picozoo.train import loop

    began = time.perf_counter()
    images, labels = inputs("train", size=size)
    x, y = torch.from_numpy(images[:, 0]), torch.from_numpy(labels)
    total = 6 if quick else EPOCHS
    with loop.repeatable(seed):
        model = build(size)
        optimiser = torch.optim.Adam(model.parameters(), lr=RATE)

        def step(epoch: int) -> float:
            chance = torch.Generator().manual_seed(seed * 1000 + epoch)
            losses = []
            for pick in torch.randperm(len(x), generator=chance).split(BATCH):
                loss = cross_entropy(model(x[pick]), y[pick])
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                losses.append(float(loss.detach()))
            return float(np.mean(losses))

        checkpoint = loop.Checkpoint(out, CARD.name, f"@NAME@-{size}-{seed}-{quick}-{total}")
        loop.epochs(step, model, optimiser, loop.cosine(RATE, total), total, checkpoint, progress)
        images, labels = inputs("test", size=size)
        with torch.no_grad():
            score = metric(model(torch.from_numpy(images[:, 0])).numpy(), labels)
    return loop.save(out, CARD.name, size, seed, model.state_dict(), {"digits_accuracy": score}, began)
'''

OPERATOR = '''\
"""TODO: what it computes. This skeleton computes x * x, element by element."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from picozoo.ops._elementwise import Unary, unary_cases


class @CLASS@(Unary):
    """One input, one output of the same shape; in int8 a table of 256 results. For other forms see ops/_op.py."""

    name = "@NAME@"
    # TODO: the names that torch.export gives it and how to read their arguments: see ops/_aten.py
    aten: ClassVar[dict[str, Any]] = {}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        """The reference, float32 in and out."""
        return x * x


OP = @CLASS@()
'''

HEADER = """\
/* TODO: what it computes. This skeleton: y[i] = x[i] * x[i]. Output may be the input itself. Twin: ops/@NAME@.py. */
#ifndef PZ_@UPPER@_H
#define PZ_@UPPER@_H

#include "pz_map.h"

PZ_DEFINE_UNARY(pz_@NAME@_f32, pz_f32, pz_f32, a * a)

#endif
"""

BOARD = '''\
"""TODO: maker and name of the board, and its chip."""

from picozoo.cores.cortex_m4f import CORE  # TODO: the core of its chip, one of picozoo/cores
from picozoo.specs import Board

BOARD = Board(
    name="@NAME@",
    title="TODO @NAME@",
    chip="TODO",
    core=CORE,
    flash=256 * 1024,  # TODO: bytes, from the data sheet
    ram=64 * 1024,  # TODO: bytes in one piece
    clock_hz=None,  # TODO: Hz; None (not known) gives no times
    energy=None,  # TODO: Energy(pj_per_cycle, low, high, source) with a published source, or None
    emulator="unicorn",
    flash_origin=0,  # TODO: addresses of both memories
    ram_origin=0x2000_0000,
    notes="TODO: what a reader of its figures must know, such as wait states, or nothing.",
)
'''

# kind -> [(path below the checkout, text)], and what to do next
FILES = {
    "network": (("picozoo/zoo/@NAME@.py", NETWORK),),
    "operator": (("picozoo/ops/@NAME@.py", OPERATOR), ("picozoo/kernels/pz_@NAME@.h", HEADER)),
    "board": (("picozoo/boards/@NAME@.py", BOARD),),
}
FOLDERS = {"network": "zoo", "operator": "ops", "board": "boards"}
NEXT = {
    "network": (
        "replace what is marked TODO in {0}",
        "picozoo train @NAME@ --quick -o trained    then: picozoo run trained/@NAME@.pz --board host",
        "when its figure is reached: trained/@NAME@.pz into picozoo/zoo/_artefacts/, the figures on the card",
        "picozoo run @NAME@ --board nano33ble --check",
    ),
    "operator": (
        "write the operator in {0}: reference, aten names, cases",
        "write its kernel in {1}",
        "python -m pytest tests/ops    compares reference and C, on this machine and on emulated boards",
        "make docs",
    ),
    "board": (
        "fill in {0} from the data sheet",
        "picozoo boards",
        "python -m pytest tests/emulate -k @NAME@",
        "make docs",
    ),
}


def fill(text: str, name: str) -> str:
    """A template with the name put in.

    Example:
        >>> fill("@NAME@ @CLASS@ @UPPER@", "hard_tanh")
        'hard_tanh HardTanh HARD_TANH'
    """
    words = "".join(part.capitalize() for part in name.split("_"))
    return text.replace("@NAME@", name).replace("@CLASS@", words).replace("@UPPER@", name.upper())
