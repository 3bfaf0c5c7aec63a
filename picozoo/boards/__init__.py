"""Boards: one board = one file with a `BOARD`, its memories, clock, energy and emulator."""
