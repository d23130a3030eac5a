import itertools
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln, expit, hyp2f1, log_expit

from ml.common.likelihood import maximise
from ml.lifetime.purchase_histories import summarise_purchases
from ml.lifetime.purchase_models import (
    DropoutLikelihood,
    DropoutModel,
    NaiveRate,
    Nbd,
    NbdLikelihood,
    fit_dropout_model,
    fit_nbd,
    group_histories,
)
from tests.ml.lifetime.simulated_purchases import Truth, histories_at, simulate_purchases

CDNOW_CALIBRATION_END = pd.Timestamp("1997-09-30")


@pytest.fixture(scope="module")
def cdnow_days(shared_data):
    lines = pd.read_csv(
        shared_data / "cdnow" / "CDNOW_sample.txt",
        sep=r"\s+",
        header=None,
        names=["master_id", "customer_id", "order_date", "units", "net_amount"],
        dtype={"order_date": str},
    )
    return lines.assign(order_date=pd.to_datetime(lines["order_date"]), return_amount=0.0)


@pytest.fixture(scope="module")
def cdnow(cdnow_days):
    # A purchase of free samples is still a purchase day in the published figures.
    counted = cdnow_days.assign(net_amount=cdnow_days["net_amount"].clip(lower=0.0001))
    summary = summarise_purchases(counted, CDNOW_CALIBRATION_END)
    return group_histories(summary["x"], summary["t_x"], summary["T"])


def arrays(*values):
    return tuple(np.array([value], dtype=float) for value in values)


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


def test_groups_are_distinct_and_lead_back_to_customers():
    x, t_x, age = np.array([2, 0, 2, 1]), np.array([3.0, 0, 3.0, 3.0]), np.array([5.0, 5.0, 5.0, 5.0])
    histories = group_histories(x, t_x, age)
    assert histories.customers_count.tolist() == [1, 1, 2]
    np.testing.assert_array_equal(histories.x[histories.index], x)
    np.testing.assert_array_equal(histories.t_x[histories.index], t_x)


@pytest.mark.parametrize(
    ("x", "t_x", "age"), [(1, 5, 4), (0, 1, 4), (1, 0, 4), (-1, 0, 4), (1, 1, np.nan), (1, 1, np.inf)]
)
def test_impossible_histories_are_refused(x, t_x, age):
    with pytest.raises(ValueError, match=r"history in row 1 \(x="):
        group_histories(np.array([0, x]), np.array([0, t_x]), np.array([1, age]))


def test_nobody_is_nobody_in_groups():
    histories = group_histories([], [], [])
    assert len(histories.x) == len(histories.index) == 0


def test_grouping_does_not_change_the_likelihood():
    random = np.random.default_rng(5)
    x = random.integers(0, 4, 200)
    age = random.integers(10, 14, 200).astype(float)
    t_x = np.where(x > 0, random.integers(1, 10, 200), 0).astype(float)
    grouped = group_histories(x, t_x, age)
    assert len(grouped.x) < 150
    values = np.array([0.6, 5.0, 0.8, 3.0])
    one_by_one = [
        DropoutLikelihood(group_histories([x[i]], [t_x[i]], [age[i]]), first_may_be_last=False)(values)[0]
        for i in range(len(x))
    ]
    assert DropoutLikelihood(grouped, first_may_be_last=False)(values)[0] == pytest.approx(sum(one_by_one))


