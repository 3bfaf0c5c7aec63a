"""The C of a compiled program: NAME.h (the interface), NAME.c (tables, layers, functions), and the kernels it uses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from picozoo import ops
from picozoo.emit.call import Call, Tables, c_name, emit_node, float_literal
from picozoo.emit.roll import TURN, roll
from picozoo.emit.share import LayerCode, functions
from picozoo.ir.program import Function, Node, Program
from picozoo.plan.arena import Plan
from picozoo.plan.timeline import key
from picozoo.specs import Target, TensorType, whole_name

KERNELS = Path(__file__).parent.parent / "kernels"
_PLAIN_C = {
    "f32": "float",
    "i8": "int8_t",
    "u8": "uint8_t",
    "bool": "uint8_t",
    "i16": "int16_t",
    "i32": "int32_t",
    "i64": "int64_t",
}


@dataclass(frozen=True)
class Slot:
    """An input or output: its name, type, and byte offset from the start of the context struct."""

    name: str
    type: TensorType
    offset: int


@dataclass(frozen=True)
class Layer:
    """One node as printed: its C function, and what the report says of it."""

    symbol: str
    name: str
    op: str
    function: str
    macs: int
    out_type: TensorType
    source: str
    key: tuple[str, str] = ("", "")
    tables: int = 0  # bytes of flash that no earlier layer has
    forms: tuple[str, ...] = ()  # that the operator offers here
    turn: int | None = None  # what its C function must be told, if several bands of a layer share it


@dataclass(frozen=True)
class Entry:
    """One public function."""

    name: str
    symbol: str
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]


@dataclass
class Model:
    """Generated sources and all a harness must know to call them. Sizes in bytes."""

    name: str
    files: dict[str, str]
    entries: dict[str, Entry]
    layers: list[Layer]
    arena: int
    state: int
    states: dict[str, Slot]
    const_bytes: int
    target: Target
    headers: list[str] = field(default_factory=list)

    @property
    def context_bytes(self) -> int:
        """RAM of one instance: working memory and state."""
        return self.arena + self.state


def emit(program: Program, plan: Plan, target: Target, *, stamp: str = "", share: str = "long") -> Model:
    """Print a planned program as C.

    Args:
        stamp: one line for the head of each file: what made it and how. Nothing in it may change from run to run.
        share: which layers that differ only in their places have one body: "none", "long" or "all" (`emit.share`).
    """
    return _Printer(program, plan, target, stamp, share).run()


class _Printer:
    def __init__(self, program: Program, plan: Plan, target: Target, stamp: str, share: str) -> None:
        self.program, self.plan, self.target, self.stamp, self.share = program, plan, target, stamp, share
        self.name = c_name(program.name).lower()
        self.tables = Tables(self.name)
        self.headers: set[str] = {"pz_base.h"}
        self.layers: list[Layer] = []
        self.layer_code: dict[int, LayerCode] = {}  # of each layer; at last, of those with a C function of their own

    def run(self) -> Model:
        bodies = [self._function(f) for f in self.program.public()]
        init = self._init()
        entries = {f.name: self._entry(f) for f in self.program.public()}
        states = {
            ref[1:]: Slot(ref[1:], t, self.plan.arena + self.plan.state_offset[ref])
            for ref, t in self.program.state_types.items()
        }
        model = Model(
            self.name,
            {},
            entries,
            self.layers,
            self.plan.arena,
            self.plan.state,
            states,
            self.tables.nbytes,
            self.target,
            sorted(self.headers),
        )
        model.files = {f"{self.name}.h": self._header(model), f"{self.name}.c": self._source(bodies, init)}
        return model

    # -- code -------------------------------------------------------------------------------------------------------
    def _function(self, f: Function) -> str:
        lines = [f"void {self.name}_{c_name(f.name)}({self.name}_t *pz) {{"]
        lines += ["  " + s for s in self._statements(f, f)]
        for state, k in self.plan.functions[f.name].shared.update_copies:
            n = self.program.state_types[state].nbytes
            lines.append(
                f"  pz_copy(pz->state + {self.plan.state_offset[state]}, {self._address(f.name, k)}, {n});"
                f" /* {state[1:]} */"
            )
        if len(lines) == 1:
            lines.append("  (void)pz;")
        return "\n".join([*lines, "}"])

    def _address(self, root: str, k: tuple[str, str]) -> str:
        kind, offset = self.plan.locate(root, k)
        return f"pz->{kind} + {offset}"

    def _statements(self, root: Function, f: Function) -> Iterator[str]:
        run: list[int] = []
        for node in f.nodes:
            if node.op == "while_loop":
                yield from self._calls(run)
                yield from self._loop(root, f, node)
                run = []
            elif self._layer(root, f, node):
                run.append(len(self.layers) - 1)
        yield from self._calls(run)

    def _calls(self, run: Sequence[int]) -> Iterator[str]:
        """Calls of layers that stand together, bands of rows in loops."""
        parts, calls = roll([whole_name(self.layers[i].name) for i in run], [self.layer_code[i].code for i in run])
        for i, call in zip(run, calls, strict=True):
            owner = run[call.owner]
            self.layers[i] = replace(self.layers[i], symbol=self.layers[owner].symbol, turn=call.turn)
            if owner != i:
                del self.layer_code[i]
            elif call.turn is not None:
                self.layer_code[i] = replace(self.layer_code[i], code=call.code, turns=True)
        for part in parts:
            lines = [
                line
                for k in range(part.start, part.start + part.period)
                for line in self._call(run[calls[k].owner], calls[k].turn, part.turns > 1)
            ]
            if part.turns > 1:
                yield f"for (int {TURN} = 0; {TURN} < {part.turns}; ++{TURN}) {{"
                yield from ("  " + line for line in lines)
                yield "}"
            else:
                yield from lines

    def _call(self, owner: int, turn: int | None, looped: bool) -> Iterator[str]:
        told = "" if turn is None else f", {TURN if looped else turn}"
        yield f"PZ_MARK({owner});"
        yield f"{self.layers[owner].symbol}(pz{told});"

    def _loop(self, root: Function, f: Function, node: Node) -> Iterator[str]:
        shared = self.plan.functions[root.name].shared
        cond, body = self.program.functions[node.attrs.cond], self.program.functions[node.attrs.body]
        yield from self._copies(root, shared.loop_in[(f.name, node.name)])
        yield f"for (;;) {{ /* {node.name} */"
        yield from ("  " + s for s in self._statements(root, cond))
        yield f"  if (!*({self._address(root.name, key(cond, cond.results[0]))})) break;"
        yield from ("  " + s for s in self._statements(root, body))
        yield from ("  " + s for s in self._copies(root, shared.loop_out[(f.name, node.name)]))
        yield "}"

    def _copies(self, root: Function, pairs: list[tuple[tuple[str, str], tuple[str, str]]]) -> Iterator[str]:
        for source, to in pairs:
            n = self.program.type_of(self.program.functions.get(to[0]), to[1]).nbytes
            if source[1][0] == "@":
                table = self.tables.add(source[1], self.program.constants[source[1]])
                yield f"pz_copy_flash({self._address(root.name, to)}, {table}, {n});"
            else:
                yield f"pz_copy({self._address(root.name, to)}, {self._address(root.name, source)}, {n});"

    def _layer(self, root: Function, f: Function, node: Node) -> str:
        target, before = self.target.at(node.name), self.tables.nbytes
        call = Call(self.program, self.plan, root.name, f, node, target, self.tables, self.headers)
        code = emit_node(call)
        if not code:
            return ""
        symbol = f"{self.name}_{c_name(root.name)}_L{len(self.layers)}_{c_name(node.name)}"
        macs = ops.get(node.op).macs(call.ins, call.outs, node.attrs)
        ins = ", ".join(_brief(t) for t in call.ins)
        note = f"/* {node.name}: {node.op}({ins}) -> {', '.join(_brief(t) for t in call.outs)}"
        note += f", {macs:,} multiply-accumulates" if macs else ""
        note += f"; {_safe(node.source)}" if node.source else ""
        note += f"; form {target.form}" if target.form else ""
        numbers = max(t.size for t in (*call.ins, *call.outs))
        small = target.has("small") or (call.small and not target.has("fast"))
        self.layer_code[len(self.layers)] = LayerCode(node.op, symbol, f"{note} */", code, numbers, small, call.thin)
        self.layers.append(
            Layer(
                symbol,
                node.name,
                node.op,
                root.name,
                macs,
                call.outs[0],
                node.source,
                (f.name, node.name),
                self.tables.nbytes - before,
                tuple(ops.get(node.op).forms(call.ins, call.outs, node.attrs, self.target)),
            )
        )
        return symbol

    def _init(self) -> str:
        lines = [f"void {self.name}_init({self.name}_t *pz) {{"]
        for ref, array in self.program.states.items():
            at, n = f"pz->state + {self.plan.state_offset[ref]}", array.nbytes
            raw = np.frombuffer(array.tobytes(), np.uint8)
            if n and (raw == raw[0]).all():
                lines.append(f"  for (int i = 0; i < {n}; ++i) ({at})[i] = {int(raw[0])}; /* {ref[1:]} */")
            elif n:
                lines.append(f"  pz_copy_flash({at}, {self.tables.add(ref + '_init', array)}, {n}); /* {ref[1:]} */")
        if len(lines) == 1:
            lines.append("  (void)pz;")
        return "\n".join([*lines, "}"])

    def _entry(self, f: Function) -> Entry:
        def slots(refs: tuple[str, ...], outputs: bool) -> tuple[Slot, ...]:
            made = []
            for i, ref in enumerate(refs):
                kind, offset = self.plan.locate(f.name, key(f, ref))
                name = f"out{i}" if outputs else ref[1:]
                made.append(
                    Slot(name, self.program.type_of(f, ref), offset + (self.plan.arena if kind == "state" else 0))
                )
            return tuple(made)

        return Entry(f.name, f"{self.name}_{c_name(f.name)}", slots(f.params, False), slots(f.results, True))

    # -- text -------------------------------------------------------------------------------------------------------
    def _head(self, what: str) -> str:
        stamp = f"\n   {_safe(self.stamp)}" if self.stamp else ""
        return f"/* {what}{stamp} */\n"

    def _header(self, m: Model) -> str:
        up = self.name.upper()
        out = [
            self._head(
                f"{_safe(self.program.name)}: a neural network as plain C99, generated by picozoo. Do not edit."
            ),
            f"#ifndef {up}_H\n#define {up}_H\n\n#include <stddef.h>\n#include <stdint.h>\n",
            '#ifdef __cplusplus\nextern "C" {\n#endif\n',
            f"/* All memory of one instance: {m.arena} bytes of working memory and {m.state} bytes of kept state.\n"
            "   Put it where you like (static, on a stack, in a pool); several instances may live side by side. */",
            f"#define {up}_ARENA_BYTES {m.arena}\n#define {up}_STATE_BYTES {m.state}",
            f"#define {up}_CONST_BYTES {m.const_bytes} /* tables in flash */\n",
            "typedef struct {",
        ]
        align = f" __attribute__((aligned({self.plan.align})))" if self.plan.align > 1 else ""
        out.append(f"  unsigned char arena[{m.arena or int(not m.state)}]{align};")
        if m.state:
            out.append(f"  unsigned char state[{m.state}]{align};")
        out.append(f"}} {self.name}_t;\n")
        out.append(
            f"/* Put the state to its initial value. Call once at first, and whenever a new sequence starts. */\n"
            f"void {self.name}_init({self.name}_t *net);\n"
        )
        for e in m.entries.values():
            out += self._entry_text(e)
        for s in m.states.values():
            out.append(f"/* Kept state {s.name}: {_brief(s.type)}. */")
            out.append(
                f"#define {up}_STATE_{c_name(s.name).upper()}(net) "
                f"(({_PLAIN_C[s.type.dtype]} *)((net)->state + {s.offset - m.arena}))\n"
            )
        out.append("#ifdef __cplusplus\n}\n#endif\n\n#endif\n")
        return "\n".join(out)

    def _entry_text(self, e: Entry) -> Iterator[str]:
        """Declaration of a function and macros for its inputs and outputs."""
        yield f"/* {e.name}: write the inputs, call, read the outputs. The call may overwrite its inputs. */"
        if self.program.period > 1 and e.name == self.program.main.name:
            yield f"/* Everything runs in every {self.program.period}th call; the last output says whether it did."
            yield "   In the others results are those of before. */"
        yield f"void {e.symbol}({self.name}_t *net);"
        for s in (*e.inputs, *e.outputs):
            up = f"{e.symbol}_{c_name(s.name)}".upper()
            region, at = ("arena", s.offset) if s.offset < self.plan.arena else ("state", s.offset - self.plan.arena)
            yield f"#define {up}(net) (({_PLAIN_C[s.type.dtype]} *)((net)->{region} + {at})) /* {_brief(s.type)} */"
            yield f"#define {up}_SIZE {s.type.size}"
            if s.type.quant:
                yield f"#define {up}_SCALE {float_literal(s.type.quant.scale[0])} /* real = scale * (q - zero) */"
                yield f"#define {up}_ZERO ({s.type.quant.zero_point[0]})"
        yield ""

    def _source(self, bodies: list[str], init: str) -> str:
        out = [
            self._head(f"{_safe(self.program.name)}: generated by picozoo. Do not edit."),
            f'#include "{self.name}.h"\n',
        ]
        out += [f'#include "{h}"' for h in sorted(self.headers)]
        out += ["", "/* ---- tables (flash) ---- */", ""]
        for name, (c_type, array, comment) in self.tables.arrays.items():
            note = f" /* {_safe(comment)} */" if comment else ""
            numbers = format_array(array) or "  0"
            out.append(f"static const {c_type} PZ_FLASH {name}[{array.size or 1}] ={note} {{\n{numbers}\n}};\n")
        types = {name: c_type for name, (c_type, _, _) in self.tables.arrays.items()}
        layers = functions(list(self.layer_code.values()), f"{self.name}_t", types, self.share)
        out += ["/* ---- layers ---- */", "", *layers, "/* ---- functions ---- */", ""]
        out += [b + "\n" for b in bodies]
        out.append(init + "\n")
        return "\n".join(out)


def format_array(array: np.ndarray) -> str:
    """Numbers of a table, wrapped to about 110 columns."""
    if array.dtype.kind == "f":
        words = [float_literal(v) for v in array]
    elif array.dtype.name == "uint32":
        words = [f"0x{int(v):08x}u" for v in array]
    else:
        words = [_int_literal(int(v)) for v in array]
    lines, line = [], "  "
    for i, w in enumerate(words):
        piece = w + ("," if i + 1 < len(words) else "")
        if len(line) + len(piece) > 110:
            lines.append(line)
            line = "  "
        line += piece + " "
    return "\n".join([*lines, line]).rstrip()


def _int_literal(v: int) -> str:
    if v == -(2**31):
        return "INT32_MIN"
    return str(v) if -(2**31) < v < 2**31 else f"INT64_C({v})"


def _brief(t: TensorType) -> str:
    return f"{t.dtype}[{','.join(map(str, t.shape))}]"


def _safe(text: str) -> str:
    """Text that cannot end a C comment or span lines."""
    return re.sub(r"\s+", " ", text).replace("*/", "* /").replace("/*", "/ *")


def kernel_files(headers: list[str]) -> Mapping[str, str]:
    """The kernel headers a model includes, and those that they include: file name -> text."""
    found: dict[str, str] = {}
    todo = list(headers)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found[name] = (KERNELS / name).read_text()
        todo += re.findall(r'#include "(pz_\w+\.h)"', found[name])
    return dict(sorted(found.items()))
