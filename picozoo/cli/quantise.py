"""`picozoo quantise`: what int8 costs each layer, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from picozoo.cli import _common, _screen

if TYPE_CHECKING:
    from picozoo.compress.advise import Remedy
    from picozoo.report.data import LayerNoise

CALLS = 32
HELPS_DB = 0.5  # a remedy below that is not worth its words


@click.command(cls=_common.Command, short_help="What int8 costs each layer of a network, and what would help.")
@_common.network_argument
@click.option("--method", type=click.Choice(_common.METHODS), default="mse", show_default=True,
              help="How calibration chooses ranges.")  # fmt: skip
@_common.model_options
@click.option("--no-remedies", is_flag=True, help="Only measure the layers; try nothing.")
@_common.json_option("layers and remedies")
def COMMAND(  # noqa: N802 - the name by which the command line finds it
    network: str, method: str, model: _common.Model, no_remedies: bool, as_json: bool
) -> int:
    """Quantise a float network to int8 with your data, compare every layer with float on the same data, and try what
    would help: other calibration methods, int16 or float for the layers that lose most.

    Signal-to-noise ratios are in decibels; 6 dB are one bit. The options that help go to 'run', 'fit' and 'compile'
    as they stand here.

    \b
    picozoo quantise mine.tflite --calibrate inputs.npy
    picozoo run mine.tflite --board pico --calibrate inputs.npy --int16 conv1
    """
    import dataclasses

    from picozoo.compiler import compile_network, get_board
    from picozoo.compress import advise
    from picozoo.errors import UsageError
    from picozoo.evaluate import layer_noise

    net = model.load(network)
    fw = compile_network(net, get_board("host"), model.options("int8", method, "balanced", "zig", "int8"))
    rows = layer_noise(fw, CALLS)
    if not rows or net.calibration is None:
        raise UsageError(
            f"{network}: nothing is quantised here: it computes in integers already, or has no layer that can"
        )
    calls = min(CALLS, len(net.calibration.inputs[0]))
    choice = advise.Choice(method, model.keep_float, model.int16)
    remedies: list[Remedy] = []
    with _screen.progress("quantising") as tell:
        tell(0.2, "trying what would help")
        if no_remedies:
            from picozoo.compress.accuracy import outputs_db

            now = outputs_db(fw.float_program, fw.program, net.calibration.calls(), CALLS)
        else:
            target = fw.model.target
            now, remedies = advise.remedies(fw.float_program, net.calibration, choice, rows, target)
    if as_json:
        _screen.print_json(
            {
                "name": net.name,
                "method": method,
                "snr_db": round(now, 2),
                "calls": calls,
                "layers": [dataclasses.asdict(v) for v in rows],
                "remedies": [dataclasses.asdict(v) for v in remedies],
            }
        )
        return 0
    console = _screen.console()
    console.print(_table(f"{net.name} · int8, ranges by {method}", rows))
    console.print(f"Results: {now:.1f} dB over {calls} calibration calls.")
    if not no_remedies:
        _say(console, remedies)
    return 0


def _table(title: str, rows: list[LayerNoise]) -> Any:
    from rich.text import Text

    from picozoo.report.table import plain_table

    table = plain_table(title)
    for head in ("layer", "operator", "type", "so far, dB", "adds, dB", "mostly by"):
        table.add_column(head, justify="right" if "dB" in head else "left", overflow="fold")
    worst = min(v.own_db for v in rows)
    for v in rows:
        cause = v.cause if v.cause != "clipping" else f"clipping ({v.clipped:.2%})"
        style = "bold red" if v.own_db == worst else ""
        table.add_row(Text(v.name, style=style), v.op, v.dtype, f"{v.snr_db:.1f}", f"{v.own_db:.1f}", cause)
    table.caption = "so far: with the errors of earlier layers; adds: this layer alone, given exact inputs"
    table.caption_justify = "left"
    return table


def _say(console: Any, remedies: list[Remedy]) -> None:
    helping = [r for r in remedies if r.gain_db >= HELPS_DB]
    if not helping:
        console.print("Tried other methods, int16 and float for the worst layers: none gains half a decibel.")
        return
    console.print("Tried, and what it gives at the results:")
    for r in helping[:6]:
        console.print(f"  {r.option}: {r.snr_db:.1f} dB, {r.gain_db:+.1f} ({r.why})", markup=False, soft_wrap=True)
