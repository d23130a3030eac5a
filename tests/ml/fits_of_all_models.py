"""Every model of `ml` on a small company: `python fits_of_all_models.py DIR [SEED]` writes its results as Parquet.

With a seed the rows of every input are shuffled. `test_same_numbers` runs it under several kernels.
"""

import dataclasses
import datetime as dt
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.coverage import ChosenDesign, Design, experiment_outcomes, simulate, simulate_chosen
from ml.campaigns.arms import analyse_arms
from ml.campaigns.experiments import analyse_experiments
from ml.campaigns.observational import analyse_observational
from ml.campaigns.results import CONTROL, TREATMENT
from ml.churn.config import ChurnConfig
from ml.churn.correlations import correlate_behaviours
from ml.clusters.clustering import ClusterConfig, cluster_customers
from ml.forecasts import forecast_months
from ml.lifetime.valuation import LifetimeValueConfig, value_lifetimes
from ml.recommend.recommending import recommend
from ml.rewards.planning import RewardConfig, plan_rewards
from tests.ml.churn.generated_customers import HORIZON, churn_frame, features_of, segment_frame, trained
from tests.ml.forecasts.series import last_day, months, purchase_days, seasonal
from tests.ml.lifetime.simulated_purchases import Truth, as_purchase_days, simulate_purchases
from tests.ml.recommend.test_recommending import AS_OF, CONFIG, taste_shop
from tests.ml.rewards.test_planning import FEATURES, MONTH, candidates, trial
from tests.whatif.test_reward_response import ELASTICITY, campaigns
from whatif.reward_response import reward_response

Results = Iterator[tuple[str, pd.DataFrame]]


class Inputs:
    """Frames to eight digits, since they are made under the kernel too; shuffled where there is a seed."""

    def __init__(self, seed: int | None) -> None:
        self.seed = seed

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame as the models get it."""
        floats = frame.select_dtypes("float").columns
        frame = frame.assign(**{name: [float(f"{value:.7e}") for value in frame[name]] for name in floats})
        return frame if self.seed is None else frame.sample(frac=1, random_state=self.seed)


def record(run: Any) -> pd.DataFrame:
    """A run record as one column of text, without what it was told."""
    kept = {key: value for key, value in run.items() if key != "parameters"}
    return pd.DataFrame({"record": [json.dumps(kept, default=str, sort_keys=True)]})


def churn(inputs: Inputs) -> Results:
    """All models of the candidates, tuned."""
    config = ChurnConfig(horizon_days=HORIZON, trials=3)
    result = trained(inputs(features_of(churn_frame(300))), config)
    yield "churn", result.scores
    yield "churn_contributions", result.scored.contributions
    yield "churn_reference", result.scored.reference
    yield "churn_metrics", result.metrics
    yield "churn_curves", result.curves
    yield "churn_runs", pd.concat([record(run) for run in result.runs])


def lifetimes(inputs: Inputs) -> Results:
    """All purchase models and Gamma-Gamma."""
    starts = np.random.default_rng(1).uniform(0, 60, 500)
    purchases, _ = simulate_purchases(Truth(1.0, 5.0, 0.8, 3.0), 500, starts, 104, 2)
    days = inputs(as_purchase_days(purchases, "2023-01-01", 3))
    config = LifetimeValueConfig(churn_horizon_days=60, margin_rate=0.3)
    result = value_lifetimes(days, dt.date(2024, 12, 27), dt.date(2023, 1, 1), config)
    yield "lifetimes", result.scores
    yield "lifetime_inputs", result.inputs
    yield "lifetime_metrics", result.metrics
    yield "lifetime_curves", result.curves
    yield "lifetime_runs", record(result.run)
    yield "lifetime_parameters", result.parameters


def clusters(inputs: Inputs) -> Results:
    """k-means, its number of clusters and DBSCAN."""
    result = cluster_customers(inputs(segment_frame().drop(columns="truth")), ClusterConfig(repeats=3), None)
    yield "clusters", result.assignments
    yield "cluster_profiles", result.profile
    yield "cluster_metrics", result.metrics
    yield "cluster_runs", record(result.run)


def effects(inputs: Inputs) -> Results:
    """Randomized and matched campaigns, and behaviours beside the next period's orders."""
    outcomes = inputs(experiment_outcomes(simulate(Design("k1", treated=300, control=300, lift=0.3), 1)))
    ends = pd.DataFrame({"campaign_id": outcomes["campaign_id"].unique(), "end_date": [dt.date(2025, 3, 31)]})
    yield "experiments", analyse_experiments(outcomes, ends, dt.date(2025, 3, 31))
    measures = {
        "orders_count": outcomes["value"].gt(0),
        "net_amount": outcomes["value"] * 3,
        "margin_amount": outcomes["value"],
    }
    arms = analyse_arms(
        inputs(pd.concat([outcomes.assign(metric=name, value=values) for name, values in measures.items()])),
        pd.DataFrame({"arm": [TREATMENT, CONTROL], "is_control": [False, True], "planned_share": 0.5}).assign(
            campaign_id=outcomes["campaign_id"].iloc[0]
        ),
        ends.assign(is_over=True, is_final=True, is_assignment_broken=False, observed_share=1.0),
    )
    yield "arms", arms.arms
    yield "arm_metrics", arms.metrics
    arguments, _ = simulate_chosen(dataclasses.replace(ChosenDesign("chosen"), lift=0.4), 0)
    frames = ("customer_days", "members")
    yield "observational", analyse_observational(**arguments | {name: inputs(arguments[name]) for name in frames})
    frame = churn_frame(300, 1).drop(columns="churned").rename(columns={"zodiac_number": "orders"})
    behaviours = ["recency_days", "orders_per_week_90d", "gap_mean_days", "weekend_rate"]
    yield "correlations", correlate_behaviours(inputs(frame), behaviours, "orders", AS_OF).correlations


