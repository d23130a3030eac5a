"""Cohorts, growth, repurchase and survival against an independent computation."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter

from tests.dbt.company_reference import company_reference
from tests.dbt.compiled_marts import Marts
from tests.dbt.customer_reference import CustomerReference, average
from tests.dbt.made_up_histories import DAYS, PROPERTY, History, histories

COUNTS = ["active_start_count", "new_count", "reactivated_count", "lost_count", "retained_count", "active_end_count"]
MARTS = (
    "fct_cohort_retention",
    "rpt_customer_growth_monthly",
    "rpt_repurchase",
    "fct_purchase_survival",
    "rpt_churn_horizon",
)


@pytest.fixture(scope="module")
def company(built_warehouse) -> tuple[CustomerReference, dict[str, pd.DataFrame]]:
    """The reference of the generated company, and its marts."""
    reference = company_reference(built_warehouse.frame, built_warehouse.settings)
    return reference, {name: built_warehouse.frame(f"select * from marts.{name} order by all") for name in MARTS}


def check_growth(reference: CustomerReference, growth: pd.DataFrame) -> None:
    expected = dict(reference.growth())
    assert growth.month.tolist() == list(expected)
    for row in growth.to_dict("records"):
        assert {name: row[name] for name in COUNTS} == expected[row["month"]]
        start, kept = row["active_start_count"], row["retained_count"]
        is_estimated = row["is_complete"] and start > 0
        assert row["retention_rate"] == pytest.approx(kept / start if is_estimated else np.nan, nan_ok=True)
        assert row["churn_rate"] == pytest.approx(1 - kept / start if is_estimated else np.nan, nan_ok=True)
    assert (growth.active_end_count == growth.active_start_count + growth.new_count - growth.lost_count
            + growth.reactivated_count).all()  # fmt: skip


def check_cohorts(reference: CustomerReference, cohorts: pd.DataFrame) -> None:
    expected = dict(reference.cohort_cells())
    keys = list(zip(cohorts.cohort_month, cohorts.period_unit, cohorts.period, strict=True))
    assert sorted(keys) == sorted(expected)
    for key, row in zip(keys, cohorts.itertuples(), strict=True):
        cell = expected[key]
        assert (row.cohort_size, row.active_customers_count, row.is_complete) == (
            cell["cohort_size"], cell["active_customers_count"], cell["is_complete"],
        ), key  # fmt: skip
        assert round(10_000 * row.net_amount) == cell["net_units"], key
        assert round(10_000 * row.cumulative_net_amount) == cell["cumulative_net_units"], key
        rate = cell["active_customers_count"] / cell["cohort_size"] if row.is_complete else np.nan
        per_customer = average(cell["cumulative_net_units"], cell["cohort_size"]) if row.is_complete else np.nan
        assert row.retention_rate == pytest.approx(rate, nan_ok=True), key
        assert row.cumulative_net_amount_per_customer == pytest.approx(float(per_customer), nan_ok=True), key
        assert row.is_left_truncated == ((key[0] - pd.Timestamp(reference.data_from)).days < 2 * reference.horizon)
        assert row.is_small == (cell["cohort_size"] < 30)


def check_repurchase(reference: CustomerReference, repurchase: pd.DataFrame) -> None:
    actual = {
        (row.cohort_month, row.horizon_days): (row.mature_customers_count, row.repurchased_customers_count)
        for row in repurchase.itertuples()
    }
    assert actual == dict(reference.repurchases())
    for row in repurchase.itertuples():
        nobody = row.mature_customers_count == 0
        assert row.status == ("no_customer_old_enough" if nobody else "ok")
        rate = np.nan if nobody else row.repurchased_customers_count / row.mature_customers_count
        assert row.repurchase_rate == pytest.approx(rate, nan_ok=True)


def check_survival(reference: CustomerReference, survival: pd.DataFrame, cohort_months: list[str]) -> None:
    for kind in ("second", "any"):
        for cohort_month in cohort_months:
            durations, ended = reference.waits(kind, cohort_month)
            fitted = KaplanMeierFitter().fit(durations, ended)
            rows = survival[(survival.gap_kind == kind) & (survival.cohort_month == cohort_month)].set_index("day")
            table = fitted.event_table
            assert rows.index.tolist() == table.index.astype(int).tolist()
            assert rows.event_count.tolist() == table.observed.tolist()
            assert rows.at_risk_count.tolist() == table.at_risk.tolist()
            np.testing.assert_allclose(rows.survival_rate, fitted.survival_function_.iloc[:, 0], atol=1e-9)
            if kind == "any":
                assert rows.survival_low.isna().all() and rows.survival_high.isna().all()
            else:
                some_wait = rows.survival_rate > 0
                ends = fitted.confidence_interval_.set_axis(["low", "high"], axis=1)[some_wait.to_numpy()]
                np.testing.assert_allclose(rows.survival_low[some_wait], ends.low, atol=1e-9)
                np.testing.assert_allclose(rows.survival_high[some_wait], ends.high, atol=1e-9)


def check_churn_horizon(reference: CustomerReference, horizon: pd.DataFrame) -> None:
    durations, ended = reference.waits("any")
    gaps = np.array(durations)[np.array(ended)]
    (row,) = horizon.itertuples()
    assert (row.gaps_count, row.churn_horizon_days) == (len(gaps), reference.horizon)
    if len(gaps):
        assert row.gap_days_p90 == pytest.approx(np.quantile(gaps, 0.9))
        assert row.estimated_horizon_days == np.ceil(np.quantile(gaps, 0.9) / 30) * 30
    else:
        assert pd.isna(row.gap_days_p90) and pd.isna(row.estimated_horizon_days)


def test_a_companys_growth_equals_pandas(company):
    reference, marts = company
    growth = marts["rpt_customer_growth_monthly"]
    check_growth(reference, growth)
    assert (growth.reactivated_count > 0).any() and not growth.is_complete.iloc[-1]
    for earlier, later in pairwise(growth.itertuples()):
        assert earlier.active_end_count == later.active_start_count


def test_a_companys_cohorts_equal_pandas(company):
    reference, marts = company
    cohorts = marts["fct_cohort_retention"]
    check_cohorts(reference, cohorts)
    entries = cohorts[(cohorts.period_unit == "month") & (cohorts.period == 0)]
    assert entries.cohort_size.sum() == reference.days[reference.days.orders_count > 0].customer_id.nunique()


def test_a_companys_repurchase_equals_pandas(company):
    reference, marts = company
    check_repurchase(reference, marts["rpt_repurchase"])


def test_a_companys_survival_equals_lifelines(company):
    reference, marts = company
    survival = marts["fct_purchase_survival"]
    cohort_months = survival.cohort_month.unique().tolist()
    assert cohort_months[-1] == "all" and len(cohort_months) > 10
    check_survival(reference, survival, cohort_months)
    check_churn_horizon(reference, marts["rpt_churn_horizon"])


def test_cohorts_and_what_is_outside_them_sum_to_revenue(built_warehouse, company):
    reference, _ = company
    coverage = built_warehouse.frame("select * from marts.rpt_cohort_coverage_monthly order by month")
    by_month = reference.days.groupby(reference.days.order_date.dt.to_period("M").dt.to_timestamp())
    first = reference.days[reference.days.orders_count > 0].groupby("customer_id").order_date.min()
    own = reference.days[reference.days.order_date >= reference.days.customer_id.map(first)]
    inside = own.groupby(own.order_date.dt.to_period("M").dt.to_timestamp()).cohort_units.sum()
    for row in coverage.itertuples():
        assert round(10_000 * row.identified_net_amount) == by_month.net_units.sum()[row.month]
        assert round(10_000 * row.cohort_net_amount) == inside.get(row.month, 0)
    assert coverage.outside_cohorts_net_amount.sum() < 0


@PROPERTY
@given(history=histories(), as_of_day=st.integers(0, DAYS))
def test_any_history_equals_the_reference(compiled_marts, company_settings, history: History, as_of_day: int):
    marts = Marts(compiled_marts, history.tables(as_of_day))
    reference = history.reference(as_of_day, company_settings)
    check_growth(reference, marts.frame("rpt_customer_growth_monthly"))
    check_cohorts(reference, marts.frame("fct_cohort_retention"))
    check_repurchase(reference, marts.frame("rpt_repurchase"))
    check_survival(reference, marts.frame("fct_purchase_survival"), ["all"])
    check_churn_horizon(reference, marts.frame("rpt_churn_horizon"))
