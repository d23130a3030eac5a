import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import pearsonr

from ml.lifetime.gamma_gamma import GammaGamma, GammaGammaLikelihood, fit_gamma_gamma, frequency_value_correlation
from ml.lifetime.purchase_histories import summarise_purchases


def simulated_means(p, q, v, customers_count, seed):
    """Repeat counts and the mean of as many amounts, Gamma(p, nu) with nu from Gamma(q, v)."""
    random = np.random.default_rng(seed)
    x = random.integers(1, 12, customers_count).astype(float)
    nu = random.gamma(q, 1 / v, customers_count)
    return x, random.gamma(p * x, 1 / nu) / x


def test_cdnow_reaches_the_published_fit(cdnow_days):
    summary = summarise_purchases(cdnow_days, pd.Timestamp("1997-09-30"))
    model = fit_gamma_gamma(summary["x"].to_numpy(float), summary["mean_repeat_amount"].to_numpy())
    assert model.repeaters_count == 946
    assert model.p == pytest.approx(6.25, abs=0.005)
    assert model.q == pytest.approx(3.74, abs=0.005)
    assert model.v == pytest.approx(15.44, abs=0.005)
    assert model.is_usable


def test_known_truth_is_recovered():
    """20,000 repeaters: parameters within 8 per cent, the population mean within 2."""
    model = fit_gamma_gamma(*simulated_means(6.0, 4.0, 15.0, 20_000, seed=1))
    assert (model.p, model.q, model.v) == pytest.approx((6.0, 4.0, 15.0), rel=0.08)
    assert model.population_mean == pytest.approx(6 * 15 / 3, rel=0.02)


def test_the_currency_scales_the_answer_and_nothing_else():
    x, mean = simulated_means(6.0, 4.0, 15.0, 500, seed=2)
    one, hundred = fit_gamma_gamma(x, mean), fit_gamma_gamma(x, mean * 100)
    assert (hundred.p, hundred.q, hundred.v) == pytest.approx((one.p, one.q, one.v * 100), rel=1e-6)
    assert hundred.log_likelihood == pytest.approx(one.log_likelihood - 500 * np.log(100))
    np.testing.assert_allclose(hundred.expected_amount(x, mean * 100), 100 * one.expected_amount(x, mean), rtol=1e-6)
    p_error, q_error, v_error = one.standard_errors
    assert hundred.standard_errors == pytest.approx((p_error, q_error, v_error * 100), rel=1e-4)
    assert (one.repeaters_count, one.is_identified) == (500, True)


@settings(max_examples=25, deadline=None)
@given(values=st.tuples(st.floats(0.1, 50), st.floats(0.1, 20), st.floats(0.1, 50)))
def test_gradient_agrees_with_differences(values):
    objective = GammaGammaLikelihood(*simulated_means(6.0, 4.0, 15.0, 50, seed=3))
    values = np.array(values)
    for i, value in enumerate(values):
        step = np.zeros(3)
        step[i] = 1e-5 * value
        difference = (objective(values + step)[0] - objective(values - step)[0]) / (2 * step[i])
        assert objective(values)[1][i] == pytest.approx(difference, rel=1e-4, abs=1e-3)


def test_the_order_of_customers_changes_no_byte():
    x, mean = simulated_means(6.0, 4.0, 15.0, 500, seed=4)
    shuffled = np.random.default_rng(5).permutation(500)
    assert fit_gamma_gamma(x, mean) == fit_gamma_gamma(x[shuffled], mean[shuffled])


def test_own_orders_count_the_more_the_more_there_are():
    model = GammaGamma(p=6.0, q=4.0, v=15.0, repeaters_count=500)
    x, mean = np.array([0.0, 1, 4, 400]), np.array([np.nan, 90, 90, 90])
    amounts = model.expected_amount(x, mean)
    assert amounts[0] == pytest.approx(30)
    assert amounts[1] == pytest.approx(6 * (15 + 90) / (6 + 3))
    assert list(amounts) == sorted(amounts)
    assert amounts[3] == pytest.approx(90, rel=0.01)


@pytest.mark.parametrize(
    ("changes", "usable"),
    [({}, True), ({"q": 1.0}, False), ({"p": 1000.0}, False), ({"repeaters_count": 99}, False)],
)
def test_gates(changes, usable):
    fitted = {"p": 6.0, "q": 4.0, "v": 15.0, "repeaters_count": 100} | changes
    assert GammaGamma(**fitted).is_usable is usable


