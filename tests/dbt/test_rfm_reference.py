"""RFM against an independent computation, on a generated company and on made-up histories."""

import random
from collections import Counter
from decimal import Decimal
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dbt.company_reference import company_reference
from tests.dbt.compiled_marts import Marts
from tests.dbt.customer_reference import average
from tests.dbt.made_up_histories import DATA_FROM, DAYS, PROPERTY, History, histories

KEY = ["customer_id", "as_of_date", "rfm_window"]
COLUMNS = [
    *KEY, "recency_days", "frequency", "monetary_units", "r_score", "f_score", "m_score", "fm_score",
    "scoring_method", "rfm_segment", "value_segment", "activity_status",
]  # fmt: skip
RFM_ROWS = "* exclude monetary_amount, cast(10000 * monetary_amount as bigint) as monetary_units"


def assert_same_rfm(actual: pd.DataFrame, expected: pd.DataFrame) -> None:
    def tidy(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame[COLUMNS].sort_values(KEY, ignore_index=True)
        for column in COLUMNS[3:10]:
            frame[column] = frame[column].astype("float64")
        for column in COLUMNS[10:]:
            frame[column] = frame[column].astype("object").where(frame[column].notna(), None)
        return frame.assign(as_of_date=frame.as_of_date.astype("datetime64[us]"))

    pd.testing.assert_frame_equal(tidy(actual), tidy(expected), check_dtype=False)


@pytest.fixture(scope="module")
def company_rfm(built_warehouse):
    return built_warehouse.frame(f"select {RFM_ROWS} from marts.fct_customer_rfm")


@pytest.fixture(scope="module")
def company_segments(built_warehouse):
    return built_warehouse.frame("select * from marts.rpt_rfm_segments").set_index(
        ["as_of_date", "rfm_window", "rfm_segment"]
    )


def test_a_companys_history_equals_pandas(built_warehouse, company_rfm):
    expected = company_reference(built_warehouse.frame, built_warehouse.settings).rfm()
    assert set(expected.scoring_method) == {"percentile", "cut_points"}
    assert {"Prospect", "Inactive", "Champions", "Lost"} <= set(expected.rfm_segment)
    assert_same_rfm(company_rfm, expected)


def test_a_companys_segments_sum_to_its_customers(company_rfm, company_segments):
    for key, customers in company_rfm.groupby(["as_of_date", "rfm_window", "rfm_segment"]):
        row = company_segments.loc[key]
        everybody = company_rfm[(company_rfm.as_of_date == key[0]) & (company_rfm.rfm_window == key[1])]
        assert row.customers_count == len(customers)
        assert row.share_rate == pytest.approx(len(customers) / len(everybody))
        assert row.net_share_rate == pytest.approx(customers.monetary_units.sum() / everybody.monetary_units.sum())
        order_amount = average(customers.monetary_units.sum(), customers.frequency.sum())
        recency = average(10_000 * customers.recency_days.sum(), customers.recency_days.count())
        for found, wanted in (
            (row.average_order_amount, order_amount),
            (row.average_recency_days, recency),
            (row.average_frequency, average(10_000 * customers.frequency.sum(), len(customers))),
        ):
            assert pd.isna(found) if wanted is None else Decimal(str(found)) == wanted
    assert len(company_segments) == company_rfm.groupby(["as_of_date", "rfm_window"]).rfm_segment.nunique().sum()


def test_a_companys_migrations_equal_pandas(built_warehouse, company_rfm):
    moves: Counter = Counter()
    methods = company_rfm.groupby(["as_of_date", "rfm_window"]).scoring_method.first()
    ends = [day for day in sorted(company_rfm.as_of_date.unique()) if day.is_month_end]
    for earlier, later in pairwise(ends):
        pair = company_rfm[company_rfm.as_of_date == earlier].merge(
            company_rfm[company_rfm.as_of_date == later], on=["customer_id", "rfm_window"], suffixes=("_from", "_to")
        )
        for row in pair.itertuples():
            moves[later.replace(day=1), row.rfm_window, row.rfm_segment_from, row.rfm_segment_to] += 1
    actual = built_warehouse.frame("select * from marts.fct_rfm_migrations")
    assert len(actual) == len(moves)
    assert actual.customers_count.isna().any() and actual.customers_count.notna().any()
    for row in actual.itertuples():
        end = row.month + pd.offsets.MonthEnd(0)
        before = row.month - pd.Timedelta(days=1)
        same = methods[end, row.rfm_window] == methods[before, row.rfm_window]
        moved = moves[row.month, row.rfm_window, row.from_segment, row.to_segment]
        assert moved == row.customers_count if same else pd.isna(row.customers_count)


@PROPERTY
@given(history=histories(), as_of_day=st.integers(0, DAYS))
def test_any_history_equals_pandas(compiled_marts, company_settings, history: History, as_of_day: int):
    marts = Marts(compiled_marts, history.tables(as_of_day))
    assert_same_rfm(marts.frame("fct_customer_rfm", RFM_ROWS), history.reference(as_of_day, company_settings).rfm())


@pytest.mark.slow
@PROPERTY
@given(history=histories(minimum=20), as_of_day=st.integers(0, DAYS - 60), seed=st.integers(0, 99))
def test_nothing_after_as_of_date_and_no_order_of_rows_matters(compiled_marts, history, as_of_day, seed):
    tables = history.tables(as_of_day)
    shuffled = {name: random.Random(seed).sample(rows, len(rows)) for name, rows in tables.items()}
    whole = Marts(compiled_marts, shuffled)
    cut = Marts(compiled_marts, history.until(as_of_day).tables(as_of_day))
    for name in whole.models:
        assert whole.rows(name) == cut.rows(name), name


@PROPERTY
@given(history=histories(minimum=20), as_of_day=st.integers(100, DAYS))
def test_stored_history_equals_a_run_as_of_its_own_day(compiled_marts, history, as_of_day):
    later = Marts(compiled_marts, history.tables(as_of_day))
    day = later.rows("int_as_of_dates", "as_of_date", "is_month_end and not is_current")[-1][0]
    then = Marts(compiled_marts, history.tables((day - DATA_FROM).days))
    for name, column in (
        ("fct_customer_rfm", "as_of_date"),
        ("rpt_rfm_segments", "as_of_date"),
        ("fct_rfm_migrations", "month"),
        ("rpt_customer_growth_monthly", "month"),
    ):
        assert later.rows(name, where=f"{column} <= date '{day}'") == then.rows(name), name


@PROPERTY
@given(history=histories(minimum=30), as_of_day=st.integers(200, DAYS))
def test_equal_values_score_alike_and_only_the_order_of_amounts_counts(compiled_marts, history, as_of_day):
    marts = Marts(compiled_marts, history.tables(as_of_day))
    scores = marts.frame("fct_customer_rfm", RFM_ROWS)
    ranked = scores[(scores.scoring_method == "percentile") & scores.r_score.notna()]
    for value, score in (("recency_days", "r_score"), ("frequency", "f_score"), ("monetary_units", "m_score")):
        population = scores[scores.r_score.notna()].groupby(["as_of_date", "rfm_window", value])[score]
        assert (population.nunique() <= 1).all()
    for column in ("net_amount", "net_amount_365d"):
        marts.connection.execute(
            "update warehouse.intermediate.int_customer_activity "
            f"set {column} = cast(power(cast({column} as double), 3) as decimal(18, 4))"
        )
    for model in ("int_customer_rfm_windows", "int_rfm_score_bounds", "fct_customer_rfm"):
        marts.build(model)
    after = marts.frame("fct_customer_rfm", RFM_ROWS).set_index(KEY).loc[ranked.set_index(KEY).index]
    assert after.m_score.tolist() == ranked.m_score.tolist()
