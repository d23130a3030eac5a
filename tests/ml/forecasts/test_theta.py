"""The seasonal model against statsmodels, and what it finds of a season that is there."""

import numpy as np
import pytest
from statsmodels.tsa.api import SimpleExpSmoothing
from statsmodels.tsa.seasonal import seasonal_decompose

from ml.forecasts.theta import is_seasonal, seasonal_factors, seasonal_forecast
from tests.ml.forecasts.series import SEASON, seasonal


@pytest.mark.parametrize("seed", range(5))
def test_the_level_is_that_of_statsmodels_at_the_best_smoothing_of_the_grid(seed: int) -> None:
    logs = np.cumsum(np.random.default_rng(seed).normal(0, 0.1, 18))
    model = SimpleExpSmoothing(logs, initialization_method="known", initial_level=logs[0])
    fits = [model.fit(smoothing_level=alpha, optimized=False) for alpha in np.arange(1, 51) / 50]
    best = min(fits, key=lambda fit: fit.sse)
    assert np.log(seasonal_forecast(np.exp(logs), 6).level) == pytest.approx(best.forecast(6), abs=1e-9)


def test_the_drift_is_half_the_slope_of_the_line() -> None:
    place = np.arange(20)
    values = np.exp(5 + 0.03 * place)
    ahead = seasonal_forecast(values, 6)
    # with the whole slope to smooth the grid ends at 1, where the last value is the level
    assert np.log(ahead.level) == pytest.approx(np.full(6, 5 + 0.03 * 19))
    assert np.diff(np.log(ahead.drift)) == pytest.approx(np.full(5, 0.015))
    assert np.polyfit(place, np.log(values), 1)[0] / 2 == pytest.approx(0.015)


def test_the_factors_are_those_of_a_classical_decomposition() -> None:
    logs = np.log(seasonal(47, 1))
    theirs = seasonal_decompose(logs, period=12, model="additive").seasonal[:12]
    assert seasonal_factors(logs) == pytest.approx(theirs, abs=1e-9)


def test_a_planted_season_is_recovered() -> None:
    values = seasonal(48, 3, 0.02)
    assert seasonal_factors(np.log(values)) == pytest.approx(SEASON - SEASON.mean(), abs=0.05)
    ahead = seasonal_forecast(values, 6)
    assert ahead.has_season
    assert np.log(ahead.season) == pytest.approx((SEASON - SEASON.mean())[:6], abs=0.05)
    assert np.log(ahead.level) == pytest.approx(np.log(seasonal(54, 3, 0.0)[48:]), abs=0.12)


def test_noise_and_trends_have_no_season_and_a_season_needs_two_years() -> None:
    found = [is_seasonal(np.random.default_rng(seed).normal(0, 0.1, 48)) for seed in range(200)]
    walks = [is_seasonal(np.cumsum(np.random.default_rng(seed).normal(0, 0.1, 36))) for seed in range(200)]
    assert np.mean(found) < 0.1 and np.mean(walks) < 0.1
    assert not is_seasonal(0.1 * np.arange(48.0)) and not is_seasonal(np.ones(48))
    assert is_seasonal(np.log(seasonal(24, 1))) and not is_seasonal(np.log(seasonal(23, 1)))
