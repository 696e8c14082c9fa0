"""The functions of mathematics on vectors of float32, in terms of what a processor has.

Arguments are reduced to a short interval and summed there as a polynomial (Cody and Waite, Software
Manual for the Elementary Functions, 1980). Errors are below three units in the last place; NaN,
infinities and zeros come out as in C.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .program import DOUBLE, FLOAT, NUMBER, Program, Unsupported, Value

_LN2_HIGH = 0.693145751953125  # twelve bits less than a float has: whole multiples are exact
_LN2_LOW = 1.428606820309417e-06


def _interpolated(f: Callable[[Any], Any], low: float, high: float, degree: int) -> list[float]:
    """Return the powers of the polynomial through f at the Chebyshev nodes of an interval."""
    nodes = np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
    x = (high + low) / 2 + (high - low) / 2 * nodes
    powers = np.linalg.solve(np.vander(x, increasing=True), f(x))
    return [float(a) for a in powers]


# (e^r − 1 − r) / r² on |r| ≤ ln 2 / 2: the series of the exponential
_EXP = [1 / math.factorial(n) for n in range(2, 8)]
# erf(x) / x in powers of x², for |x| ≤ 1
_ERF = [2 / math.sqrt(math.pi) * (-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(11)]
# ln(erfc(z) / t) + z², t = 1 / (1 + z / 2), in powers of 2t − 1; see ops.activation
_ERFC: list[float] = []


def _horner(p: Program, powers: Sequence[float], x: Value) -> Value:
    """Return the polynomial of these powers, lowest first."""
    y = p.single(powers[-1])
    for a in reversed(powers[:-1]):
        y = p.fma(y, x, a)
    return y


def _paired(p: Program, powers: Sequence[float], x: Value, square: Value) -> Value:
    """Return the same by pairs of powers, which do not wait for each other, joined by x²."""
    pairs = [p.fma(high, x, low) for low, high in zip(powers[::2], powers[1::2], strict=False)]
    if len(powers) % 2:
        pairs.append(p.single(powers[-1]))
    y = pairs[-1]
    for one in reversed(pairs[:-1]):
        y = p.fma(y, square, one)
    return y


def _reduced(p: Program, x: Value) -> tuple[Value, Value]:
    """Return n and r with x = n · ln 2 + r, |r| ≤ ln 2 / 2."""
    n = p.nearest(x * math.log2(math.e))
    r = p.fma(n, -_LN2_HIGH, x)
    return n, p.fma(n, -_LN2_LOW, r)


def _power_of_two(p: Program, n: Value) -> Value:
    """Return 2ⁿ for whole n from −126 to 127."""
    whole = p.whole("to_whole", n)
    return p.whole("shift_left", p.whole("add_whole", whole, p.bits(127)),
                       data=23, kind=FLOAT)  # fmt: skip


def _two_powers(p: Program, n: Value) -> tuple[Value, Value]:
    """Return two powers of two whose product is 2ⁿ, for n from −252 to 254."""
    whole = p.whole("to_whole", n)
    half = p.whole("shift_right", whole, data=1)
    rest = p.whole("sub_whole", whole, half)
    made = [
        p.whole("shift_left", p.whole("add_whole", part, p.bits(127)), data=23, kind=FLOAT)
        for part in (half, rest)
    ]
    return made[0], made[1]


def exp(p: Program, x: Value) -> Value:
    """Return eˣ."""
    x = p.greatest(-105.0, p.least(89.0, x))  # the second operand stays where it is NaN
    n, r = _reduced(p, x)
    square = r * r
    y = p.fma(_paired(p, _EXP, r, square), square, r) + 1.0
    once, twice = _two_powers(p, n)
    return y * once * twice


def falling(p: Program, x: Value) -> Value:
    """Return eˣ for x ≤ 0; below −87 it is 0 here, where float32 would go on with fewer digits."""
    n, r = _reduced(p, p.greatest(-87.0, x))  # the second operand stays where it is NaN
    square = r * r
    y = p.fma(_paired(p, _EXP, r, square), square, r) + 1.0
    return p.choose(p.compare("<", x, -87.0), 0.0, y * _power_of_two(p, n))


def expm1(p: Program, x: Value) -> Value:
    """Return eˣ − 1."""
    bounded = p.greatest(-40.0, p.least(89.0, x))
    n, r = _reduced(p, bounded)
    square = r * r
    y = p.fma(_paired(p, _EXP, r, square), square, r)
    half = _power_of_two(p, n - 1.0)  # half of 2ⁿ, which itself may overflow
    return p.fma(half, y, half - 0.5) * 2.0


def log(p: Program, x: Value) -> Value:
    """Return ln x."""
    tiny = p.compare("<", x, float(np.finfo(np.float32).tiny))
    scaled = p.choose(tiny, x * 2.0**23, x)
    # m between √½ and √2: what lies above √½ · 2ᵏ counts to k + 1
    bits = p.whole("sub_whole", scaled, p.bits(0x3F3504F3))
    e = p.whole("from_whole", p.whole("shift_right", bits, data=23), kind=FLOAT)
    low = p.whole("and", bits, p.bits(0x007FFFFF))
    m = p.whole("add_whole", low, p.bits(0x3F3504F3), kind=FLOAT)
    e = e - p.choose(tiny, 23.0, 0.0)
    f = m - 1.0
    s = f / (f + 2.0)  # ln m = 2 artanh s = f − s · (f − 2 Σ s²ⁿ / (2n + 1))
    z = s * s
    tail = _horner(p, [2 / (2 * n + 1) for n in range(1, 5)], z) * z
    half = f * f * 0.5
    y = f - (half - p.fma(s, half + tail, e * _LN2_LOW))
    y = p.fma(e, _LN2_HIGH, y)
    y = p.choose(p.compare("<", x, math.inf), y, x)  # infinite and NaN
    y = p.choose(p.compare("<", x, 0.0), math.nan, y)
    return p.choose(p.compare("==", x, 0.0), -math.inf, y)


def log1p(p: Program, x: Value) -> Value:
    """Return ln(1 + x)."""
    u = x + 1.0
    lost = (x - (u - 1.0)) / u
    y = log(p, u)
    plain = p.both(p.compare(">", u, 0.0), p.compare("<", u, math.inf))
    return y + p.choose(plain, lost, 0.0)


def tanh(p: Program, x: Value) -> Value:
    """Return the hyperbolic tangent."""
    n, r = _reduced(p, p.greatest(-40.0, p.magnitude(x) * -2.0))
    square, power = r * r, _power_of_two(p, n)
    y = p.fma(_paired(p, _EXP, r, square), square, r)
    t = p.fma(power, y, power - 1.0)  # e^(−2|x|) − 1
    return _signed(p, t / (-2.0 - t), x)


def logistic(p: Program, x: Value) -> Value:
    """Return 1 / (1 + e⁻ˣ); below −87 it goes no further down."""
    x = p.greatest(-87.0, p.least(87.0, x))  # the second operand stays where it is NaN
    n = p.nearest(x * -math.log2(math.e))
    r = p.fma(n, _LN2_LOW, p.fma(n, _LN2_HIGH, x))  # e⁻ˣ = 2ⁿ · e⁻ʳ
    square = r * r
    turned = [a if k % 2 else -a for k, a in enumerate(_EXP)]
    y = 1.0 - p.fma(_paired(p, turned, r, square), square, r)
    return 1.0 / p.fma(y, _power_of_two(p, n), 1.0)


def erf(p: Program, x: Value) -> Value:
    """Return the error function."""
    size = p.magnitude(x)
    square = x * x
    near = _horner(p, _ERF, square) * x
    bounded = p.least(4.5, size)
    t = 1.0 / (bounded * 0.5 + 1.0)
    powers = _tail_powers()
    tail = exp(p, _horner(p, powers, t * 2.0 - 1.0) - bounded * bounded) * t
    return p.choose(p.compare("<", size, 1.0), near, _signed(p, 1.0 - tail, x))


def _tail_powers() -> list[float]:
    if not _ERFC:

        def f(u: Any) -> Any:
            t = (u + 1) / 2
            z = 2 * (1 / t - 1)
            return np.array([_log_erfcx(float(one)) for one in z]) - np.log(t)

        _ERFC.extend(_interpolated(f, 2 / (1 + 2.25) - 1, 2 / (1 + 0.5) - 1, 9))
    return _ERFC


def _log_erfcx(z: float) -> float:
    """Return ln(erfc(z)) + z²."""
    return math.log(math.erfc(z)) + z * z


def _signed(p: Program, size: Value, sign: Value) -> Value:
    """Return a size with another value's sign."""
    bit = p.whole("and", sign, p.bits(0x80000000))
    return p.make("or", (size, bit), FLOAT)


