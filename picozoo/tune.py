"""`--tune`: the form of each layer, and the compiler's -O, chosen by what the emulated board counts.

Every operator names the forms it has on a target (`Op.forms`); each of them, and every layer, can also be compiled for
size. Each candidate is built and run once for all layers together, then the best of each layer are put together, and of
everything that was run what is best as a whole is kept; so nothing becomes worse by the preference's measure:

    speed     fewest instructions; of equal ones, least flash
    size      least flash; of equal ones, fewest instructions
    balanced  least sum of instructions and flash, each as a share of what the network has untuned: a form that saves
              one percent of all instructions may cost one percent of all flash
    ram       as balanced, with the bytes of RAM as a third share, and never more of them than untuned

Counts are exact and the same on every machine, and so is the choice. It is kept in the user's cache, written into the C
(each layer's comment, and the head), and `--forms` takes it again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from picozoo import _cache, emulate
from picozoo.errors import PicozooError, Unsupported, UsageError
from picozoo.find import unknown
from picozoo.plan.arena import scratch_bytes
from picozoo.specs import whole_name

if TYPE_CHECKING:
    from picozoo.compiler import Firmware, Options
    from picozoo.emit.c_model import Layer
    from picozoo.network import Network
    from picozoo.specs import Board

KEEP = 500
HOW = ("small", "fast")  # how a layer is compiled
LEVELS = {
    "speed": ("-O3", "-O2"),
    "balanced": ("-O2", "-Os", "-O3"),
    "size": ("-Os", "-Oz"),
    "ram": ("-O2", "-Os", "-O3"),
}
Cost = tuple[float, float]  # instructions, bytes of flash


@dataclass(frozen=True)
class Tried:
    """What one choice of forms costs: in all, and layer by layer, all bands of one together.

    `ram` and `needs`: bytes of an instance, and the working memory of each layer.
    """

    forms: tuple[str, ...]
    total: Cost
    layers: dict[str, Cost]
    ram: int = 0
    needs: dict[str, int] = field(default_factory=dict)


def split(forms: Iterable[str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """(-O flag or "", (layer, form) pairs) of words such as "-O3" and "conv1=wide+small".

    Raises:
        UsageError: a word that is neither.

    Example:
        >>> split(("-O3", "conv1=wide+small"))
        ('-O3', (('conv1', 'wide+small'),))
    """
    opt, pairs = "", []
    for word in forms:
        layer, equals, form = word.rpartition("=")
        if word in ("-O1", "-O2", "-O3", "-Os", "-Oz"):
            opt = word
        elif equals and layer and form:
            pairs.append((layer, form))
        else:
            raise UsageError(f"a form is LAYER=FORM or -O1, -O2, -O3, -Os, -Oz, got {word!r}")
    return opt, tuple(pairs)


def check(layers: Sequence[Layer], pairs: Sequence[tuple[str, str]]) -> None:
    """Raise if a layer has no such form.

    Raises:
        UsageError: no layer of that name, or not that form.
    """
    known = _forms(layers)
    for name, form in pairs:
        if name not in known:
            raise UsageError(unknown("layer", name, list(known)))
        for word in form.split("+"):
            if word not in (*known[name], *HOW):
                raise UsageError(f"layer {name!r} has no form {word!r}; it has {', '.join((*known[name], *HOW))}")


def _forms(layers: Sequence[Layer]) -> dict[str, tuple[str, ...]]:
    """Forms of each layer; of one in bands those that all its bands have, whatever keeps rows between them."""
    found: dict[str, tuple[str, ...]] = {}
    for v in layers:
        name, _, band = v.name.partition("~")
        whole = whole_name(v.name)
        if name != v.name and not band.isdigit():
            continue
        found[whole] = tuple(f for f in found.get(whole, v.forms) if f in v.forms)
    return found


def tune(net: Network, board: Board, options: Options) -> Options:
    """The options with the best forms.

    Args:
        options: whose `tune` is set; what it names in `forms` is not kept.

    Raises:
        Unsupported: the board's instructions cannot be counted here.
    """
    base_options = dataclasses.replace(options, tune=False, forms=())
    base = _compiled(net, board, base_options)
    missing = emulate.available(board)
    if missing is not None or board.emulator == "host":
        reason = missing or "this machine does not count them"
        raise Unsupported(f"tuning counts instructions on {board.name}: {reason}")
    path = _cache.folder("tune") / _key(base)
    if path.is_dir():
        return dataclasses.replace(base_options, forms=tuple(json.loads((path / "forms.json").read_text())))
    best = _search(net, board, base_options, base)
    with _cache.staging(path) as temporary:
        (temporary / "forms.json").write_text(json.dumps(best.forms))
    _cache.prune(path.parent, KEEP)
    return dataclasses.replace(base_options, forms=best.forms)


def _search(net: Network, board: Board, options: Options, base: Firmware) -> Tried:
    first = _run(base, ())
    tried = [first]
    layers = _forms(base.model.layers)
    for opt in LEVELS[options.prefer]:
        mine: list[tuple[dict[str, str], Tried]] = []
        for variant in _variants(layers.values()):
            chosen = {name: variant for name, forms in layers.items() if variant and _takes(forms, variant)}
            if variant and not chosen:
                continue
            got = _try(net, board, options, opt, chosen)
            if got is not None:
                mine.append((chosen, got))
        tried += [got for _, got in mine]
        best: dict[str, str] = {}
        for name in layers:
            may = [m for m in mine if options.prefer != "ram" or m[1].needs[name] <= first.needs[name]]
            order = sorted(may, key=lambda m: _measure(m[1].layers[name], first.total, options.prefer))
            if order and (form := order[0][0].get(name)):
                best[name] = form
        together = _try(net, board, options, opt, best)
        tried += [together] if together is not None else []
    if options.prefer == "ram":
        return min((t for t in tried if t.ram <= first.ram), key=lambda t: _with_ram(t, first))
    return min(tried, key=lambda t: _measure(t.total, first.total, options.prefer))


def _variants(layers: Iterable[tuple[str, ...]]) -> list[str]:
    """Every form that some layer has, each also compiled for size and for speed; "" is the operators' own choice."""
    own = ["", *dict.fromkeys(form for forms in layers for form in forms)]
    return [*own, *("+".join(filter(None, (form, how))) for how in HOW for form in own)]


