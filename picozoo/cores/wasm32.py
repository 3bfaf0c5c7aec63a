"""WebAssembly with 128-bit SIMD, as browsers run it."""

from picozoo.specs import Core, Target

CORE = Core(
    name="wasm32",
    title="WebAssembly + SIMD",
    arch="wasm32",
    target=Target(pointer_bytes=4, align=16, features=frozenset({"fpu", "simd128", "tile16"})),
    zig=("-target", "wasm32-freestanding", "-mcpu=generic+simd128"),
    gcc=None,
    cpu="",
    cycles=None,
)
