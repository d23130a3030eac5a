import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln, expit, hyp2f1, log_expit

from ml.lifetime.purchase_models import DropoutModel, NaiveRate, Nbd, group_histories


def arrays(*values):
    return tuple(np.array([value], dtype=float) for value in values)


def test_groups_are_distinct_and_lead_back_to_customers():
    x, t_x, age = np.array([2, 0, 2, 1]), np.array([3.0, 0, 3.0, 3.0]), np.array([5.0, 5.0, 5.0, 5.0])
    histories = group_histories(x, t_x, age, np.zeros(4))
    assert histories.customers_count.tolist() == [1, 1, 2]
    np.testing.assert_array_equal(histories.x[histories.index], x)
    np.testing.assert_array_equal(histories.t_x[histories.index], t_x)


@pytest.mark.parametrize(
    ("x", "t_x", "age"), [(1, 5, 4), (0, 1, 4), (1, 0, 4), (-1, 0, 4), (1, 1, np.nan), (1, 1, np.inf)]
)
def test_impossible_histories_are_refused(x, t_x, age):
    with pytest.raises(ValueError, match=r"history in row 1 \(x="):
        group_histories(np.array([0, x]), np.array([0, t_x]), np.array([1, age]), np.zeros(2))


def test_nobody_is_nobody_in_groups():
    histories = group_histories([], [], [], [])
    assert len(histories.x) == len(histories.index) == 0


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
    computed = model.expected_orders_if_alive(*arrays(x, age, age), np.array([weeks]))[0, 0]
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
    wait = model.median_wait(x, t_x, age)
    assert model.probability_of_order(x, t_x, age, wait[0]) / model.p_alive(x, t_x, age) == pytest.approx(0.5)
    assert wait[0] == pytest.approx((6.0 + 22) * (2 ** (1 / 4.8) - 1))


def test_naive_rate_counts_less_than_a_week_as_one():
    x, t_x, age = np.array([0.0, 3.0, 1.0]), np.array([0.0, 20.0, 1 / 7]), np.array([9.0, 30.0, 2 / 7])
    naive = NaiveRate()
    np.testing.assert_allclose(naive.expected_orders(x, t_x, age, np.array([10.0]))[:, 0], [0, 1, 10])
    np.testing.assert_allclose(naive.median_wait(x, t_x, age), [np.inf, 10 * np.log(2), np.log(2)])
    assert np.isnan(naive.p_alive(x, t_x, age)).all()


WEEKS = np.array([0.5, 13.0, 52.0, 104.0])


@pytest.mark.parametrize(
    "model",
    [
        DropoutModel(0.85, 1.45, 0.79, 2.42, first_may_be_last=True, k=3),
        DropoutModel(0.85, 1.45, 0.79, 2.42, first_may_be_last=False, k=2),
        DropoutModel(4.0, 0.3, 0.02, 8.0, first_may_be_last=True, k=5),
        DropoutModel(0.3, 9.0, 2.0, 0.4, first_may_be_last=False, k=12),
        Nbd(0.85, 1.45, k=3),
        Nbd(9.0, 0.4, k=4),
    ],
)
def test_forecasts_of_regular_buyers_come_true_one_by_one(model):
    """Rate, stages of the open wait and chance to stop drawn from the posteriors, then bought until the horizon."""
    x, t_x, age = 7.0, 20.0, 22.0
    random, draws = np.random.default_rng(5), 60_000
    # Of draws with the last purchase at t_x, those that were silent since.
    rate = random.gamma(model.r + model.k * x, 1 / (model.alpha + t_x), 40 * draws)
    wait = random.standard_gamma(model.k, len(rate)) / rate
    rate, wait = (values[wait > age - t_x][:draws] for values in (rate, wait))
    assert len(rate) > 2_000
    a, b = (model.a, model.b + x + model.first_may_be_last) if isinstance(model, DropoutModel) else (0.0, 1.0)
    stopping = random.beta(a, b, len(rate)) if a else np.zeros(len(rate))
    now, orders = wait - (age - t_x), np.zeros((len(rate), len(WEEKS)))
    assert model.median_wait(*arrays(x, t_x, age))[0] == pytest.approx(np.median(now), rel=0.03)
    buying = np.arange(len(rate))
    while len(buying):
        orders[buying] += now[buying, None] <= WEEKS
        buying = buying[random.random(len(buying)) >= stopping[buying]]
        now[buying] += random.standard_gamma(model.k, len(buying)) / rate[buying]
        buying = buying[now[buying] <= WEEKS[-1]]
    if_alive = model.expected_orders(*arrays(x, t_x, age), WEEKS)[0]
    if isinstance(model, DropoutModel):
        if_alive = if_alive / model.p_alive(*arrays(x, t_x, age))[0]
        bought = model.probability_of_order(*arrays(x, t_x, age), 1.0)[0] / model.p_alive(*arrays(x, t_x, age))[0]
        assert bought == pytest.approx((wait - (age - t_x) <= 1.0).mean(), abs=0.02)
    errors = orders.std(axis=0) / np.sqrt(len(rate))
    assert (np.abs(if_alive - orders.mean(axis=0)) < 4 * errors + 1e-3).all()


def test_one_stage_is_the_simple_model():
    """BG/CNBD-1 and MBG/CNBD-1 say of every customer what BG/NBD's formulas say, CNBD-1 what NBD's do."""
    x, t_x, age = (np.array(v, dtype=float) for v in ([0, 2, 9], [0, 30.4, 30], [30, 38.9, 31]))
    for flag in (False, True):
        model = DropoutModel(0.2426, 4.4135, 0.7929, 2.4258, flag, k_is_chosen=True)
        odds = 0.7929 / (2.4258 + x + flag - 1) * ((4.4135 + age) / (4.4135 + t_x)) ** (0.2426 + x)
        np.testing.assert_allclose(model.p_alive(x, t_x, age), 1 / (1 + np.where(x + flag > 0, odds, 0)))
        assert model.name == ("mbg_cnbd_k" if flag else "bg_cnbd_k")
    lasting = Nbd(0.2426, 4.4135, k_is_chosen=True)
    rate = (0.2426 + x) / (4.4135 + age)
    np.testing.assert_allclose(lasting.expected_orders(x, t_x, age, np.array([5.0]))[:, 0], 5 * rate)


def test_a_rhythm_shows_sooner_that_somebody_is_gone():
    """Bought every second week ten times and now silent for six: certain for the regular, likely for the random."""
    random, regular = (DropoutModel(1.0, 1.0, 0.5, 4.0, True, k=k) for k in (1, 4))
    alive = [model.p_alive(*arrays(10, 20, 26))[0] for model in (random, regular)]
    assert alive[1] < 0.2 < 0.5 < alive[0]
    overdue = [model.wait_quantile(*arrays(10, 20, 26), 0.95)[0] for model in (random, regular)]
    assert overdue[1] < 5 < 6 < overdue[0]
    assert overdue[0] == pytest.approx(21 * (20 ** (1 / 11) - 1))
