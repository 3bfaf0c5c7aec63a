"""1,797 real handwritten digits that come with scikit-learn, enlarged from 8x8 to MNIST's 28x28: no download."""

from __future__ import annotations

import numpy as np

from picozoo.data._info import Info, Split, check_split
from picozoo.errors import MissingTool

HELD_OUT = 360
INFO = Info(
    name="digits",
    title="Optical recognition of handwritten digits (the part that comes with scikit-learn), enlarged to 28x28",
    licence="CC BY 4.0",
    home=("https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",),
    sizes={"train": 1797 - HELD_OUT, "test": HELD_OUT},
    classes=tuple("0123456789"),
    needs=("sklearn", "pip install 'picozoo[digits]'"),
    note=(
        f"The pictures come in the order of their 13 writers (about 138 each), so the last {HELD_OUT} are held out: "
        "writers who are not in the training part, but for the one at the boundary. 8x8 pictures of 0..16 are enlarged "
        "bilinearly to 20x20 and centred in 28x28, as MNIST's digits are."
    ),
)


def load(split: str) -> Split:
    """The digits as MNIST has them.

    Args:
        split: "train" (1,437) or "test" (360).

    Returns:
        x uint8 (n, 28, 28), 0 paper to 255 ink; y int64 (n,), 0..9.

    Raises:
        UsageError: another split.
        MissingTool: scikit-learn is not installed.
    """
    check_split(INFO, split)
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingTool("data set 'digits' comes with scikit-learn; run: pip install 'picozoo[digits]'") from None
    small, labels = load_digits(return_X_y=True)
    images = enlarge(small.reshape(-1, 8, 8).astype(np.int32))
    labels = labels.astype(np.int64)
    cut = len(labels) - HELD_OUT
    return Split(images[:cut], labels[:cut]) if split == "train" else Split(images[cut:], labels[cut:])


def enlarge(small: np.ndarray) -> np.ndarray:
    """Bilinear 8x8 -> 20x20 (pixel centres aligned, edges repeated), centred in 28x28.

    The factor 2.5 makes every weight a multiple of 1/10, so all of it is exact in integers on every machine.

    Args:
        small: int32 (n, 8, 8), 0..16.

    Returns:
        uint8 (n, 28, 28), 0..255, rounded half up.
    """
    weights = np.zeros((20, 8), np.int64)  # in tenths
    for i in range(20):
        tenths = 4 * i - 3  # source position of target pixel i: 0.4 * (i + 0.5) - 0.5
        low, part = tenths // 10, tenths % 10
        weights[i, min(max(low, 0), 7)] += 10 - part
        weights[i, min(max(low + 1, 0), 7)] += part
    big = np.einsum("ij,njk,lk->nil", weights, small.astype(np.int64), weights)  # 0..1600
    out = np.zeros((len(small), 28, 28), np.uint8)
    out[:, 4:24, 4:24] = (big * 255 * 2 + 1600) // 3200
    return out
