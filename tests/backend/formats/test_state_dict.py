"""Which part of a checkpoint is the network."""

from typing import Any

import numpy as np
import pytest

from graftgrad.errors import FormatError
from graftgrad.formats import Limits
from graftgrad.formats.state_dict import pick_state_dict
from graftgrad.formats.torch_objects import Storage, TensorRecord

LIMITS = Limits(max_tensors=10)
RECORD = TensorRecord(Storage("0", np.dtype("f4"), 1, True), np.dtype("f4"), (1,), (1,), 0)
WEIGHTS = {"a.weight": RECORD, "a.bias": RECORD}
OPTIMIZER = {"state": {0: {"step": RECORD, "exp_avg": RECORD}}, "param_groups": [{"lr": 0.1}]}

CASES: dict[str, tuple[Any, str, list[str]]] = {
    "flat": (WEIGHTS, "", ["a.weight", "a.bias"]),
    "state_dict": ({"state_dict": WEIGHTS, "best": RECORD}, "state_dict", ["a.weight", "a.bias"]),
    "model": ({"epoch": 3, "model": WEIGHTS}, "model", ["a.weight", "a.bias"]),
    "two levels": ({"model": {"state_dict": WEIGHTS}}, "model.state_dict", ["a.weight", "a.bias"]),
    "network before its average": ({"ema": {"x": RECORD}, "net": WEIGHTS}, "net", [*WEIGHTS]),
    "wrapped": ({"module.a": RECORD, "module.b": RECORD}, "", ["a", "b"]),
    "wrapped twice": ({"module._orig_mod.a": RECORD}, "", ["a"]),
    "compiled, then wrapped": ({"_orig_mod.module.a": RECORD}, "", ["a"]),
    "averaged": ({"n_averaged": RECORD, "module.a": RECORD}, "", ["a"]),
    "compiled inside": ({"a._orig_mod.b": RECORD, "c": RECORD}, "", ["a.b", "c"]),
    "sharded": ({"_fsdp_wrapped_module.a._checkpoint_wrapped_module.b": RECORD}, "", ["a.b"]),
    "names that would meet": ({"a._orig_mod.b": RECORD, "a.b": RECORD}, "",
                              ["a._orig_mod.b", "a.b"]),
    "one without the prefix": ({"module.a": RECORD, "b": RECORD}, "", ["module.a", "b"]),
    "prefix inside": ({"a.module.b": RECORD}, "", ["a.module.b"]),
    "optimizer beside": ({**WEIGHTS, "optimizer": OPTIMIZER}, "", ["a.weight", "a.bias"]),
    "unusual name": ({"encoder": WEIGHTS, "optim_g": OPTIMIZER}, "encoder", ["a.weight", "a.bias"]),
    "two networks": (
        {"netG": {"w": RECORD}, "netD": {"w": RECORD}, "optimizerG": {"lr": 1}}, "",
        ["netG.w", "netD.w"],
    ),
    "optimizers by many names": (
        {"head": {"w": RECORD}, "optimizer_state_dict": OPTIMIZER, "lr_scheduler": {"x": RECORD},
         "scaler": {"scale": RECORD}, "my_optimizer": OPTIMIZER}, "head", ["w"],
    ),
    "not only tensors": ({"a": RECORD, "_extra_state": None, "n": 3, "l": [RECORD]}, "", ["a"]),
    "layer called model": ({"model.a": RECORD, "opt.b": RECORD}, "", ["model.a", "opt.b"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_picked(name: str) -> None:
    tree, where, names = CASES[name]
    found, tensors = pick_state_dict(tree, "x.pt", LIMITS)
    assert (found, list(tensors)) == (where, names)


@pytest.mark.parametrize("tree", [{}, [], None, 3, [WEIGHTS], {"a": [RECORD]}, {"epoch": 3}])
def test_no_network(tree: object) -> None:
    with pytest.raises(FormatError, match=r"x\.pt: must hold a dict of tensors; got type="):
        pick_state_dict(tree, "x.pt", LIMITS)


def test_two_tensors_of_one_name() -> None:
    with pytest.raises(FormatError, match="one name"):
        pick_state_dict({"a.b": RECORD, "a": {"b": RECORD}}, "x.pt", LIMITS)


def test_key_with_dots() -> None:
    tree = {"a.b": {"c": WEIGHTS}}
    assert pick_state_dict(tree, "x.pt", LIMITS, "a.b")[1]["c.a.bias"] is RECORD
    with pytest.raises(FormatError, match="entries"):
        pick_state_dict(tree, "x.pt", LIMITS, "a.c")


def test_names_and_their_number_are_bounded() -> None:
    deep = {"k" * 600: {"l" * 500: RECORD}, "b": RECORD}
    with pytest.raises(FormatError, match=r"name has at most 1000 characters; got characters=1101"):
        pick_state_dict(deep, "x.pt", LIMITS)
    with pytest.raises(FormatError, match="at most max_tensors=10 tensors"):
        pick_state_dict({str(number): RECORD for number in range(11)}, "x.pt", LIMITS)