def _takes(forms: Sequence[str], variant: str) -> bool:
    return all(word in (*forms, *HOW) for word in variant.split("+"))


def _measure(cost: Cost, first: Cost, prefer: str) -> tuple[float, float]:
    """What the preference compares."""
    if prefer in ("balanced", "ram"):
        return cost[0] / max(first[0], 1) + cost[1] / max(first[1], 1), cost[0]
    return cost if prefer == "speed" else (cost[1], cost[0])


def _with_ram(t: Tried, first: Tried) -> tuple[float, float]:
    """What "ram" compares."""
    share, steps = _measure(t.total, first.total, "ram")
    return share + t.ram / max(first.ram, 1), steps


def _try(net: Network, board: Board, options: Options, opt: str, chosen: dict[str, str]) -> Tried | None:
    """None where it does not fit or cannot be built: then it is no choice."""
    forms = (opt, *(f"{name}={form}" for name, form in chosen.items()))
    try:
        return _run(_compiled(net, board, dataclasses.replace(options, forms=forms)), forms)
    except PicozooError:
        return None


def _compiled(net: Network, board: Board, options: Options) -> Firmware:
    from picozoo.compiler import compile_network  # which calls `tune`

    return compile_network(net, board, options)


def _run(fw: Firmware, forms: tuple[str, ...]) -> Tried:
    """One call of the main function, counted."""
    fw.check_fits()
    with fw.session(count=True) as session:
        session.call(fw.program.main.name, *_inputs(fw))
        counts = session.machine.counts()
    symbols = dict(fw.image.symbols)
    layers: dict[str, Cost] = {}
    for i, v in enumerate(fw.model.layers):
        count, symbol = counts.layers.get(str(i)), symbols.pop(v.symbol, None)  # once, if it does several bands
        steps, flash = layers.get(whole_name(v.name), (0.0, 0.0))
        cost = steps + (count.instructions or 0 if count else 0), flash + (symbol.size if symbol else 0) + v.tables
        layers[whole_name(v.name)] = cost
    total = float(counts.instructions or 0), float(fw.image.flash)
    return Tried(forms, total, layers, fw.model.context_bytes, _needs(fw))


def _needs(fw: Firmware) -> dict[str, int]:
    found: dict[str, int] = {}
    for f in fw.program.functions.values():
        for node in (n for n in f.nodes if n.op != "while_loop"):
            name, size = whole_name(node.name), scratch_bytes(fw.program, f, node, fw.model.target)
            found[name] = max(found.get(name, 0), size)
    return found


def _inputs(fw: Firmware) -> list[np.ndarray]:
    """The first calibration input, or zeros: how many instructions run hardly depends on it."""
    from picozoo.compiler import to_slot

    entry, c = fw.model.entries[fw.program.main.name], fw.network.calibration
    if c is None or c.function != entry.name:
        return [np.zeros(s.type.shape, s.type.numpy) for s in entry.inputs]
    given = [np.asarray(x[0], np.float32 if x.dtype.kind == "f" else x.dtype) for x in c.inputs]
    return [to_slot(x, s) for x, s in zip(given, entry.inputs, strict=True)]


def _key(base: Firmware) -> str:
    """Of the untuned C, the board, the options, and picozoo's own code."""
    digest = hashlib.sha256(json.dumps([base.model.files, base.board.name, repr(base.options)]).encode())
    package = Path(__file__).parent
    for path in sorted(p for p in package.rglob("*") if p.suffix in (".py", ".h", ".c", ".S")):
        facts = path.stat()
        digest.update(f"{path.relative_to(package)} {facts.st_size} {facts.st_mtime_ns}".encode())
    return digest.hexdigest()[:32]


__all__ = ["check", "split", "tune"]
