"""The default company, whole: a year of a grocery loyalty card, with the figures that are published of it."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

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


def test_a_second_run_loads_nothing_and_changes_no_mart(journey: Company) -> None:
    marts = journey.marts()
    batches = journey.warehouse("from ops.batches order by all")
    first = journey.published("from marts.publication")
    journey.run("--force")
    assert journey.warehouse("from ops.batches order by all") == batches
    assert journey.published("from marts.publication") != first, "nothing was published, so the test shows nothing"
    assert journey.marts() == marts
