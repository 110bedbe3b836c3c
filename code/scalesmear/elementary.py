"""Logarithm, exponential, sine and cosine without a branch or a call, for loops over events.

A compiler turns such a loop into vector instructions, which it cannot do around a call of the
mathematics library. Only additions, multiplications and divisions are used, in a fixed order, so
that a result has the same bits in any place of any array, and on any machine.
"""

from __future__ import annotations

import math

import numpy as np

from scalesmear.compiled import compiled

LN_2 = math.log(2)
ROOT_HALF_BITS = np.float64(math.sqrt(0.5)).view(np.int64)
MANTISSA_BITS, BIAS = np.int64(52), np.int64(1023)
LN_2_HEAD = 6.93147180369123816490e-01  # its last 32 bits are 0
LN_2_TAIL = 1.90821492927058770002e-10
QUARTER_TURN = math.pi / 2


@compiled
def natural_log(x: float) -> float:
    """Return ln x of a positive normal number, to 5e-16 of its value.

    x = 2^k m with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh(s), s = (m - 1) / (m + 1), by its
    series s + s^3/3 + s^5/5 + ..., of which ten terms are enough because s^2 < 0.0295. Of what
    has no logarithm, the result lies beyond +-700.
    """
    bits = np.float64(x).view(np.int64)
    k = (bits - ROOT_HALF_BITS) >> MANTISSA_BITS
    m = np.int64(bits - (k << MANTISSA_BITS)).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    series = 1 / 17 + z * (1 / 19)
    series = 1 / 13 + z * (1 / 15 + z * series)
    series = 1 / 9 + z * (1 / 11 + z * series)
    series = 1 / 5 + z * (1 / 7 + z * series)
    series = 1 / 3 + z * series
    return float(k * LN_2 + 2 * (s + s * z * series))


@compiled
def exponential(x: float) -> float:
    """Return e^x for abs(x) < 700, to 4e-16 of its value.

    x = k ln 2 + r with abs(r) <= ln(2) / 2, where the Taylor series is enough up to the power 13.
    ln 2 is taken off in two parts, the first of which times k is exact.
    """
    k = math.floor(x * (1 / LN_2) + 0.5)
    r = (x - k * LN_2_HEAD) - k * LN_2_TAIL
    series = 1 + r * (1 / 12) * (1 + r * (1 / 13))
    series = 1 + r * (1 / 10) * (1 + r * (1 / 11) * series)
    series = 1 + r * (1 / 8) * (1 + r * (1 / 9) * series)
    series = 1 + r * (1 / 6) * (1 + r * (1 / 7) * series)
    series = 1 + r * (1 / 4) * (1 + r * (1 / 5) * series)
    series = 1 + r * (1 / 2) * (1 + r * (1 / 3) * series)
    power = np.int64((np.int64(k) + BIAS) << MANTISSA_BITS).view(np.float64)
    return float(power * (1 + r * series))


@compiled
def cos_sin_of_turns(turns: float) -> tuple[float, float]:
    """Return cosine and sine of an angle in [0, 1] turns, to 4e-16.

    The nearest whole quarter is taken off, which loses nothing; for the rest, at most pi/4, the
    Taylor series are enough up to the powers 16 and 15.
    """
    quarter = np.int64(4 * turns + 0.5)
    angle = (4 * turns - quarter) * QUARTER_TURN
    z = angle * angle
    c = 1 - z * (1 / 182) * (1 - z * (1 / 240))
    c = 1 - z * (1 / 56) * (1 - z * (1 / 90) * (1 - z * (1 / 132) * c))
    c = 1 - z * (1 / 2) * (1 - z * (1 / 12) * (1 - z * (1 / 30) * c))
    s = 1 - z * (1 / 156) * (1 - z * (1 / 210))
    s = 1 - z * (1 / 42) * (1 - z * (1 / 72) * (1 - z * (1 / 110) * s))
    s = angle * (1 - z * (1 / 6) * (1 - z * (1 / 20) * s))
    odd, sign_c, sign_s = quarter & 1, 1 - ((quarter + 1) & 2), 1 - (quarter & 2)
    return sign_c * (s if odd else c), sign_s * (c if odd else s)
