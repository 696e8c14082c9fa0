"""Masks: which steps of a sequence count, and how they travel from layer to layer.

A mask, (N, T) truth values, lies beside the values of a tensor as `_keras_mask`, where Keras'
scripts look for it. A layer is handed the masks of its inputs if its `call` asks for them; what its
`compute_mask` returns is laid beside its outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graftgrad import Tensor
from graftgrad.errors import warn

from .symbol import KerasTensor, leaves, mapped

if TYPE_CHECKING:
    from .called import Called


def mask_of(x: Any) -> Any:
    """Return the mask beside a tensor or symbol, None where there is none."""
    return getattr(x, "_keras_mask", None)


def masks_of(tree: Any) -> Any:
    """Return the masks beside all leaves of a structure, in this structure."""
    return mask_of(tree) if isinstance(tree, Tensor) else mapped(mask_of, tree)


def set_mask(x: Any, mask: Any) -> Any:
    """Lay a mask beside a tensor or symbol, and return the tensor."""
    x._keras_mask = mask
    return x


def fill(names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Add the masks of the inputs to the arguments of a call that asks for them.

    One tensor's mask is called `mask`; where several arguments are tensors, each has its own, such
    as `query_mask`.
    """
    given = {name: one for name, one in zip(names, args, strict=False) if _has_tensors(one)}
    given |= {name: one for name, one in kwargs.items() if not _is_mask(name) and _has_tensors(one)}
    if len(given) == 1 and "mask" in names:
        if kwargs.get("mask") is None and len(args) <= names.index("mask"):
            kwargs["mask"] = masks_of(next(iter(given.values())))
    elif len(given) > 1:
        for name, one in given.items():
            wanted = f"{name}_mask"
            if wanted in names and kwargs.get(wanted) is None:
                kwargs[wanted] = masks_of(one)


def lay(layer: Called, inputs: Any, outputs: Any, previous: Any, travels: bool) -> None:
    """Lay masks beside the outputs of a layer, or warn that they end here."""
    if not travels:
        if any(one is not None for one in leaves(previous)):
            warn(
                f'layer "{layer.name}": an input has a mask, which {type(layer).__name__} does not '
                "hand on; layers behind it count every step. Set supports_masking = True in its "
                "constructor if the mask fits its output too."
            )
        return
    results = [outputs] if isinstance(outputs, Tensor) else leaves(outputs)
    if all(mask_of(one) is not None for one in results):
        return
    found = layer.compute_mask(inputs, previous)
    if found is None:
        return
    masks = [found] if isinstance(found, (Tensor, KerasTensor)) else leaves(found)
    for one, mask in zip(results, masks, strict=False):
        if isinstance(one, Tensor) and mask is not None and mask_of(one) is None:
            set_mask(one, mask)


def _has_tensors(value: Any) -> bool:
    if isinstance(value, Tensor):
        return True
    return isinstance(value, (tuple, list, dict)) and any(
        isinstance(one, Tensor) for one in leaves(value)
    )


def _is_mask(name: str) -> bool:
    return name == "mask" or name.endswith("_mask")
