"""Fourier transforms over axes: of complex numbers, of real ones, and back.

y[k] = s Σⱼ x[j] e^(−2πi jk/n), with s of the norm: 1 for "backward", 1/√n for "ortho", 1/n for
"forward". The inverse has e^(+…) and the other factor, so that both undo each other. The gradient
of a transform is the opposite transform with the same factor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import ConfigError, expect
from ..function import Function, function
from ..spec import Spec, axis_within, complex_dtype, float32, real_dtype
from .arithmetic import mul
from .operand import cast, floating
from .parts import conj
from .shape import concatenate, pad, sliced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..tensor import Tensor

# A norm names the direction that is divided by n; the other direction with the same factor:
_OPPOSITE = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


@function
class Fft(Function):
    """Complex numbers to complex numbers, over several axes."""

    axes: tuple[int, ...]
    inverse: bool
    norm: str

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        return x.like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        transform = xp.fft.ifftn if self.inverse else xp.fft.fftn
        y[...] = transform(x, axes=self.axes, norm=self.norm)

    def grad_x(self, gy: Tensor) -> Tensor:
        return Fft(self.axes, not self.inverse, _OPPOSITE[self.norm])(gy)  # type: ignore[no-any-return]


@function
class Rfft(Function):
    """Real numbers to the first half of a transform, whose second half is its mirror."""

    axis: int
    norm: str

    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        shape = list(x.shape)
        shape[self.axis] = x.shape[self.axis] // 2 + 1
        return Spec(tuple(shape), complex_dtype(x.dtype))

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = xp.fft.rfft(x, axis=self.axis, norm=self.norm)

    def grad_x(self, gy: Tensor, x_spec: Spec) -> Tensor:
        n = x_spec.shape[self.axis]
        halved = mul(gy, _mirrored(gy, self.axis, n, 0.5))
        return Irfft(self.axis, n, _OPPOSITE[self.norm])(halved)  # type: ignore[no-any-return]


@function
class Irfft(Function):
    """The first half of a transform to n real numbers."""

    axis: int
    n: int
    norm: str

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        shape = list(x.shape)
        shape[self.axis] = self.n
        return Spec(tuple(shape), real_dtype(x.dtype))

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = xp.fft.irfft(x, self.n, axis=self.axis, norm=self.norm)

    def grad_x(self, gy: Tensor) -> Tensor:
        whole = Rfft(self.axis, _OPPOSITE[self.norm])(gy)
        return mul(whole, _mirrored(whole, self.axis, self.n, 2.0))


def _mirrored(x: Tensor, axis: int, n: int, factor: float) -> Tensor:
    """Return a factor for the elements that have a mirror in the second half, 1 for the others."""
    factors = np.full(n // 2 + 1, factor)
    factors[0] = 1.0
    if n % 2 == 0:
        factors[-1] = 1.0
    shape = [-1 if i == axis else 1 for i in range(x.ndim)]
    return cast(x.like(factors.reshape(shape)), real_dtype(x.dtype))


def fft(a: Tensor, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """Transform along one axis.

    Args:
        a: real or complex numbers.
        n: the length: a is cut, or filled up with zeros; its own if None.
        axis: along which is transformed.
        norm: "backward" (also None), "ortho" or "forward": the direction that is divided by n.

    Raises:
        ShapeError: there is no such axis, or the length is 0.
        ConfigError: there is no such norm.
    """
    return _complex("fft", a, _given(n), (axis,), norm, inverse=False)


def ifft(a: Tensor, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """Transform back along one axis; arguments and errors as of `fft`."""
    return _complex("ifft", a, _given(n), (axis,), norm, inverse=True)


def fft2(
    a: Tensor, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1),
    norm: str | None = None,
) -> Tensor:  # fmt: skip
    """Transform over two axes; arguments and errors as of `fftn`."""
    return _complex("fft2", a, s, axes, norm, inverse=False)


def ifft2(
    a: Tensor, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1),
    norm: str | None = None,
) -> Tensor:  # fmt: skip
    """Transform back over two axes; arguments and errors as of `fftn`."""
    return _complex("ifft2", a, s, axes, norm, inverse=True)


def fftn(
    a: Tensor, s: Sequence[int] | None = None, axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Tensor:  # fmt: skip
    """Transform over several axes.

    Args:
        a: real or complex numbers.
        s: the length on each axis: a is cut, or filled up with zeros; −1 or None for its own.
        axes: over which is transformed; if None, the last ones that s names, or all.
        norm: "backward" (also None), "ortho" or "forward": the direction that is divided by n.

    Raises:
        ShapeError: there is no such axis, one is named twice, a length is 0 or missing.
        ConfigError: there is no such norm.
    """
    return _complex("fftn", a, s, axes, norm, inverse=False)


def ifftn(
    a: Tensor, s: Sequence[int] | None = None, axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Tensor:  # fmt: skip
    """Transform back over several axes; arguments and errors as of `fftn`."""
    return _complex("ifftn", a, s, axes, norm, inverse=True)


def rfft(a: Tensor, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """Transform real numbers along one axis: the first n // 2 + 1 elements, which say it all.

    Arguments and errors as of `fft`; complex numbers are refused with a DTypeError.
    """
    return _halved("rfft", a, _given(n), (axis,), norm)


def irfft(a: Tensor, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """Transform the first n // 2 + 1 elements back to n real numbers.

    Arguments and errors as of `fft`; n is 2 · (elements − 1) if None.
    """
    return _doubled("irfft", a, _given(n), (axis,), norm)


def rfft2(
    a: Tensor, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1),
    norm: str | None = None,
) -> Tensor:  # fmt: skip
    """Transform real numbers over two axes, the last to its first half; as `rfftn`."""
    return _halved("rfft2", a, s, axes, norm)


def irfft2(
    a: Tensor, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1),
    norm: str | None = None,
) -> Tensor:  # fmt: skip
    """Transform back to real numbers over two axes; as `irfftn`."""
    return _doubled("irfft2", a, s, axes, norm)


def rfftn(
    a: Tensor, s: Sequence[int] | None = None, axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Tensor:  # fmt: skip
    """Transform real numbers over several axes, the last to its first half.

    Arguments and errors as of `fftn`; complex numbers are refused with a DTypeError.
    """
    return _halved("rfftn", a, s, axes, norm)


def irfftn(
    a: Tensor, s: Sequence[int] | None = None, axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Tensor:  # fmt: skip
    """Transform back to real numbers over several axes, of which the last is a first half.

    Arguments and errors as of `fftn`; the last length is 2 · (elements − 1) if it is not given.
    """
    return _doubled("irfftn", a, s, axes, norm)


def hfft(a: Tensor, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """Transform what is its own mirrored conjugate, given by its first half, to n real numbers.

    Arguments and errors as of `fft`; n is 2 · (elements − 1) if None.
    """
    return irfft(conj(a), n, axis, _OPPOSITE[_norm("hfft", norm)])


def ihfft(a: Tensor, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """Transform real numbers back to the first half of what is its own mirrored conjugate.

    Arguments and errors as of `fft`.
    """
    return conj(rfft(a, n, axis, _OPPOSITE[_norm("ihfft", norm)]))


def fftshift(x: Tensor, axes: int | Sequence[int] | None = None) -> Tensor:
    """Move the frequency 0 to the middle of axes (all if None).

    Raises:
        ShapeError: there is no such axis.
    """
    for axis in _shifted("fftshift", x, axes):
        x = _rolled(x, axis, (x.shape[axis] + 1) // 2)
    return x


def ifftshift(x: Tensor, axes: int | Sequence[int] | None = None) -> Tensor:
    """Undo `fftshift`, also where an axis is odd.

    Raises:
        ShapeError: there is no such axis.
    """
    for axis in _shifted("ifftshift", x, axes):
        x = _rolled(x, axis, x.shape[axis] // 2)
    return x


def _shifted(subject: str, x: Tensor, axes: int | Sequence[int] | None) -> tuple[int, ...]:
    listed = range(x.ndim) if axes is None else (axes,) if isinstance(axes, int) else axes
    return tuple(axis_within(subject, axis, x.ndim) for axis in listed)


def _rolled(x: Tensor, axis: int, start: int) -> Tensor:
    """Begin an axis at another element; those before it come last."""
    return concatenate((sliced(x, axis, start, x.shape[axis]), sliced(x, axis, 0, start)), axis)


def _complex(
    subject: str, a: Tensor, s: Sequence[int] | None, axes: Sequence[int] | None, norm: str | None,
    inverse: bool,
) -> Tensor:  # fmt: skip
    a = _wide(a)
    found, sizes = _lengths(subject, a, s, axes)
    direction = _norm(subject, norm)
    a = _resized(cast(a, complex_dtype(a.dtype)), found, sizes)
    return Fft(found, inverse, direction)(a) if found else a


def _halved(
    subject: str, a: Tensor, s: Sequence[int] | None, axes: Sequence[int] | None, norm: str | None
) -> Tensor:  # fmt: skip
    a = _wide(a)
    found, sizes = _lengths(subject, a, s, axes)
    expect(len(found) > 0, subject, "there must be at least one axis", a=a.spec, axes=axes)
    direction = _norm(subject, norm)
    y: Tensor = Rfft(found[-1], direction)(_resized(a, found, sizes))
    return Fft(found[:-1], False, direction)(y) if found[:-1] else y


def _doubled(
    subject: str, a: Tensor, s: Sequence[int] | None, axes: Sequence[int] | None, norm: str | None
) -> Tensor:  # fmt: skip
    a = _wide(a)
    found, sizes = _lengths(subject, a, s, axes)
    expect(len(found) > 0, subject, "there must be at least one axis", a=a.spec, axes=axes)
    n = sizes[-1] if s is not None and s[-1] not in (-1, None) else 2 * (sizes[-1] - 1)
    expect(n > 0, subject, "there must be at least one real number", advice="Give n.", n=n)
    direction = _norm(subject, norm)
    a = _resized(cast(a, complex_dtype(a.dtype)), found, (*sizes[:-1], n // 2 + 1))
    a = Fft(found[:-1], True, direction)(a) if found[:-1] else a
    return Irfft(found[-1], n, direction)(a)  # type: ignore[no-any-return]


def _given(n: int | None) -> Sequence[int] | None:
    return None if n is None else (n,)


def _wide(a: Tensor) -> Tensor:
    """Return numbers of single precision at least."""
    a = floating(a)
    return cast(a, float32) if a.dtype.itemsize == 2 else a


def _norm(subject: str, norm: str | None) -> str:
    wanted = "backward" if norm is None else norm
    expect(wanted in _OPPOSITE, subject, 'norm must be "backward", "ortho" or "forward"',
           error=ConfigError, norm=norm)  # fmt: skip
    return wanted


def _lengths(
    subject: str, a: Tensor, s: Sequence[int] | None, axes: Sequence[int] | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:  # fmt: skip
    """Return the axes, counted from the front, and the length wanted on each."""
    if axes is None:
        axes = range(a.ndim) if s is None else range(-len(s), 0)
    found = tuple(axis_within(subject, axis, a.ndim) for axis in axes)
    expect(len(set(found)) == len(found), subject, "no axis may be named twice", axes=tuple(axes))
    expect(s is None or len(s) == len(found), subject, "there must be a length for every axis",
           s=s, axes=tuple(axes))  # fmt: skip
    wanted: Sequence[int | None] = [None] * len(found) if s is None else list(s)
    sizes = tuple(
        a.shape[axis] if n is None or n == -1 else int(n)
        for axis, n in zip(found, wanted, strict=True)
    )
    expect(all(n > 0 for n in sizes), subject, "lengths must be positive", a=a.spec, lengths=sizes)
    return found, sizes


def _resized(a: Tensor, axes: tuple[int, ...], sizes: tuple[int, ...]) -> Tensor:
    """Cut axes, or fill them up with zeros at the end."""
    pads = [(0, 0)] * a.ndim
    for axis, n in zip(axes, sizes, strict=True):
        if n < a.shape[axis]:
            a = sliced(a, axis, 0, n)
        pads[axis] = (0, n - a.shape[axis])
    return pad(a, pads) if any(after for _, after in pads) else a
