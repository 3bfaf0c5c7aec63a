"""What the recipes of networks that read digits share: the training pictures, and how they are turned and shifted."""

from __future__ import annotations

import numpy as np
import torch

from picozoo import data

DIGITS_REPEAT = 6  # the 1,437 small digits are shown six times per epoch, so that both kinds count


def pool(quick: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """All training pictures (uint8) and labels."""
    small = data.load("digits", "train")
    if quick:
        return torch.from_numpy(small.x), torch.from_numpy(small.y)
    big = data.load("mnist", "train")
    x = np.concatenate([big.x] + [small.x] * DIGITS_REPEAT)
    y = np.concatenate([big.y] + [small.y] * DIGITS_REPEAT)
    return torch.from_numpy(x), torch.from_numpy(y)


def augment(x: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
    """Turn by up to 12 degrees, scale by up to 12 %, shear by up to 0.15, shift by up to 2.5 pixels; (N, 1, 28, 28)."""
    from torch.nn.functional import affine_grid, grid_sample

    def uniform(limit: float) -> torch.Tensor:
        return (torch.rand(len(x), generator=chance) * 2 - 1) * limit

    angle, shear = uniform(12 * np.pi / 180), uniform(0.15)
    wide, high = 1 + uniform(0.12), 1 + uniform(0.12)
    theta = torch.zeros(len(x), 2, 3)
    theta[:, 0, 0] = wide * torch.cos(angle)
    theta[:, 0, 1] = -high * torch.sin(angle) + shear
    theta[:, 1, 0] = wide * torch.sin(angle)
    theta[:, 1, 1] = high * torch.cos(angle)
    theta[:, 0, 2], theta[:, 1, 2] = uniform(2.5 / 14), uniform(2.5 / 14)
    return grid_sample(x, affine_grid(theta, list(x.shape), align_corners=False), align_corners=False)
