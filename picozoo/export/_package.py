"""What every exporter starts from: generated sources, the kernels they include, an example that checks itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from picozoo import __version__
from picozoo.emit.c_model import Slot, kernel_files
from picozoo.emit.call import c_name
from picozoo.evaluate import FLOAT_TOLERANCE
from picozoo.export._folder import digest
from picozoo.fit import typical_calls
from picozoo.ir.interp import Interpreter

if TYPE_CHECKING:
    from picozoo.compiler import Firmware


@dataclass(frozen=True)
class Port:
    """One input or output of the example: the macro that points to it, its type, and the bytes it holds."""

    macro: str
    array: str
    slot: Slot
    data: bytes


@dataclass(frozen=True)
class Package:
    """A firmware's files and facts.

    Args:
        name: C prefix and file stem.
        title, sentence: for the metadata of an ecosystem.
        header, source: text of NAME.h and NAME.c.
        kernels: kernel headers, file name -> text.
        inputs, outputs: one real call of the main function, and what it must give (from the reference interpreter).
    """

    firmware: Firmware
    name: str
    title: str
    sentence: str
    header: str
    source: str
    kernels: Mapping[str, str]
    function: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    @property
    def version(self) -> str:
        """Version of the exported package: that of the picozoo that made it."""
        return __version__

    @property
    def ram(self) -> int:
        """Bytes of one instance, stack left out."""
        return self.firmware.model.context_bytes

    def card(self, kind: str, files: Mapping[str, str]) -> str:
        """The model card: everything a program could want to know, as JSON. Nothing in it changes from run to run."""
        fw = self.firmware
        facts = {
            "picozoo": __version__,
            "kind": kind,
            "name": self.name,
            "title": self.title,
            "context_type": f"{self.name}_t",
            "board": fw.board.name,
            "core": fw.board.core.title,
            "precision": fw.precision,
            "options": {k: getattr(fw.options, k) for k in ("method", "prefer", "io")}
            | {"keep_float": list(fw.options.keep_float), "int16": list(fw.options.int16)},
            "bytes": {"arena": fw.model.arena, "state": fw.model.state, "tables": fw.model.const_bytes},
            "init": f"{self.name}_init",
            "functions": [
                {
                    "name": e.name,
                    "symbol": e.symbol,
                    "inputs": [_slot(e.symbol, s) for s in e.inputs],
                    "outputs": [_slot(e.symbol, s) for s in e.outputs],
                }
                for e in fw.model.entries.values()
            ],
            "state": [
                _slot(self.name, s, macro=f"{self.name}_state_{c_name(s.name)}".upper())
                for s in fw.model.states.values()
            ],
            "layers": [
                {
                    "name": v.name,
                    "op": v.op,
                    "function": v.function,
                    "symbol": v.symbol,
                    "macs": v.macs,
                    "shape": list(v.out_type.shape),
                    "dtype": v.out_type.dtype,
                    "source": v.source,
                }
                for v in fw.model.layers
            ],
            "card": _zoo(fw),
            "files": {path: digest(text) for path, text in sorted(files.items())},
        }
        return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"


def _slot(symbol: str, s: Slot, macro: str = "") -> dict[str, Any]:
    """One input, output or state. `offset` counts from the start of the context struct."""
    q = s.type.quant
    return {
        "name": s.name,
        "macro": macro or f"{symbol}_{c_name(s.name)}".upper(),
        "dtype": s.type.dtype,
        "shape": list(s.type.shape),
        "offset": s.offset,
        "bytes": s.type.nbytes,
        "scale": list(q.scale) if q else None,
        "zero_point": list(q.zero_point) if q else None,
    }


def _zoo(fw: Firmware) -> dict[str, Any] | None:
    """What the zoo knows of the network; the figures are those of the artefact before quantisation."""
    card = fw.network.card
    if card is None:
        return None
    return {
        "title": card.title,
        "year": card.year,
        "authors": card.authors,
        "paper": card.paper,
        "task": card.task,
        "metric": card.metric,
        "metric_name": card.metric_name,
        "results": dict(card.results),
        "data": list(card.data),
        "data_licence": card.data_licence,
        "references": list(card.references),
    }


def make_package(fw: Firmware) -> Package:
    """Gather a firmware's files, and run its example through the reference interpreter."""
    model, card = fw.model, fw.network.card
    entry = model.entries[fw.program.main.name]
    inputs = next(iter(typical_calls(fw, 1)))
    outputs = Interpreter(fw.program).call(entry.name, *inputs)

    def ports(slots: tuple[Slot, ...], arrays: list[np.ndarray], what: str) -> tuple[Port, ...]:
        return tuple(
            Port(
                f"{entry.symbol}_{c_name(s.name)}".upper(),
                f"{what}_{c_name(s.name)}",
                s,
                np.ascontiguousarray(a).tobytes(),
            )
            for s, a in zip(slots, arrays, strict=True)
        )

    title = card.title if card else fw.network.name
    sentence = card.task if card else f"The network {fw.network.name} as plain C."
    return Package(
        fw,
        model.name,
        one_line(title),
        one_line(sentence),
        model.files[f"{model.name}.h"],
        model.files[f"{model.name}.c"],
        kernel_files(model.headers),
        entry.symbol,
        ports(entry.inputs, inputs, "input"),
        ports(entry.outputs, list(outputs), "expected"),
    )


def one_line(text: str) -> str:
    """Text that is safe in a comment, a quoted string or one line of a manifest, whatever a file called itself.

    Example:
        >>> one_line('a "b"\\n*/ c')
        "a 'b' * / c"
    """
    text = re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()
    return text.replace('"', "'").replace("\\", "/").replace("*/", "* /")


def byte_table(port: Port, qualifier: str = "static const unsigned char") -> str:
    """The bytes of an input or output as a C array, in the byte order of every supported chip (little-endian)."""
    t = port.slot.type
    words = [f"{b}," for b in port.data]
    lines, line = [], " "
    for word in words:
        if len(line) + len(word) > 110:
            lines.append(line)
            line = " "
        line += f" {word}"
    body = "\n".join([*lines, line]).rstrip(",")
    return f"/* {t.dtype}{list(t.shape)} */\n{qualifier} {port.array}[{len(port.data)}] = {{\n{body}\n}};\n"


def comparison(p: Package, indent: str = "  ") -> str:
    """C statements that count in `wrong` the outputs that are not as expected: bits for integers, 1e-4 for floats."""
    parts = []
    for o in p.outputs:
        if o.slot.type.is_float:
            parts.append(
                f"for (int i = 0; i < {o.slot.type.size}; ++i) {{\n"
                f"  float want, d, limit;\n"
                f"  memcpy(&want, {o.array} + 4 * i, sizeof want);\n"
                f"  d = {o.macro}(&net)[i] - want;\n"
                f"  limit = (want < 0 ? 1.0f - want : 1.0f + want) * {FLOAT_TOLERANCE:g}f;\n"
                f"  if (!(d <= limit && -d <= limit)) ++wrong;\n"
                f"}}"
            )
        else:
            parts.append(f"if (memcmp({o.macro}(&net), {o.array}, sizeof {o.array}) != 0) ++wrong;")
    return "\n".join(indent + line for part in parts for line in part.split("\n"))


def identifier(text: str) -> str:
    """A name that every ecosystem takes: letters, digits and single underscores.

    Example:
        >>> identifier("LeNet-5 (1998)")
        'LeNet_5_1998'
    """
    return re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
