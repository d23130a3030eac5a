import time
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from ml.common.likelihood import maximise
from ml.lifetime.backtest import fit_models, group_summaries
from ml.lifetime.purchase_fits import (
    DropoutLikelihood,
    NbdLikelihood,
    choose_stages,
    fit_dropout_model,
    fit_nbd,
)
from ml.lifetime.purchase_histories import summarise_purchases
from ml.lifetime.purchase_models import DropoutModel, Nbd, group_histories
from tests.ml.lifetime.simulated_purchases import Truth, grouped, histories_at, simulate_purchases

CDNOW_CALIBRATION_END = pd.Timestamp("1997-09-30")


def arrays(*values):
    return tuple(np.array([value], dtype=float) for value in values)


@pytest.fixture(scope="module")
def cdnow(cdnow_days):
    # A purchase of free samples is still a purchase day in the published figures.
    counted = cdnow_days.assign(net_amount=cdnow_days["net_amount"].clip(lower=0.0001))
    summary = summarise_purchases(counted, CDNOW_CALIBRATION_END)
    return group_summaries(summary)


def rounded(value, digits=4):
    return float(f"{value:.{digits}g}")


def test_cdnow_reaches_the_published_fit(cdnow):
    model = fit_dropout_model(cdnow, first_may_be_last=False)
    assert len(cdnow.index) == 2357
    assert model.log_likelihood == pytest.approx(-9582.43, abs=0.005)
    assert rounded(model.r) == 0.2426
    assert model.alpha == pytest.approx(4.4135, rel=5e-5)
    assert rounded(model.a) == 0.7929
    assert model.b == pytest.approx(2.4258, rel=1e-4)


def test_cdnow_has_no_rhythm(cdnow):
    fitted = fit_models(cdnow)
    assert [model.k for model in fitted.all[1:]] == [1] * 6
    assert {model.name for model in fitted.all} >= {"bg_nbd", "bg_cnbd_k", "mbg_nbd", "mbg_cnbd_k", "nbd", "cnbd_k"}
    by_name = {model.name: model for model in fitted.dropout_models}
    for name in ("bg", "mbg"):
        simple, regular = by_name[f"{name}_nbd"], by_name[f"{name}_cnbd_k"]
        assert replace(regular, k_is_chosen=False) == simple


def test_cdnow_is_fitted_in_no_time(cdnow):
    started = time.process_time()
    fit_dropout_model(cdnow, first_may_be_last=False)
    assert time.process_time() - started < 2


def test_cdnow_reaches_the_published_forecasts(cdnow, cdnow_days):
    model = fit_dropout_model(cdnow, first_may_be_last=False)
    weeks = np.array([39.0])
    one = model.expected_orders(*arrays(2, 30.43, 38.86), weeks)[0, 0]
    assert rounded(one) == 1.226
    after = (cdnow_days["order_date"] > CDNOW_CALIBRATION_END) & (
        cdnow_days["order_date"] <= CDNOW_CALIBRATION_END + pd.Timedelta(weeks=39)
    )
    actual = len(cdnow_days[after].drop_duplicates(["customer_id", "order_date"]))
    expected = cdnow.customers_count @ model.expected_orders(cdnow.x, cdnow.t_x, cdnow.age, weeks)[:, 0]
    assert expected / actual == pytest.approx(0.879, abs=0.0005)


def test_grouping_does_not_change_the_likelihood():
    random = np.random.default_rng(5)
    x = random.integers(0, 4, 200)
    age = random.integers(10, 14, 200).astype(float)
    t_x = np.where(x > 0, random.integers(1, 10, 200), 0).astype(float)
    histories = group_histories(x, t_x, age, np.zeros(200))
    assert len(histories.x) < 150
    values = np.array([0.6, 5.0, 0.8, 3.0])
    one_by_one = [
        DropoutLikelihood(group_histories([x[i]], [t_x[i]], [age[i]], [0.0]), first_may_be_last=False)(values)[0]
        for i in range(len(x))
    ]
    assert DropoutLikelihood(histories, first_may_be_last=False)(values)[0] == pytest.approx(sum(one_by_one))


