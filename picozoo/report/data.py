"""The result of a run as plain data: what `--json` prints, the table shows, and `report.html` draws.

This is a public interface, described in docs/json.md (generated from the field comments here). Sizes are bytes, times
milliseconds, energies microjoules, all per call of the main function. Figures named `..._predicted` come from a model
and have an error; nothing predicted is ever given under another name.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

SCHEMA = 2


@dataclass
class LayerReport:
    """One layer: an operator call of one function."""

    name: str  # the layer's name in the network
    op: str  # operator
    function: str  # which public function it belongs to
    macs: int  # multiply-accumulates of one execution
    instructions: float | None  # per call of the main function; null where the emulator cannot count
    cycles_predicted: float | None  # predicted cycles (exact where the emulator models them)
    ms_predicted: float | None  # predicted time
    uj_predicted: float | None  # predicted energy
    out_shape: list[int]  # shape of its first output
    out_dtype: str  # element type of its first output
    source: str  # file and line in the network's own source, where known
    reads: list[str] = field(default_factory=list)  # layers, inputs and kept state that it reads, by name


@dataclass
class Block:
    """A piece of working memory and when it is in use, for the memory map."""

    label: str  # tensor or layer it belongs to
    offset: int  # from the start of the arena
    bytes: int  # size
    first: int  # first step that needs it (0 is the call itself)
    last: int  # last step that needs it
    function: str  # which function's plan


@dataclass
class LayerNoise:
    """What quantisation did to one layer, on calibration data. Signal to noise in dB, 200 where nothing is lost."""

    name: str  # the layer's name in the network
    op: str  # operator
    function: str  # function of the program; the body of a loop has a name of its own
    dtype: str  # element type of its output: i8 or i16
    snr_db: float  # signal to noise of its output against float, errors of earlier layers included
    own_db: float  # the same when its inputs are exact: what this layer adds
    input_db: float  # what it adds if only its inputs are rounded
    weight_db: float  # what it adds if only its weights are
    output_db: float  # what it adds if only its output is
    clipped: float  # share of its output that lies outside the range of its integers
    cause: str  # largest part of what it adds: inputs, weights, output, clipping, or inside


@dataclass
class Learning:
    """What a network did that learnt on the board."""

    samples: int  # examples shown
    accuracy_before: float  # metric with the state it began with
    accuracy_after: float  # metric after learning on the board
    instructions_per_step: float | None  # of one call of `learn`
    ms_predicted: float | None  # of one call of `learn`
    stack: int | None  # bytes of stack that `learn` needs
    ram_state: int = 0  # bytes of kept state that learning writes: constants in flash if it did not learn
    ram_arena: int = 0  # bytes of working memory that learning needs beyond what the main function needs anyway
    begins: str = "nothing"  # what it began with: nothing, or the shipped weights
    task: str = ""  # what it learnt and was measured on, where that is not what the network was made for


@dataclass(repr=False)
class Report:
    """One network on one board."""

    name: str  # network
    board: str  # board name
    core: str  # core title
    precision: str  # int8, float32 or native
    accuracy: float | None  # the network's metric on the board, see `metric_name`; null without data
    accuracy_float: float | None  # the same inputs through the float (or native) program on the host
    agreement: float | None  # share of calls whose board outputs equal the reference's: bits, floats to 1e-4
    macs: int  # multiply-accumulates of one call
    instructions: float | None  # exact, mean over the calls; null where the emulator cannot count
    cycles_predicted: float | None  # from the core's cycle model
    cycles_error: float  # relative error of that model; 0 where cycles are exact
    ms_predicted: float | None  # cycles / clock
    uj_predicted: float | None  # cycles x energy per cycle
    flash_code: int  # code, compiler runtime included, harness not
    flash_const: int  # tables: weights, biases, multipliers
    ram_arena: int  # working memory, inputs and outputs included
    ram_state: int  # kept state
    ram_stack: int | None  # measured by painting; null where it cannot be
    emulator: str  # what ran it
    compiler: str  # what built it
    layers: list[LayerReport]  # in order of execution
    schema: int = SCHEMA  # version of this description
    title: str = ""  # the network's title
    board_title: str = ""  # the board's title
    function: str = ""  # the main function
    inputs: dict[str, list[int]] = field(default_factory=dict)  # its inputs: name -> shape
    metric: str = ""  # what `accuracy` measures, in words
    metric_name: str = "accuracy"  # its name, such as perplexity
    metric_unit: str = "%"  # "%": `accuracy` is a share, 0 to 1; else what stands behind the number, "" for it alone
    metric_better: str = "higher"  # or "lower"
    data: str = ""  # data set and split that was used
    samples: int = 0  # calls made
    agreement_float: float | None = None  # share of calls with the same decision as the float program
    instructions_unit: str = "instructions"  # "instructions" or "wasm fuel"
    cycles_exact: bool = False  # cycles counted by the emulator, not predicted
    ms_low: float | None = None  # lower end of the predicted time
    ms_high: float | None = None  # upper end
    uj_low: float | None = None  # lower end of the predicted energy
    uj_high: float | None = None  # upper end
    cost_source: str = ""  # where costs per cycle and errors come from
    flash_data: int = 0  # initial values of RAM variables
    flash_total: int = 0  # all of it
    ram_total: int | None = None  # arena + state + stack (without stack where that is unknown)
    flash_limit: int | None = None  # what the board has
    ram_limit: int | None = None  # what the board has
    fits: bool = True  # flash and RAM are enough
    arena_bound: int = 0  # tensors alive at once, less what may overlap: no plan of these can need less
    memory: list[Block] = field(default_factory=list)  # the arena over time
    steps: dict[str, list[str]] = field(default_factory=dict)  # function -> layer names by step
    learning: Learning | None = None  # if the network learns on the board
    mistakes: list[dict[str, Any]] = field(default_factory=list)  # first wrong calls: index, expected, got
    shown: list[dict[str, Any]] = field(default_factory=list)  # what the network shows of itself: `picozoo.pictures`
    picozoo: str = ""  # version that made it
    simplified: list[str] = field(default_factory=list)  # what was proven needless and left out, without changing a bit
    bands: list[str] = field(default_factory=list)  # layers computed in bands of rows, and the RAM that saved
    quantisation: list[LayerNoise] = field(default_factory=list)  # int8 made from float here: what each layer lost

    def __repr__(self) -> str:
        cost = "" if self.instructions is None else f", {self.instructions:,.0f} {self.instructions_unit} a call"
        from picozoo.report.figures import score

        found = "" if self.accuracy is None else f", {self.metric_name} {score(self.accuracy, self.metric_unit)}"
        return (
            f"<report {self.name} ({self.precision}) on {self.board}{found}: "
            f"{self.flash_total:,} bytes of flash, {self.ram_total or 0:,} of RAM{cost}>"
        )

    def to_json(self) -> dict[str, Any]:
        """As plain dictionaries, lists, numbers and strings."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """Back from `to_json`."""
        d = dict(data)
        d["layers"] = [LayerReport(**v) for v in d["layers"]]
        d["memory"] = [Block(**v) for v in d["memory"]]
        d["quantisation"] = [LayerNoise(**v) for v in d.get("quantisation", [])]
        d["learning"] = Learning(**d["learning"]) if d.get("learning") else None
        return cls(**d)

    def _repr_html_(self) -> str:
        from picozoo.report.html import fragment

        return fragment([self])
