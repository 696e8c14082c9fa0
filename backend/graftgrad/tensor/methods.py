"""Methods of the same name as ops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ops import (
    arithmetic,
    arrange,
    compare,
    counting,
    elementwise,
    exponential,
    order,
    parts,
    products,
    rectifier,
    reduce,
    rounding,
    running,
    select,
    shape,
    special,
    statistics,
    triangle,
    trigonometry,
)
from ..ops.diagonal import diagonal, trace
from ..ops.gather import gather, scatter_add, take
from ..ops.matmul import matmul
from ..ops.softmax import log_softmax, logsumexp, softmax

if TYPE_CHECKING:
    from .core import Tensor


class Methods:
    """What NumPy and PyTorch have as methods; each says what it does as the op of its name."""

    __slots__ = ()

    @property
    def T(self: Tensor) -> Tensor:
        """The axes in reverse order."""
        return shape.transpose(self)

    def reshape(self: Tensor, *sizes: Any) -> Tensor:
        """Give another shape of as many elements; one size may be −1."""
        return shape.reshape(self, *sizes)

    @property
    def mT(self: Tensor) -> Tensor:
        """The last two axes exchanged."""
        return arrange.swapaxes(self, -2, -1)

    def transpose(self: Tensor, *axes: Any) -> Tensor:
        """Put axes into another order; none given turns their order round."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return shape.transpose(self, order or None)

    permute = transpose

    def flatten(self: Tensor, start_axis: int = 0, end_axis: int = -1) -> Tensor:
        """Join axes into one."""
        return shape.flatten(self, start_axis, end_axis)

    def squeeze(self: Tensor, axis: Any = None) -> Tensor:
        """Drop axes of size 1."""
        return shape.squeeze(self, axis)

    def unsqueeze(self: Tensor, axis: int) -> Tensor:
        """Insert an axis of size 1."""
        return shape.expand_dims(self, axis)

    def expand(self: Tensor, *sizes: Any) -> Tensor:
        """Stretch axes of size 1."""
        wanted = sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
        return shape.broadcast_to(self, tuple(wanted))

    @property
    def real(self: Tensor) -> Tensor:
        """The real part, a view; itself where numbers are real."""
        return parts.real(self)

    @property
    def imag(self: Tensor) -> Tensor:
        """The imaginary part, a view; zeros where numbers are real."""
        return parts.imag(self)

    def conj(self: Tensor) -> Tensor:
        """Conjugate; itself where numbers are real."""
        return parts.conj(self)

    def sum(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Add elements over axes."""
        return reduce.sum(self, axis, keepdims)

    def mean(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Average elements over axes."""
        return reduce.mean(self, axis, keepdims)

    def var(self: Tensor, axis: Any = None, keepdims: bool = False, correction: int = 0) -> Tensor:
        """Spread around the mean over axes."""
        return reduce.var(self, axis, keepdims, correction)

    def max(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Largest element over axes."""
        return reduce.max(self, axis, keepdims)

    def min(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Smallest element over axes."""
        return reduce.min(self, axis, keepdims)

    def prod(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Product of elements over axes."""
        return reduce.prod(self, axis, keepdims)

    def all(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Whether every element over axes is true."""
        return reduce.all(self, axis, keepdims)

    def any(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Whether at least one element over axes is true."""
        return reduce.any(self, axis, keepdims)

    def argmax(self: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """Place of the largest element."""
        return compare.argmax(self, axis, keepdims)

    def argmin(self: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """Place of the smallest element."""
        return compare.argmin(self, axis, keepdims)

    def exp(self: Tensor) -> Tensor:
        """Exponential."""
        return exponential.exp(self)

    def log(self: Tensor) -> Tensor:
        """Natural logarithm."""
        return exponential.log(self)

    def sqrt(self: Tensor) -> Tensor:
        """Square root."""
        return exponential.sqrt(self)

    def tanh(self: Tensor) -> Tensor:
        """Hyperbolic tangent."""
        return exponential.tanh(self)

    def sigmoid(self: Tensor) -> Tensor:
        """Logistic function."""
        return exponential.sigmoid(self)

    def abs(self: Tensor) -> Tensor:
        """Drop the sign."""
        return arithmetic.abs(self)

    def clip(self: Tensor, min: Any = None, max: Any = None) -> Tensor:
        """Keep within bounds."""
        return arithmetic.clip(self, min, max)

    clamp = clip

    def sin(self: Tensor) -> Tensor:
        """Sine."""
        return exponential.sin(self)

    def cos(self: Tensor) -> Tensor:
        """Cosine."""
        return exponential.cos(self)

    def expm1(self: Tensor) -> Tensor:
        """Exponential minus one."""
        return exponential.expm1(self)

    def log1p(self: Tensor) -> Tensor:
        """Logarithm of one more."""
        return exponential.log1p(self)

    def rsqrt(self: Tensor) -> Tensor:
        """Inverse square root."""
        return exponential.rsqrt(self)

    def erf(self: Tensor) -> Tensor:
        """Error function."""
        return exponential.erf(self)

    def tan(self: Tensor) -> Tensor:
        """Tangent."""
        return trigonometry.tan(self)

    def arcsin(self: Tensor) -> Tensor:
        """Inverse of the sine."""
        return trigonometry.arcsin(self)

    def arccos(self: Tensor) -> Tensor:
        """Inverse of the cosine."""
        return trigonometry.arccos(self)

    def arctan(self: Tensor) -> Tensor:
        """Inverse of the tangent."""
        return trigonometry.arctan(self)

    def sinh(self: Tensor) -> Tensor:
        """Hyperbolic sine."""
        return trigonometry.sinh(self)

    def cosh(self: Tensor) -> Tensor:
        """Hyperbolic cosine."""
        return trigonometry.cosh(self)

    def arcsinh(self: Tensor) -> Tensor:
        """Inverse of the hyperbolic sine."""
        return trigonometry.arcsinh(self)

    def arccosh(self: Tensor) -> Tensor:
        """Inverse of the hyperbolic cosine."""
        return trigonometry.arccosh(self)

    def arctanh(self: Tensor) -> Tensor:
        """Inverse of the hyperbolic tangent."""
        return trigonometry.arctanh(self)

    def exp2(self: Tensor) -> Tensor:
        """Exponential to the base of 2."""
        return special.exp2(self)

    def log2(self: Tensor) -> Tensor:
        """Logarithm to the base of 2."""
        return special.log2(self)

    def log10(self: Tensor) -> Tensor:
        """Logarithm to the base of 10."""
        return special.log10(self)

    def erfc(self: Tensor) -> Tensor:
        """What the error function leaves."""
        return special.erfc(self)

    def erfinv(self: Tensor) -> Tensor:
        """Inverse of the error function."""
        return special.erfinv(self)

    def lgamma(self: Tensor) -> Tensor:
        """Logarithm of the gamma function."""
        return special.lgamma(self)

    def digamma(self: Tensor) -> Tensor:
        """Logarithmic derivative of the gamma function."""
        return special.digamma(self)

    def floor(self: Tensor) -> Tensor:
        """Round down."""
        return rounding.floor(self)

    def ceil(self: Tensor) -> Tensor:
        """Round up."""
        return rounding.ceil(self)

    def trunc(self: Tensor) -> Tensor:
        """Round towards 0."""
        return rounding.trunc(self)

    def round(self: Tensor, decimals: int = 0) -> Tensor:
        """Round to a number of decimals."""
        return rounding.round(self, decimals)

    def square(self: Tensor) -> Tensor:
        """Multiply by itself."""
        return arithmetic.square(self)

    def sign(self: Tensor) -> Tensor:
        """−1, 0 or 1."""
        return arithmetic.sign(self)

    def reciprocal(self: Tensor) -> Tensor:
        """One over it."""
        return elementwise.reciprocal(self)

    def relu(self: Tensor) -> Tensor:
        """Set what is negative to 0."""
        return rectifier.relu(self)

    def nan_to_num(
        self: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
    ) -> Tensor:
        """Replace NaN and infinities."""
        return elementwise.nan_to_num(self, nan, posinf, neginf)

    def lerp(self: Tensor, end: Any, weight: Any) -> Tensor:
        """Go part of the way to another."""
        return elementwise.lerp(self, end, weight)

    def isnan(self: Tensor) -> Tensor:
        """Where it is not a number."""
        return compare.isnan(self)

    def isinf(self: Tensor) -> Tensor:
        """Where it is infinite."""
        return compare.isinf(self)

    def isfinite(self: Tensor) -> Tensor:
        """Where it is neither infinite nor NaN."""
        return compare.isfinite(self)

    def allclose(
        self: Tensor, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
    ) -> bool:
        """Whether it is close to another everywhere."""
        return compare.allclose(self, other, rtol, atol, equal_nan)

    def add(self: Tensor, other: Any) -> Tensor:
        """Add."""
        return arithmetic.add(self, other)

    def sub(self: Tensor, other: Any) -> Tensor:
        """Subtract."""
        return arithmetic.sub(self, other)

    def mul(self: Tensor, other: Any) -> Tensor:
        """Multiply."""
        return arithmetic.mul(self, other)

    def div(self: Tensor, other: Any) -> Tensor:
        """Divide."""
        return arithmetic.div(self, other)

    def pow(self: Tensor, other: Any) -> Tensor:
        """Raise to a power."""
        return arithmetic.power(self, other)

    def matmul(self: Tensor, other: Any) -> Tensor:
        """Multiply matrices."""
        return matmul(self, other)

    def dot(self: Tensor, other: Any) -> Tensor:
        """Multiply as NumPy's dot."""
        return products.dot(self, other)

    def maximum(self: Tensor, other: Any) -> Tensor:
        """The larger of two."""
        return arithmetic.maximum(self, other)

    def minimum(self: Tensor, other: Any) -> Tensor:
        """The smaller of two."""
        return arithmetic.minimum(self, other)

    def eq(self: Tensor, other: Any) -> Tensor:
        """Where it equals another."""
        return compare.equal(self, other)

    def ne(self: Tensor, other: Any) -> Tensor:
        """Where it differs from another."""
        return compare.not_equal(self, other)

    def lt(self: Tensor, other: Any) -> Tensor:
        """Where it is less."""
        return compare.less(self, other)

    def le(self: Tensor, other: Any) -> Tensor:
        """Where it is not greater."""
        return compare.less_equal(self, other)

    def gt(self: Tensor, other: Any) -> Tensor:
        """Where it is greater."""
        return compare.greater(self, other)

    def ge(self: Tensor, other: Any) -> Tensor:
        """Where it is not less."""
        return compare.greater_equal(self, other)

    def std(self: Tensor, axis: Any = None, keepdims: bool = False, correction: int = 0) -> Tensor:
        """Root of the spread around the mean over axes."""
        return statistics.std(self, axis, keepdims, correction)

    def amax(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Largest element over axes."""
        return reduce.max(self, axis, keepdims)

    def amin(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Smallest element over axes."""
        return reduce.min(self, axis, keepdims)

    def ptp(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Largest minus smallest element over axes."""
        return statistics.ptp(self, axis, keepdims)

    def median(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """What half of the elements over axes lies below."""
        return statistics.median(self, axis, keepdims)

    def nansum(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Sum of what is not NaN over axes."""
        return statistics.nansum(self, axis, keepdims)

    def nanmean(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Mean of what is not NaN over axes."""
        return statistics.nanmean(self, axis, keepdims)

    def quantile(self: Tensor, q: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
        """What a share q of the elements over axes lies below."""
        return statistics.quantile(self, q, axis, keepdims)

    def count_nonzero(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """How many elements over axes are not zero."""
        return compare.count_nonzero(self, axis, keepdims)

    def logsumexp(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Logarithm of the sum of exponentials over axes."""
        return logsumexp(self, axis, keepdims)

    def softmax(self: Tensor, axis: int = -1) -> Tensor:
        """Exponentials that add up to 1 along an axis."""
        return softmax(self, axis)

    def log_softmax(self: Tensor, axis: int = -1) -> Tensor:
        """Logarithms of the softmax along an axis."""
        return log_softmax(self, axis)

    def cumsum(self: Tensor, axis: int = 0) -> Tensor:
        """Running sums along an axis."""
        return order.cumsum(self, axis)

    def cumprod(self: Tensor, axis: int = 0) -> Tensor:
        """Running products along an axis."""
        return running.cumprod(self, axis)

    def diff(self: Tensor, n: int = 1, axis: int = -1) -> Tensor:
        """Differences of neighbours along an axis."""
        return running.diff(self, n, axis)

    def sort(self: Tensor, axis: int = -1, descending: bool = False) -> Tensor:
        """In order along an axis; a new tensor."""
        return order.sort(self, axis, descending)

    def argsort(self: Tensor, axis: int = -1, descending: bool = False) -> Tensor:
        """Places in order along an axis."""
        return order.argsort(self, axis, descending)

    def topk(self: Tensor, k: int, axis: int = -1, largest: bool = True) -> tuple[Tensor, Tensor]:
        """The k largest or smallest along an axis, and their places."""
        return order.topk(self, k, axis, largest)

    def kthvalue(
        self: Tensor, k: int, axis: int = -1, keepdims: bool = False
    ) -> tuple[Tensor, Tensor]:
        """The k-th smallest along an axis, and its place."""
        return statistics.kthvalue(self, k, axis, keepdims)

    def nonzero(self: Tensor) -> tuple[Tensor, ...]:
        """The places of what is not zero, one tensor for every axis."""
        return order.nonzero(self)

    def argwhere(self: Tensor) -> Tensor:
        """The places of what is not zero, as rows."""
        return counting.argwhere(self)

    def unique(self: Tensor) -> Any:
        """The distinct elements in ascending order."""
        return counting.unique(self)

    def take(self: Tensor, indices: Any, axis: int | None = None) -> Tensor:
        """Slices along an axis, or of all elements."""
        return take(self, indices, axis)

    def gather(self: Tensor, axis: int, indices: Any) -> Tensor:
        """One element for each index."""
        return gather(self, axis, indices)

    def scatter(self: Tensor, axis: int, indices: Any, values: Any) -> Tensor:
        """With values written at places along an axis."""
        return select.scatter(self, axis, indices, values)

    def scatter_add(self: Tensor, axis: int, indices: Any, values: Any) -> Tensor:
        """With values added at places along an axis."""
        return scatter_add(self, axis, indices, values)

    def index_select(self: Tensor, axis: int, indices: Any) -> Tensor:
        """Slices along an axis."""
        return select.index_select(self, axis, indices)

    def index_add(self: Tensor, axis: int, indices: Any, values: Any) -> Tensor:
        """With slices added at places along an axis."""
        return select.index_add(self, axis, indices, values)

    def masked_fill(self: Tensor, mask: Any, value: Any) -> Tensor:
        """With a value where a mask is true."""
        return select.masked_fill(self, mask, value)

    def masked_select(self: Tensor, mask: Tensor) -> Tensor:
        """The elements at which a mask is true."""
        return select.masked_select(self, mask)

    def where(self: Tensor, condition: Any, other: Any) -> Tensor:
        """Its elements where a condition holds, else those of another."""
        return arithmetic.where(condition, self, other)

    def ravel(self: Tensor) -> Tensor:
        """All elements on one axis."""
        return arrange.ravel(self)

    def view(self: Tensor, *sizes: Any) -> Tensor:
        """Another shape of as many elements; one size may be −1."""
        return shape.reshape(self, *sizes)

    def swapaxes(self: Tensor, axis1: int, axis2: int) -> Tensor:
        """Exchange two axes."""
        return arrange.swapaxes(self, axis1, axis2)

    def moveaxis(self: Tensor, source: Any, destination: Any) -> Tensor:
        """Move axes to other places."""
        return shape.moveaxis(self, source, destination)

    def unflatten(self: Tensor, axis: int, sizes: Any) -> Tensor:
        """Split one axis into several."""
        return arrange.unflatten(self, axis, sizes)

    def broadcast_to(self: Tensor, sizes: Any) -> Tensor:
        """Stretch axes of size 1."""
        return shape.broadcast_to(self, tuple(sizes))

    def flip(self: Tensor, axis: Any = None) -> Tensor:
        """The order of elements turned round along axes."""
        return shape.flip(self, axis)

    def roll(self: Tensor, shift: Any, axis: Any = None) -> Tensor:
        """Elements moved along axes, round the ends."""
        return arrange.roll(self, shift, axis)

    def repeat(self: Tensor, repeats: Any, axis: int | None = None) -> Tensor:
        """Every element several times."""
        return arrange.repeat(self, repeats, axis)

    def tile(self: Tensor, reps: Any) -> Tensor:
        """Copies side by side."""
        return arrange.tile(self, reps)

    def split(self: Tensor, sections: Any, axis: int = 0) -> list[Tensor]:
        """Parts of one size along an axis, or cut at places."""
        return shape.split(self, sections, axis)

    def chunk(self: Tensor, chunks: int, axis: int = 0) -> tuple[Tensor, ...]:
        """At most so many parts along an axis."""
        return arrange.chunk(self, chunks, axis)

    def unbind(self: Tensor, axis: int = 0) -> tuple[Tensor, ...]:
        """Parts along an axis, without it."""
        return arrange.unstack(self, axis)

    def diagonal(self: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """A diagonal of the matrices on two axes."""
        return diagonal(self, offset, axis1, axis2)

    def trace(self: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """Sum of a diagonal."""
        return trace(self, offset, axis1, axis2)

    def tril(self: Tensor, k: int = 0) -> Tensor:
        """Zeros above a diagonal."""
        return triangle.tril(self, k)

    def triu(self: Tensor, k: int = 0) -> Tensor:
        """Zeros below a diagonal."""
        return triangle.triu(self, k)
