"""The generator keeps its word: its truth is what the files hold, counted here in SQL and there in numpy."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from generator.generate import ENTITIES, Truth, deliver_changes, generate, main, parse_size
from warehouse.sql import connect

COLUMNS = {
    "order_lines": "order_line_id order_id customer_id ordered_at product_id quantity gross_amount discount_amount "
    "net_amount cost_amount currency channel store_id order_status campaign_id original_order_id",
    "customers": "customer_id joined_at email country birth_year email_consent sms_consent language attributes",
    "products": "product_id product_name category brand unit_cost",
    "campaigns": "campaign_id campaign_name campaign_type start_date end_date fixed_cost_amount "
    "contact_cost_amount is_randomized",
    "campaign_members": "campaign_id customer_id arm assigned_at",
    "campaign_arms": "campaign_id arm is_control planned_share",
    "reward_redemptions": "redemption_id customer_id campaign_id reward_id redeemed_at order_id points cost_amount",
    "customer_events": "event_id customer_id event_type occurred_at duration_seconds",
    "customer_feedback": "feedback_id customer_id given_at channel rating comment",
    "programme_costs": "cost_id cost_date category amount campaign_id",
    "marketing_spend": "spend_id spend_date channel campaign_name amount currency clicks impressions",
    "exchange_rates": "rate_date currency rate",
    "point_adjustments": "adjustment_id customer_id adjusted_at points reason",
}
KINDS = {
    "late_line",
    "late_order",
    "late_return",
    "corrected",
    "moved_line",
    "moved_customer",
    "moved_day",
    "vanished_moved",
    "vanished_cancelled",
}


class Company:
    """A generated company behind SQL: view `delivered` and, with changes, views `updates` and `current`."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.out = truth.out
        self.timezone = truth.totals["business_timezone"]
        self.connection = connect()
        self._view_lines("delivered", truth.out / "*" / "order_lines" / "*.parquet")
        self._view("rates", truth.out / "shop" / "exchange_rates" / "*.parquet")
        if "after_changes" in truth.totals:
            self._view_lines("updates", truth.out / "changes" / "*" / "order_lines" / "*.parquet")
            self.connection.execute("""
                create view current as
                select * from updates
                union all
                select delivered.* from delivered anti join updates using (source, order_line_id)
            """)

    def _view(self, name: str, pattern: Path) -> None:
        self.connection.execute(f"create view {name} as select * from read_parquet('{pattern}')")

    def _view_lines(self, name: str, pattern: Path) -> None:
        self.connection.execute(f"""
            create view {name} as
            select
                parse_path(filename)[-3] as source,
                *,
                cast(timezone('{self.timezone}', timezone('UTC', ordered_at)) as date) as order_date
            from read_parquet('{pattern}', filename = true)
        """)

    def entity(self, entity: str, source: str = "shop") -> str:
        """Return a table function that reads an entity of a source."""
        return f"read_parquet('{self.out / source / entity / '*.parquet'}')"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        return self.connection.execute(sql).fetchall()

    def one(self, sql: str) -> Any:
        """Return the only value of a query."""
        ((value,),) = self.rows(sql)
        return value

    def records(self, sql: str) -> list[dict[str, Any]]:
        """Return all rows of a query by column name."""
        result = self.connection.execute(sql)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def in_base(view: str) -> str:
    """Return a subquery over lines with amounts in the base currency."""
    amounts = ", ".join(
        f"cast({name}_amount * coalesce(rate, 1) as decimal(18, 4)) as {name}_amount"
        for name in ("gross", "discount", "net", "cost")
    )
    return f"""(
        select {view}.* exclude (gross_amount, discount_amount, net_amount, cost_amount), {amounts}
        from {view} left join rates on rates.rate_date = order_date and rates.currency = {view}.currency
    )"""


SUMS = """
    sum(gross_amount) as gross_amount,
    sum(discount_amount) as discount_amount,
    sum(net_amount) as net_amount,
    sum(cost_amount) as cost_amount,
    sum(net_amount) - sum(cost_amount) as margin_amount,
    coalesce(sum(net_amount) filter (quantity < 0), 0) as return_amount,
    coalesce(sum(net_amount) filter (customer_id is not null), 0) as identified_net_amount
"""


