"""Intervals that may be looked at on every day of a campaign: all looks together are wrong as rarely as one would be.

A 95% interval holds for one look at a day fixed beforehand. Whoever looks daily and stops when 0 is outside is wrong
far more often. The boundary here is the two-sided normal mixture of Howard, Ramdas, McAuliffe, Sekhon (2021) and is
never crossed, over all looks, with probability 1 - alpha. It is used with estimated variances, so it is asymptotic
(Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2021).
"""

from functools import lru_cache

import numpy as np
from scipy.special import lambertw


@lru_cache(maxsize=16)
def mixture_variance(alpha: float) -> float:
    """Variance of the mixed normal, in units of the planned information, with the narrowest interval at that size.

    The zero of the derivative of `half_width(1, alpha)` by it, which Lambert's W solves.
    """
    return float(1 / (-lambertw(-(alpha**2) / np.e, k=-1).real - 1))


def half_width(observed_share: float, alpha: float = 0.05) -> float:
    """Half the width of the interval, in standard errors, once this share (above 0) of the planned data has come in.

    At the planned size, share 1, it is 1.55 times that of the fixed 95% interval; before and after it is wider. NaN
    while nothing has come in.
    """
    if not observed_share > 0:
        return np.nan
    spread = mixture_variance(alpha)
    crossing = np.log((observed_share + spread) / (spread * alpha**2))
    return float(np.sqrt((1 + spread / observed_share) * crossing))
