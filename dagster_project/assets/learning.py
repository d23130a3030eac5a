"""What each model of the graph reads, learns and hands over: one `ModelStep` a model.

Frames come from dbt's tables and go to `ml`'s functions; nothing here decides what a number means. The learning
libraries are imported where they are used, so that a graph whose results stand starts without them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
import pandas as pd

from warehouse.settings import Settings

NOT_BEHAVIOURS = ("snapshot_date", "customer_id", "is_active", "churned", "next_orders_count")


@dataclass(frozen=True)
class Posting:
    """What a step hands over.

    runs: a record a model compared, the one that scores first. frames: score rows by table. metrics: figures out of
    time. problems: what makes the results unfit, as sentences. shown: figures of the run for the UI; pictures: PNG by
    name.
    """

    runs: Sequence[Mapping[str, Any]]
    frames: Mapping[str, pd.DataFrame]
    metrics: pd.DataFrame
    problems: Sequence[str] = ()
    shown: Mapping[str, float | int | str] = field(default_factory=dict)
    curves: pd.DataFrame | None = None


Learn = Callable[[Settings, duckdb.DuckDBPyConnection, date], Posting]


@dataclass(frozen=True)
class ModelStep:
    """One model of the graph: the tables it fills (with descriptions), the tables it reads, and how it learns.

    previous: what it starts from besides those tables, as text: the model that scored before.
    is_parallel: whether learning keeps every processor busy; what can be done beside the models then waits for its end.
    """

    name: str
    tables: Mapping[str, str]
    reads: Sequence[str]
    learn: Learn
    previous: Callable[[Settings, date], str] = lambda settings, as_of_date: ""
    is_parallel: bool = False


def _rows(connection: duckdb.DuckDBPyConnection, query: str, *values: Any) -> pd.DataFrame:
    return connection.execute(query, list(values)).df()


def _coded_rows(connection: duckdb.DuckDBPyConnection, coded: Sequence[str], query: str, *values: Any) -> pd.DataFrame:
    """Rows with the columns `coded` as categories in sorted order: a key of many rows once, and codes of four bytes."""
    frame = connection.execute(query, list(values)).to_arrow_table().to_pandas(categories=list(coded))
    return frame.assign(**{name: frame[name].cat.set_categories(sorted(frame[name].cat.categories)) for name in coded})


def _run_dates(connection: duckdb.DuckDBPyConnection) -> tuple[date, date]:
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


def _figures(metrics: pd.DataFrame, model: str, wanted: str) -> dict[str, float]:
    chosen = metrics[(metrics["slice"] == wanted) & (metrics["model"] == model)]
    return {row.metric: round(float(row.value), 4) for row in chosen.itertuples() if pd.notna(row.value)}


def _learn_clusters(settings: Settings, connection: duckdb.DuckDBPyConnection, as_of_date: date) -> Posting:
    from ml.common.model_card import segments_card
    from ml.segments.clustering import Centroids, ClusterConfig, cluster_customers
    from warehouse.model_store.artifacts import load_champion, save_model, set_champion

    name = "customer_clusters"
    saved = load_champion(settings.models_dir, name, as_of_date)
    previous = Centroids.from_state(saved.model) if saved else None
    features = _rows(connection, "select * from intermediate.int_cluster_features")
    result = cluster_customers(features, ClusterConfig(seed=settings.seed), previous)
    if result.centroids:
        save_model(settings.models_dir, name, result.run, result.centroids.state(), segments_card(result))
        set_champion(settings.models_dir, name, as_of_date, result.run["model_run_id"])
    problems = key_problems(result.assignments, ["customer_id"], "clusters")
    frames = {
        "customer_clusters": result.assignments,
        "cluster_profiles": result.profile,
        "cluster_drifts": result.drift,
    }
    shown = {**_figures(result.metrics, str(result.run["model"]), "chosen"), "status": result.status}
    return Posting([result.run], frames, result.metrics, problems, shown)


def _churn_features(connection: duckdb.DuckDBPyConnection, most_snapshots: int, most_rows: int) -> pd.DataFrame:
    """Everybody at the last snapshot, and of those to learn from so many whole customers as will be used.

    A million customers at every snapshot would be some gigabytes; whose checksum is small does not depend on the data.
    """
    return _rows(
        connection,
        """
        with newest as (
            select snapshot_date, count(*) as n from intermediate.int_churn_features
            where churned is not null
            group by snapshot_date order by snapshot_date desc limit $1
        )
        select * from intermediate.int_churn_features
        where snapshot_date = (select max(snapshot_date) from intermediate.int_churn_features)
            or snapshot_date in (select snapshot_date from newest)
            and ('0x' || md5(customer_id)[:8])::bigint <= 1.5 * $2 / (select sum(n) from newest) * 4294967296
        """,
        most_snapshots,
        most_rows,
    )


def _learn_churn(settings: Settings, connection: duckdb.DuckDBPyConnection, as_of_date: date) -> Posting:
    from ml.churn.champion import Champion
    from ml.churn.config import ChurnConfig
    from ml.churn.training import train_and_score
    from ml.common.model_card import churn_card
    from warehouse.model_store.artifacts import load_champion, save_model, set_champion

    name = "churn"
    saved = load_champion(settings.models_dir, name, as_of_date)
    config = ChurnConfig(
        horizon_days=settings.churn_horizon_days,
        seed=settings.seed,
        trials=settings.churn.trials,
        bands=settings.churn.bands,
    )
    features = _churn_features(connection, config.most_snapshots, config.most_training_rows)
    result = train_and_score(
        features,
        config,
        Champion.from_saved(saved.run, saved.model, saved.training_key, saved.comparison) if saved else None,
    )
    run_id = result.run["model_run_id"]
    if result.model is not None:
        save_model(settings.models_dir, name, result.run, result.model, churn_card(result, config))
        set_champion(
            settings.models_dir,
            name,
            as_of_date,
            run_id,
            training_key=result.training_key,
            comparison=result.comparison(),
        )
    problems = key_problems(result.scores, ["customer_id"], "churn scores")
    problems += range_problems(result.scores, "churn_probability", 0, 1)
    if result.status == "leak_suspected":
        problems.append(result.detail)
    others = [run for run in result.runs if run["model_run_id"] != run_id]
    model = str(result.run["model"])
    shown = {**_figures(result.metrics, model, "mean;population=active"), "model": model, "status": result.status}
    frames = {"churn_scores": result.scores, "churn_curves": result.curves}
    return Posting([result.run, *others], frames, result.metrics, problems, shown, result.curves)


def _learn_lifetime_values(settings: Settings, connection: duckdb.DuckDBPyConnection, as_of_date: date) -> Posting:
    from ml.lifetime.purchase_models import NaiveRate
    from ml.lifetime.valuation import LifetimeValueConfig, value_lifetimes

    data_from, _ = _run_dates(connection)
    days = _rows(
        connection,
        """
        select customer_id, order_date, cast(sales_net_amount as double) as net_amount,
            cast(return_amount as double) as return_amount
        from intermediate.int_customer_daily
        where has_valid_order or return_amount <> 0
        """,
    )
    config = LifetimeValueConfig(
        churn_horizon_days=settings.churn_horizon_days, margin_rate=settings.assumed.margin_rate
    )
    result = value_lifetimes(days, as_of_date, data_from, config)
    model = result.run["published_model"]
    record = {
        "model_run_id": result.run["model_run_id"],
        "model": model,
        "version": str(result.run["version"]),
        "snapshot_from": data_from,
        "snapshot_to": as_of_date,
        "rows": result.run["rows_count"],
        "is_champion": model != NaiveRate().name,
        "status": result.run["p_alive_status"],
    }
    problems = key_problems(result.scores, ["customer_id"], "lifetime values")
    problems += range_problems(result.scores, "p_alive", 0, 1)
    frames = {"lifetime_values": result.scores, "lifetime_value_curves": result.curves}
    shown = {**_figures(result.metrics, model, "mean"), "model": model, "status": record["status"]}
    return Posting([record], frames, result.metrics, problems, shown)


def _learn_recommendations(settings: Settings, connection: duckdb.DuckDBPyConnection, as_of_date: date) -> Posting:
    from ml.recommend.recommending import RecommendConfig, recommend

    orders = _coded_rows(
        connection,
        ["customer_id", "product_id"],
        """
        select distinct customer_id, product_id, order_date
        from intermediate.int_sale_lines
        where not is_return and customer_id is not null and product_id is not null
        """,
    )
    products = _rows(
        connection, "select product_id, category from intermediate.int_product_versions where row_status = 'accepted'"
    )
    result = recommend(orders, products, as_of_date, RecommendConfig(judged_days=settings.churn_horizon_days))
    record = {
        "model_run_id": result.run["model_run_id"],
        "model": "recommendations",
        "version": str(result.run["version"]),
        "snapshot_to": as_of_date,
        "rows": result.run["rows_count"],
        "is_champion": result.run["status"] == "ok",
        "status": result.run["status"],
    }
    problems = key_problems(result.recommendations, ["customer_id", "list", "rank"], "recommendations")
    shown = {f"published for {name}": str(model) for name, model in result.run["published_models"].items()}
    return Posting([record], {"recommendations": result.recommendations}, result.metrics, problems, shown)


def _learn_correlations(settings: Settings, connection: duckdb.DuckDBPyConnection, as_of_date: date) -> Posting:
    from ml.churn.correlations import correlate_behaviours

    # the last snapshot whose next period is over: one row a customer, so that rows are independent
    frame = _rows(
        connection,
        """
        select features.*, labels.next_orders_count
        from intermediate.int_churn_features as features
        inner join intermediate.int_churn_labels as labels
            on features.snapshot_date = labels.snapshot_date and features.customer_id = labels.customer_id
        where features.snapshot_date = (select max(snapshot_date) from intermediate.int_churn_labels)
        """,
    )
    behaviours = [name for name in frame.columns if name not in NOT_BEHAVIOURS]
    result = correlate_behaviours(frame, behaviours, "next_orders_count", as_of_date)
    record = {
        "model_run_id": result.run["model_run_id"],
        "model": "behaviour_correlations",
        "version": str(result.run["version"]),
        "snapshot_to": as_of_date,
        "rows": len(frame),
        "is_champion": True,
        "status": "ok" if len(frame) else "insufficient_history",
    }
    problems = key_problems(result.correlations, ["behaviour", "method"], "correlations")
    problems += range_problems(result.correlations, "correlation", -1.0000001, 1.0000001)
    return Posting([record], {"behaviour_correlations": result.correlations}, result.metrics, problems)


def _learn_campaign_effects(settings: Settings, connection: duckdb.DuckDBPyConnection, as_of_date: date) -> Posting:
    from ml.campaigns.experiments import analyse_experiments
    from ml.campaigns.observational import analyse_observational
    from ml.common.model_runs import METRIC_COLUMNS, model_run_id

    data_from, data_through = _run_dates(connection)
    outcomes = _rows(connection, "select * from intermediate.int_campaign_outcomes")
    campaigns = _rows(
        connection, "select campaign_id, start_date, end_date, is_randomized from intermediate.int_campaigns"
    )
    members = _rows(
        connection,
        """
        select campaign_id, customer_id
        from intermediate.int_campaign_members
        where arm = 'treatment'
            and campaign_id in (select campaign_id from intermediate.int_campaigns where not is_randomized)
        """,
    )
    days = _rows(
        connection,
        """
        select customer_id, order_date, cast(margin_amount as double) as value
        from intermediate.int_customer_daily
        order by all
        """,
    )
    chosen = campaigns[~campaigns["is_randomized"].astype(bool)]
    frames = [analyse_experiments(outcomes, campaigns, data_through)] if len(outcomes) else []
    if len(chosen):
        frames.append(analyse_observational(days, members, chosen, data_from, data_through))
    effects = (
        pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["campaign_id", "metric", "status"])
    )
    record = {
        "model_run_id": model_run_id(
            "campaign_effects",
            {"data_from": data_from, "data_through": data_through},
            outcomes,
            members,
            days,
            campaigns,
        ),
        "model": "campaign_effects",
        "version": "1",
        "snapshot_from": data_from,
        "snapshot_to": data_through,
        "rows": len(outcomes) + len(days),
        "is_champion": True,
        "status": "ok" if frames else "no_campaigns",
    }
    problems = key_problems(effects, ["campaign_id", "metric"], "campaign effects")
    shown = {f"campaigns {status}": int(count) for status, count in effects["status"].value_counts().items()}
    return Posting([record], {"campaign_effects": effects}, pd.DataFrame(columns=METRIC_COLUMNS), problems, shown)


def _learn_rewards(settings: Settings, connection: duckdb.DuckDBPyConnection, as_of_date: date) -> Posting:
    from ml.rewards.planning import CANDIDATE_COLUMNS, OFFERED, TRIAL_COLUMNS, RewardConfig, plan_rewards

    trials = _rows(connection, "select * from intermediate.int_reward_trials")
    features = [name for name in trials.columns if name not in (*TRIAL_COLUMNS, "pre_value")]
    # a row for each customer and reward: seven digits are enough to look a customer's effect up
    columns = [*CANDIDATE_COLUMNS, *(f"cast({name} as float) as {name}" for name in features)]
    candidates = _rows(connection, f"select {', '.join(columns)} from intermediate.int_reward_candidates")
    config = RewardConfig(
        response_rate=settings.assumed.reward_response_rate,
        budget_amount=settings.rewards.budget_amount,
        caps=settings.rewards.caps,
        seed=settings.seed,
    )
    plan = plan_rewards(candidates, trials, features, config)
    record = {
        "model_run_id": plan.run["model_run_id"],
        "model": plan.run["model"],
        "version": str(plan.run["version"]),
        "snapshot_to": as_of_date,
        "rows": plan.run["rows_count"],
        "is_champion": True,
        "status": plan.run["status"],
    }
    problems = key_problems(plan.offers, ["customer_id"], "next best rewards")
    offered = plan.offers[plan.offers["status"] == OFFERED]
    shown = {
        "rewards offered": len(offered),
        "their cost": round(float(offered["cost_amount"].sum()), 2),
        "their expected margin": round(float(offered["expected_incremental_margin_amount"].sum()), 2),
    }
    return Posting([record], {"next_best_rewards": plan.offers}, plan.metrics, problems, shown)


def _chosen_before(name: str) -> Callable[[Settings, date], str]:
    def chosen(settings: Settings, as_of_date: date) -> str:
        from warehouse.model_store.artifacts import champion_before

        return champion_before(settings.models_dir, name, as_of_date) or ""

    return chosen


STEPS: tuple[ModelStep, ...] = (
    ModelStep(
        "customer_clusters",
        {
            "customer_clusters": "The behaviour cluster of each customer.",
            "cluster_profiles": "What makes each cluster what it is.",
            "cluster_drifts": "How far each cluster moved from the run before.",
        },
        ["intermediate.int_cluster_features", "intermediate.int_run_dates"],
        _learn_clusters,
        _chosen_before("customer_clusters"),
    ),
    ModelStep(
        "churn_scores",
        {
            "churn_scores": "The probability of no order in the churn horizon, with reasons.",
            "churn_curves": "Calibration and gain of the models compared, out of time.",
        },
        ["intermediate.int_churn_features", "intermediate.int_run_dates"],
        _learn_churn,
        _chosen_before("churn"),
        is_parallel=True,
    ),
    ModelStep(
        "lifetime_values",
        {
            "lifetime_values": "Expected orders and discounted margin of each customer.",
            "lifetime_value_curves": "Expected beside actual orders by decile, out of time.",
        },
        ["intermediate.int_customer_daily", "intermediate.int_run_dates"],
        _learn_lifetime_values,
    ),
    ModelStep(
        "recommendations",
        {"recommendations": "Products to offer each customer: new ones, and ones to buy again."},
        ["intermediate.int_sale_lines", "intermediate.int_product_versions", "intermediate.int_run_dates"],
        _learn_recommendations,
    ),
    ModelStep(
        "behaviour_correlations",
        {"behaviour_correlations": "How behaviours go together with the next period's orders."},
        [
            "intermediate.int_churn_features",
            "intermediate.int_churn_labels",
            "intermediate.int_run_dates",
        ],
        _learn_correlations,
    ),
    ModelStep(
        "campaign_effects",
        {"campaign_effects": "What each campaign changed per customer, where that can be estimated."},
        [
            "intermediate.int_campaign_outcomes",
            "intermediate.int_campaign_members",
            "intermediate.int_campaigns",
            "intermediate.int_customer_daily",
            "intermediate.int_run_dates",
        ],
        _learn_campaign_effects,
    ),
    ModelStep(
        "next_best_rewards",
        {"next_best_rewards": "The reward that next month's budget gives each customer, or why none."},
        ["intermediate.int_reward_candidates", "intermediate.int_reward_trials", "intermediate.int_run_dates"],
        _learn_rewards,
    ),
)
