"""A company of shop and till, made with known truth: what comes out is what was put in, to the cent."""

import shutil
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from dagster_project.assets.transform import SUITE_TAG
from dagster_project.dbt_runner.project import DbtProject
from ml.campaigns.sequential import half_width
from tests.support.company import Company, Generated, company, is_free

AMOUNTS = ("gross_amount", "discount_amount", "net_amount", "return_amount", "margin_amount")
BY_MONTH = """
select
    strftime(order_date, '%Y-%m-01') as month,
    sum(gross_amount), sum(discount_amount), sum(net_amount),
    coalesce(sum(net_amount) filter (where is_return), 0),
    sum(net_amount - cost_amount),
    sum(net_amount) filter (where customer_id is not null)
from marts.fct_order_lines
where is_valid
group by all
order by month
"""
BY_CUSTOMER = """
select customer_id, min(order_date), max(order_date), count(*)
from marts.fct_orders where is_valid group by all order by all
"""


@pytest.fixture(params=["first delivery", pytest.param("after the changes", marks=pytest.mark.slow)])
def state(request: pytest.FixtureRequest, generated: Generated) -> tuple[Company, dict[str, Any], str]:
    """A built company, the totals that it must show, and the suffix of its truth files."""
    if request.param == "first delivery":
        return request.getfixturevalue("built"), generated.truth.totals["delivered"], ""
    return request.getfixturevalue("changed"), generated.truth.totals["after_changes"], "_after_changes"


@pytest.mark.slow
def test_every_declared_key_holds(changed: Company) -> None:
    results = DbtProject(changed.settings).build([f"tag:{SUITE_TAG}"])
    assert len(results) > 100
    assert {result.name: result.message for result in results if not result.is_good} == {}


def test_sales_of_every_month_are_the_truth(state: tuple[Company, dict[str, Any], str]) -> None:
    made, truth, _ = state
    names = [*AMOUNTS, "identified_net_amount"]
    expected = [(month["month"], *(Decimal(month[name]) for name in names)) for month in truth["months"]]
    assert made.published(BY_MONTH) == expected
    totals = [tuple(Decimal(truth[name]) for name in names)]
    assert [tuple(sum(row[i + 1] for row in expected) for i in range(len(names)))] == totals


def test_counts_are_the_truth(state: tuple[Company, dict[str, Any], str]) -> None:
    made, truth, _ = state
    found = made.published(
        """
        select
            (select count(*) from marts.fct_order_lines),
            (select count(*) from marts.fct_order_lines where is_return),
            (select count(*) from marts.fct_orders),
            (select count(*) from marts.fct_orders where is_valid),
            (select count(distinct customer_id) from marts.fct_orders where is_valid),
            (select max(order_number) from marts.fct_orders where not is_valid)
        """
    )
    counts = ("order_lines", "return_lines", "sale_documents", "valid_orders", "customers_with_valid_order")
    assert found == [(*(truth[name] for name in counts), None)]
    by_status = made.published("select order_status, count(*) from marts.fct_order_lines group by all")
    assert dict(by_status) == truth["order_lines_by_status"]
    by_month = made.published(
        "select strftime(order_date, '%Y-%m-01') as month, count(*), count(distinct customer_id),"
        " count(*) filter (where is_first_order) from marts.fct_orders where is_valid group by all order by month"
    )
    names = ("month", "valid_orders", "active_customers", "new_customers")
    assert by_month == [tuple(month[name] for name in names) for month in truth["months"]]


def test_orders_and_net_sales_of_every_customer_are_the_truth(
    state: tuple[Company, dict[str, Any], str], generated: Generated
) -> None:
    made, _, suffix = state
    truth = generated.truth.out / "truth" / f"customers{suffix}.parquet"
    expected = duckdb.execute(
        "select customer_id, first_order_date, last_order_date, valid_orders_count from read_parquet($1)"
        " where valid_orders_count > 0 order by all",
        [str(truth)],
    ).fetchall()
    assert made.published(BY_CUSTOMER) == expected
    net = duckdb.execute(
        "select customer_id, net_amount from read_parquet($1) where net_amount <> 0 order by all", [str(truth)]
    ).fetchall()
    assert (
        made.published(
            "select customer_id, cast(sum(net_amount) as decimal(18, 4)) as net from marts.fct_order_lines"
            " where is_valid and customer_id is not null group by all having net <> 0 order by all"
        )
        == net
    )
    lifetime = made.published(
        """
        select customer_id, as_of_date - recency_days, frequency, monetary_amount from marts.fct_customer_rfm
        where rfm_window = 'lifetime' and as_of_date = (select max(as_of_date) from marts.fct_customer_rfm)
            and frequency > 0
        order by all
        """
    )
    money = dict(net)
    assert lifetime == [(key, last, orders, money.get(key, Decimal(0))) for key, _, last, orders in expected]