HISTORIES = group_histories([0, 0, 1, 3, 40], [0, 0, 2.5, 30, 51], [0, 20, 30, 31, 52], [0, 0, 0.9, 6.0, 8.0])
OBJECTIVES = [
    NbdLikelihood(HISTORIES),
    DropoutLikelihood(HISTORIES, first_may_be_last=False),
    DropoutLikelihood(HISTORIES, first_may_be_last=True),
    NbdLikelihood(HISTORIES, 3),
    DropoutLikelihood(HISTORIES, first_may_be_last=False, k=2),
    DropoutLikelihood(HISTORIES, first_may_be_last=True, k=12),
]


@pytest.mark.parametrize("objective", OBJECTIVES)
@settings(max_examples=25, deadline=None)
@given(values=st.lists(st.floats(0.05, 20), min_size=4, max_size=4))
def test_gradients_agree_with_differences(objective, values):
    values = np.array(values[:2] if isinstance(objective, NbdLikelihood) else values)
    for i, value in enumerate(values):
        step = np.zeros(len(values))
        step[i] = 1e-5 * value
        difference = (objective(values + step)[0] - objective(values - step)[0]) / (2 * step[i])
        assert objective(values)[1][i] == pytest.approx(difference, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(("first_may_be_last", "k"), [(False, 1), (True, 1), (False, 3), (True, 4)])
def test_likelihood_integrates_the_process_itself(first_may_be_last, k):
    """Average over rate and stopping probability of what one customer's purchases and silence are worth."""
    x, t_x, age = 3, 20.0, 30.0
    r, alpha, a, b = 0.7, 5.0, 1.5, 3.0
    waits = np.array([4.0, 10.0, 6.0])
    random = np.random.default_rng(11)
    rate, stopping = random.gamma(r, 1 / alpha, 400_000), random.beta(a, b, 400_000)
    survived = (1 - stopping) ** (x - 1 + first_may_be_last)
    bought = np.prod(gamma.pdf(waits[:, None], k, scale=1 / rate), axis=0) * survived
    alive = bought * (1 - stopping) * gamma.sf(age - t_x, k, scale=1 / rate)
    simulated = alive + bought * stopping
    histories = group_histories([x], [t_x], [age], [np.log(waits).sum()])
    objective = DropoutLikelihood(histories, first_may_be_last=first_may_be_last, k=k)
    value, _ = objective(np.array([r, alpha, a, b]))
    assert np.exp(value) == pytest.approx(simulated.mean(), abs=4 * simulated.std() / np.sqrt(len(simulated)))
    model = DropoutModel(r, alpha, a, b, first_may_be_last, k=k)
    assert model.p_alive(*arrays(x, t_x, age))[0] == pytest.approx(alive.mean() / simulated.mean(), rel=0.02)
    lasting = bought / survived * gamma.sf(age - t_x, k, scale=1 / rate)
    value, _ = NbdLikelihood(histories, k)(np.array([r, alpha]))
    assert np.exp(value) == pytest.approx(lasting.mean(), abs=4 * lasting.std() / np.sqrt(len(lasting)))


@pytest.mark.parametrize(
    "truth",
    [Truth(0.5, 4.0, 0.8, 2.5), Truth(2.0, 3.0, 0.6, 4.0, first_may_be_last=True), Truth(3.0, 2.0, 0.3, 12.0)],
)
def test_known_truth_is_recovered(truth):
    """30,000 customers over a year and a half: every parameter within 12 per cent, the mean of both within 3."""
    starts = np.random.default_rng(3).uniform(0, 30, 30_000)
    purchases, _ = simulate_purchases(truth, 30_000, starts, end_week=78, seed=4)
    known = histories_at(purchases, 78)
    model = fit_dropout_model(grouped(known), first_may_be_last=truth.first_may_be_last)
    for name in ("r", "alpha", "a", "b"):
        assert getattr(model, name) == pytest.approx(getattr(truth, name), rel=0.12), name
    assert model.r / model.alpha == pytest.approx(truth.r / truth.alpha, rel=0.03)
    assert model.a / (model.a + model.b) == pytest.approx(truth.a / (truth.a + truth.b), rel=0.03)


def test_p_alive_and_forecast_come_true_on_known_customers():
    truth = Truth(1.0, 4.0, 0.8, 4.0)
    starts = np.random.default_rng(6).uniform(0, 40, 40_000)
    purchases, stopped_at = simulate_purchases(truth, 40_000, starts, end_week=104, seed=7)
    known = histories_at(purchases, 65)
    columns = [known[column].to_numpy() for column in ("x", "t_x", "T")]
    model = fit_dropout_model(grouped(known), first_may_be_last=False)
    p_alive, is_alive = model.p_alive(*columns), stopped_at > 65
    later = purchases[purchases["week"] > 65].groupby("customer").size().reindex(known.index, fill_value=0)
    expected = model.expected_orders(*columns, np.array([39.0]))[:, 0]
    for tenth in np.array_split(np.argsort(p_alive, kind="stable"), 10):
        error = np.sqrt(np.mean(p_alive[tenth] * (1 - p_alive[tenth])) / len(tenth))
        assert is_alive[tenth].mean() == pytest.approx(p_alive[tenth].mean(), abs=4 * error + 0.01)
    for tenth in np.array_split(np.argsort(expected, kind="stable"), 10):
        assert later.to_numpy()[tenth].mean() == pytest.approx(expected[tenth].mean(), rel=0.06, abs=0.05)


def test_nbd_is_dropout_that_never_happens():
    starts = np.random.default_rng(8).uniform(0, 20, 5_000)
    purchases, _ = simulate_purchases(Truth(1.5, 6.0, 0, 1), 5_000, starts, end_week=52, seed=9)
    known = histories_at(purchases, 52)
    histories = grouped(known)
    nbd, dropout = fit_nbd(histories), fit_dropout_model(histories, first_may_be_last=False)
    assert nbd.r == pytest.approx(1.5, rel=0.08)
    assert nbd.alpha == pytest.approx(6.0, rel=0.08)
    assert 2 * (dropout.log_likelihood - nbd.log_likelihood) < 5.99


def test_the_order_of_customers_changes_no_byte():
    starts = np.random.default_rng(1).uniform(0, 20, 800)
    purchases, _ = simulate_purchases(Truth(0.5, 4.0, 0.8, 2.5), 800, starts, end_week=52, seed=2)
    known = histories_at(purchases, 52)
    shuffled = known.sample(frac=1, random_state=3)
    fits = [fit_dropout_model(grouped(frame), first_may_be_last=False) for frame in (known, shuffled)]
    assert fits[0] == fits[1]


def test_nobody_who_repeats_leaves_no_rate_to_fit():
    histories = group_histories(np.zeros(50), np.zeros(50), np.full(50, 20.0), np.zeros(50))
    for fit in (fit_nbd, lambda h: fit_dropout_model(h, first_may_be_last=True)):
        with pytest.raises(ValueError, match="nobody has bought twice"):
            fit(histories)


def regular_customers(age=40.0):
    """Everybody buys every fourth week: less spread than chance would make."""
    starts = np.arange(300) % 4
    x = (age - starts) // 4
    return group_histories(x, 4 * x, age - starts, x * np.log(4.0))


def test_customers_who_differ_less_than_chance_makes_them_all_have_one_rate():
    histories = regular_customers()
    model = fit_nbd(histories)
    assert model.r == 1e4
    rate = histories.customers_count @ histories.x / (histories.customers_count @ histories.age)
    assert model.r / model.alpha == pytest.approx(rate, rel=1e-3)
    orders = model.expected_orders(histories.x, histories.t_x, histories.age, np.array([10.0]))
    np.testing.assert_allclose(orders, 10 * rate, rtol=2e-3)


@pytest.mark.parametrize("first_may_be_last", [False, True])
def test_drop_out_that_adds_nothing_is_nbd(first_may_be_last):
    histories = regular_customers()
    nbd, model = fit_nbd(histories), fit_dropout_model(histories, first_may_be_last=first_may_be_last)
    assert (model.r, model.alpha, model.a, model.b) == (nbd.r, nbd.alpha, 1e-5, 1e5)
    assert model.log_likelihood == nbd.log_likelihood


@pytest.mark.parametrize("first_may_be_last", [False, True])
def test_where_the_search_starts_does_not_show(cdnow_like, first_may_be_last):
    """The optimum to ten digits, wherever a search for it begins."""
    objective = DropoutLikelihood(cdnow_like, first_may_be_last=first_may_be_last)
    bounds = [(1e-4, 1e4), (1e-4, 1e6), (1e-5, 1e4), (1e-5, 1e5)]
    ends = [
        maximise(objective, [start], bounds, cdnow_like.customers_count.sum()).values
        for start in ((1, 5, 1, 3), (0.2, 1, 3, 9), (4, 30, 0.3, 30))
    ]
    np.testing.assert_allclose(ends[1:], [ends[0]] * 2, rtol=1e-9)


@pytest.fixture(scope="module")
def cdnow_like():
    starts = np.random.default_rng(1).uniform(0, 20, 800)
    purchases, _ = simulate_purchases(Truth(0.5, 4.0, 0.8, 2.5), 800, starts, end_week=52, seed=2)
    known = histories_at(purchases, 52)
    return grouped(known)


REGULAR = Truth(0.85, 1.45, 0.79, 2.42, k=3)


def regular_histories(truth, customers_count, weeks, seed, ahead=0):
    purchases, _ = simulate_purchases(truth, customers_count, np.zeros(customers_count), weeks + ahead, seed)
    return purchases, histories_at(purchases, weeks)


@pytest.mark.parametrize("first_may_be_last", [False, True])
def test_a_rhythm_is_found_again_and_its_forecasts_come_true(first_may_be_last):
    """8,000 customers over a year: k itself, parameters within 10 per cent, half a year's orders within 5."""
    truth = replace(REGULAR, first_may_be_last=first_may_be_last)
    purchases, known = regular_histories(truth, 8_000, 52, seed=102, ahead=26)
    fitted = fit_models(grouped(known))
    by_name = {model.name: model for model in fitted.dropout_models}
    model = by_name["mbg_cnbd_k" if first_may_be_last else "bg_cnbd_k"]
    assert model.k == 3
    for name, error in zip(("r", "alpha", "a", "b"), model.standard_errors, strict=True):
        assert getattr(model, name) == pytest.approx(getattr(truth, name), rel=0.1), name
        assert abs(getattr(model, name) - getattr(truth, name)) < 3 * error
    columns = [known[column].to_numpy() for column in ("x", "t_x", "T")]
    expected = model.expected_orders(*columns, np.array([26.0])).sum()
    assert expected == pytest.approx((purchases["week"] > 52).sum(), rel=0.05)
    random = by_name["mbg_nbd" if first_may_be_last else "bg_nbd"]
    assert model.log_likelihood > random.log_likelihood + 1_000
    assert random.expected_orders(*columns, np.array([26.0])).sum() > 1.03 * expected


@pytest.mark.campaign
@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_standard_errors_are_as_wide_as_fits_differ(k):
    """Forty shops of one truth: fits spread as the errors say, and 95 per cent intervals hold it nine times of ten."""
    truth = replace(REGULAR, first_may_be_last=True, k=k)
    fits = []
    for seed in range(40):
        _, known = regular_histories(truth, 3_000, 52, seed)
        fits.append(choose_stages(partial(mbg, grouped(known))))
    assert [model.k for model in fits] == [k] * 40
    for i, name in enumerate(("r", "alpha", "a", "b")):
        values, errors = np.array([(getattr(model, name), model.standard_errors[i]) for model in fits]).T
        assert values.std() == pytest.approx(errors.mean(), rel=0.35), name
        assert (np.abs(values - getattr(truth, name)) < 1.96 * errors).mean() >= 0.85, name


def mbg(histories, k):
    return fit_dropout_model(histories, first_may_be_last=True, nbd=fit_nbd(histories, k))


def test_stages_are_added_up_to_the_first_fall():
    likelihoods = {1: -100.0, 2: -90.0, 3: -95.0, 4: -10.0}
    chosen = choose_stages(lambda k: Nbd(1.0, 1.0, likelihoods[k], k=k))
    assert (chosen.k, chosen.name) == (2, "cnbd_k")
    assert choose_stages(lambda k: Nbd(1.0, 1.0, -100.0, k=k)).k == 1
    assert choose_stages(lambda k: Nbd(1.0, 1.0, float(k), k=k)).k == 12


def test_customers_as_regular_as_clocks_have_the_most_stages_and_one_rate():
    histories = regular_customers()
    fitted = fit_models(histories)
    cnbd = fitted.lasting_models[1]
    assert (cnbd.k, cnbd.r) == (12, 1e4)
    assert np.isnan(cnbd.standard_errors[0]) and cnbd.standard_errors[1] > 0
    np.testing.assert_allclose(
        cnbd.expected_orders(histories.x, histories.t_x, histories.age, np.array([40.0])), 10, atol=0.6
    )
    assert all(fitted.likelihood_ratio(model) == 0 for model in fitted.dropout_models)
    assert all(np.isnan(model.standard_errors[2:]).all() for model in fitted.dropout_models)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_whether_customers_differ_is_seen_with_any_rhythm(k):
    """Gamma(3) rates are seen as such; with one rate for all the evidence either way is as chance has it."""
    random = np.random.default_rng(3)
    differing = [stages_at(k, random.gamma(3.0, k / 3.0, 3_000), random) for _ in range(3)]
    alike = [stages_at(k, np.full(400, float(k)), random) for _ in range(40)]
    assert all(objective.customers_differ() for objective in differing)
    assert fit_nbd(differing[0].histories, k).r == pytest.approx(3.0, rel=0.15)
    assert 8 <= sum(objective.customers_differ() for objective in alike) <= 32
    assert np.mean([objective.common_rate() for objective in alike]) == pytest.approx(k, rel=0.01)


def stages_at(k, rate, random):
    """Everybody's purchases in 30 weeks after the first, at their own rate of stages a week."""
    weeks = np.cumsum(random.standard_gamma(k, (300, len(rate))) / rate, axis=0)
    x = (weeks < 30).sum(axis=0)
    t_x = np.where(x > 0, np.take_along_axis(weeks, np.maximum(x - 1, 0)[None], axis=0)[0], 0.0)
    return NbdLikelihood(group_histories(x, t_x, np.full(len(rate), 30.0), np.zeros(len(rate))), k)


@pytest.mark.parametrize("first_may_be_last", [False, True])
@pytest.mark.parametrize("k", [2, 7])
def test_where_the_search_starts_does_not_show_with_a_rhythm(first_may_be_last, k):
    _, known = regular_histories(replace(REGULAR, first_may_be_last=first_may_be_last), 800, 52, seed=4)
    histories = grouped(known)
    objective = DropoutLikelihood(histories, first_may_be_last=first_may_be_last, k=k)
    bounds = [(1e-4, 1e4), (1e-4, 1e6), (1e-5, 1e4), (1e-5, 1e5)]
    ends = [
        maximise(objective, [start], bounds, 800).values for start in ((1, 5, 1, 3), (0.2, 1, 3, 9), (4, 30, 0.3, 30))
    ]
    np.testing.assert_allclose(ends[1:], [ends[0]] * 2, rtol=1e-9)
