"""The card of the lifetime-value models of a day: the published model, errors out of time, and fitted parameters."""

from __future__ import annotations

from ml.common.markdown import bullets, table
from ml.lifetime.valuation import LifetimeValueResult

_MEASURES = {
    "total_ratio": "Forecast / actual orders",
    "mae": "Mean absolute error",
    "spearman": "Rank correlation",
    "p_alive_calibration_error": "Error of p_alive",
}


def lifetime_card(result: LifetimeValueResult) -> str:
    """Markdown about the models of a day."""
    run = result.run
    origins = ", ".join(str(day) for day in run["origin_dates"])
    parts = [
        f"# Lifetime value: {run['published_model']}, version {run['version']}",
        "Purchase days that each customer will still have, what one is worth, and who is still a customer.",
        "## Status",
        f"Orders come from {run['published_model']}, p_alive and dates from {run['timing_model']}; "
        f"p_alive: {run['p_alive_status']}.",
        "## Learned from",
        f"{run['rows']:,d} customers as of {run['as_of_date']}, with {run['distinct_histories_count']:,d} distinct "
        f"histories. Run {run['model_run_id']}.",
        bullets([f"{name}: {value}" for name, value in sorted(run["parameters"].items())]),
        "## Out of time",
        f"Mean over forecasts made as of {origins}." if origins else "The history is too short for a test.",
        _measures(result),
        "## Fitted",
        "Standard errors come from the inverse Hessian at the maximum of the likelihood, with the number of stages k "
        "as chosen; k has none, nor has a parameter on a bound of its search.",
        table(result.parameters.columns, result.parameters.itertuples(index=False)),
        "## Use",
        "With k above 1 customers buy with a rhythm, and silence says sooner that somebody has left. Seasons, prices "
        "and campaigns are not known to any of the models.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _measures(result: LifetimeValueResult) -> str:
    means = result.metrics[result.metrics["slice"] == "mean"]
    if means.empty:
        return ""
    figures = means.pivot(index="model", columns="metric", values="value")[list(_MEASURES)].reset_index()
    return table(["Model", *_MEASURES.values()], figures.itertuples(index=False))
