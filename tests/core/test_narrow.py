"""Weights of few bits: the levels, the rewritten program, and the C against the interpreter."""

from __future__ import annotations

import numpy as np
import pytest

from picozoo import compile as compile_network
from picozoo import emulate
from picozoo.compiler import Options, from_slot, to_slot
from picozoo.compress import narrow
from picozoo.compress.levels import NAMES, fit
from picozoo.errors import Unsupported, UsageError
from picozoo.ir.interp import Interpreter
from picozoo.ops._narrow import factors, groups_of
from picozoo.zoo import lenet5


def error(w: np.ndarray, made: tuple[np.ndarray, np.ndarray], x: np.ndarray) -> float:
    """Mean square of what changes in the outputs, beyond their mean."""
    d = (w - made[0][:, None] * made[1]) @ x.T
    return float(((d - d.mean(1, keepdims=True)) ** 2).mean())


@pytest.mark.parametrize("kind", ["int4", "int2", "ternary"])
def test_calibrated_levels_beat_rounding(kind: str) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 6)) @ rng.normal(size=(6, 40)) + 0.1 * rng.normal(size=(500, 40))
    w, levels = rng.normal(size=(8, 40)), NAMES[kind]
    made, plain = fit(w, levels, np.cov(x.T)), fit(w, levels)
    for scale, q in (made, plain):
        assert q.min() >= levels.low and q.max() <= levels.high and (scale > 0).all()
    top = np.abs(w).max(1) / max(-levels.low, levels.high)
    naive = (top, levels.nearest(w / top[:, None]))
    assert error(w, made, x) < 0.5 * min(error(w, plain, x), error(w, naive, x))


def test_levels_that_are_enough_are_exact() -> None:
    q = np.random.default_rng(2).integers(-1, 2, (5, 30)).astype(float)
    q[:, :2] = (1, -1)
    scale, found = fit(q * 0.25, NAMES["ternary"], np.eye(30))
    assert np.array_equal(found, q) and np.allclose(scale, 0.25)


def test_zero_channel_and_constant_input() -> None:
    w = np.array([[0.0, 0.0, 0.0], [1.0, -2.0, 0.5]])
    scale, q = fit(w, NAMES["int4"], np.diag([0.0, 1.0, 2.0]))
    assert not q[0].any() and (scale > 0).all() and np.isfinite(scale).all()


def test_groups_have_whole_factors_and_less_error() -> None:
    rng = np.random.default_rng(3)
    group = np.arange(64) // 16
    w = rng.normal(size=(5, 64)) * np.array([1.0, 0.2, 0.5, 0.1])[group]
    cov = np.cov(rng.normal(size=(300, 64)) @ rng.normal(size=(64, 64)), rowvar=False)
    for name in ("int4", "int2", "ternary"):
        levels, errors = NAMES[name], []
        for g in (None, group):
            scale, q = fit(w, levels, cov, g)
            d = w - scale[:, None] * q
            errors.append(((d @ cov) * d).sum())
        times, rest = factors(q.astype(np.int8), group, levels.bits)
        assert np.array_equal(times[:, group] * rest.astype(int), q)
        assert times.min() >= 1 and times.max() <= levels.most
        assert errors[1] < 0.8 * errors[0]


def test_groups_that_are_none() -> None:
    assert groups_of((4, 16), 16) is None and groups_of((4, 17), 0) is None
    assert groups_of((4, 5, 5, 1), 16) is None  # rows of five values
    with pytest.raises(Unsupported, match="times a factor"):
        factors(np.array([[7, 9, 1]], np.int8), np.zeros(3, int), 4)


@pytest.mark.parametrize("weights", [("int4",), ("int2", "int4/16:c3"), ("ternary/32", "int8:out")])
@pytest.mark.parametrize("board", ["host", "nucleo_l4r5zi", "pico"])
def test_c_equals_interpreter(weights: tuple[str, ...], board: str) -> None:
    fw = compile_network("lenet5", board=board, weights=weights)
    if reason := emulate.available(fw.board):
        pytest.skip(reason)
    entry, reference = fw.model.entries["forward"], Interpreter(fw.program)
    x, _ = lenet5.inputs("test", limit=3)
    with fw.session() as session:
        for digit in x:
            raw = to_slot(digit, entry.inputs[0])
            assert np.array_equal(session.call("forward", raw)[0], reference.call("forward", raw)[0])


def test_flash_shrinks_and_digits_are_still_read() -> None:
    x, y = lenet5.inputs("test", limit=200)
    flash, right = {}, {}
    for name in ("int8", "int4", "int2"):
        fw = compile_network("lenet5", board="pico", weights=name)
        flash[name] = fw.model.const_bytes
        reference, entry = Interpreter(fw.program), fw.model.entries["forward"]
        outs = [from_slot(reference.call("forward", to_slot(v, entry.inputs[0]))[0], entry.outputs[0]) for v in x]
        right[name] = lenet5.metric(np.stack(outs), y)
    assert flash["int4"] < 0.55 * flash["int8"] and flash["int2"] < 0.33 * flash["int8"]
    assert right["int4"] >= right["int8"] - 0.01 and right["int2"] >= right["int8"] - 0.03


def test_the_same_again_comes_from_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    first = compile_network("lenet5", board="host", weights="int4:f6").model.files
    monkeypatch.setattr(narrow, "fit", lambda *_: pytest.fail("it was computed again"))
    assert compile_network("lenet5", board="host", weights="int4:f6").model.files == first


def test_what_cannot_be() -> None:
    with pytest.raises(UsageError, match="weights are int8, int4, int2, ternary"):
        compile_network("lenet5", board="host", weights="int3")
    for word in ("int4/17", "int8/16", "int4/"):
        with pytest.raises(UsageError, match="also in groups of 16, 32, 64, 128"):
            compile_network("lenet5", board="host", weights=word)
    with pytest.raises(UsageError, match="those that can are c1, c3, c5, f6, out"):
        compile_network("lenet5", board="host", weights="int4:conv9")
    with pytest.raises(UsageError, match="no layer here has int8 weights"):
        compile_network("lenet5", board="host", precision="float32", weights="int4:c1")
    assert Options(weights=("int4",)).weights == ("int4",)
