"""Instruction classes: the keys of an instruction mix, and of a core's cycle costs.

alu  shift/add/logic/compare/move          mul    32x32 -> 32, with or without accumulate; SIMD multiplies (DSP)
mull 32x32 -> 64, with or without add      div    integer division
load, store           one register         loadm, storem   several registers (also push, pop, ldrd)
branch                every change of flow, calls and returns included
fadd, fmul, fmac, fdiv, fload, fstore, fother              scalar float
vector, vload, vstore, vmul                                Helium and NEON
loop   end of a low-overhead loop of Armv8.1-M (LE, LETP)
other                 barriers, nop and what no rule knows

+taken   a block ended by going elsewhere than to the next address, but for those that end a low-overhead loop
+word    each register that a multiple load or store moves
+paired  a load or store right behind another one
+beat    a Helium or NEON instruction right behind one for the same part of the core: memory, multiplier, or the rest
"""

from __future__ import annotations

from collections.abc import Iterator

_MEMORY = frozenset({"load", "store", "fload", "fstore"})
_PIPES = {"vload": "memory", "vstore": "memory", "vmul": "multiplier", "vector": "rest"}


def length(arch: str, code: bytes, at: int) -> int:
    """Bytes of the instruction at `code[at:]`, from its first halfword alone.

    Example:
        >>> length("arm", bytes.fromhex("00f001b8"), 0)
        4
    """
    if arch == "aarch64":
        return 4
    low, high = code[at], code[at + 1]
    if arch == "riscv32":
        return 4 if low & 3 == 3 else 2
    return 4 if high >> 3 in (0x1D, 0x1E, 0x1F) else 2


def classify(arch: str, name: str, operands: str, code: bytes) -> str:
    """Class of one instruction.

    Args:
        name, operands: as capstone prints them; empty if it does not know the instruction.
        code: its bytes, for what capstone does not know.
    """
    if arch == "arm":
        return _arm(name.split(".", 1)[0], name, operands, code)
    return _riscv(name) if arch == "riscv32" else _aarch64(name, operands)


def events(kind: str, previous: str, name: str, operands: str) -> Iterator[tuple[str, int]]:
    """Events that come with an instruction; see the head of this file."""
    if kind in ("loadm", "storem"):
        yield "+word", registers(operands) if "{" in operands else 2
    if kind in _MEMORY and previous in _MEMORY:
        yield "+paired", 1
    if kind in _PIPES and _PIPES[kind] == _PIPES.get(previous):
        yield "+beat", 1


def registers(operands: str) -> int:
    """Registers in a list such as "{r4, r5, r8-r11}"; 0 if there is none.

    Example:
        >>> registers("sp!, {r4, r6-r8, lr}")
        5
    """
    inside = operands[operands.find("{") + 1 : operands.find("}")] if "{" in operands else ""
    total = 0
    for part in (p.strip() for p in inside.split(",")):
        if "-" in part:
            first, last = (int("".join(c for c in r if c.isdigit()) or 0) for r in part.split("-"))
            total += last - first + 1
        elif part:
            total += 1
    return total


