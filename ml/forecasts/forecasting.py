"""Forecasts of all series: what is said of the months ahead, what had been said of those that came, and the run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.common.determinism import deterministic
from ml.common.likelihood import FloatArray
from ml.common.model_runs import METRIC_COLUMNS, model_run_id
from ml.forecasts.backtest import HORIZON, LARGEST, LEAST_MONTHS, LEVELS, Candidate, Origin, backtest
from ml.forecasts.customers import PurchaseDays, RolledForward, roll_forward
from ml.forecasts.gate import INSUFFICIENT_HISTORY, OK, Accuracy, is_judged, judge
from ml.forecasts.theta import YEAR, seasonal_forecast

MODEL = "forecasts"
VERSION = 1
LEVEL, DRIFT, CUSTOMERS = "level", "drift", "customers"
NEW, RETURNING = "new_customers", "returning_customers"
ALWAYS = ("net_sales", "orders", NEW, RETURNING)
ALL = "all"
# Series that purchase days stand behind, and so can be rolled forward.
ROLLED = ("net_sales", "orders", RETURNING)
BOUNDS = [f"{end}_{level:.0%}".rstrip("%") for level in LEVELS for end in ("low", "high")]
FORECAST_COLUMNS = ["series", "tier", "month", "months_ahead", "model", "expected", *BOUNDS,
                    "origins_count", "error", "naive_error", "coverage_80", "coverage_95", "status"]  # fmt: skip
HIT_COLUMNS = ["series", "tier", "origin_month", "month", "months_ahead", "model", "expected", *BOUNDS,
               "actual", "naive", "scale", "is_judged"]  # fmt: skip


@dataclass(frozen=True)
class ForecastResult:
    """`forecasts` by FORECAST_COLUMNS, `hits` by HIT_COLUMNS, `metrics` by METRIC_COLUMNS, and `run`."""

    forecasts: pd.DataFrame
    hits: pd.DataFrame
    metrics: pd.DataFrame
    run: dict[str, Any]


@dataclass(frozen=True)
class Series:
    """One series up to the last whole month: `values`, shape (n,), from the month `start` on."""

    name: str
    tier: str
    start: pd.Period
    values: FloatArray

    def month(self, place: int) -> dt.date:
        """The first day of the month at a place, also beyond the last."""
        return (self.start + place).start_time.date()


@deterministic()
def forecast_months(months: pd.DataFrame, purchase_days: pd.DataFrame, as_of_date: dt.date) -> ForecastResult:
    """Forecast each series for the six months after `as_of_date`, the last day of a month.

    months: one row per series, tier and whole month, without gaps up to that of as_of_date: series, tier ('all' unless
    customers of a tier are counted), month, value. purchase_days: one row per customer and day with a valid order, of
    whole months: customer_id, hash_share (0 to 1, drawn once for a customer) and order_date.

    A series that cannot be forecast, or whose earlier forecasts were not good enough, has a status and no values.
    """
    last = pd.Period(as_of_date, "M")
    found = list(_series(months, last))
    rolled = _rolled(purchase_days, {one.name: one for one in found if one.tier == ALL}, last)
    forecasts, hits, metrics = [], [], []
    for one in found:
        said = backtest(one.values, _candidates(one, rolled))
        accuracy = judge(one.values, said)
        forecasts += _forecast_rows(one, said, accuracy)
        hits += _hit_rows(one, said)
        metrics += _metrics(one, accuracy)
    parameters = {"version": VERSION, "as_of_date": as_of_date}
    run = {
        "model_run_id": model_run_id(MODEL, parameters, months, purchase_days),
        "model": MODEL,
        "version": VERSION,
        "rows": len(months),
        "status": OK if any(row["status"] == OK for row in forecasts) else INSUFFICIENT_HISTORY,
    }
    return ForecastResult(
        pd.DataFrame(forecasts, columns=FORECAST_COLUMNS),
        pd.DataFrame(hits, columns=HIT_COLUMNS),
        pd.DataFrame(metrics, columns=METRIC_COLUMNS),
        run,
    )


def _series(months: pd.DataFrame, last: pd.Period) -> Iterator[Series]:
    """Every series; those that each company has also where they have no month."""
    known = months.groupby(["series", "tier"], sort=True)
    for name in ALWAYS:
        if (name, ALL) not in known.groups:
            yield Series(name, ALL, last + 1, np.zeros(0))
    for (name, tier), rows in known:
        rows = rows.sort_values("month")
        yield Series(name, tier, pd.Period(rows["month"].iloc[0], "M"), rows["value"].to_numpy(np.float64))


def _run_of(values: FloatArray) -> FloatArray:
    """The months since the last one without any: a series that stood still begins anew."""
    still = np.flatnonzero(values <= 0)
    return values[still[-1] + 1 :] if len(still) else values


def _candidates(one: Series, rolled: Mapping[pd.Period, RolledForward]) -> list[list[Candidate]]:
    """For each month the forecasts that could be made at its end."""
    return [_candidates_at(one, place, rolled.get(one.start + place)) for place in range(len(one.values))]


def _candidates_at(one: Series, place: int, rolled: RolledForward | None) -> list[Candidate]:
    known = _run_of(one.values[: place + 1])
    if len(known) < LEAST_MONTHS:
        return []
    ahead = seasonal_forecast(known, HORIZON)
    values = {LEVEL: ahead.level, DRIFT: ahead.drift}
    if rolled is not None and one.name in ROLLED and one.tier == ALL:
        values[CUSTOMERS] = _of_customers(known[-YEAR:], rolled, ahead.season, one.name == RETURNING)
    return [
        Candidate(model, np.minimum(found, LARGEST), ahead.has_season)
        for model, found in values.items()
        if (found > 0).all()
    ]


def _of_customers(recent: FloatArray, rolled: RolledForward, season: FloatArray, is_returning: bool) -> FloatArray:
    """What a purchase day has been worth in the series, in the last year, times the purchase days expected."""
    past, ahead = rolled.past_days.copy(), rolled.known_days * season + rolled.newcomers_days
    if is_returning:
        past, ahead = past - rolled.past_firsts, ahead - rolled.newcomers
    days = past[-len(recent) :].sum()
    return ahead * (recent[-len(past) :].sum() / days if days > 0 else 0)


def _rolled(
    purchase_days: pd.DataFrame, series: Mapping[str, Series], last: pd.Period
) -> dict[pd.Period, RolledForward]:
    """Purchase days rolled forward from each month at whose end new customers could be forecast."""
    new = series.get(NEW)
    if purchase_days.empty or new is None:
        return {}
    first = pd.Period(purchase_days["order_date"].min(), "M")
    purchases = PurchaseDays.of(purchase_days, first, (last - first).n + 1)
    found = {}
    for place in range(len(new.values)):
        known = _run_of(new.values[: place + 1])
        if len(known) >= LEAST_MONTHS:
            newcomers = seasonal_forecast(known, HORIZON).level
            month = new.start + place
            ahead = roll_forward(purchases, (month - first).n, month, newcomers)
            found.update({month: ahead} if ahead else {})
    return found


def _forecast_rows(one: Series, said: Sequence[Origin], accuracy: Accuracy) -> list[dict[str, Any]]:
    """The months ahead; without values unless the series is good enough to be shown."""
    now = said[-1] if accuracy.status == OK and said[-1].month == len(one.values) - 1 else None
    status = accuracy.status if now or accuracy.status != OK else INSUFFICIENT_HISTORY
    about = {**asdict(accuracy), "series": one.name, "tier": one.tier, "status": status}
    return [
        {**about, "month": one.month(len(one.values) + step), "months_ahead": step + 1, **_values(now, step)}
        for step in range(HORIZON)
    ]


def _values(said: Origin | None, step: int) -> dict[str, Any]:
    if said is None:
        return {"model": None, "expected": np.nan, **dict.fromkeys(BOUNDS, np.nan)}
    bounds = [ends[step] for pair in zip(said.lows, said.highs, strict=True) for ends in pair]
    return {"model": said.model, "expected": said.values[step], **dict(zip(BOUNDS, bounds, strict=True))}


def _hit_rows(one: Series, said: Sequence[Origin]) -> list[dict[str, Any]]:
    """What origins with an interval said of months that have come."""
    return [
        {
            "series": one.name,
            "tier": one.tier,
            "origin_month": one.month(origin.month),
            "month": one.month(origin.month + step + 1),
            "months_ahead": step + 1,
            **_values(origin, step),
            "actual": one.values[origin.month + step + 1],
            "naive": origin.naive[step],
            "scale": origin.scale,
            "is_judged": is_judged(origin, len(one.values)),
        }
        for origin in said
        if origin.has_interval
        for step in range(min(HORIZON, len(one.values) - origin.month - 1))
    ]


def _metrics(one: Series, accuracy: Accuracy) -> list[tuple[Any, ...]]:
    name = one.name if one.tier == ALL else f"{one.name}/{one.tier}"
    return [
        (MODEL, "mase", name, accuracy.error, accuracy.naive_error),
        (MODEL, "coverage_80", name, accuracy.coverage_80, LEVELS[0]),
        (MODEL, "coverage_95", name, accuracy.coverage_95, LEVELS[1]),
    ]
