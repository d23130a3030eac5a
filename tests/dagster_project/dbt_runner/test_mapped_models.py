"""`mapping:` of a source's YAML, on DuckDB: what its forms mean, and that every row and cent is accounted for."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dagster_project.dbt_runner import variables
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.prepare import prepare_warehouse
from tests.support.mapped_sources import DELIVERIES, DEPOT, SHOP, SHOP_ROWS, WIDE, WIDE_ROWS
from warehouse.errors import UserError
from warehouse.ingest.batches import TableId, next_batch_id, write_batch
from warehouse.ingest.load import load_source
from warehouse.ingest.sources import load_sources_config, read_source
from warehouse.settings import Settings, load_settings
from warehouse.sql import connect

VERSIONS = "intermediate.int_order_line_versions"
BUILT = [
    "path:models/staging", "stg_shop_export__order_lines", "stg_wide_export__order_lines", "stg_depot__order_lines",
    "path:models/intermediate/entities", "int_changed_order_lines", "int_order_line_versions", "int_order_line_batches",
    "fct_ingest_reconciliation", "fct_rejected_rows", "fct_ingest_reconciliation_is_sound",
    "fct_rejected_rows_is_sound",
]  # fmt: skip
STATES = f"select order_line_id, order_id, customer_id, cast(ordered_at as varchar), cast(discount_amount as varchar),\
 order_status, row_status from {VERSIONS} where _source = 'depot' order by _batch_id, _row_number"


@dataclass(frozen=True)
class Mapped:
    """The company of the three sources after its second delivery, and after rows went from the depot's tables."""

    settings: Settings
    after_first: list[tuple[Any, ...]]
    after_second: list[tuple[Any, ...]]
    anew: list[tuple[Any, ...]]
    after_deletion: list[tuple[Any, ...]]
    anew_after_deletion: list[tuple[Any, ...]]
    sql: dict[str, str]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with connect(self.settings.warehouse_path, read_only=True) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapped]:
    folder = tmp_path_factory.mktemp("mapped")
    sources = {"shop_export": SHOP, "wide_export": WIDE, "depot": DEPOT}
    for name, text in sources.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    (folder / "shop-1.csv").write_text(SHOP_ROWS, encoding="utf-8")
    (folder / "wide-1.csv").write_text(WIDE_ROWS, encoding="utf-8")
    settings = load_settings(
        environ={"LOYALTY_HASH_SALT": "salt"}, home=folder / "home", base_currency="EUR", business_timezone="UTC",
        sources={name: {"input_path": str(folder)} for name in sources},
    )  # fmt: skip
    settings.home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOYALTY_HASH_SALT", "salt")
        patch.setattr(variables, "load_sources_config", partial(load_sources_config, folder=folder))
        project = DbtProject(settings)
        with connect(settings.warehouse_path) as connection:
            prepare_warehouse(connection, project.manifest())
        states = [deliver(folder, files, settings, project) for files in DELIVERIES]
        states.append(build(settings, project, full_refresh=True))
        delete(settings, heads="3", items="3")
        states += [build(settings, project), build(settings, project, full_refresh=True)]
        yield Mapped(settings, *states, sql=project.compiled_sql(["stg_depot__order_lines"]))


def deliver(folder: Path, files: dict[str, str], settings: Settings, project: DbtProject) -> list[tuple[Any, ...]]:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    with connect(settings.warehouse_path) as connection:
        for name in settings.sources:
            load_source(connection, read_source(name, folder), settings)
    return build(settings, project)


def delete(settings: Settings, **keys: str) -> None:
    """Note that the database no longer has the row of a key, as a load of each table does."""
    with connect(settings.warehouse_path) as connection:
        for table, key in keys.items():
            batch = next_batch_id(connection)
            write_batch(connection, TableId("depot", table), table, batch, None, (0, 0, 0))
            connection.execute(
                f"insert into ops.deleted_rows select 'depot', $table, _batch_id, _row_number, $batch"
                f" from raw_depot.{table} where id = $key",
                {"table": table, "batch": batch, "key": key},
            )


def build(settings: Settings, project: DbtProject, full_refresh: bool = False) -> list[tuple[Any, ...]]:
    results = project.build(BUILT, full_refresh=full_refresh)
    assert [(result.name, result.message) for result in results if not result.is_good] == []
    with connect(settings.warehouse_path) as connection:
        return connection.execute(STATES).fetchall()


def amounts(mapped: Mapped, source: str, columns: str) -> list[tuple[Any, ...]]:
    return mapped.rows(f"select {columns} from {VERSIONS} where _source = '{source}' order by _row_number, _part")


