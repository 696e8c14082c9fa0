"""Keras and graftwork side by side: the same arguments, the same numbers.

Each family has a file with its cases (`layers.py`, `losses.py`, …); `compare.py` says what is held
against what; `checklist.py` knows every public name of the installed Keras. `make parity` runs the
comparisons and prints which names are covered, which differ and which are missing.
"""
