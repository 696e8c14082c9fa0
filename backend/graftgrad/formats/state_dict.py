"""Which part of a decoded PyTorch checkpoint is the network, and how its tensors are named."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .base import Limits, check, refuse
from .module_objects import LONGEST_NAME
from .torch_objects import TensorRecord

# Where training scripts put the network, the most telling name first.
_NETWORKS = (
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "net_state_dict",
    "module", "weights", "params", "generator", "backbone", "model_ema", "state_dict_ema", "ema",
)  # fmt: skip
# What else they save; these hold tensors too, but none of the network's.
_OTHERS = (
    "optimizer", "optim", "opt", "scheduler", "lr_scheduler", "scaler", "amp", "criterion", "loss",
    "rng", "random",
)  # fmt: skip
# What wrappers put into names, at any level (torch.compile, FSDP, recomputation), or before all.
_INSIDE = re.compile(
    r"(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module)\."
)
_WRAPPERS = ("module.",)
_COUNTER = "n_averaged"  # of torch.optim.swa_utils.AveragedModel, beside its module

Tensors = dict[str, TensorRecord]


def pick_state_dict(
    tree: object, subject: str, limits: Limits, key: str | None = None
) -> tuple[str, Tensors]:
    """Find the network's tensors.

    Without a `key`: an entry with one of the usual names; else the top level, if tensors stand
    there; else its only entry that holds tensors; else all of them, "." between the levels.
    Entries of optimizers and the like are left out, and what wrappers put into every name
    ("module.", "_orig_mod.") is taken away.

    Args:
        tree: the decoded checkpoint, whose size was checked.
        subject: who speaks in errors.
        limits: how many tensors there may be.
        key: which entry to take, "." between levels.

    Returns:
        where it was found (empty: the top level) and the tensors by name.
    """
    if key is None:
        where, node = _find(tree, "", 0)
    else:
        where, node = key, _follow(tree, key, subject)
    tensors = _flatten(node, subject, limits) if isinstance(node, dict) else {}
    if not tensors:
        names = [str(name)[:60] for name in tree][:12] if isinstance(tree, dict) else []
        refuse(subject, "must hold a dict of tensors", "Name the entry that holds them by key=.",
               type=type(tree).__name__, entries=names)  # fmt: skip
    return where, _unwrap(tensors)


def _follow(tree: object, key: str, subject: str) -> object:
    """Walk to the entry named; a name may itself have dots."""
    if isinstance(tree, dict):
        if key in tree:
            return tree[key]
        first, _, rest = key.partition(".")
        if rest and first in tree:
            return _follow(tree[first], rest, subject)
    names = [str(name)[:60] for name in tree][:12] if isinstance(tree, dict) else []
    refuse(subject, "the entry asked for must be there", key=key, entries=names)


def _find(tree: object, where: str, depth: int) -> tuple[str, object]:
    """Descend to the network by the usual names."""
    if not isinstance(tree, dict) or depth > 4:
        return where, tree
    inner = {name: node for name, node in tree.items() if _holds_tensors(node, 3)}
    for name in _NETWORKS:
        if name in inner:
            return _find(inner[name], f"{where}.{name}".lstrip("."), depth + 1)
    rest = [name for name in inner if isinstance(name, str) and not _is_other(name)]
    at_top = any(isinstance(node, TensorRecord) for node in tree.values())
    if not at_top and len(rest) == 1:
        return f"{where}.{rest[0]}".lstrip("."), inner[rest[0]]
    return where, {name: node for name, node in tree.items() if not _is_other(name)}


def _is_other(name: object) -> bool:
    """Tell whether a name of the top level belongs to an optimizer or the like."""
    if not isinstance(name, str):
        return True
    lowered = name.lower().removesuffix("_state_dict").removesuffix("_state").removesuffix("_dict")
    return any(lowered == other or lowered.startswith(other + "_") for other in _OTHERS) or any(
        lowered.endswith("_" + other) for other in _OTHERS
    )


def _holds_tensors(node: object, levels: int) -> bool:
    """Tell whether a dict holds a tensor within a few levels."""
    if not isinstance(node, dict) or levels == 0:
        return False
    values = list(node.values())
    return any(isinstance(value, TensorRecord) for value in values) or any(
        _holds_tensors(value, levels - 1) for value in values
    )


def _flatten(node: object, subject: str, limits: Limits) -> Tensors:
    """Gather the tensors under a node; numbers, text and lists are left out."""
    tensors: Tensors = {}
    most = limits.max_tensors
    for name, record in _walk(node, ""):
        check(name not in tensors, subject, "no two tensors may have one name", name=name)
        # A long key above many tensors would stand in the name of each.
        check(len(name) <= LONGEST_NAME, subject,
              f"a tensor's name has at most {LONGEST_NAME} characters",
              characters=len(name))  # fmt: skip
        check(len(tensors) < most, subject, f"at most max_tensors={most} tensors",
              "Raise Limits.max_tensors if the file is honest.",
              tensors=len(tensors) + 1)  # fmt: skip
        tensors[name] = record
    return tensors


def _walk(node: object, path: str) -> Iterator[tuple[str, TensorRecord]]:
    if isinstance(node, TensorRecord):
        yield path, node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _walk(value, f"{path}.{key}" if path else str(key))


def _unwrap(tensors: Tensors) -> Tensors:
    """Take away what DataParallel, torch.compile and the like put into every name."""
    plain = {_INSIDE.sub("", name): record for name, record in tensors.items()}
    if len(plain) == len(tensors) and "" not in plain:
        tensors = plain
    rest = {name: record for name, record in tensors.items() if name != _COUNTER}
    for prefix in (*_WRAPPERS, *_WRAPPERS):
        if rest and all(name.startswith(prefix) and len(name) > len(prefix) for name in rest):
            rest = tensors = {name.removeprefix(prefix): record for name, record in rest.items()}
    return tensors
