"""What names that nobody here knows stand for in a pickle: records of a name and what was given it.

Nothing is imported and nothing is called: an object of a foreign class is its name, its arguments
and its state; so is what a foreign function would have returned. Which records are modules of a
network is found out in `module_objects.py`; the interpreter stands in `pickle_subset.py`.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import NoReturn

from .base import check, refuse
from .plain_objects import Arguments, Global

_NEVER = (
    "It is never imported. If the file holds a whole model object, save its state_dict() with "
    "PyTorch and read that."
)
# What PyTorch writes for tensors that are no plain arrays, and what to do about each.
_ADVICE = {
    "torch._utils._rebuild_sparse_tensor": "A sparse tensor: save its to_dense().",
    "torch._utils._rebuild_qtensor": "A quantized tensor: save its dequantize().",
    "torch._utils._rebuild_nested_tensor": "A nested tensor: save its unbind().",
    "torch._utils._rebuild_meta_tensor_no_storage": "A tensor without values: load the weights "
    "into the model before its state_dict() is saved.",
    "torch._utils._rebuild_wrapper_subclass": "A tensor of a class of its own: save it as a plain "
    "tensor.",
    "torch.complex32": "Save it as complex64.",
    "torch.float4_e2m1fn_x2": "Save it as float32.",
    "torch.qint8": "A quantized module: save the float model's state_dict().",
    "torch.quint8": "A quantized module: save the float model's state_dict().",
}
# Python's own modules under the names that they have, and had, on any system. What of them is plain
# data stands in `plain_objects.py`. The rest would be as harmless a record as any other, but with
# it attacks begin, and who is handed such a file should hear of it.
_STANDARD = sys.stdlib_module_names | {
    "__builtin__", "copy_reg", "commands", "cPickle", "popen2", "urllib2", "httplib", "dl",
}  # fmt: skip
# What of them stands in honest objects: settings tied to a function, methods kept as attributes,
# objects of protocol 1, loggers and patterns.
_KEPT = (
    "functools.partial", "copyreg._reconstructor", "copy_reg._reconstructor", "logging.getLogger",
    "re._compile",
)  # fmt: skip
_METHODS = ("builtins.getattr", "__builtin__.getattr")


class Record:
    """An object of a class that is not known, or the result of a function that was not called.

    Attributes:
        name: the full name of the class or function.
        arguments: what it would have been called with.
        state: what it would have been handed as its state; None where there is none.
        items: what would have been put into it, if it were a dictionary.
        elements: what would have been appended to it, if it were a list.
    """

    __slots__ = ("arguments", "elements", "items", "name", "state")

    def __init__(self, name: str, arguments: Arguments) -> None:
        self.name = name
        self.arguments = arguments
        self.state: object = None
        self.items: dict[object, object] | None = None
        self.elements: list[object] | None = None

    def build(self, state: object) -> None:
        """Keep the state; what `__setstate__` would do with it is not done."""
        check(self.state is None, self.name, "an object may be given a state once", states=2)
        self.state = state

    def keep_item(self, key: object, value: object) -> None:
        """Keep an item of a class that is a dictionary."""
        self.items = self.items if self.items is not None else {}
        self.items[key] = value

    def keep_elements(self, elements: list[object]) -> None:
        """Keep elements of a class that is a list."""
        self.elements = self.elements if self.elements is not None else []
        self.elements += elements


def foreign(module: str, name: str, subject: str) -> Global:
    """Return what a name stands for that no table knows.

    Raises:
        FormatError: it is one of Python's own, hidden in another, or a tensor that is no array.
    """
    full = f"{module}.{name}"
    if full in _METHODS:
        return Global(full, partial(_method, subject, full))
    standard = module.partition(".")[0] in _STANDARD and full not in _KEPT
    # `f.__globals__` is no name of a class.
    hidden = any(part.startswith("__") and part.endswith("__") for part in name.split("."))
    if full in _ADVICE or standard or hidden or not module or not name:
        _refuse(subject, full)
    return Global(full, partial(Record, full))


def _method(subject: str, name: str, arguments: Arguments) -> Record:
    """Keep a method of an object: "forward", which some models have as an attribute."""
    sound = len(arguments) == 2 and isinstance(arguments[0], Record)
    if not sound or not isinstance(arguments[1], str) or arguments[1].startswith("__"):
        _refuse(subject, name)
    return Record(name, arguments)


def _refuse(subject: str, name: str) -> NoReturn:
    refuse(subject, "may only name what is known to hold plain data", _ADVICE.get(name, _NEVER),
           name=name)  # fmt: skip
