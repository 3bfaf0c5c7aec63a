"""The generator and its draws: known answers, statistics, and the same sample from the same seed everywhere."""

from __future__ import annotations

from math import erf, sqrt
from statistics import NormalDist

import numpy as np
import pytest

from picozoo.ir.interp import Interpreter
from picozoo.ops import _chance as chance

N = 1 << 20


def chi_square(counts: np.ndarray, expected: np.ndarray | float) -> float:
    """Chi-square as a number of standard deviations from its mean (Wilson-Hilferty)."""
    n = counts.size - 1
    stat = float(((counts - expected) ** 2 / expected).sum())
    return ((stat / n) ** (1 / 3) - (1 - 2 / (9 * n))) / sqrt(2 / (9 * n))


@pytest.fixture(scope="module", params=[0, 1, 2**40 + 5])
def stream(request: pytest.FixtureRequest) -> np.ndarray:
    return chance.words(chance.new_state(request.param), N)[0]


def test_known_answers() -> None:
    """Vectors of Random123, threefry2x32 with 13 rounds."""
    for key, count, want in (
        ((0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0xFD36D048, 0x2D17272C)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xBA3E4725, 0xF27D669E)),
    ):
        got = chance.threefry(key, np.array([count[0]], np.uint32), np.array([count[1]], np.uint32))
        assert (int(got[0][0]), int(got[1][0])) == want


def test_bytes_are_even(stream: np.ndarray) -> None:
    for k in range(4):
        counts = np.bincount(stream >> (8 * k) & 255, minlength=256)
        assert abs(chi_square(counts, N / 256)) < 4.5


