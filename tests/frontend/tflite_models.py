"""Small TFLite files made for tests, and LiteRT's reference kernels to compare with."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

litert = pytest.importorskip("ai_edge_litert.interpreter", reason="needs ai-edge-litert (pip install ai-edge-litert)")
schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="needs ai-edge-litert")
flatbuffers = pytest.importorskip("flatbuffers", reason="needs flatbuffers")
flexbuffers = pytest.importorskip("flatbuffers.flexbuffers", reason="needs flatbuffers")

_CODES = {
    "float32": 0,
    "float16": 1,
    "int32": 2,
    "uint8": 3,
    "int64": 4,
    "bool": 6,
    "int16": 7,
    "int8": 9,
    "uint64": 12,
    "uint32": 15,
    "int4": 17,
    "resource": 13,
}
_VERSIONS = {"BROADCAST_TO": 2}


def data_folder() -> Path:
    """The models of the mirror that PICOZOO_DATA names; skips without."""
    root = os.environ.get("PICOZOO_DATA")
    if not root or not (Path(root) / "models" / "mlperf_tiny").is_dir():
        pytest.skip("needs models/mlperf_tiny below the folder that PICOZOO_DATA names")
    return Path(root) / "models"


@dataclass
class T:
    """A tensor: `data` where it is constant, else `shape` and `dtype`; `signature`: -1 where it is open."""

    shape: tuple[int, ...] = ()
    dtype: str = "int8"
    scale: Any = None
    zero: Any = 0
    axis: int = 0
    data: np.ndarray | None = None
    variable: bool = False
    signature: tuple[int, ...] = ()


@dataclass
class Net:
    """A TFLite file in the making: add tensors and operators, then `bytes()`."""

    tensors: list[T] = field(default_factory=list)
    operators: list[tuple[str, str, dict[str, Any], list[int], list[int]]] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    intermediates: dict[int, list[int]] = field(default_factory=dict)
    subgraphs: list[Net] = field(default_factory=list)

    def input(self, shape: tuple[int, ...], dtype: str = "int8", scale: Any = None, zero: Any = 0) -> int:
        self.inputs.append(self._add(T(shape, dtype, scale, zero)))
        return self.inputs[-1]

    def const(self, data: Any, scale: Any = None, zero: Any = 0, axis: int = 0, dtype: str = "") -> int:
        data = np.asarray(data)
        return self._add(T(data.shape, dtype or data.dtype.name, scale, zero, axis, data))

    def state(self, shape: tuple[int, ...], dtype: str = "int8", scale: Any = None, zero: Any = 0) -> int:
        return self._add(T(shape, dtype, scale, zero, variable=True))

    def op(
        self, kind: str, ins: list[int], outs: list[T], options: str = "", between: list[T] | None = None, **values: Any
    ) -> list[int]:
        """Add an operator. `between`: tensors that some operators list as intermediate results."""
        made = [self._add(t) for t in outs]
        self.intermediates[len(self.operators)] = [self._add(t) for t in between or []]
        self.operators.append((kind, options, values, ins, made))
        self.outputs = made
        return made

    def _add(self, t: T) -> int:
        self.tensors.append(t)
        return len(self.tensors) - 1

    def bytes(self) -> bytes:
        """The file; `subgraphs` come after this one."""
        m = schema.ModelT()
        m.version, m.description = 3, "made for a test"
        m.buffers = [schema.BufferT()]
        nets = [self, *self.subgraphs]
        kinds = sorted({o[0] for net in nets for o in net.operators})
        m.operatorCodes = [_code(k) for k in kinds]
        m.subgraphs = [net.graph(m, kinds) for net in nets]
        b = flatbuffers.Builder(1024)
        b.Finish(m.Pack(b), b"TFL3")
        return bytes(b.Output())

    def graph(self, m: Any, kinds: list[str]) -> Any:
        g = schema.SubGraphT()
        g.tensors = [_tensor(m, i, t) for i, t in enumerate(self.tensors)]
        g.inputs, g.outputs, g.operators = self.inputs, self.outputs, []
        for k, (kind, options, values, ins, outs) in enumerate(self.operators):
            o = schema.OperatorT()
            o.opcodeIndex, o.inputs, o.outputs = kinds.index(kind), ins, outs
            o.intermediates = self.intermediates.get(k) or None
            if kind.startswith("CUSTOM"):
                o.customOptions = np.frombuffer(flexbuffers.Dumps(values), np.uint8)
            elif options:
                o.builtinOptionsType = getattr(schema.BuiltinOptions, options)
                o.builtinOptions = getattr(schema, options + "T")()
                for name, v in values.items():
                    setattr(o.builtinOptions, name, v)
            g.operators.append(o)
        return g


def _code(kind: str) -> Any:
    c = schema.OperatorCodeT()
    if kind.startswith("CUSTOM"):
        c.builtinCode = c.deprecatedBuiltinCode = 32
        c.customCode, c.version = kind.split("'")[1], 1
        return c
    c.builtinCode, c.version = getattr(schema.BuiltinOperator, kind), _VERSIONS.get(kind, 1)
    c.deprecatedBuiltinCode = min(c.builtinCode, 127)
    return c


def _tensor(m: Any, i: int, t: T) -> Any:
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = f"t{i}", list(t.shape), _CODES[t.dtype], 0
    made.isVariable = t.variable
    made.shapeSignature = list(t.signature) or None
    if t.data is not None:
        buffer, data = schema.BufferT(), t.data
        if t.dtype == "int4":  # two in a byte
            low, high = np.pad(t.data.reshape(-1), (0, t.data.size % 2)).reshape(-1, 2).T
            data = (low & 15) | (high << 4)
        buffer.data = np.frombuffer(data.tobytes(), np.uint8)
        made.buffer = len(m.buffers)
        m.buffers.append(buffer)
    if t.scale is not None:
        q = schema.QuantizationParametersT()
        q.scale = np.atleast_1d(np.asarray(t.scale, np.float32)).tolist()
        zero = np.broadcast_to(np.asarray(t.zero, np.int64), (len(q.scale),))
        q.zeroPoint, q.quantizedDimension = zero.tolist(), t.axis
        made.quantization = q
    return made


class Machine:
    """A file in LiteRT with its reference kernels; state is kept between calls."""

    def __init__(self, data: bytes) -> None:
        kinds = litert.OpResolverType
        for kind in (kinds.BUILTIN_REF, kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES):
            try:
                self.machine = litert.Interpreter(model_content=data, experimental_op_resolver_type=kind, num_threads=1)
                self.machine.allocate_tensors()
                return
            except (RuntimeError, ValueError) as e:  # a few operators have no reference kernel
                if "find op" not in str(e) or kind != kinds.BUILTIN_REF:
                    raise

    def call(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        for d, x in zip(self.machine.get_input_details(), inputs, strict=True):
            self.machine.set_tensor(d["index"], x)
        self.machine.invoke()
        return [self.machine.get_tensor(d["index"]).copy() for d in self.machine.get_output_details()]


def reference(data: bytes, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """What LiteRT's reference kernels compute in a first call."""
    return Machine(data).call(inputs)