def test_customers_who_all_spend_alike_are_degenerate():
    x = np.random.default_rng(6).integers(1, 12, 300).astype(float)
    assert fit_gamma_gamma(x, np.full(300, 25.0)) is None
    noisy = 25.0 + np.arange(300) % 3 * 4e-15
    assert np.ptp(noisy) > 0 and fit_gamma_gamma(x, noisy) is None


@pytest.mark.parametrize(
    "spread",
    [
        lambda random, x: 25.0 * (1 + 1e-6 * random.normal(size=len(x))),  # alike but for a trifle: p without end
        lambda random, x: 25.0 * (1 + 0.1 * random.normal(size=len(x)) / x),  # less than chance: q without end
        lambda random, x: np.where(np.arange(len(x)) == 0, 30.0, 25.0),  # all alike but one
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_a_fit_that_runs_into_its_bounds_is_not_usable(spread, seed):
    random = np.random.default_rng(seed)
    x = random.integers(1, 12, 400).astype(float)
    model = fit_gamma_gamma(x, spread(random, x))
    assert not model.is_identified and not model.is_usable


def test_without_repeaters_there_is_no_model():
    assert fit_gamma_gamma(np.zeros(10), np.full(10, np.nan)) is None


def test_value_that_follows_frequency_is_reported():
    random = np.random.default_rng(7)
    x = random.integers(1, 20, 400).astype(float)
    unrelated = frequency_value_correlation(x, random.gamma(5, 10, 400)).set_index("method")
    related = frequency_value_correlation(x, x * random.gamma(5, 10, 400)).set_index("method")
    assert (unrelated["correlation"].abs() < 0.15).all()
    assert (related["correlation"] > 0.5).all()
    assert (related["p_value"] < 1e-6).all()
    assert frequency_value_correlation(np.ones(5), np.ones(5))["correlation"].isna().all()


def test_a_mean_amount_has_a_density_that_integrates_to_one():
    def density(mean):
        return np.exp(GammaGammaLikelihood(np.array([3.0]), np.array([mean]))(np.array([6.0, 4.0, 15.0]))[0])

    assert quad(density, 0, np.inf)[0] == pytest.approx(1)


def test_customers_without_repeats_or_without_a_positive_amount_are_left_out():
    x, mean = simulated_means(6.0, 4.0, 0.1, 300, seed=6)
    assert (mean < 1).mean() > 0.9
    others = np.array([0.0, 0.0, 2.0, 2.0]), np.array([50.0, 0.0, 0.0, -5.0])
    both = np.concatenate([x, others[0]]), np.concatenate([mean, others[1]])
    assert fit_gamma_gamma(*both) == fit_gamma_gamma(x, mean)
    assert fit_gamma_gamma(x, mean).repeaters_count == 300
    pd.testing.assert_frame_equal(frequency_value_correlation(*both), frequency_value_correlation(x, mean))


def test_two_repeaters_are_enough_for_a_fit():
    assert fit_gamma_gamma(np.array([1.0, 2.0]), np.array([10.0, 30.0])).repeaters_count == 2
    assert fit_gamma_gamma(np.array([1.0, 0.0]), np.array([10.0, 30.0])) is None


def test_correlations_are_those_of_the_repeaters():
    x, mean = np.array([1.0, 2.0, 4.0]), np.array([3.0, 2.0, 0.5])
    found = frequency_value_correlation(x, mean)
    assert found["method"].tolist() == ["pearson", "spearman"]
    assert found["correlation"].tolist() == pytest.approx([np.corrcoef(x, mean)[0, 1], -1])
    assert found["p_value"].tolist() == pytest.approx([pearsonr(x, mean).pvalue, 0], abs=1e-12)
    for too_few in ((x[:2], mean[:2]), (np.ones(3), mean), (x, np.ones(3))):
        assert frequency_value_correlation(*too_few)[["correlation", "p_value"]].isna().all(axis=None)


def test_without_repeats_or_a_positive_amount_the_population_mean_is_expected():
    model = GammaGamma(p=6.0, q=4.0, v=15.0, repeaters_count=500)
    amounts = model.expected_amount(np.array([0.0, 2.0, 2.0, 2.0]), np.array([50.0, 0.0, -5.0, 0.5]))
    assert amounts == pytest.approx([30, 30, 30, 6 * (15 + 1) / (12 + 3)])
