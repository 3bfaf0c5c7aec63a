"""Arm Cortex-M4 with single-precision FPU (Armv7E-M): DSP instructions, three-stage pipeline."""

from picozoo.specs import Core, CycleModel, Target

CORE = Core(
    name="cortex_m4f",
    title="Cortex-M4F",
    arch="arm",
    target=Target(pointer_bytes=4, align=4, features=frozenset({"dsp", "fpu"})),
    zig=("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp"),
    gcc=("arm-none-eabi-", ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")),
    cpu="UC_CPU_ARM_CORTEX_M4",
    cycles=None,
)
