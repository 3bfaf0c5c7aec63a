"""One page a network, from its card and from the rows that bench/zoo.py measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from picozoo import find
from picozoo.report import _cells
from picozoo.report.figures import score, share
from picozoo.zoo._card import Card

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "results" / "zoo.jsonl"
MADE = "<!-- Made by tools/docs.py from picozoo/zoo and results/zoo.jsonl. Do not edit: run 'make docs'. -->\n\n"
PRECISION = {
    "int8": "int8 after training, or float32",
    "native": "integers of its own",
    "float32": "float32: it learns on the board in real numbers",
}
Row = dict[str, Any]


def zoo_pages() -> dict[str, str]:
    """Path below the repository -> text; the list of all networks, and one page each."""
    cards: list[Card] = [find.load("zoo", name, "network").CARD for name in find.names("zoo")]
    cards.sort(key=lambda card: (card.year, card.name))
    measured = rows()
    made = {f"docs/zoo/{card.name}.md": page(card, measured) for card in cards}
    drawn = {f"docs/zoo/{card.name}.svg": _cells.draw(card.cells, card.title) for card in cards if card.cells}
    return {"docs/zoo/README.md": overview(cards), **made, **drawn}


def rows() -> list[Row]:
    """Measured rows, one a network, size and board."""
    if not ROWS.is_file():
        return []
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines() if line]


def overview(cards: list[Card]) -> str:
    """docs/zoo/README.md."""
    lines = [MADE + "# The networks\n", "| network | year | what it does here | shown on |", "|---|---|---|---|"]
    lines += [f"| [{c.title}]({c.name}.md) | {c.year} | {c.task} | `{c.board[c.sizes[0]]}` |" for c in cards]
    return "\n".join(lines) + "\n"


def page(card: Card, measured: list[Row]) -> str:
    """docs/zoo/NAME.md."""
    text = (
        MADE + f"# {card.title}\n\n{card.task}\n\n    picozoo run {card.name} --board {card.board[card.sizes[0]]}\n\n"
    )
    if card.cells:
        text += f"![The cells and layers of the {card.title}]({card.name}.svg)\n\n"
    text += f"{card.authors}: {card.paper}.\n\n**What was new.** {card.introduced}\n\n"
    text += f"**Why it mattered.** {card.why_it_mattered}\n"
    if card.differs_from_paper:
        text += "\n**How this one differs from the paper.**\n\n" + "".join(f"- {d}\n" for d in card.differs_from_paper)
    text += "\n## Facts\n\n" + facts(card)
    mine = [row for row in measured if row["name"] == card.name]
    for size in card.sizes:
        text += results(card.at(size), size, [row for row in mine if row["size"] == size])
    if card.references:
        text += "\n## References\n\n" + "".join(f"- <{r}>\n" for r in card.references)
    return text


def facts(card: Card) -> str:
    """The card's plain facts."""
    figures = "; ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in card.results.items())
    kinds = [
        word
        for yes, word in ((card.streaming, "keeps state from call to call"), (card.learns, "learns on the board"))
        if yes
    ]
    lines = [
        f"family: {card.family}, {card.year}",
        f"functions: {', '.join(f'`{f}`' for f in card.functions)}" + (f" ({', '.join(kinds)})" if kinds else ""),
        f"data: {', '.join(card.data)} ({card.data_licence})",
        f"measured by: {card.metric_name}, {card.metric} ({card.metric_better} is better); to reach "
        f"{score(card.target, card.metric_unit)}",
        f"shipped artefact: {figures or 'no figures yet'}",
        f"precision: {PRECISION[card.precision]}",
        f"training: about {card.train_minutes:g} minutes on one core, `picozoo train {card.name}`",
    ]
    return "".join(f"- {line}\n" for line in lines)


def results(card: Card, size: str, found: list[Row]) -> str:
    """The measured table of one size."""
    name = card.name if size == "default" else f"{card.name}:{size}"
    text = f"\n## Measured: {name}\n\n"
    if not found:
        return text + "Not measured yet: `bench/zoo.py` does.\n"
    text += (
        f"Exact: {card.metric_name}, instructions, flash, RAM, stack. Predicted, with the model's range: time and energy. "
        f"{found[0]['samples']} held-out calls of `{found[0]['function']}` ({found[0]['data'] or 'one typical call'}).\n\n"
    )
    head = (
        "board",
        "precision",
        card.metric_name,
        "in float",
        "= reference",
        "instructions",
        "per MAC",
        "ms",
        "µJ",
        "flash: code + tables",
        "RAM: arena + state + stack",
    )
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_result(card, row)) + " |" for row in found]
    text += "\n".join(lines) + "\n"
    learning = [row for row in found if row.get("learning")]
    if learning:
        text += "\nLearning on the board:\n\n" + "".join(_learning(card, row) for row in learning)
    return text + _profile(found[0])


def _result(card: Card, row: Row) -> tuple[str, ...]:
    instructions = row["instructions"]
    counted = "–" if instructions is None or row["instructions_unit"] != "instructions" else f"{instructions:,.0f}"
    per_mac = "–" if counted == "–" or not row["macs"] else f"{instructions / row['macs']:.2f}"
    return (
        f"`{row['board']}`",
        row["precision"],
        score(row["accuracy"], card.metric_unit, 2),
        score(row["accuracy_float"], card.metric_unit, 2),
        share(row["agreement"], 2),
        counted,
        per_mac,
        _range(row, "ms"),
        _range(row, "uj"),
        f"{row['flash_code']:,} + {row['flash_const']:,}",
        f"{row['ram_arena']:,} + {row['ram_state']:,} + "
        + ("?" if row["ram_stack"] is None else f"{row['ram_stack']:,}"),
    )


def _range(row: Row, what: str) -> str:
    """The predicted figure and its range; an exact one alone."""
    value = row[f"{what}_predicted"]
    if value is None:
        return "–"
    low, high = row[f"{what}_low"], row[f"{what}_high"]
    return f"{value:.3g}" if low == high else f"{value:.3g} ({low:.3g} to {high:.3g})"


def _learning(card: Card, row: Row) -> str:
    made = row["learning"]
    steps = "" if made["instructions_per_step"] is None else f", {made['instructions_per_step']:,.0f} instructions each"
    begins, task = made.get("begins", "nothing"), f" of {made['task']}" if made.get("task") else ""
    before, after = (score(made[f"accuracy_{k}"], card.metric_unit, 2) for k in ("before", "after"))
    return (
        f"- `{row['board']}`, from {begins}: {made['samples']} examples{task}, {card.metric_name} from {before} to {after}"
        f"{steps}\n"
    )


def _profile(row: Row) -> str:
    """Layers of the first row."""
    text = f"\nLayers on `{row['board']}` ({row['compiler']}):\n\n| layer | operator | output | MACs | instructions |\n|---|---|---|---|---|\n"
    for v in row["layers"]:
        if v["function"] == row["function"]:
            shape = f"{v['out_dtype']}[{','.join(map(str, v['out_shape']))}]"
            run = "–" if v["instructions"] is None else f"{v['instructions']:,.0f}"
            text += f"| {v['name']} | `{v['op']}` | {shape} | {v['macs']:,} | {run} |\n"
    return text + f"\nMeasured at commit `{row['commit'][:12]}`.\n"
