"""Results of models in the warehouse: the tables of schema `ml`, written once and never changed.

A result is posted for a day (`as_of_date`) under its deterministic `model_run_id`, beside the key of the input it was
learned from. The same input is not learned from twice. Other input for the same day makes a correction, and marts read
the latest posting of a day.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb
import pandas as pd

from warehouse.sql import quote_identifier, transaction

HELD_BACK = "held_back"
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
        "customers_count": "bigint",
        "share_rate": "double",
        "feature": "varchar",
        "mean": "double",
        "median": "double",
        "population_median": "double",
    },
    "cluster_drifts": {
        "cluster_id": "bigint",
        "cluster_name": "varchar",
        "is_matched": "boolean",
        "centre_shift": "double",
        "share_rate": "double",
        "previous_share_rate": "double",
    },
    "churn_curves": {
        "model": "varchar",
        "curve": "varchar",
        "x": "double",
        "y": "double",
        "customers_count": "bigint",
    },
    "lifetime_value_curves": {
        "model": "varchar",
        "origin_date": "date",
        "ranked_by": "varchar",
        "decile": "bigint",
        "customers_count": "bigint",
        "expected_orders": "double",
        "actual_orders": "double",
        "expected_amount": "double",
        "actual_amount": "double",
    },
    "lifetime_value_parameters": {
        "model": "varchar",
        "parameter": "varchar",
        "value": "double",
        "standard_error": "double",
        "log_likelihood": "double",
        "is_champion": "boolean",
    },
    "churn_scores": {
        "customer_id": "varchar",
        "churn_probability": "double",
        "churn_band": "varchar",
        "reason_1": "varchar",
        "reason_2": "varchar",
        "reason_3": "varchar",
    },
    "churn_contributions": {
        "customer_id": "varchar",
        "contribution_rank": "bigint",
        "theme": "varchar",
        "contribution": "double",
        "sentence": "varchar",
    },
    "churn_references": {
        "base_log_odds": "double",
        "base_probability": "double",
        "active_customers_count": "bigint",
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
        "due_date": "date",
        "overdue_date": "date",
        "status": "varchar",
    },
    "lifetime_value_inputs": {
        "customer_id": "varchar",
        "repeat_days_count": "bigint",
        "active_span_days": "bigint",
        "observed_days": "bigint",
        "repeat_amount": "decimal(18, 4)",
        "return_rate": "double",
        "is_own_amount": "boolean",
        "discounted_orders_3m": "double",
        "discounted_orders_12m": "double",
        "discounted_orders_24m": "double",
    },
    "lifetime_value_terms": {
        "margin_rate": "double",
        "discount_rate": "double",
        "population_amount": "decimal(18, 4)",
    },
    "recommendations": {
        "customer_id": "varchar",
        "list": "varchar",
        "rank": "bigint",
        "product_id": "varchar",
        "score": "double",
    },
    "next_best_rewards": {
        "plan_month": "date",
        "customer_id": "varchar",
        "reward_id": "varchar",
        "reward_name": "varchar",
        "campaign_type": "varchar",
        "expected_incremental_margin_amount": "decimal(18, 4)",
        "cost_amount": "decimal(18, 4)",
        "margin_per_order": "decimal(18, 4)",
        "basis": "varchar",
        "status": "varchar",
        "reason": "varchar",
    },
    "behaviour_correlations": {
        "behaviour": "varchar",
        "method": "varchar",
        "correlation": "double",
        "correlation_low": "double",
        "correlation_high": "double",
        "p_value": "double",
        "customers_count": "bigint",
        "status": "varchar",
    },
    "first_order_drivers": {
        "attribute": "varchar",
        "attribute_value": "varchar",
        "age_days": "integer",
        "metric": "varchar",
        "customers_count": "bigint",
        "others_count": "bigint",
        "value": "double",
        "others_value": "double",
        "difference": "double",
        "difference_low": "double",
        "difference_high": "double",
        "p_value": "double",
        "holm_p_value": "double",
        "status": "varchar",
    },
    "basket_pairs": {
        "group_kind": "varchar",
        "first_value": "varchar",
        "second_value": "varchar",
        "orders_count": "bigint",
        "first_orders_count": "bigint",
        "second_orders_count": "bigint",
        "joint_orders_count": "bigint",
        "comparisons_count": "bigint",
        "p_value": "double",
        "holm_p_value": "double",
    },
    "forecasts": {
        "series": "varchar",
        "tier": "varchar",
        "month": "date",
        "months_ahead": "integer",
        "model": "varchar",
        **dict.fromkeys(("expected", "low_80", "high_80", "low_95", "high_95"), "decimal(18, 4)"),
        "origins_count": "bigint",
        "error": "double",
        "naive_error": "double",
        "coverage_80": "double",
        "coverage_95": "double",
        "status": "varchar",
    },
    "forecast_hits": {
        "series": "varchar",
        "tier": "varchar",
        "origin_month": "date",
        "month": "date",
        "months_ahead": "integer",
        "model": "varchar",
        **dict.fromkeys(("expected", "low_80", "high_80", "low_95", "high_95"), "decimal(18, 4)"),
        "actual": "decimal(18, 4)",
        "naive": "decimal(18, 4)",
        "scale": "decimal(18, 4)",
        "is_judged": "boolean",
    },
    "campaign_arms": {
        "campaign_id": "varchar",
        "arm": "varchar",
        "is_control": "boolean",
        "planned_share": "double",
        "members_count": "bigint",
        "buyers_count": "bigint",
        "observed_share": "double",
        "srm_p_value": "double",
    },
    "campaign_metrics": {
        "campaign_id": "varchar",
        "arm": "varchar",
        "metric": "varchar",
        "value": "double",
        "control_value": "double",
        "difference": "double",
        "difference_low": "double",
        "difference_high": "double",
        "sequential_low": "double",
        "sequential_high": "double",
        "p_value": "double",
        "arms_holm_p_value": "double",
        "holm_p_value": "double",
        "status": "varchar",
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

# Those of SCORE_TABLES that explain today's results: no day's rows outlive it.
TABLES_OF_TODAY = ("churn_contributions", "lifetime_value_inputs")

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
        "detail": "varchar",
    },
    "model_metrics": {
        "model_run_id": "varchar",
        "model": "varchar",
        "metric": "varchar",
        "slice": "varchar",
        "value": "double",
        "baseline": "double",
    },
    "result_versions": {
        "result_version_id": "bigint",
        "result": "varchar",
        "as_of_date": "date",
        "model_run_id": "varchar",
        "input_key": "varchar",
    },
}


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables and columns that do not exist yet, so that the marts build before the first model has run."""
    connection.execute("create schema if not exists ml")
    scores = {
        name: {"as_of_date": "date", "model_run_id": "varchar", **columns} for name, columns in SCORE_TABLES.items()
    }
    for name, columns in {**scores, **RUN_TABLES}.items():
        listing = ", ".join(f"{quote_identifier(column)} {kind}" for column, kind in columns.items())
        connection.execute(f"create table if not exists ml.{quote_identifier(name)} ({listing})")
        _add_columns(connection, name, columns)


