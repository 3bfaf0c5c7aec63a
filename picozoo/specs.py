"""Plain, frozen values that every stage shares: element types, tensor types, quantisation, targets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from picozoo.errors import UsageError

# name in the IR -> (NumPy type, C type in kernels/pz_base.h, bytes)
DTYPES: dict[str, tuple[type[np.generic], str, int]] = {
    "f32": (np.float32, "pz_f32", 4),
    "i8": (np.int8, "pz_i8", 1),
    "u8": (np.uint8, "pz_u8", 1),
    "i16": (np.int16, "pz_i16", 2),
    "i32": (np.int32, "pz_i32", 4),
    "i64": (np.int64, "pz_i64", 8),
    "bool": (np.bool_, "pz_bool", 1),
}


def dtype_of(array: np.ndarray | np.generic) -> str:
    """IR name of a NumPy array's element type.

    Raises:
        UsageError: the type has no IR name (float64, complex, strings ...).

    Example:
        >>> dtype_of(np.zeros(3, np.int8))
        'i8'
    """
    for name, (np_type, _, _) in DTYPES.items():
        if array.dtype == np_type:
            return name
    raise UsageError(f"element type {array.dtype} is not supported; use one of {', '.join(DTYPES)}")


@dataclass(frozen=True)
class QuantParams:
    """real = scale * (q - zero_point). One scale for the tensor, or one per index of `axis`.

    Scales are kept as float32 values, as TFLite stores them; zero points as int.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None = None

    def __post_init__(self) -> None:
        if len(self.scale) != len(self.zero_point) or not self.scale:
            raise UsageError(
                f"quantisation needs as many zero points as scales, got {len(self.zero_point)} and {len(self.scale)}"
            )
        if any(not (s > 0 and math.isfinite(s)) for s in self.scale):
            raise UsageError(f"quantisation scales must be finite and > 0, got {min(self.scale)}")
        if self.axis is None and len(self.scale) != 1:
            raise UsageError("per-channel quantisation needs an axis")

    @property
    def per_tensor(self) -> bool:
        """One scale for the whole tensor?"""
        return self.axis is None

    def broadcast(self, rank: int) -> tuple[np.ndarray, np.ndarray]:
        """Scale (float32) and zero point (int32), shaped to multiply a tensor of this rank."""
        shape = [1] * rank
        if self.axis is not None:
            shape[self.axis] = len(self.scale)
        return (np.array(self.scale, np.float32).reshape(shape), np.array(self.zero_point, np.int32).reshape(shape))

    @staticmethod
    def tensor(scale: float, zero_point: int = 0) -> QuantParams:
        """One scale and zero point for the whole tensor; the scale is rounded to float32."""
        return QuantParams((float(np.float32(scale)),), (int(zero_point),))


@dataclass(frozen=True)
class TensorType:
    """Shape, element type and, for quantised tensors, the meaning of the integers.

    Example:
        >>> TensorType((1, 28, 28, 1), "i8").nbytes
        784
    """

    shape: tuple[int, ...]
    dtype: str = "f32"
    quant: QuantParams | None = None

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise UsageError(f"element type {self.dtype!r} is not supported; use one of {', '.join(DTYPES)}")
        if any(not isinstance(d, int) or d < 0 for d in self.shape):
            raise UsageError(f"a shape holds integers >= 0, got {self.shape}")

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.size * DTYPES[self.dtype][2]

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def numpy(self) -> Any:
        """The NumPy element type."""
        return DTYPES[self.dtype][0]

    @property
    def c_type(self) -> str:
        """The C element type, see kernels/pz_base.h."""
        return DTYPES[self.dtype][1]

    @property
    def is_float(self) -> bool:
        """Is the element type float32?"""
        return self.dtype == "f32"

    def with_(self, **changes: object) -> TensorType:
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Calibration:
    """Typical inputs of one function or several, for choosing quantisation ranges.

    Args:
        function: which function they are for.
        inputs: one array per parameter, first dimension = calls.
        starts: calls before which the state is reset (streaming networks).
        others: further functions that take the same inputs (an estimator's predict_proba beside its predict).
        more: further functions with inputs of their own, called after this one.
        alone: functions without parameters, called as often as this one.
    """

    function: str
    inputs: tuple[np.ndarray, ...]
    starts: tuple[int, ...] = ()
    others: tuple[str, ...] = ()
    more: tuple[Calibration, ...] = ()
    alone: tuple[str, ...] = ()

    def calls(self) -> Iterator[tuple[str, list[np.ndarray]] | None]:
        """In the form `compress.quantise` takes."""
        starts = set(self.starts)
        for i in range(len(self.inputs[0])):
            if i in starts:
                yield None
            for function in (self.function, *self.others):
                yield function, [np.asarray(x[i], np.float32 if x.dtype.kind == "f" else x.dtype) for x in self.inputs]
        for c in self.more:
            yield from c.calls()
        for function in self.alone:
            for _ in self.inputs[0]:
                yield function, []


