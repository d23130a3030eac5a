"""Every metric of the dictionary can be asked for by its name, and what a loyalty manager asks is answered."""

from decimal import Decimal
from typing import Any

import pytest

from serving.questions.mcp_server import build_server
from tests.serving.questions.test_questions import answer, ask
from tests.support.company import Company

pytestmark = pytest.mark.slow

# What is asked, by metric names alone, and the same in SQL.
ASKED: list[tuple[dict[str, Any], str]] = [
    ({"name": "rpt_rfm_segments.customers_count", "by": ["rfm_segment"]},
     "select rfm_segment, customers_count from today.rpt_rfm_segments"),
    ({"name": "net_share_rate", "by": ["rfm_segment"]},
     "select rfm_segment, net_share_rate from today.rpt_rfm_segments"),
    ({"name": "retention_rate", "by": ["month"], "where": ["month>=2024-03-01"]},
     "select month, retention_rate from marts.rpt_customer_growth_monthly where month >= date '2024-03-01'"),
    ({"name": "repurchase_rate", "by": ["horizon_days"], "where": ["cohort_month=all"]},
     "select horizon_days, repurchase_rate from marts.rpt_repurchase where cohort_month = 'all'"),
    ({"name": "rpt_tier_customers.customers_count"}, "select tier, customers_count from marts.rpt_tier_customers"),
    ({"name": "rpt_points_liability.liability_amount", "by": ["month"]},
     "select month, liability_amount from marts.rpt_points_liability"),
    ({"name": "rpt_customer_growth_monthly.new_count"},
     "select month, new_count from marts.rpt_customer_growth_monthly"),
    ({"name": "roi_incremental", "by": ["campaign_id"], "where": ["metric=margin_amount"]},
     "select campaign_id, roi_incremental from marts.fct_campaign_results where metric = 'margin_amount'"),
    ({"name": "active_share_rate"}, "select active_share_rate from today.rpt_key_figures"),
    ({"name": "new_net_share_rate", "by": ["month"], "where": ["channel=all", "is_all_channels=true"]},
     "select month, new_net_share_rate from marts.rpt_sales_mix_monthly where is_all_channels"),
]  # fmt: skip


def told(rows: list[Any]) -> list[list[str]]:
    """Rows as texts, in one order."""
    return sorted([format(one, "f") if isinstance(one, Decimal) else str(one) for one in row] for row in rows)


def test_ten_questions_are_answered_by_metric_names_alone(built: Company) -> None:
    answers = ask(build_server(built.settings), *(("metric", question) for question, _ in ASKED))
    assert sum(bool(found["rows"]) for is_error, found in answers if not is_error) >= 9
    for (question, query), (is_error, found) in zip(ASKED, answers, strict=True):
        assert not is_error, (question, found)
        assert told(found["rows"]) == told(built.published(query)), question


def test_every_metric_is_what_its_mart_says(built: Company) -> None:
    views = {name for (name,) in built.published("select view_name from duckdb_views() where schema_name = 'today'")}
    metrics = built.published("select name, model from marts.fct_metric_definitions")
    assert len(metrics) > 60
    for name, mart in metrics:
        rows = answer(built.settings, name)
        schema = "today" if mart in views else "marts"
        wanted = built.published(f"select {name} from {schema}.{mart}")
        values = [[row[-1]] for row in rows.rows]
        if rows.is_cut:
            assert len(wanted) > len(values) == 1_000, name
        else:
            assert told(values) == told(wanted), name
