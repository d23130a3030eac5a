import numpy as np
import pytest

from ml.common.likelihood import log, maximise, polish


def bowl(point):
    """Least at (1, -2), with axes of very different curvature."""
    away = point - np.array([1.0, -2.0])
    return float(500 * away[0] ** 2 + 1e-3 * away[1] ** 2), np.array([1000.0, 2e-3]) * away


def anywhere(count=2):
    return np.full(count, -np.inf), np.full(count, np.inf)


@pytest.mark.parametrize("start", [(0.0, 0.0), (1.3, -2.001), (-5.0, 40.0)])
def test_newton_steps_lead_to_the_optimum_from_anywhere(start):
    np.testing.assert_allclose(polish(bowl, np.array(start), *anywhere()), [1.0, -2.0], rtol=1e-10)


def test_a_bound_in_the_way_is_reached_exactly_and_the_rest_is_still_least():
    low, high = np.array([-np.inf, -1.0]), np.array([0.5, np.inf])
    assert polish(bowl, np.array([0.0, 3.0]), low, high).tolist() == [0.5, -1.0]


def test_a_loss_that_falls_for_ever_ends_on_the_bound():
    def falling(point):
        return float(np.exp(-point[0])), -np.exp(-point)

    assert polish(falling, np.zeros(1), np.array([-1.0]), np.array([9.0])).tolist() == [9.0]


def test_where_the_loss_curves_the_other_way_the_step_still_leads_down():
    def hills(point):
        return float(np.cos(point[0])), -np.sin(point)

    assert polish(hills, np.array([0.1]), *anywhere(1))[0] == pytest.approx(np.pi, rel=1e-12)


def gamma_likelihood(amounts):
    """Of a Gamma distribution, by mean and variance alone: -n / 2 ((ln a - m)^2 + (ln b - s)^2)."""
    target = np.array([amounts.mean(), amounts.std()])

    def objective(values):
        away = log(values) - target
        return float(-len(amounts) / 2 * np.sum(away**2)), -len(amounts) * away / values

    return objective, np.exp(target)


def test_an_optimum_is_found_from_each_start_and_says_so():
    amounts = np.random.default_rng(1).normal(1.0, 0.5, 300)
    objective, truth = gamma_likelihood(amounts)
    for start in ((0.01, 0.01), (50.0, 1.0)):
        found = maximise(objective, [start], [(1e-3, 1e3)] * 2, 300)
        assert found.is_identified
        np.testing.assert_allclose(found.values, truth, rtol=1e-9)
        assert found.values == [float(f"{value:.9e}") for value in found.values]
        # The curvature in the logarithms is 300, so that each of them is known to 1 / sqrt(300).
        np.testing.assert_allclose(found.standard_errors, np.array(found.values) / np.sqrt(300), rtol=1e-5)


def test_a_bound_or_a_flat_direction_is_no_optimum():
    objective, _ = gamma_likelihood(np.array([1.0, 2.0]))
    found = maximise(objective, [(0.2, 0.2)], [(0.1, 1.0), (0.1, 9.0)], 2)
    assert not found.is_identified
    assert np.isnan(found.standard_errors[0])
    assert found.standard_errors[1] == pytest.approx(found.values[1] / np.sqrt(2), rel=1e-5)

    def flat(values):
        return float(-(log(values[0]) ** 2)), np.array([-2 * log(values[0]) / values[0], 0.0])

    found = maximise(flat, [(3.0, 3.0)], [(0.1, 10.0)] * 2, 1)
    assert not found.is_identified and np.isnan(found.standard_errors).all()
