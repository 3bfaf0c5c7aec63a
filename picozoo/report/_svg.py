"""Pieces of pictures: SVG elements, the memory map, PNG images. Text in, text out; nothing but the standard library."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable, Sequence
from html import escape
from math import ceil

from picozoo.report.data import Block, Report
from picozoo.report.figures import Peak, fullest_words, peak, size
from picozoo.specs import whole_name

SCRATCH = "(working memory)"  # how the planner labels memory that a layer needs only while it runs


def element(tag: str, content: str = "", **attributes: object) -> str:
    """One SVG or HTML element; `class_` is `class`, `a_b` is `a-b`. Attribute values are escaped, `content` is markup.

    Example:
        >>> element("rect", x=1, stroke_width=2)
        '<rect x="1" stroke-width="2"/>'
    """
    words = "".join(
        f' {k.rstrip("_").replace("_", "-")}="{escape(_number(v))}"' for k, v in attributes.items() if v is not None
    )
    return f"<{tag}{words}>{content}</{tag}>" if content else f"<{tag}{words}/>"


def _number(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def text(x: float, y: float, words: str, **attributes: object) -> str:
    """A line of text."""
    return element("text", escape(words), x=x, y=y, **attributes)


def title(words: str) -> str:
    """What shows when the pointer rests on an element."""
    return f"<title>{escape(words)}</title>"


def svg(width: float, height: float, content: str, label: str) -> str:
    """A picture of fixed size with words for those who cannot see it; it scrolls where the page is narrower."""
    return (
        '<div class="scroll">'
        + element(
            "svg",
            content,
            xmlns="http://www.w3.org/2000/svg",
            width=float(width),
            height=float(height),
            viewBox=f"0 0 {width:.0f} {height:.0f}",
            role="img",
            aria_label=label,
        )
        + "</div>"
    )


def png(values: Sequence[float], width: int, height: int) -> str:
    """Grey picture as a data address: the largest value is ink (black), the smallest paper (white).

    Example:
        >>> png([0.0, 1.0], 2, 1)[:22]
        'data:image/png;base64,'
    """
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    grey = bytes(255 - round((v - low) / span * 255) for v in values)
    rows = b"".join(b"\0" + grey[y * width : (y + 1) * width] for y in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(data).decode()


WIDTH, HEIGHT, LEFT, TOP, RIGHT = 918, 260, 50, 14, 92
MANY = 60  # steps from which on columns may be narrow


def memory_map(r: Report, function: str) -> str:
    """Working memory of one function over time: each block from its first step to its last, at its offset.

    The fullest step is framed, the blocks needed there have a darker edge. The dashed line is the largest sum of
    tensors alive at once, below which no plan of these tensors can go.
    """
    blocks = [b for b in r.memory if b.function == function]
    steps = ["call", *(whole_name(s) for s in r.steps.get(function, [])), "return"]
    top = max((b.offset + b.bytes for b in blocks), default=1)
    fits = (WIDTH - LEFT - RIGHT) / len(steps)
    column = min(max(18.0 if len(steps) <= MANY else 3.0, fits), 110.0)
    width = LEFT + column * len(steps) + RIGHT
    slant = any(len(s) * 7 > column for s in steps)
    each = ceil((22 if slant else 16) / column)  # only so many names have room
    below = 26 + (min(max(len(s) for s in steps), 22) * 3.8 if slant else 0)

    def y(offset: float) -> float:
        return TOP + HEIGHT * (1 - offset / top)

    parts = [
        element(
            "defs",
            element(
                "pattern",
                element("path", d="M0 6L6 0", stroke="var(--dim)", stroke_width=1.2),
                id=f"hatch-{_id(r, function)}",
                width=6,
                height=6,
                patternUnits="userSpaceOnUse",
            ),
        )
    ]
    parts += [_axis(y, top, width)]
    for k, step in enumerate(steps):
        if k % each and k + 1 < len(steps):
            continue
        x = LEFT + column * (k + 0.5)
        parts.append(
            element("line", x1=LEFT + column * k, y1=TOP, x2=LEFT + column * k, y2=TOP + HEIGHT, stroke="var(--soft)")
        )
        turn = f"rotate(-38 {x:.1f} {TOP + HEIGHT + 16})" if slant else None
        parts.append(
            text(
                x, TOP + HEIGHT + 16, _short(step), class_="s", text_anchor="end" if slant else "middle", transform=turn
            )
        )
    fullest = peak(r, function)
    colours = {name: k for k, name in enumerate(dict.fromkeys(whole_name(b.label) for b in blocks))}
    parts += [_block(r, function, b, colours[whole_name(b.label)], column, y, fullest) for b in blocks]
    parts.append(_frame(fullest, column, y))
    parts.append(_bound(r, top, y, width))
    return svg(
        width,
        TOP + HEIGHT + below,
        "".join(parts),
        f"Memory map of {function}: {size(top)} at most, {len(blocks)} blocks; {fullest_words(r, function)}",
    )


def _id(r: Report, function: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in f"{r.board}-{function}")


def _short(name: str, most: int = 22) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _axis(y: Callable[[float], float], top: int, width: float) -> str:
    parts = []
    for k in range(5):
        at = top * k / 4
        level = TOP + HEIGHT * (1 - k / 4)
        parts.append(element("line", x1=LEFT, y1=level, x2=width - RIGHT, y2=level, stroke="var(--line)"))
        parts.append(text(LEFT - 8, level + 4, f"{at:,.0f}", class_="t s", text_anchor="end"))
    return "".join(parts)


def _frame(fullest: Peak, column: float, y: Callable[[float], float]) -> str:
    """Round the column of the fullest step."""
    where = {"x": LEFT + column * fullest.step - 1, "width": column + 2, "y": y(fullest.top) - 3}
    words = title(f"Fullest step: {size(fullest.bytes)}")
    look = {"fill": "none", "stroke": "var(--warn)", "stroke_width": 1.8, "rx": 3}
    return element("rect", words, height=y(0) - y(fullest.top) + 6, **where, **look, pointer_events="none")


def _block(
    r: Report, function: str, b: Block, i: int, column: float, y: Callable[[float], float], fullest: Peak
) -> str:
    x, wide = LEFT + column * b.first + 1, column * (b.last - b.first + 1) - 2
    above, high = y(b.offset + b.bytes), max(y(b.offset) - y(b.offset + b.bytes), 1.0)
    scratch = SCRATCH in b.label
    fill = f"url(#hatch-{_id(r, function)})" if scratch else f"var(--b{i % 6})"
    words = f"{b.label}: {size(b.bytes)} at {b.offset:,}, needed from step {b.first} to step {b.last}"
    found = element(
        "rect",
        title(words),
        x=x,
        y=above,
        width=max(float(wide), 1.0),
        height=float(high),
        rx=min(3.0, high / 3),
        fill=fill,
        stroke="var(--ink)" if b in fullest.blocks else "var(--outline)",
        stroke_width=1.3 if b in fullest.blocks else 0.6,
        stroke_opacity=0.9 if b in fullest.blocks else 0.7,
    )
    name = whole_name(b.label.replace(SCRATCH, "").strip())
    if high >= 13 and wide >= 7 * len(name) + 6 and not scratch:
        detail = f"{name} · {size(b.bytes)}" if wide >= 7 * (len(name) + len(size(b.bytes)) + 3) else name
        found += text(
            x + wide / 2, above + high / 2 + 4, detail, text_anchor="middle", class_="s", pointer_events="none"
        )
    return found


def _bound(r: Report, top: int, y: Callable[[float], float], width: float) -> str:
    """Dashed line at what no plan can go below, in the map of the function that decides it."""
    alive = r.arena_bound
    if not alive or top < max(b.offset + b.bytes for b in r.memory):
        return ""
    level = y(alive)
    return (
        element(
            "line",
            title(f"No plan of these tensors can need less than {size(alive)}"),
            x1=LEFT,
            y1=level,
            x2=width - RIGHT,
            y2=level,
            stroke="var(--warn)",
            stroke_width=1.6,
            stroke_dasharray="6 4",
        )
        + text(width - RIGHT + 6, level + 4, "least possible", class_="s t")
        + text(width - RIGHT + 6, level + 18, size(alive), class_="s t")
    )
