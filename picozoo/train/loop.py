"""What the recipes of several networks share: fixed chance, checkpoints, saving the result."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as safetensors_bytes
from torch import nn

from picozoo.zoo._card import Progress, TrainResult


@contextmanager
def repeatable(seed: int) -> Iterator[torch.Generator]:
    """One thread, deterministic kernels and a seeded generator inside the block; the caller's settings after it.

    Sums over several threads come in no fixed order, so one thread is what makes two runs give the same bytes.
    """
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    state = torch.get_rng_state()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)
    try:
        yield torch.Generator().manual_seed(seed)
    finally:
        torch.set_rng_state(state)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)


def write(path: Path, content: bytes) -> None:
    """Write to a temporary name beside `path`, then rename into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")  # not mkstemp: that file only its owner could read
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def halve(model: nn.Module) -> None:
    """Round every float32 parameter and buffer to the nearest number of float16, in place.

    Artefacts store such weights in half the bytes (`picozoo.artefact`). A recipe does this before it judges what it
    made, so that the figures are those of what is shipped.
    """
    with torch.no_grad():
        for values in (*model.parameters(), *model.buffers()):
            if values.dtype == torch.float32:
                values.copy_(values.half().float())


def save(
    out: str | os.PathLike[str],
    name: str,
    size: str,
    seed: int,
    state: dict[str, torch.Tensor],
    metrics: dict[str, float],
    began: float,
) -> TrainResult:
    """Save a trained state as safetensors, and its figures as JSON beside it.

    Args:
        out: folder, made if it is not there.
        state: name -> tensor, as `Module.state_dict` gives it.
        metrics: figures on held-out data.
        began: `time.perf_counter()` at the start.

    Returns:
        The paths and figures. The JSON file also holds the minutes, the safetensors file nothing that varies.
    """
    stem = name if size == "default" else f"{name}_{size}"
    path = Path(out) / f"{stem}.safetensors"
    tensors = {key: value.detach().contiguous().clone() for key, value in sorted(state.items())}
    write(path, safetensors_bytes(tensors))
    minutes = round((time.perf_counter() - began) / 60, 2)
    count = sum(value.numel() for value in tensors.values())
    result = TrainResult(name, size, seed, path, metrics, count, minutes)
    facts = {"name": name, "size": size, "seed": seed, "parameters": count, "metrics": metrics, "minutes": minutes}
    write(path.with_suffix(".json"), (json.dumps(facts, indent=2) + "\n").encode())
    return result


class Checkpoint:
    """Model and optimiser after each epoch, so that a recipe that was stopped goes on where it was.

    A recipe seeds its chance from (seed, epoch), so a resumed run ends in the same bytes as one in one go.

    Args:
        out: the recipe's folder.
        name: the network.
        key: whatever the run depends on; a checkpoint with another key is ignored.
    """

    def __init__(self, out: str | os.PathLike[str], name: str, key: str) -> None:
        self.path = Path(out) / f"{name}.resume.pt"
        self.key = key

    def load(self, model: nn.Module, optimiser: torch.optim.Optimizer) -> int:
        """Restore both; the number of epochs that are done, 0 if there is nothing to go on from."""
        if not self.path.is_file():
            return 0
        try:
            saved: dict[str, Any] = torch.load(self.path, weights_only=True)
        except Exception:  # a half-written or foreign file: start again rather than fail
            return 0
        if saved.get("key") != self.key:
            return 0
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        return int(saved["epochs"])

    def save(self, model: nn.Module, optimiser: torch.optim.Optimizer, epochs: int) -> None:
        """Keep both, after `epochs` whole epochs."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp")
        saved = {"key": self.key, "model": model.state_dict(), "optimiser": optimiser.state_dict(), "epochs": epochs}
        torch.save(saved, temporary)
        os.replace(temporary, self.path)

    def done(self) -> None:
        """The run is over: remove the file."""
        self.path.unlink(missing_ok=True)


class Stage:
    """What a stage of a recipe made, kept beside the recipe until all of it is done.

    Args:
        out: the recipe's folder.
        name: of the network and the stage.
        key: whatever the stage depends on; a file with another key is ignored.
    """

    def __init__(self, out: str | os.PathLike[str], name: str, key: str) -> None:
        self.path, self.key = Path(out) / f"{name}.stage.pt", key

    def get(self, make: Callable[[], dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """The tensors of the file, or those of `make`, which are then kept."""
        try:
            saved: dict[str, Any] = torch.load(self.path, weights_only=True)
            if saved.get("key") == self.key:
                return dict(saved["made"])
        except Exception:  # not there, half-written or foreign: make it rather than fail
            pass
        made = make()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp")
        torch.save({"key": self.key, "made": made}, temporary)
        os.replace(temporary, self.path)
        return made

    def done(self) -> None:
        """The recipe is over: remove the file."""
        self.path.unlink(missing_ok=True)


def epochs(
    step: Callable[[int], float],
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    rate: Callable[[int], float],
    total: int,
    checkpoint: Checkpoint,
    progress: Progress | None,
) -> None:
    """Run `step(epoch)` for every epoch that is not done yet, with its learning rate and a checkpoint after each.

    Args:
        step: trains one epoch (0-based) and gives its mean loss.
        rate: epoch -> learning rate.
        total: number of epochs.
        progress: told the share done and the loss.
    """
    for epoch in range(checkpoint.load(model, optimiser), total):
        for group in optimiser.param_groups:
            group["lr"] = rate(epoch)
        loss = step(epoch)
        checkpoint.save(model, optimiser, epoch + 1)
        if progress:
            progress((epoch + 1) / total, f"epoch {epoch + 1} of {total}, loss {loss:.4f}")
    checkpoint.done()


def cosine(peak: float, total: int) -> Callable[[int], float]:
    """Learning rate from `peak` down to almost 0 along half a cosine, over `total` epochs."""
    return lambda epoch: peak * 0.5 * (1 + float(np.cos(np.pi * epoch / total))) + peak * 0.01
