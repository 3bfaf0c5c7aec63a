"""A web browser: WebAssembly with 128-bit SIMD."""

from picozoo.cores.wasm32 import CORE
from picozoo.specs import Board

BOARD = Board(
    name="browser",
    title="Web browser",
    chip="any",
    core=CORE,
    flash=None,
    ram=None,
    clock_hz=None,
    energy=None,
    emulator="wasmtime",
    flash_origin=0,
    ram_origin=0,
)
