"""What scripts ask of Keras' backend: element types, the smallest addend, names."""

from __future__ import annotations

from typing import Any

from graftgrad.device.base import Device
from graftgrad.device.find import device as find_device
from graftgrad.errors import DTypeError, expect
from graftgrad.spec import as_dtype, is_floating

from .config import backend as backend
from .defaults import epsilon as epsilon
from .defaults import floatx as floatx
from .defaults import image_data_format as image_data_format
from .defaults import set_epsilon as set_epsilon
from .defaults import set_floatx as set_floatx
from .defaults import set_image_data_format as set_image_data_format
from .layers.symbol import KerasTensor
from .ops.operands import result_type as result_type
from .ops.operands import standard
from .registry import clear_names

_uids: dict[str, int] = {}


def device(device_name: str | Device) -> Device:
    """Return a device by its name; in a `with` block tensors and weights are made there.

    Raises:
        DeviceError: there is no such device.
    """
    return find_device(device_name)


def standardize_dtype(dtype: Any) -> str:
    """Return the name of an element type, given as name, as NumPy's or as Python's type.

    Raises:
        DTypeError: there is no such type.
    """
    return str(standard(dtype))


def is_float_dtype(dtype: Any) -> bool:
    """Tell whether an element type is a floating one."""
    return bool(is_floating(as_dtype(standard(dtype))))


def is_int_dtype(dtype: Any) -> bool:
    """Tell whether an element type is one of whole numbers."""
    return standard(dtype).kind in "iu"


def is_keras_tensor(x: Any) -> bool:
    """Tell whether something is a symbol: an input without values, or what comes of one."""
    return isinstance(x, KerasTensor)


def get_uid(prefix: str = "") -> int:
    """Return how often a prefix was asked for, this time included.

    Raises:
        DTypeError: the prefix is no text.
    """
    expect(isinstance(prefix, str), "get_uid", "prefix must be text", error=DTypeError,
           prefix=prefix)  # fmt: skip
    _uids[prefix] = _uids.get(prefix, 0) + 1
    return _uids[prefix]


def clear_session(free_memory: bool = True) -> None:
    """Begin to count names anew; memory is given back as soon as nothing refers to it anyway."""
    clear_names()
    _uids.clear()
