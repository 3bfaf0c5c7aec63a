"""JSON changed so that it is still JSON: odd values, other types, parts lost, repeated, exchanged, nested deeply."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

INTS = (0, 1, -1, 2, 3, 7, 255, 65536, 2**31 - 1, -(2**31), 2**40, 2**62, -(2**63), 2**64, 10**30)
FLOATS = (0.0, -1.0, 0.5, 1e38, 1e308, float("nan"), float("inf"), float("-inf"))
# Names that lead elsewhere, that a terminal would obey, that no encoding has, that are long, that mean something.
TEXTS = ("", " ", "x", "0", "-1", "null", "../../etc/passwd", "/etc/passwd", "C:\\x", "a/b", ".", "..", "__class__",
         "%x", "é", "\x1b[31m", "\x00", "\ud800", "\n\n", "x" * 5000, "{0.__class__}", "%s%n")  # fmt: skip
MOST = 20_000  # lists and dictionaries looked at
Place = tuple[Any, Any]  # a list or dictionary, and an index or key of it


def places(tree: Any) -> Iterator[Place]:
    """Where something stands in a tree; not all of it where one part has been repeated and repeated again."""
    todo, left = [tree], MOST
    while todo and left > 0:
        here, left = todo.pop(), left - 1
        keys: Any = here if isinstance(here, dict) else range(len(here)) if isinstance(here, list) else ()
        for key in keys:
            yield here, key
            todo.append(here[key])


def odd(dice: random.Random, value: Any = None) -> Any:
    """A value that is not what was there; mostly of the same type."""
    kind = type(value) if dice.random() < 0.7 else dice.choice((int, float, str, bool, list, dict, type(None)))
    if kind is int:
        return dice.choice((*INTS, value + 1 if isinstance(value, int) else 5, dice.randrange(64)))
    if kind is float:
        return dice.choice(FLOATS)
    if kind is str:
        return dice.choice((*TEXTS, value[:-1] if isinstance(value, str) else "y"))
    return dice.choice(([], {}, True, False, None, [[]], [0], {"": 0}))


def twist(tree: Any, dice: random.Random) -> Any:
    """The tree with one thing in it changed; the tree itself is changed."""
    found = list(places(tree))
    if not found:
        return odd(dice, tree)
    here, key = dice.choice(found)
    how = dice.random()
    if how < 0.45:
        here[key] = odd(dice, here[key])
    elif how < 0.65:
        there, other = dice.choice(found)
        here[key] = copy.deepcopy(there[other])  # of another kind, or itself inside itself
    elif how < 0.75:
        there, other = dice.choice(found)
        there[other], here[key] = here[key], copy.deepcopy(there[other])
    elif how < 0.85:
        del here[key]
    elif how < 0.93:
        _again(here, key, dice)
    else:
        here[key] = nested(here[key], dice)
    return tree


def _again(here: Any, key: Any, dice: random.Random) -> None:
    """An entry once more: under another name, or many times."""
    if isinstance(here, list):
        here[key:key] = [here[key]] * dice.choice((1, 1, 1, 2, 1000))
    else:
        here[dice.choice((*TEXTS, f"{key}_", *map(str, here)))] = here[key]


def nested(value: Any, dice: random.Random) -> Any:
    """Lists in lists or dictionaries in dictionaries, up to where recursion ends."""
    inside = dice.random() < 0.5
    for _ in range(dice.choice((1, 2, 20, 300))):
        value = [value] if inside else {"content": value}
    return value


def text(tree: Any, dice: random.Random) -> bytes:
    """As JSON; now and then not quite: a key twice, more brackets than any parser takes, something behind it."""
    if dice.random() < 0.97:
        try:
            return json.dumps(tree).encode()
        except (ValueError, RecursionError):
            return b"[" * 500
    deep = dice.choice((900, 5000, 100_000))
    return dice.choice((b"[" * deep + b"]" * deep, b'{"a":' * deep, json.dumps(tree).encode() + b"x", b"1e999999", b""))
