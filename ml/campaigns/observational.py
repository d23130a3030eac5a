"""Effects of campaigns whose customers were chosen, not drawn: matched difference-in-differences behind gates.

Chosen customers differ from the others, so a plain difference between them means little. Here each treated customer is
paired with the most similar customer outside the campaign, and the change from before the window to within it is
compared. The same comparison is run where no effect can exist: on the trend before the campaign, and on windows 28 and
56 days earlier. If one gate fails, only the gate's name is reported and no effect. A campaign that passes is still
observational: a difference that no column shows cannot be ruled out. Randomized campaigns belong in `experiments`.

The 28 days before the start are the "before" of the change and are kept out of the matching. Customers picked for high
recent spend regress to the mean. If pairs were matched on the "before" itself, this regression would count as an effect
(Daw, Hatfield 2018). `benchmarks.coverage` measures the intervals under such a choice.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree
from statsmodels.regression.linear_model import OLS

from ml.campaigns.results import OBSERVATIONAL, WINDOW_OPEN, require_columns, results_frame
from ml.common.rounding import varies

TOO_LITTLE_HISTORY = "too_little_history"
TOO_FEW_TREATED = "too_few_treated"
UNBALANCED = "unbalanced"
PRETREND = "pretrend"
PLACEBO_28 = "placebo_28"
PLACEBO_56 = "placebo_56"
# Every gate passed. Not `ok`: the effect may be shown, a return on investment may not be built on it.
PASSED = "observational"

DAY = np.timedelta64(1, "D")
WEEK_DAYS = 7

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class ObservationalConfig:
    """The gates. The defaults are the ones that the metric definitions name.

    A campaign needs some history: its last `baseline_days` are the "before" of the change, and pairs are matched on the
    days before these.
    """

    history_days: int = 56
    baseline_days: int = 28
    long_history_days: int = 365
    minimum_treated: int = 100
    balance_limit: float = 0.1
    z_limit: float = 1.96
    alpha: float = 0.05


class Difference(NamedTuple):
    """Mean difference of pairs, its interval, z and p-value."""

    effect: float
    low: float
    high: float
    z: float
    p_value: float


class _Window(NamedTuple):
    """Days counted from the first day of data; `end` is not part of it."""

    start: int
    end: int

    @property
    def days(self) -> int:
        return self.end - self.start


class _Pairs(NamedTuple):
    """Row i pairs customer `treated[i]` with customer `control[i]`; a control may serve many."""

    treated: Indices
    control: Indices
    largest_standardised_difference: float


class _CustomerDays:
    """Customer days sorted by day, so that a total over any window reads that window alone."""

    def __init__(self, frame: pd.DataFrame, data_from: date) -> None:
        days = _day_numbers(frame["order_date"], data_from)
        self.customers = pd.Index(np.sort(frame["customer_id"].unique()))
        codes = self.customers.get_indexer(frame["customer_id"])
        order = np.lexsort((codes, days))
        self.days, self.codes = days[order], codes[order]
        self.values = frame["value"].astype(float).to_numpy()[order]
        self.first_day = np.full(len(self.customers), np.iinfo(np.int64).max)
        np.minimum.at(self.first_day, self.codes, self.days)

    def _slice(self, window: _Window) -> slice:
        return slice(*np.searchsorted(self.days, (window.start, window.end)))

    def value(self, window: _Window) -> Array:
        """Value per customer and day of the window."""
        rows = self._slice(window)
        return np.bincount(self.codes[rows], self.values[rows], len(self.customers)) / window.days

    def order_days(self, window: _Window) -> Array:
        """Share of the window's days with an order, per customer."""
        return np.bincount(self.codes[self._slice(window)], minlength=len(self.customers)) / window.days

    def recency(self, day: int) -> Array:
        """Days from the last order before `day`, per customer; meaningful where there is one."""
        last = np.zeros(len(self.customers), dtype=np.int64)
        rows = self._slice(_Window(0, day))
        last[self.codes[rows]] = self.days[rows]
        return (day - last).astype(float)


