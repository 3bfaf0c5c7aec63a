"""report.html: one file that needs nothing else to be viewed. Made from `Report` objects only."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isqrt, prod

from picozoo import pictures
from picozoo.report import _draw, _noise, _shown, _style, _svg
from picozoo.report.data import LayerReport, Report
from picozoo.report.figures import (
    NONE,
    beside_float,
    between,
    count,
    cycles_error,
    digits,
    duration,
    energy,
    fullest_words,
    learning_text,
    main_layers,
    metric_words,
    of_limit,
    per_mac,
    precision_words,
    score,
    sections,
    shape_text,
    share,
    size,
    size_short,
)

MOST_ROWS = 40  # layers in a profile


def page(reports: Sequence[Report], command: str = "") -> str:
    """The whole page.

    Args:
        reports: one per board, of one network.
        command: what gives the same figures again; "" leaves that part out.

    Returns:
        HTML without any address that would need a network.
    """
    first = reports[0]
    name = first.title or first.name
    boards = ", ".join(r.board_title or r.board for r in reports)
    shown = next((r.shown for r in reports if r.shown), [])
    body = [f"<header><h1>{escape(name)}</h1><p>{escape(_subtitle(reports))}</p></header>"]
    if shown:
        body.append(_section("What it does", _shown.show(pictures.from_plain(shown)), _shown_words(reports)))
    if len(reports) == 1:
        body.append(_board(first, alone=True))
    else:
        body += [_section("Side by side", _summary(reports)), _tabs(reports)]
    body += [_obtained(reports), _again(command)]
    body.append(
        f"<footer>Made by picozoo {escape(first.picozoo)}. Nothing on this page is fetched from anywhere.</footer>"
    )
    style = _style.CSS + _tab_rules(len(reports))
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(name)} on {escape(boards)}</title>"
    )
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{style}</style></head>\n<body><main>\n'
        + "\n".join(b for b in body if b)
        + "\n</main></body></html>\n"
    )


def fragment(reports: Sequence[Report]) -> str:
    """A small form for notebooks: the main figures of each board and where the instructions go."""
    first = reports[0]
    rows = [
        (escape(first.metric_name), [score(r.accuracy, r.metric_unit, digits(r)) for r in reports]),
        ("flash", [f"{size(r.flash_total)}" for r in reports]),
        ("RAM", [size(r.ram_total) for r in reports]),
        ("instructions", [count(r.instructions) for r in reports]),
        (
            "time" if first.cycles_exact else "time, predicted",
            [
                f"{duration(r.ms_predicted)} ({between(r.ms_low, r.ms_high, duration)})"
                if r.ms_predicted is not None
                else NONE
                for r in reports
            ],
        ),
        (
            "energy, predicted",
            [
                f"{energy(r.uj_predicted)} ({between(r.uj_low, r.uj_high, energy)})"
                if r.uj_predicted is not None
                else NONE
                for r in reports
            ],
        ),
    ]
    rows = [row for row in rows if any(cell != NONE for cell in row[1])]
    head = "".join(f"<th>{escape(r.board_title or r.board)}</th>" for r in reports)
    table = "".join(
        f'<tr><td class="d">{k}</td>' + "".join(f"<td>{escape(c)}</td>" for c in cells) + "</tr>" for k, cells in rows
    )
    return (
        f'<div class="picozoo"><style>{_style.FRAGMENT_CSS}</style><b>{escape(first.title or first.name)}</b> '
        f'<span class="d">{escape(precision_words(first))}</span><table><tr><th></th>{head}</tr>{table}</table>'
        f"{_mini(first)}</div>"
    )


def _mini(r: Report) -> str:
    layers = [v for v in main_layers(r) if v.instructions]
    most = max((v.instructions or 0 for v in layers), default=0)
    if not most:
        return ""
    rows = "".join(
        f'<tr><td>{escape(v.name)}</td><td class="d">{escape(v.op)}</td><td class="n">{count(v.instructions)}</td>'
        f'<td><span class="bar" style="width:{(v.instructions or 0) / most * 160:.0f}px"></span></td></tr>'
        for v in layers[:16]
    )
    return f"<table><tr><th>layer</th><th></th><th>{escape(r.instructions_unit)}</th><th></th></tr>{rows}</table>"


def _subtitle(reports: Sequence[Report]) -> str:
    first = reports[0]
    where = f"on {first.board_title or first.board}, {first.core}" if len(reports) == 1 else f"on {len(reports)} boards"
    data = f" · {count(first.samples)} calls on {first.data}"
    if first.accuracy is None:
        data = " · one typical call" + (f"; {first.data}" if first.data else "")
    return f"{where} · {', '.join(dict.fromkeys(map(precision_words, reports)))}{data}"


def _shown_words(reports: Sequence[Report]) -> str:
    board = next(r.board_title or r.board for r in reports if r.shown)
    return f"Computed on the emulated {escape(board)}, but for what the captions say otherwise."


def _section(name: str, content: str, intro: str = "") -> str:
    if not content:
        return ""
    words = f'<p class="dim small">{intro}</p>' if intro else ""
    return f"<section><h2>{escape(name)}</h2>{words}{content}</section>"


def _board(r: Report, alone: bool) -> str:
    """Everything about one board."""
    parts = [
        _tiles(r),
        _section(
            "The network",
            _draw.network(r),
            f"Function {escape(r.function)}, layer by layer, with the shape each one gives.",
        ),
        _section("Where the instructions go", _profile(r), _profile_words(r)),
        _section(
            "Working memory over time",
            _memory(r),
            "Each block is a tensor, from the step that makes it to the last one that reads it, at its place in "
            "memory; hatched blocks are needed only while their layer runs; the fullest step is framed; the dashed "
            "line is the largest set of tensors alive at once. Rest the pointer on a block for its size.",
        ),
        _section("Flash and RAM", _limits(r)),
        _section("What each layer lost to int8", _noise.rows(r), _noise.WORDS),
        _section("Learning on the board", _learning(r)),
        _section("What it got wrong", _wrong(r), _wrong_words(r)),
        _section("All figures", _summary([r])) if alone else "",
    ]
    return "\n".join(p for p in parts if p)


def _tabs(reports: Sequence[Report]) -> str:
    heads = "".join(
        f'<input type="radio" name="board" id="tab{i}"{" checked" if i == 0 else ""}>'
        f'<label for="tab{i}">{escape(r.board_title or r.board)}</label>'
        for i, r in enumerate(reports)
    )
    bodies = "".join(
        f'<article class="tab{i}"><h2 class="board">{escape(r.board_title or r.board)}</h2>'
        f"{_board(r, alone=False)}</article>"
        for i, r in enumerate(reports)
    )
    return f'<div class="boards">{heads}{bodies}</div>'


def _tab_rules(n: int) -> str:
    """Which panel shows, without a script."""
    return "".join(f"#tab{i}:checked~article.tab{i}{{display:block}}" for i in range(n)) if n > 1 else ""


def _tiles(r: Report) -> str:
    """The figures that most readers come for."""
    exact = "exact" if r.cycles_exact else "predicted"
    tiles = [
        (
            r.metric_name,
            score(r.accuracy, r.metric_unit, digits(r)),
            _metric_note(r),
        )
        if r.accuracy is not None
        else None,
        (
            "time per call",
            duration(r.ms_predicted),
            exact if r.cycles_exact else f"predicted, {between(r.ms_low, r.ms_high, duration)}",
        )
        if r.ms_predicted is not None
        else None,
        ("energy per call", energy(r.uj_predicted), f"predicted, {between(r.uj_low, r.uj_high, energy)}")
        if r.uj_predicted is not None
        else None,
        ("flash", size_short(r.flash_total), _exactly(r.flash_total) + of_limit(r.flash_total, r.flash_limit)),
        ("RAM", size_short(r.ram_total), _exactly(r.ram_total) + of_limit(r.ram_total, r.ram_limit)),
        (
            r.instructions_unit,
            count(r.instructions),
            f"exact, {per_mac(r)} per multiply-accumulate" if r.macs else "exact",
        )
        if r.instructions is not None
        else None,
    ]
    return (
        '<div class="tiles">'
        + "".join(
            f'<div><span class="name">{escape(k)}</span><b>{escape(v)}</b><span>{escape(note)}</span></div>'
            for k, v, note in (t for t in tiles if t)
        )
        + "</div>"
    )


def _metric_note(r: Report) -> str:
    """What stands below the metric: the figure in float, what it is if its name does not say so, which way is good."""
    parts = [f"in float: {score(r.accuracy_float, r.metric_unit, digits(r))}"] if beside_float(r) else []
    if not parts or r.metric_name != "accuracy":
        parts.append(r.metric)
    if r.metric_better == "lower":
        parts.append("lower is better")
    return "; ".join(parts)


def _exactly(n: int | None) -> str:
    """The bytes behind a rounded figure."""
    return f"{size(n)}, " if n is not None and n >= 1024 else ""


def _summary(reports: Sequence[Report]) -> str:
    """All figures, boards in columns; on a single board with how each one was obtained."""
    single = len(reports) == 1
    rows = []
    for name, figures in sections(reports):
        rows.append(f'<tr class="head"><th colspan="{len(reports) + 1 + single}">{escape(name)}</th></tr>')
        for f in figures:
            how = f' <span class="how {f.how}">{f.how}</span>' if f.how == "predicted" and not single else ""
            cells = "".join(f'<td class="n">{escape(f.text(r))}</td>' for r in reports)
            last = f'<td class="how {f.how}">{f.how}</td>' if single else ""
            rows.append(
                f"<tr><td{' class=sub' if f.label.startswith(' ') else ''}>"
                f"{escape(f.label.strip())}{how}</td>{cells}{last}</tr>"
            )
    head = "".join(
        f'<th class="n">{escape(r.board_title or r.board)}<br><span class="dim small">{escape(r.core)}</span></th>'
        for r in reports
    )
    words = metric_words(reports[0])
    metric = f'<p class="dim small">{escape(words[0].upper() + words[1:])}.</p>' if words else ""
    top = f"<thead><tr><th></th>{head}{'<th></th>' if single else ''}</tr></thead>"
    return f'{metric}<div class="scroll"><table>{top}<tbody>{"".join(rows)}</tbody></table></div>'


def _profile_words(r: Report) -> str:
    unit = (
        "Fuel, the emulator's count of WebAssembly operations"
        if r.instructions_unit == "wasm fuel"
        else "Instructions, counted exactly"
    )
    time = (
        ""
        if all(v.ms_predicted is None for v in main_layers(r))
        else " The thin bar is time, " + ("exact." if r.cycles_exact else f"predicted ({cycles_error(r)}).")
    )
    calls = f"mean of {count(r.samples)} calls" if r.samples > 1 else "of one call"
    return f"{unit}, {calls}.{time}"


def _profile(r: Report) -> str:
    layers = main_layers(r)
    if all(v.instructions is None for v in layers):
        return ""
    total = sum(v.instructions or 0 for v in layers) or 1.0
    most = max(v.instructions or 0 for v in layers) or 1.0
    slowest = max((v.ms_predicted or 0 for v in layers), default=0) or 1.0
    cells = [
        f'<span class="h">layer</span><span class="h"></span><span class="h r">{escape(r.instructions_unit)}</span>'
        '<span class="h r">share</span><span class="h r x">time</span>'
    ]
    for v in layers[:MOST_ROWS]:
        cells.append(_bar(v, total, most, slowest, r.cycles_exact))
    more = f'<p class="small dim">… and {len(layers) - MOST_ROWS} more layers.</p>' if len(layers) > MOST_ROWS else ""
    return f'<div class="bars">{"".join(cells)}</div>{more}'


def _bar(v: LayerReport, total: float, most: float, slowest: float, exact: bool) -> str:
    n = v.instructions or 0
    where = f", {escape(v.source)}" if v.source else ""
    thin = (
        f'<div class="p{"" if exact else " m"}" style="width:{v.ms_predicted / slowest * 100:.1f}%"></div>'
        if v.ms_predicted is not None
        else ""
    )
    return (
        f"<span>{escape(v.name)}<small>{escape(v.op)} {escape(shape_text(v.out_shape))}</small></span>"
        f'<div title="{escape(v.name)}: {count(n)}{where}">'
        f'<div class="b" style="width:{n / most * 100:.1f}%"></div>{thin}</div>'
        f'<span class="r">{count(v.instructions)}</span><span class="r">{escape(share(n / total, 0))}</span>'
        f'<span class="r x">{duration(v.ms_predicted)}</span>'
    )


def _memory(r: Report) -> str:
    parts = []
    for name in sorted(r.steps, key=lambda n: n != r.function):
        if any(b.function == name for b in r.memory):
            words = fullest_words(r, name)
            picture = f'{_svg.memory_map(r, name)}<p class="small">{escape(words[0].upper() + words[1:])}.</p>'
            parts.append(
                picture if name == r.function else f"<details><summary>{escape(name)}</summary>{picture}</details>"
            )
    return "".join(parts)


def _limits(r: Report) -> str:
    flash = [
        ("code", r.flash_code, "--b1"),
        ("tables (weights)", r.flash_const, "--b0"),
        ("initial values", r.flash_data, "--b2"),
    ]
    ram = [
        ("working memory", r.ram_arena, "--b0"),
        ("kept state", r.ram_state, "--b3"),
        ("stack", r.ram_stack or 0, "--b2"),
    ]
    return _use("Flash", flash, r.flash_limit) + _use("RAM", ram, r.ram_limit)


def _use(name: str, parts: Sequence[tuple[str, int, str]], limit: int | None) -> str:
    """What it is made of, and below how much of the board that is."""
    used = sum(n for _, n, _ in parts)
    made = "".join(
        f'<i style="width:{n / max(used, 1) * 100:.2f}%;background:var({c})" title="{escape(k)}: {size(n)}"></i>'
        for k, n, c in parts
        if n
    )
    key = "".join(f'<span><i style="background:var({c})"></i>{escape(k)} {size(n)}</span>' for k, n, c in parts if n)
    whole = ""
    if limit is not None:
        color = "--warn" if used > limit else "--accent"
        filled = f'<i style="width:{min(used / limit, 1) * 100:.2f}%;background:var({color})"></i>'
        whole = f'<div class="stack thin">{filled}</div><p class="small dim">{escape(of_limit(used, limit))}</p>'
    return f'<h3>{name}: {size(used)}</h3><div class="stack">{made}</div><div class="key">{key}</div>{whole}'


def _learning(r: Report) -> str:
    v = r.learning
    if v is None:
        return ""
    whole = 1.0 if r.metric_unit == "%" else max(v.accuracy_before, v.accuracy_after, 1e-9)
    rows = "".join(
        f'<span>{k}</span><div><div class="b" style="width:{max(x, 0) / whole * 100:.1f}%"></div></div>'
        f'<span class="r">{escape(score(x, r.metric_unit))}</span><span></span><span class="x"></span>'
        for k, x in (("before", v.accuracy_before), ("after", v.accuracy_after))
    )
    return f'<p>{escape(learning_text(r))}</p><div class="bars">{rows}</div>'


def picture_size(shape: Sequence[int]) -> tuple[int, int] | None:
    """Width and height if a shape can be shown as a picture, else None.

    Example:
        >>> picture_size([1, 1, 28, 28]), picture_size([400]), picture_size([1, 3])
        ((28, 28), (20, 20), None)
    """
    wide = [n for n in shape if n > 1]
    if len(wide) == 2 and min(wide) >= 5:
        return wide[1], wide[0]
    n = prod(shape)
    if len(wide) == 1 and n >= 64 and isqrt(n) ** 2 == n:
        return isqrt(n), isqrt(n)
    return None


def _wrong(r: Report) -> str:
    shown = []
    for m in r.mistakes:
        words = f"{escape(str(m['expected']))} read as <b>{escape(str(m['got']))}</b>"
        at = picture_size(m.get("shape", []))
        if at and len(m.get("input", ())) == at[0] * at[1]:
            source = _svg.png(m["input"], *at)
            shown.append(
                f'<figure><img src="{source}" alt="call {m["index"]}" title="call {m["index"]}"><br>{words}</figure>'
            )
        else:
            shown.append(f'<figure><span class="dim">call {escape(str(m["index"]))}</span><br>{words}</figure>')
    return f'<div class="wrong">{"".join(shown)}</div>' if shown else ""


def _wrong_words(r: Report) -> str:
    if r.accuracy is None:
        return ""
    wrong = round((1 - r.accuracy) * r.samples)
    first = f", the first {len(r.mistakes)} of them here" if wrong > len(r.mistakes) else ""
    return f"{wrong} of {count(r.samples)} calls{first}: what was right, and what the board said."


def _obtained(reports: Sequence[Report]) -> str:
    """How every kind of number came about."""
    first = reports[0]
    emulators = ", ".join(dict.fromkeys(r.emulator for r in reports))
    rows = [
        (
            f"{first.metric_name}, agreement" if first.accuracy is not None else "agreement",
            "measured",
            f"Each call was made on the emulated board ({emulators}), and its outputs compared with the reference "
            "interpreter's" + (" (bits) and with the float network's decision." if first.precision == "int8" else "."),
        ),
        (
            "instructions",
            "exact",
            "Every basic block that the emulated core ran was counted, and its instructions read from the image.",
        ),
        (
            "flash",
            "exact",
            f"Section sizes of the linked image ({first.compiler}); start-up code and the test monitor left out.",
        ),
        (
            "RAM",
            "exact",
            "The memory plan, proved free of overlaps by a second program; the stack was painted before the calls and "
            "looked at after them (measured).",
        ),
    ]
    costs: dict[str, list[str]] = {}
    for r in reports:
        if r.cost_source:
            costs.setdefault(f"{cycles_error(r)}. {r.cost_source}", []).append(r.board_title or r.board)
    for source, boards in costs.items():
        rows.append(
            (
                "cycles, time, energy" + (f" ({', '.join(boards)})" if len(reports) > 1 else ""),
                "exact" if source.startswith("exact") else "predicted",
                source,
            )
        )
    if any(r.cycles_predicted is None for r in reports):
        without = ", ".join(r.board_title or r.board for r in reports if r.cycles_predicted is None)
        rows.append((f"time on {without}", "", "Not given: there is no model of its cycles, or no fixed clock."))
    table = "".join(
        f'<tr><td>{escape(k)}</td><td class="how {how}">{how}</td><td class="small">{escape(v)}</td></tr>'
        for k, how, v in rows
    )
    return _section("How each number was obtained", f"<table><tbody>{table}</tbody></table>")


def _again(command: str) -> str:
    return _section("The same again", f"<pre><code>{escape(command)}</code></pre>") if command else ""
