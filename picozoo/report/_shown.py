"""What a network shows, as HTML: pictures as PNG, curves and points by Matplotlib as SVG.

Without Matplotlib (extra `plots`) curves and points are the blocks of the terminal, and a line says so.
"""

from __future__ import annotations

import base64
import io
import re
import struct
import wave
import zlib
from collections.abc import Callable, Sequence
from html import escape
from importlib.util import find_spec

import numpy as np

from picozoo import pictures
from picozoo.report.figures import three

# Colours that stand for the page's own, so that a plot follows the reader's light or dark setting.
INK, DIM, LINE = "#010203", "#010204", "#010205"
SERIES = ("#0b6e69", "#c8641b", "#8155a8", "#4d8f3c", "#b8324a", "#3a6fb5")
_PAGE = {INK: "var(--ink)", DIM: "var(--dim)", LINE: "var(--line)"}


def show(shown: Sequence[pictures.Shown]) -> str:
    """Everything, each with its caption."""
    parts = []
    for k, s in enumerate(shown):
        drawn = _DRAW[type(s)](s, k)
        parts.append(f'<figure class="shown"><figcaption>{escape(s.caption)}</figcaption>{drawn}</figure>')
    return "".join(parts)


def _images(s: pictures.Images, k: int) -> str:
    labels = s.labels or ("",) * len(s.tiles)
    largest = max(max(t.shape[:2]) for t in s.tiles)
    alone = 240 if largest <= 120 else 600  # a sheet of many small pictures
    room = alone if len(s.tiles) == 1 else min(140, max(84, 900 // (s.columns or len(s.tiles)) - 18))
    pixel = max(1, room // largest)
    cells = []
    for t, label in zip(s.tiles, labels, strict=True):
        source = png(colours(np.asarray(t, np.float64), s))
        size = f'width="{t.shape[1] * pixel}" height="{t.shape[0] * pixel}"'
        words = f"<br>{escape(label)}" if label else ""
        cells.append(f'<span><img src="{source}" {size} alt="{escape(label or s.caption)}">{words}</span>')
    grid = f' style="display:grid;grid-template-columns:repeat({s.columns},max-content)"' if s.columns else ""
    return f'<div class="scroll"><div class="strip"{grid}>{"".join(cells)}</div></div>'


def colours(tile: np.ndarray, s: pictures.Images) -> np.ndarray:
    """uint8 (H, W, 3): ink on white; signed, blue below zero and orange above."""
    if tile.ndim == 3:
        return _bytes(np.clip(tile, 0, 1) * 255)
    low, high = s.limits(tile)
    part = np.clip((tile - low) / (high - low), 0, 1)[..., None]
    if not s.signed:
        return _bytes((1 - part) * 235 + 20)
    far = np.abs(part - 0.5) * 2
    ink = np.where(part > 0.5, np.array([200, 90, 15]), np.array([25, 95, 175]))
    return _bytes(255 + (ink - 255) * far)


def _bytes(values: np.ndarray) -> np.ndarray:
    rgb: np.ndarray = np.round(values).astype(np.uint8)
    return np.broadcast_to(rgb, (*rgb.shape[:2], 3))


def png(rgb: np.ndarray) -> str:
    """A colour picture as a data address.

    Args:
        rgb: uint8 (H, W, 3).

    Example:
        >>> png(np.zeros((1, 2, 3), np.uint8))[:22]
        'data:image/png;base64,'
    """
    h, w, _ = rgb.shape
    rows = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(rgb))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(data).decode()


def _bars(s: pictures.Bars, k: int) -> str:
    values = np.asarray(s.values, np.float64)
    most = float(np.abs(values).max(initial=0)) or 1.0
    signed = bool((values < 0).any())
    rows = []
    for name, v in zip(s.names, values, strict=True):
        width = abs(v) / most * (50 if signed else 100)
        left = (50 - width if v < 0 else 50) if signed else 0
        colour = "--warn" if v < 0 else "--accent"
        bar = f'<div class="b" style="width:{width:.1f}%;margin-left:{left:.1f}%;background:var({colour})"></div>'
        rows.append(f'<span>{escape(name)}</span><div>{bar}</div><span class="r">{three(float(v))}</span>')
    unit = f'<p class="small dim">{escape(s.unit)}</p>' if s.unit else ""
    return f'<div class="bars three">{"".join(rows)}</div>{unit}'


def _table(s: pictures.Table, k: int) -> str:
    head = "".join(f"<th{' class=n' if j else ''}>{escape(v)}</th>" for j, v in enumerate(s.head))
    rows = "".join(
        "<tr>" + "".join(f"<td{' class=n' if j else ''}>{escape(v)}</td>" for j, v in enumerate(r)) + "</tr>"
        for r in s.rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _words(s: pictures.Words, k: int) -> str:
    return f"<pre>{escape(s.text)}</pre>"


def _sound(s: pictures.Sound, k: int) -> str:
    made = base64.b64encode(wav(s)).decode()
    return f'<audio controls src="data:audio/wav;base64,{made}"></audio>'


def wav(s: pictures.Sound) -> bytes:
    """A WAV file, 16 bits, one channel."""
    out = io.BytesIO()
    with wave.open(out, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(s.rate)
        f.writeframes(np.round(np.clip(s.samples, -1, 1) * 32767).astype("<i2").tobytes())
    return out.getvalue()


def _plot(s: pictures.Curves | pictures.Points, k: int) -> str:
    if find_spec("matplotlib") is None:
        return _in_blocks(s)
    from picozoo.report import _plots

    drawn = _plots.draw(s, f"shown{k}")
    for marker, colour in _PAGE.items():
        drawn = drawn.replace(marker, colour)
    drawn = re.sub(r'<g id="[^"]*">', "<g>", drawn[drawn.index("<svg") :])
    return f'<div class="scroll" role="img" aria-label="{escape(s.caption)}">{drawn}</div>'


def _in_blocks(s: pictures.Shown) -> str:
    from rich.console import Console

    from picozoo.report import _blocks

    console = Console(file=io.StringIO(), width=100, color_system=None)
    with console.capture() as seen:
        for part in _blocks._DRAW[type(s)](s, console):
            console.print(part, soft_wrap=True)
    hint = "<p class=\"small dim\">pip install 'picozoo[plots]' draws this as a picture.</p>"
    return f"<pre>{escape(seen.get())}</pre>{hint}"


_DRAW: dict[type, Callable[..., str]] = {
    pictures.Images: _images,
    pictures.Curves: _plot,
    pictures.Points: _plot,
    pictures.Bars: _bars,
    pictures.Table: _table,
    pictures.Words: _words,
    pictures.Sound: _sound,
}

__all__ = ["png", "show", "wav"]
