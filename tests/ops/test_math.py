"""The errors of `kernels/pz_math.h` are what its comments say, measured against NumPy in double precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import erf

import numpy as np
import pytest

from picozoo.boards.host import BOARD
from picozoo.build import build
from picozoo.emulate import Machine, open_machine

N = 1 << 16
ONE = ("exp", "log", "tanh", "sigmoid", "sqrt", "erf", "sin", "cos", "floor", "round")
# The square root of chips without the instruction is the one to measure.
SOURCE = "#undef __SSE2__\n#undef __aarch64__\n#undef __ARM_FP\n" + '#include "pz_math.h"\n'
SOURCE += f"float in[{N}], in2[{N}], out[{N}];\n"
SOURCE += "".join(f"void do_{f}(void) {{ for (int i = 0; i < {N}; ++i) out[i] = pz_{f}f(in[i]); }}\n" for f in ONE)
SOURCE += f"void do_pow(void) {{ for (int i = 0; i < {N}; ++i) out[i] = pz_powf(in[i], in2[i]); }}\n"

RELATIVE = 4e-7


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x)."""
    return 1 / (1 + np.exp(-x))


# function -> (reference, low, high, relative error, absolute error)
BOUNDS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float, float, float, float]] = {
    "exp": (np.exp, -87, 88.7, RELATIVE, 0),
    "log": (np.log, 1e-30, 20, RELATIVE, 0),
    "tanh": (np.tanh, -12, 12, RELATIVE, 0),
    "sigmoid": (logistic, -80, 80, RELATIVE, 0),
    "sqrt": (np.sqrt, 0, 1e6, RELATIVE, 0),
    "erf": (np.vectorize(erf), -5, 5, 0, 3e-7),
    "sin": (np.sin, -1e4, 1e4, 0, 5e-7),
    "cos": (np.cos, -1e4, 1e4, 0, 5e-7),
    "floor": (np.floor, -1e7, 1e7, 0, 0),
    "round": (np.round, -1e7, 1e7, 0, 0),
}


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """This machine with the functions on it."""
    roots = ["in", "in2", "out", "do_pow", *(f"do_{f}" for f in ONE)]
    with open_machine(build({"math.c": SOURCE}, BOARD, roots=roots)) as opened:
        yield opened


def run(machine: Machine, function: str, x: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
    """One call over N values, in double precision."""
    machine.write(machine.address("in"), x.astype(np.float32).tobytes())
    if y is not None:
        machine.write(machine.address("in2"), y.astype(np.float32).tobytes())
    machine.call(f"do_{function}")
    return np.frombuffer(machine.read(machine.address("out"), 4 * N), np.float32).astype(np.float64)


def spread(low: float, high: float) -> np.ndarray:
    """Half evenly over the range, half close to zero and to one in every power of ten."""
    chance = np.random.default_rng(0)
    even = np.linspace(low, high, N // 2)
    small = 10.0 ** chance.uniform(-30, 0, N // 4) * np.where(chance.random(N // 4) < 0.5, -1, 1)
    near_one = 1 + 10.0 ** chance.uniform(-6, -0.5, N // 4) * np.where(chance.random(N // 4) < 0.5, -1, 1)
    return np.clip(np.concatenate([even, small, near_one]), low, high).astype(np.float32).astype(np.float64)


@pytest.mark.parametrize("function", ONE)
def test_errors_are_as_stated(machine: Machine, function: str) -> None:
    reference, low, high, relative, absolute = BOUNDS[function]
    x = spread(low, high)
    got, want = run(machine, function, x), reference(x)
    over = np.abs(got - want) - (relative * np.abs(want) + absolute)
    worst = int(over.argmax())
    assert over[worst] <= 0, f"{function}({x[worst]!r}) gives {got[worst]!r}, not {want[worst]!r}"


def test_power(machine: Machine) -> None:
    chance = np.random.default_rng(1)
    x = np.exp(chance.uniform(-5, 5, N)).astype(np.float32).astype(np.float64)
    y = (chance.uniform(-10, 10, N) / np.log(x)).clip(-60, 60).astype(np.float32).astype(np.float64)
    got, want = run(machine, "pow", x, y), np.power(x, y)
    assert (np.abs(got / want - 1) <= 4e-6).all()


def test_what_is_not_a_number(machine: Machine) -> None:
    odd = np.array([np.inf, -np.inf, np.nan, 0.0, -1.0, -0.0, 1e-40, 200, -200], np.float32)
    x = np.resize(odd, N)
    with np.errstate(all="ignore"):
        for function in ("exp", "log", "tanh", "sqrt"):
            want = BOUNDS[function][0](x[: len(odd)].astype(np.float64)).astype(np.float32)
            got = run(machine, function, x)[: len(odd)]
            np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-37, err_msg=function)
