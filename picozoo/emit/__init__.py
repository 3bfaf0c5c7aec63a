"""Printing C: no decisions are made here. `c_model.emit` turns a program and its memory plan into sources."""