_CONDITIONS = ("eq", "ne", "hs", "lo", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le")
_ARM_BRANCHES = {"b", "bl", "bx", "blx", "cbz", "cbnz", "tbb", "tbh", *(f"b{c}" for c in _CONDITIONS)}
_ARM_MULL = ("smull", "umull", "smlal", "umlal", "umaal", "smmul", "smmla", "smmls")
_ARM_MUL = ("mul", "mla", "mls", "smla", "smul", "smuad", "smusd", "smlsd")


def _arm(base: str, name: str, operands: str, code: bytes) -> str:
    if not base:
        return _arm_unknown(code)
    if base.startswith(("ldc", "stc", "cdp", "mcr", "mrc")):  # capstone 5 takes Helium for a coprocessor
        return _arm_unknown(code)
    if base in _ARM_BRANCHES or (base.startswith(("bl", "bx")) and base[2:] in _CONDITIONS):
        return "branch"
    if base.startswith("v"):
        return _arm_float(base, name, operands)
    if base.startswith(("ldm", "pop", "ldrd")):
        return "loadm"
    if base.startswith(("stm", "push", "strd")):
        return "storem"
    if base.startswith("ldr"):
        return "load"
    if base.startswith("str"):
        return "store"
    if base.startswith(("sdiv", "udiv")):
        return "div"
    if base.startswith(_ARM_MULL):
        return "mull"
    if base.startswith(_ARM_MUL):
        return "mul"
    if base.startswith(("nop", "dsb", "dmb", "isb", "bkpt", "svc", "wfi", "wfe", "cps", "mrs", "msr")):
        return "other"
    return "alu"


_FLOAT = (
    (("vfma", "vfms", "vfnm", "vmla", "vmls", "vnml"), "fmac"),
    (("vmul", "vnmul"), "fmul"),
    (("vdiv", "vsqrt"), "fdiv"),
    (("vadd", "vsub", "vcmp", "vabs", "vneg", "vmaxnm", "vminnm"), "fadd"),
    (("vldm", "vpop"), "loadm"),
    (("vstm", "vpush"), "storem"),
    (("vldr",), "fload"),
    (("vstr",), "fstore"),
)


def _arm_float(base: str, name: str, operands: str) -> str:
    if operands.startswith("q"):
        return "vmul" if "mul" in base or "mla" in base or base.startswith("vfm") else "vector"
    return next((kind for starts, kind in _FLOAT if base.startswith(starts)), "fother")


def _arm_unknown(code: bytes) -> str:
    """Class from the encoding: Armv8.1-M loops and Helium, which capstone 5 does not know (Arm DDI 0553, C2)."""
    if len(code) < 4:
        return "other"
    first = int.from_bytes(code[:2], "little")
    second = int.from_bytes(code[2:4], "little")
    if first & 0xF800 == 0xF000 and second & 0xD000 == 0xC000:
        if second & 0xF800 == 0xE800:
            return "vector"  # VCTP
        return "loop" if first & 0xFFCF == 0xF00F else "branch"  # LE, LETP; WLS, DLS ...
    if first & 0xEE00 == 0xEC00 and first & 0x0F00 in (0x0C00, 0x0D00):
        if first & 0xFFA0 == 0xEC00:
            return "vector"  # VMOV of two lanes
        return "vload" if first & 0x10 else "vstore"
    if first & 0xEF00 in (0xEE00, 0xEF00):
        return "vmul" if _multiplies(first, second) else "vector"
    return "alu" if first & 0xFE00 == 0xEA00 else "other"


def _multiplies(first: int, second: int) -> bool:
    """Of the Helium instructions that capstone 5 does not know, those of the multiplier.

    Example:
        >>> [_multiplies(0xEEF0, 0x0F24), _multiplies(0xEE03, 0x1E04), _multiplies(0xEEB0, 0x0F42)]  # VMOVLB is none
        [True, True, False]
    """
    if first & 0xEF81 == 0xEE01 and second & 0x0F10 == 0x0E00:
        return second & 0x0040 != 0 or first & 0x0030 != 0x0030  # by a scalar; VMULL, VMULH, and not VQMOVN
    across = first & 0xEF80 == 0xEE80 and second & 0x0E00 == 0x0E00  # VMLADAV, VADDV ..., and not VMOVL
    return across and second & 0x00C0 != 0x0040


def _riscv(name: str) -> str:
    base = name.removeprefix("c.")
    if base in ("lb", "lbu", "lh", "lhu", "lw", "lwsp"):
        return "load"
    if base in ("sb", "sh", "sw", "swsp"):
        return "store"
    if base in ("beq", "bne", "blt", "bge", "bltu", "bgeu", "beqz", "bnez", "blez", "bgez", "bltz", "bgtz"):
        return "branch"
    if base in ("j", "jal", "jr", "jalr", "ret", "call", "tail"):
        return "branch"
    if base == "mul":
        return "mul"
    if base.startswith("mulh"):
        return "mull"
    if base in ("div", "divu", "rem", "remu"):
        return "div"
    return "other" if base in ("", "nop", "fence", "ecall", "ebreak", "unimp") or base.startswith("csr") else "alu"


def _aarch64(name: str, operands: str) -> str:
    base = name.split(".", 1)[0]
    simd = operands.startswith(("v", "{v", "{ v"))
    wide = operands.startswith(("q", "d", "s", "b", "h")) and not operands.startswith(("sp", "b."))
    if base in ("b", "bl", "br", "blr", "ret", "cbz", "cbnz", "tbz", "tbnz"):
        return "branch"
    if base.startswith(("ld", "st")):
        return _aarch64_memory(base, simd or wide)
    if base.startswith(("sdiv", "udiv")):
        return "div"
    if simd:
        return "vmul" if "mul" in base or "mla" in base or "dot" in base or base.startswith("fml") else "vector"
    if base.startswith(("smul", "umul", "smadd", "umadd", "smsub", "umsub", "smneg", "umneg")):
        return "mull"
    if base in ("mul", "madd", "msub", "mneg"):
        return "mul"
    return _aarch64_float(base)


def _aarch64_memory(base: str, vector: bool) -> str:
    load = base.startswith("ld")
    if vector:
        return "vload" if load else "vstore"
    if base in ("ldp", "ldpsw", "ldnp"):
        return "loadm"
    if base in ("stp", "stnp"):
        return "storem"
    return "load" if load else "store"


def _aarch64_float(base: str) -> str:
    if base in ("fmadd", "fmsub", "fnmadd", "fnmsub"):
        return "fmac"
    if base in ("fmul", "fnmul"):
        return "fmul"
    if base in ("fdiv", "fsqrt"):
        return "fdiv"
    if base in ("fadd", "fsub", "fcmp", "fcmpe", "fabs", "fneg", "fmax", "fmin", "fmaxnm", "fminnm"):
        return "fadd"
    if base.startswith(("f", "scvtf", "ucvtf")):
        return "fother"
    return "other" if base in ("", "nop", "hint", "dmb", "dsb", "isb", "mrs", "msr", "udf") else "alu"
