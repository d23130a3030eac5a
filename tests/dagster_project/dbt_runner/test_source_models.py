"""What a source adds to the dbt project: its raw tables, its models switched on, and SQL where it needs none."""

import shutil
from functools import partial
from pathlib import Path

import pytest
import yaml

from dagster_project.dbt_runner import variables
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.dbt_runner.source_models import (
    COMPANY,
    FOLDER,
    seed_folder,
    source_files,
    staging_entities,
    write_company_files,
    write_source_models,
)
from dagster_project.dbt_runner.variables import DBT_DIR
from warehouse.errors import UserError
from warehouse.ingest import load_source, prepare_operations
from warehouse.ingest.sources import load_sources_config, read_source
from warehouse.settings import load_settings
from warehouse.sql import connect

KIOSK = """
name: kiosk
description: The kiosk.
canonical: true
tables:
  products: {files: "products-*.csv"}
  sales: {files: "sales-*.csv", entity: order_lines, columns: {order_line_id: {}, order_id: {}, ordered_at: {},
    quantity: {}, gross_amount: {}, discount_amount: {}, net_amount: {}}}
"""


@pytest.fixture
def kiosk(tmp_path: Path) -> Path:
    (tmp_path / "kiosk.yml").write_text(KIOSK, encoding="utf-8")
    return tmp_path


def test_a_source_with_sql_lists_its_tables_and_switches_its_models_on() -> None:
    source = read_source("complete_journey")
    written = source_files(source)["staging/complete_journey/_complete_journey.yml"]
    properties = yaml.safe_load(written)
    assert properties["sources"][0]["name"] == "raw_complete_journey"
    assert [table["name"] for table in properties["sources"][0]["tables"]] == list(source.tables)
    names = {file.stem for file in source.staging_dir.glob("*.sql")}
    assert len(names) > 5
    assert {model["name"] for model in properties["models"]} == names
    assert all(model["config"] == {"enabled": True} for model in properties["models"])


def test_a_canonical_source_takes_from_the_registry_what_it_does_not_say(kiosk: Path) -> None:
    source = read_source("kiosk", kiosk)
    assert source.tables["products"].key == ("product_id",)
    assert list(source.tables["products"].columns) == ["product_id", "product_name", "category", "brand", "unit_cost"]
    assert source.tables["products"].columns["product_id"].required
    assert list(source.tables["sales"].columns)[-1] == "net_amount" and source.tables["sales"].key == ("order_line_id",)
    assert staging_entities(source) == ["order_lines", "products"]


@pytest.mark.parametrize(
    "wrong, right, message",
    [
        ("entity: order_lines", "entity: order_line", r'tables\.sales\.entity: no entity .*did you mean "order_lines"'),
        ("sales:", "sold:", None),
        ("entity: order_lines, ", "", "a table of a `canonical` source is an entity; there are order_lines"),
        ("quantity: {}", "quantities: {}", r'"quantities" is no column of order_lines \(did you mean "quantity"'),
        ("quantity: {}, ", "", r"tables\.sales: order_lines needs the column\(s\) quantity"),
    ],
)
def test_a_canonical_source_that_is_none(kiosk: Path, wrong: str, right: str, message: str | None) -> None:
    (kiosk / "kiosk.yml").write_text(KIOSK.replace(wrong, right), encoding="utf-8")
    if message is None:
        assert read_source("kiosk", kiosk).tables["sold"].entity == "order_lines"
        return
    with pytest.raises(UserError, match=message):
        read_source("kiosk", kiosk)


def test_sql_of_its_own_goes_before_the_one_that_is_made(kiosk: Path) -> None:
    own = kiosk / "company" / "staging" / "stg_kiosk__products.sql"
    own.parent.mkdir(parents=True)
    own.write_text("select 1", encoding="utf-8")
    (kiosk / "company" / "sources").mkdir()
    shutil.copy(kiosk / "kiosk.yml", kiosk / "company" / "sources")
    source = read_source("kiosk", kiosk / "company" / "sources")
    assert staging_entities(source) == ["order_lines", "products"]
    files = source_files(source)
    assert sorted(files)[1:] == ["staging/kiosk/stg_kiosk__order_lines.sql", "staging/kiosk/stg_kiosk__products.sql"]
    assert files["staging/kiosk/stg_kiosk__products.sql"] == "select 1"


def test_the_files_are_written_once_under_their_hash(kiosk: Path) -> None:
    sources = {"kiosk": read_source("kiosk", kiosk)}
    name = write_source_models(sources, kiosk / "dbt")
    (folder,) = (kiosk / "dbt" / FOLDER).iterdir()
    assert folder.name == name and len(list(folder.rglob("*.sql"))) == 2
    times = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    assert write_source_models(sources, kiosk / "dbt") == name
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == times
    (kiosk / "kiosk.yml").write_text(KIOSK.replace("The kiosk.", "Another."), encoding="utf-8")
    assert write_source_models({"kiosk": read_source("kiosk", kiosk)}, kiosk / "dbt") != name


