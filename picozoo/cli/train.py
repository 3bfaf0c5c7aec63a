"""`picozoo train`: make a network's trained artefact."""

from __future__ import annotations

from pathlib import Path

import click

from picozoo.cli import _common, _screen


@click.command(cls=_common.Command, short_help="Train a network of the zoo (needs PyTorch).")
@click.argument("name")
@click.option(
    "--size", default="default", show_default=True, help="One of the network's sizes; see 'picozoo show NAME'."
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Of all chance; the same seed gives the same bytes."
)
@click.option("--quick", is_flag=True, help="Seconds instead of minutes, without downloads: a weaker network.")
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("trained"),
    show_default=True,
    help="Folder for the artefact and its figures.",
)
@_common.json_option("what was reached")
def COMMAND(name: str, size: str, seed: int, quick: bool, out: Path, as_json: bool) -> int:  # noqa: N802 - found by this name
    """Train a network by its recipe and write NAME.pz, which every other command takes in place of a name.

    A recipe that was stopped goes on where it was when started again with the same folder.
    """
    from picozoo import find
    from picozoo.zoo._card import need_torch

    base, _, given = name.partition(":")
    size = given or size
    module = find.load("zoo", base, "network")
    module.CARD.check_size(size)
    need_torch(f"training {base}")
    with _screen.progress(f"training {base}") as tell:
        result = module.train(out, size=size, seed=seed, progress=tell, quick=quick)
        path = _artefact(module, result.path, size)
    if as_json:
        _screen.print_json(
            {
                "name": base,
                "size": size,
                "seed": seed,
                "file": str(path),
                "metrics": result.metrics,
                "parameters": result.parameters,
                "minutes": result.minutes,
            }
        )
        return 0
    for key, value in result.metrics.items():
        print(f"{key}: {value:.4g}")
    print(
        f"written to {path} ({path.stat().st_size:,} bytes, {result.minutes:.1f} minutes). "
        f"Try: picozoo run {path} --board {module.CARD.board[size]}"
    )
    return 0


def _artefact(module: object, state: Path, size: str) -> Path:
    """The `.pz` file beside the trained state."""
    from typing import Any

    from safetensors.torch import load_file

    from picozoo.zoo import _artefact

    zoo: Any = module
    model = zoo.build(size)
    model.load_state_dict(load_file(state))
    return _artefact.make(zoo, model.eval(), size, out=state.with_suffix(".pz"))
