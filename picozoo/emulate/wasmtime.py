"""wasmtime: WebAssembly modules. Counts are wasmtime's fuel, about one unit per WebAssembly instruction that does
something, which is not what the processor under a browser runs.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections import Counter
from typing import TYPE_CHECKING, Any

from picozoo.build import Image
from picozoo.emulate import _wasm_layers
from picozoo.emulate._base import Base, signed32
from picozoo.emulate._machine import Counts, LayerCount
from picozoo.errors import MachineFault, UsageError

if TYPE_CHECKING:
    pass


def available() -> str | None:
    """None if the wasmtime package is installed, else how to get it."""
    if importlib.util.find_spec("wasmtime") is None:
        return "the WebAssembly engine is missing: run 'pip install \"picozoo[wasm]\"'"
    return None


class WasmtimeMachine(Base):
    """One instance of the module, with marks around its layers."""

    def __init__(self, image: Image, layers: dict[str, str]) -> None:
        super().__init__(image, layers)
        import wasmtime

        self.emulator = f"wasmtime {importlib.metadata.version('wasmtime')}"
        config = wasmtime.Config()
        config.consume_fuel = True
        engine = wasmtime.Engine(config)
        self._labels = list(dict.fromkeys(layers.values()))
        code, self._arguments = self._code(layers)
        self._store = wasmtime.Store(engine)
        instance = wasmtime.Instance(self._store, wasmtime.Module(engine, code), [])
        self._exports = instance.exports(self._store)
        self._memory: Any = self._exports["memory"]
        self._counting = False
        self._stack: list[int] = []
        self._before = 0
        self._install_mark()
        self.reset_counts()

    def _code(self, layers: dict[str, str]) -> tuple[bytes, dict[int, int]]:
        """The module, with marks if there are layers. Two functions of one label get numbers of their own."""
        module = self.image.path.read_bytes()
        self._label_of: dict[int, str] = {}
        numbers: dict[int, int] = {}
        for number, (symbol, label) in enumerate(layers.items()):
            found = self.image.symbols.get(symbol)
            if found is not None and found.function:
                numbers[found.address] = number
                self._label_of[number] = label
        return _wasm_layers.instrument(module, numbers) if numbers else (module, {})

    def _install_mark(self) -> None:
        if not self._arguments:
            return
        import wasmtime

        kind = wasmtime.FuncType([wasmtime.ValType.i32()], [])
        table: Any = self._exports[_wasm_layers.TABLE_NAME]
        table.set(self._store, 0, wasmtime.Func(self._store, kind, self._mark))

    def _mark(self, number: int) -> None:
        """Called at the start (number) and end (-1) of each layer."""
        if not self._counting:
            return
        if number >= 0:
            self._charge(_wasm_layers.ENTRY_FUEL)
            self._stack.append(number)
        else:
            self._charge(_wasm_layers.LAYER_FUEL + self._arguments[self._stack[-1]])
            self._stack.pop()

    def _charge(self, overhead: int) -> None:
        """Give the fuel since the last mark, less what the marks themselves took, to the running layer."""
        now = int(self._store.get_fuel())
        used = self._before - now - overhead
        self._before = now
        self._total += used
        if self._stack:
            self._layers[self._label_of[self._stack[-1]]] += used

    def address(self, symbol: str) -> int:
        """Address of an exported variable in the module's memory. Raises UsageError if there is none."""
        found = self.symbol(symbol)
        if found.function:
            raise UsageError(f"a wasm function such as {symbol} has no address")
        return found.address

    def write(self, address: int, data: bytes) -> None:
        """Put bytes into memory. Raises MachineFault outside it."""
        self._check(address, len(data))
        self._memory.write(self._store, bytes(data), address)

    def read(self, address: int, size: int) -> bytes:
        """Bytes of memory. Raises MachineFault outside it."""
        self._check(address, size)
        return bytes(self._memory.read(self._store, address, address + size))

    def _check(self, address: int, size: int) -> None:
        if address < 0 or address + size > self._memory.data_len(self._store):
            raise MachineFault(f"no memory at {address:#x} for {size} bytes on {self.image.board.name}")

    def call(self, symbol: str, *args: int) -> int:
        """Call an exported function; see Machine.call."""
        import wasmtime

        self.check_args(args)
        self.symbol(symbol)
        function: Any = self._exports[symbol]
        self._store.set_fuel(self.budget)
        self._before, self._stack = self.budget, []
        try:
            result = function(self._store, *args)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            raise self._fault(symbol, error) from error
        if self._counting:
            self._charge(0)
        return signed32(int(result or 0))

    def _fault(self, symbol: str, error: Exception) -> MachineFault:
        name = self.image.board.name
        if self._store.get_fuel() == 0:
            return MachineFault(f"{symbol} on {name} did not return within {self.budget} units of fuel")
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = next((line for line in lines if "wasm trap" in line), lines[-1] if lines else "trap")
        frames = getattr(error, "frames", None) or []
        where = next((self._function_name(f.func_index) for f in frames), symbol)
        return MachineFault(f"{symbol} on {name}: {reason} in {where}")

    def _function_name(self, index: int) -> str:
        return self.function_at(index) or f"function {index}"

    def function_at(self, address: int) -> str | None:
        """Name of the function of an index."""
        return next((n for n, s in self.image.symbols.items() if s.function and s.address == address), None)

    def count(self, on: bool) -> None:
        """Start or stop counting. Off at first."""
        self._counting = on

    def counts(self) -> Counts:
        """Fuel used since it was reset."""
        layers = {label: LayerCount(self._layers[label]) for label in self._labels if label in self._layers}
        return Counts(self._total, layers=layers, unit="wasm fuel")

    def reset_counts(self) -> None:
        """Set all counts to zero."""
        self._total = 0
        self._layers: Counter[str] = Counter()

    def paint_stack(self) -> None:
        """Nothing: most of a wasm stack is not in memory."""

    def stack_bytes(self) -> int | None:
        """Unknown."""
        return None


def open(image: Image, layers: dict[str, str]) -> WasmtimeMachine:
    """A machine with the image loaded."""
    return WasmtimeMachine(image, layers)
