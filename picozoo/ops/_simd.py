"""Float weights for cores with vector registers, and when that form is used. C side: `kernels/pz_simd.h`."""

from __future__ import annotations

import numpy as np

from picozoo.specs import Target

BLOCK = 16  # outputs of a block; equal to the vectors of pz_simd.h
ROWS = 8  # most windows of a tile there


def vectors(target: Target) -> bool:
    """Is the core one with vectors of floats that Clang's vector extension becomes?"""
    return "simd" in target.features


def pack_blocks(w: np.ndarray) -> np.ndarray:
    """Weights (out, k) as blocks of 16 outputs, [block][k][16], zeros behind the last; flat.

    Example:
        >>> pack_blocks(np.array([[1, 2], [3, 4]], np.float32)).reshape(1, 2, 16)[0, :, :3].tolist()
        [[1.0, 3.0, 0.0], [2.0, 4.0, 0.0]]
    """
    out, k = w.shape
    blocks = -(-out // BLOCK)
    full = np.zeros((blocks * BLOCK, k), np.float32)
    full[:out] = w
    return np.ascontiguousarray(full.reshape(blocks, BLOCK, k).transpose(0, 2, 1)).reshape(-1)
