"""Numbers as words, and the rows of every table: the terminal and report.html show the same ones.

Each figure says how it was obtained: "exact" (counted, or read from the linked image), "measured" (on the emulated
board), "predicted" (from a model, with its error), or "" (a fact of the network).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from picozoo.report.data import Block, LayerReport, Report
from picozoo.specs import whole_name

NONE = "–"


@dataclass(frozen=True)
class Figure:
    """One row: its label, how the number was obtained, the text for a report, and does it count more than others?"""

    label: str
    how: str
    text: Callable[[Report], str]
    strong: bool = False


def count(n: float | None) -> str:
    """A whole number with thousands separators.

    Example:
        >>> count(633882.4), count(None)
        ('633,882', '–')
    """
    return NONE if n is None else f"{n:,.0f}"


def size(n: float | None) -> str:
    """Bytes, exact.

    Example:
        >>> size(6976)
        '6,976 B'
    """
    return NONE if n is None else f"{n:,.0f} B"


def size_short(n: float | None) -> str:
    """Bytes in the unit that suits them, 1 KB = 1024 bytes.

    Example:
        >>> size_short(262144), size_short(1504), size_short(900)
        ('256 KB', '1.47 KB', '900 B')
    """
    if n is None:
        return NONE
    for factor, unit in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if n >= factor:
            return f"{three(n / factor)} {unit}"
    return f"{n:,.0f} B"


def three(x: float) -> str:
    """Three significant digits, without an exponent.

    Example:
        >>> three(14.566), three(0.012345), three(1234.5), three(256.0)
        ('14.6', '0.0123', '1,234', '256')
    """
    if x == 0:
        return "0"
    if abs(x) >= 100:
        return f"{x:,.0f}"
    text = f"{x:.3g}"
    if "e" in text:
        text = f"{x:.12f}".rstrip("0")
    return text


def share(x: float | None, digits: int = 1) -> str:
    """A share as a percentage; only a true 1 is shown as 100 %, only a true 0 as 0 %.

    Example:
        >>> share(0.995), share(1.0), share(0.99999), share(0.00001)
        ('99.5 %', '100 %', '99.9 %', '<0.1 %')
    """
    if x is None:
        return NONE
    if x == 1:
        return "100 %"
    most, least = 100 - 10.0**-digits, 10.0**-digits
    if 0 < x * 100 < least / 2:
        return f"<{least:g} %"
    return f"{min(x * 100, most) if x < 1 else x * 100:.{digits}f} %"


def score(x: float | None, unit: str, digits: int = 1) -> str:
    """A figure of a network's metric, in the unit of its card.

    `digits`: decimals of a percentage; a number that is no share has two significant ones more.

    Example:
        >>> score(0.995, "%"), score(11.7235, ""), score(0.77, ""), score(-101.13, "nats")
        ('99.5 %', '11.7', '0.770', '-101 nats')
    """
    if unit == "%" or x is None:
        return share(x, digits)
    number = f"{x:#.{digits + 2}g}".rstrip(".") if 0.001 <= abs(x) < 1000 else three(x)
    return f"{number} {unit}".rstrip()


def duration(ms: float | None) -> str:
    """Milliseconds in the unit that suits them.

    Example:
        >>> duration(14.566), duration(0.2351), duration(2150), duration(0.000234)
        ('14.6 ms', '235 µs', '2.15 s', '234 ns')
    """
    if ms is None:
        return NONE
    if ms >= 1000:
        return f"{three(ms / 1000)} s"
    if ms >= 1:
        return f"{three(ms)} ms"
    return f"{three(ms * 1e3)} µs" if ms >= 1e-3 or ms == 0 else f"{three(ms * 1e6)} ns"


def energy(uj: float | None) -> str:
    """Microjoules in the unit that suits them.

    Example:
        >>> energy(144.5), energy(0.0417), energy(2150.0)
        ('144 µJ', '41.7 nJ', '2.15 mJ')
    """
    if uj is None:
        return NONE
    if uj >= 1000:
        return f"{three(uj / 1000)} mJ"
    return f"{three(uj)} µJ" if uj >= 0.1 else f"{three(uj * 1000)} nJ"


def between(low: float | None, high: float | None, words: Callable[[float | None], str]) -> str:
    """A range; one value where both ends are the same.

    Example:
        >>> between(11.65, 18.21, duration)
        '11.7 ms to 18.2 ms'
    """
    if low is None or high is None:
        return NONE
    return words(low) if low == high else f"{words(low)} to {words(high)}"


def of_limit(used: int | None, limit: int | None) -> str:
    """How much of a board's memory is used.

    Example:
        >>> of_limit(71092, 1048576), of_limit(40000, 32768), of_limit(5, None)
        ('6.8 % of 1 MB', '7,232 B too many', 'no limit here')
    """
    if used is None:
        return NONE
    if limit is None:
        return "no limit here"
    if used > limit:
        return f"{used - limit:,} B too many"
    return f"{share(used / limit)} of {size_short(limit)}"


def per_mac(r: Report) -> str:
    """Instructions per multiply-accumulate."""
    if not r.macs or r.instructions is None:
        return NONE
    return f"{r.instructions / r.macs:.2f}"


def cycles_error(r: Report) -> str:
    """How far the cycle model may be off."""
    return "exact" if r.cycles_exact else f"±{r.cycles_error:.0%}"


def digits(r: Report) -> int:
    """Decimals that a share of so many calls deserves."""
    return 1 if r.samples < 2000 else 2


def equality(r: Report) -> str:
    """What "equal to the reference" means for this report."""
    real = r.precision == "float32" or (r.precision == "native" and any(v.out_dtype == "f32" for v in r.layers))
    return "within 0.0001" if real else "bit for bit"


def precision_words(r: Report) -> str:
    """The precision, and what "native" means here."""
    if r.precision != "native":
        return r.precision
    return "native integers" + ("" if equality(r) == "bit for bit" else ", float32 between")


def beside_float(r: Report) -> bool:
    """Is there a figure of the float form to show beside that of the board?"""
    return r.precision == "int8" and r.accuracy is not None and r.accuracy_float is not None


def _on_board(r: Report) -> str:
    return score(r.accuracy, r.metric_unit, digits(r))


def _in_float(r: Report) -> str:
    return score(r.accuracy_float, r.metric_unit, digits(r))


def output_noise(r: Report) -> str:
    """Of the last layer's output against float, on calibration data; the error is this much smaller than the output."""
    own = [v for v in r.quantisation if v.function == r.function]
    return "" if not own else "no loss" if own[-1].snr_db >= 200 else f"{own[-1].snr_db:.1f} dB"


