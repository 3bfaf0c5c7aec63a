"""Arm Cortex-M55 with Helium (MVE integer and float) and FPU (Armv8.1-M main line)."""

from picozoo.specs import Core, Target

CORE = Core(
    name="cortex_m55",
    title="Cortex-M55",
    arch="arm",
    target=Target(pointer_bytes=4, align=8, features=frozenset({"dsp", "fpu", "mve"})),
    zig=("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m55+mve_fp+fp_armv8d16sp"),
    gcc=("arm-none-eabi-", ("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard")),
    cpu="cortex-m55",
    cycles=None,
)
