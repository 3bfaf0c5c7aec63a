"""The processor picozoo itself runs on."""

from picozoo.specs import Core, Target

CORE = Core(
    name="host",
    title="This machine",
    arch="host",
    target=Target(pointer_bytes=8, align=16, features=frozenset({"fpu", "simd", "tile16"})),
    zig=("-mcpu=native",),
    gcc=("", ()),
    cpu="",
    cycles=None,
)
