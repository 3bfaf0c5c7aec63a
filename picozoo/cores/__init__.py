"""Processor cores: one core = one file with a `CORE`, how to compile for it and what its cycles cost."""
