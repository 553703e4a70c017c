"""Elementary functions with the same bits on every machine, in plain Python floats.

They are our own because libm's last bit differs between machines; native/strict.h says why not
CORE-MATH's. The same operations in the same order as there, from the same sources: FreeBSD's msun
for exp and log, AS 241 for the normal quantile; the normal distribution after G. Marsaglia,
"Evaluating the Normal Distribution", Journal of Statistical Software 11 (2004). The functions named
`_of` or `quantile_` hold only + - * / and work on NumPy's arrays, too.
"""

from __future__ import annotations

import math
from typing import Any

LOG2_E = 1.44269504088896338700
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
ROOT_HALF = float.fromhex("0x1.6a09e00000000p-1")
"""Just below sqrt(1/2): mantissas are taken from here to twice this."""

MIDDLE = 0.425
"""Where the middle of the normal quantile ends and its tails begin."""

EXP_MAX = 700.0
CDF_FAR = 8.3
"""Beyond it the normal distribution is 0 or 1 to the last bit."""


def exp(x: float) -> float:
    """e^x, below 1 ulp, the same bits everywhere; ValueError unless -700 <= x <= 700."""
    if not -EXP_MAX <= x <= EXP_MAX:
        raise ValueError(f"x must be from {-EXP_MAX} to {EXP_MAX}, not {x}")
    k = round(x * LOG2_E)
    return math.ldexp(exp_of(x, float(k)), k)


def exp_of(x: Any, k: Any) -> Any:
    """e^x / 2^k, given the whole number k nearest to x / ln 2."""
    high, low = x - k * LN2_HIGH, k * LN2_LOW
    r = high - low
    t = r * r
    c = r - t * (1.66666666666666019037e-01 + t * (-2.77777777770155933842e-03
        + t * (6.61375632143793436117e-05 + t * (-1.65339022054652515390e-06
        + t * 4.13813679705723846039e-08))))  # fmt: skip
    return 1.0 - ((low - (r * c) / (2.0 - c)) - high)


def log(x: float) -> float:
    """The natural logarithm, below 1 ulp, the same bits everywhere.

    Raises ValueError unless x is positive and finite; numbers below 2.3e-308 lose digits.
    """
    if not 0 < x < math.inf:
        raise ValueError(f"x must be positive and finite, not {x}")
    mantissa, k = math.frexp(x)
    if mantissa < ROOT_HALF:
        mantissa, k = 2.0 * mantissa, k - 1
    return float(log_of(mantissa - 1.0, float(k)))


def log_of(f: Any, k: Any) -> Any:
    """log(2^k * (1 + f)) for 1 + f from ROOT_HALF to twice that."""
    half_square = 0.5 * f * f
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01
           + w * 1.531383769920937332e-01))  # fmt: skip
    odd = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01
          + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)))  # fmt: skip
    return s * (half_square + (odd + even)) + k * LN2_LOW - half_square + f + k * LN2_HIGH


def normal_cdf(x: float) -> float:
    """The share of a standard normal below x, to about 1e-15 absolute, the same bits everywhere."""
    if not -CDF_FAR < x < CDF_FAR:
        return 0.5 + math.copysign(0.5, x)
    total, term, n = x, x, 1
    while True:
        n += 2
        term = term * x * x / n
        if total + term == total:
            break
        total += term
    density = exp(-0.5 * x * x) * 0.39894228040143267794  # 1 / sqrt(2 pi)
    return 0.5 + total * density


def _poly(x: Any, *coefficients: float) -> Any:
    value = coefficients[0]
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value


def quantile_middle(q: Any) -> Any:
    """The normal quantile of 1/2 + q for |q| <= MIDDLE; a finite, meaningless number beyond."""
    r = 0.180625 - q * q
    above = _poly(
        r,
        2.50908092873012267270e3,
        3.34305755835881281050e4,
        6.72657709270087008530e4,
        4.59219539315498714570e4,
        1.37316937655094611250e4,
        1.97159095030655144270e3,
        1.33141667891784377450e2,
        3.38713287279636660800e0,
    )
    below = _poly(
        r,
        5.22649527885285456100e3,
        2.87290857357219426740e4,
        3.93078958000927106100e4,
        2.12137943015865958670e4,
        5.39419602142475110770e3,
        6.87187007492057908300e2,
        4.23133307016009112520e1,
        1.0,
    )
    return above * q / below


def quantile_near(root: Any) -> Any:
    """The normal quantile, but for its sign, at a root = sqrt(-log(tail)) of at most 5."""
    r = root - 1.6
    above = _poly(
        r,
        7.74545014278341407640e-4,
        2.27238449892691845833e-2,
        2.41780725177450611770e-1,
        1.27045825245236838258e0,
        3.64784832476320460504e0,
        5.76949722146069140550e0,
        4.63033784615654529590e0,
        1.42343711074968357734e0,
    )
    below = _poly(
        r,
        1.05075007164441684324e-9,
        5.47593808499534494600e-4,
        1.51986665636164571966e-2,
        1.48103976427480074590e-1,
        6.89767334985100004550e-1,
        1.67638483018380384940e0,
        2.05319162663775882187e0,
        1.0,
    )
    return above / below


def quantile_far(root: Any) -> Any:
    """The same at a root above 5."""
    r = root - 5.0
    above = _poly(
        r,
        2.01033439929228813265e-7,
        2.71155556874348757815e-5,
        1.24266094738807843860e-3,
        2.65321895265761230930e-2,
        2.96560571828504891230e-1,
        1.78482653991729133580e0,
        5.46378491116411436990e0,
        6.65790464350110377720e0,
    )
    below = _poly(
        r,
        2.04426310338993978564e-15,
        1.42151175831644588870e-7,
        1.84631831751005468180e-5,
        7.86869131145613259100e-4,
        1.48753612908506148525e-2,
        1.36929880922735805310e-1,
        5.99832206555887937690e-1,
        1.0,
    )
    return above / below