def assert_matches(company: Company, view: str, expected: dict[str, Any]) -> None:
    """Compare every figure of a state of truth/totals.json with SQL over the files."""
    base = in_base(view)
    orders = f"""(
        select source, order_id, min(customer_id) as customer_id, min(order_date) as order_date,
            max(order_status) as order_status, sum(net_amount) as net_amount
        from {view} where quantity >= 0 group by all
    )"""
    valid = f"(from {orders} where customer_id is not null and order_status = 'completed' and net_amount > 0)"
    (found,) = company.records(f"select {SUMS} from {base} where order_status = 'completed'")
    assert found == {name: Decimal(expected[name]) for name in found}
    assert company.one(f"select count(*) from {view}") == expected["order_lines"]
    assert company.one(f"select count(*) from {view} where quantity < 0") == expected["return_lines"]
    assert company.one(f"select count(*) from {orders}") == expected["sale_documents"]
    assert company.one(f"select count(*) from {valid}") == expected["valid_orders"]
    assert company.one(f"select count(distinct customer_id) from {valid}") == expected["customers_with_valid_order"]
    linked = f"select count(*) from {view} as l semi join {orders} as o on o.source = l.source"
    assert company.one(f"{linked} and o.order_id = l.original_order_id") == expected["linked_return_lines"]
    statuses = dict(company.rows(f"select order_status, count(*) from {view} group by all"))
    assert statuses == {status: count for status, count in expected["order_lines_by_status"].items() if count}
    assert_sources_match(company, view, expected)
    assert_months_match(company, base, valid, expected)


def assert_sources_match(company: Company, view: str, expected: dict[str, Any]) -> None:
    found = company.records(f"""
        select source, any_value(currency) as currency, count(*) as order_lines, sum(quantity) as quantity,
            sum(gross_amount) as gross_amount, sum(discount_amount) as discount_amount,
            sum(net_amount) as net_amount, sum(cost_amount) as cost_amount
        from {view} group by source
    """)
    assert len(found) == len(expected["sources"])
    for row in found:
        want = expected["sources"][row.pop("source")]
        assert row == {name: Decimal(value) if "amount" in name else value for name, value in want.items()}


def assert_months_match(company: Company, base: str, valid: str, expected: dict[str, Any]) -> None:
    sales = company.records(f"""
        select cast(date_trunc('month', order_date) as date) as month, {SUMS}
        from {base} where order_status = 'completed' group by 1 order by 1
    """)
    counts = company.records(f"""
        select cast(date_trunc('month', order_date) as date) as month, count(*) as valid_orders,
            count(distinct customer_id) as active_customers,
            count(distinct customer_id) filter (order_date = first_date) as new_customers
        from (select *, min(order_date) over (partition by customer_id) as first_date from {valid})
        group by 1 order by 1
    """)
    none = {"valid_orders": 0, "active_customers": 0, "new_customers": 0}
    got = {row.pop("month"): row | none for row in sales}
    for row in counts:
        got[row.pop("month")] |= row
    want = {
        date.fromisoformat(row["month"]): {
            name: Decimal(value) if "amount" in name else value for name, value in row.items() if name != "month"
        }
        for row in expected["months"]
    }
    assert not any(sum(map(abs, row.values())) for month, row in want.items() if month not in got)
    want = {month: row for month, row in want.items() if month in got}
    assert got == want


@pytest.fixture(scope="module")
def two_sources(tmp_path_factory: pytest.TempPathFactory) -> Company:
    out = tmp_path_factory.mktemp("company")
    return Company(generate(out, size=20_000, seed=7, days=365, sources=("shop", "till"), changes=0.02))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(generate(tmp_path_factory.mktemp("company"), size=200_000, seed=7, days=365))


