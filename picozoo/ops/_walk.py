"""In which order a kernel reads its input and writes its output, so that the two may share memory.

A convolution that goes over its input from the first pixel to the last has done with the first rows long before it
writes the last ones: its output may lie over what it has read. How far apart the two must begin follows from the
kernel's order of reading and writing, which an operator states as a `Walk`.

Source: the "diagonal" memory optimisation of Blacker, Bragg and Tewari, 2020. Differs: byte ranges of each step are
listed, which both the planner and, in another way, its checker look at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Walk:
    """Steps of a kernel. At each it reads part of input 0, then writes part of output 0.

    Args:
        reads, writes: (steps, 2) int64, first byte and the one behind the last, from the start of the tensor. What is
            never named is never read or written; an empty range has equal ends.
    """

    reads: np.ndarray
    writes: np.ndarray

    @property
    def lead(self) -> int:
        """Bytes by which the output must begin before the input; below zero, it may begin that far behind.

        Example:
            >>> spans = np.array([[0, 4], [4, 8], [8, 12]])
            >>> Walk(spans, spans).lead, Walk(spans, 2 * spans).lead
            (0, 8)
        """
        if len(self.reads) < 2:
            return -int(self.reads.max(initial=0))
        unread = np.minimum.accumulate(np.where(_empty(self.reads), _FAR, self.reads[:, 0])[::-1])[::-1]
        written = np.maximum.accumulate(self.writes[:, 1])
        return int((written[:-1] - unread[1:]).max())

    @property
    def lag(self) -> int:
        """Bytes by which the output must begin behind the input, if it does not begin before it; may be below zero.

        Example:
            >>> spans = np.array([[8, 12], [4, 8], [0, 4]])
            >>> Walk(spans, spans).lag, Walk(spans, 2 * spans).lag
            (0, -4)
        """
        if len(self.reads) < 2:
            return -int(self.writes.max(initial=0))
        unread = np.maximum.accumulate(np.where(_empty(self.reads), -_FAR, self.reads[:, 1])[::-1])[::-1]
        written = np.minimum.accumulate(self.writes[:, 0])
        return int((unread[1:] - written[:-1]).max())

    def back(self) -> Walk:
        """The same from the last step to the first."""
        return Walk(self.reads[::-1], self.writes[::-1])


_FAR = np.int64(1) << 60


def _empty(spans: np.ndarray) -> np.ndarray:
    return spans[:, 0] >= spans[:, 1]


def windows(
    x: tuple[int, ...],
    y: tuple[int, ...],
    size: tuple[int, int],
    stride: tuple[int, int],
    pad: tuple[int, ...],
    dilation: tuple[int, int] = (1, 1),
    *,
    element: int = 1,
    pixels: int = 1,
    copied: bool = True,
) -> Walk:
    """The walk of a kernel with a sliding window over [N, H, W, C], output pixels in their order in memory.

    Args:
        x, y: shapes. size, stride, dilation: (height, width) of the window. pad: top, bottom, left, right.
        element: bytes of a value.
        pixels: output pixels of a step.
        copied: windows are read as a whole before the pixels of their step are written; else reading and writing may
            take turns.

    Example:
        >>> windows((1, 4, 4, 2), (1, 4, 4, 2), (1, 1), (1, 1), (0, 0, 0, 0)).lead
        0
        >>> windows((1, 4, 4, 2), (1, 4, 4, 2), (3, 3), (1, 1), (1, 1, 1, 1)).lead
        10
    """
    (n, h, w, c), (_, oh, ow, o) = x, y
    b, oy, ox = (v.reshape(-1) for v in np.meshgrid(np.arange(n), np.arange(oh), np.arange(ow), indexing="ij"))
    top, left = oy * stride[0] - pad[0], ox * stride[1] - pad[2]
    y0, y1 = np.maximum(top, 0), np.minimum(top + (size[0] - 1) * dilation[0] + 1, h)
    x0, x1 = np.maximum(left, 0), np.minimum(left + (size[1] - 1) * dilation[1] + 1, w)
    first, last = ((b * h + y0) * w + x0) * c, ((b * h + y1 - 1) * w + x1) * c
    first = np.where((y0 < y1) & (x0 < x1), first, last)
    out = np.arange(n * oh * ow)
    reads = _blocks(np.stack([first, last], 1) * element, pixels)
    writes = _blocks(np.stack([out * o, (out + 1) * o], 1) * element, pixels)
    if not copied:  # a step's writes may come before its reads: these belong to the step behind
        none = np.zeros((1, 2), np.int64)
        reads, writes = np.concatenate([none, reads]), np.concatenate([writes, writes[-1:]])
    return Walk(reads.astype(np.int64), writes.astype(np.int64))


def _blocks(spans: np.ndarray, pixels: int) -> np.ndarray:
    """Every `pixels` spans as one that holds them."""
    at = np.arange(0, len(spans), pixels)
    if pixels == 1 or not len(at):
        return spans
    first = np.where(_empty(spans), _FAR, spans[:, 0])
    last = np.where(_empty(spans), 0, spans[:, 1])
    low, high = np.minimum.reduceat(first, at), np.maximum.reduceat(last, at)
    return np.stack([np.minimum(low, high), high], 1)
