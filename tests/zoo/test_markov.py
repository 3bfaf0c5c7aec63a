"""Markov chain: the long run, tables of one byte, counting, the same names everywhere, and tunes as text and sound."""

from __future__ import annotations

import numpy as np
import pytest

import picozoo as pz
from picozoo import data, emulate, find
from picozoo.data import _abc
from picozoo.ops import _chance
from picozoo.zoo import _chain, _tune, markov


def chain(n: int) -> np.ndarray:
    p = np.random.default_rng(n).random((n, n)) ** 4
    made: np.ndarray = p / p.sum(1, keepdims=True)
    return made


@pytest.mark.parametrize("n", [2, 5, 27])
def test_the_long_run_is_the_eigenvector(n: int) -> None:
    values, vectors = np.linalg.eig(chain(n).T)
    first = np.real(vectors[:, np.argmax(values.real)])
    assert np.allclose(_chain.stationary(chain(n)), first / first.sum(), atol=1e-12)


@pytest.mark.parametrize("size", markov.CARD.sizes)
def test_the_long_run_of_the_shipped_chains(size: str) -> None:
    """Applied once more it stays, and it is how often the states come in what the chain was taught with."""
    if size == "order2" or not data.available(markov.source(size)):
        pytest.skip(f"data set {markov.source(size)!r} is not here, or the table is no chain of its own states")
    p = markov.chances(shipped_counts()) if size == "default" else markov.table(size)
    share = _chain.stationary(p)
    assert np.allclose(share @ p, share, atol=1e-9)
    _, seen = markov.steps(markov.sequences("train", size), size)
    counted = np.bincount(seen, minlength=len(p)) / len(seen)
    assert np.abs(share - counted).sum() < 0.05


def shipped_counts() -> np.ndarray:
    with pz.compile("markov", board="host").session() as s:
        return s.get_state("counts")


def test_codes_keep_chances_within_a_sixteenth_of_an_octave() -> None:
    p = np.random.default_rng(3).random((40, 27)) ** 6
    p[p < 1e-6] = 0
    codes = _chain.coded(p)
    back = _chain.weights()[codes] / _chain.UNIT
    assert np.array_equal(back == 0, p == 0)
    assert np.abs(np.log2(back[p > 0.001]) - np.log2(p[p > 0.001])).max() <= 1 / 16 + 0.002
    assert np.allclose(_chain.norms(codes) / _chain.FINE, np.log2(back.sum(1)), atol=1 / _chain.FINE)


def test_learning_is_counting() -> None:
    torch = pytest.importorskip("torch")
    model = markov.build()
    x = np.zeros((40, 17), np.int32)
    rng = np.random.default_rng(0)
    for row in x:
        row[1 : rng.integers(2, 17)] = 1
        row[row > 0] = rng.integers(1, 27, int(row.sum()))
    counted = sum(int(model.learn(torch.from_numpy(row))) for row in x)  # type: ignore[operator]
    want = np.zeros((27, 27), int)
    np.add.at(want, (x[:, :-1].reshape(-1), x[:, 1:].reshape(-1)), 1)
    want[0, 0] = -1
    assert np.array_equal(model.get_buffer("counts").numpy().reshape(27, 27), want)
    assert np.array_equal(model.get_buffer("totals").numpy(), want.sum(1))
    assert counted == want.sum() + 1
    p = (want + 1) / (want.sum(1, keepdims=True) + 27)
    bits = float(model.forward(torch.from_numpy(x[0])))  # type: ignore[operator]
    steps = [(a, b) for a, b in zip(x[0, :-1], x[0, 1:], strict=True) if a or b]
    assert bits == pytest.approx(-sum(np.log2(p[a, b]) for a, b in steps), rel=1e-5)


@pytest.mark.parametrize("size", markov.CARD.sizes)
def test_the_same_seed_writes_the_same_everywhere(size: str) -> None:
    name = "markov" if size == "default" else f"markov:{size}"
    seen = []
    for board in ("host", "uno", "nano33ble"):
        if emulate.available(find.load("boards", board, "board").BOARD):
            continue
        with pz.compile(name, board=board).session() as s:
            s.set_state("dice", _chance.new_state(5))
            seen.append([markov.written(s, size, most=40) for _ in range(3)])
    if len(seen) < 2:
        pytest.skip("one board only can be emulated here")
    assert all(s == seen[0] for s in seen)
    assert all(seen[0])


def test_reading_abc() -> None:
    text = (
        "X:1\nT:A test\nM:6/8\nL:1/8\nK:D\n"
        'A|"D"d2f ^e=ff|(3abc \\\nd>e c3/2-c/2|[1 [DF]z2:|\n\nX:2\nT:Turns\nM:4/4\nK:G\nG2|\nK:C\nC2|\n'
        "X:3\nT:Low\nM:3/4\nL:1/4\nK:Am\nA,_B=B|\n"
    )
    first, third = _abc.tunes(text)  # the second changes its key
    assert (first.title, first.metre, first.tonic, first.minor) == ("A test", "6/8", "D", False)
    pitches, lengths, places = zip(*first.notes, strict=True)
    assert pitches == (21, 26, 30, 29, 29, 29, 33, 35, 25, 26, 28, 25, 18, -1)
    third_part = "2/3"
    want = ("1", "2", "1", "1", "1", "1", *[third_part] * 3, "3/2", "1/2", "2", "1", "2")
    assert tuple(map(str, lengths)) == want
    assert tuple(map(str, places[:7])) == ("5", "0", "2", "3", "4", "5", "0")
    assert [p for p, _, _ in third.notes] == [9, 22, 23]
    assert [str(n) for _, n, _ in third.notes] == ["2", "2", "2"]


def test_written_tunes_read_back() -> None:
    notes = [(67, 1), (72, 3), (66, 2), (65, 1), (66, 9), (84, 3), (55, 6)]
    (back,) = _abc.tunes(_tune.abc(notes, 6, "Back", upbeat=1))
    assert [(p + 48, int(n)) for p, n, _ in back.notes] == notes


def test_the_synthesiser_plays_the_right_notes() -> None:
    heard = _tune.sound([(69, 4), (0, 2), (57, 4)], 0.25)
    assert np.abs(heard).max() <= 1
    for begin, hertz in ((0.0, 440.0), (1.5, 220.0)):
        part = heard[int(begin * _tune.RATE) :][: _tune.RATE]
        assert np.abs(np.fft.rfft(part * np.hanning(len(part)))).argmax() == pytest.approx(hertz, abs=1)
    assert np.abs(heard[int(1.35 * _tune.RATE) : int(1.5 * _tune.RATE)]).max() < 0.02
