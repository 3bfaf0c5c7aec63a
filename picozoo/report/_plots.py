"""Curves and points by Matplotlib, as SVG text in colours that stand for the page's own. Needs the extra `plots`."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from picozoo import pictures
from picozoo.report._shown import DIM, INK, LINE, SERIES

_MARKERS = "os^Dv*"


def draw(s: pictures.Curves | pictures.Points, salt: str) -> str:
    """The same picture gives the same text."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    look: Any = {
        "svg.fonttype": "none", "svg.hashsalt": salt, "text.parse_math": False, "font.size": 10,
        "font.family": "sans-serif", "text.color": INK, "axes.edgecolor": DIM, "axes.labelcolor": INK,
        "xtick.color": DIM, "ytick.color": DIM, "grid.color": LINE, "axes.spines.top": False,
        "axes.spines.right": False, "legend.frameon": False, "lines.linewidth": 1.8,
    }  # fmt: skip
    with mpl.rc_context(look):
        figure = Figure(figsize=(8.4, 3.4 if isinstance(s, pictures.Curves) else 4.8), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        axes.grid(True, linewidth=0.6)
        axes.set_axisbelow(True)
        if isinstance(s, pictures.Curves):
            _curves(axes, s)
        else:
            _points(axes, s)
        axes.set_xlabel(s.x_label)
        axes.set_ylabel(s.y_label)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return out.getvalue()


def _curves(axes: Any, s: pictures.Curves) -> None:
    for k, (name, y) in enumerate(s.lines.items()):
        axes.plot(s.x, y, label=name, color=SERIES[k % len(SERIES)])
    for at, words in s.marks:
        axes.axvline(at, color=DIM, linewidth=1, linestyle=":")
        axes.annotate(words, (at, 0.98), xycoords=("data", "axes fraction"), rotation=90, va="top", ha="right",
                      color=DIM, fontsize=8)  # fmt: skip
    if len(s.lines) > 1:
        axes.legend()


def _points(axes: Any, s: pictures.Points) -> None:
    if s.plane is not None:
        from matplotlib.colors import LinearSegmentedColormap

        colours = LinearSegmentedColormap.from_list("plane", [SERIES[k % len(SERIES)] for k in range(2)])
        if float(np.max(s.plane)) > 1:  # one number a class
            colours = LinearSegmentedColormap.from_list("plane", list(SERIES)[: int(np.max(s.plane)) + 1])
        axes.imshow(s.plane, origin="lower", extent=s.extent, aspect="auto", alpha=0.25, cmap=colours)
    for wire in s.wires:
        axes.plot(wire[:, 0], wire[:, 1], color=DIM, linewidth=1.0, zorder=2)
    for k, (name, group) in enumerate(s.groups.items()):
        at = np.asarray(group).reshape(-1, 2)
        axes.scatter(at[:, 0], at[:, 1], s=16, label=name, color=SERIES[k % len(SERIES)], alpha=0.75, zorder=3,
                     marker=_MARKERS[k % len(_MARKERS)], linewidths=0)  # fmt: skip
    if s.large is not None:
        at = np.asarray(s.large).reshape(-1, 2)
        axes.scatter(at[:, 0], at[:, 1], s=90, facecolors="none", edgecolors=INK, linewidths=1.4, zorder=4,
                     label=s.large_label or None)  # fmt: skip
    if s.extent:
        axes.set_xlim(s.extent[:2])
        axes.set_ylim(s.extent[2:])
    if len(s.groups) > 1 or s.large_label:
        axes.legend(loc="best")


__all__ = ["draw"]