def forecasts(inputs: Inputs) -> Results:
    """Sales with a season, new customers, and customers rolled forward."""
    known = pd.concat([months(seasonal(44, 1)), months(seasonal(44, 2, 0.2) / 20, "new_customers")])
    result = forecast_months(inputs(known), inputs(purchase_days(500, 44, 3)), last_day(44))
    yield "forecasts", result.forecasts.astype({"model": str})
    yield "forecast_hits", result.hits
    yield "forecast_metrics", result.metrics
    yield "forecast_runs", record(result.run)


def offers(inputs: Inputs) -> Results:
    """Recommendations, uplift and the reward plan, and the response that scenarios assume."""
    orders, products = taste_shop()
    listed = recommend(inputs(orders), inputs(products), AS_OF, CONFIG)
    yield "recommendations", listed.recommendations
    yield "recommendation_metrics", listed.metrics
    wanted = candidates(120, ("voucher", "k1", 1.0), ("points", None, 0.5)).assign(plan_month=MONTH)
    tried = inputs(trial("k1", 4.0, rows=1000, only_recent=True))
    plan = plan_rewards(inputs(wanted), tried, FEATURES, RewardConfig(response_rate=0.05))
    yield "rewards", plan.offers
    yield "reward_metrics", plan.metrics
    yield "reward_runs", record(plan.run)
    response = reward_response(inputs(campaigns([1.0, 1.4, 0.6, 2.0, 1.1], 0.2)), (0.5, 1.5), ELASTICITY, 7)
    yield "reward_response", pd.DataFrame({"returns": response.returns, "elasticities": response.elasticities})


def main(folder: Path, seed: int | None) -> None:
    """Write every table."""
    inputs = Inputs(seed)
    for model in (churn, lifetimes, clusters, effects, forecasts, offers):
        for name, frame in model(inputs):
            frame.to_parquet(folder / f"{name}.parquet", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
