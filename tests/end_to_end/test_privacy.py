"""One customer of a built company, erased: nothing tells of them any more, and no figure of the company moves."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from serving.publication.state import publications
from tests.end_to_end.reader import state
from tests.support.company import Company, Generated, company
from warehouse.sql import connect, quote_identifier, quote_literal

pytestmark = pytest.mark.slow

CUSTOMER, EMAIL = "customer-of-note-0815", "erika.mustermann.0815@example.org"
SEED = 815
KILLS = 6


@dataclass(frozen=True)
class Erased:
    """The company before and after; `folder` holds what its sources deliver."""

    folder: Path
    before: Company
    after: Company
    told: str


def rename(folder: Path, old: str) -> None:
    """Give a customer in every file an id and an address that stand nowhere by chance."""
    with connect() as connection:
        for file in folder.rglob("*.parquet"):
            name = quote_literal(str(file))
            columns = [row[0] for row in connection.execute(f"describe select * from {name}").fetchall()]
            changes = []
            if "email" in columns:
                changes.append(f"case when customer_id = '{old}' then '{EMAIL}' else email end as email")
            if "customer_id" in columns:
                changes.append(f"case when customer_id = '{old}' then '{CUSTOMER}' else customer_id end as customer_id")
                step = file.with_suffix(".next")
                rows = f"select * replace ({', '.join(changes)}) from {name}"
                connection.execute(f"copy ({rows}) to {quote_literal(str(step))} (format parquet)")
                step.replace(file)


def best_customer(folder: Path) -> str:
    """The one with most points redeemed among those with most lines: every mart knows them."""
    lines = quote_literal(str(folder / "shop" / "order_lines" / "*.parquet"))
    redemptions = quote_literal(str(folder / "shop" / "reward_redemptions" / "*.parquet"))
    with connect() as connection:
        row = connection.execute(
            f"select customer_id, count(*) as lines from {lines} where customer_id in"
            f" (select customer_id from {redemptions}) group by customer_id order by lines desc, customer_id limit 1"
        ).fetchone()
    assert row is not None
    return str(row[0])


@pytest.fixture(scope="module")
def own(
    generated: Generated, manifests: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Company]:
    """A company with that customer, run for two days, with an analysts' file and logs that speak of them."""
    root = tmp_path_factory.mktemp("privacy")
    folder = root / "landing"
    shutil.copytree(generated.folder, folder)
    rename(folder, best_customer(folder))
    made = company(root / "home", generated.settings(folder), manifests("generated")).run()
    made.run("--select", "+published/loyalty")
    with connect(made.settings.dev_path) as connection:
        work = quote_literal(str(made.settings.published_dir / "work.duckdb"))
        connection.execute(f"attach {work} as warehouse (read_only)")
        connection.execute("create table notes as select customer_id, orders_count from warehouse.marts.dim_customers")
        connection.execute("create view best as select * from warehouse.marts.dim_customers where tier = 'Gold'")
    (made.settings.dagster_home / "compute.log").write_text(f"a bad row of {CUSTOMER}, {EMAIL}\n")
    return folder, made


@pytest.fixture(scope="module")
def erased(own: tuple[Path, Company], tmp_path_factory: pytest.TempPathFactory) -> Erased:
    folder, before = own
    after = before.copy(tmp_path_factory.mktemp("erased") / "home")
    done = after.loyalty("privacy", "erase", CUSTOMER, "--yes")
    assert done.code == 0, done.text
    return Erased(folder, before, after, done.out)


def sums(file: Path) -> pd.DataFrame:
    """The rows of each mart and the sum of each of its columns of numbers, by mart and column."""
    found = []
    with connect(file, read_only=True) as connection:
        for (mart,) in connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts' and table_name <> 'publication'"
        ).fetchall():
            rows = connection.execute(f"select * from marts.{quote_identifier(mart)}").df()
            found.append((mart, "", len(rows), 0))
            for name in rows.select_dtypes("number"):
                found.append((mart, name, round(float(rows[name].sum()), 6), int(rows[name].count())))
    return pd.DataFrame(found, columns=["mart", "column", "total", "known"]).set_index(["mart", "column"]).sort_index()


