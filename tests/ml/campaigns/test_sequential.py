"""The sequential interval: its width, and that of all looks together at most one in twenty is wrong."""

import numpy as np
import pytest
from scipy import optimize, stats

from ml.campaigns.sequential import half_width, mixture_variance

FIXED = stats.norm.ppf(0.975)


def test_at_the_planned_size_it_is_1_55_times_as_wide_as_the_fixed_interval():
    assert half_width(1) / FIXED == pytest.approx(1.5486, abs=1e-4)
    assert half_width(1, alpha=0.01) / stats.norm.ppf(0.995) == pytest.approx(1.3866, abs=1e-4)


def test_no_other_mixture_is_narrower_at_the_planned_size():
    def width(spread: float) -> float:
        return np.sqrt((1 + spread) * np.log((1 + spread) / (spread * 0.05**2)))

    found = optimize.minimize_scalar(width, bounds=(0.01, 2), method="bounded", options={"xatol": 1e-8})
    assert mixture_variance(0.05) == pytest.approx(found.x, rel=1e-4)
    assert half_width(1) == pytest.approx(found.fun)


def test_it_is_wider_before_and_does_not_exist_before_the_first_day():
    widths = [half_width(share) for share in (1 / 28, 0.25, 0.5, 1, 2)]
    assert widths[:4] == sorted(widths[:4], reverse=True)
    # beyond the planned size the interval, which the standard error shrinks, is wider than it would have to be
    assert widths[3] < widths[4] * np.sqrt(2)
    assert np.isnan(half_width(0)) and np.isnan(half_width(np.nan))


def test_customers_who_come_one_by_one_may_be_looked_at_after_each():
    """The process of which the boundary is proved: independent customers, a look after every tenth of 500 an arm."""
    generator = np.random.default_rng(7)
    values = generator.exponential(1, (2, 500, 2000))
    outside = np.zeros(2000, bool)
    for size in range(10, 501, 10):
        treatment, control = values[:, :size]
        error = np.sqrt((treatment.var(axis=0, ddof=1) + control.var(axis=0, ddof=1)) / size)
        outside |= np.abs(treatment.mean(axis=0) - control.mean(axis=0)) > half_width(size / 500) * error
    assert outside.mean() <= 0.05