def test_order_fields_are_filled_forward_and_an_amount_is_spread_to_the_cent(mapped: Mapped) -> None:
    rows = amounts(mapped, "shop_export", "order_line_id, discount_amount, net_amount, row_status, reject_reason")
    found = {line.removeprefix("s-"): (discount, net, status) for line, discount, net, status, _ in rows}
    cents = [found[line][0] for line in ("#1-M1-1", "#1-P1-1", "#1-P2-1")]
    assert cents == [Decimal("0.34"), Decimal("0.33"), Decimal("0.33")], "1.00 over three lines of 10.00"
    assert found["#2-M1-1"][1] == found["#2-M1-2"][1] == Decimal("2.50"), "two equal lines are two"
    assert found["#3-Cheese, 1 kg-1"][:2] == (Decimal("2.00"), Decimal("0.50")), "2.50 less all of the order's discount"
    reasons = {line.removeprefix("s-"): reason for line, _, _, status, reason in rows if status == "rejected"}
    assert reasons == {
        "#3-Gift card-1": "gift_card",
        "#5-M1-1": "State has a value that the mapping does not list\txxx",
        "#6-Free sample-1": "no sale",
        "#7-M1-1": "State is masked in the delivery, so that the list of the mapping cannot be applied\t***",
    }


def test_a_refund_of_an_order_is_a_line_of_its_own_in_proportion_to_goods(mapped: Mapped) -> None:
    rows = amounts(
        mapped, "shop_export", "order_line_id, quantity, net_amount, is_return, original_order_id, row_status, _part"
    )
    refunds = [row for row in rows if row[-1] > 0]
    # 6.00 of a total of 30.00, of goods worth 29.00; and 1.00 of 52.00, of goods worth 0.50, on a gift card's row
    assert refunds == [
        ("s-#1-paid", 0, Decimal("-5.80"), True, "s-#1", "accepted", 1000),
        ("s-#3-Paid", 0, Decimal("-0.01"), True, "s-#3", "accepted", 1000),
    ]


def test_moments_status_and_customers(mapped: Mapped) -> None:
    rows = amounts(
        mapped, "shop_export", "distinct order_id, cast(ordered_at as varchar), order_status, customer_id, channel"
        ", min(_row_number) over () as _row_number, 0 as _part",
    )  # fmt: skip
    found = {order.removeprefix("s-"): rest for order, *rest in rows}
    assert found["#1"][:2] == ["2024-06-30 22:30:00", "completed"]
    assert found["#4"][1] == "cancelled" and found["#1"][3] == "web {1}"
    assert found["#1"][2] == found["#2"][2] != found["#3"][2], "one address in two spellings; a phone without one"
    assert found["#4"][2] is None and "ann" not in found["#1"][2]
    raw = mapped.rows('select count(distinct "key of E-Mail or Phone") from raw_shop_export.orders')
    assert raw == [(2,)]


def test_a_day_of_a_moment_is_the_business_s_and_may_be_part_of_a_key(mapped: Mapped) -> None:
    assert amounts(mapped, "shop_export", "store_id")[:5] == [("s-2024-06-30",)] * 4 + [("s-2024-07-13",)]
    days = amounts(mapped, "wide_export", "store_id")
    assert days == [("w-sale-2024-01-05",)] * 2 + [("w-return-2024-01-06",), (None,), ("w-sale-2024-01-06",)]


def test_lines_side_by_side_become_rows(mapped: Mapped) -> None:
    rows = amounts(
        mapped, "wide_export", "order_line_id, product_id, cast(ordered_at as varchar), quantity, net_amount, _part"
        ", reject_reason",
    )  # fmt: skip
    assert rows[:3] == [
        ("w-7-1", "w-a", "2024-01-05 14:05:00", 2, Decimal("5.00"), 0, None),
        ("w-7-2", "w-b", "2024-01-05 14:05:00", 1, Decimal("7.10"), 1, None),
        ("w-8-1", "w-a", "2024-01-06 09:00:00", -2, Decimal("-5.00"), 0, None),
    ]
    assert [(line, reason) for line, *_, reason in rows[3:]] == [
        ("w-9-1", "when is not a timestamp\txxx ## #### ##:## xx"),
        ("w-10-1", "quantity is missing or too large"),
    ]