HISTORIES = group_histories([0, 0, 1, 3, 40], [0, 0, 2.5, 30, 51], [0, 20, 30, 31, 52])
OBJECTIVES = [
    NbdLikelihood(HISTORIES),
    DropoutLikelihood(HISTORIES, first_may_be_last=False),
    DropoutLikelihood(HISTORIES, first_may_be_last=True),
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


@pytest.mark.parametrize("first_may_be_last", [False, True])
def test_likelihood_integrates_the_process_itself(first_may_be_last):
    """Average over rate and stopping probability of what one customer's purchases and silence are worth."""
    x, t_x, age = 3, 20.0, 30.0
    r, alpha, a, b = 0.7, 5.0, 1.5, 3.0
    random = np.random.default_rng(11)
    rate, stopping = random.gamma(r, 1 / alpha, 400_000), random.beta(a, b, 400_000)
    survived = (1 - stopping) ** (x - 1 + first_may_be_last)
    silent = (1 - stopping) * np.exp(-rate * age) + stopping * np.exp(-rate * t_x)
    simulated = rate**x * survived * silent
    histories = group_histories([x], [t_x], [age])
    value, _ = DropoutLikelihood(histories, first_may_be_last=first_may_be_last)(np.array([r, alpha, a, b]))
    assert np.exp(value) == pytest.approx(simulated.mean(), abs=4 * simulated.std() / np.sqrt(len(simulated)))
    alive = (1 - stopping) * np.exp(-rate * age) * rate**x * survived
    model = DropoutModel(r, alpha, a, b, first_may_be_last)
    assert model.p_alive(*arrays(x, t_x, age))[0] == pytest.approx(alive.mean() / simulated.mean(), rel=0.01)


@pytest.mark.parametrize("first_may_be_last", [False, True])
@settings(max_examples=60, deadline=None)
@given(
    r=st.floats(0.05, 5),
    alpha=st.floats(0.5, 30),
    a=st.floats(0.05, 5),
    b=st.floats(0.1, 300),
    x=st.integers(0, 300),
    days_between=st.floats(1, 60),
    weeks=st.floats(0.5, 105),
)
def test_expected_orders_are_the_integral_over_the_stopping_probability(
    first_may_be_last, r, alpha, a, b, x, days_between, weeks
):
    """E[(1 - exp(-lambda p t)) / p] over the posteriors Gamma(r + x, alpha + T) and Beta(a, b + x (+ 1))."""
    model = DropoutModel(r, alpha, a, b, first_may_be_last)
    age = x * days_between / 7
    kept, scaled = b + x + first_may_be_last, weeks / (alpha + age)

    def integrand(logit):
        p = expit(logit)
        density = np.exp(a * log_expit(logit) + kept * log_expit(-logit) - betaln(a, kept))
        return density * -np.expm1(-(r + x) * np.log1p(p * scaled)) / p if p > 0 else 0.0

    peak = np.log(a / kept)
    edges = [peak + away for away in (-40 / a, -8 / a, -8, -2, 0, 2, 8, 40, 40 / kept)]
    whole = sum(quad(integrand, *edge, limit=200, epsabs=0)[0] for edge in itertools.pairwise(sorted(edges)))
    computed = model.expected_orders_if_alive(*arrays(x, age), np.array([weeks]))[0, 0]
    assert computed == pytest.approx(whole, rel=2e-5)


def test_expected_orders_agree_with_the_published_formula():
    """Fader, Hardie and Lee (2005), equation (10), where it is well behaved."""
    model = DropoutModel(0.2426, 4.4135, 0.7929, 2.4258, first_may_be_last=False)
    x, t_x, age, weeks = (np.array(v, dtype=float) for v in ([0, 2, 9], [0, 30.4, 30], [30, 38.9, 31], [39, 10, 100]))
    z = weeks / (model.alpha + age + weeks)
    lead = (model.a + model.b + x - 1) / (model.a - 1)
    series = hyp2f1(model.r + x, model.b + x, model.a + model.b + x - 1, z)
    published = lead * (1 - (1 - z) ** (model.r + x) * series) * model.p_alive(x, t_x, age)
    computed = [
        model.expected_orders(*arrays(*row[:3]), np.array([row[3]]))[0, 0]
        for row in zip(x, t_x, age, weeks, strict=True)
    ]
    np.testing.assert_allclose(computed, published, rtol=1e-10)


@settings(max_examples=100, deadline=None)
@given(
    r=st.floats(1e-4, 1e4),
    alpha=st.floats(1e-3, 1e6),
    a=st.floats(1e-5, 1e4),
    b=st.floats(1e-5, 1e5),
    x=st.integers(0, 1000),
    age=st.floats(0.2, 1000),
    active_share=st.floats(0.01, 1),
)
def test_scores_stay_sane_to_the_edge_of_the_search(r, alpha, a, b, x, age, active_share):
    model = DropoutModel(r, alpha, a, b, first_may_be_last=True)
    x, t_x, age = arrays(x, age * active_share if x else 0, age)
    months = np.arange(1, 25) * 365.25 / 84
    orders = model.expected_orders(x, t_x, age, months)[0]
    most = Nbd(r, alpha).expected_orders(x, t_x, age, months)[0]
    assert np.isfinite(orders).all()
    assert (np.diff(orders, prepend=0.0) >= 0).all()
    assert (orders <= most * (1 + 1e-9)).all()
    assert 0 <= model.p_alive(x, t_x, age)[0] <= 1


def test_median_wait_has_half_of_the_living_ordering_by_then():
    model = DropoutModel(0.8, 6.0, 0.5, 3.0, first_may_be_last=False)
    x, t_x, age = arrays(4, 20, 22)
    wait = model.median_wait(x, age)
    assert model.probability_of_order(x, t_x, age, wait[0]) / model.p_alive(x, t_x, age) == pytest.approx(0.5)
    assert wait[0] == pytest.approx((6.0 + 22) * (2 ** (1 / 4.8) - 1))


def test_naive_rate_counts_less_than_a_week_as_one():
    x, t_x, age = np.array([0.0, 3.0, 1.0]), np.array([0.0, 20.0, 1 / 7]), np.array([9.0, 30.0, 2 / 7])
    naive = NaiveRate()
    np.testing.assert_allclose(naive.expected_orders(x, t_x, age, np.array([10.0]))[:, 0], [0, 1, 10])
    np.testing.assert_allclose(naive.median_wait(x, age), [np.inf, 10 * np.log(2), np.log(2)])
    assert np.isnan(naive.p_alive(x, t_x, age)).all()


@pytest.mark.parametrize(
    "truth",
    [Truth(0.5, 4.0, 0.8, 2.5), Truth(2.0, 3.0, 0.6, 4.0, first_may_be_last=True), Truth(3.0, 2.0, 0.3, 12.0)],
)
def test_known_truth_is_recovered(truth):
    """30,000 customers over a year and a half: every parameter within 12 per cent, the mean of both within 3."""
    starts = np.random.default_rng(3).uniform(0, 30, 30_000)
    purchases, _ = simulate_purchases(truth, 30_000, starts, end_week=78, seed=4)
    known = histories_at(purchases, 78)
    model = fit_dropout_model(
        group_histories(known["x"], known["t_x"], known["T"]), first_may_be_last=truth.first_may_be_last
    )
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
    model = fit_dropout_model(group_histories(*columns), first_may_be_last=False)
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
    histories = group_histories(known["x"], known["t_x"], known["T"])
    nbd, dropout = fit_nbd(histories), fit_dropout_model(histories, first_may_be_last=False)
    assert nbd.r == pytest.approx(1.5, rel=0.08)
    assert nbd.alpha == pytest.approx(6.0, rel=0.08)
    assert 2 * (dropout.log_likelihood - nbd.log_likelihood) < 5.99


def test_the_order_of_customers_changes_no_byte():
    starts = np.random.default_rng(1).uniform(0, 20, 800)
    purchases, _ = simulate_purchases(Truth(0.5, 4.0, 0.8, 2.5), 800, starts, end_week=52, seed=2)
    known = histories_at(purchases, 52)
    shuffled = known.sample(frac=1, random_state=3)
    fits = [
        fit_dropout_model(group_histories(frame["x"], frame["t_x"], frame["T"]), first_may_be_last=False)
        for frame in (known, shuffled)
    ]
    assert fits[0] == fits[1]


def test_nobody_who_repeats_leaves_no_rate_to_fit():
    histories = group_histories(np.zeros(50), np.zeros(50), np.full(50, 20.0))
    for fit in (fit_nbd, lambda h: fit_dropout_model(h, first_may_be_last=True)):
        with pytest.raises(ValueError, match="nobody has bought twice"):
            fit(histories)


def regular_customers(age=40.0):
    """Everybody buys every fourth week: less spread than chance would make."""
    starts = np.arange(300) % 4
    x = (age - starts) // 4
    return group_histories(x, 4 * x, age - starts)


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
    return group_histories(known["x"], known["t_x"], known["T"])
