"""The passes in their order, as data. The comment beside each says what must have run before it and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType

from picozoo.ir.program import Program
from picozoo.ir.verify import verify
from picozoo.passes import (
    bands,
    dead_code,
    drop_neutral,
    fold_affine,
    fold_constants,
    fold_dequantized,
    fuse_activation,
    fuse_elementwise,
    fuse_sum,
    integer_io,
    layout,
    lift_loop_constants,
    lower_qdq,
    materialise,
    merge_common,
    schedule,
    simplify_exact,
    sink_dequantize,
    subpixel,
    tabulate,
)
from picozoo.specs import Target

# From what a frontend gives to the float program that is quantised, compiled, or saved.
FLOAT: Sequence[ModuleType] = (
    lift_loop_constants,  # first of all: regions must see their constants before anything folds or counts them
    fold_constants,  # before the rest: constants made of constants (masks, ranges) must not look like work
    drop_neutral,
    layout,  # before folding: only then does a batch norm stand directly behind its convolution
    merge_common,  # after layout, which repeats a transpose for each of its readers
    fold_affine,  # before fusing: conv, affine, relu must become conv, relu first
    fuse_activation,  # before quantising: the value before a relu needs no range of its own
    fold_constants,  # again: layout may have left transposes of constants
    dead_code,
)

# After those, of a float program that will be quantised; one that stays in float is smaller without them.
BEFORE_INT8: Sequence[ModuleType] = (
    subpixel,  # after fusing, which looks for what stands right behind a layer
)

# From quantize/dequantize pairs to integer operators.
INTEGER: Sequence[ModuleType] = (
    sink_dequantize,  # before lowering: a layer's island must begin at its dequantize node
    lower_qdq,  # needs the pairs as the quantiser wrote them
    fold_dequantized,  # after lowering: what is left is used in float
    integer_io,  # after lowering: what is left at the edges is the caller's conversion
    tabulate,  # after both: what is float between bytes now stays so
    dead_code,
)

# What the planner and the target need; nothing after this may add or remove nodes.
PREPARE: Sequence[ModuleType] = (
    drop_neutral,
    simplify_exact,  # before fusing: it must see every operator; its constants and unread values go next
    tabulate,  # after it: of a table nothing is known but its ends. What files in integers have is found here
    dead_code,
    fuse_elementwise,  # after dead_code: a value that nobody reads must not keep a group apart
    fuse_sum,  # before the order is chosen: the layer then runs where the sum stood
    schedule,  # before bands and copies, whose places are their own: a copy belongs before its reader or at the end
    bands,  # before the copies: it plans what would be without it
    materialise,
)

Watch = Callable[[str, Program], None]


def run(
    program: Program, passes: Sequence[ModuleType], target: Target, *, check: bool = True, watch: Watch | None = None
) -> Program:
    """Run passes in order; the verifier names the one that broke the program.

    Args:
        check: verify after every pass (tests always do; it costs a few milliseconds).
        watch: called with each pass's name and result, for `--debug` dumps and tests.
    """
    for p in passes:
        name = p.__name__.rsplit(".", 1)[-1]
        program = p.run(program, target)
        if check:
            verify(program, name)
        if watch:
            watch(name, program)
    return program
