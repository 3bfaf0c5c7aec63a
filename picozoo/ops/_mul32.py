"""Packing for the kernels that get two products from one multiplication. C side: `kernels/pz_mul32.h`."""

from __future__ import annotations

import numpy as np

from picozoo.specs import TensorType


def span_of(w: np.ndarray, spans: tuple[int, ...]) -> int:
    """The first of `spans` such that so many products of consecutive weights (out, k) always fit an int16, else 0.

    Example:
        >>> span_of(np.full((1, 16), 31, np.int8), (8, 6, 4))
        8
        >>> span_of(np.full((1, 16), 100, np.int8), (8, 6, 4))
        0
    """
    return next((s for s in spans if fits(w, s)), 0)


def fits(w: np.ndarray, span: int) -> bool:
    """Is any sum of `span` products, from the first on, within [-2^15, 2^15) for every int8 input?

    Example:
        >>> fits(np.array([[-128, -128]], np.int8), 2)
        False
    """
    out, k = w.shape
    sizes = np.zeros((out, -(-k // span) * span), np.int64)
    sizes[:, :k] = np.abs(w.astype(np.int64))
    return int(sizes.reshape(out, -1, span).sum(2).max(initial=0)) * 128 <= 32767


def pack_conv(w: np.ndarray, span: int) -> np.ndarray:
    """Weights (out, k) in the order of `pz_conv_halves`, as uint32 words.

    Example:
        >>> [hex(v) for v in pack_conv(np.array([[1, 2, 3], [4, 5, 6]], np.int8), 2)]
        ['0x5040201', '0x60003']
    """
    out, k = w.shape
    full = np.zeros((-(-out // 2) * 2, -(-k // span) * span), np.int8)
    full[:out, :k] = w
    pairs = full.reshape(full.shape[0] // 2, 2, -1, 2).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(pairs).reshape(-1).view("<u4")


def pack_linear(w: np.ndarray, span: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (out, k) in the order of `pz_row_halves`, as uint32 words, and in how many parts each four channels are.

    Where `span` products may be too many, weights are written as sums of smaller ones, and the parts follow each other.

    Example:
        >>> words, parts = pack_linear(np.array([[1], [2], [3], [-1]], np.int8), 4)
        >>> [hex(v) for v in words], parts.tolist()
        (['0x7f838281', '0x80808080', '0x80808080', '0x80808080'], [1])
        >>> pack_linear(np.full((4, 4), 126, np.int8), 4)[1].tolist()
        [2]
    """
    out, k = w.shape
    full = np.zeros((-(-out // 4) * 4, -(-k // span) * span), np.int8)
    full[:out, :k] = w
    parts = parts_of(w, span)
    pieces = []
    for block, n in zip(full.reshape(-1, 4, full.shape[1]), parts, strict=True):
        pieces += [_share(block, i, n) for i in range(n)]
    biased = (np.stack(pieces).astype(np.int16) + 128).astype(np.uint8)
    return np.ascontiguousarray(biased.transpose(0, 2, 1)).reshape(-1).view("<u4"), np.array(parts, np.int8)


def _share(w: np.ndarray, i: int, n: int) -> np.ndarray:
    """Part i of n: they add up to w, and none is larger than |w| / n rounded up."""
    return np.asarray((w.astype(np.int16) + i) // n, np.int8)


def parts_of(w: np.ndarray, span: int) -> list[int]:
    """For each four rows of w the least number of parts that fit."""
    blocks = [w[i : i + 4] for i in range(0, len(w), 4)]
    return [next(n for n in range(1, 9) if all(fits(_share(b, i, n), span) for i in range(n))) for b in blocks]


def linear_span(w: np.ndarray) -> int:
    """Span of a fully connected layer's weights (out, k) that needs the fewest instructions: 4 or 8."""
    return min((8, 4), key=lambda span: sum(parts_of(w, span)) * (2.75 + 8 / 4 / span + 0.25))


def conv_span(w: np.ndarray) -> int:
    """Span of a convolution's weights (out, ...); 0 if not even two products fit."""
    flat = w.reshape(w.shape[0], -1)
    return span_of(flat, (8, 6, 4, 2))


def conv_scratch(w: TensorType) -> int:
    """Bytes of working memory, whatever the span will be."""
    _, kh, kw, c = w.shape
    k = kh * kw * c
    return 4 * max(-(-k // s) * s for s in (2, 4, 6, 8)) + 2 * kw * c


def linear_scratch(k: int) -> int:
    """The same for a row of k activations."""
    return max(8 * -(-k // 4), 12 * -(-k // 8))
