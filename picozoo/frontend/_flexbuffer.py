"""Reads the options of TFLite's custom operators: a FlexBuffer that holds a map of names to numbers.

The last byte says how wide the root value is, the one before it what it is. A map is a vector of values with their
types behind them, and before them its length, the width of its keys and where they lie. Offsets count backwards from
where they stand. Every byte is looked up through `_Reader.number`, which refuses what lies outside; nothing is followed
twice, so that the work is bounded by the number of keys.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from picozoo.errors import BadFile

Value = int | float | bool | str | None
MAX_KEYS = 64
_NULL, _INT, _UINT, _FLOAT, _KEY, _STRING, _MAP, _BOOL = 0, 1, 2, 3, 4, 5, 9, 26
_INDIRECT = {6: _INT, 7: _UINT, 8: _FLOAT}
_CODES = {_INT: "bhiq", _UINT: "BHIQ", _BOOL: "BHIQ", _FLOAT: "\0efd"}


class _Reader(NamedTuple):
    data: bytes

    def number(self, at: int, width: int, kind: int) -> int | float:
        """A number of `width` bytes."""
        code = _CODES[kind][(1, 2, 4, 8).index(width)]
        if code == "\0" or not 0 <= at <= len(self.data) - width:
            raise BadFile(f"its options point to byte {at} of {len(self.data)}")
        found: int | float = struct.unpack_from("<" + code, self.data, at)[0]
        return found

    def whole(self, at: int, width: int) -> int:
        """A length or an offset."""
        return int(self.number(at, width, _UINT))

    def text(self, at: int, length: int | None = None) -> str:
        """A string: up to a zero byte, or of `length` bytes."""
        end = self.data.find(b"\0", at) if length is None else at + length
        if at < 0 or end < at or end > len(self.data):
            raise BadFile(f"a name in its options begins at byte {at} and does not end")
        return self.data[at : min(end, at + 200)].decode("utf-8", "replace")

    def value(self, at: int, width: int, packed: int) -> Value:
        """The value in a slot of `width` bytes; None for what is no number and no text."""
        kind = packed >> 2
        if kind in _INDIRECT:
            at -= self.whole(at, width)
            kind, width = _INDIRECT[kind], 1 << (packed & 3)
        if kind == _BOOL:
            return bool(self.number(at, width, _BOOL))
        if kind in (_INT, _UINT, _FLOAT):
            return self.number(at, width, kind)
        if kind in (_KEY, _STRING):
            begin = at - self.whole(at, width)
            size = 1 << (packed & 3)
            return self.text(begin, self.whole(begin - size, size) if kind == _STRING else None)
        return None


def read_map(data: bytes) -> dict[str, Value]:
    """Names and values of the map that a FlexBuffer holds; empty for an empty buffer.

    Raises:
        BadFile: it is damaged, or no map.

    Example:
        >>> read_map(bytes([107, 0, 1, 3, 1, 1, 1, 5, 4, 2, 36, 1]))
        {'k': 5}
    """
    if not data:
        return {}
    file = _Reader(data)
    if len(data) < 3 or data[-1] not in (1, 2, 4, 8) or data[-2] >> 2 != _MAP:
        raise BadFile("its options are not a map")
    at, width = len(data) - 2 - data[-1], 1 << (data[-2] & 3)
    at -= file.whole(at, data[-1])
    count, key_width = file.whole(at - width, width), file.whole(at - 2 * width, width)
    if count > MAX_KEYS or key_width not in (1, 2, 4, 8):
        raise BadFile(f"its options have {count} names of width {key_width}; {MAX_KEYS} names are the most")
    keys = at - 3 * width - file.whole(at - 3 * width, width)
    found: dict[str, Value] = {}
    for k in range(count):
        slot = keys + k * key_width
        kind = int(file.number(at + count * width + k, 1, _UINT))
        found[file.text(slot - file.whole(slot, key_width))] = file.value(at + k * width, width, kind)
    return found
