"""Linking: the linker script made from a board's memories, and reading sizes and symbols from the result."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elftools.elf.elffile import ELFFile

from picozoo.errors import BuildFailed
from picozoo.specs import Board

if TYPE_CHECKING:
    from picozoo._toolchain import Tools

# Space at the start of flash for the vector table and the monitor, so that no function or table has address 0.
HARNESS_BYTES = 0x2000
AVR_HARNESS_BYTES = 0x80
CONST = ".rodata.pz"
# Segments apart from each other, or the gap between two memories would be bytes of the file.
_HEADERS = "PHDRS { harness PT_LOAD FLAGS(5); flash PT_LOAD FLAGS(5); ram PT_LOAD FLAGS(6); }"
_DISCARD = "/DISCARD/ : { *(.ARM.exidx* .ARM.extab* .eh_frame* .comment .note* .debug* .deplibs) }"


def script(board: Board, roots: Sequence[str]) -> str:
    """The linker script: memories as unlimited regions, the network's parts in sections of their own.

    `.bss` names its segment although it follows one that does: GNU ld drops an empty `.data`, and the segment with it.
    """
    if board.core.arch == "avr":
        return _avr_script(board, roots)
    start, ram = board.flash_origin, board.ram_origin
    # A core that really starts up looks for its vectors at address 0 (on QEMU's board that is memory of its own).
    harness = 0 if board.emulator == "qemu" else start
    entry = "ENTRY(pz_reset)\n" if board.emulator == "qemu" else ""
    data = "*(.data .data.* .sdata .sdata.*)"
    return f"""{entry}EXTERN({" ".join(roots)})
{_HEADERS}
SECTIONS {{
  . = {harness:#x};
  .pz_harness : {{ KEEP(*(.pz_harness.vectors)) *(.pz_harness.text* .pz_harness.rodata*) }} :harness
  . = {start + HARNESS_BYTES:#x};
  .text : {{ *(.text .text.*) }} :flash
  {CONST} : {{ *({CONST} {CONST}.*) }}
  .rodata : {{ *(.rodata .rodata.* .srodata .srodata.*) }}
  . = ALIGN(16);
  __pz_data_load = .;
  . = {ram:#x};
  .data : AT(__pz_data_load) {{ __pz_data_start = .; {data} . = ALIGN(4); __pz_data_end = .; }} :ram
  .bss (NOLOAD) : {{ __pz_bss_start = .; *(.bss .bss.* .sbss .sbss.* COMMON)
                    . = ALIGN(4); __pz_bss_end = .; }} :ram
  .pz_harness_bss (NOLOAD) : {{ *(.pz_harness.bss*) }}
  __pz_end = ALIGN(16);
  __pz_stack_top = {ram + (board.ram or 0):#x};
  {_DISCARD}
}}
"""


def _avr_script(board: Board, roots: Sequence[str]) -> str:
    """AVR: tables are in flash only where the source says so; other read-only data must be copied to RAM."""
    ram = board.ram_origin
    return f"""EXTERN({" ".join(roots)})
PROVIDE(__do_copy_data = 0);
PROVIDE(__do_clear_bss = 0);
{_HEADERS}
SECTIONS {{
  . = {board.flash_origin:#x};
  .pz_harness : {{ KEEP(*(.pz_harness.vectors)) *(.pz_harness.text* .pz_harness.rodata*) }} :harness
  . = {board.flash_origin + AVR_HARNESS_BYTES:#x};
  {CONST} : {{ *({CONST} {CONST}.* .progmem .progmem.* .progmem1.*) . = ALIGN(2); }} :flash
  .text : {{ *(.text .text.*) }}
  . = ALIGN(2);
  __pz_data_load = .;
  . = {ram:#x};
  .data : AT(__pz_data_load) {{ __pz_data_start = .; *(.data .data.* .rodata .rodata.*) __pz_data_end = .; }} :ram
  .bss (NOLOAD) : {{ __pz_bss_start = .; *(.bss .bss.* COMMON) __pz_bss_end = .; }}
  .pz_harness_bss (NOLOAD) : {{ *(.pz_harness.bss*) }}
  __pz_end = .;
  __pz_stack_top = {ram + (board.ram or 0) - 1:#x};
  {_DISCARD}
}}
"""


def link(tools: Tools, folder: Path, objects: Sequence[str], roots: Sequence[str]) -> Path:
    """Link the objects, with the compiler's own runtime library only if something needs it.

    Zig builds its runtime library at the first use on each core, which takes seconds; so it is asked for last.

    Raises:
        BuildFailed: a symbol that nobody defines, or another linker error.
    """
    (folder / "pz.ld").write_text(script(tools.board, roots))
    if tools.is_zig:
        _link_zig(tools, folder, objects)
    else:
        _link_gcc(tools, folder, objects)
    return folder / "image.elf"


def _link_gcc(tools: Tools, folder: Path, objects: Sequence[str]) -> None:
    flags = ["-nostdlib", "-static", "-Wl,-T,pz.ld"]
    flags += ["-Wl,--gc-sections", "-Wl,--build-id=none", "-Wl,-z,max-page-size=16"]
    if tools.board.core.arch == "avr":  # avr-libc: its memory and float functions are hand-written assembly
        libraries = ["-Wl,--start-group", "-lm", "-lc", "-lgcc", "-Wl,--end-group"]
    else:
        libraries = [*tools.runtime(), "-lgcc"]
    tools.run([*tools.compiler, *tools.flags, *flags, *objects, *libraries, "-o", "image.elf"], folder)


def _link_zig(tools: Tools, folder: Path, objects: Sequence[str]) -> None:
    flags = ["-static", "--gc-sections", "--build-id=none", "-z", "max-page-size=16", "-T", "pz.ld", "-o", "image.elf"]
    lld = [tools.compiler[0], "ld.lld", *flags, "--noinhibit-exec"]
    missing = undefined(tools.run([*lld, *objects], folder))
    if not missing:
        return
    objects = [*objects, *tools.runtime()]
    missing = undefined(tools.run([*lld, *objects], folder))
    if not missing:
        return
    refuse_undefined([name for name in missing if not name.startswith("__")])
    flags = ["-static", "-Wl,--gc-sections", "-Wl,-T,pz.ld", "-Wl,--build-id=none", "-Wl,-z,max-page-size=16"]
    tools.run([*tools.compiler, *tools.flags, *flags, *objects, "-o", "image.elf"], folder)


def refuse_undefined(names: Sequence[str]) -> None:
    """Raises BuildFailed if there are any."""
    if names:
        raise BuildFailed(f"the linker found no definition of {', '.join(names)}; define it in the sources")


def link_host(tools: Tools, folder: Path, objects: Sequence[str], roots: Sequence[str]) -> Path:
    """A shared library for this machine; what it needs of the C library it finds in the process that loads it."""
    flags = ["-shared", "-nostdlib", *(f"-Wl,-u,{root}" for root in roots)]
    if sys.platform == "darwin":
        flags += ["-Wl,-undefined,dynamic_lookup"]
    else:
        flags += ["-Wl,--gc-sections", "-Wl,-Bsymbolic"]
    output = folder / ("image.dylib" if sys.platform == "darwin" else "image.so")
    tools.run([*tools.compiler, *tools.flags, *flags, *objects, "-o", output.name], folder)
    return output


def undefined(messages: str) -> list[str]:
    """Names in LLD's "undefined symbol" lines, once each, in order.

    Example:
        >>> undefined("ld.lld: warning: undefined symbol: __aeabi_ldivmod\\n>>> referenced by a.c")
        ['__aeabi_ldivmod']
    """
    return list(dict.fromkeys(re.findall(r"undefined symbol: (\S+)", messages)))


def facts(board: Board, path: Path, const_prefix: str) -> dict[str, Any]:
    """Symbols, segments and sizes of a linked ELF file, as plain values for the cache."""
    if sys.platform == "darwin" and path.suffix == ".dylib":  # not an ELF file: it runs, but its sizes are unknown
        zero = dict.fromkeys(("flash_code", "flash_const", "flash_data", "ram_data"), 0)
        return {"file": path.name, "symbols": {}, "segments": [], "const_symbols": {}, **zero}
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        sections = {section.name: section for section in elf.iter_sections()}
        symbols = _symbols(elf, board.core.arch == "arm")
        segments = [_segment(segment) for segment in elf.iter_segments("PT_LOAD") if segment["p_memsz"]]

    def size(name: str) -> int:
        return int(sections[name]["sh_size"]) if name in sections else 0

    const = {n: s[1] for n, s in symbols.items() if _is_const(n, s, const_prefix)}
    apart = sum(symbols[n][1] for n in const if symbols[n][2] != CONST)  # tables that lie in .rodata
    return {
        "file": path.name,
        "symbols": symbols,
        "segments": segments,
        "flash_code": size(".text") + size(".rodata") - apart,
        "flash_const": size(CONST) + apart,
        "flash_data": size(".data"),
        "ram_data": size(".data") + size(".bss"),
        "const_symbols": const,
    }


def _is_const(name: str, symbol: list[Any], prefix: str) -> bool:
    return bool(symbol[2] == CONST or (prefix and name.startswith(prefix) and symbol[2] == ".rodata")) and symbol[1] > 0


def _symbols(elf: Any, thumb: bool) -> dict[str, list[Any]]:
    """name -> [address, size, section, is function]; a second local symbol of the same name gets a ".1" and so on."""
    table = elf.get_section_by_name(".symtab")
    found: dict[str, list[Any]] = {}
    for symbol in table.iter_symbols() if table else ():
        kind, index = symbol["st_info"]["type"], symbol["st_shndx"]
        if kind not in ("STT_FUNC", "STT_OBJECT", "STT_NOTYPE") or index == "SHN_UNDEF" or not symbol.name:
            continue
        if symbol.name.startswith("$"):  # marks of code and data, not names
            continue
        function = kind == "STT_FUNC"
        address = symbol["st_value"] & ~1 if function and thumb else symbol["st_value"]
        section = elf.get_section(index).name if isinstance(index, int) else ""
        found[_free_name(symbol.name, found)] = [address, symbol["st_size"], section, function]
    return dict(sorted(found.items()))


def _free_name(name: str, taken: Iterable[str]) -> str:
    known = taken if isinstance(taken, dict) else set(taken)
    number, free = 0, name
    while free in known:
        number += 1
        free = f"{name}.{number}"
    return free


def _segment(segment: Any) -> dict[str, int]:
    return {
        "address": segment["p_vaddr"],
        "load": segment["p_paddr"],
        "offset": segment["p_offset"],
        "file_size": segment["p_filesz"],
        "size": segment["p_memsz"],
        "flags": segment["p_flags"],
    }