def _applied(made: Callable[[Program, Value], Value], double: Callable[[float], float] | None,
             name: str) -> Callable[..., Value]:  # fmt: skip
    def apply(p: Program, x: Value) -> Value:
        if x.kind == NUMBER and double is not None:
            return p.number(double(x.number))
        if x.kind == DOUBLE:
            return p.make("d.call", (x,), DOUBLE, name)
        return made(p, p.single(x))

    return apply


def _pow(p: Program, x: Value, y: Value) -> Value:
    if x.kind == NUMBER and y.kind == NUMBER:
        return p.number(math.pow(x.number, y.number))
    if {x.kind, y.kind} <= {NUMBER, DOUBLE}:
        return p.make("d.call", (p.double(x), p.double(y)), DOUBLE, "pow")
    if y.kind != NUMBER:
        raise Unsupported("a power must be known")
    if y.number == 2:
        return p.single(x) * p.single(x)
    if y.number == 1:
        return x
    if y.number in (0.5, -0.5):
        root = p.root(p.single(x))
        return root if y.number > 0 else 1.0 / root
    raise Unsupported(f"a power of {y.number}")


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "exp": _applied(exp, math.exp, "exp"),
    "expm1": _applied(expm1, math.expm1, "expm1"),
    "log": _applied(log, None, "log"),
    "log1p": _applied(log1p, None, "log1p"),
    "tanh": _applied(tanh, math.tanh, "tanh"),
    "erf": _applied(erf, math.erf, "erf"),
    "sqrt": lambda p, x: p.root(x),
    "rsqrt": lambda p, x: 1.0 / p.root(x),
    "fabs": lambda p, x: p.magnitude(x),
    "floor": lambda p, x: p.make("round", (p.single(x),), FLOAT, 9),
    "copysign": lambda p, x, y: _signed(p, p.magnitude(p.single(x)), p.single(y)),
    "fma": lambda p, a, b, c: p.fma(a, b, c),
    "pow": _pow,
}