def test_a_change_in_either_joined_table_reaches_the_lines(mapped: Mapped) -> None:
    current = [row[:6] for row in mapped.after_first if row[-1] == "accepted"]
    assert current == [
        ("d-1", "d-1", "d-b1", "2024-05-01 14:05:00", "0.3400", "completed"),
        ("d-2", "d-1", "d-b1", "2024-05-01 14:05:00", "0.3300", "completed"),
        ("d-3", "d-1", "d-b1", "2024-05-01 14:05:00", "0.3300", "completed"),
        ("d-4", "d-2", "d-b2", "2024-05-02 10:00:00", "0.0000", "completed"),
    ]
    assert mapped.after_first[-1][-1] == "rejected", "its order was not there yet"
    changed = [row[:6] for row in mapped.after_second if row[-1] == "accepted"]
    assert changed == [
        ("d-1", "d-1", "d-b1", "2024-05-01 14:05:00", "0.5000", "completed"),
        ("d-3", "d-1", "d-b1", "2024-05-01 14:05:00", "0.5000", "completed"),
        ("d-4", "d-2", "d-b9", "2024-05-02 10:00:00", "0.0000", "cancelled"),
        ("d-5", "d-3", "d-b3", "2024-05-03 00:00:00", "0.5000", "completed"),
        ("d-2", "d-2", "d-b9", "2024-05-02 10:00:00", "0.0000", "cancelled"),
    ]
    assert mapped.after_second == mapped.anew, "an incremental run and one from scratch agree"


def test_rows_that_are_gone_from_either_joined_table_no_longer_count(mapped: Mapped) -> None:
    current = [row[:6] for row in mapped.after_deletion if row[-1] == "accepted"]
    assert current == [
        ("d-1", "d-1", "d-b1", "2024-05-01 14:05:00", "1.0000", "completed"),
        ("d-4", "d-2", "d-b9", "2024-05-02 10:00:00", "0.0000", "cancelled"),
        ("d-2", "d-2", "d-b9", "2024-05-02 10:00:00", "0.0000", "cancelled"),
    ], "line 3 has left the discount to line 1, and line 5 has lost its order"
    assert {row[0]: row[-1] for row in mapped.after_deletion}["d-5"] == "rejected"
    assert mapped.after_deletion == mapped.anew_after_deletion


def test_every_row_and_amount_is_accounted_for(mapped: Mapped) -> None:
    rows = mapped.rows(
        "select source, sum(rows_read)::int, sum(rows_accepted + rows_rejected + rows_superseded)::int,"
        " max(abs(amount_difference)) from marts.fct_ingest_reconciliation group by source order by source"
    )  # fmt: skip
    assert rows == [("depot", 6, 6, 0), ("shop_export", 11, 11, 0), ("wide_export", 4, 4, 0)]


def test_the_sql_that_is_shown_holds_no_macro(mapped: Mapped) -> None:
    (sql,) = mapped.sql.values()
    assert sql.startswith("with delivered as") and "{{" not in sql
    assert '"warehouse"."raw_depot"."heads"' in sql


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("from: items", "from: item", r'mapping\.order_lines: there is no table "item" \(did you mean "items"'),
        ("pieces\n", "pieces\n      glitter: x\n", r'"glitter" is no column of order_lines; there are order_line_id'),
        ("      quantity: pieces\n", "", r"mapping\.order_lines: order_lines needs the column\(s\) quantity"),
        ("product: [price, pieces]}\n", "product: [price]}\n", r"gross_amount: product\.1 is missing"),
        ("head.buyer", "{hashed: [head.mail, sku]}", "hashed: head.mail, sku are not of one table; say"),
        ("{spread: head.off, by:", "{sprad: head.off, by:", r"discount_amount: a column's name, or one of .*spread"),
        ("taken: largest", "take: largest", r'unknown key "take" \(did you mean "taken"'),
        ("{open: completed", "{no: completed", r"discount|YAML reads yes, no"),
        ("order_lines:\n", "order_line:\n", r'mapping\.order_line: no entity .*did you mean "order_lines"'),
        ("product_id: product", 'product_id: "{{ x }}"', r"which dbt reads as Jinja"),
    ],
)
def test_a_mapping_that_cannot_be_is_told_with_its_place(tmp_path: Path, wrong: str, right: str, message: str) -> None:
    assert wrong in DEPOT
    (tmp_path / "depot.yml").write_text(DEPOT.replace(wrong, right, 1), encoding="utf-8")
    with pytest.raises(UserError, match=message) as error:
        read_source("depot", tmp_path)
    assert "line " in str(error.value) or "mapping." in str(error.value)


def test_a_value_that_is_used_before_it_is_said(tmp_path: Path) -> None:
    text = WIDE.replace(
        "      sku: {part_of: item, named: sku}", "      sku: {first_of: [later]}\n      later: {constant: x}"
    )
    (tmp_path / "wide_export.yml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"values\.sku uses later, which is said after it"):
        read_source("wide_export", tmp_path)
