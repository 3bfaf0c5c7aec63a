"""Put marks around the layers of a wasm module, so that its fuel can be split by layer.

Each layer function keeps its index but gets a new body that marks its start, calls the old body (which moves to the
end of the module) and marks its end. A mark is a call through a table of our own that the host fills, because an import
would renumber every function. No code is decoded or changed.
"""

from __future__ import annotations

from collections.abc import Mapping

from picozoo._link_wasm import Reader, imported_functions, sections

TYPE, IMPORT, FUNCTION, TABLE, EXPORT, CODE = 1, 2, 3, 4, 7, 10
TABLE_NAME = "pz_marks"
ENTRY_FUEL = 3  # two constants and the call of the mark, charged to what ran before
LAYER_FUEL = 5  # entering the new body, the call of the old one, the mark at its end; plus one per argument
ORDER = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11)


def instrument(module: bytes, layers: Mapping[int, int]) -> tuple[bytes, dict[int, int]]:
    """Add marks.

    Args:
        layers: function index -> layer number (0 ...). The table's one function gets the number at the start of that
            layer and -1 at its end.

    Returns:
        The new module, and layer number -> arguments of its function, which cost one unit of fuel each per call.

    Raises:
        BadFile: not a module that wasm-ld makes.
    """
    parts = {kind: content for kind, content in sections(module) if kind != 0}
    imported = imported_functions(parts[IMPORT]) if IMPORT in parts else 0
    types = _vector(parts[TYPE], _skip_type)
    functions = _vector(parts[FUNCTION], lambda r: r.number())
    bodies = _vector(parts[CODE], lambda r: r.take(r.number()))
    tables = _vector(parts.get(TABLE, b"\0"), _skip_table)
    mark = len(types)
    types.append(b"\x60\x01\x7f\x00")  # (i32) -> ()
    arguments: dict[int, int] = {}
    for index, layer in sorted(layers.items()):
        at = index - imported
        kind = Reader(functions[at]).number()
        arguments[layer] = Reader(types[kind][1:]).number()
        moved = imported + len(bodies)
        functions.append(functions[at])
        bodies.append(bodies[at])
        bodies[at] = _sized(_wrapper(layer, arguments[layer], moved, mark, len(tables)))
    exports = _vector(parts[EXPORT], _skip_export)
    exports.append(_sized(TABLE_NAME.encode()) + b"\x01" + _leb(len(tables)))
    tables.append(b"\x70\x00\x01")  # funcref, at least one
    parts |= {
        TYPE: _joined(types),
        FUNCTION: _joined(functions),
        CODE: _joined(bodies),
        TABLE: _joined(tables),
        EXPORT: _joined(exports),
    }
    body = b"".join(bytes([kind]) + _sized(parts[kind]) for kind in ORDER if kind in parts)
    return module[:8] + body, arguments


def _wrapper(layer: int, arguments: int, moved: int, mark: int, table: int) -> bytes:
    call_mark = b"\x41\x00\x11" + _leb(mark) + _leb(table)
    gets = b"".join(b"\x20" + _leb(i) for i in range(arguments))
    start = b"\x41" + _signed_leb(layer) + call_mark
    return b"\x00" + start + gets + b"\x10" + _leb(moved) + b"\x41\x7f" + call_mark + b"\x0b"


def _vector(section: bytes, skip: object) -> list[bytes]:
    """The items of a section as raw bytes; `skip(reader)` moves past one item."""
    assert callable(skip)
    reader, items = Reader(section), []
    for _ in range(reader.number()):
        start = reader.at
        skip(reader)
        items.append(section[start : reader.at])
    return items


def _skip_type(reader: Reader) -> None:
    reader.byte()
    reader.take(reader.number())
    reader.take(reader.number())


def _skip_table(reader: Reader) -> None:
    reader.byte()
    bounded = reader.byte() & 1
    reader.number()
    if bounded:
        reader.number()


def _skip_export(reader: Reader) -> None:
    reader.name()
    reader.byte()
    reader.number()


def _joined(items: list[bytes]) -> bytes:
    return _leb(len(items)) + b"".join(items)


def _sized(content: bytes) -> bytes:
    return _leb(len(content)) + content


def _leb(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        if not value:
            out.append(low)
            return bytes(out)
        out.append(low | 0x80)


def _signed_leb(value: int) -> bytes:
    out = bytearray()
    while True:
        low = value & 0x7F
        value >>= 7
        if (value == 0 and not low & 0x40) or (value == -1 and low & 0x40):
            out.append(low)
            return bytes(out)
        out.append(low | 0x80)
