"""The textual form of a program: printed for people, parsed back without loss.

One statement a line. Constants and state appear with their types only; their numbers travel beside the text
(in the artefact, `artefact.py`). Grammar, with JSON for names, attribute values and quantisation:

    program "lenet5"
    meta "key" "value"
    const @conv1.weight: i8[6,5,5,1] q{"axis": 0, "scale": [0.1, ...], "zero": [0, ...]}
    state $h: f32[1,32]
    func forward(%x: f32[1,28,28,1]) -> (%y) {
      %t: f32[1,28,28,6] = conv2d(%x, @conv1.weight, @conv1.bias) {"stride": [1, 1]} #["conv1", "lenet5.py:31"]
      update $h = %t
    }
    region recall.body(...) -> (...) {
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

from picozoo import ops
from picozoo.errors import BadFile, PicozooError
from picozoo.ir.program import Function, Node, Program
from picozoo.specs import QuantParams, TensorType

_MAX_TEXT = 64 << 20
_NAME = r"[A-Za-z0-9_.\-/:]+"
_TYPE = re.compile(r"([a-z0-9]+)\[([0-9,]*)\](?: q(\{.*\}))?$")
_HEADER = re.compile(rf"(func|region) ({_NAME})\((.*)\) -> \((.*)\) \{{$")
_NODE = re.compile(rf"(.+?) = ({_NAME})\(([^()]*)\) (\{{.*\}}) #(\[.*\])$")


def type_text(t: TensorType) -> str:
    """`i8[1,10] q{...}`; parsed back by `parse_type`."""
    text = f"{t.dtype}[{','.join(map(str, t.shape))}]"
    if t.quant is None:
        return text
    q = {"axis": t.quant.axis, "scale": list(t.quant.scale), "zero": list(t.quant.zero_point)}
    return f"{text} q{json.dumps(q)}"


def parse_type(text: str) -> TensorType:
    """A type from its text. Raises BadFile if it is none."""
    m = _TYPE.match(text.strip())
    if not m:
        raise BadFile(f"not a tensor type: {text[:60]!r}")
    shape = tuple(int(d) for d in m[2].split(",")) if m[2] else ()
    if any(d > 1 << 40 for d in shape):
        raise BadFile(f"a dimension of {max(shape)} is not credible")
    quant = None
    if m[3]:
        q = json.loads(m[3])
        quant = QuantParams(tuple(float(s) for s in q["scale"]), tuple(int(z) for z in q["zero"]), q["axis"])
        if quant.axis is not None and not (
            isinstance(quant.axis, int) and 0 <= quant.axis < len(shape) and shape[quant.axis] == len(quant.scale)
        ):
            raise BadFile(f"quantisation axis {quant.axis} does not fit shape {shape}")
    return TensorType(shape, m[1], quant)


def print_program(program: Program) -> str:
    """The whole program as text; equal programs give equal text."""
    lines = [f"program {json.dumps(program.name)}"]
    lines += [f"meta {json.dumps(k)} {json.dumps(v)}" for k, v in sorted(program.meta.items())]
    lines += [f"const {r}: {type_text(t)}" for r, t in program.constant_types.items()]
    lines += [f"state {r}: {type_text(t)}" for r, t in program.state_types.items()]
    for f in program.functions.values():
        lines += print_function(f)
    return "\n".join(lines) + "\n"


def print_function(f: Function) -> list[str]:
    """Lines of one function or region."""
    params = "; ".join(f"{p}: {type_text(f.types[p])}" for p in f.params)
    lines = [f"{'func' if f.public else 'region'} {f.name}({params}) -> ({', '.join(f.results)}) {{"]
    for n in f.nodes:
        outs = "; ".join(f"{r}: {type_text(f.types[r])}" for r in n.outputs)
        attrs = json.dumps(_attrs(n.attrs))
        lines.append(f"  {outs} = {n.op}({', '.join(n.inputs)}) {attrs} #{json.dumps([n.name, n.source])}")
    lines += [f"  update {s} = {r}" for s, r in f.updates.items()]
    return [*lines, "}"]


def _attrs(attrs: Any) -> dict[str, Any]:
    """Attributes by name; those made with `specs.added` only where they are not at their default."""
    late = {f.name: f.default for f in dataclasses.fields(attrs) if f.metadata.get("added")}
    return {k: v for k, v in dataclasses.asdict(attrs).items() if k not in late or v != late[k]}


def parse_program(text: str) -> Program:
    """Read what `print_program` wrote. Arrays are left out: `constants` and `states` have keys only in their types.

    Raises:
        BadFile: anything that is not a well-formed program; names the line.
    """
    if len(text) > _MAX_TEXT:
        raise BadFile(f"program text of {len(text)} characters is larger than the limit of {_MAX_TEXT}")
    program, function = Program(""), None
    for number, line in enumerate(text.splitlines(), 1):
        try:
            function = _parse_line(program, function, line)
        except (PicozooError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as e:
            raise BadFile(f"program text, line {number}: {e} in {line[:80]!r}") from e
    if function is not None or not any(f.public for f in program.functions.values()):
        raise BadFile("program text ends too early: a function is not closed, or there is none to call")
    return program


def _parse_line(program: Program, function: Function | None, line: str) -> Function | None:
    stripped = line.strip()
    if not stripped:
        return function
    if not stripped.isprintable():
        raise BadFile("a sign that cannot be printed")
    if function is None:
        word, _, rest = stripped.partition(" ")
        if word == "program":
            program.name = _name(json.loads(rest))
        elif word == "meta":
            key, end = json.JSONDecoder().raw_decode(rest)
            program.meta[_string(key)] = _string(json.loads(rest[end:]))
        elif word in ("const", "state"):
            ref, _, type_ = rest.partition(": ")
            table = program.constant_types if word == "const" else program.state_types
            if ref in table or not ref.startswith("@" if word == "const" else "$"):
                raise BadFile(f"{ref!r} is a bad name or defined twice")
            table[ref] = parse_type(type_)
        else:
            return _parse_header(program, stripped)
        return None
    if stripped == "}":
        return None
    if stripped.startswith("update "):
        state, _, ref = stripped[len("update ") :].partition(" = ")
        function.updates[state] = ref
        return function
    _parse_node(function, stripped)
    return function


def _parse_header(program: Program, line: str) -> Function:
    m = _HEADER.match(line)
    if not m or m[2] in program.functions:
        raise BadFile("not a statement, or a function defined twice")
    types = dict(_typed(m[3]))
    results = tuple(r.strip() for r in m[4].split(",")) if m[4] else ()
    f = Function(m[2], tuple(types), results, [], types, public=m[1] == "func")
    program.functions[f.name] = f
    return f


def _parse_node(function: Function, line: str) -> None:
    m = _NODE.match(line)
    if not m:
        raise BadFile("not a node")
    outs = dict(_typed(m[1]))
    if any(o in function.types for o in outs):
        raise BadFile(f"{', '.join(outs)} is defined twice")
    name, source = json.loads(m[5])
    inputs = tuple(r.strip() for r in m[3].split(",")) if m[3] else ()
    attrs = attrs_from_json(m[2], json.loads(m[4]))
    function.nodes.append(Node(m[2], _name(name), inputs, tuple(outs), attrs, _name(source)))
    function.types.update(outs)


def _typed(text: str) -> list[tuple[str, TensorType]]:
    found = []
    for part in text.split("; ") if text else []:
        ref, _, type_ = part.partition(": ")
        if not re.fullmatch(r"%\S+", ref):
            raise BadFile(f"{ref!r} is not a local name")
        found.append((ref, parse_type(type_)))
    return found


def attrs_from_json(op: str, values: dict[str, Any]) -> Any:
    """Build an operator's attributes from JSON values, refusing names and types it does not have.

    Example:
        >>> attrs_from_json("transpose", {"perm": [0, 2, 1]}).perm
        (0, 2, 1)
    """
    cls = ops.get(op).Attrs
    fields = {f.name: f for f in dataclasses.fields(cls)}
    if unknown := set(values) - set(fields):
        raise BadFile(f"{op} has no attribute {', '.join(sorted(unknown))}")
    made = cls(**{k: _tuples(v) for k, v in values.items()})
    for name, f in fields.items():
        if not _fits(getattr(made, name), str(f.type)):
            raise BadFile(f"{op}: attribute {name} must be {f.type}, got {getattr(made, name)!r}")
    return made


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def _fits(value: Any, annotation: str) -> bool:
    kinds: dict[str, Any] = {"int": int, "float": (int, float), "str": str, "bool": bool}
    if annotation in kinds:
        return isinstance(value, kinds[annotation]) and (annotation == "bool" or not isinstance(value, bool))
    if annotation.startswith("tuple["):
        inner = [a.strip() for a in annotation[6:-1].split(",")]
        if not isinstance(value, tuple):
            return False
        if inner[-1] == "...":
            return all(_fits(v, inner[0]) for v in value)
        return len(value) == len(inner) and all(_fits(v, a) for v, a in zip(value, inner, strict=True))
    return True


def _name(value: Any) -> str:
    """A string that tables and terminals show as it is."""
    if not _string(value).isprintable():
        raise BadFile(f"a name that cannot be printed: {ascii(value)[:60]}")
    return str(value)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise BadFile(f"expected a string, got {type(value).__name__}")
    return value
