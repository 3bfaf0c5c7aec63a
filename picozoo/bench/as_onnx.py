"""A compiled program as an ONNX model, so that ONNX Runtime runs the same operators with the same weights and scales.

Integers become the QDQ form: DequantizeLinear, the float operator, QuantizeLinear, which ONNX Runtime turns into its
own integer kernels. It rounds requantisation in float, so its integers may differ from ours by one unit a layer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import MissingTool, Unsupported
from picozoo.ir.program import Node, Program
from picozoo.specs import TensorType

OPSET = 17
UNARY = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}
BINARY = {"add": "Add", "sub": "Sub", "mul": "Mul"}


def to_onnx(program: Program) -> bytes:
    """The main function as a serialised model.

    Raises:
        MissingTool: the onnx package is not here.
        Unsupported: an operator that has no ONNX form here.
    """
    try:
        import onnx
    except ImportError:
        raise MissingTool("writing ONNX needs its package: run 'pip install \"picozoo[onnx]\"'") from None
    return _Writer(program, onnx).run()


class _Writer:
    def __init__(self, program: Program, onnx: Any) -> None:
        self.program, self.onnx, self.f = program, onnx, program.main
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.count = 0

    def run(self) -> bytes:
        helper, f = self.onnx.helper, self.f
        for node in f.nodes:
            write = getattr(self, f"_{node.op}", None) or (self._simple if node.op in (*UNARY, *BINARY) else None)
            if write is None:
                raise Unsupported(f"operator {node.op} has no ONNX form here")
            write(node)
        graph = helper.make_graph(
            self.nodes,
            self.program.name,
            [self._info(p) for p in f.params],
            [self._info(r) for r in f.results],
            self.constants,
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
        self.onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    def _info(self, ref: str) -> Any:
        t = self.f.types[ref]
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(t.numpy))
        return self.onnx.helper.make_tensor_value_info(ref, kind, list(t.shape))

    # -- values -----------------------------------------------------------------------------------------------------
    def _fresh(self, hint: str) -> str:
        self.count += 1
        return f"{hint}.{self.count}"

    def _const(self, array: Any, hint: str = "c") -> str:
        name = self._fresh(hint)
        self.constants.append(self.onnx.numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def _emit(self, kind: str, inputs: list[str], out: str = "", **attributes: Any) -> str:
        out = out or self._fresh(kind)
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [out], **attributes))
        return out

    def _type(self, ref: str) -> TensorType:
        return self.program.type_of(self.f, ref)

    def _read(self, ref: str, turn: tuple[int, ...] = ()) -> str:
        """A value in real numbers; a constant's axes may be turned first, its first staying first."""
        t, array = self._type(ref), self.program.constant(ref)
        if array is not None:
            array = array.reshape(t.shape)
            name = self._const(array.transpose(turn) if turn else array, ref[1:])
        else:
            name = ref
        if t.quant is None:
            return name
        return self._emit("DequantizeLinear", [name, *self._scale(t)], axis=t.quant.axis or 0)

    def _scale(self, t: TensorType) -> list[str]:
        q = t.quant
        assert q is not None
        scale, zero = np.array(q.scale, np.float32), np.array(q.zero_point, t.numpy)
        return [self._const(scale[0] if q.per_tensor else scale), self._const(zero[0] if q.per_tensor else zero)]

    def _write(self, node: Node, real: str) -> None:
        """The node's output from real numbers, after the clamp of a fused activation."""
        act, out = getattr(node.attrs, "act", "none"), node.outputs[0]
        if act == "relu":
            real = self._emit("Relu", [real])
        elif act == "relu6":
            real = self._emit("Clip", [real, self._const(np.float32(0)), self._const(np.float32(6))])
        elif act != "none":
            raise Unsupported(f"fused activation {act} has no ONNX form here")
        t = self._type(out)
        if t.quant is None:
            self._emit("Identity", [real], out)
        else:
            self._emit("QuantizeLinear", [real, *self._scale(t)], out)

    def _first(self, ref: str) -> str:
        """[N, H, W, C] as [N, C, H, W]."""
        return self._emit("Transpose", [ref], perm=[0, 3, 1, 2])

    def _last(self, ref: str) -> str:
        return self._emit("Transpose", [ref], perm=[0, 2, 3, 1])

    # -- operators --------------------------------------------------------------------------------------------------
    def _conv2d(self, node: Node) -> None:
        a = node.attrs
        inputs = [self._first(self._read(node.inputs[0])), self._read(node.inputs[1], (0, 3, 1, 2))]
        inputs += [self._bias(node)] if len(node.inputs) > 2 else []
        pads = [a.pad[0], a.pad[2], a.pad[1], a.pad[3]]
        y = self._emit("Conv", inputs, strides=a.stride, pads=pads, dilations=a.dilation, group=a.groups)
        self._write(node, self._last(y))

    def _bias(self, node: Node) -> str:
        """int32 with the scale that its values have: those of input times weights."""
        t, array = self._type(node.inputs[2]), self.program.constant(node.inputs[2])
        x, w = self._type(node.inputs[0]).quant, self._type(node.inputs[1]).quant
        if t.dtype != "i32" or array is None or x is None or w is None:
            return self._read(node.inputs[2])
        scale = (np.array(w.scale, np.float32) * np.float32(x.scale[0])).astype(np.float32)
        name = self._const(array, node.inputs[2][1:])
        if w.per_tensor:
            return self._emit("DequantizeLinear", [name, self._const(scale[0]), self._const(np.int32(0))])
        zero = self._const(np.zeros(len(scale), np.int32))
        return self._emit("DequantizeLinear", [name, self._const(scale), zero], axis=0)

    def _linear(self, node: Node) -> None:
        x, k = self._read(node.inputs[0]), self._type(node.inputs[1]).shape[1]
        rows = self._type(node.inputs[0]).size // k
        x = self._shaped(x, (rows, k))
        inputs = [x, self._read(node.inputs[1])] + ([self._bias(node)] if len(node.inputs) > 2 else [])
        y = self._emit("Gemm", inputs, transB=1)
        self._write(node, self._shaped(y, self._type(node.outputs[0]).shape))

    def _shaped(self, ref: str, shape: tuple[int, ...]) -> str:
        return self._emit("Reshape", [ref, self._const(np.array(shape, np.int64))])

    def _simple(self, node: Node) -> None:
        kind = UNARY.get(node.op) or BINARY[node.op]
        self._write(node, self._emit(kind, [self._read(r) for r in node.inputs]))

    def _pool(self, node: Node, kind: str, **more: Any) -> None:
        a = node.attrs
        pads = [a.pad[0], a.pad[2], a.pad[1], a.pad[3]]
        x = self._first(self._read(node.inputs[0]))
        y = self._emit(kind, [x], kernel_shape=a.size, strides=a.stride, pads=pads, **more)
        self._write(node, self._last(y))

    def _avg_pool2d(self, node: Node) -> None:
        self._pool(node, "AveragePool", count_include_pad=int(node.attrs.count_pad))

    def _max_pool2d(self, node: Node) -> None:
        self._pool(node, "MaxPool")

    def _softmax(self, node: Node) -> None:
        a, kind = node.attrs, "LogSoftmax" if node.attrs.log else "Softmax"
        if a.beta != 1.0:
            raise Unsupported(f"a softmax with beta {a.beta:g} has no ONNX form here")
        self._write(node, self._emit(kind, [self._read(node.inputs[0])], axis=a.axis))

    def _reshape(self, node: Node) -> None:
        shape = self._const(np.array(self._type(node.outputs[0]).shape, np.int64))
        self._emit("Reshape", [node.inputs[0], shape], node.outputs[0])

    def _copy(self, node: Node) -> None:
        self._emit("Identity", [node.inputs[0]], node.outputs[0])

    def _transpose(self, node: Node) -> None:
        self._emit("Transpose", [node.inputs[0]], node.outputs[0], perm=node.attrs.perm)

    def _quantize(self, node: Node) -> None:
        self._write(node, self._read(node.inputs[0]))

    def _dequantize(self, node: Node) -> None:
        self._write(node, self._read(node.inputs[0]))