def test_neighbours_are_independent(stream: np.ndarray) -> None:
    """Serial pairs, and correlation of every bit with every bit one to eight words later."""
    pairs = (stream[::2] >> 26).astype(np.int64) * 64 + (stream[1::2] >> 26)
    assert abs(chi_square(np.bincount(pairs, minlength=4096), N / 2 / 4096)) < 4.5
    x = stream / 2.0**32 - 0.5
    for lag in range(1, 9):
        assert abs(float((x[:-lag] * x[lag:]).sum())) / sqrt(N - lag) * 12 < 4.5
    bits = (stream[: N // 8, None] >> np.arange(32, dtype=np.uint32) & 1).astype(np.float32) - 0.5
    for lag in (0, 1, 2, 4):
        table = bits[: len(bits) - lag].T @ bits[lag:] * 4 / sqrt(len(bits) - lag)
        if not lag:
            np.fill_diagonal(table, 0)
        assert abs(table).max() < 5.2  # of 1,024 normal numbers


def test_runs_and_gaps(stream: np.ndarray) -> None:
    """Lengths of runs of equal top bits, and gaps between words in the lowest sixteenth, are geometric."""
    top = stream >> 31
    ends = np.flatnonzero(np.diff(top))
    lengths = np.minimum(np.diff(ends), 12)
    share = np.array([0.5**k for k in range(1, 12)] + [0.5**11])
    assert abs(chi_square(np.bincount(lengths, minlength=13)[1:], len(lengths) * share)) < 4.5
    gaps = np.minimum(np.diff(np.flatnonzero(stream >> 28 == 0)), 64)
    share = np.array([(15 / 16) ** (k - 1) / 16 for k in range(1, 64)] + [(15 / 16) ** 63])
    assert abs(chi_square(np.bincount(gaps, minlength=65)[1:], len(gaps) * share)) < 4.5


def test_birthdays(stream: np.ndarray) -> None:
    """Spacings of sorted words that come twice: Poisson with mean m^3 / 4n (Marsaglia); m = 4,096 days of 2^32."""
    m, groups = 4096, N // 4096
    spacings = np.sort(np.diff(np.sort(stream.reshape(groups, m).astype(np.int64), axis=1), axis=1), axis=1)
    twice = int((np.diff(spacings, axis=1) == 0).sum())
    mean = groups * m**3 / 4 / 2**32
    assert abs(twice - mean) < 4.5 * sqrt(mean)


def test_matrix_ranks(stream: np.ndarray) -> None:
    """Ranks over two elements of 32 x 32 bit matrices, which linear generators fail."""
    counts = np.zeros(3)
    for rows in stream[: 32 * 4000].reshape(-1, 32):
        left, rank = [int(r) for r in rows], 0
        while left:
            pivot = left.pop()
            if pivot:
                rank += 1
                low = pivot & -pivot
                left = [r ^ pivot if r & low else r for r in left]
        counts[min(32 - rank, 2)] += 1
    assert abs(chi_square(counts, 4000 * np.array([0.2888, 0.5776, 0.1336]))) < 4.5


def test_keys_and_counters_differ_in_half_of_the_bits() -> None:
    """Avalanche: one bit of key or counter flipped changes each bit of the words with a chance of a half."""
    rng = np.random.default_rng(5)
    count = rng.integers(0, 1 << 32, (2, 4000), dtype=np.uint32)
    base = chance.threefry((11, 12), count[0], count[1])
    for bit in range(32):
        for which in range(2):
            other = count.copy()
            other[which] ^= np.uint32(1 << bit)
            for a, b in zip(base, chance.threefry((11, 12), other[0], other[1]), strict=True):
                share = ((a ^ b)[:, None] >> np.arange(32, dtype=np.uint32) & 1).mean(0)
                assert abs(share - 0.5).max() < 5.5 * 0.5 / sqrt(4000)
        key = chance.threefry((11 ^ 1 << bit, 12), count[0], count[1])
        assert abs(float(((base[0] ^ key[0])[:, None] >> np.arange(32, dtype=np.uint32) & 1).mean()) - 0.5) < 0.01


def test_counter_goes_on_and_carries() -> None:
    whole, end = chance.words(chance.new_state(9), 100)
    first, state = chance.words(chance.new_state(9), 40)
    rest, state = chance.words(state, 60)
    assert np.array_equal(whole, np.concatenate([first, rest]))
    assert np.array_equal(state, end)
    _, state = chance.words(chance.new_state(9), 3)  # the fourth word is dropped
    assert np.array_equal(chance.words(state, 2)[0], whole[4:6])
    late = np.array([9, 0, -2, 0], np.int32)  # counter 2^32 - 2
    _, after = chance.words(late, 7)
    assert after.tolist() == [9, 0, 2, 1]


def test_bernoulli_thresholds() -> None:
    p = np.array([0, 1, 0.5, 2**-24, 2**-25, -1, 3, np.nan, 1 - 2**-24, np.inf], np.float32)
    assert chance.threshold(p).tolist() == [0, 1 << 24, 1 << 23, 1, 0, 0, 1 << 24, 0, (1 << 24) - 1, 1 << 24]
    up = np.nextafter(np.float32(0.3), np.float32(1))
    assert int(chance.threshold(up)) - int(chance.threshold(np.float32(0.3))) <= 1  # the last bit moves one in 2^24
    for p0 in (0.01, 0.3, 0.97):
        y, _ = chance.draw_bernoulli(chance.new_state(4), np.full(N, p0, np.float32))
        assert abs(float(y.mean()) - p0) < 4.5 * sqrt(p0 * (1 - p0) / N)


def test_gaussian_is_normal() -> None:
    x, _ = chance.draw_gaussian(chance.new_state(2), (N,))
    x = np.sort(x.astype(np.float64))
    for power, mean, spread in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((x**power).mean() - mean) < 4.5 * sqrt(spread / N)
    at = np.linspace(-4, 4, 801)
    true = np.array([0.5 * (1 + erf(v / sqrt(2))) for v in at])
    assert abs(np.searchsorted(x, at) / N - true).max() < 1.95 / sqrt(N)  # Kolmogorov-Smirnov, one in a thousand


def test_gaussian_error_is_as_stated() -> None:
    """docs/chance.md: below 2e-4 everywhere."""
    rng = np.random.default_rng(0)
    tails = np.unique(np.exp2(rng.uniform(0, 31, 20000)).astype(np.uint32))
    made = np.empty(len(tails))
    table = chance.normal_table().astype(np.int64)
    for k, u in enumerate(tails.astype(np.int64)):  # the definition, word by word
        octave = int(u).bit_length() - 1
        m = int(u) << (30 - octave)
        i = octave * 16 + (m >> 26 & 15)
        made[k] = (((table[i] << 12) - (table[i] - table[i + 1]) * (m >> 14 & 4095)) >> 4) / 2**21
    true = np.array([-NormalDist().inv_cdf((int(u) + 0.5) / 2**32) for u in tails])
    error = abs(made - true)
    print(error[true < 5].max(), error.max(), made.max())
    assert error.max() < 2e-4


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_categorical_follows_weights(dtype: str) -> None:
    weights = np.array([3, 0, 1, -5, 6], dtype)
    picked, _ = chance.draw_categorical(chance.new_state(8), np.tile(weights, (N // 4, 1)))
    counts = np.bincount(picked, minlength=5)
    assert counts[1] == counts[3] == 0
    assert abs(chi_square(counts[[0, 2, 4]], N / 4 * np.array([0.3, 0.1, 0.6]))) < 4.5
    none, _ = chance.draw_categorical(chance.new_state(8), np.zeros((3, 4), dtype))
    assert none.tolist() == [0, 0, 0]


def _sampler() -> object:
    torch = pytest.importorskip("torch")
    from picozoo.train import chance as dice

    class Sampler(torch.nn.Module):
        """Every draw once; sums and products that are exact, so that all results must be equal to the bit."""

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("dice", dice.new_state(3))

        def forward(self, p: object, counts: object) -> object:
            h = dice.bernoulli(self.dice, p)
            z = dice.gaussian(self.dice, [2, 4])
            u = dice.uniform(self.dice, [3])
            return h, z, u, dice.categorical(self.dice, counts), dice.categorical(self.dice, h + p)

    return Sampler()


@pytest.mark.parametrize("board", ["host", "uno", "pico", "nano33ble", "esp32c3", "browser", "rpi_zero2"])
def test_same_seed_same_sample(board: str) -> None:
    torch = pytest.importorskip("torch")
    import picozoo as pz
    from picozoo import emulate, find

    if reason := emulate.available(find.load("boards", board, "board").BOARD):
        pytest.skip(reason)
    rng = np.random.default_rng(0)
    ins = rng.random((3, 5)).astype(np.float32), rng.integers(0, 9, (4, 6)).astype(np.int32)
    module = _sampler()
    examples = tuple(torch.from_numpy(x) for x in ins)
    firmware = pz.compile(module, examples, board=board)
    interpreter = Interpreter(firmware.program)
    with firmware.session() as s:
        saved = b""
        for turn in range(4):
            want = [t.numpy() for t in module(*examples)]  # type: ignore[operator]
            got = s.call("forward", *ins)
            assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))
            assert np.array_equal(s.get_state("dice"), module.dice.numpy())  # type: ignore[attr-defined]
            assert all(np.array_equal(a, b) for a, b in zip(interpreter.call("forward", *ins), want, strict=True))
            if turn == 1:
                saved = s.state()
            if turn == 2:
                third = got
        s.restore(saved)  # the third call again
        assert all(np.array_equal(a, b) for a, b in zip(s.call("forward", *ins), third, strict=True))
        s.set_state("dice", chance.new_state(77))
        module.dice.copy_(torch.from_numpy(chance.new_state(77)))  # type: ignore[attr-defined]
        assert np.array_equal(s.call("forward", *ins)[0], module(*examples)[0].numpy())  # type: ignore[operator]
