"""Arm Cortex-M33 with FPU and DSP (Armv8-M main line): three-stage pipeline, some 16-bit pairs issue together."""

from picozoo.specs import Core, CycleModel, Target

CORE = Core(
    name="cortex_m33",
    title="Cortex-M33",
    arch="arm",
    target=Target(pointer_bytes=4, align=4, features=frozenset({"dsp", "fpu"})),
    zig=("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m33+dsp+fp_armv8d16sp"),
    gcc=("arm-none-eabi-", ("-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16")),
    cpu="UC_CPU_ARM_CORTEX_M33",
    cycles=CycleModel(
        costs={
            "alu": 0.9,
            "mul": 1.0,
            "mull": 1.0,
            "div": 6.0,
            "load": 1.3,
            "store": 1.0,
            "loadm": 1.0,
            "storem": 1.0,
            "branch": 1.0,
            "fadd": 1.0,
            "fmul": 1.0,
            "fmac": 3.0,
            "fdiv": 14.0,
            "fload": 1.3,
            "fstore": 1.0,
            "fother": 1.0,
            "other": 1.0,
            "+taken": 1.5,
            "+word": 1.0,
        },
        error=0.3,
        source=(
            "Estimate: Arm 100230 (Cortex-M33 TRM) publishes no cycle table; costs are those of the Cortex-M4 "
            "less what the limited dual issue and the shorter load can save. In MLPerf Tiny v1.1 to v1.3 "
            "the same closed libraries need 0.80 to 0.89 of the Cortex-M4's cycles on this core (image model, "
            "STM32U575 at 160 MHz against STM32L4R5 at 120 MHz)."
        ),
    ),
)
