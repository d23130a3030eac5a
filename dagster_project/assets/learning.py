"""What each model of the graph reads, learns and hands over: one `ModelStep` a model.

Frames come from dbt's tables and go to `ml`'s functions; nothing here decides what a number means.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg
import duckdb
import pandas as pd

from dagster_project.resources import WarehouseRun

# the name under which the lifetime-value baseline publishes
NAIVE_RATE = "naive_rate"


@dataclass(frozen=True)
class Posting:
    """What a step hands over: its run record, score frames by table, metrics, problems found and figures to show."""

    run: Mapping[str, Any]
    frames: Mapping[str, pd.DataFrame]
    metrics: pd.DataFrame
    problems: Sequence[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


Learn = Callable[[WarehouseRun, duckdb.DuckDBPyConnection, date], Posting]


@dataclass(frozen=True)
class ModelStep:
    """One model of the graph: the tables it fills (with descriptions), the tables it reads, and how it learns."""

    name: str
    tables: Mapping[str, str]
    reads: Sequence[str]
    learn: Learn


def read_dates(connection: duckdb.DuckDBPyConnection) -> tuple[date, date]:
    """data_from and data_through of the run."""
    row = connection.execute("select data_from, data_through from intermediate.int_run_dates").fetchone()
    assert row is not None
    return row


def key_problems(frame: pd.DataFrame, key: Sequence[str], name: str) -> list[str]:
    """Keys that are missing or stand twice, as sentences."""
    problems = []
    if frame[list(key)].isna().to_numpy().any():
        problems.append(f"{name} has rows without {' or '.join(key)}")
    if frame.duplicated(list(key)).any():
        problems.append(f"{name} has several rows of one {', '.join(key)}")
    return problems


def range_problems(frame: pd.DataFrame, column: str, low: float, high: float) -> list[str]:
    """Values outside [low, high], as a sentence; unknown values are allowed."""
    values = frame[column].astype("float64").dropna()
    outside = int((~values.between(low, high)).sum())
    return [f"{column} is outside {low:g} to {high:g} in {outside} rows"] if outside else []


def shown_metrics(metrics: pd.DataFrame, wanted: str) -> dict[str, Any]:
    """The metrics of one slice as metadata, for the UI."""
    chosen = metrics[metrics["slice"] == wanted]
    return {
        f"{row.model}: {row.metric}": dg.MetadataValue.float(round(float(row.value), 4))
        for row in chosen.itertuples()
        if pd.notna(row.value)
    }


def _learn_lifetime_values(run: WarehouseRun, connection: duckdb.DuckDBPyConnection, as_of_date: date) -> Posting:
    from ml.lifetime_value import LifetimeValueConfig, value_lifetimes

    data_from, _ = read_dates(connection)
    days = connection.execute(
        """
        select customer_id, order_date, cast(sales_net_amount as double) as net_amount,
            cast(return_amount as double) as return_amount
        from intermediate.int_customer_days
        where order_date <= $1 and (has_valid_order or return_amount <> 0)
        """,
        [as_of_date],
    ).df()
    config = LifetimeValueConfig(
        churn_horizon_days=run.settings.churn_horizon_days, margin_rate=run.settings.assumed.margin_rate
    )
    result = value_lifetimes(days, as_of_date, data_from, config)
    scores = result.scores
    problems = key_problems(scores, ["customer_id"], "lifetime values") + range_problems(scores, "p_alive", 0, 1)
    record = {
        "model_run_id": result.run["model_run_id"],
        "model": result.run["published_model"],
        "version": str(result.run["version"]),
        "snapshot_from": data_from,
        "snapshot_to": as_of_date,
        "rows": result.run["rows_count"],
        "is_champion": result.run["published_model"] != NAIVE_RATE,
        "status": result.run["p_alive_status"],
    }
    return Posting(record, {"lifetime_values": scores}, result.metrics, problems, shown_metrics(result.metrics, "mean"))


def _learn_campaign_effects(run: WarehouseRun, connection: duckdb.DuckDBPyConnection, as_of_date: date) -> Posting:
    from ml.experiments import analyse_experiments
    from ml.model_runs import METRIC_COLUMNS, model_run_id
    from ml.observational import analyse_observational

    data_from, data_through = read_dates(connection)
    outcomes = connection.execute("select * from intermediate.int_campaign_outcomes").df()
    campaigns = connection.execute("select campaign_id, start_date, end_date, is_randomized from marts.dim_campaigns").df()
    members = connection.execute(
        """
        select members.campaign_id, members.customer_id
        from intermediate.int_campaign_member_versions as members
        where members.verdict = 'accepted' and members.arm = 'treatment'
            and members.campaign_id in (select campaign_id from marts.dim_campaigns where not is_randomized)
        """
    ).df()
    days = connection.execute(
        """
        select customer_id, order_date, cast(margin_amount as double) as value
        from intermediate.int_customer_days
        where order_date <= $1 order by all
        """,
        [as_of_date],
    ).df()
    chosen = campaigns[~campaigns["is_randomized"]]
    frames = [analyse_experiments(outcomes, campaigns, data_through)] if len(outcomes) else []
    if len(chosen):
        frames.append(analyse_observational(days, members, chosen, data_from, data_through))
    effects = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["campaign_id", "metric"])
    run_id = model_run_id(
        "campaign_effects", {"data_from": data_from, "data_through": data_through}, outcomes, members, days, campaigns
    )
    record = {
        "model_run_id": run_id,
        "model": "campaign_effects",
        "version": "1",
        "snapshot_from": data_from,
        "snapshot_to": data_through,
        "rows": len(outcomes) + len(days),
        "is_champion": True,
        "status": "ok" if frames else "no_campaigns",
    }
    problems = key_problems(effects, ["campaign_id", "metric"], "campaign effects")
    statuses = effects["status"].value_counts().to_dict() if frames else {}
    metadata = {f"campaigns: {status}": int(count) for status, count in statuses.items()}
    return Posting(record, {"campaign_effects": effects}, pd.DataFrame(columns=METRIC_COLUMNS), problems, metadata)


STEPS: tuple[ModelStep, ...] = (
    ModelStep(
        "lifetime_values",
        {"lifetime_values": "Expected orders and discounted margin of each customer, and the chance of being one still."},
        ["intermediate.int_customer_days", "intermediate.int_run_dates"],
        _learn_lifetime_values,
    ),
    ModelStep(
        "campaign_effects",
        {"campaign_effects": "What each campaign changed per customer, where it can be told."},
        [
            "intermediate.int_campaign_outcomes",
            "intermediate.int_campaign_member_versions",
            "intermediate.int_customer_days",
            "intermediate.int_run_dates",
            "marts.dim_campaigns",
        ],
        _learn_campaign_effects,
    ),
)
