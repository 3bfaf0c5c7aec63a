"""The table of kernel forms: what each core calls for an operator that has more than one form."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from picozoo import find, ops
from picozoo.emit.c_model import emit
from picozoo.ir.verify import verify
from picozoo.passes import materialise
from picozoo.plan.arena import plan_program
from picozoo.specs import Core, Target

ROOT = Path(__file__).resolve().parent.parent


def chosen() -> list[str]:
    """Operators that look at what a core can do, in their own file or in the machinery that it imports."""
    return [name for name in ops.names() if any("features" in source for source in _sources(name))]


def _sources(name: str) -> list[str]:
    """An operator's file and the files of picozoo/ops that it needs and that are no operators."""
    folder, found, todo = ROOT / "picozoo" / "ops", dict[str, str](), [name]
    while todo:
        part = todo.pop()
        if part not in found:
            found[part] = (folder / f"{part}.py").read_text(encoding="utf-8")
            named = re.findall(r"^from picozoo\.ops(?:\.(_\w+))? import (.*)", found[part], re.M)
            todo += [p for module, names in named for p in ([module] if module else re.findall(r"\b_\w+", names))]
    return list(found.values())


def rows() -> list[tuple[str, ...]]:
    """(operator, kernel, cores that call it) for operators with more than one form, from their own test cases."""
    sys.path.insert(0, str(ROOT))
    from tests.ops.cases import build_program

    boards = [find.load("boards", name, "board").BOARD for name in find.names("boards")]
    cores: dict[str, Core] = {b.core.title: b.core for b in boards}
    targets: dict[Target, list[str]] = {}
    for title, core in sorted(cores.items()):
        targets.setdefault(core.target, []).append(title)
    found: list[tuple[str, ...]] = []
    for name in chosen():
        program, _ = build_program(name)
        users: dict[str, list[str]] = {}
        for target, titles in targets.items():
            ready = verify(materialise.run(verify(program), target), "materialise")
            text = emit(ready, plan_program(ready, target), target).files["cases.c"]
            for kernel in dict.fromkeys(re.findall(r"\b(pz_(?!shared)\w+)\(", text.split("/* ---- layers ---- */")[1])):
                users.setdefault(kernel, []).extend(titles)
        if any(len(set(t)) < len(cores) for t in users.values()):
            for kernel, titles in sorted(users.items()):
                who = sorted(set(titles))
                told = "all" if len(who) == len(cores) else ", ".join(who)
                found.append((f"`{name}`", f"`{kernel}`", told))
    return found