def sections(reports: Sequence[Report]) -> list[tuple[str, list[Figure]]]:
    """The rows of the summary, by section; rows that say nothing for all these reports are left out."""
    name = reports[0].metric_name if reports else ""
    scored = any(r.accuracy is not None for r in reports)
    quantised = any(beside_float(r) for r in reports)
    answers = any(r.agreement_float is not None for r in reports)
    timed = any(r.cycles_predicted is not None for r in reports)
    exact = bool(reports) and all(r.cycles_exact for r in reports if r.cycles_predicted is not None)
    kind = "exact" if exact else "predicted"
    result = []
    if scored:
        result.append(Figure(f"{name} on the board", "measured", _on_board, strong=True))
    if quantised:
        result.append(Figure(f"{name} in float", "measured", _in_float, strong=True))
    if answers:
        result.append(Figure("same answer as float", "measured", lambda r: share(r.agreement_float, digits(r))))
    if any(r.quantisation for r in reports):
        result.append(Figure("signal to noise of the output", "measured", output_noise))
    result += [
        Figure("equal to the reference", "measured", lambda r: f"{share(r.agreement)}, {equality(r)}"),
        Figure("calls made", "", lambda r: count(r.samples)),
    ]
    flash = [
        Figure("code", "exact", lambda r: size(r.flash_code)),
        Figure("tables (weights)", "exact", lambda r: size(r.flash_const)),
        *(
            [Figure("initial values", "exact", lambda r: size(r.flash_data))]
            if any(r.flash_data for r in reports)
            else []
        ),
        Figure("total", "exact", lambda r: size(r.flash_total)),
        Figure("of what the board has", "", lambda r: of_limit(r.flash_total, r.flash_limit)),
    ]
    ram = [
        Figure("working memory", "exact", lambda r: size(r.ram_arena)),
        Figure("  least possible", "exact", lambda r: size(r.arena_bound)),
        *([Figure("kept state", "exact", lambda r: size(r.ram_state))] if any(r.ram_state for r in reports) else []),
        Figure("stack", "measured", lambda r: size(r.ram_stack)),
        Figure("total", "measured", lambda r: size(r.ram_total)),
        Figure("of what the board has", "", lambda r: of_limit(r.ram_total, r.ram_limit)),
    ]
    unit = {r.instructions_unit for r in reports}
    call = [
        *([Figure("multiply-accumulates", "exact", lambda r: count(r.macs))] if any(r.macs for r in reports) else []),
        Figure(
            "instructions" if unit != {"wasm fuel"} else "wasm fuel",
            "exact",
            lambda r: (
                count(r.instructions)
                + (" fuel" if r.instructions_unit == "wasm fuel" and unit != {"wasm fuel"} else "")
            ),
        ),
        *([Figure("  per multiply-accumulate", "exact", per_mac)] if any(r.macs for r in reports) else []),
    ]
    if timed:
        call += [
            Figure(
                "cycles",
                kind,
                lambda r: f"{count(r.cycles_predicted)} {cycles_error(r)}" if r.cycles_predicted is not None else NONE,
            ),
            Figure("time", kind, lambda r: duration(r.ms_predicted)),
            *([] if exact else [Figure("  between", kind, lambda r: between(r.ms_low, r.ms_high, duration))]),
        ]
    if any(r.uj_predicted is not None for r in reports):
        call += [
            Figure("energy", "predicted", lambda r: energy(r.uj_predicted)),
            Figure("  between", "predicted", lambda r: between(r.uj_low, r.uj_high, energy)),
        ]
    made = [
        Figure("precision", "", precision_words),
        Figure("run by", "", lambda r: r.emulator),
        Figure("compiled by", "", lambda r: r.compiler),
    ]
    if any(r.simplified for r in reports):
        made.insert(1, Figure("left out as proven", "", lambda r: "; ".join(r.simplified) or NONE))
    if any(r.bands for r in reports):
        made.insert(1, Figure("computed in bands of rows", "", lambda r: "; ".join(r.bands) or NONE))
    return [("Result", result), ("Flash", flash), ("RAM", ram), ("One call", call), ("Made with", made)]


