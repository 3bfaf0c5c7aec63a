"""RISC-V RV32IMC as in the ESP32-C3: four-stage pipeline, no FPU."""

from picozoo.specs import Core, CycleModel, Target

CORE = Core(
    name="rv32imc",
    title="RV32IMC",
    arch="riscv32",
    target=Target(pointer_bytes=4, align=4, features=frozenset({"mul32"})),
    zig=("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m+c", "-mabi=ilp32"),
    gcc=("riscv64-unknown-elf-", ("-march=rv32imc", "-mabi=ilp32")),
    cpu="",
    cycles=CycleModel(
        costs={
            "alu": 1.0,
            "mul": 1.0,
            "mull": 2.0,
            "div": 20.0,
            "load": 1.3,
            "store": 1.0,
            "branch": 1.0,
            "other": 1.0,
            "+taken": 2.0,
        },
        error=0.3,
        source=(
            "Estimate: Espressif publishes no cycle table for the ESP32-C3; a single-issue four-stage pipeline "
            "with a load-use stall on a third of the loads, two cycles lost to a taken branch, and a serial "
            "divider."
        ),
    ),
)