def _day_numbers(dates: pd.Series, data_from: date) -> Indices:
    return ((pd.to_datetime(dates).to_numpy() - np.datetime64(data_from)) // DAY).astype(np.int64)


class _Campaigns:
    """Windows and customers of all campaigns: each one's own, and the exposure to the others."""

    def __init__(self, campaigns: pd.DataFrame, members: pd.DataFrame, days: _CustomerDays, data_from: date) -> None:
        campaigns = campaigns.sort_values("campaign_id", ignore_index=True)
        self.ids = campaigns["campaign_id"]
        self.starts = _day_numbers(campaigns["start_date"], data_from)
        self.ends = _day_numbers(campaigns["end_date"], data_from) + 1
        members = members[["campaign_id", "customer_id"]].drop_duplicates()
        self.assigned_counts = members["campaign_id"].value_counts().reindex(self.ids, fill_value=0).to_numpy()
        numbers = pd.Index(self.ids).get_indexer(members["campaign_id"])
        codes = days.customers.get_indexer(members["customer_id"])
        seen = codes >= 0
        self._numbers, self._codes, self._customer_count = numbers[seen], codes[seen], len(days.customers)

    def window(self, number: int) -> _Window:
        return _Window(int(self.starts[number]), int(self.ends[number]))

    def is_treated(self, number: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        treated = np.zeros(self._customer_count, dtype=bool)
        treated[self._codes[self._numbers == number]] = True
        return treated

    def exposure(self, number: int, window: _Window) -> Array:
        """Days of the window under campaigns other than this one, per customer and day of the window."""
        overlap = np.clip(np.minimum(self.ends, window.end) - np.maximum(self.starts, window.start), 0, None)
        overlap[number] = 0
        return np.bincount(self._codes, overlap[self._numbers], self._customer_count) / window.days


def _mean_difference(differences: Array, controls: Indices, alpha: float) -> Difference:
    """Mean of pair differences; pairs that share a control form one cluster of the error.

    Clusters of the matched set: Abadie, Spiess (2022), "Robust Post-Matching Inference".
    """
    if np.unique(controls).size < 2 or not varies(differences):
        return Difference(*[np.nan] * 5)
    fit = OLS(differences, np.ones(differences.size)).fit(cov_type="cluster", cov_kwds={"groups": controls})
    low, high = fit.conf_int(alpha)[0]
    return Difference(float(fit.params[0]), float(low), float(high), float(fit.tvalues[0]), float(fit.pvalues[0]))


def _covariates(
    days: _CustomerDays, campaigns: _Campaigns, number: int, window: _Window, config: ObservationalConfig
) -> Array:
    """The covariates on which pairs are matched, shape (customers, 7): value, order days and recency before the
    baseline, recent and long, and the exposure to other campaigns in the baseline and in the window."""
    baseline = _Window(window.start - config.baseline_days, window.start)
    end = baseline.start
    recent = _Window(end - (config.history_days - config.baseline_days), end)
    long = _Window(max(0, end - config.long_history_days), end)
    return np.column_stack(
        [
            days.value(recent),
            days.order_days(recent),
            days.value(long),
            days.order_days(long),
            np.log(days.recency(end)),
            campaigns.exposure(number, baseline),
            campaigns.exposure(number, window),
        ]
    )


def _match(
    days: _CustomerDays, campaigns: _Campaigns, number: int, window: _Window, config: ObservationalConfig
) -> _Pairs:
    """Nearest other customer of each treated one, with replacement, in standardised covariates.

    Both have ordered before the baseline. Standardised by the mean of the two groups' variances, as is the difference
    that is left (Austin 2009).
    """
    known = days.first_day < window.start - config.baseline_days
    is_treated = campaigns.is_treated(number)
    treated, others = np.flatnonzero(known & is_treated), np.flatnonzero(known & ~is_treated)
    if min(treated.size, others.size) < 2:
        return _Pairs(treated[:0], others[:0], np.nan)
    covariates = _covariates(days, campaigns, number, window, config)
    deviations = np.sqrt((covariates[treated].var(axis=0, ddof=1) + covariates[others].var(axis=0, ddof=1)) / 2)
    differs = [varies(column[treated]) or varies(column[others]) for column in covariates.T]
    standardised = covariates / np.where(differs, deviations, 1)
    control = others[cKDTree(standardised[others]).query(standardised[treated])[1]]
    left = np.abs(standardised[treated].mean(axis=0) - standardised[control].mean(axis=0))
    return _Pairs(treated, control, float(left.max()))


def _change(days: _CustomerDays, pairs: _Pairs, window: _Window, config: ObservationalConfig) -> Difference:
    """Difference-in-differences over the window: its daily value less that of the baseline, pair by pair."""
    before = _Window(window.start - config.baseline_days, window.start)
    change = (days.value(window) - days.value(before)) * window.days
    return _mean_difference(change[pairs.treated] - change[pairs.control], pairs.control, config.alpha)


def _pretrend_z(days: _CustomerDays, pairs: _Pairs, start: int, config: ObservationalConfig) -> float:
    """z of the difference in weekly trend over the baseline, which the pairs were not matched on."""
    weeks = config.baseline_days // WEEK_DAYS
    first = start - weeks * WEEK_DAYS
    weekly = [days.value(_Window(first + WEEK_DAYS * i, first + WEEK_DAYS * (i + 1))) for i in range(weeks)]
    slope = np.tensordot(np.arange(weeks) - (weeks - 1) / 2, weekly, axes=1)
    return _mean_difference(slope[pairs.treated] - slope[pairs.control], pairs.control, config.alpha).z


def _placebo_z(
    days: _CustomerDays,
    campaigns: _Campaigns,
    number: int,
    shift: int,
    config: ObservationalConfig,
) -> float:
    """z of the whole analysis, matching included, started `shift` days earlier and ended before the campaign starts.

    NaN, hence not passed, where that start has less history than the campaign itself would need.
    """
    window = campaigns.window(number)
    start = window.start - shift
    if start < config.history_days:
        return np.nan
    earlier = _Window(start, start + min(window.days, shift))
    return _change(days, _match(days, campaigns, number, earlier, config), earlier, config).z


def _gate_figures(
    days: _CustomerDays, campaigns: _Campaigns, number: int, window_over: bool, config: ObservationalConfig
) -> tuple[dict[str, Any], Difference]:
    """Every figure that can be computed, also behind a gate that failed, and the effect where the window is over."""
    window = campaigns.window(number)
    pairs = _match(days, campaigns, number, window, config)
    placebos = [_placebo_z(days, campaigns, number, shift, config) for shift in (28, 56)]
    known = [z for z in placebos if not np.isnan(z)]
    figures = {
        "treated_count": pairs.treated.size,
        "control_count": np.unique(pairs.control).size,
        "largest_standardised_difference": pairs.largest_standardised_difference,
        "pretrend_z": _pretrend_z(days, pairs, window.start, config),
        "placebo_28_z": placebos[0],
        "placebo_56_z": placebos[1],
        "placebo_z": max(known, key=abs) if known else np.nan,
    }
    return figures, _change(days, pairs, window, config) if window_over else Difference(*[np.nan] * 5)


def _first_failed_gate(row: dict[str, Any], window_over: bool, config: ObservationalConfig) -> str:
    """The first gate that is not passed, in the definitions' order, else `observational`; the unknown does not pass."""

    def passes(name: str, limit: float) -> bool:
        return bool(abs(row.get(name, np.nan)) < limit)

    gates = (
        (TOO_LITTLE_HISTORY, row["history_days"] >= config.history_days),
        (WINDOW_OPEN, window_over),
        (TOO_FEW_TREATED, row.get("treated_count", 0) >= config.minimum_treated),
        (UNBALANCED, passes("largest_standardised_difference", config.balance_limit)),
        (PRETREND, passes("pretrend_z", config.z_limit)),
        (PLACEBO_28, passes("placebo_28_z", config.z_limit)),
        (PLACEBO_56, passes("placebo_56_z", config.z_limit)),
    )
    return next((name for name, passed in gates if not passed), PASSED)


def _analyse_one(
    days: _CustomerDays, campaigns: _Campaigns, number: int, days_of_data: int, config: ObservationalConfig
) -> dict[str, Any]:
    window = campaigns.window(number)
    window_over = window.end <= days_of_data
    row: dict[str, Any] = {
        "campaign_id": campaigns.ids[number],
        "method": OBSERVATIONAL,
        "assigned_count": campaigns.assigned_counts[number],
        "history_days": max(0, window.start),
    }
    effect = None
    if config.history_days <= window.start < days_of_data:
        figures, effect = _gate_figures(days, campaigns, number, window_over, config)
        row |= figures
    row["status"] = _first_failed_gate(row, window_over, config)
    if row["status"] == PASSED and effect is not None:
        row |= {
            "effect_per_member": effect.effect,
            "effect_low": effect.low,
            "effect_high": effect.high,
            "p_value": effect.p_value,
        }
    return row


def analyse_observational(
    customer_days: pd.DataFrame,
    members: pd.DataFrame,
    campaigns: pd.DataFrame,
    data_from: date,
    data_through: date,
    metric: str = "margin_amount",
    config: ObservationalConfig | None = None,
) -> pd.DataFrame:
    """Effects of campaigns without a control group, as far as they can be estimated: one row per campaign.

    `customer_days`: one row per customer and day with an order: customer_id, order_date, value (of `metric`).
    `members`: campaign_id, customer_id of the customers treated. `campaigns`: campaign_id, start_date, end_date (last
    day); all of them, because pairs must also agree in their exposure to other campaigns. `data_from`, `data_through`:
    first and last complete day; other days are left out.

    Returns the columns of `campaign_results.COLUMN_TYPES`, for the treated with an order before the baseline. `status`
    is the first gate that failed: `too_little_history`, `window_open`, `too_few_treated`, `unbalanced`, `pretrend`,
    `placebo_28`, `placebo_56`; then the effect is NULL and the figures of the gates are kept. With `observational` all
    gates are passed, and the effect is the change over the window per treated customer; it is no proof, and no return
    on investment is computed from it.

    Raises `ValueError` if a column is missing or a member's campaign is not in `campaigns`.
    """
    config = config or ObservationalConfig()
    require_columns(customer_days, ("customer_id", "order_date", "value"), "customer_days")
    require_columns(members, ("campaign_id", "customer_id"), "members")
    require_columns(campaigns, ("campaign_id", "start_date", "end_date"), "campaigns")
    unknown = set(members["campaign_id"].unique()) - set(campaigns["campaign_id"])
    if unknown:
        raise ValueError(f"members has campaigns that campaigns lacks: {sorted(map(str, unknown))}")
    inside = pd.to_datetime(customer_days["order_date"]).between(pd.Timestamp(data_from), pd.Timestamp(data_through))
    days = _CustomerDays(customer_days[inside], data_from)
    grouped = _Campaigns(campaigns, members, days, data_from)
    days_of_data = (data_through - data_from).days + 1
    rows = [_analyse_one(days, grouped, number, days_of_data, config) for number in range(len(campaigns))]
    return results_frame(row | {"metric": metric} for row in rows)
