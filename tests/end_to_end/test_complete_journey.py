"""The default company, whole: a year of a grocery loyalty card, with the figures that are published of it."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from serving.explain.explaining import explain
from tests.support.company import Company, company
from warehouse.settings import DEFAULT_SETTINGS

pytestmark = pytest.mark.slow

LINES, ORDERS, VALID_ORDERS, NET = 1_469_307, 155_848, 155_370, Decimal("4596039.58")


@pytest.fixture(scope="module")
def journey(manifests: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Company:
    values = yaml.safe_load(DEFAULT_SETTINGS.read_text(encoding="utf-8"))
    home = tmp_path_factory.mktemp("homes") / "complete_journey"
    return company(home, values, manifests("complete_journey")).run()


def test_the_published_figures(journey: Company) -> None:
    assert journey.published(
        "select count(*), sum(net_amount), count(distinct customer_id), min(order_date), max(order_date)"
        " from marts.fct_order_lines"
    )[0][:3] == (LINES, NET, 2_469)
    assert journey.published("select count(*), count(*) filter (where is_valid) from marts.fct_orders") == [
        (ORDERS, VALID_ORDERS)
    ]
    assert journey.published(
        "select cast(min(order_date) as varchar), cast(max(order_date) as varchar) from marts.fct_orders"
    ) == [("2017-01-01", "2017-12-31")]
    assert journey.published("select count(*) from marts.dim_campaigns") == [(27,)]
    for today in ("rpt_rfm_segments", "rpt_rfm_cells"):
        assert journey.published(f"select sum(customers_count) from today.{today}") == [(2_469,)]


def test_everything_read_is_accounted_for(journey: Company) -> None:
    assert journey.published(
        "select sum(rows_read), sum(rows_accepted), sum(amount_read), sum(amount_accepted)"
        " from marts.fct_ingest_reconciliation where entity = 'order_lines'"
    ) == [(LINES, LINES, NET, NET)]
    assert journey.published(
        "select sum(abs(difference)), sum(abs(amount_difference)) from marts.fct_ingest_reconciliation"
    ) == [(0, 0)]
    read = dict(journey.published("select entity, sum(rows_read) from marts.fct_ingest_reconciliation group by all"))
    assert (read["campaigns"], read["campaign_members"], read["reward_redemptions"]) == (27, 6_589, 2_102)


def test_what_the_campaigns_changed_cannot_be_told(journey: Company) -> None:
    assert journey.published(
        "select count(distinct campaign_id), count(roi_incremental), count(*) filter (where status = 'ok')"
        " from marts.fct_campaign_results"
    ) == [(27, 0, 0)]


@pytest.mark.campaign
def test_a_second_run_loads_nothing_and_changes_no_mart(journey: Company) -> None:
    marts = journey.marts()
    batches = journey.warehouse("from ops.batches order by all")
    first = journey.published("from marts.publication")
    journey.run("--force")
    assert journey.warehouse("from ops.batches order by all") == batches
    assert journey.published("from marts.publication") != first, "nothing was published, so the test shows nothing"
    assert journey.marts() == marts


def test_contributions_add_up_to_the_risk_of_every_customer(journey: Company) -> None:
    ((customers, furthest),) = journey.published(
        """
        with summed as (
            select customer_id, sum(contribution) as contribution
            from marts.fct_churn_contributions
            group by customer_id
        )
        select count(*), max(abs(1 / (1 + exp(-base_log_odds - contribution)) - churn_probability))
        from today.fct_churn_scores
        inner join summed using (customer_id)
        cross join today.rpt_churn_references
        """
    )
    assert customers > 2_400 and furthest < 0.000001
    assert journey.published("select count(distinct customer_id) from marts.fct_churn_contributions") == [(customers,)]


def test_the_score_is_the_one_whose_bounds_hold_the_value(journey: Company) -> None:
    """Of every customer, day and window, ties included: exactly one score has bounds around the value."""
    for measure, value, score in (
        ("recency", "recency_days", "r_score"),
        ("frequency", "frequency", "f_score"),
        ("monetary", "monetary_amount", "m_score"),
    ):
        assert journey.published(
            f"""
            select count(*) > 30000, count(distinct (customer_id, as_of_date, rfm_window)) - count(*),
                bool_and({score} = score)
            from marts.fct_customer_rfm as scores
            inner join marts.rpt_rfm_score_bounds as bounds using (as_of_date, rfm_window)
            where measure = '{measure}' and frequency > 0
                and {value} >= coalesce(lowest_value, {value}) and {value} <= coalesce(highest_value, {value})
            """
        ) == [(True, 0, True)]


def test_the_rows_give_what_is_published_of_customers(journey: Company) -> None:
    customers = journey.published("select customer_id from marts.dim_customers order by md5(customer_id) limit 25")
    for (customer,) in customers:
        found = explain(journey.settings, customer)
        assert found.agrees, found
        assert all(one.arithmetic for one in found.explanations), found
