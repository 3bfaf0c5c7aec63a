"""Arm Cortex-M0+ (Armv6-M): two-stage pipeline, no division, no long multiply, no FPU."""

from picozoo.specs import Core, CycleModel, Target

CORE = Core(
    name="cortex_m0plus",
    title="Cortex-M0+",
    arch="arm",
    target=Target(pointer_bytes=4, align=4, features=frozenset({"mul32"})),
    zig=("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0plus"),
    gcc=("arm-none-eabi-", ("-mcpu=cortex-m0plus", "-mthumb")),
    cpu="UC_CPU_ARM_CORTEX_M0",
    cycles=CycleModel(
        costs={
            "alu": 1.0,
            "mul": 1.0,
            "load": 2.0,
            "store": 2.0,
            "loadm": 1.0,
            "storem": 1.0,
            "branch": 1.0,
            "other": 1.0,
            "+taken": 1.0,
            "+word": 1.0,
        },
        error=0.15,
        source=(
            "Costs: Arm DDI 0484 (Cortex-M0+ r0p1 TRM), table 3-1, with the single-cycle multiplier and zero wait "
            "states; a call (BL) costs one cycle more than counted here. Error: estimate, not yet checked against "
            "a timing of the same binary."
        ),
    ),
)
