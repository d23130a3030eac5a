"""The sequential interval: its width, and how often a campaign without an effect is called one under daily looks."""

import numpy as np
import pytest
from scipy import optimize, stats

from ml.campaigns.arm_metrics import METRICS, Outcomes, difference
from ml.campaigns.sequential import half_width, mixture_variance

SEEDS, CUSTOMERS, DAYS = 400, 300, 28
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


def _purchases(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Orders and net sales of a day, shape (DAYS, CUSTOMERS, SEEDS): customers differ in how often and for how much."""
    rates = generator.gamma(0.6, 0.12, (CUSTOMERS, SEEDS))
    sizes = generator.lognormal(3, 0.5, (CUSTOMERS, SEEDS))
    orders = generator.poisson(rates, (DAYS, CUSTOMERS, SEEDS)).astype(np.float32)
    return orders, orders * sizes * generator.lognormal(0, 0.6, (DAYS, CUSTOMERS, SEEDS)).astype(np.float32)


def _so_far(orders: np.ndarray, amounts: np.ndarray, day: int) -> Outcomes:
    bought, spent = orders[: day + 1].sum(axis=0), amounts[: day + 1].sum(axis=0)
    return Outcomes(bought, spent, 0.3 * spent)


@pytest.fixture(scope="module")
def called() -> dict[str, dict[str, float]]:
    """Of campaigns without an effect, the share that was called one on any of 28 days, by interval and metric."""
    generator = np.random.default_rng(13)
    treatment, control = _purchases(generator), _purchases(generator)
    outside = {kind: {metric: np.zeros(SEEDS, bool) for metric in METRICS} for kind in ("fixed", "sequential")}
    for day in range(DAYS):
        arms = _so_far(*treatment, day), _so_far(*control, day)
        for metric, figure in METRICS.items():
            found = difference(figure(arms[0]), figure(arms[1]))
            for kind, width in (("sequential", half_width((day + 1) / DAYS)), ("fixed", FIXED)):
                outside[kind][metric] |= (found.error > 0) & (np.abs(found.value) > width * found.error)
    return {kind: {metric: float(seeds.mean()) for metric, seeds in found.items()} for kind, found in outside.items()}


def test_looked_at_daily_it_is_wrong_in_at_most_5_of_100_campaigns(called):
    assert max(called["sequential"].values()) <= 0.05
    # and the fixed interval is not made for it
    assert called["fixed"]["margin_amount"] > 0.1


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