def test_every_row_that_was_read_is_accounted_for(state: tuple[Company, dict[str, Any], str]) -> None:
    made, truth, _ = state
    assert made.published(
        "select count(*) > 0, sum(abs(difference)), sum(abs(amount_difference)) from marts.fct_ingest_reconciliation"
    ) == [(True, 0, 0)]
    accepted = made.published(
        "select source, sum(rows_accepted), sum(amount_accepted) from marts.fct_ingest_reconciliation"
        " where entity = 'order_lines' group by all order by all"
    )
    expected = [
        (name, source["order_lines"], Decimal(source["net_amount"])) for name, source in truth["sources"].items()
    ]
    assert accepted == expected


def test_numbers_of_shop_and_till_do_not_mix(built: Company) -> None:
    assert built.warehouse(
        "select count(*) > 0 from (select order_id from raw_shop.order_lines"
        " intersect select order_id from raw_till.order_lines)"
    ) == [(True,)], "no order number is used by both, so the test shows nothing"
    assert built.published(
        "select source, min(split_part(order_id, '-', 1)), max(split_part(order_id, '-', 1)) from marts.fct_orders"
        " group by all order by all"
    ) == [("shop", "shop", "shop"), ("till", "till", "till")]
    assert built.published(
        "select count(*) > 0 from (select customer_id from marts.fct_orders where source = 'shop'"
        " intersect select customer_id from marts.fct_orders where source = 'till')"
    ) == [(True,)]


@pytest.mark.slow
def test_the_second_delivery_arrived_and_earlier_files_were_not_read_again(built: Company, changed: Company) -> None:
    loaded = "select source, table_name, file, batch_id, rows_loaded from ops.batches order by batch_id"
    before, after = built.warehouse(loaded), changed.warehouse(loaded)
    assert after[: len(before)] == before
    new = [(table, rows) for _, table, _, _, rows in after[len(before) :]]
    assert {table for table, _ in new} == {"order_lines"} and all(rows for _, rows in new)
    assert changed.marts()["fct_orders"] != built.marts()["fct_orders"]


@pytest.mark.slow
def test_a_full_refresh_of_the_changed_company_is_the_same(changed: Company, tmp_path_factory: Any) -> None:
    again = changed.copy(tmp_path_factory.mktemp("homes") / "refreshed")
    again.run("--full-refresh")
    assert again.marts() == changed.marts()


@pytest.mark.campaign
def test_a_second_run_loads_nothing_and_changes_no_mart(built: Company, tmp_path_factory: Any) -> None:
    again = built.copy(tmp_path_factory.mktemp("homes") / "again")
    batches = again.warehouse("from ops.batches order by all")
    first = again.published("from marts.publication")
    again.run("--force")
    assert again.warehouse("from ops.batches order by all") == batches
    assert again.published("from marts.publication") != first, "nothing was published, so the test shows nothing"
    assert again.marts() == built.marts()
    assert is_free(again.settings.warehouse_path)


@pytest.fixture(scope="module")
def order_lines_alone(generated: Generated, manifests: Any, tmp_path_factory: Any) -> Company:
    """The generated company, had it delivered nothing but order lines. Not to be changed: work on a copy."""
    folder = tmp_path_factory.mktemp("order_lines_alone")
    for name in ("shop", "till"):
        shutil.copytree(generated.folder / name / "order_lines", folder / name / "order_lines")
    home = tmp_path_factory.mktemp("homes") / "order_lines_alone"
    # without a rate nothing of the till is accepted
    values = {**generated.settings(folder), "ingest": {"rejected_share": 1}}
    return company(home, values, manifests("generated")).run()


@pytest.mark.slow
def test_with_order_lines_alone_every_mart_builds_and_says_what_it_lacks(
    generated: Generated, built: Company, order_lines_alone: Company
) -> None:
    bare = order_lines_alone
    assert set(bare.marts()) == set(built.marts())
    truth = generated.truth.totals["delivered"]["sources"]
    assert bare.published("select count(*), sum(net_amount) from marts.fct_order_lines") == [
        (truth["shop"]["order_lines"], Decimal(truth["shop"]["net_amount"]))
    ]
    rejected = bare.published(
        "select source, entity, regexp_replace(reason, '[0-9-]+$', ''), count(*) from marts.fct_rejected_rows"
        " group by all"
    )
    assert rejected == [("till", "order_lines", "no exchange rate for USD on ", truth["till"]["order_lines"])]
    assert bare.published("select sum(abs(difference)) from marts.fct_ingest_reconciliation") == [(0,)]
    assert bare.published("select count(*) > 0, count(product_name) from marts.dim_products") == [(True, 0)]
    assert bare.published("select status from marts.fct_model_runs where model = 'campaign_effects'") == [
        ("no_campaigns",)
    ]
    assert bare.published("select count(*) from marts.fct_campaign_results") == [(0,)]
    assert bare.published(
        "select count(*) > 0, count(roi_incremental), count(*) filter (where status = 'ok')"
        " from marts.rpt_programme_roi_monthly"
    ) == [(True, 0, 0)]
    assert bare.published("select distinct status, reason from marts.fct_reward_messages") == [
        ("held_back", "no_contact")
    ]
    for mart in (
        "fct_orders",
        "fct_customer_rfm",
        "fct_cohort_retention",
        "rpt_repurchase",
        "rpt_customer_growth_monthly",
    ):
        assert bare.published(f"select count(*) > 0 from marts.{mart}") == [(True,)]


