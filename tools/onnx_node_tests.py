"""The ONNX project's own node tests against generated C: each is imported, compiled, run on this machine, compared.

    .venv/bin/python tools/onnx_node_tests.py ARCHIVE|FOLDER [--only TEXT] [--jobs N] [--json FILE] [--every N]

What a test needs to know while its model is read (axes, sizes) and gives as an input is fixed to the test's value, as
`--fix` does for users. Integers and bools must be equal; floats within 1e-3 relative or 1e-7 absolute, ONNX's own
tolerance, with 1e-6 absolute for results that are float16, bfloat16 or float8 in the test. What fails is compared with
ONNX Runtime as well, where that is installed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

RTOL, ATOL = 1e-3, 1e-7
BATCH = 32
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
# Node types whose results are random numbers, or whose purpose is training.
RANDOM = {"RandomUniformLike", "RandomNormalLike", "RandomUniform", "RandomNormal", "Bernoulli", "Multinomial"}
# The size of what they give is known only after it is computed.
SIZED = {"NonZero", "Unique"}
KINDS = {
    "sequence_type": "sequences",
    "optional_type": "optional values",
    "map_type": "maps",
}


@dataclass
class Result:
    """One test: `state` is pass, fail or the name of the class it is left out for.

    `runtime`: of one that fails, what ONNX Runtime gives; see `beside_runtime`.
    """

    name: str
    state: str
    detail: str = ""
    runtime: dict[str, Any] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    ops: tuple[str, ...] = ()
    expected: list[list[np.ndarray]] = field(default_factory=list, repr=False)


def left_out(model: Any) -> str:
    """The class for which a test is left out, "" if it is not."""
    import onnx

    graph = model.graph
    for v in (*graph.input, *graph.output):
        kind = v.type.WhichOneof("value")
        if kind != "tensor_type":
            return KINDS.get(kind, "other values")
        if v.type.tensor_type.elem_type == onnx.TensorProto.STRING:
            return "strings"
        if v.type.tensor_type.elem_type in (onnx.TensorProto.COMPLEX64, onnx.TensorProto.COMPLEX128):
            return "complex numbers"
    nodes = list(_nodes(graph))
    if any(n.domain == "ai.onnx.preview.training" for n in nodes):
        return "training"
    if any(n.op_type in RANDOM for n in nodes):
        return "random numbers"
    if any(n.op_type == "Dropout" and len(n.input) > 2 and n.input[2] for n in nodes) and _trains(model):
        return "random numbers"
    if any(n.op_type == "ImageDecoder" for n in nodes):
        return "image files (JPEG, PNG ... decoded inside the model)"
    if any(n.op_type in SIZED for n in nodes):
        return "sizes that depend on values"
    return ""


def _trains(model: Any) -> bool:
    """Dropout that really draws: its ratio is not zero."""
    return "zero_ratio" not in model.graph.name


def _nodes(graph: Any) -> Iterable[Any]:
    for node in graph.node:
        yield node
        for a in node.attribute:
            if a.HasField("g"):
                yield from _nodes(a.g)


def values(folder: Path, kind: str, declared: Sequence[Any] = ()) -> list[np.ndarray]:
    """Inputs or outputs of one data set, in their own types (some files hold bfloat16 as uint16)."""
    import onnx

    found = []
    for k in range(len(list(folder.glob(f"{kind}_*.pb")))):
        t = onnx.TensorProto()
        t.ParseFromString((folder / f"{kind}_{k}.pb").read_bytes())
        if k < len(declared) and declared[k].type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16:
            t.data_type = onnx.TensorProto.BFLOAT16
        found.append(onnx.numpy_helper.to_array(t))
    return found


@dataclass
class Ready:
    """A test whose C is printed."""

    result: Result
    folder: Path
    model: Any
    sets: list[tuple[list[np.ndarray], list[np.ndarray]]]


def prepare(folder: Path, number: int) -> Result | Ready:
    """Import a test's model and print its C."""
    import onnx

    from picozoo.compiler import Options, compile_network, get_board
    from picozoo.errors import PicozooError
    from picozoo.frontend import onnx as importer
    from picozoo.frontend._onnx_builder import NeedsConstant, clean
    from picozoo.network import Network

    data = (folder / "model.onnx").read_bytes()
    proto = onnx.load_model_from_string(data)
    result = Result(folder.name, "fail", ops=tuple(sorted({n.op_type for n in _nodes(proto.graph)})))
    if reason := left_out(proto):
        result.state = reason
        return result
    try:
        sets = [
            (values(d, "input", proto.graph.input), values(d, "output", proto.graph.output))
            for d in sorted(folder.glob("test_data_set_*"))
        ]
        names = [v.name for v in proto.graph.input][: len(sets[0][0])]
        fixed: dict[str, np.ndarray] = {}
        for _ in range(8):
            try:
                program = importer.from_bytes(data, f"t{number}", {}, fixed)
                break
            except NeedsConstant as e:
                more = {n: a for n, a in zip(names, sets[0][0], strict=False) if clean(n) in e.inputs}
                if not more.keys() - fixed.keys():
                    raise
                fixed |= more
        result.fixed = tuple(fixed)
        net = Network(program)
        firmware = compile_network(net, get_board("host"), Options(io="float32"))
        keep = [k for k, n in enumerate(names) if n not in fixed]
        return Ready(result, folder, firmware.model, [([xs[k] for k in keep], ys) for xs, ys in sets])
    except PicozooError as e:
        result.detail = f"{type(e).__name__}: {e}"
    except Exception as e:
        result.detail = f"CRASH {type(e).__name__}: {e}"
    return result


