"""Mutated ONNX files into the importer: each must be read or refused in so many words, quickly and in little memory.

    .venv/bin/python tools/fuzz_onnx.py SEEDS... [--files N] [--jobs N] [--seed N]

SEEDS are .onnx files or folders of them. Half of the mutations change bytes, half change the parsed file (numbers of
attributes and shapes, names, node types, missing inputs, lost and repeated nodes). A worker process counts as crashed
if it dies or if anything but a PicozooError comes out, a file as hanging if it takes over two seconds of CPU time; each
worker may use 1 GB of memory beyond what it starts with.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SECONDS, MEMORY = 2.0, 1 << 30
INTS = (0, 1, -1, 2, 3, 7, 255, 65536, 2**31 - 1, -(2**31), 2**62, -(2**63))


def mutate_bytes(data: bytes, dice: random.Random) -> bytes:
    """A few bytes changed, lost, repeated, or the end cut off."""
    wrong = bytearray(data)
    for _ in range(dice.randint(1, 5)):
        at = dice.randrange(max(len(wrong), 1))
        kind = dice.randrange(5)
        if kind == 0 and wrong:
            wrong[at] = dice.randrange(256)
        elif kind == 1 and wrong:
            wrong[at] ^= 1 << dice.randrange(8)
        elif kind == 2:
            wrong[at : at + dice.randint(1, 8)] = b""
        elif kind == 3:
            wrong[at:at] = wrong[at : at + dice.randint(1, 40)]
        else:
            wrong[at : at + 5] = b"\xff\xff\xff\xff\x07"
    return bytes(wrong[: dice.randrange(len(wrong) + 1)] if dice.random() < 0.05 else wrong)


def mutate_model(data: bytes, dice: random.Random) -> bytes:
    """The parsed file with something in it changed."""
    import onnx

    model = onnx.load_model_from_string(data)
    for _ in range(dice.randint(1, 4)):
        graph = model.graph
        change = dice.choice((_attribute, _attribute, _shape, _initializer, _name, _type, _nodes, _opset))
        change(model, graph, dice)
    return bytes(model.SerializeToString())


def _attribute(model: Any, graph: Any, dice: random.Random) -> None:
    found = [a for n in graph.node for a in n.attribute]
    if not found:
        return
    a = dice.choice(found)
    if a.ints:
        a.ints[dice.randrange(len(a.ints))] = dice.choice(INTS)
    elif a.floats:
        a.floats[dice.randrange(len(a.floats))] = dice.choice((0.0, -1.0, 1e38, float("nan"), float("inf")))
    elif a.HasField("i"):
        a.i = dice.choice(INTS)
    elif a.HasField("f"):
        a.f = dice.choice((0.0, -1.0, 1e38, float("nan"), float("inf")))
    elif a.HasField("s"):
        a.s = dice.choice((b"", b"x", b"SAME_UPPER", b"\xff", a.s[:-1]))
    if dice.random() < 0.1:
        a.type = dice.randrange(15)


def _shape(model: Any, graph: Any, dice: random.Random) -> None:
    v = dice.choice([*graph.input, *graph.output])
    t = v.type.tensor_type
    kind = dice.randrange(4)
    if kind == 0:
        t.elem_type = dice.randrange(28)
    elif kind == 1:
        t.ClearField("shape")
    elif t.shape.dim:
        d = dice.choice(t.shape.dim)
        if kind == 2:
            d.dim_value = dice.choice(INTS)
        else:
            d.dim_param = "n"


def _initializer(model: Any, graph: Any, dice: random.Random) -> None:
    tensors = [*graph.initializer, *(a.t for n in graph.node for a in n.attribute if a.HasField("t"))]
    if not tensors:
        return
    t = dice.choice(tensors)
    kind = dice.randrange(4)
    if kind == 0 and t.dims:
        t.dims[dice.randrange(len(t.dims))] = dice.choice(INTS)
    elif kind == 1:
        t.data_type = dice.randrange(28)
    elif kind == 2:
        t.raw_data = t.raw_data[: dice.randrange(len(t.raw_data) + 1)]
    elif t.int64_data:
        t.int64_data[dice.randrange(len(t.int64_data))] = dice.choice(INTS)
    elif len(t.raw_data) >= 8:
        t.raw_data = dice.choice(INTS).to_bytes(8, "little", signed=True) + t.raw_data[8:]
    if dice.random() < 0.1:
        t.data_location = 1
        entry = t.external_data.add()
        entry.key, entry.value = "location", dice.choice(("../../etc/passwd", "/etc/passwd", "x", "", "."))


def _name(model: Any, graph: Any, dice: random.Random) -> None:
    if not graph.node:
        return
    node, other = dice.choice(graph.node), dice.choice(graph.node)
    names = [*other.input, *other.output, ""]
    side = node.input if dice.random() < 0.7 else node.output
    if side:
        side[dice.randrange(len(side))] = dice.choice(names)
    elif names:
        side.append(dice.choice(names))
    if dice.random() < 0.2 and node.input:
        del node.input[dice.randrange(len(node.input)) :]


def _type(model: Any, graph: Any, dice: random.Random) -> None:
    from picozoo.frontend.onnx import readers

    if graph.node:
        node = dice.choice(graph.node)
        node.op_type = dice.choice([k for k in readers() if "." not in k])


def _nodes(model: Any, graph: Any, dice: random.Random) -> None:
    if not graph.node:
        return
    at = dice.randrange(len(graph.node))
    if dice.random() < 0.5:
        del graph.node[at]
    else:
        graph.node.add().CopyFrom(graph.node[at])


def _opset(model: Any, graph: Any, dice: random.Random) -> None:
    if model.opset_import:
        model.opset_import[0].version = dice.choice((1, 6, 7, 9, 10, 11, 12, 13, 17, 18, 21, 22, 24, 99, -1))


def one(data: bytes) -> tuple[str, float]:
    """What became of a file: read, the kind of refusal, or what is wrong; and the CPU seconds it took."""
    from picozoo.errors import PicozooError
    from picozoo.frontend import onnx

    began = time.process_time()
    try:
        onnx.from_bytes(data, "case")
        kind = "read"
    except PicozooError as e:
        kind = type(e).__name__
        if "\n\n" in str(e) or len(str(e)) > 4000:
            kind = f"CRASH long message of {len(str(e))}"
    except BaseException as e:  # whatever it is, it must not come out
        kind = f"CRASH {type(e).__name__}: {str(e)[:200]}"
    return kind, time.process_time() - began


def work(job: tuple[list[bytes], int, int]) -> tuple[Counter[str], float, int, list[tuple[str, bytes]]]:
    """`files` mutations of the seeds: counts, longest time, memory, and the bad files."""
    seeds, files, seed = job
    dice, counts, longest, bad = random.Random(seed), Counter[str](), 0.0, []
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    for _ in range(files):
        data = dice.choice(seeds)
        wrong = mutate_bytes(data, dice) if dice.random() < 0.5 else mutate_model(data, dice)
        kind, seconds = one(wrong)
        longest = max(longest, seconds)
        if seconds > SECONDS:
            kind = f"HANG {kind}"
        counts[kind.split(":")[0]] += 1
        if kind.startswith(("CRASH", "HANG")):
            bad.append((f"{kind} ({seconds:.1f} s)", wrong))
    return counts, longest, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - start, bad


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("seeds", nargs="+", type=Path)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the files that went wrong")
    args = parser.parse_args()
    paths = [q for p in args.seeds for q in (sorted(p.rglob("*.onnx")) if p.is_dir() else [p])]
    seeds = [p.read_bytes() for p in paths]
    step = 500
    jobs = [(seeds, min(step, args.files - k), args.seed * 1_000_003 + k) for k in range(0, args.files, step)]
    counts, longest, memory, bad = Counter[str](), 0.0, 0, []
    with ProcessPoolExecutor(args.jobs, initializer=_limit) as pool:
        for found, seconds, used, wrong in pool.map(work, jobs):
            counts += found
            longest, memory = max(longest, seconds), max(memory, used)
            bad += wrong
    for k, (what, data) in enumerate(bad):
        print(what)
        if args.keep:
            args.keep.mkdir(parents=True, exist_ok=True)
            (args.keep / f"bad_{k}.onnx").write_bytes(data)
    told = ", ".join(f"{n} {k}" for k, n in counts.most_common())
    print(f"{sum(counts.values()):,} files from {len(seeds)} seeds: {told}")
    print(f"{len(bad)} bad, longest {longest:.2f} s, at most {memory / 2**20:.0f} MB above the start")
    return 1 if bad else 0


def _limit() -> None:
    """Address space of a worker: what it has now and MEMORY more, so that a blow-up becomes a MemoryError."""
    import onnx  # noqa: F401 - loaded before the limit

    from picozoo.frontend.onnx import readers

    readers()
    have = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (have + MEMORY, have + MEMORY))


if __name__ == "__main__":
    sys.exit(main())