@dataclass(frozen=True)
class Peak:
    """The fullest step of a function: 0 is the call. Bytes in use, the highest of them, and the blocks needed."""

    step: int
    bytes: int
    top: int
    blocks: tuple[Block, ...]


def peak(r: Report, function: str) -> Peak:
    """Where a function needs most; what lies over something else counts once."""
    blocks = [b for b in r.memory if b.function == function]
    found = Peak(0, 0, 0, ())
    for step in range(len(r.steps.get(function, [])) + 2):
        needed = sorted((b for b in blocks if b.first <= step <= b.last), key=lambda b: b.offset)
        used = end = 0
        for b in needed:
            used += max(0, b.offset + b.bytes - max(b.offset, end))
            end = max(end, b.offset + b.bytes)
        if used > found.bytes:
            found = Peak(step, used, end, tuple(needed))
    return found


def fullest_words(r: Report, function: str) -> str:
    """One sentence: the fullest step and what is needed there, the largest first."""
    found = peak(r, function)
    at = ["the call", *r.steps.get(function, []), "the return"][found.step]
    sizes: dict[str, int] = {}
    for b in found.blocks:
        sizes[whole_name(b.label)] = sizes.get(whole_name(b.label), 0) + b.bytes
    parts = sorted(sizes.items(), key=lambda v: -v[1])
    most = [f"{name} {size(n)}" for name, n in parts[:6]]
    rest = f", and {size(sum(n for _, n in parts[6:]))} more" if len(parts) > 6 else ""
    over = sum(sizes.values()) - found.bytes
    shared = f"; {size(over)} of these lie over others" if over else ""
    return f"fullest at {at} with {size(found.bytes)}: {', '.join(most)}{rest}{shared}"


def metric_words(r: Report) -> str:
    """What the metric is, and which way is good, "" where nothing was measured."""
    if r.accuracy is None or not r.metric:
        return ""
    return f"{r.metric_name}: {r.metric}" + ("; lower is better" if r.metric_better == "lower" else "")


def main_layers(r: Report) -> list[LayerReport]:
    """Layers of the main function, in order."""
    return [v for v in r.layers if v.function == r.function]


def shape_text(shape: Sequence[int]) -> str:
    """A shape as people write it.

    Example:
        >>> shape_text([1, 28, 28, 6]), shape_text([])
        ('1×28×28×6', 'one number')
    """
    return "×".join(map(str, shape)) if shape else "one number"


def learning_text(r: Report) -> str:
    """One sentence about what the network learnt on the board, "" if nothing."""
    v = r.learning
    if v is None:
        return ""
    cost = f"{count(v.instructions_per_step)} instructions" if v.instructions_per_step is not None else ""
    time = f"about {duration(v.ms_predicted)}" if v.ms_predicted is not None else ""
    each = " and ".join(t for t in (cost, time) if t)
    each = "; ".join(
        t
        for t in (
            f"{each} each" if each else "",
            f"{size(v.stack)} of stack" if v.stack is not None else "",
            f"{size(v.ram_state + v.ram_arena)} of RAM that only learning needs" if v.ram_state else "",
        )
        if t
    )
    task = f" of {v.task}" if v.task else ""
    before, after = (score(x, r.metric_unit) for x in (v.accuracy_before, v.accuracy_after))
    return (
        f"Learnt on the board from {v.begins}: {count(v.samples)} examples{task} took its {r.metric_name} "
        f"from {before} to {after}" + (f" ({each})." if each else ".")
    )
