"""Layers that differ only in where their data lies share one body, so that flash holds it once."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

FEW = 16  # numbers that a loop is not unrolled for

# A place as `Call` prints it, or a word that may be the name of a table.
_PLACE = re.compile(
    r"\((?P<type>(?:const )?\w+ \*)\)\(pz->(?:arena|state) \+ \d+(?: [+-] \d+ \* turn)?\)"
    r"|(?<![\w.>])(?P<word>[A-Za-z_]\w*)"
)


@dataclass(frozen=True)
class LayerCode:
    """One layer about to be printed: its statements, and what stands round them.

    Attributes:
        op: the operator, for the name of a shared body.
        symbol: the layer's C function.
        note: the comment above it.
        code: its C statements, which read `pz`, the context.
        numbers: elements of its largest input or output.
        small: compile it for size.
        thin: a call of something that is not inlined: nothing to share.
        turns: it is told which turn of a loop it is (`emit.roll`).
    """

    op: str
    symbol: str
    note: str
    code: str
    numbers: int
    small: bool = False
    thin: bool = False
    turns: bool = False

    @property
    def short(self) -> bool:
        """Is its body hardly longer than a call of one, or slower by too much if it must be told where its data lies?

        The first where it handles few numbers; the second round the loops in assembly, which leave no register free
        (anomaly model: 1.5 % more instructions).
        """
        return self.small or self.numbers <= FEW


@dataclass(frozen=True)
class _Shape:
    """A layer's code without its places: equal shapes can share a body."""

    text: str
    types: tuple[str, ...]
    small: bool


def functions(layers: Sequence[LayerCode], context: str, tables: Mapping[str, str], share: str) -> list[str]:
    """The C functions of all layers, in order, each shared body in front of the first that calls it.

    Args:
        context: type name of the context struct.
        tables: C element type of each constant table by name.
        share: which layers may share: "none" (each knows all its places: a little faster, larger), "long" (those whose
            bodies are worth it), "all".
    """
    lifted = [_lift(layer, tables) for layer in layers]
    shapes = [shape for shape, _ in lifted]
    shared: dict[_Shape, str] = {}
    out = []
    for layer, (shape, places) in zip(layers, lifted, strict=True):
        code = layer.code
        may = not layer.thin and (share == "all" or (share == "long" and not layer.short))
        if may and shapes.count(shape) > 1 and "pz" not in re.findall(r"\w+", shape.text):
            if shape not in shared:
                shared[shape] = f"pz_shared_{len(shared)}_{layer.op}"
                out.append(_body(shared[shape], shape, shapes.count(shape)))
            code = _wrapped(f"{shared[shape]}(", places)
        elif layer.turns:
            code = _refilled(code)
        small = "PZ_SMALL " if layer.small else ""
        told = f"{context} *pz, int turn" if layer.turns else f"{context} *pz"
        out.append(f"{layer.note}\nPZ_LAYER {small}void {layer.symbol}({told}) {{\n{_indented(code)}\n}}\n")
    return out


def _lift(layer: LayerCode, tables: Mapping[str, str]) -> tuple[_Shape, list[str]]:
    """The layer's code with parameters `a0`, `a1` … for its places, and those places."""
    types: list[str] = []
    places: list[str] = []

    def parameter(found: re.Match[str]) -> str:
        word = found["word"]
        if word is not None and word not in tables:
            return word
        types.append(found["type"] or f"const {tables[word]} PZ_FLASH *")
        places.append(found[0])
        return f"a{len(places) - 1}"

    return _Shape(_joined(_PLACE.sub(parameter, layer.code)), tuple(types), layer.small), places


def _body(name: str, shape: _Shape, users: int) -> str:
    parameters = [f"{t}a{k}" for k, t in enumerate(shape.types)]
    head = _wrapped(f"static PZ_NOINLINE {'PZ_SMALL ' if shape.small else ''}void {name}(", parameters, ") {")
    return f"/* What {users} layers do at different places. */\n{head}\n{_indented(_refilled(shape.text))}\n}}\n"


def _wrapped(start: str, pieces: Collection[str], end: str = ");") -> str:
    """`start`, the pieces with commas, `end`, in lines of readable width."""
    lines, line = [], start
    for k, piece in enumerate(pieces):
        word = piece + (", " if k + 1 < len(pieces) else end)
        if len(line) + len(word) > 112:
            lines.append(line.rstrip())
            line = "    "
        line += word
    return "\n".join([*lines, line if pieces else line + end])


def _joined(code: str) -> str:
    """Every statement on one line: longer places must not make two layers different."""
    return re.sub(r"(?<![;{}])\n +", " ", code)


def _refilled(code: str) -> str:
    """Statements whose length has changed, in lines of readable width again."""
    return "\n".join(
        line
        for statement in _joined(code).split("\n")
        for line in textwrap.wrap(
            statement, 112, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
        )
    )


def _indented(code: str) -> str:
    return "\n".join("  " + line for line in code.split("\n"))