def _add_columns(connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str]) -> None:
    """The columns that a home older than them lacks."""
    found = connection.execute(f"select * from ml.{quote_identifier(name)} limit 0").description or []
    known = {column[0] for column in found}
    for column, kind in columns.items():
        if column not in known:
            connection.execute(f"alter table ml.{quote_identifier(name)} add column {quote_identifier(column)} {kind}")


def valid_run(
    connection: duckdb.DuckDBPyConnection, result: str, as_of_date: date, input_key: str | None = None
) -> str | None:
    """The valid run of that day; None if there is none, or if it came from other input."""
    row = connection.execute(
        """
        select model_run_id, input_key from ml.result_versions
        where result = $result and as_of_date = $as_of_date
        order by result_version_id desc limit 1
        """,
        {"result": result, "as_of_date": as_of_date},
    ).fetchone()
    return row[0] if row and input_key in (None, row[1]) else None


def post(
    connection: duckdb.DuckDBPyConnection,
    result: str,
    as_of_date: date,
    runs: Sequence[Mapping[str, Any]],
    frames: Mapping[str, pd.DataFrame],
    metrics: pd.DataFrame,
    input_key: str,
) -> None:
    """Write the results of one model step, completely or not at all, and make them the valid ones of that day.

    runs: the records of the models compared (columns of RUN_TABLES['model_runs']), first the one that scores. frames:
    score rows by table of SCORE_TABLES, all of the first run. metrics: those of the first run, or each row with its
    model_run_id. A known run (its id is a hash of its inputs) is not written again.
    """
    scoring = runs[0]["model_run_id"]
    with transaction(connection):
        _forget_held_back(connection, result, as_of_date)
        if "model_run_id" not in metrics:
            metrics = metrics.assign(model_run_id=scoring)
        for run in runs:
            _insert_run(connection, as_of_date, run, metrics[metrics["model_run_id"] == run["model_run_id"]])
        for table, frame in frames.items():
            _insert_scores(connection, table, frame, as_of_date, scoring)
        if valid_run(connection, result, as_of_date, input_key) != scoring:
            connection.execute(
                "insert into ml.result_versions"
                " select coalesce(max(result_version_id), 0) + 1, ?, ?, ?, ? from ml.result_versions",
                [result, as_of_date, scoring, input_key],
            )


