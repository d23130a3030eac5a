"""What is bought again, together and next: lifelines and pandas on the published orders and lines of a company."""

from itertools import combinations

import duckdb
import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter
from scipy.stats import binomtest

from dagster_project.dbt_runner.project import DbtProject
from tests.dbt.conftest import BuiltWarehouse

pytestmark = pytest.mark.slow

PRODUCTS = "select product_id, category from intermediate.int_product_versions where row_status = 'accepted'"
QUARTILES = {"first_quartile_wait_days": 0.75, "median_wait_days": 0.5, "third_quartile_wait_days": 0.25}
SHOWN = {"product": 200, "category": 50}
WINDOW = 180


@pytest.fixture(scope="module")
def orders(built_warehouse: BuiltWarehouse) -> pd.DataFrame:
    """The valid orders, in time, each with the next one of its customer."""
    found = built_warehouse.frame("select * from marts.fct_orders where is_valid")
    found = found.astype({"order_date": "datetime64[us]"}).sort_values(["ordered_at", "order_id"])
    by_customer = found.groupby("customer_id")
    found["number"] = by_customer.cumcount() + 1
    found["next_id"] = by_customer.order_id.shift(-1)
    found["days"] = (by_customer.order_date.shift(-1) - found.order_date).dt.days
    return found


