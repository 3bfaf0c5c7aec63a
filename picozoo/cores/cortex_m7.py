"""Arm Cortex-M7 with FPU (Armv7E-M): six stages, two instructions per cycle, caches."""

from picozoo.specs import Core, CycleModel, Target

CORE = Core(
    name="cortex_m7",
    title="Cortex-M7",
    arch="arm",
    target=Target(pointer_bytes=4, align=8, features=frozenset({"dsp", "fpu"})),
    zig=("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m7+fp_armv8d16sp"),
    gcc=("arm-none-eabi-", ("-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16")),
    cpu="UC_CPU_ARM_CORTEX_M7",
    cycles=CycleModel(
        costs={
            "alu": 0.6,
            "mul": 0.8,
            "mull": 0.8,
            "div": 6.0,
            "load": 0.8,
            "store": 0.7,
            "loadm": 0.5,
            "storem": 0.5,
            "branch": 0.7,
            "fadd": 0.8,
            "fmul": 0.8,
            "fmac": 1.0,
            "fdiv": 14.0,
            "fload": 0.8,
            "fstore": 0.7,
            "fother": 0.7,
            "other": 1.0,
            "+taken": 0.5,
            "+word": 0.6,
        },
        error=0.4,
        source=(
            "Estimate: Arm DDI 0489 (Cortex-M7 TRM) publishes no cycle table; costs assume that about two thirds "
            "of the instructions issue in pairs, tables and activations in cache or TCM. In MLPerf Tiny v1.1 "
            "and v1.2 the same closed libraries need 0.58 to 0.71 of the Cortex-M4's cycles on this core (image "
            "model, STM32F746 at 216 MHz and STM32H7A3 at 280 MHz against STM32L4R5 at 120 MHz)."
        ),
    ),
)