def run_batch(work: Sequence[tuple[Path, int]]) -> list[Result]:
    """Import, build and run some tests; one library for all."""
    made = [prepare(*w) for w in work]
    ready = [m for m in made if isinstance(m, Ready)]
    results = [m for m in made if isinstance(m, Result)]
    return results + _build_and_run(ready)


def _build_and_run(ready: list[Ready]) -> list[Result]:
    from picozoo import build, emulate
    from picozoo.compiler import get_board
    from picozoo.errors import PicozooError

    if not ready:
        return []
    sources: dict[str, str] = {}
    roots: list[str] = []
    lines = []
    for r in ready:
        n = r.model.name
        sources |= {k.replace(".c", ".inc"): v for k, v in r.model.files.items()}
        lines += [f'#include "{n}.inc"', f"{n}_t {n}_net;"]
        roots += [f"{n}_net", f"{n}_init", *[e.symbol for e in r.model.entries.values()]]
    sources["batch.c"] = "\n".join(lines) + "\n"
    try:
        image = build.build(sources, get_board("host"), roots=roots, opt="-O1", extra=STRICT)
    except PicozooError as e:
        if len(ready) == 1:
            ready[0].result.detail = f"{type(e).__name__}: {e}"
            return [ready[0].result]
        half = len(ready) // 2
        return _build_and_run(ready[:half]) + _build_and_run(ready[half:])
    with emulate.open_machine(image) as machine:
        return [_run(machine, r) for r in ready]


def _run(machine: Any, r: Ready) -> Result:
    base = machine.address(f"{r.model.name}_net")
    entry = r.model.entries["forward"]
    wrong: list[str] = []
    gave: list[list[np.ndarray]] = []
    for xs, ys in r.sets:
        gave.append([])
        machine.call(f"{r.model.name}_init", base)
        for slot, x in zip(entry.inputs, xs, strict=True):
            with np.errstate(all="ignore"):
                machine.write(base + slot.offset, np.ascontiguousarray(x.astype(slot.type.numpy)).tobytes())
        machine.call(entry.symbol, base)
        for k, (slot, want) in enumerate(zip(entry.outputs, ys, strict=True)):
            raw = machine.read(base + slot.offset, slot.type.nbytes)
            got = np.frombuffer(raw, slot.type.numpy).reshape(slot.type.shape)
            if "NonMaxSuppression" in r.result.ops and len(got) > len(want) and (got[len(want) :] == -1).all():
                got = got[: len(want)]  # rows that are there because there could have been more boxes
            if slot.type.quant is not None and want.dtype == np.uint8:
                got = (got.astype(np.int16) + 128).astype(np.uint8)
            gave[-1].append(got)
            if text := compare(got, want):
                wrong.append(f"output {k}: {text}")
    r.result.state, r.result.detail = ("fail", "; ".join(wrong)) if wrong else ("pass", "")
    if wrong:
        r.result.runtime = beside_runtime(r.folder, gave[0], r.sets[0][1])
    return r.result


def beside_runtime(folder: Path, got: list[np.ndarray], expected: list[np.ndarray]) -> dict[str, Any]:
    """What ONNX Runtime gives for the first data set of a test; empty without it.

    The first element that is not as expected in our result, its own and the expected one, and in `differs` how its
    results differ from ours, "" if they do not.
    """
    try:
        import onnxruntime
    except ImportError:
        return {}
    import onnx

    row: dict[str, Any] = {"version": onnxruntime.__version__, "differs": ""}
    model = _without_bfloat16(onnx.load(folder / "model.onnx"))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        given = values(folder / "test_data_set_0", "input", onnx.load(folder / "model.onnx").graph.input)
        plain = [x.astype(np.float32) if x.dtype.name == "bfloat16" else x for x in given]
        found = session.run(None, dict(zip([i.name for i in session.get_inputs()], plain, strict=False)))
    except Exception as e:
        return row | {"differs": f"it does not run the test: {str(e).splitlines()[0][:80]}"}
    for k, (g, w, right) in enumerate(zip(got, found, expected, strict=True)):
        if not compare(g, right):
            continue
        at = _first(g, right)
        for who, a in (("picozoo", g), ("onnxruntime", w), ("expected", right)):
            row[who] = float(f"{float(a.astype(np.float64).reshape(-1)[at]):.6g}")
        return row | {"output": k, "element": at, "differs": compare(g, w)}
    return row


