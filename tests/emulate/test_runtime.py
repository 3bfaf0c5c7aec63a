"""Our compiler runtime (harness/pz_runtime.c) against NumPy, bit for bit, on the cores that need it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from picozoo.build import build
from picozoo.emulate import Machine, available, open_machine
from picozoo.find import load

N = 32
SOURCE = r"""
#include <stdint.h>
typedef struct { uint32_t a[32], b[32], r[32]; uint64_t l[32]; } net_t;
net_t pz_net;
typedef union { uint32_t u; float f; int32_t i; } word;
#define EACH(NAME, R) void NAME(net_t *c) { for (int k = 0; k < 32; k++) { \
  word a = {c->a[k]}, b = {c->b[k]}; word r; R; c->r[k] = r.u; } }
#define EACH64(NAME, R) void NAME(net_t *c) { for (int k = 0; k < 32; k++) { \
  uint64_t x = (uint64_t)c->a[k] << 32 | c->b[k]; uint32_t y = c->r[k]; (void)x; (void)y; c->l[k] = (uint64_t)(R); } }
EACH(f_add, r.f = a.f + b.f) EACH(f_sub, r.f = a.f - b.f) EACH(f_mul, r.f = a.f * b.f) EACH(f_div, r.f = a.f / b.f)
EACH(f_cmp, r.u = (uint32_t)((a.f < b.f) | (a.f <= b.f) << 1 | (a.f == b.f) << 2 | (a.f != b.f) << 3 |
  (a.f > b.f) << 4 | (a.f >= b.f) << 5))
EACH(f_int, r.i = (int32_t)a.f) EACH(f_uint, r.u = (uint32_t)a.f)
EACH(i_float, r.f = (float)a.i) EACH(u_float, r.f = (float)a.u)
EACH(i_div, r.i = b.i ? a.i / b.i : 0) EACH(i_mod, r.i = b.i ? a.i % b.i : 0)
EACH(u_div, r.u = b.u ? a.u / b.u : 0) EACH(u_mod, r.u = b.u ? a.u % b.u : 0) EACH(i_mul, r.u = a.u * b.u)
EACH(h_div, r.u = (uint16_t)((int16_t)b.u ? (int16_t)a.u / (int16_t)b.u : 0))
EACH(b_div, r.u = (uint8_t)((int8_t)b.u ? (int8_t)a.u / (int8_t)b.u : 0))
EACH(b_umod, r.u = (uint8_t)((uint8_t)b.u ? (uint8_t)a.u % (uint8_t)b.u : 0))
EACH64(l_mul, x * (x >> 3 ^ y)) EACH64(l_udiv, y ? x / y : 0) EACH64(l_umod, y ? x % y : 0)
EACH64(l_div, y ? (int64_t)x / (int32_t)y : 0) EACH64(l_mod, y ? (int64_t)x % (int32_t)y : 0)
EACH64(l_shl, x << (y & 63)) EACH64(l_shr, x >> (y & 63)) EACH64(l_sar, (int64_t)x >> (y & 63))
void l_float(net_t *c) { for (int k = 0; k < 32; k++) { word r;
  r.f = (float)(int64_t)((uint64_t)c->a[k] << 32 | c->b[k]); c->r[k] = r.u; } }
void f_long(net_t *c) { for (int k = 0; k < 32; k++) { word a = {c->a[k]}; c->l[k] = (uint64_t)(int64_t)a.f; } }
"""
NAMES = [
    part.split("(")[1].split(",")[0] for part in SOURCE.replace("EACH64(", "EACH(").split("EACH")[1:] if "(" in part
]
ROOTS = [*dict.fromkeys(n for n in NAMES if n.isidentifier() and n[1:2] == "_"), "l_float", "f_long", "pz_net"]
SPECIAL = [0, 1, 0x7FFFFF, 0x800000, 0x800001, 0x3F800000, 0x3F800001, 0x3FFFFFFF, 0x4B000000, 0x4B7FFFFF, 0x7F7FFFFF]
SPECIAL += [0x7F800000, 0x7FC00000, 0x33800000, 0x34000000, 0x4F000000, 0x4EFFFFFF, 0x5F000000, 0x7FFFFFFF]


@pytest.fixture(scope="module", params=["pico", "esp32c3", "uno", "nano33ble"])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Cores without an FPU, without division, without both; and one with, as a control."""
    board = load("boards", request.param, "board").BOARD
    if available(board) is not None:
        pytest.skip(str(available(board)))
    image = build({"r.c": SOURCE}, board, roots=ROOTS, opt="-Os")
    assert not any("compiler_rt" in name for name in image.symbols), "zig's own runtime was linked"
    with open_machine(image) as opened:
        yield opened


