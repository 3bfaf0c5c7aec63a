"""Arm Cortex-M55 with Helium (MVE integer and float) and FPU (Armv8.1-M main line)."""

from picozoo.specs import Core, CycleModel, Target

CORE = Core(
    name="cortex_m55",
    title="Cortex-M55",
    arch="arm",
    target=Target(pointer_bytes=4, align=8, features=frozenset({"dsp", "fpu", "mve"})),
    zig=("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m55+mve_fp+fp_armv8d16sp"),
    gcc=("arm-none-eabi-", ("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard")),
    cpu="cortex-m55",
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
            "loop": 0.0,
            "fadd": 1.0,
            "fmul": 1.0,
            "fmac": 2.0,
            "fdiv": 15.0,
            "fload": 1.3,
            "fstore": 1.0,
            "fother": 1.0,
            "vector": 1.0,
            "vmul": 1.0,
            "vload": 1.0,
            "vstore": 1.0,
            "other": 1.0,
            "+taken": 1.5,
            "+word": 1.0,
            "+beat": 1.0,
        },
        error=0.4,
        source=(
            "Estimate: Arm publishes no cycle table. Helium instructions take two cycles, 64 bits in each; the second "
            "overlaps with the next instruction unless that one is for the same of the three parts memory, multiplier "
            "and rest (Arm's 'Helium Optimization' notes; LLVM's ARMScheduleM55.td). What waits for a result of the "
            "instruction before is not counted. Scalar costs are those of the Cortex-M33; ends of low-overhead loops "
            "are free. All memory without wait states. Not checked against a timing of the same binary; no published "
            "measurement of these models on this core was found. For orientation: the Cortex-M85, which has the same "
            "two cycles and issues more scalar pairs, needs 4.07 million cycles for MLPerf Tiny's image model, 1.66 "
            "for keyword and 0.25 for anomaly (Renesas EK-RA8D1, 480 MHz, v1.2)."
        ),
    ),
)
