"""Functions that work on values and on symbols: what each is called, and what it leaves behind.

Called on symbols, a function leaves a layer without weights, which holds its other arguments; a
functional model runs it like any layer. Its name, its module in files and its settings are those
that Keras writes, so each side reads the other's files.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, ParamSpec, cast

from graftgrad import Tensor
from graftgrad.errors import ConfigError, expect

from .. import registry
from ..layers.operation import Operation
from ..layers.symbol import KerasTensor, is_symbolic, symbols
from ..registry import encoded, snake_case, unique_name
from .operands import meet, operands

P = ParamSpec("P")
_HOME = "keras.src.ops"
# Where Keras' class is not the function's name in capitals.
_CLASSES = {
    "allclose": "AllClose", "batch_normalization": "BatchNorm", "cdist": "CDist",
    "ctc_decode": "CTCDecode", "ctc_loss": "CTCLoss", "fft": "FFT", "fft2": "FFT2",
    "hsv_to_rgb": "HSVToRGB", "ifft2": "IFFT2", "irfft": "IRFFT", "isin": "IsIn",
    "istft": "ISTFT", "jvp": "JVP", "layer_normalization": "LayerNorm", "psnr": "PSNR",
    "rectified": "ReLU",
    "rfft": "RFFT", "rgb_to_grayscale": "RGBToGrayscale", "rgb_to_hsv": "RGBToHSV",
    "rms_normalization": "RMSNorm", "searchsorted": "SearchSorted", "ssim": "SSIM",
    "stft": "STFT", "svd": "SVD",
}  # fmt: skip


class FunctionOperation(Operation):
    """A function of this library in a functional model, with its arguments that are no operands."""

    declaration: ClassVar[Declaration]
    per_sample = False  # decided when it is applied

    def __init__(self, name: str | None = None, **arguments: Any) -> None:
        unknown = set(arguments) - set(self.declaration.others)
        expect(not unknown, type(self).__name__,
               f"settings must be among {list(self.declaration.others)}", error=ConfigError,
               unknown=sorted(unknown))  # fmt: skip
        super().__init__(name or unique_name(snake_case(self.declaration.class_name)))
        self.arguments = arguments

    def call(self, *given: Any, **named: Any) -> Any:
        """Compute the function of its operands, in order or by name."""
        if named:
            given = (*given, *[named.get(key) for key in self.declaration.names[len(given) :]])
        return self.declaration.run(given, self.arguments)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Copy by the names of module and class: the class stands in no module."""
        return _bare, (self.declaration.module, self.declaration.class_name), vars(self)

    def get_config(self) -> dict[str, Any]:
        """Return name and arguments as plain values.

        Raises:
            ConfigError: an argument is a function that is not registered.
        """
        return {"name": self.name, **{key: _plain(one) for key, one in self.arguments.items()}}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Make it from name and arguments.

        Raises:
            ConfigError: an argument is unknown.
        """
        of_layers = {"trainable", "dtype"} - set(cls.declaration.others)
        return cls(**{key: one for key, one in config.items() if key not in of_layers})

    def _apply(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        alike = self.declaration.alike
        if alike is not None and alike(args, self.arguments):
            object.__setattr__(self, "per_sample", None)
            object.__setattr__(self, "axis", self.arguments.get("axis"))
        return super()._apply(args, kwargs)


def _bare(module: str, class_name: str) -> FunctionOperation:
    kind = registry.operations[module][class_name].kind
    made: FunctionOperation = kind.__new__(kind)
    return made


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.tolist()
    if type(value).__name__ == "dtype" or (hasattr(value, "itemsize") and hasattr(value, "kind")):
        return str(value)
    return encoded(value)


Alike = Callable[[tuple[Any, ...], Mapping[str, Any]], bool]


def elementwise(args: tuple[Any, ...], arguments: Mapping[str, Any]) -> bool:
    """Tell whether operands meet sample by sample: alike in axes, or constants of fewer."""
    ranks = {one.ndim for one in symbols(args)}
    rank = max(ranks)
    shapes = [one.shape for one in args if hasattr(one, "shape") and not _is_symbol(one)]
    return len(ranks) == 1 and all(len(shape) < rank for shape in shapes)


def along_axes(args: tuple[Any, ...], arguments: Mapping[str, Any]) -> bool:
    """Tell whether a function works along axes that are told; which ones is looked at later."""
    axis = arguments.get("axis")
    return axis is not None and len({one.ndim for one in symbols(args)}) == 1


def by_key(args: tuple[Any, ...], arguments: Mapping[str, Any]) -> bool:
    """Tell whether a key takes all samples and picks behind them."""
    key = args[1] if len(args) > 1 else None
    return isinstance(key, (tuple, list)) and len(key) > 0 and key[0] == slice(None)


def _is_symbol(one: Any) -> bool:
    return isinstance(one, KerasTensor)


class Declaration:
    """A function, its room, and which of its arguments are operands."""

    def __init__(
        self, function: Callable[..., Any], name: str, room: str, count: int, meets: bool,
        alike: Alike | None, listed: bool,
    ) -> None:  # fmt: skip
        self.listed = listed
        self.function = function
        self.name = name
        self.room = room
        self.meets = meets
        self.alike = alike
        code = function.__code__ if hasattr(function, "__code__") else None
        names = code.co_varnames if code else tuple(inspect.signature(function).parameters)
        total = code.co_argcount + code.co_kwonlyargcount if code else len(names)
        self.spread = bool(code and code.co_flags & inspect.CO_VARARGS)
        self.first = code.co_argcount if code and self.spread else 0
        count = min(count, total)
        self.names = () if self.spread else names[:count]
        self.others = names[:total] if self.spread else names[count:total]
        camel = "".join(word[:1].upper() + word[1:] for word in name.split("_"))
        self.class_name = _CLASSES.get(name, camel)
        self.module = f"{_HOME}.{room}"
        self.made: type[FunctionOperation] | None = None

    def run(self, given: tuple[Any, ...], arguments: Mapping[str, Any]) -> Any:
        """Compute with operands and the other arguments."""
        if self.spread:
            lead = [arguments[name] for name in self.others[: self.first]]
            rest = {k: v for k, v in arguments.items() if k not in self.others[: self.first]}
            return self.function(*lead, *operands(given), **rest)
        return self.function(*self.brought(given), **arguments)

    def brought(self, given: tuple[Any, ...]) -> list[Any]:
        """Return operands as tensors, brought to one element type where the function wants it."""
        if self.listed:
            return list(given)
        found = operands(given)
        return meet(found) if self.meets else found

    def applied(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Leave the layer that computes the function, and return its symbols.

        Raises:
            ConfigError: a symbol stands where no operand does.
        """
        bound = inspect.signature(self.function).bind(*args, **kwargs)
        bound.apply_defaults()
        values = dict(bound.arguments)
        if self.spread:
            stars = [k for k, p in bound.signature.parameters.items() if p.kind is p.VAR_POSITIONAL]
            given = tuple(values.pop(stars[0]))
        else:
            given = tuple(values.pop(name) for name in self.names)
            while given and given[-1] is None:
                given = given[:-1]
        for key, p in bound.signature.parameters.items():
            if p.kind is p.VAR_KEYWORD:
                values |= values.pop(key)
        expect(not symbols(values), f"ops.{self.name}",
               f"only {', '.join(self.names) or 'operands'} may be symbols", error=ConfigError,
               symbols=[key for key, one in values.items() if symbols(one)])  # fmt: skip
        return self.kind(**values)(*given)

    @property
    def kind(self) -> type[FunctionOperation]:
        """The class of layers that compute the function."""
        if self.made is None:
            self.made = type(
                self.class_name, (FunctionOperation,),
                {"declaration": self, "__module__": __name__, "__doc__": self.function.__doc__,
                 "exported_module": self.module, "registered_name": self.class_name},
            )  # fmt: skip
        return self.made


