"""`python -m benchmarks.lifetime_models`: the lifetime-value models of a company, out of time and in seconds.

The company must have run. Prints each model's likelihood and errors over the past days of the backtest, and the model
that would be published without the models with a rhythm; then the processor time of the fits with one stage per wait,
and with the likeliest number of stages.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dagster_project.steps.lifetime_values import PURCHASE_DAYS
from ml.common.determinism import deterministic
from ml.lifetime.backtest import FittedModels, fit_models, group_summaries
from ml.lifetime.purchase_fits import fit_dropout_model, fit_nbd
from ml.lifetime.purchase_histories import summarise_purchases
from ml.lifetime.purchase_models import Histories
from ml.lifetime.valuation import LifetimeValueConfig, LifetimeValueResult, choose_models, value_lifetimes
from warehouse.settings import Settings, load_settings
from warehouse.sql import connect

ERRORS = ["total_ratio", "mae", "p_alive_calibration_error"]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lifetime_models", description=__doc__.splitlines()[0])
    parser.add_argument("--company", type=Path, help="the company's folder (default: LOYALTY_COMPANY)")
    settings = load_settings(parser.parse_args(argv).company)
    config = LifetimeValueConfig(
        churn_horizon_days=settings.churn_horizon_days, margin_rate=settings.assumed.margin_rate
    )
    with deterministic():
        measure(settings, config)


def measure(settings: Settings, config: LifetimeValueConfig) -> None:
    """Print the models of the company's purchase days, as of its last day, and how long their fits take."""
    with connect(settings.warehouse_path, read_only=True) as connection:
        days = connection.execute(f"select * from ({PURCHASE_DAYS}) order by all").df()
        data_from, as_of_date = connection.execute(
            "select data_from, data_through from intermediate.int_run_dates"
        ).fetchall()[0]
    result = value_lifetimes(days, as_of_date, data_from, config)
    histories = group_summaries(summarise_purchases(days, as_of_date))
    if result.curves.empty:
        print(f"{settings.company}: the history is too short for a backtest")
        return
    started = time.process_time()
    fitted = fit_models(histories)
    with_stages = time.process_time() - started
    Console().print(_table(settings.company, result, fitted))
    simple = replace(fitted, lasting_models=fitted.lasting_models[:1], dropout_models=fitted.dropout_models[:2])
    without = choose_models(simple, result.metrics, config)
    print(
        f"published: {result.run['published_model']}, p_alive {result.run['p_alive_status']}; without a rhythm: "
        f"{without.orders.name}, p_alive {without.p_alive_status}"
    )
    print(
        f"fits as of {as_of_date}: {with_stages:.2f} s of processor, {_simple_fits(histories):.2f} s with k = 1 alone"
    )


def _simple_fits(histories: Histories) -> float:
    started = time.process_time()
    nbd = fit_nbd(histories)
    for first_may_be_last in (False, True):
        fit_dropout_model(histories, first_may_be_last=first_may_be_last, nbd=nbd)
    return time.process_time() - started


def _table(company: str, result: LifetimeValueResult, fitted: FittedModels) -> Table:
    means = result.metrics[result.metrics["slice"] == "mean"].pivot(index="model", columns="metric", values="value")
    likelihoods = {model.name: (model.k, model.log_likelihood) for model in fitted.fits}
    table = Table("model", "k", "log-likelihood", *(name.replace("_", " ") for name in ERRORS), title=company)
    for name, errors in means[ERRORS].iterrows():
        k, likelihood = likelihoods.get(str(name), ("", float("nan")))
        figures = [f"{likelihood:,.1f}", *(f"{error:.4f}" for error in errors)]
        table.add_row(str(name), str(k), *("" if figure == "nan" else figure for figure in figures))
    return table


if __name__ == "__main__":
    main()