def files(company: Company) -> Iterator[Path]:
    yield from (path for path in company.settings.home.rglob("*") if path.is_file())


def values(file: Path) -> Iterator[tuple[str, str]]:
    """Every column of every table and its text, for what compression hides from a look at the bytes."""
    with connect(file, read_only=True) as connection:
        columns = connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns() where not internal"
            " and table_name in (select table_name from duckdb_tables())"
        ).fetchall()
        for schema, table, column in columns:
            place = ".".join(map(quote_identifier, (schema, table)))
            text = f"lower(cast({quote_identifier(column)} as varchar))"
            query = f"select count(*) from {place} where contains({text}, $1) or contains({text}, $2)"
            if connection.execute(query, [CUSTOMER, EMAIL]).fetchone() != (0,):
                yield str(file.name), f"{place}.{column}"


def told_by(one: Company) -> list[object]:
    """Where anything under the home folder still tells of the customer, by bytes and by values."""
    words = [CUSTOMER.encode(), EMAIL.encode()]
    by_bytes = [path for path in files(one) if any(word in path.read_bytes().lower() for word in words)]
    return [*by_bytes, *(found for path in files(one) if path.suffix == ".duckdb" for found in values(path))]


def test_the_customer_is_everywhere_before(own: tuple[Path, Company]) -> None:
    told = {getattr(place, "name", None) for place in told_by(own[1])}
    assert {"warehouse.duckdb", "compute.log", "work.duckdb"} <= told
    assert len(publications(own[1].settings)) == 2


def test_nothing_under_the_home_folder_tells_of_the_customer(erased: Erased) -> None:
    assert told_by(erased.after) == []
    parquet = erased.after.settings.published_dir / "parquet" / "dim_customers.parquet"
    with connect() as connection:
        found = connection.execute(f"select customer_id from {quote_literal(str(parquet))}").fetchall()
    assert (CUSTOMER,) not in found and len(found) > 1


def test_no_total_moves(erased: Erased) -> None:
    before, after = (
        # a year of birth is the person's own, and goes with them
        sums(one.settings.published_path).drop(("dim_customers", "birth_year"))
        for one in (erased.before, erased.after)
    )
    pd.testing.assert_frame_equal(before, after)
    assert {"fct_orders", "fct_points_entries", "rpt_points_liability", "fct_cohort_retention"} <= {
        *before.index.levels[0]
    }
    lines = "select sum(net_amount), count(distinct customer_id) from marts.fct_order_lines"
    assert erased.before.published(lines) == erased.after.published(lines)


def test_the_erasure_is_on_record_and_old_copies_are_gone(erased: Erased) -> None:
    ((name, counts, is_finished),) = erased.after.warehouse(
        "select pseudonym, row_counts, finished_at is not null from ops.erasures"
    )
    orders = erased.after.published(f"select count(*) from marts.fct_orders where customer_id = '{name}'")
    assert is_finished and orders == [(json.loads(counts)["marts.fct_orders"],)] and orders != [(0,)]
    kept = [publication.publication_id for publication in publications(erased.after.settings)]
    assert len(kept) == 1 and kept[0].endswith("-rewritten-1")
    history = erased.after.settings.published_dir / "history"
    assert [folder.name for folder in history.iterdir()] == kept
    assert name in erased.told and CUSTOMER not in erased.told
    assert str(erased.folder / "shop" / "customers") in erased.told and "removed for good" in erased.told


def test_what_analysts_keep_is_rewritten_with_its_views(erased: Erased) -> None:
    with connect(erased.after.settings.dev_path) as connection:
        work = quote_literal(str(erased.after.settings.published_dir / "work.duckdb"))
        connection.execute(f"attach {work} as warehouse (read_only)")
        assert (
            connection.execute("select sum(orders_count) from notes").fetchone()
            == (erased.before.published("select sum(orders_count) from marts.dim_customers")[0])
        )
        assert connection.execute("select count(*) from best").fetchone()


