"""What models hand back to the warehouse: the tables of schema `ml`, written once and never changed.

A result is posted for a day (`as_of_date`) under its deterministic `model_run_id`. The same run posts nothing twice;
another run for the same day is a correction, and the latest posting of a day is the one that marts read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import duckdb
import pandas as pd

from warehouse.connections import quote_identifier

# Tables of one posting each, by day: columns and DuckDB types after as_of_date, model_run_id and customer_id.
SCORE_TABLES: dict[str, dict[str, str]] = {
    "customer_clusters": {
        "customer_id": "varchar",
        "cluster_id": "bigint",
        "cluster_name": "varchar",
        "distance": "double",
        "is_outlier": "boolean",
    },
    "cluster_profiles": {
        "cluster_id": "bigint",
        "cluster_name": "varchar",
        "feature": "varchar",
        "value": "double",
        "customers_count": "bigint",
    },
    "churn_scores": {
        "customer_id": "varchar",
        "churn_probability": "double",
        "churn_band": "varchar",
        "reason_1": "varchar",
        "reason_2": "varchar",
        "reason_3": "varchar",
    },
    "lifetime_values": {
        "customer_id": "varchar",
        "p_alive": "double",
        "expected_orders_3m": "double",
        "expected_orders_12m": "double",
        "expected_orders_24m": "double",
        "expected_order_amount": "decimal(18, 4)",
        "clv_3m_amount": "decimal(18, 4)",
        "clv_12m_amount": "decimal(18, 4)",
        "clv_24m_amount": "decimal(18, 4)",
        "expected_next_order_date": "date",
        "status": "varchar",
    },
    "recommendations": {
        "customer_id": "varchar",
        "list": "varchar",
        "rank": "bigint",
        "product_id": "varchar",
        "score": "double",
    },
    "behaviour_correlations": {
        "behaviour": "varchar",
        "method": "varchar",
        "correlation": "double",
        "correlation_low": "double",
        "correlation_high": "double",
        "customers_count": "bigint",
    },
    "campaign_effects": {
        "campaign_id": "varchar",
        "metric": "varchar",
        "method": "varchar",
        "status": "varchar",
        "treated_count": "bigint",
        "control_count": "bigint",
        "effect_per_member": "double",
        "effect_low": "double",
        "effect_high": "double",
        "p_value": "double",
        "holm_p_value": "double",
        "winsorised_effect_per_member": "double",
        "winsorised_effect_low": "double",
        "winsorised_effect_high": "double",
        "cuped_effect_per_member": "double",
        "cuped_effect_low": "double",
        "cuped_effect_high": "double",
        "planned_mde": "double",
        "reached_mde": "double",
        "srm_p_value": "double",
        "largest_standardised_difference": "double",
        "pretrend_z": "double",
        "placebo_28_z": "double",
        "placebo_56_z": "double",
        "placebo_z": "double",
    },
}

# Tables about the runs themselves, one row each, whatever the day.
RUN_TABLES: dict[str, dict[str, str]] = {
    "model_runs": {
        "model_run_id": "varchar",
        "model": "varchar",
        "version": "varchar",
        "as_of_date": "date",
        "snapshot_from": "date",
        "snapshot_to": "date",
        "rows": "bigint",
        "is_champion": "boolean",
        "status": "varchar",
        "trained_at": "timestamp",
    },
    "model_metrics": {
        "model_run_id": "varchar",
        "model": "varchar",
        "metric": "varchar",
        "slice": "varchar",
        "value": "double",
        "baseline": "double",
    },
    "postings": {"posting_id": "bigint", "result": "varchar", "as_of_date": "date", "model_run_id": "varchar"},
}


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that do not exist yet, so that the marts build before the first model has run."""
    connection.execute("create schema if not exists ml")
    scores = {name: {"as_of_date": "date", "model_run_id": "varchar", **columns} for name, columns in SCORE_TABLES.items()}
    for name, columns in {**scores, **RUN_TABLES}.items():
        listing = ", ".join(f"{quote_identifier(column)} {kind}" for column, kind in columns.items())
        connection.execute(f"create table if not exists ml.{quote_identifier(name)} ({listing})")


def is_posted(connection: duckdb.DuckDBPyConnection, result: str, as_of_date: date, model_run_id: str) -> bool:
    """Whether that run is what stands for that day already."""
    standing = connection.execute(
        "select arg_max(model_run_id, posting_id) from ml.postings where result = ? and as_of_date = ?",
        [result, as_of_date],
    ).fetchone()
    return standing == (model_run_id,)


def post(
    connection: duckdb.DuckDBPyConnection,
    result: str,
    as_of_date: date,
    run: dict[str, Any],
    frames: dict[str, pd.DataFrame],
    metrics: pd.DataFrame,
) -> int:
    """Write one model run: its record, its metrics and its score frames (table of SCORE_TABLES -> frame), whole or not.

    `run` holds model_run_id, model, version, snapshot_from, snapshot_to, rows, is_champion and status. Returns the
    number of score rows written: 0 when that run stands for that day already.
    """
    run_id = run["model_run_id"]
    if is_posted(connection, result, as_of_date, run_id):
        return 0
    written = 0
    with _transaction(connection):
        seen = connection.execute("select count(*) from ml.model_runs where model_run_id = ?", [run_id]).fetchone()
        if seen == (0,):
            _insert_run(connection, as_of_date, run)
            _insert(connection, "model_metrics", metrics.assign(model_run_id=run_id), RUN_TABLES["model_metrics"])
            for table, frame in frames.items():
                columns = {"as_of_date": "date", "model_run_id": "varchar", **SCORE_TABLES[table]}
                _insert(connection, table, frame.assign(as_of_date=as_of_date, model_run_id=run_id), columns)
                written += len(frame)
        connection.execute(
            "insert into ml.postings select coalesce(max(posting_id), 0) + 1, ?, ?, ? from ml.postings",
            [result, as_of_date, run_id],
        )
    return written


def _insert_run(connection: duckdb.DuckDBPyConnection, as_of_date: date, run: dict[str, Any]) -> None:
    values = {**run, "as_of_date": as_of_date}
    names = [name for name in RUN_TABLES["model_runs"] if name != "trained_at"]
    listing = ", ".join(quote_identifier(name) for name in names)
    marks = ", ".join("?" for _ in names)
    connection.execute(
        f"insert into ml.model_runs ({listing}, trained_at) values ({marks}, now() at time zone 'UTC')",
        [values.get(name) for name in names],
    )


def _insert(connection: duckdb.DuckDBPyConnection, table: str, frame: pd.DataFrame, columns: dict[str, str]) -> None:
    selected = ", ".join(
        f"cast({quote_identifier(name)} as {kind}) as {quote_identifier(name)}" if name in frame.columns
        else f"cast(null as {kind}) as {quote_identifier(name)}"
        for name, kind in columns.items()
    )
    connection.register("_posted_frame", frame)
    try:
        connection.execute(f"insert into ml.{quote_identifier(table)} by name select {selected} from _posted_frame")
    finally:
        connection.unregister("_posted_frame")


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("begin")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")