def compare(net: Net, rng: np.random.Generator, calls: int = 3, tolerance: float = 1e-5) -> None:
    """The imported program and LiteRT give the same in several calls with random inputs, state and all."""
    from picozoo.frontend import tflite
    from picozoo.ir.interp import Interpreter

    data = net.bytes()
    machine, program = Machine(data), Interpreter(tflite.from_bytes(data, "case"))
    for _ in range(calls):
        xs = [draw(net.tensors[i].shape, net.tensors[i].dtype, rng) for i in net.inputs]
        want, got = machine.call(xs), program.call("forward", *xs)
        assert len(want) == len(got)
        for w, g in zip(want, got, strict=True):
            assert g.shape == w.shape and g.dtype == w.dtype
            if w.dtype.kind == "f":
                np.testing.assert_allclose(g, w, rtol=tolerance, atol=tolerance / 10)
            else:
                np.testing.assert_array_equal(g, w)


class Micro:
    """A file in TensorFlow Lite Micro, for what LiteRT does not have.

    Without its package (`pip install tflite-micro`) what it gave in each test is known as digests, which
    `PICOZOO_RECORD=1 pytest tests/frontend/test_tflite*.py` writes with it. Floats are then not compared.
    """

    recorded = Path(__file__).with_name("tflite_micro.json")

    def __init__(self, net: Net) -> None:
        self.name = os.environ["PYTEST_CURRENT_TEST"].split("::", 1)[1].rsplit(" ", 1)[0]
        self.digests: list[str] = []
        try:
            from tflite_micro.python.tflite_micro import runtime

            self.machine = runtime.Interpreter.from_bytes(net.bytes(), arena_size=1 << 20)
        except ImportError:
            self.machine = None
            self.digests = list(json.loads(self.recorded.read_text()).get(self.name, []))

    def check(
        self,
        inputs: list[np.ndarray],
        got: list[np.ndarray],
        used: Sequence[int] = (),
        valid: int = -1,
        ran: bool = True,
    ) -> None:
        """Raise unless `got` is what TensorFlow Lite Micro gives in its next call.

        Args:
            used: outputs to look at; all by default.
            valid: number of an output that says whether the others are worth reading.
            ran: whether the call runs to its end; if not, no output is looked at.
        """
        used = used or range(len(got))
        if self.machine is None and not ran:
            return self._recall(inputs, [np.array(ran)], [0])
        if self.machine is None:
            return self._recall(inputs, got, [k for k in used if valid < 0 or k == valid or got[valid]])
        for k, x in enumerate(inputs):
            self.machine.set_input(x, k)
        assert (self.machine.invoke() == 0) == ran
        if not ran:
            return self._record(inputs, [np.array(ran)])
        outputs = [self.machine.get_output(k) for k in used]
        read = [k for k in used if valid < 0 or k == valid or bool(self.machine.get_output(valid))]
        for k, want in zip(used, outputs, strict=True):
            if k in read and want.dtype.kind == "f":
                np.testing.assert_allclose(got[k], want, rtol=1e-4, atol=1e-4)
            elif k in read:
                np.testing.assert_array_equal(got[k], want.view(got[k].dtype))
        self._record(inputs, [outputs[used.index(k)] for k in read])
        return None

    def _record(self, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> None:
        if os.environ.get("PICOZOO_RECORD"):
            self.digests += [_digest(v) for v in (*inputs, *outputs) if v.dtype.kind != "f"]
            known = json.loads(self.recorded.read_text()) if self.recorded.exists() else {}
            text = json.dumps(known | {self.name: self.digests}, sort_keys=True, separators=(",", ":"))
            self.recorded.write_text(text.replace("],", "],\n") + "\n")

    def _recall(self, inputs: list[np.ndarray], got: list[np.ndarray], read: list[int]) -> None:
        for x in (v for v in inputs if v.dtype.kind != "f"):
            if not self.digests or self.digests.pop(0) != _digest(x):
                pytest.skip("nothing recorded of TensorFlow Lite Micro for these inputs")
        for k in read:
            if got[k].dtype.kind != "f":
                assert self.digests.pop(0) == _digest(got[k]), f"output {k}"


def _digest(x: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(x).tobytes()).hexdigest()[:8]


def compare_micro(net: Net, rng: np.random.Generator, calls: int = 3, valid: int = -1) -> int:
    """As `compare`, with TensorFlow Lite Micro; how often output `valid` was true. See `Micro.check`."""
    from picozoo.frontend import tflite
    from picozoo.ir.interp import Interpreter

    machine, program, seen = Micro(net), Interpreter(tflite.from_bytes(net.bytes(), "case")), 0
    for _ in range(calls):
        xs = [draw(net.tensors[i].shape, net.tensors[i].dtype, rng) for i in net.inputs]
        signed = [x.view({"uint32": np.int32, "uint64": np.int64}.get(x.dtype.name, x.dtype)) for x in xs]
        got = program.call("forward", *signed)
        machine.check(xs, got, valid=valid)
        seen += valid >= 0 and bool(got[valid])
    return seen


def draw(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> np.ndarray:
    """Random values: all of an integer type's, floats in +-3."""
    if dtype == "float32":
        return rng.uniform(-3, 3, shape).astype(np.float32)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype in ("uint32", "uint64"):  # of all sizes
        return (2 ** rng.uniform(0, np.iinfo(dtype).bits - 1e-9, shape)).astype(dtype)
    info = np.iinfo(dtype) if dtype in ("int8", "int16", "uint8") else None
    low, high = (info.min, info.max) if info else (-50, 50)
    return rng.integers(low, high + 1, shape).astype(dtype)
