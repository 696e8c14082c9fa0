"""Which public names of Keras are here, and which are missing, with the reason or without.

KERAS_BACKEND=jax PYTHONPATH=tests python -m parity
"""

from __future__ import annotations

from . import checklist
from .keras_jax import keras


def main() -> None:
    """Print one line for each module, and the names that are missing without a reason."""
    print(f"{'module':<24}{'names':>7}{'here':>7}{'missing':>9}  of these without a reason")
    total = bare_total = 0
    for family in checklist.FAMILIES:
        every = checklist.names(family, keras)
        gone = checklist.missing(family, keras)
        bare = [name for name in gone if not checklist.is_excused(family, name)]
        total, bare_total = total + len(every), bare_total + len(bare)
        told = f"keras.{family}" if family else "keras"
        row = f"{told:<24}{len(every):>7}{len(every) - len(gone):>7}{len(gone):>9}"
        print(f"{row}  {len(bare)}: {', '.join(bare)}" if bare else row)
    print(f"{total} names, {bare_total} missing without a reason")


if __name__ == "__main__":
    main()
