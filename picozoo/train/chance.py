"""Chance in PyTorch modules: draws that the chip repeats bit for bit. The generator: docs/chance.md.

A module keeps the generator's state as a buffer and hands it to each draw, which moves it:

    self.register_buffer("dice", chance.new_state(7))
    ...
    h = chance.bernoulli(self.dice, torch.sigmoid(x @ self.w))
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from picozoo.ops import _chance


def new_state(seed: int = 0) -> torch.Tensor:
    """The generator's state for a seed, int32 (4,): two words of key (the seed modulo 2^64), two of counter."""
    return torch.from_numpy(_chance.new_state(seed))


@torch.library.custom_op("picozoo::bernoulli", mutates_args=("state",))
def bernoulli(state: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """1.0 with probability p (float32, any shape), else 0.0; new, of p's shape. Moves `state`, int32 (4,).

    Example:
        >>> bernoulli(new_state(1), torch.tensor([0.5, 0.5, 0.5, 0.5, 0.0, 1.0])).tolist()[4:]
        [0.0, 1.0]
    """
    y, after = _chance.draw_bernoulli(state.numpy(), p.detach().float().contiguous().numpy())
    state.copy_(torch.from_numpy(after))
    return torch.from_numpy(y)


@torch.library.custom_op("picozoo::uniform", mutates_args=("state",))
def uniform(state: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Multiples of 2^-24 from 0 to below 1, float32 of a shape. Moves `state`."""
    y, after = _chance.draw_uniform(state.numpy(), tuple(shape))
    state.copy_(torch.from_numpy(after))
    return torch.from_numpy(y)


@torch.library.custom_op("picozoo::gaussian", mutates_args=("state",))
def gaussian(state: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Normal numbers, mean 0 and variance 1, float32 of a shape. Moves `state`."""
    y, after = _chance.draw_gaussian(state.numpy(), tuple(shape))
    state.copy_(torch.from_numpy(after))
    return torch.from_numpy(y)


@torch.library.custom_op("picozoo::categorical", mutates_args=("state",))
def categorical(state: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """An index of the last axis with a chance in proportion to its weight, int32. Moves `state`.

    Args:
        weights: (..., k), int32 counts (sums below 2^31) or float32; what is not positive counts as zero.
    """
    y, after = _chance.draw_categorical(state.numpy(), weights.detach().contiguous().numpy())
    state.copy_(torch.from_numpy(after))
    return torch.from_numpy(y)


def categorical_of_logits(state: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """As `categorical`, from logits (..., k) float32: the weights are their softmax."""
    return torch.ops.picozoo.categorical(state, torch.softmax(logits, -1))  # type: ignore[no-any-return]


@bernoulli.register_fake
def _(state: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    return torch.empty(p.shape)


@uniform.register_fake
def _(state: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    return torch.empty(tuple(shape))


@gaussian.register_fake
def _(state: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    return torch.empty(tuple(shape))


@categorical.register_fake
def _(state: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    return torch.empty(weights.shape[:-1], dtype=torch.int32)