def pairs() -> tuple[np.ndarray, np.ndarray]:
    signed = [s | sign for s in SPECIAL for sign in (0, 0x80000000)]
    special = np.array(list(itertools.product(signed, signed)), np.uint32)
    rng = np.random.default_rng(7)
    wild = rng.integers(0, 1 << 32, (1024, 2), dtype=np.uint64).astype(np.uint32)
    near = (rng.integers(0, 1 << 24, (1024, 2)) | rng.integers(110, 140, (1024, 2)) << 23).astype(np.uint32)
    near[512:, 0] |= 0x80000000
    rows = np.concatenate([special, wild, near])
    rows = rows[: len(rows) // N * N]
    return rows[:, 0].copy(), rows[:, 1].copy()


def run(
    machine: Machine, name: str, a: np.ndarray, b: np.ndarray, wide: bool, r: np.ndarray | None = None
) -> np.ndarray:
    net = machine.address("pz_net")
    out = []
    for k in range(0, len(a), N):
        third = r[k : k + N] if r is not None else np.zeros(N, np.uint32)
        machine.write(net, a[k : k + N].tobytes() + b[k : k + N].tobytes() + third.tobytes())
        machine.call(name, net)
        out.append(machine.read(net + (3 * 4 * N if wide else 2 * 4 * N), N * (8 if wide else 4)))
    return np.frombuffer(b"".join(out), np.uint64 if wide else np.uint32)


def same_floats(got: np.ndarray, want: np.ndarray) -> None:
    got_f = got.view(np.float32)
    nan = np.isnan(want)
    assert np.array_equal(np.isnan(got_f), nan)
    assert np.array_equal(got[~nan], want.view(np.uint32)[~nan])


@pytest.mark.parametrize("name", ["f_add", "f_sub", "f_mul", "f_div"])
def test_float_arithmetic(machine: Machine, name: str) -> None:
    a, b = pairs()
    x, y = a.view(np.float32), b.view(np.float32)
    with np.errstate(all="ignore"):
        want = {"f_add": x + y, "f_sub": x - y, "f_mul": x * y, "f_div": x / y}[name]
    same_floats(run(machine, name, a, b, False), want)


def test_float_comparison(machine: Machine) -> None:
    a, b = pairs()
    x, y = a.view(np.float32), b.view(np.float32)
    want = (x < y) | (x <= y) << 1 | (x == y) << 2 | (x != y) << 3 | (x > y) << 4 | (x >= y) << 5
    assert np.array_equal(run(machine, "f_cmp", a, b, False), want.astype(np.uint32))


def test_float_conversion(machine: Machine) -> None:
    a, b = pairs()
    same_floats(run(machine, "i_float", a, b, False), a.view(np.int32).astype(np.float32))
    same_floats(run(machine, "u_float", a, b, False), a.astype(np.float32))
    wide = (a.astype(np.uint64) << np.uint64(32) | b).view(np.int64)
    same_floats(run(machine, "l_float", a, b, False), wide.astype(np.float32))
    x = a.view(np.float32)
    fits = np.abs(x) < 2**31 - 128
    some = np.resize(a[fits], len(a[fits]) // N * N)
    value = some.view(np.float32).astype(np.float64)
    assert np.array_equal(run(machine, "f_int", some, some, False).view(np.int32), np.trunc(value).astype(np.int32))
    assert np.array_equal(run(machine, "f_long", some, some, True).view(np.int64), np.trunc(value).astype(np.int64))
    positive = np.resize(a[(x >= 0) & (x < 4e9)], 512)
    want = np.trunc(positive.view(np.float32).astype(np.float64)).astype(np.uint32)
    assert np.array_equal(run(machine, "f_uint", positive, positive, False), want)


def test_integer_division_and_multiplication(machine: Machine) -> None:
    a, b = pairs()
    b[::3] &= 0xFF  # small divisors too
    lists = list(zip(a.tolist(), b.tolist(), strict=True))

    def s(value: int, bits: int = 32) -> int:
        value &= (1 << bits) - 1
        return value - (1 << bits) if value >> (bits - 1) else value

    def div(x: int, y: int) -> int:
        return 0 if y == 0 else abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)

    def mod(x: int, y: int) -> int:
        return 0 if y == 0 else x - div(x, y) * y

    def check(name: str, want: list[int], bits: int = 32) -> None:
        assert run(machine, name, a, b, False).tolist() == [w & ((1 << bits) - 1) for w in want], name

    check("i_div", [div(s(x), s(y)) for x, y in lists])
    check("i_mod", [mod(s(x), s(y)) for x, y in lists])
    check("u_div", [div(x, y) for x, y in lists])
    check("u_mod", [mod(x, y) for x, y in lists])
    check("i_mul", [x * y for x, y in lists])
    check("h_div", [div(s(x, 16), s(y, 16)) for x, y in lists], 16)
    check("b_div", [div(s(x, 8), s(y, 8)) for x, y in lists], 8)
    check("b_umod", [mod(x & 255, y & 255) for x, y in lists], 8)


def test_64_bit_integers(machine: Machine) -> None:
    a, b = pairs()
    c = np.roll(b, 5)
    a[::4] = 0
    c[::5] &= 0x3FF
    mask = (1 << 64) - 1
    rows = [(x << 32 | y, z) for x, y, z in zip(a.tolist(), b.tolist(), c.tolist(), strict=True)]

    def s(value: int, bits: int) -> int:
        return value - (1 << bits) if value >> (bits - 1) else value

    def div(x: int, y: int) -> int:
        return 0 if y == 0 else abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)

    want = {
        "l_mul": [x * (x >> 3 ^ y) for x, y in rows],
        "l_udiv": [div(x, y) for x, y in rows],
        "l_umod": [x - div(x, y) * y if y else 0 for x, y in rows],
        "l_div": [div(s(x, 64), s(y, 32)) for x, y in rows],
        "l_mod": [s(x, 64) - div(s(x, 64), s(y, 32)) * s(y, 32) if y else 0 for x, y in rows],
        "l_shl": [x << (y & 63) for x, y in rows],
        "l_shr": [x >> (y & 63) for x, y in rows],
        "l_sar": [s(x, 64) >> (y & 63) for x, y in rows],
    }
    for name, values in want.items():
        assert run(machine, name, a, b, True, c).tolist() == [v & mask for v in values], name
