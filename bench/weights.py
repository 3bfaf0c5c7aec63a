"""What weights of fewer bits do to accuracy, flash and speed: results/weights.jsonl, shown in docs/weights.md.

    .venv/bin/python bench/weights.py [lenet5] [image]

lenet5: the whole MNIST test set. image: ResNet-8 of MLPerf Tiny and the 10,000 test images of CIFAR-10, from JPEG files
of quality 75 (test.tar.xz and train.tar.xz below PICOZOO_DATA/cifar10_jpeg), calibrated on 128 training images; what
LiteRT makes of the int8 file with the same images stands beside it. All through C on this machine, costs on emulated
boards.
"""

from __future__ import annotations

import io
import os
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from picozoo.bench import rows as kept
from picozoo.bench.measure import inputs
from picozoo.bench.models import choose
from picozoo.compiler import Firmware, compile, from_slot, to_slot
from picozoo.network import Network, calibration_of, load
from picozoo.zoo import lenet5

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "results" / "weights.jsonl"
BOARDS = ("nucleo_l4r5zi", "pico")
FORMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "lenet5": (
        (),
        *((v,) for v in ("int4", "int4/16", "int2", "int2/32", "ternary", "ternary/32", "ternary/16")),
        ("int2", "int4:c1", "int4:out"),
    ),
    "image": (
        (),
        *((v,) for v in ("int4", "int4/32", "int4/16", "int2", "int2/16", "ternary")),
        ("int2", "int4:FIRST", "int4:LAST"),
    ),
}
CALLS = 128
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def images(part: str, each: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `each` images of every class as float pixels (n, 1, 32, 32, 3), and their classes."""
    from PIL import Image

    x, y = [], []
    seen = dict.fromkeys(CLASSES, 0)
    with tarfile.open(Path(os.environ["PICOZOO_DATA"]) / "cifar10_jpeg" / f"{part}.tar.xz") as files:
        for member in files:
            name = Path(member.name).parent.name
            data = files.extractfile(member) if member.isfile() and name in seen and seen[name] < each else None
            if data is not None:
                seen[name] += 1
                x.append(np.asarray(Image.open(io.BytesIO(data.read())), np.float32)[None])
                y.append(CLASSES.index(name))
    return np.stack(x), np.array(y)


def task(name: str) -> tuple[Network, np.ndarray, np.ndarray]:
    """Network with its calibration inputs, test inputs, labels."""
    if name == "lenet5":
        return load("lenet5"), *lenet5.inputs("test", source="mnist")
    path = choose(["image"])[0].path()
    assert path is not None, "the image model is not below PICOZOO_DATA"
    net = load(path)
    net.calibration = calibration_of(net.program, images("train", -(-CALLS // 10))[0][:CALLS])
    return net, *images("test", 1000)


def accuracy(fw: Firmware, x: np.ndarray, y: np.ndarray) -> float:
    """Share of right answers of host C."""
    entry = fw.model.entries[fw.program.main.name]
    with fw.session() as session:
        outs = [from_slot(session.call(entry.name, to_slot(v, entry.inputs[0]))[0], entry.outputs[0]) for v in x]
    return float((np.stack(outs).reshape(len(x), -1).argmax(1) == y).mean())


def litert(x: np.ndarray, y: np.ndarray) -> float:
    """The same of LiteRT on the int8 file."""
    from ai_edge_litert.interpreter import Interpreter

    machine = Interpreter(model_path=choose(["image"])[0].path(), num_threads=1)
    machine.allocate_tensors()
    (i,), (o,) = machine.get_input_details(), machine.get_output_details()
    scale, zero = i["quantization"]
    right = 0
    for v, label in zip(x, y, strict=True):
        machine.set_tensor(i["index"], np.clip(np.rint(v / scale) + zero, -128, 127).astype(np.int8))
        machine.invoke()
        right += int(machine.get_tensor(o["index"]).argmax() == label)
    return right / len(y)


def costs(fw: Firmware) -> dict[str, Any]:
    """Exact figures on a board."""
    with fw.session(count=True) as session:
        session.call(fw.program.main.name, *inputs(fw))
        counts, stack = session.machine.counts(), session.machine.stack_bytes() or 0
    ram, image = fw.model.context_bytes + stack, fw.image
    return {"instructions": counts.instructions, "code": image.flash_code, "tables": image.flash_const, "ram": ram}


def measure(name: str) -> Iterator[dict[str, Any]]:
    """A row a form."""
    net, x, y = task(name)
    at, date = kept.commit(ROOT)
    layers = [v.name for v in compile(net, board="host").model.layers if v.macs]
    for form in FORMS[name]:
        form = tuple(w.replace("FIRST", layers[0]).replace("LAST", layers[-1]) for w in form)
        row = {"commit": at, "date": date, "model": name, "weights": list(form) or ["int8"], "samples": len(x)}
        row["accuracy"] = accuracy(compile(net, board="host", weights=form, prefer="speed"), x, y)
        row["litert"] = litert(x, y) if name == "image" and not form else None
        row["boards"] = {board: costs(compile(net, board=board, weights=form)) for board in BOARDS}
        print(row, flush=True)
        yield row


def main(names: list[str]) -> int:
    """The command."""
    rows = [r for r in kept.read(FILE) if names and r["model"] not in names]
    for name in names or FORMS:
        for row in measure(name):
            rows.append(row)
            kept.write(FILE, rows)  # each row at once: it takes minutes
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
