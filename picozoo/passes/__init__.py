"""Passes: one file each, `run(program, target) -> Program`. The lists of them, in order, are in `pipeline.py`."""
