"""The models of `picozoo bench`, and the figures they are held against: other tools' and those to reach."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from picozoo.errors import UsageError
from picozoo.find import unknown

BOARD = "nucleo_l4r5zi"
FOLDER = "models/mlperf_tiny"  # below PICOZOO_DATA
OPEN_TOOL = "TFLM + CMSIS-NN"
CLOSED_TOOL = "best closed tool"
SOURCES = (
    f"{OPEN_TOOL}: upstream at its own flags, instructions of one inference counted on the same emulator; its RAM is "
    "the arena. "
    f"{CLOSED_TOOL}: cycles of X-CUBE-AI 10.2 or Plumerai on a Cortex-M4 at 120 MHz, as published at MLPerf Tiny."
)


@dataclass(frozen=True)
class Bar:
    """What a model is held against on one board; `None`: no such figure.

    Args:
        reach: figure to reach -> most it may be: "instructions", "code" (bytes without
            weights), "ram" (bytes with stack).
        open_tool: the same figures of the best open tool, and "model", the bytes of its model in flash.
        closed_cycles: published cycles of the best closed tool.
    """

    reach: Mapping[str, float] = field(default_factory=dict)
    open_tool: Mapping[str, float] = field(default_factory=dict)
    closed_cycles: float | None = None


@dataclass(frozen=True)
class Model:
    """One network: a name of the zoo, or a file below PICOZOO_DATA; `float_file`: the same network in float."""

    name: str
    title: str
    network: str = ""
    file: str = ""
    float_file: str = ""
    published: str = ""  # its name in the rows of MLPerf Tiny
    bars: Mapping[str, Bar] = field(default_factory=dict)

    def path(self) -> str | None:
        """What `picozoo.load` takes, or None if the file is not here."""
        return self.network or _there(self.file)

    def float_path(self) -> str | None:
        """The same for the float form."""
        return self.network or _there(self.float_file)

    def missing(self) -> str:
        """Why `path` is None, in a sentence."""
        where = os.environ.get("PICOZOO_DATA")
        return (
            f"{where}/{self.file} is not there"
            if where
            else f"its file {self.file} is looked for in PICOZOO_DATA, which is not set"
        )


def _there(file: str) -> str | None:
    folder = os.environ.get("PICOZOO_DATA")
    path = Path(folder or ".") / file
    return str(path) if folder and file and path.is_file() else None


def _bars(
    m4: tuple[float, float, float],
    tflm: tuple[float, float, float, float],
    closed: float,
    others: tuple[float, float],
) -> dict[str, Bar]:
    """Of M4: (instructions, code, RAM) to reach; of the open tool there its instructions, code, model, RAM; `others`
    are its instructions on M55 and M0+, of which 0.7 and 0.6 are to be reached."""
    names = ("instructions", "code", "ram")
    return {
        BOARD: Bar(
            dict(zip(names, m4, strict=True)),
            dict(zip(("instructions", "code", "model", "ram"), tflm, strict=True)),
            closed,
        ),
        "corstone300": Bar({"instructions": 0.7 * others[0]}, {"instructions": others[0]}),
        "pico": Bar({"instructions": 0.6 * others[1]}, {"instructions": others[1]}),
    }


MODELS: tuple[Model, ...] = (
    Model(
        "image",
        "MLPerf Tiny image (ResNet-8)",
        file=f"{FOLDER}/pretrainedResnet_quant.tflite",
        float_file=f"{FOLDER}/pretrainedResnet.tflite",
        published="ic",
        bars=_bars((15.0e6, 12 * 1024, 50 * 1024), (29_863_695, 51_672, 98_496, 54_996), 19.88e6, (4.91e6, 97.6e6)),
    ),
    Model(
        "keyword",
        "MLPerf Tiny keyword (DS-CNN)",
        file=f"{FOLDER}/kws_ref_model.tflite",
        float_file=f"{FOLDER}/kws_ref_model_float32.tflite",
        published="kws",
        bars=_bars((3.9e6, 12 * 1024, 17 * 1024), (7_699_664, 53_900, 53_936, 22_820), 5.21e6, (1.82e6, 29.0e6)),
    ),
    Model(
        "anomaly",
        "MLPerf Tiny anomaly (auto-encoder)",
        file=f"{FOLDER}/ad01_int8.tflite",
        float_file=f"{FOLDER}/ad01_fp32.tflite",
        published="ad",
        bars=_bars((0.36e6, 4 * 1024, 2.2 * 1024), (582_861, 28_728, 276_976, 2_580), 0.486e6, (0.150e6, 1.76e6)),
    ),
    Model("lenet5", "LeNet-5", network="lenet5"),
    Model("lstm_activity", "LSTM, human activity", network="lstm_activity"),
    Model("hopfield", "Hopfield network", network="hopfield"),
    Model("perceptron", "Perceptron", network="perceptron"),
)


# What runs on this machine against other runtimes.
HOST = ("image", "keyword", "anomaly", "lenet5")


def choose(names: Sequence[str]) -> list[Model]:
    """Models by name; all of them by default.

    Raises:
        UsageError: a name that is none of theirs.

    Example:
        >>> [m.title for m in choose(["lenet5"])]
        ['LeNet-5']
    """
    known = {m.name: m for m in MODELS}
    for name in names:
        if name not in known:
            raise UsageError(unknown("model", name, list(known)))
    return [known[name] for name in dict.fromkeys(names)] if names else list(MODELS)
