import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import betainc, betaincc

from ml.lifetime.erlang_waits import OpenWait, Renewals, stage_terms

CASES = {
    "k": st.integers(1, 12),
    "r": st.floats(0.01, 20),
    "x": st.integers(0, 40),
    "alpha": st.floats(0.1, 30),
    "t_x": st.floats(0.5, 60),
    "gap": st.floats(0, 20),
}


def open_wait(k, r, x, alpha, t_x, gap):
    t_x = t_x if x else 0.0
    return OpenWait(k, np.array([r + k * x]), alpha, np.array([t_x]), np.array([t_x + gap]))


@settings(max_examples=80, deadline=None)
@given(**CASES, weeks=st.floats(0.5, 104), p=st.floats(1e-12, 1))
@example(k=8, r=1.0, x=0, alpha=2.0, t_x=1.0, gap=0.0, weeks=1.0, p=1.0)
def test_expected_purchases_are_the_sum_over_purchases(k, r, x, alpha, t_x, gap, weeks, p):
    """`sum_n (1-p)^(n-1) P(nk - j stages in the horizon)`, each an incomplete beta function, for j stages over."""
    wait = open_wait(k, r, x, alpha, t_x, gap)
    shares, horizon = wait.stage_shares()[0], weeks / (alpha + wait.age[0])
    n, chances = np.arange(1, 1 + int(60 + 12 * (wait.shape[0] + k) * horizon / k)), 0.0
    for j, share in enumerate(shares):
        chances += share * betainc(n * k - j, wait.shape[0] + j, horizon / (1 + horizon))
    if chances[-1] > 1e-10:
        return  # a longer sum than is worth it
    renewals = Renewals(k, wait.shape, np.array([[horizon]]))
    until_stop = np.sum((1 - p) ** (n - 1.0) * chances)
    # near p = 1 the roots lose digits: a double's 2e-16 over the least survival, 1e-8
    assert shares @ renewals.expected_until_stop(np.array([p]))[:, 0, 0] == pytest.approx(
        until_stop, rel=1e-6, abs=1e-8
    )
    assert shares @ renewals.expected()[:, 0, 0] == pytest.approx(chances.sum(), rel=1e-6, abs=1e-8)


@settings(max_examples=80, deadline=None)
@given(**CASES, weeks=st.floats(0.01, 50))
def test_silence_is_a_beta_tail(k, r, x, alpha, t_x, gap, weeks):
    """A wait over itself plus alpha + t_x is Beta(k, r + kx)."""
    wait = open_wait(k, r, x, alpha, t_x, gap)
    start, shape = alpha + wait.t_x[0], wait.shape[0]
    for later in (0.0, weeks):
        silent = betaincc(k, shape, (gap + later) / (start + gap + later))
        assert np.exp(wait.log_silent(later)[0]) == pytest.approx(silent, rel=1e-8)
    rest = wait.median_rest()
    if rest[0] < 1e6:
        half = wait.log_silent(rest) - wait.log_silent()
        assert half[0] == pytest.approx(np.log(0.5), abs=1e-6)
    longest = wait.quantile(0.95)[0]
    if longest < 1e6:
        assert betaincc(k, shape, longest / (start + longest)) == pytest.approx(0.05, rel=1e-6)


def test_stages_of_an_open_wait_by_hand():
    """(R)_j / j! u^j at R = 2, u = 1/2: 1, 1, 3/4."""
    assert stage_terms(np.array([2.0]), np.array([0.5]), 3).tolist() == [[1.0, 1.0, 0.75]]
    assert stage_terms(np.array([2.0]), np.array([0.5]), 1).tolist() == [[1.0]]


def test_a_wait_that_never_ends_has_no_date():
    wait = OpenWait(3, np.array([1e-4]), 1.0, np.array([0.0]), np.array([30.0]))
    assert wait.median_rest()[0] > 1e8 and wait.quantile(0.95)[0] == 1e9


@settings(max_examples=60, deadline=None)
@given(**CASES, p=st.floats(1e-300, 1))
def test_expected_purchases_stay_sane_and_rise(k, r, x, alpha, t_x, gap, p):
    wait = open_wait(k, r, x, alpha, t_x, gap)
    weeks = np.arange(1, 25) * 365.25 / 84
    renewals = Renewals(k, wait.shape, weeks[None] / (alpha + wait.age[0]))
    by_stage = renewals.expected_until_stop(np.array([p])), renewals.expected()
    stopping, lasting = (wait.stage_shares()[0] @ orders[:, 0] for orders in by_stage)
    for orders in (stopping, lasting):
        assert np.isfinite(orders).all()
        assert (np.diff(orders, prepend=0.0) > -1e-7).all()
    assert (stopping <= lasting * (1 + 1e-6) + 1e-7).all()
    assert (stopping <= 1 / p + 1e-6).all()
