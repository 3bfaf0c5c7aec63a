"""Fuzzing of what reads users' files: real files, mutated; each is read or refused in so many words.

One kind of file = one module here, found by its name, with `SUFFIX`, `originals(folder)` and `mutate(data, dice)`; it
may have `read(path)`, where `network.load` does not read it, and `prepared()`, which is entered before files are read.
`watch.py` reads the files in a child process; `plain.py`, `trees.py` and `zips.py` are what the modules share.
"""