@pytest.fixture(scope="module")
def baskets(built_warehouse: BuiltWarehouse, orders: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """By kind: order_id, customer_id, order_date and what was in the order (value), each once."""
    lines = built_warehouse.frame("select * from marts.fct_order_lines where is_valid and not is_return")
    lines = lines[(lines.quantity > 0) | (lines.net_amount > 0)][["order_id", "product_id"]]
    items = lines.merge(orders[["order_id", "customer_id", "order_date"]], on="order_id")
    items = items.merge(built_warehouse.frame(PRODUCTS), on="product_id", how="left")
    kinds = {"product": "product_id", "category": "category"}
    keys = ["order_id", "customer_id", "order_date"]
    return {
        kind: items[[*keys, column]].rename(columns={column: "value"}).fillna({"value": "unknown"}).drop_duplicates()
        for kind, column in kinds.items()
    }


def waits_of(items: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """A row per wait: duration in days, and whether it ended."""
    days = items.sort_values("order_date").drop_duplicates(["customer_id", "order_date"])
    later = days.groupby("customer_id").order_date.shift(-1)
    return pd.DataFrame({"duration": (later.fillna(as_of) - days.order_date).dt.days, "ended": later.notna()})


def test_waits_for_the_next_purchase_are_those_of_lifelines(
    built_warehouse: BuiltWarehouse, baskets: dict[str, pd.DataFrame]
) -> None:
    mart = built_warehouse.frame("select * from marts.rpt_replenishment").set_index(["group_kind", "group_value"])
    as_of = pd.Timestamp(built_warehouse.frame("select as_of_date from intermediate.int_run_dates").iloc[0, 0])
    found = 0
    for kind, items in baskets.items():
        for value, bought in items[items.value != "unknown"].groupby("value"):
            waits = waits_of(bought, as_of)
            if len(waits) < 30:
                assert (kind, value) not in mart.index
                continue
            row, found = mart.loc[(kind, value)], found + 1
            assert (row.waits_count, row.ended_waits_count) == (len(waits), waits.ended.sum())
            assert row.customers_count == bought.customer_id.nunique()
            assert row.is_small == (waits.ended.sum() < 30)
            fitted = KaplanMeierFitter().fit(waits.duration, waits.ended).survival_function_.iloc[:, 0]
            for name, share in QUARTILES.items():
                reached = fitted.index[fitted <= share + 1e-9]
                assert row[name] == reached[0] if len(reached) else pd.isna(row[name]), (kind, value, name)
    assert found == len(mart) > 50
    assert mart.median_wait_days.notna().any() and mart.median_wait_days.isna().any()


def test_pairs_are_counted_once_an_order(built_warehouse: BuiltWarehouse, baskets: dict[str, pd.DataFrame]) -> None:
    counted = built_warehouse.frame("select * from intermediate.int_basket_pairs")
    assert set(counted.group_kind) == {"product", "category"}
    for kind, items in baskets.items():
        known = items[items.value != "unknown"]
        sizes = known.groupby("value").size()
        pairs = [pair for _, basket in known.groupby("order_id").value for pair in combinations(sorted(basket), 2)]
        joint = pd.Series(pairs).value_counts()
        expected = {
            frozenset(pair): (int(count), *sorted((sizes[pair[0]], sizes[pair[1]]), reverse=True))
            for pair, count in joint[joint >= 20].items()
        }
        rows = counted[counted.group_kind == kind]
        assert expected == {
            frozenset((row.first_value, row.second_value)):
            (row.joint_orders_count, row.first_orders_count, row.second_orders_count)
            for row in rows.itertuples()
        }  # fmt: skip
        frequent = int((sizes >= 20).sum())
        assert set(rows.comparisons_count) == {frequent * (frequent - 1) // 2}
        assert set(rows.orders_count) == {known.order_id.nunique()}


def test_what_follows_is_what_the_next_order_held(
    built_warehouse: BuiltWarehouse, orders: pd.DataFrame, baskets: dict[str, pd.DataFrame]
) -> None:
    key = ["group_kind", "from_order_number", "from_value", "to_value"]
    mart = built_warehouse.frame("select * from marts.rpt_next_products").set_index(key)
    last = pd.Timestamp(built_warehouse.frame("select data_through from intermediate.int_run_dates").iloc[0, 0])
    old = orders[(last - orders.order_date).dt.days >= WINDOW].copy()
    old.loc[~(old.days <= WINDOW), ["next_id", "days"]] = None
    old["place"] = old.number.clip(upper=3).map({1: "1", 2: "2", 3: "3+"})
    found = 0
    for kind, items in baskets.items():
        sizes = items[items.value != "unknown"].groupby("value").size().sort_index()
        shown = {*sizes.sort_values(ascending=False, kind="stable").index[: SHOWN[kind]], "unknown"}
        named = items.assign(value=items.value.where(items.value.isin(shown), "other"))
        named = named[["order_id", "value"]].drop_duplicates()
        steps = old[["order_id", "customer_id", "place", "next_id", "days"]].merge(named, on="order_id")
        steps = steps[~steps.value.isin(["unknown", "other"])]
        went = steps.merge(named.rename(columns={"order_id": "next_id", "value": "to"}), on="next_id", how="left")
        went["to"] = went.to.fillna("no_next_order")
        base = old.merge(named.rename(columns={"order_id": "next_id", "value": "to"}), on="next_id", how="left")
        base = base.assign(to=base.to.fillna("no_next_order")).groupby(["place", "to"]).size()
        of_place = old.groupby("place").size()
        froms = steps.groupby(["place", "value"]).customer_id.agg(["size", "nunique"])
        for (place, value, to), reached in went.groupby(["place", "value", "to"]):
            row, found = mart.loc[(kind, place, value, to)], found + 1
            assert (row.from_orders_count, row.customers_count) == tuple(froms.loc[(place, value)])
            assert row.reached_orders_count == len(reached)
            interval = binomtest(len(reached), row.from_orders_count).proportion_ci(method="wilson")
            ends = (interval.low, interval.high) if place != "3+" else (np.nan, np.nan)
            assert (row.reached_low, row.reached_high) == pytest.approx(ends, nan_ok=True)
            assert row.all_reached_rate == pytest.approx(base[(place, to)] / of_place[place])
            assert row.median_days == pytest.approx(reached.days.median(), nan_ok=True)
    assert found == len(mart) > 500
    rates = mart.groupby(level=key[:3]).agg({"reached_rate": "sum", "is_exclusive": "first"})
    assert (np.isclose(rates.reached_rate, 1) == rates.is_exclusive).all() and (rates.reached_rate > 1 - 1e-9).all()


def test_a_cycle_is_found_although_many_waits_are_open(built_warehouse: BuiltWarehouse) -> None:
    """300 customers buy every 28 to 32 days; who joined lately and who stopped wait on, and are no short waits."""
    chance = np.random.default_rng(5)
    rows = []
    for customer in range(300):
        day, ends = chance.integers(0, 170), 180
        while day <= ends:
            rows.append((f"c{customer}", int(day)))
            day += chance.integers(28, 33)
            ends = ends if chance.random() < 0.9 else -1
    connection = duckdb.connect()
    connection.execute(
        "attach ':memory:' as warehouse; create schema warehouse.intermediate; use warehouse.intermediate"
    )
    connection.execute("create table int_run_dates as select date '2024-06-29' as as_of_date")
    connection.execute(
        "create table int_basket_item_counts as select 'product' as group_kind, 'tea' as group_value, 1 as orders_rank"
    )
    connection.execute("create table bought (customer_id varchar, day integer)")
    connection.executemany("insert into bought values (?, ?)", rows)
    connection.execute(
        "create table int_basket_items as select *, 'product' as group_kind, 'tea' as group_value,"
        " date '2024-01-01' + day as order_date from bought"
    )
    project = DbtProject(built_warehouse.settings)
    folder = project.compiled_path() / "compiled" / "loyalty_warehouse" / "models" / "intermediate" / "products"
    for name in ("int_replenishment_waits", "int_replenishment"):
        connection.execute(f"create table {name} as {(folder / f'{name}.sql').read_text()}")
    ((ended, waits, median),) = connection.execute(
        "select ended_waits_count, waits_count, median_wait_days from int_replenishment"
    ).fetchall()
    assert waits - ended == 300 and 28 <= median <= 32
