"""Six people, a phone at the waist: three-axis acceleration, every time step labelled with one of five activities."""

from __future__ import annotations

import numpy as np

from picozoo._untrusted import arrays
from picozoo.data import _store
from picozoo.data._info import File, Info, Split, check_split
from picozoo.errors import BadFile

FILE = "HumanActivity_decoded.npz"
HELD_OUT = 5  # of the six labelled sequences; fixed before anything was trained
_MOST_BYTES = 64 << 20  # unpacked
STEPS = (64480, 53696, 56416, 50688, 51888, 54256)
INFO = Info(
    name="human_activity",
    title="Waist accelerometer of six people, every step labelled: dancing, running, sitting, standing, walking",
    licence="not stated (example data of the MathWorks Deep Learning Toolbox)",
    home=(
        "https://www.mathworks.com/help/deeplearning/ug/sequence-to-sequence-classification-using-deep-learning.html",
    ),
    folder="har",
    files=(File(FILE, "dfd2b0aa0493dcdf376ec9f247e545dde05278599288c79f9d604752576cbc65", 841638),),
    sizes={"train": sum(STEPS) - STEPS[HELD_OUT], "test": STEPS[HELD_OUT]},
    classes=("dancing", "running", "sitting", "standing", "walking"),
    note=(
        "The data come with a commercial product; we know of no public address of the file itself, so there is nothing "
        "to fetch: set PICOZOO_DATA to a folder that holds har/" + FILE + ". The test sequence that comes with them is "
        "made of copies of training segments, so it is not used: the last of the six training sequences is held out "
        "whole as the test person. In sequences 2 and 3 (counted from 0) the phone hangs upside down while standing "
        "and walking. "
        "Every sequence has the same order: sitting, standing, walking, running, dancing."
    ),
)


def load(split: str) -> Split:
    """Acceleration and labels, sequences laid end to end.

    Args:
        split: "train" (five people) or "test" (the held-out one).

    Returns:
        x float32 (steps, 3), about 100 per g; y int64 (steps,), index into `INFO.classes`;
        `starts`, the first step of each person.

    Raises:
        UsageError: another split.
        MissingTool: the file is not here.
        BadFile: it is not that file.
    """
    check_split(INFO, split)
    raw = _store.read(INFO, FILE)
    who = [HELD_OUT] if split == "test" else [i for i in range(len(STEPS)) if i != HELD_OUT]
    parts = parse(raw, who)
    starts = np.cumsum([0] + [len(y) for _, y in parts[:-1]])
    x = np.concatenate([x for x, _ in parts])
    y = np.concatenate([y for _, y in parts])
    return Split(x, y, tuple(int(s) for s in starts))


def parse(raw: bytes, who: list[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The sequences `who` of the .npz file in `raw`: x float32 (steps, 3) and y int64 (steps,), 0..4.

    Raises:
        BadFile: not such a file, or shapes, types or labels that cannot be.
    """
    try:
        held = arrays(raw, _MOST_BYTES)
        pairs = [(held[f"train_x{i}"], held[f"train_y{i}"]) for i in who]
    except (BadFile, KeyError) as error:
        raise BadFile(f"{FILE}: cannot be read as the activity data ({error}); copy it again") from None
    out = []
    for i, (x, y) in zip(who, pairs, strict=True):
        if x.dtype != np.float32 or y.dtype != np.uint8 or x.shape != (3, STEPS[i]) or y.shape != (STEPS[i],):
            raise BadFile(
                f"{FILE}: sequence {i} must be float32 (3, {STEPS[i]}) with as many uint8 labels, "
                f"got {x.dtype} {x.shape} and {y.dtype} {y.shape}; copy it again"
            )
        if y.min() < 1 or y.max() > 5 or not np.isfinite(x).all():
            raise BadFile(f"{FILE}: sequence {i} has labels outside 1..5 or values that are not finite")
        out.append((np.ascontiguousarray(x.T), y.astype(np.int64) - 1))
    return out
