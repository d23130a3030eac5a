"""RFM, activity, growth, cohorts and repurchase once more, in pandas and from the definitions alone.

Slow and plain on purpose: every figure is computed for its own day from the rows up to that day. Money is held in
whole ten-thousandths, so sums are exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pandas as pd

SEGMENTS = {
    5: ["New", "Potential Loyalist", "Potential Loyalist", "Champions", "Champions"],
    4: ["Promising", "Potential Loyalist", "Potential Loyalist", "Loyal", "Loyal"],
    3: ["About to Sleep", "About to Sleep", "Need Attention", "Loyal", "Loyal"],
    2: ["Hibernating", "Hibernating", "At Risk", "At Risk", "Cannot Lose"],
    1: ["Lost", "Lost", "At Risk", "At Risk", "Cannot Lose"],
}
HORIZONS = (30, 60, 90, 180, 365)


def average(units: int, count: int) -> Decimal | None:
    """Ten-thousandths over a count, in two decimals half away from zero."""
    if count == 0:
        return None
    return (Decimal(int(units)) / 10_000 / int(count)).quantize(Decimal("0.01"), ROUND_HALF_UP)


@dataclass(frozen=True)
class CustomerReference:
    """The figures of one company.

    `days`: one row per customer and business day with columns customer_id, order_date (datetime64), orders_count
    (valid orders), net_units and cohort_units (net sales, and the part that counts in cohorts; whole ten-thousandths).
    `known_since`: first day of every customer, by customer_id.
    """

    days: pd.DataFrame
    known_since: pd.Series
    data_from: date
    as_of_date: date
    horizon: int
    minimum_customers: int
    recency_days_cuts: tuple[int, ...]
    frequency_cuts: tuple[int, ...]
    monetary_cuts: tuple[float, ...]

    @property
    def as_of_dates(self) -> list[pd.Timestamp]:
        """Every month end from data_from on, and the run's own date."""
        ends = pd.date_range(self.data_from, self.as_of_date, freq="ME")
        return sorted({*ends, pd.Timestamp(self.as_of_date)})

    def _until(self, day: pd.Timestamp) -> pd.DataFrame:
        return self.days[self.days.order_date <= day]

    def _purchases(self, day: pd.Timestamp | None = None) -> pd.DataFrame:
        days = self._until(day or pd.Timestamp(self.as_of_date))
        return days[days.orders_count > 0].sort_values(["customer_id", "order_date"])

    # RFM

    def rfm(self) -> pd.DataFrame:
        """One row per customer, as_of_date and rfm_window."""
        frames = [self._rfm_at(day, window) for day in self.as_of_dates for window in ("lifetime", "365d")]
        return pd.concat(frames, ignore_index=True)

    def _rfm_at(self, day: pd.Timestamp, window: str) -> pd.DataFrame:
        known = self.known_since[self.known_since <= day].index
        inside = self._until(day)
        if window == "365d":
            inside = inside[inside.order_date > day - pd.Timedelta(days=365)]
        last = self._purchases(day).groupby("customer_id").order_date.max()
        table = pd.DataFrame(index=known)
        table["recency_days"] = (day - last.reindex(known)).dt.days
        sums = inside.groupby("customer_id")[["orders_count", "net_units"]].sum().reindex(known).fillna(0)
        table["frequency"] = sums.orders_count.astype("int64")
        table["monetary_units"] = sums.net_units.astype("int64")
        self._score(table)
        table["activity_status"] = self._activity(day).reindex(known)
        table = table.rename_axis("customer_id").reset_index()
        return table.assign(as_of_date=day, rfm_window=window)

    def _score(self, table: pd.DataFrame) -> None:
        buyers = table[table.frequency > 0]
        measures = {"r": -buyers.recency_days, "f": buyers.frequency, "m": buyers.monetary_units}
        ranked = len(buyers) >= self.minimum_customers and all(values.nunique() >= 5 for values in measures.values())
        table["scoring_method"] = "percentile" if ranked else "cut_points"
        for measure, values in measures.items():
            scores = self._ranked(values) if ranked else self._cut(measure, values)
            table[f"{measure}_score"] = scores.astype("float").reindex(table.index)
        table["fm_score"] = (table.f_score + table.m_score + 1) // 2
        table["rfm_segment"] = [self._segment(row) for row in table.itertuples()]
        table["value_segment"] = [self._value(row) for row in table.itertuples()]

    @staticmethod
    def _ranked(values: pd.Series) -> pd.Series:
        rank = values.rank(method="min").astype("int64")
        return np.minimum(5, 5 * (rank - 1) // max(len(values) - 1, 1) + 1)

    def _cut(self, measure: str, values: pd.Series) -> pd.Series:
        if measure == "r":
            return 5 - sum((-values > cut).astype("int64") for cut in self.recency_days_cuts)
        cuts = self.frequency_cuts if measure == "f" else [round(cut * 10_000) for cut in self.monetary_cuts]
        return 1 + sum((values > cut).astype("int64") for cut in cuts)

    @staticmethod
    def _segment(row) -> str:
        if np.isnan(row.recency_days):
            return "Prospect"
        return "Inactive" if row.frequency == 0 else SEGMENTS[int(row.r_score)][int(row.fm_score) - 1]

    @staticmethod
    def _value(row) -> str | None:
        r, f, m = row.r_score, row.f_score, row.m_score
        if np.isnan(r):
            return None
        if min(r, f, m) >= 4:
            return "重要价值客户"
        if min(r, f) >= 3:
            return "重要保持客户"
        if min(r, m) >= 3:
            return "重要发展客户"
        return "重要挽留客户" if r >= 2 else "一般客户"

    # Activity and growth

    def _activity(self, day: pd.Timestamp) -> pd.Series:
        def status(dates: pd.Series) -> str:
            recency = (day - dates.iloc[-1]).days
            gap = (dates.iloc[-1] - dates.iloc[-2]).days if len(dates) > 1 else -1
            if recency < self.horizon:
                return "reactivated" if gap >= self.horizon else "active"
            return "at_risk" if recency < 2 * self.horizon else "lapsed"

        purchases = self._purchases(day)
        return purchases.groupby("customer_id").order_date.agg(status).astype("object")

    def active(self, day: pd.Timestamp) -> set[str]:
        """Customers with a valid order in the horizon that ends with `day`."""
        purchases = self._purchases(day)
        return set(purchases[purchases.order_date > day - pd.Timedelta(days=self.horizon)].customer_id)

    def growth(self) -> Iterator[tuple[pd.Timestamp, dict[str, int]]]:
        """Each month with its counts, by the names of the mart."""
        first = self._purchases().groupby("customer_id").order_date.min()
        for day in self.as_of_dates:
            month = day.replace(day=1)
            start, end = self.active(month - pd.Timedelta(days=1)), self.active(day)
            came = end - start
            new = {customer for customer in came if first[customer] >= month}
            yield (
                month,
                {
                    "active_start_count": len(start),
                    "new_count": len(new),
                    "reactivated_count": len(came - new),
                    "lost_count": len(start - end),
                    "retained_count": len(start & end),
                    "active_end_count": len(end),
                },
            )

    # Cohorts and repurchase

    def _first_orders(self) -> pd.Series:
        return self._purchases().groupby("customer_id").order_date.min()

    def cohort_cells(self) -> Iterator[tuple[tuple[pd.Timestamp, str, int], dict[str, int | bool]]]:
        """Each (cohort_month, period_unit, period) with its size, actives, ten-thousandths and is_complete."""
        first = self._first_orders()
        own = self._until(pd.Timestamp(self.as_of_date))
        own = own.assign(first=own.customer_id.map(first))
        own = own[own.order_date >= own["first"]]
        for cohort_month, cohort in first.groupby(first.dt.to_period("M").dt.to_timestamp()):
            days = own[own.customer_id.isin(cohort.index)]
            for period, month in enumerate(pd.date_range(cohort_month, self.as_of_date, freq="MS")):
                end = month + pd.offsets.MonthEnd(0)
                cell = self._cell(cohort, days, pd.Series(month, cohort.index), pd.Series(end, cohort.index))
                yield (cohort_month, "month", period), cell
            for period in range((pd.Timestamp(self.as_of_date) - cohort.min()).days // 30 + 1):
                start = cohort + pd.Timedelta(days=30 * period)
                yield (cohort_month, "age_30d", period), self._cell(cohort, days, start, start + pd.Timedelta(days=29))

    def _cell(self, cohort: pd.Series, days: pd.DataFrame, start: pd.Series, end: pd.Series) -> dict[str, int | bool]:
        mature = cohort[end <= pd.Timestamp(self.as_of_date)].index
        counted = mature if len(mature) else cohort.index
        days = days[days.customer_id.isin(counted)]
        so_far = days[days.order_date <= days.customer_id.map(end)]
        inside = so_far[so_far.order_date >= so_far.customer_id.map(start)]
        return {
            "cohort_size": len(counted),
            "active_customers_count": inside[inside.orders_count > 0].customer_id.nunique(),
            "net_units": int(inside.cohort_units.sum()),
            "cumulative_net_units": int(so_far.cohort_units.sum()),
            "is_complete": len(mature) > 0,
        }

    def repurchases(self) -> Iterator[tuple[tuple[str, int], tuple[int, int]]]:
        """Each (cohort_month or 'all', horizon) with its mature and its repurchasing customers."""
        dates = self._purchases().groupby("customer_id").order_date.agg(list)
        first = self._first_orders()
        for cohort in ["all", *sorted({str(day.date().replace(day=1)) for day in first})]:
            members = [c for c in first.index if cohort in ("all", str(first[c].date().replace(day=1)))]
            for horizon in HORIZONS:
                limit = pd.Timedelta(days=horizon)
                mature = [c for c in members if first[c] + limit <= pd.Timestamp(self.as_of_date)]
                again = [c for c in mature if len(dates[c]) > 1 and dates[c][1] <= first[c] + limit]
                yield (cohort, horizon), (len(mature), len(again))

    def waits(self, gap_kind: str, cohort_month: str = "all") -> tuple[list[int], list[bool]]:
        """Durations of waits for the next purchase day in days, and whether each ended with one."""
        durations, ended = [], []
        for dates in self._purchases().groupby("customer_id").order_date.agg(list):
            if cohort_month not in ("all", str(dates[0].date().replace(day=1))):
                continue
            ends = [*dates[1:], pd.Timestamp(self.as_of_date)]
            for i, (start, end) in enumerate(zip(dates, ends, strict=True)):
                if gap_kind == "any" or i == 0:
                    durations.append((end - start).days)
                    ended.append(i + 1 < len(dates))
        return durations, ended