@pytest.mark.campaign
def test_a_months_rewards_stay_as_planned_and_their_budget_is_spent_once(
    order_lines_alone: Company, tmp_path_factory: Any
) -> None:
    rules = {"rewards": {"budget_amount": 1}, "assumed": {"reward_response_rate": 0.5}}
    made = order_lines_alone.copy(tmp_path_factory.mktemp("homes") / "rewards", **rules)
    plans = []
    for day in ("2024-11-30", "2024-12-29"):
        made.run("--as-of", day)
        plans.append(made.published("select * exclude (model_run_id) from marts.fct_next_best_rewards order by all"))
    assert plans[0] == plans[1]
    ((offered, cost, withheld, months),) = made.published(
        """
        select count(*) filter (where status = 'offered'), sum(cost_amount) filter (where status = 'offered'),
            count(*) filter (where status = 'budget_spent'), list(distinct plan_month::varchar)
        from marts.fct_next_best_rewards
        """
    )
    assert offered > 0 and withheld > 0 and 0 < cost <= 1 and months == ["2024-12-01"]


def test_campaigns_come_out_as_they_were_planted(built: Company, generated: Generated) -> None:
    truth = duckdb.execute(
        """
        select campaign_id, attributed_net_amount, cost_amount, is_earning
        from read_parquet($1) where is_over and is_randomized order by campaign_id
        """,
        [str(generated.folder / "truth" / "campaigns.parquet")],
    ).fetchall()
    found = built.published(
        """
        select campaign_id, attributed_amount, cost_amount, roi_low, roi_high, status
        from marts.fct_campaign_results where metric = 'margin_amount' and method = 'randomized' order by campaign_id
        """
    )
    told = {row[0]: row[1:] for row in found if row[-1] == "ok"}
    assert set(told) == {row[0] for row in truth}
    for campaign, attributed, cost, is_earning in truth:
        shown_amount, shown_cost, roi_low, roi_high, _ = told[campaign]
        assert (shown_amount, shown_cost) == (attributed, cost)
        assert roi_low <= 0 or is_earning, f"{campaign} is said to have earned money, and did not"
        assert roi_high >= 0 or not is_earning, f"{campaign} is said to have lost money, and did not"


def test_each_arm_shows_the_effect_of_its_campaign(built: Company, generated: Generated) -> None:
    """The first campaign went out in two ways with one effect; of the others the one arm is the whole campaign."""
    truth = dict(
        duckdb.execute(
            "select campaign_id, lift_per_treated_amount from read_parquet($1) where is_over and is_randomized",
            [str(generated.folder / "truth" / "campaigns.parquet")],
        ).fetchall()
    )
    rows = built.published(
        """
        select campaign_id, arm, members_count, effect_per_member, effect_low, effect_high, srm_p_value
        from today.fct_campaign_arms where status = 'ok' order by campaign_id, arm
        """
    )
    assert {row[0] for row in rows} == set(truth)
    assert [row[1] for row in rows if row[0] == "K1"] == ["email", "letter"]
    for campaign, _, _, effect, low, high, sample_ratio_p in rows:
        # as wide as an interval that may be looked at daily; these arms are too small to have one
        assert abs(effect - truth[campaign]) < half_width(1) / 1.96 * (high - low) / 2
        assert sample_ratio_p > 0.001
    whole = built.published(
        """
        select campaign_id, treated_count, effect_per_member, effect_low, effect_high
        from marts.fct_campaign_results where metric = 'margin_amount' and status = 'ok' order by campaign_id
        """
    )
    assert sum(row[2] for row in rows if row[0] == "K1") == whole[0][1]
    for campaign, *expected in whole[1:]:
        (found,) = [row[2:6] for row in rows if row[0] == campaign]
        assert list(found) == pytest.approx(expected)
    opened = built.published(
        "select campaign_id, p_value is null, observed_share_rate < 0.6 from today.fct_campaign_arms"
        " where status = 'window_open'"
    )
    assert opened == [("K6", True, True)]


def test_the_metrics_of_an_arm_are_those_of_its_orders(built: Company) -> None:
    """Orders and buyers of each arm, counted anew from the orders of its members."""
    expected = built.warehouse(
        """
        select members.campaign_id, members.arm, count(*) as orders, count(distinct orders.customer_id) as buyers
        from intermediate.int_campaign_members as members
        inner join marts.dim_campaigns as campaigns on members.campaign_id = campaigns.campaign_id
        inner join marts.fct_orders as orders on members.customer_id = orders.customer_id
            and orders.is_valid and orders.order_date between campaigns.start_date and campaigns.end_date
        where campaigns.is_randomized group by all order by all
        """
    )
    found = built.published(
        """
        select arms.campaign_id, arms.arm, round(metrics.value * arms.members_count), arms.buyers_count
        from today.fct_campaign_arms as arms
        inner join today.fct_campaign_metrics as metrics
            on arms.campaign_id = metrics.campaign_id and arms.arm = metrics.arm and metrics.metric = 'orders_count'
        order by all
        """
    )
    assert found == expected
