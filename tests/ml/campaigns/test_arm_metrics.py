import numpy as np
import pytest
from scipy import stats

from ml.campaigns.arm_metrics import METRICS, Outcomes, difference, mean, quantile, ratio
from ml.campaigns.experiments import welch


def _drawn(generator: np.random.Generator, customers: int, seeds: int) -> Outcomes:
    """Customers who differ in how often and for how much they buy; half buy nothing."""
    orders = generator.poisson(generator.gamma(0.7, 1.5, (customers, seeds))).astype(float)
    net = orders * generator.lognormal(3, 0.7, (customers, seeds))
    return Outcomes(orders, net, 0.3 * net)


def test_of_two_means_the_difference_is_welchs():
    generator = np.random.default_rng(1)
    treatment, control = generator.exponential(2, (40, 3)), generator.exponential(1, (90, 3))
    expected = welch(treatment, control)
    found = difference(mean(treatment), mean(control))
    for name, value in zip(("value", "low", "high", "p_value"), expected, strict=True):
        np.testing.assert_allclose(getattr(found, name), value)


def test_a_ratio_is_sum_over_sum_and_its_error_is_that_of_customers():
    """Two customers with orders of 10 and 20, and one with two orders of 15 each, have 60 / 4 = 15."""
    net, orders = np.array([10.0, 20.0, 30.0]), np.array([1.0, 1.0, 2.0])
    found = ratio(net, orders)
    assert found.value == 15
    # residuals -5, 5, 0 over the mean of 4 / 3 orders: -3.75, 3.75, 0, of variance 14.0625; of their mean 4.6875
    assert found.variance == pytest.approx(4.6875)
    nothing = ratio(np.zeros(3), np.zeros(3))
    assert np.isnan(nothing.value) and np.isnan(nothing.variance)


def test_a_quantile_lies_between_order_statistics():
    """Of the amounts 1 to 100 the median is 50.5; the 40th and the 61st hold it with 95%: 21 / 3.92."""
    found = quantile(np.arange(1, 101, dtype=float), 0.5)
    assert found.value == 50.5
    assert np.sqrt(found.variance) == pytest.approx(21 / (2 * stats.norm.ppf(0.975)))
    assert np.isnan(quantile(np.arange(1, 101, dtype=float), 0.99).variance)
    bought_nothing = quantile(np.append(np.zeros(45), np.arange(1.0, 56)), 0.5)
    assert bought_nothing.value == 5.5 and np.isnan(bought_nothing.variance)


@pytest.mark.parametrize("metric", METRICS)
def test_intervals_hold_the_truth_as_often_as_they_say(metric):
    """Both arms alike, 2,000 customers each, 1,000 times: 0 is outside of 5% of the intervals, within 3 errors.

    Order statistics are counted, so quantiles have intervals of 95% or a little more.
    """
    generator = np.random.default_rng(5)
    wrong, seeds, error = 0.0, 200, 3 * np.sqrt(0.05 * 0.95 / 1000)
    for _ in range(5):
        arms = [METRICS[metric](_drawn(generator, 2000, seeds)) for _ in range(2)]
        wrong += float((difference(*arms).p_value < 0.05).sum())
    if metric.startswith("net_amount_p"):
        assert wrong / (5 * seeds) < 0.05 + error
    else:
        assert wrong / (5 * seeds) == pytest.approx(0.05, abs=error)


def test_the_median_of_amounts_has_an_interval_that_holds():
    generator = np.random.default_rng(9)
    arms = [quantile(generator.lognormal(3, 1, (1000, 1000)), 0.5) for _ in range(2)]
    assert (difference(*arms).p_value < 0.05).mean() == pytest.approx(0.05, abs=0.021)
