"""The networks: one file each, found by its name. See `_card.py` for what a file declares."""
