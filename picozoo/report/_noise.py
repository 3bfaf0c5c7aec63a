"""The part of report.html about quantisation: what each layer lost."""

from __future__ import annotations

from html import escape

from picozoo.report.data import Report

WORDS = (
    "Signal-to-noise ratio against float on calibration data, in decibels: more is better, 6 dB are one bit. "
    "'adds' is the layer by itself, given exact inputs, and 'mostly by' the rounding that costs it most. "
    "'picozoo quantise' tries what would help."
)


def rows(r: Report) -> str:
    """A table, the layers that add most error marked; "" where nothing was quantised."""
    if not r.quantisation:
        return ""
    worst = min(v.own_db for v in r.quantisation)
    body = "".join(
        f'<tr><td>{escape(v.name)}</td><td class="d">{escape(v.op)}</td><td>{escape(v.dtype)}</td>'
        f'<td class="n">{v.snr_db:.1f}</td><td class="n">{"<b>" if v.own_db == worst else ""}{v.own_db:.1f}'
        f"{'</b>' if v.own_db == worst else ''}</td><td>{escape(v.cause)}</td></tr>"
        for v in r.quantisation
    )
    head = "<tr><th>layer</th><th>operator</th><th>type</th><th>so far, dB</th><th>adds, dB</th><th>mostly by</th></tr>"
    return f"<table>{head}{body}</table>"
