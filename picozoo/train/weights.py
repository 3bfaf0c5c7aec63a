"""From a shipped artefact back to the PyTorch module it was captured from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from picozoo.errors import Unsupported
from picozoo.ir.interp import Interpreter

if TYPE_CHECKING:
    from picozoo.network import Network


def trained(net: Network) -> Any:
    """The zoo's module with the numbers of the artefact.

    Raises:
        Unsupported: the artefact does not hold them one by one (a batch norm is folded when it is captured).
    """
    assert net.module is not None
    module = net.module.build(net.size).eval()
    program = net.program
    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            found = program.constants.get(f"@{name}", program.states.get(f"${name}"))
            if found is not None and found.shape != tuple(tensor.shape) and found.ndim == 4:
                found = found.transpose(0, 3, 1, 2)  # convolutions are captured channels-last
            if found is not None and found.shape == tuple(tensor.shape):
                tensor.copy_(torch.from_numpy(np.array(found)))
    _compare(net, module)
    return module


def _compare(net: Network, module: Any) -> None:
    """Refuse a module that does not compute what the program does."""
    main = net.program.main
    for example in (net.module.examples(net.size)[main.name],):  # type: ignore[union-attr]
        chance = torch.Generator().manual_seed(1)
        given = [torch.rand(x.shape, generator=chance) if x.is_floating_point() else x for x in example]
        want = Interpreter(net.program).call(main.name, *[x.numpy() for x in given])[0]
        with torch.no_grad():
            got = getattr(module, main.name)(*given).numpy()
        if not np.allclose(got, want, rtol=1e-3, atol=1e-3):
            raise Unsupported(
                f"{net.name}: its artefact does not hold the parameters one by one, so that it cannot go on learning; "
                f"capture the trained module itself: picozoo.compile(module, examples, board=..., learn=...)"
            )
