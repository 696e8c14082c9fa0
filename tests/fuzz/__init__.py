"""Fuzzing of every reader: what is read, what it is mutated from, how, and by whom."""
