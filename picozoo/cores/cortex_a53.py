"""Arm Cortex-A53 (AArch64) with NEON: in order, two instructions per cycle, caches."""

from picozoo.specs import Core, CycleModel, Target

CORE = Core(
    name="cortex_a53",
    title="Cortex-A53",
    arch="aarch64",
    target=Target(pointer_bytes=8, align=16, features=frozenset({"fpu", "neon", "tile16"})),
    zig=("-target", "aarch64-freestanding-none", "-mcpu=cortex_a53"),
    gcc=("aarch64-linux-gnu-", ("-mcpu=cortex-a53", "-static")),
    cpu="UC_CPU_ARM64_A53",
    cycles=CycleModel(
        costs={
            "alu": 0.6,
            "mul": 1.0,
            "mull": 1.0,
            "div": 8.0,
            "load": 0.8,
            "store": 0.8,
            "loadm": 1.0,
            "storem": 1.0,
            "branch": 0.7,
            "fadd": 0.8,
            "fmul": 0.8,
            "fmac": 1.0,
            "fdiv": 14.0,
            "fload": 0.8,
            "fstore": 0.8,
            "fother": 0.8,
            "vector": 1.0,
            "vmul": 1.0,
            "vload": 1.0,
            "vstore": 1.0,
            "other": 1.0,
            "+taken": 0.3,
        },
        error=0.5,
        source=(
            "Estimate: Arm DDI 0500 (Cortex-A53 TRM) publishes no cycle table; dual issue of about half the "
            "instructions, everything in cache. Tables larger than the 512 KB second-level cache are limited by "
            "memory and take longer than this says."
        ),
    ),
)
