"""Fuzzing of every reader of files and replies from elsewhere.

- ``readers``: one table of what is read, by name.
- ``mutate``: how an input is changed so that what is inside still reads: seals, checksums, lengths.
- ``judge``: what counts as a finding.
- ``python -m tests.fuzz``: the command, guided by coverage (needs ``pip install atheris``).
- ``tests/test_fuzz.py``: the corpus, and a fixed number of changes with fixed seeds, without atheris.
"""