DECLARATIONS: dict[str, Declaration] = {}


def op(
    room: str, operand_count: int = 1, *, meets: bool = False, alike: Alike | None = None,
    name: str | None = None, listed: bool = False,
) -> Callable[[Callable[P, Any]], Callable[P, Any]]:  # fmt: skip
    """Let a function be called on tensors, host arrays, numbers and symbols.

    Args:
        room: the module of Keras' in which its class stands.
        operand_count: how many of its first arguments are operands.
        meets: whether operands are brought to one element type first.
        alike: whether, applied to symbols with these arguments, it keeps samples apart.
        name: its public name, if it is not the function's own.
        listed: whether its operands are lists of tensors, or it brings them together itself.
    """

    def declare(function: Callable[P, Any]) -> Callable[P, Any]:
        run: Callable[..., Any] = function
        told = name or function.__name__
        declared = Declaration(function, told, room, operand_count, meets, alike, listed)
        DECLARATIONS[told] = declared
        registry.operations.setdefault(declared.module, {})[declared.class_name] = declared
        names, count = declared.names, len(declared.names)

        def called(*args: Any, **kwargs: Any) -> Any:
            if is_symbolic(args, kwargs):
                return declared.applied(args, kwargs)
            if kwargs and names:
                for key in names[len(args) :]:
                    if key not in kwargs:
                        break
                    args = (*args, kwargs.pop(key))
            if declared.spread:
                lead = declared.first
                return run(*args[:lead], *operands(args[lead:]), **kwargs)
            return run(*declared.brought(args[:count]), *args[count:], **kwargs)

        called.__name__ = called.__qualname__ = told
        called.__doc__ = function.__doc__
        called.__module__ = function.__module__
        called.__wrapped__ = function  # type: ignore[attr-defined]
        return cast(Callable[P, Any], called)

    return declare
