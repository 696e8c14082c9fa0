"""Which public names of Keras are compared, which differ, and which are missing, and why.

KERAS_BACKEND=jax PYTHONPATH=tests python -m parity
"""

from __future__ import annotations

from . import checklist, coverage
from .keras_jax import keras


def main() -> None:
    """Print one line for each module, then what differs and what is missing without a reason."""
    print(f"{'module':<24}{'names':>7}{'compared':>10}{'arguments':>11}{'missing':>9}")
    total = [0, 0, 0, 0]
    bare: list[str] = []
    for family in checklist.FAMILIES:
        every = checklist.names(family, keras)
        gone = checklist.missing(family, keras)
        computed = len(coverage.compared(family, keras) - set(gone))
        row = (len(every), computed, len(every) - len(gone) - computed, len(gone))
        total = [a + b for a, b in zip(total, row, strict=True)]
        told = f"keras.{family}" if family else "keras"
        print(f"{told:<24}{row[0]:>7}{row[1]:>10}{row[2]:>11}{row[3]:>9}")
        bare += checklist.bare(family, keras)
        bare += [f"{family}.{name} (no case)" for name in coverage.bare(family, keras)]
    print(f"{'all':<24}{total[0]:>7}{total[1]:>10}{total[2]:>11}{total[3]:>9}")
    print("compared: output, gradient, configuration, errors; arguments: their names and defaults")
    differing = checklist.differing()
    print(f"{len(differing)} names differ: {', '.join(sorted(differing))}")
    print(f"{len(bare)} names without a reason{': ' if bare else ''}{', '.join(bare)}")


if __name__ == "__main__":
    main()