def test_the_next_run_succeeds_and_a_delivery_that_brings_the_customer_again_undoes_nothing(
    erased: Erased, tmp_path: Path
) -> None:
    folder = tmp_path / "landing"
    shutil.copytree(erased.folder, folder)
    with connect() as connection:  # the same rows in another file, so that all of them are loaded again
        for file in folder.rglob("customers/*.parquet"):
            step = file.with_suffix(".next")
            rows = f"select * from {quote_literal(str(file))} order by customer_id desc"
            connection.execute(f"copy ({rows}) to {quote_literal(str(step))} (format parquet)")
            step.replace(file)
    sources = {name: {"input_path": str(folder / name)} for name in ("shop", "till")}
    after = erased.after.copy(tmp_path / "home", sources=sources).run()
    assert told_by(after) == []
    assert after.warehouse(
        "select count(*) from intermediate.int_customer_versions where row_status = 'superseded'"
    ) != [(0,)]
    learned = (
        "fct_churn|fct_customer_clusters|fct_customer_lifetime|fct_recommendations|fct_next_best|fct_model_|rpt_churn_c"
        "|rpt_cluster|rpt_lifetime|rpt_behaviour|fct_campaign_|fct_ingest|dim_customers|rpt_programme|fct_publication_"
    )
    before, now = (
        table[~table.index.get_level_values("mart").str.contains(learned)]
        for table in (sums(erased.before.settings.published_path), sums(after.settings.published_path))
    )
    assert len(before) > 50
    pd.testing.assert_frame_equal(before, now)
    balances = (
        "select sum(points_balance), count(*), sum(net_amount_lifetime), sum(orders_count) from marts.dim_customers"
    )
    assert after.published(balances) == erased.before.published(balances)


@pytest.mark.campaign
def test_a_killed_erasure_is_finished_by_the_next_and_readers_never_notice(erased: Erased, tmp_path: Path) -> None:
    own = erased.before.copy(tmp_path / "home")
    command = [sys.executable, "-m", "tests.end_to_end.reader", str(own.settings.published_path)]
    reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    chance, codes = random.Random(SEED), []
    for _ in range(KILLS):
        process = own.start("privacy", "erase", CUSTOMER, "--yes")
        time.sleep(chance.uniform(1.0, 8.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        codes.append(process.returncode)
    assert -signal.SIGKILL in codes
    done = own.loyalty("privacy", "erase", CUSTOMER, "--yes")
    out, err = reader.communicate("stop\n")
    assert done.code == 0, done.text
    assert reader.returncode == 0, err
    assert {tuple(figures) for _, *figures in json.loads(out)["seen"]} == {state(own.settings.published_path)[1:]}
    assert told_by(own) == [] and own.warehouse("select count(*) from ops.erasures where finished_at is not null") == [
        (1,)
    ]
    pd.testing.assert_frame_equal(sums(own.settings.published_path), sums(erased.after.settings.published_path))
    assert not list(own.settings.home.glob(".*.next*")) and "erasing" not in own.loyalty("status").text


def test_an_export_holds_every_table_with_the_customer(own: tuple[Path, Company], tmp_path: Path) -> None:
    done = own[1].loyalty("privacy", "export", CUSTOMER, "--out", str(tmp_path / "me.json"))
    assert done.code == 0, done.text
    told = json.loads((tmp_path / "me.json").read_text(encoding="utf-8"))["tables"]
    assert told["raw_shop.customers"]["rows"][0]["email"] == EMAIL
    assert {
        "marts.fct_orders",
        "marts.fct_order_lines",
        "ml.recommendations",
        "marts.fct_points_entries",
    } <= told.keys()
    assert all(row["customer_id"] == CUSTOMER for row in told["marts.fct_orders"]["rows"])


def test_it_asks_first_and_a_stranger_is_wrong_usage(
    own: tuple[Path, Company], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda question: "n")
    done = own[1].loyalty("privacy", "erase", CUSTOMER)
    assert done.code == 1 and "Nothing was erased" in done.text
    monkeypatch.setattr("builtins.input", lambda question: "yes")
    done = own[1].loyalty("privacy", "erase", "nobody")
    assert done.code == 2 and 'no row is of a customer "nobody"' in done.text
    assert own[1].loyalty("privacy").code == 2