def test_what_a_company_keeps_in_its_folder_goes_beside_or_before_what_is_shipped(kiosk: Path) -> None:
    own = kiosk / "own"
    for path, text in {
        "marts/core/rpt_kiosks.sql": "select 1 as kiosk",
        "marts/core/rpt_kiosks.yml": "models: []",
        "seeds/tier_rules.csv": "a,b\n1,2\n",
        "seeds/kinds.csv": "kind\ngift\n",
        "notes.txt": "of no concern",
    }.items():
        (own / path).parent.mkdir(parents=True, exist_ok=True)
        (own / path).write_text(text, encoding="utf-8")
    dbt_dir = kiosk / "dbt"
    (dbt_dir / "seeds").mkdir(parents=True)
    (dbt_dir / "seeds" / "tier_rules.csv").write_text("a,b\n", encoding="utf-8")
    (dbt_dir / "seeds" / "tier_rules.yml").write_text("seeds: []", encoding="utf-8")
    sources = {"kiosk": read_source("kiosk", kiosk)}
    name = write_company_files(sources, dbt_dir, own)
    seeds = {file.name: file.read_text() for file in (dbt_dir / COMPANY / name / "seeds").iterdir()}
    assert seeds == {"tier_rules.csv": "a,b\n1,2\n", "tier_rules.yml": "seeds: []", "kinds.csv": "kind\ngift\n"}
    marts = {file.name for file in (dbt_dir / COMPANY / name / "models" / "marts" / "core").iterdir()}
    assert marts == {"rpt_kiosks.sql", "rpt_kiosks.yml"}
    (own / "marts" / "core" / "rpt_kiosks.sql").write_text("select 2 as kiosk", encoding="utf-8")
    assert write_company_files(sources, dbt_dir, own) != name, "an edited model is another graph"
    assert seed_folder(name, dbt_dir) == f"target/company/{name}/seeds"


def test_a_company_without_seeds_of_its_own_reads_the_products_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    name = write_company_files({}, DBT_DIR, tmp_path / "own")
    assert not (DBT_DIR / COMPANY / name).exists() and seed_folder(name, DBT_DIR) == "seeds"


def test_a_mart_that_is_called_like_the_products_is_refused(tmp_path: Path) -> None:
    mart = tmp_path / "marts" / "core" / "fct_orders.sql"
    mart.parent.mkdir(parents=True)
    mart.write_text("select 1 as one")
    with pytest.raises(UserError, match=r"fct_orders\.sql: the product has a model fct_orders\."):
        write_company_files({}, DBT_DIR, tmp_path)


@pytest.mark.slow
def test_text_of_a_canonical_source_is_converted_or_says_what_is_wrong(
    kiosk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty text is nothing, an offset counts, and what does not convert is a reason to reject the row."""
    (kiosk / "products-1.csv").write_text("product_id,unit_cost,brand\nmug,1.5,\npen,free,Inky\n", encoding="utf-8")
    head = "order_line_id,order_id,ordered_at,quantity,gross_amount,discount_amount,net_amount\n"
    lines = "1,r1,2024-03-01T12:00:00+02:00,2,7,0,7.00\n2,r1,2024-03-01 12:00:00,,7,0,7\n3,r1,noon,2,7,0,7\n"
    lines += "4,r1,2024-03-01T12:00:00+99:00,2,7,0,7\n"
    (kiosk / "sales-1.csv").write_text(head + lines, encoding="utf-8")
    settings = load_settings(environ={}, home=kiosk, sources={"kiosk": {"input_path": str(kiosk)}})
    monkeypatch.setattr(variables, "load_sources_config", partial(load_sources_config, folder=kiosk))
    with connect(settings.warehouse_path) as connection:
        prepare_operations(connection)
        load_source(connection, read_source("kiosk", kiosk), settings)
    results = DbtProject(settings).build(["stg_kiosk__products", "stg_kiosk__order_lines"])
    assert [result.status for result in results] == ["success", "success"], [result.message for result in results]
    with connect(settings.warehouse_path) as connection:
        sales = connection.execute(
            "select order_line_id, cast(ordered_at as varchar), quantity, cast(net_amount as varchar), _reject_reason"
            " from staging.stg_kiosk__order_lines order by 1"
        ).fetchall()
        products = connection.execute(
            "select product_id, cast(unit_cost as varchar), brand, category, _reject_reason"
            " from staging.stg_kiosk__products order by 1"
        ).fetchall()
    assert sales == [
        ("1", "2024-03-01 10:00:00", 2, "7.0000", None),
        ("2", "2024-03-01 12:00:00", None, "7.0000", None),
        ("3", None, 2, "7.0000", "ordered_at is not a timestamp\txxxx"),
        ("4", "2024-02-26 09:00:00", 2, "7.0000", "ordered_at is not a timestamp\t2024-03-01T12:00:00+99:00"),
    ]
    assert products == [
        ("mug", "1.5000", None, None, None),
    ], "the other row did not keep to the type that the registry declares, and was rejected at the door"
