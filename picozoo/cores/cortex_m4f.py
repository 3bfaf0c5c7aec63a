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
    cycles=CycleModel(
        costs={
            "alu": 1.0,
            "mul": 1.0,
            "mull": 1.0,
            "div": 7.0,
            "load": 2.0,
            "store": 1.0,
            "loadm": 1.0,
            "storem": 1.0,
            "branch": 1.0,
            "fadd": 1.0,
            "fmul": 1.0,
            "fmac": 3.0,
            "fdiv": 14.0,
            "fload": 2.0,
            "fstore": 2.0,
            "fother": 1.0,
            "other": 1.0,
            "+taken": 2.0,
            "+word": 1.0,
            "+paired": -1.0,
        },
        error=0.25,
        source=(
            "Costs: Arm DDI 0439 (Cortex-M4 TRM), instruction tables of chapters 3 and 7, zero wait states; "
            "integer division at the middle of its 2 to 12 cycles, a taken branch refills the pipeline in 1 to "
            "3, taken as 2; a load or store behind another one is pipelined. Error: an estimate; not yet "
            "checked against a timing of the same binary. For orientation: TFLM with CMSIS-NN runs 29.9 M "
            "instructions for MLPerf Tiny's image network, and microTVM with CMSIS-NN needs 46.7 M cycles for "
            "it on the L4R5 (MLPerf Tiny v1.0), 1.57 cycles per instruction; this model gives 1.3 to 1.6 for "
            "integer kernels."
        ),
    ),
)