def _first(got: np.ndarray, want: np.ndarray) -> int:
    """The first place where results differ."""
    g, w = got.astype(np.float64), want.astype(np.float64)
    return int(np.flatnonzero(~np.isclose(g, w, RTOL, ATOL, equal_nan=True).reshape(-1))[0])


def _without_bfloat16(model: Any) -> Any:
    """The model with casts at its inputs and outputs of bfloat16, which ONNX Runtime cannot hand over to NumPy."""
    import onnx

    graph, number = model.graph, onnx.TensorProto.BFLOAT16
    before: list[Any] = []
    after: list[Any] = []
    for v in (*graph.input, *graph.output):
        if v.type.tensor_type.elem_type != number:
            continue
        name, inside = v.name, f"{v.name}_bfloat16"
        into = any(i.name == name for i in graph.input)
        for n in graph.node:
            for names in (n.input, n.output):
                names[:] = [inside if m == name else m for m in names]
        v.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
        ends, to = ([name], [inside]) if into else ([inside], [name])
        kind = number if into else onnx.TensorProto.FLOAT
        (before if into else after).append(onnx.helper.make_node("Cast", ends, to, to=kind))
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def compare(got: np.ndarray, want: np.ndarray) -> str:
    """What is wrong with a result, "" if nothing is."""
    if got.shape != want.shape:
        return f"shape {got.shape}, expected {want.shape}"
    with np.errstate(all="ignore"):
        top = np.nanmax(np.abs(np.where(np.isfinite(want.astype(np.float64)), want.astype(np.float64), 0)), initial=0)
    if want.dtype.kind in "fV" or "float" in want.dtype.name:
        g, w = got.astype(np.float64), want.astype(np.float64)
        same = np.isclose(g, w, RTOL, max(ATOL, 1e-6 * float(top)), equal_nan=True)
    else:
        g, w = got.astype(np.int64), want.astype(np.int64)
        same = g == w
    if same.all():
        return ""
    at = int(np.flatnonzero(~same.reshape(-1))[0])
    first = f"{g.reshape(-1)[at].item()}, expected {w.reshape(-1)[at].item()}"
    return f"{int((~same).sum())} of {same.size} differ, first at {at}: {first}"


def run_all(folder: Path, *, only: str = "", every: int = 1, jobs: int = 2) -> list[Result]:
    """All tests below a folder, in the order of their names."""
    found = sorted(p.parent for p in folder.glob("*/model.onnx") if only in p.parent.name)[::every]
    work = [(p, k) for k, p in enumerate(found)]
    batches = [work[i : i + BATCH] for i in range(0, len(work), BATCH)]
    if jobs == 1:
        made = [r for b in batches for r in run_batch(b)]
    else:
        with ProcessPoolExecutor(jobs) as pool:
            made = [r for rs in pool.map(run_batch, batches) for r in rs]
    return sorted(made, key=lambda r: r.name)


def unpacked(path: Path, to: Path) -> Path:
    """The folder of tests: as given, or out of an archive."""
    if path.is_dir():
        return path
    with tarfile.open(path) as archive:
        archive.extractall(to, filter="data")
    return next(iter(sorted(to.rglob("model.onnx")))).parent.parent


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """Counts, the classes left out, and what failed, as committed in results/."""
    states = Counter(r.state for r in results)
    static = states["pass"] + states["fail"]
    return {
        "total": len(results),
        "passed": states["pass"],
        "failed": states["fail"],
        "static": static,
        "percent": round(100 * states["pass"] / max(static, 1), 2),
        "with_fixed_inputs": sum(1 for r in results if r.state == "pass" and r.fixed),
        "left_out": {k: v for k, v in sorted(states.items()) if k not in ("pass", "fail")},
        "failures": {r.name: r.detail[:160] for r in results if r.state == "fail"},
        "runtime": {r.name: r.runtime for r in results if r.state == "fail"},
    }


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        results = run_all(unpacked(args.path, Path(temporary)), only=args.only, every=args.every, jobs=args.jobs)
    found = summary(results)
    for name, detail in found["failures"].items():
        print(f"fail {name}: {detail}; beside ONNX Runtime: {found['runtime'][name] or 'not installed'}")
    for reason, count in found["left_out"].items():
        print(f"left out {count:4d}: {reason}")
    print(
        f"{found['passed']} of {found['static']} tests pass ({found['percent']} %), {found['failed']} fail; "
        f"{found['with_fixed_inputs']} of those that pass have inputs fixed to the test's value"
    )
    if args.json:
        args.json.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    return 1 if found["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