def added(default: Any) -> Any:
    """Default of an attribute that an operator got later: programs written before do not have it, and read as before.

    The text of a program leaves it out where it is at its default, so that older artefacts stay the same bytes.
    """
    return field(default=default, metadata={"added": True})


def whole_name(layer: str) -> str:
    """The layer that one of its bands of rows belongs to; any other is its own.

    Example:
        >>> whole_name("conv1~3"), whole_name("conv1")
        ('conv1', 'conv1')
    """
    return layer.partition("~")[0] or layer


@dataclass(frozen=True)
class Target:
    """All that passes, planner and emitter may know of a chip. Never its name.

    Args:
        pointer_bytes: 2 (AVR), 4 or 8.
        align: every tensor in the arena starts at a multiple of this; bytes, power of two.
        features: subset of {"dsp", "mve", "mul32", "fpu", "neon", "simd128", "simd", "tile16"}; "mul32": one
            multiplication of 32 bits an instruction, none of parts of a register; "simd": the vector form of float
            kernels (pz_simd.h); "tile16": that of int8 kernels (pz_tile16.h).
        wide_weights: convolution weights up to this many values are stored as int16, which saves widening them in the
            loop and costs twice the flash (0: never).
        fuse: operators that work element by element may share a loop.
        bands: layers may be split into bands of rows where that lowers RAM.
        progmem: constants are not in the data address space and need PZ_FLASH reads (AVR).
        layer_forms: (layer, form) of layers whose form is chosen, by the user or by `tune`.
        form: of the layer at hand, see `at`; words joined by "+": one of the operator's own (`Op.forms`), and "small"
            or "fast", how it is compiled. "": the operator decides.
    """

    pointer_bytes: int = 4
    align: int = 4
    features: frozenset[str] = field(default_factory=frozenset)
    progmem: bool = False
    fuse: bool = True
    bands: bool = False
    wide_weights: int = 4096
    layer_forms: tuple[tuple[str, str], ...] = ()
    form: str = ""

    def at(self, layer: str) -> Target:
        """As the operator of one layer sees it.

        Example:
            >>> Target(layer_forms=(("conv1", "wide+small"),)).at("conv1").has("wide")
            True
        """
        form = dict(self.layer_forms).get(whole_name(layer), "") if self.layer_forms else ""
        return self if form == self.form else replace(self, form=form)

    def has(self, word: str) -> bool:
        """Is this a word of the layer's form?"""
        return word in self.form.split("+")


@dataclass(frozen=True)
class Energy:
    """Energy of one core cycle with memory, in picojoules; `low`..`high` is the published spread."""

    pj_per_cycle: float
    low: float
    high: float
    source: str


@dataclass(frozen=True)
class CycleModel:
    """Cycles = sum over instruction classes of count x cost, times the board's `memory_factor`.

    Args:
        costs: instruction class -> cycles. Classes are those of the core's classifier in `cores/`.
        error: relative error to expect, for example 0.25 for +-25 %.
        source: where costs and error come from, in one or two sentences.
        exact: the emulator itself counts cycles (simavr); costs are then unused and error is 0.
    """

    costs: dict[str, float]
    error: float
    source: str
    exact: bool = False


@dataclass(frozen=True)
class Core:
    """A processor core: how to compile for it, how to emulate it, what its cycles cost.

    Args:
        arch: "arm" (Thumb), "aarch64", "riscv32", "avr", "wasm32" or "host".
        zig: flags of `zig cc` that choose this core (target, cpu, float ABI).
        gcc: (tool prefix, flags) of the vendor GCC, or None.
        cpu: the emulator's own name of the core (Unicorn model constant name, QEMU -cpu, simavr mcu).
    """

    name: str
    title: str
    arch: str
    target: Target
    zig: tuple[str, ...]
    gcc: tuple[str, tuple[str, ...]] | None
    cpu: str
    cycles: CycleModel | None


@dataclass(frozen=True)
class Board:
    """A board: the chip, its memories and clock, and the emulator that stands in for it.

    Sizes in bytes (None: not a limit here), clock in Hz (None: unknown), origins are addresses. `memory_factor` is
    cycles with the board's flash wait states over cycles with none, an estimate whose basis is in `notes`.
    """

    name: str
    title: str
    chip: str
    core: Core
    flash: int | None
    ram: int | None
    clock_hz: float | None
    energy: Energy | None
    emulator: str
    flash_origin: int = 0
    ram_origin: int = 0x20000000
    notes: str = ""
    memory_factor: float = 1.0