def contents(out: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(out.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(out)), path.read_bytes()


def test_same_seed_same_bytes_whatever_the_threads(tmp_path: Path) -> None:
    options = {"size": 3_000, "sources": ("shop", "till"), "changes": 0.02}
    generate(tmp_path / "one", seed=5, threads=1, **options)
    generate(tmp_path / "three", seed=5, threads=3, **options)
    generate(tmp_path / "other", seed=6, threads=1, **options)
    one = dict(contents(tmp_path / "one"))
    assert one == dict(contents(tmp_path / "three"))
    assert (
        one["shop/order_lines/part-2024-05.parquet"]
        != (tmp_path / "other" / "shop" / "order_lines" / "part-2024-05.parquet").read_bytes()
    )


def test_totals_are_what_the_files_hold(two_sources: Company) -> None:
    assert_matches(two_sources, "delivered", two_sources.truth.totals["delivered"])
    assert_matches(two_sources, "current", two_sources.truth.totals["after_changes"])


@settings(max_examples=6, deadline=None, derandomize=True, database=None)
@given(
    size=st.integers(500, 3_000),
    seed=st.integers(0, 2**32),
    days=st.integers(60, 500),
    sources=st.sampled_from([("shop",), ("shop", "till")]),
    changes=st.sampled_from([0.001, 0.05]),
    timezone=st.sampled_from(["UTC", "America/New_York", "Asia/Shanghai"]),
)
def test_totals_hold_for_any_company(
    tmp_path_factory: pytest.TempPathFactory,
    size: int,
    seed: int,
    days: int,
    sources: tuple[str, ...],
    changes: float,
    timezone: str,
) -> None:
    truth = generate(
        tmp_path_factory.mktemp("any"),
        size=size,
        seed=seed,
        days=days,
        start=date(2023, 10, 20),
        sources=sources,
        changes=changes,
        business_timezone=timezone,
    )
    company = Company(truth)
    assert_matches(company, "delivered", truth.totals["delivered"])
    assert_matches(company, "current", truth.totals["after_changes"])
    assert company.one("select min(order_date) >= date '2023-10-20' from current")
    assert company.one("select max(order_date) from current") <= date.fromisoformat(truth.totals["data_through"])


@pytest.mark.parametrize("size", [2_000, 33_333])
def test_the_first_delivery_has_exactly_the_lines_asked_for(tmp_path: Path, size: int) -> None:
    truth = generate(tmp_path, size=size, seed=1)
    assert truth.totals["delivered"]["order_lines"] == size
    assert Company(truth).one("select count(distinct order_line_id) from delivered") == size


def test_amounts_are_exact_decimals(two_sources: Company) -> None:
    types = dict(two_sources.rows("select column_name, column_type from (describe delivered)"))
    amounts = ("gross_amount", "discount_amount", "net_amount", "cost_amount")
    assert {types[name] for name in amounts} == {"DECIMAL(18,4)"}
    for view in ("delivered", "updates"):
        assert two_sources.one(f"select count(*) from {view} where gross_amount = net_amount + discount_amount") == (
            two_sources.one(f"select count(*) from {view}")
        )
    in_cents = "net_amount = round(net_amount, 2)"
    assert two_sources.one(f"select bool_and({in_cents}) from delivered where currency = 'USD'")
    assert not two_sources.one(f"select bool_and({in_cents}) from delivered where currency = 'EUR'")


def test_every_oddity_is_there(two_sources: Company) -> None:
    (found,) = two_sources.records("""
        select
            count(*) filter (customer_id is null) as guests,
            count(*) filter (order_status = 'cancelled') as cancelled,
            count(*) filter (order_status = 'test') as tests,
            count(*) filter (quantity = 0) as nothing,
            count(*) filter (quantity > 0 and net_amount = 0) as free,
            count(*) filter (quantity < 0 and original_order_id is null) as unlinked_returns,
            count(*) filter (quantity < 0 and original_order_id is not null) as linked_returns,
            count(*) filter (campaign_id is not null) as labelled
        from delivered
    """)
    assert all(found.values()), found
    assert two_sources.one("""
        select bool_and(back.order_date > sold.order_date and back.quantity < 0 and back.net_amount <= 0)
        from delivered as back
        inner join (select distinct source, order_id, order_date from delivered) as sold
            on sold.source = back.source and sold.order_id = back.original_order_id
    """)


def test_two_sources_share_customers_and_collide_in_ids(two_sources: Company) -> None:
    (found,) = two_sources.records("""
        with shop as (from delivered where source = 'shop'), till as (from delivered where source = 'till')
        select
            (select count(*) from shop semi join till using (order_line_id)) as same_lines,
            (select count(distinct order_id) from shop semi join till using (order_id)) as same_orders,
            (select count(distinct customer_id) from shop semi join till using (customer_id)) as same_customers,
            (select count(*) from till where quantity < 0) as till_returns,
            (select list(distinct currency) from shop) as shop_currency,
            (select list(distinct currency) from till) as till_currency,
    """)
    assert found["same_lines"] > 1_000
    assert found["same_orders"] > 100
    assert found["same_customers"] > 50
    assert (found["till_returns"], found["shop_currency"], found["till_currency"]) == (0, ["EUR"], ["USD"])


def test_the_changes_hold_every_kind_and_do_what_they_say(two_sources: Company) -> None:
    two_sources.connection.execute(f"""
        create or replace temp view changes as
        select changes.*, old.order_line_id is not null as was_there, old.order_id as old_order_id,
            new.order_id as new_order_id,
            old.customer_id is distinct from new.customer_id as has_other_customer,
            old.order_date is distinct from new.order_date as has_other_day,
            old.net_amount is distinct from new.net_amount as has_other_amount,
            old.order_id is distinct from new.order_id as has_other_order,
            old.order_status is distinct from new.order_status as has_other_status
        from read_parquet('{two_sources.out / "truth" / "changes.parquet"}') as changes
        inner join updates as new using (source, order_line_id)
        left join delivered as old using (source, order_line_id)
    """)
    delivered = two_sources.one("select count(*) from updates")
    assert two_sources.one("select count(*) from changes") == delivered
    assert two_sources.one("select bool_and(order_id = new_order_id) from changes")
    assert two_sources.one("select bool_and(previous_order_id is not distinct from old_order_id) from changes")
    signature = "was_there, has_other_order, has_other_customer, has_other_day, has_other_amount, has_other_status"
    kinds = {
        row[0]: set(row[1])
        for row in two_sources.rows(f"select kind, list(distinct row({signature})) from changes group by kind")
    }
    assert set(kinds) == KINDS
    assert kinds["corrected"] <= {(True, False, False, False, True, False), (True, False, False, False, False, False)}
    assert kinds["moved_customer"] == {(True, False, True, False, False, False)}
    assert kinds["moved_day"] == {(True, False, False, True, False, False)}
    assert kinds["vanished_cancelled"] == {(True, False, False, False, False, True)}
    assert all(row[:2] == (True, True) for kind in ("moved_line", "vanished_moved") for row in kinds[kind])
    assert not any(row[0] for kind in ("late_line", "late_order", "late_return") for row in kinds[kind])
    corrected = "from changes where kind = 'corrected'"
    assert two_sources.one(f"select avg(has_other_amount::int) {corrected}") > 0.9
    assert two_sources.one("select min(order_date) from updates") < date(2024, 2, 15)


def test_no_order_vanishes_without_being_in_the_truth(two_sources: Company) -> None:
    live = "select distinct source, order_id from {} where order_status = 'completed' and quantity >= 0"
    gone = f"{live.format('delivered')} except {live.format('current')}"
    vanished = f"read_parquet('{two_sources.out / 'truth' / 'vanished_orders.parquet'}')"
    known = f"select source, order_id from {vanished}"
    assert two_sources.rows(f"({gone}) except ({known})") == []
    assert two_sources.rows(f"({known}) except ({gone})") == []
    assert set(two_sources.rows(f"select distinct source, reason from {vanished}")) == {
        (source, reason) for source in ("shop", "till") for reason in ("moved", "cancelled")
    }
    moved = f"(from {vanished} where reason = 'moved')"
    assert two_sources.one(f"select count(*) from current semi join {moved} using (source, order_id)") == 0


def test_planted_purchase_and_dropout_rates_come_out(shop: Company) -> None:
    """Repeat purchases in the files over exposure (to drop-out or the end) are the planted rate, by quartile."""
    shop.connection.execute(f"""
        create or replace temp view customers as
        select *, ntile(4) over (order by purchase_rate_per_week) as quartile,
            date_diff('day', first_on, coalesce(dropped_out_on, date '{shop.truth.totals["data_through"]}')) / 7
                as exposed_weeks,
            orders - prompted_orders_count - 1 as repeats
        from read_parquet('{shop.truth.customers_path}')
        inner join (
            select customer_id, count(*) as orders, min(order_date) as first_on
            from (
                select customer_id, order_id, order_date
                from delivered
                where order_status = 'completed' and quantity >= 0
                group by all
                having sum(net_amount) > 0
            )
            group by all
        ) using (customer_id)
        where not is_prospect
    """)
    quartiles = shop.rows("""
        select sum(repeats) / sum(purchase_rate_per_week * exposed_weeks), sum(repeats) from customers group by quartile
    """)
    assert len(quartiles) == 4
    for ratio, repeats in quartiles:
        assert ratio == pytest.approx(1, abs=4 / repeats**0.5)
    expected, gone = shop.rows("""
        select sum(dropout_probability * repeats), count(*) filter (not is_alive_at_end) from customers
    """)[0]
    assert gone == pytest.approx(expected, abs=4 * expected**0.5)
    assert shop.one("select bool_and(last_order_date <= dropped_out_on) from customers where not is_alive_at_end")


def test_customer_truth_is_what_the_files_hold(two_sources: Company) -> None:
    for view, name in (("delivered", "customers"), ("current", "customers_after_changes")):
        orders = f"""(
            select source, order_id, customer_id, order_date from {view}
            where order_status = 'completed' and quantity >= 0 and customer_id is not null
            group by all having sum(net_amount) > 0
        )"""
        wrong = two_sources.rows(f"""
            with bought as (
                select customer_id, count(*) as orders, min(order_date) as first, max(order_date) as last
                from {orders} group by all
            ),
            spent as (
                select customer_id, sum(net_amount) as net from {in_base(view)}
                where order_status = 'completed' and customer_id is not null group by all
            )
            select customer_id
            from read_parquet('{two_sources.out / "truth" / name}.parquet')
            full join bought using (customer_id)
            full join spent using (customer_id)
            where valid_orders_count is distinct from coalesce(orders, 0)
                or first_order_date is distinct from first
                or last_order_date is distinct from last
                or net_amount is distinct from coalesce(net, 0)
        """)
        assert wrong == []


def test_planted_lifts_come_out_of_the_randomized_campaigns(shop: Company) -> None:
    """The difference in mean margin between the arms is the planted lift, within four standard errors."""
    found = shop.records(f"""
        with margin as (
            select m.campaign_id, m.arm, m.customer_id, coalesce(sum(l.net_amount - l.cost_amount), 0) as margin
            from {shop.entity("campaign_members")} as m
            inner join {shop.entity("campaigns")} as c using (campaign_id)
            left join delivered as l
                on l.customer_id = m.customer_id and l.order_date between c.start_date and c.end_date
                and l.order_status = 'completed'
            where c.is_randomized group by all
        ),
        arms as (
            select campaign_id,
                avg(margin) filter (arm <> 'control') - avg(margin) filter (arm = 'control') as difference,
                sqrt(var_samp(margin) filter (arm <> 'control') / count(*) filter (arm <> 'control')
                    + var_samp(margin) filter (arm = 'control') / count(*) filter (arm = 'control')) as error,
                count(*) filter (arm <> 'control') as treated
            from margin group by all
        )
        select t.campaign_id, difference, error, treated = treated_count as has_count, lift_per_treated_amount as lift
        from arms inner join read_parquet('{shop.truth.campaigns_path}') as t using (campaign_id)
        order by campaign_id
    """)
    assert [row["campaign_id"] for row in found] == ["K1", "K2", "K3", "K4", "K6"]
    for row in found:
        assert row["has_count"]
        assert row["difference"] == pytest.approx(row["lift"], abs=4 * row["error"])
    lifts = {row["campaign_id"]: row["lift"] for row in found}
    assert lifts["K1"] > 4 * found[0]["error"]
    assert (lifts["K2"], lifts["K3"] < 0, 0 < lifts["K4"] < lifts["K1"]) == (0, True, True)


def test_the_arms_of_a_campaign_are_drawn_as_planned(shop: Company) -> None:
    """Who is treated is treated by letter or by email, as by a coin; other campaigns name no arms."""
    planned = shop.rows(f"select campaign_id, arm, is_control, planned_share from {shop.entity('campaign_arms')}")
    assert sorted(planned) == [
        ("K1", "control", True, 0.5),
        ("K1", "email", False, 0.25),
        ("K1", "letter", False, 0.25),
    ]
    found = shop.rows(f"""
        select campaign_id = 'K1', arm, count(*) from {shop.entity("campaign_members")} group by all order by all
    """)
    assert [row[:2] for row in found[:2]] == [(False, "control"), (False, "treatment")]
    counts = {arm: count for is_first, arm, count in found if is_first}
    expected = [share * sum(counts.values()) for share in (0.5, 0.25, 0.25)]
    assert stats.chisquare([counts[arm] for arm in ("control", "email", "letter")], expected).pvalue > 0.001


def test_campaigns_earn_and_lose_as_planned(shop: Company) -> None:
    found = shop.rows(f"""
        select campaign_id, is_randomized, is_over, is_earning, lift_amount = 0, attributed_net_amount > cost_amount
        from read_parquet('{shop.truth.campaigns_path}') order by all
    """)
    assert found == [
        ("K1", True, True, True, False, True),
        ("K2", True, True, False, True, True),
        ("K3", True, True, False, False, True),
        ("K4", True, True, False, False, True),
        ("K5", False, True, False, True, True),
        ("K6", True, False, True, False, True),
    ]


def test_entities_have_the_canonical_columns_and_keys(two_sources: Company) -> None:
    assert set(COLUMNS) == set(ENTITIES)
    keys = {
        "campaign_members": "campaign_id, customer_id",
        "campaign_arms": "campaign_id, arm",
        "exchange_rates": "rate_date, currency",
    }
    for entity, columns in COLUMNS.items():
        table = two_sources.entity(entity)
        names = [row[0] for row in two_sources.rows(f"select column_name from (describe from {table})")]
        assert names == columns.split()
        key = keys.get(entity, names[0])
        assert two_sources.one(f"select count(*) > 0 and count(*) = count(distinct ({key})) from {table}"), entity


@pytest.mark.parametrize("source", ["shop", "till"])
def test_references_resolve(two_sources: Company, source: str) -> None:
    lines = f"(from delivered where source = '{source}')"
    everyone = f"(from {two_sources.entity('customers')} union all from {two_sources.entity('customers', 'till')})"
    for table, column, target in (
        (lines, "customer_id", everyone),
        (lines, "product_id", two_sources.entity("products", source)),
        (lines, "campaign_id", two_sources.entity("campaigns")),
        (two_sources.entity("reward_redemptions", source), "order_id", lines),
        (two_sources.entity("reward_redemptions", source), "customer_id", lines),
        (two_sources.entity("campaign_members"), "campaign_id", two_sources.entity("campaigns")),
        (two_sources.entity("customer_events"), "customer_id", everyone),
    ):
        sql = f"select count(*) from {table} as t anti join {target} as o using ({column}) where t.{column} is not null"
        assert two_sources.one(sql) == 0, column


def test_points_redeemed_were_earned_before(shop: Company) -> None:
    """At one point per unit of net sales, no gift is taken before its points are there."""
    overdrawn = shop.one(f"""
        with redeemed as (
            select customer_id, redeemed_at, sum(points) over (
                partition by customer_id order by redeemed_at) as points
            from {shop.entity("reward_redemptions")} where points is not null
        )
        select count(*) from redeemed where points > (
            select sum(floor(net_amount)) from delivered
            where delivered.customer_id = redeemed.customer_id and ordered_at < redeemed_at
                and order_status = 'completed'
        )
    """)
    assert overdrawn == 0


def test_only_the_wanted_entities_are_written(tmp_path: Path) -> None:
    full = generate(tmp_path / "full", size=2_000, seed=3)
    part = generate(tmp_path / "part", size=2_000, seed=3, only=["order_lines"])
    assert {path.name for path in (tmp_path / "part").iterdir()} == {"shop", "truth"}
    assert {path.name for path in (tmp_path / "part" / "shop").iterdir()} == {"order_lines"}
    assert {path.name for path in (tmp_path / "full" / "shop").iterdir()} == set(ENTITIES)
    assert part.totals["delivered"] == full.totals["delivered"]
    without = generate(tmp_path / "without", size=2_000, seed=3, only=["customers"])
    assert without.totals["delivered"] == full.totals["delivered"]


def test_the_second_delivery_lands_beside_the_first(tmp_path: Path) -> None:
    company = Company(generate(tmp_path, size=2_000, seed=3, changes=0.01))
    before = company.one("select count(*) from delivered")
    targets = deliver_changes(tmp_path)
    assert [path.name for path in targets] == ["update-1-late.parquet", "update-2-restated.parquet"]
    assert company.one("select count(*) from delivered") == before + company.one("select count(*) from updates")
    with pytest.raises(ValueError, match="no second delivery"):
        generate(tmp_path, size=2_000, seed=3)
        deliver_changes(tmp_path)


def test_a_generated_folder_is_replaced_and_another_is_refused(tmp_path: Path) -> None:
    generate(tmp_path / "own", size=2_000, seed=3, days=730, changes=0.01)
    generate(tmp_path / "own", size=1_000, seed=3, days=90)
    generate(tmp_path / "fresh", size=1_000, seed=3, days=90)
    assert dict(contents(tmp_path / "own")) == dict(contents(tmp_path / "fresh"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep me")
    with pytest.raises(ValueError, match="not generated"):
        generate(tmp_path / "mine", size=1_000, seed=3)
    assert dict(contents(tmp_path / "mine")) == {"letter.txt": b"keep me"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 10}, "at least 500"),
        ({"days": 30}, "at least 60"),
        ({"sources": ("till",)}, "choose"),
        ({"customers": 1}, "at least two"),
        ({"changes": 0.5}, "share"),
        ({"only": ["orders"]}, "no entity is called orders"),
    ],
)
def test_arguments_out_of_range_are_named(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate(tmp_path / "never", **({"size": 1_000, "seed": 1} | options))
    assert not (tmp_path / "never").exists()


def test_sizes_are_read_with_their_units() -> None:
    assert [parse_size(text) for text in ("2000", "2k", "1.5m", "10M")] == [2_000, 2_000, 1_500_000, 10_000_000]
    with pytest.raises(ValueError, match="not a size"):
        parse_size("ten")


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--size", "2k", "--seed", "7", "--out", str(tmp_path / "made"), "--changes", "0.01", "--days", "90"])
    assert capsys.readouterr().out.startswith("2,000 order lines")
    content = json.loads((tmp_path / "made" / "truth" / "totals.json").read_text())
    assert (content["data_through"], set(content) >= {"delivered", "after_changes"}) == ("2024-03-30", True)
    listed = {file["path"] for file in content["files"]}
    assert listed | {"truth/totals.json"} == {path for path, _ in contents(tmp_path / "made")}
    with pytest.raises(SystemExit) as stop:
        main(["--size", "ten", "--out", str(tmp_path / "other")])
    assert stop.value.code == 2
