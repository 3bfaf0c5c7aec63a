"""A program that `torch.export.load` gave, as an `ir.Program`; `frontend/pt2.py` reads the file."""

from __future__ import annotations

import torch
from torch.export import ExportedProgram

from picozoo.errors import Unsupported
from picozoo.frontend._torch_context import tensor_type
from picozoo.frontend.torch_export import declare_states, functional, read_function, refuse_unknown
from picozoo.ir.program import Program
from picozoo.ir.verify import verify


def from_exported(exported: ExportedProgram, name: str) -> Program:
    """An exported program, as `torch.export.load` gives it, as a program with one function, `forward`.

    Raises:
        Unsupported: aten operators without a reader, or a graph that PyTorch cannot bring to them.
    """
    names = set(map(str, exported.graph_signature.user_inputs))
    given = [n.meta["val"] for n in exported.graph.nodes if n.op == "placeholder" and n.name in names]
    if any(not isinstance(v, torch.Tensor) for v in given):
        raise Unsupported("its inputs are not all tensors")
    # PyTorch binds example inputs to the signature again; only their number and shapes count
    exported.example_inputs = (
        tuple(torch.zeros(tuple(tensor_type(v, "an input").shape), dtype=v.dtype) for v in given),
        {},
    )
    try:
        with torch.no_grad():
            ep = exported.run_decompositions({})
    except Exception as e:  # raises many kinds; all mean the graph is not sound
        first = str(e).strip().splitlines()[0][:200] if str(e).strip() else type(e).__name__
        raise Unsupported(f"its graph cannot be read ({first}). Export the model again") from e
    ep = functional(ep)
    refuse_unknown({"forward": ep})
    program = Program(name)
    tensors: dict[str, torch.Tensor] = dict(ep.state_dict)
    tensors |= {k: v for k, v in ep.constants.items() if isinstance(v, torch.Tensor)}
    declare_states(program, ep, tensors)
    inputs = [str(u) for u in ep.graph_signature.user_inputs]
    read_function(program, "forward", ep, tensors, inputs)
    return verify(program, "reading")
