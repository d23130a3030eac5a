"""The probability that a customer places no order in the churn horizon, with reasons."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from dagster_project.steps.base import (
    Step,
    StepInputs,
    StepResult,
    figures,
    key_problems,
    range_problems,
    run_record,
)

if TYPE_CHECKING:
    from ml.churn import ChurnConfig, ChurnResult

MODEL_NAME = "churn"
# Today's snapshot of every customer; of the labelled ones only customers whose checksum is small enough, so that
# about 1.5 times the rows to be used are read. A million customers at every snapshot would be some gigabytes.
FEATURES = """
with newest as (
    select snapshot_date, count(*) as n from intermediate.int_churn_features
    where churned is not null
    group by snapshot_date order by snapshot_date desc limit $1
)
select * from intermediate.int_churn_features
where snapshot_date = $3
    or snapshot_date in (select snapshot_date from newest)
    and ('0x' || md5(customer_id)[:8])::bigint <= 1.5 * $2 / (select sum(n) from newest) * 4294967296
"""


def learn(inputs: StepInputs) -> StepResult:
    """Compare the candidates with the champion of an earlier day, and score with the better one."""
    from ml.churn import Champion, ChurnConfig, train_and_score
    from warehouse.model_store.artifacts import load_champion

    settings = inputs.settings
    config = ChurnConfig(
        horizon_days=settings.churn_horizon_days,
        seed=settings.seed,
        trials=settings.churn.trials,
        bands=settings.churn.bands,
    )
    saved = load_champion(inputs.models_dir, MODEL_NAME, inputs.as_of_date)
    champion = Champion.from_saved(saved.run, saved.model, saved.training_key, saved.comparison) if saved else None
    features = inputs.rows(FEATURES, config.most_snapshots, config.most_training_rows, inputs.as_of_date)
    result = train_and_score(features, config, champion, inputs.as_of_date)
    _save(inputs, result, config)
    others = [run for run in result.runs if run["model_run_id"] != result.run["model_run_id"]]
    model = str(result.run["model"])
    told = figures(result.metrics, model, "mean;population=active")
    shown: dict[str, float | str] = {**told, "model": model, "status": result.status}
    frames = {
        "churn_scores": result.scores,
        "churn_contributions": result.scored.contributions,
        "churn_references": result.scored.reference,
        "churn_curves": result.curves,
    }
    runs = [run_record(run) for run in (result.run, *others)]
    return StepResult(runs, frames, result.metrics, _problems(result), shown)


def _save(inputs: StepInputs, result: "ChurnResult", config: "ChurnConfig") -> None:
    from ml.churn import churn_card
    from warehouse.model_store.artifacts import save_model, set_champion

    if result.model is None:
        return
    save_model(inputs.models_dir, MODEL_NAME, result.run, result.model, churn_card(result, config))
    set_champion(
        inputs.models_dir,
        MODEL_NAME,
        inputs.as_of_date,
        result.run["model_run_id"],
        training_key=result.training_key,
        comparison=result.comparison(),
    )


def _problems(result: "ChurnResult") -> list[str]:
    problems = key_problems(result.scores, ["customer_id"], "churn scores")
    problems += range_problems(result.scores, "churn_probability", 0, 1)
    return [*problems, result.detail] if result.status == "leak_suspected" else problems


def draw(frames: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Predicted beside observed churn by decile, and churners found by share of customers addressed, as one SVG."""
    import altair as alt
    import vl_convert

    curves = frames["churn_curves"]
    if curves.empty:
        return {}
    panels = [
        alt.Chart(curves[curves["curve"] == curve])
        .mark_line(point=True)
        .encode(
            x=alt.X("x:Q", title=x_title, axis=alt.Axis(format="%")),
            y=alt.Y("y:Q", title=y_title, axis=alt.Axis(format="%")),
            color=alt.Color("model:N", title="model"),
        )
        .properties(width=280, height=220, title=curve)
        for curve, x_title, y_title in (
            ("calibration", "predicted", "observed"),
            ("captured", "customers addressed", "churners among them"),
        )
    ]
    return {"calibration and gain": vl_convert.vegalite_to_svg(alt.hconcat(*panels).to_dict())}


STEP = Step(
    name="churn_scores",
    tables={
        "churn_scores": "The probability of no order in the churn horizon, with reasons.",
        "churn_contributions": "What each theme adds to a customer's log-odds of churn, in words.",
        "churn_references": "The typical active customer, with whom each is compared.",
        "churn_curves": "Calibration and gain of the models compared, out of time.",
    },
    reads=["intermediate.int_churn_features", "intermediate.int_run_dates"],
    settings=["churn_horizon_days", "seed", "churn.trials", "churn.bands"],
    packages=["churn"],
    learn=learn,
    champion=MODEL_NAME,
    is_parallel=True,
    pictures=draw,
)
