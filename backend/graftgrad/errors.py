"""The exceptions of both packages and the one sentence form in which they speak.

GraftError
├── ShapeError (ValueError)        sizes or axes that do not fit
│   └── BoundsError (IndexError)   an index that lies outside
├── DTypeError (TypeError)         element types that do not fit
├── DeviceError (RuntimeError)     a device that is absent, full or mixed with another
│   └── OutOfMemoryError (MemoryError)   memory that is used up
├── GradientError (RuntimeError)   a gradient that cannot be had
├── CaptureError (RuntimeError)    a step that cannot be recorded
├── LibraryError (RuntimeError)    a C library that reports a failure
├── FormatError (ValueError)       a file that is damaged, foreign or dangerous
│   └── MissingFileError (FileNotFoundError)    a file or folder that is not there
├── DataError (ValueError)         data that cannot be learned from: empty, NaN, out of range
└── ConfigError (ValueError)       a setting, a name or a configuration that is not understood
    ├── ArgumentError (TypeError)  an argument that is unknown, missing or given twice
    └── MissingAttributeError (AttributeError)  an attribute that does not exist yet

The sentence: *subject: what must hold; got what was given. What to do, if it is not obvious.*
"""

from __future__ import annotations

import errno
import sys
import warnings

# A name out of a file may have megabytes; more than this of it helps nobody.
_LONGEST = 1000


class GraftError(Exception):
    """Base of every exception this project raises on purpose."""


class ShapeError(GraftError, ValueError):
    """Sizes or axes do not fit."""


class BoundsError(ShapeError, IndexError):
    """An index lies outside of an axis, or names an axis that is not there."""


class DTypeError(GraftError, TypeError):
    """Element types do not fit."""


class DeviceError(GraftError, RuntimeError):
    """A device is absent, full or mixed with another."""


class OutOfMemoryError(DeviceError, MemoryError):
    """The memory of a device is used up."""


class GradientError(GraftError, RuntimeError):
    """A gradient cannot be had."""


class CaptureError(GraftError, RuntimeError):
    """A step cannot be recorded."""


class LibraryError(GraftError, RuntimeError):
    """A C library reports a failure."""


class FormatError(GraftError, ValueError):
    """A file is damaged, foreign or dangerous."""


class MissingFileError(FormatError, FileNotFoundError):
    """A file, or the folder it is to be written to, is not there."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.errno = errno.ENOENT


class DataError(GraftError, ValueError):
    """Data cannot be used: empty, not finite or out of range."""


class ConfigError(GraftError, ValueError):
    """A setting, a name or a configuration is not understood."""


class ArgumentError(ConfigError, TypeError):
    """An argument is unknown, missing or given twice: also what Python itself raises."""


class MissingAttributeError(ConfigError, AttributeError):
    """An attribute does not exist yet, such as the output of a layer that was never called."""


def sentence(subject: str, rule: str, got: dict[str, object], advice: str = "") -> str:
    """Join the parts of an error message into the one form of the house."""
    given = ", ".join(f"{name}={_show(value)}" for name, value in got.items())
    tail = f" {advice}" if advice else ""
    subject, rule = _shortened(subject), _shortened(rule)
    return f"{subject}: {rule}; got {given}.{tail}" if given else f"{subject}: {rule}.{tail}"


def _shortened(text: str) -> str:
    """Leave out the middle of what is too long to be read."""
    return text if len(text) <= _LONGEST else f"{text[:500]} … {text[-400:]}"


def expect(
    condition: bool,
    subject: str,
    rule: str,
    /,
    *,
    error: type[GraftError] = ShapeError,
    advice: str = "",
    **got: object,
) -> None:
    """Raise `error` in the one sentence form unless `condition` holds.

    Args:
        condition: what must be true.
        subject: who speaks, for example the op or the layer.
        rule: what must hold, in words.
        error: the class of the exception.
        advice: what to do, where it is not obvious.
        got: the values that were given, by name.
    Raises:
        GraftError: `condition` is false; the class is `error`.
    """
    if not condition:
        raise error(sentence(subject, rule, got, advice))


def uncalled(value: object) -> str:
    """Advise to call a class that was given in place of an object; nothing for anything else."""
    if not isinstance(value, type):
        return ""
    return f"That is the class; make an object of it: {value.__name__}(…)."


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn, at the line of the program that led here through whatever of this library."""
    depth, frame = 1, sys._getframe()
    while frame.f_back is not None and _is_own(frame.f_globals.get("__name__")):
        depth, frame = depth + 1, frame.f_back
    warnings.warn(text, category, stacklevel=depth)


def _is_own(module: object) -> bool:
    return str(module).partition(".")[0] in ("graftgrad", "graftwork", "contextlib")


def note(error: Exception, text: str) -> None:
    """Add where it happened to an error that is on its way up."""
    if hasattr(error, "add_note"):
        error.add_note(text)
    elif error.args:  # Python 3.10
        error.args = (f"{error.args[0]}\n{text}", *error.args[1:])


def _show(value: object) -> str:
    """Print a value, or a description's shape where it has one."""
    text = str(value) if hasattr(value, "shape") and hasattr(value, "dtype") else repr(value)
    return text if len(text) <= 200 else text[:197] + "..."
