"""What Sail cannot run is taken apart, and nothing else is touched."""

from pathlib import Path

import duckdb
import pytest

from benchmarks.sail_sql import sail_sql

LATEST = (
    "select k, v from (values (1, 2), (1, 3), (2, 4)) as t (k, v)"
    " qualify row_number() over (partition by k order by v desc) = 1"
)


@pytest.mark.parametrize(
    "head", ["", "create or replace view marts.latest as ", "/* {} */ create table `marts`.`latest` using parquet as "]
)
def test_qualify_becomes_a_subquery(head: str) -> None:
    made = sail_sql(None, f"{head}{LATEST}", Path())
    assert made.startswith(head) and "qualify" not in made.lower()
    assert sorted(duckdb.sql(made[len(head) :]).fetchall()) == [(1, 3), (2, 4)]


@pytest.mark.parametrize(
    "sql", ["create table marts.t using parquet as select 1 as qualified", "drop table if exists marts.t"]
)
def test_what_sail_can_run_stays_as_it_is(sql: str) -> None:
    assert sail_sql(None, sql, Path()) == sql