def hold_back(
    connection: duckdb.DuckDBPyConnection, result: str, as_of_date: date, detail: str, input_key: str
) -> None:
    """Record that a step's results are not posted, and why; earlier results stay valid until the next sound result."""
    run = {
        "model_run_id": f"{HELD_BACK}-{result}-{input_key[:16]}",
        "model": result,
        "version": "none",
        "rows": 0,
        "is_champion": False,
        "status": HELD_BACK,
        "detail": detail,
    }
    with transaction(connection):
        _forget_held_back(connection, result, as_of_date)
        _insert_run(connection, as_of_date, run, pd.DataFrame(columns=list(RUN_TABLES["model_metrics"])))


def _forget_held_back(connection: duckdb.DuckDBPyConnection, result: str, as_of_date: date) -> None:
    connection.execute(
        "delete from ml.model_runs where status = ? and model = ? and as_of_date = ?", [HELD_BACK, result, as_of_date]
    )


def _insert_scores(
    connection: duckdb.DuckDBPyConnection, table: str, frame: pd.DataFrame, as_of_date: date, run_id: str
) -> None:
    known = connection.execute(
        f"select count(*) from ml.{quote_identifier(table)} where as_of_date = ? and model_run_id = ?",
        [as_of_date, run_id],
    ).fetchone()
    if known == (0,):
        keys = {"as_of_date": as_of_date, "model_run_id": run_id}
        _insert(connection, table, frame, SCORE_TABLES[table], keys)


def _insert_run(
    connection: duckdb.DuckDBPyConnection, as_of_date: date, run: Mapping[str, Any], metrics: pd.DataFrame
) -> None:
    known = connection.execute(
        "select count(*) from ml.model_runs where model_run_id = ?", [run["model_run_id"]]
    ).fetchone()
    if known != (0,):
        return
    names = [name for name in RUN_TABLES["model_runs"] if name != "trained_at"]
    values = {**run, "as_of_date": as_of_date}
    connection.execute(
        f"""
        insert into ml.model_runs ({", ".join(map(quote_identifier, names))}, trained_at)
        values ({", ".join("?" for _ in names)}, now() at time zone 'UTC')
        """,
        [values.get(name) for name in names],
    )
    _insert(connection, "model_metrics", metrics, RUN_TABLES["model_metrics"])


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    frame: pd.DataFrame,
    columns: Mapping[str, str],
    constants: Mapping[str, Any] | None = None,
) -> None:
    """Insert the frame's columns, and beside them the same values in each row."""
    constants = constants or {}
    same = "".join(f"${name} as {quote_identifier(name)}, " for name in constants)
    selected = same + ", ".join(
        f"cast({quote_identifier(name)} as {kind}) as {quote_identifier(name)}"
        if name in frame.columns
        else f"cast(null as {kind}) as {quote_identifier(name)}"
        for name, kind in columns.items()
    )
    connection.register("_posted_frame", frame)
    try:
        connection.execute(
            f"insert into ml.{quote_identifier(table)} by name select {selected} from _posted_frame", constants
        )
    finally:
        connection.unregister("_posted_frame")
