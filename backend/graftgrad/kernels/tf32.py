"""Whether float32 products may be computed with 10 bits of mantissa (TF32); not unless it is said.

Tensor cores multiply such numbers many times faster. Sums stay float32. Bodies are chosen anew
where the switch is turned.
"""

from __future__ import annotations

from ..kernel import forget

_allowed = False


def allowed() -> bool:
    """Tell whether float32 products may be computed in TF32."""
    return _allowed


def allow(on: bool = True) -> None:
    """Let float32 products and convolutions of GPUs be computed in TF32, or no longer."""
    global _allowed
    if bool(on) != _allowed:
        _allowed = bool(on)
        forget()
