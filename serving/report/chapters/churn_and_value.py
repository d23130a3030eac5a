"""Forecasts of the models: which customers are about to leave, and what customers will be worth."""

from typing import Any

import pandas as pd

from serving.report import formatting, theme
from serving.report.chapters.following import shares_live
from serving.report.charts import churn_and_value as charts
from serving.report.charts.shares import shares
from serving.report.parts import Company, Figure, Section, Table

BASELINE = "recency_alone"
MODEL = "this model"


def churn(company: Company) -> Section:
    """Churn bands, their net sales, and how far the model can be trusted."""
    figures = [_bands(company), *_trust(company)]
    return Section("churn", "Churn risk", figures)


def lifetime_value(company: Company) -> Section:
    """Expected value of customers by tenth, past forecasts beside actual values, and the fitted parameters."""
    figures = [_deciles(company), *_forecast_and_actual(company), *_fitted(company)]
    return Section("value", "Customer lifetime value", figures)


def value_at_risk(company: Company) -> dict[str, Any] | None:
    """Customers in the bands high and critical, their net sales of the past 365 days and its share; None unknown."""
    if not company.marts.has("rpt_churn_bands", "is_high_risk", "net_share_rate"):
        return None
    row = company.marts.rows(
        """
        select
            sum(customers_count) as customers, sum(net_amount_365d) as net_amount, sum(net_share_rate) as share
        from marts.rpt_churn_bands
        where is_high_risk and as_of_date = (select max(as_of_date) from marts.rpt_churn_bands)
        """
    )[0]
    return row if row["share"] is not None else None


def _band_frame(company: Company) -> pd.DataFrame | None:
    if not company.marts.has("rpt_churn_bands", "share_rate", "net_share_rate"):
        return None
    return company.marts.frame(
        """
        with bands as (
            select * from marts.rpt_churn_bands where as_of_date = (select max(as_of_date) from marts.rpt_churn_bands)
        )

        select 'Customers' as measure, churn_band as part, customers_count::double as value, share_rate as share
        from bands
        union all
        select 'Net sales, 365 days', churn_band, net_amount_365d::double, net_share_rate from bands
        """
    )


def _bands(company: Company) -> Figure:
    title = "Who may not come back"
    frame, horizon = _band_frame(company), company.settings.churn_horizon_days
    if frame is None:
        return Figure(
            title,
            missing="No churn scores: the model has not run, or the history is too short for it "
            "(200 active customers and three months to test on are needed).",
            width=12,
        )
    risk = value_at_risk(company)
    low, medium, high = company.settings.churn.bands
    return Figure(
        title,
        company.marts.last_day("rpt_churn_bands"),
        f"Probability of no valid order in the next {horizon} days: low under {low:.0%}, medium under "
        f"{medium:.0%}, high under "
        f"{high:.0%}, critical from there. At stake: net sales of the past 365 days.",
        f"{formatting.some(int(risk['customers']), 'customer')} in the bands high and critical brought "
        f"{company.money(risk['net_amount'])} in the past 365 days, {formatting.percent(risk['share'])} of what all "
        "scored brought."
        if risk
        else "",
        shares(frame, theme.BANDS),
        width=12,
        live=shares_live("churn_band"),
    )


def _trust(company: Company) -> list[Figure]:
    """How forecasts on months that the model had not seen came out; nothing where there are no forecasts."""
    if not company.marts.has("rpt_churn_curves", "model", "curve", "x", "y", "customers_count"):
        return []
    last, model = company.marts.last_day("rpt_churn_curves"), _scoring_model(company)["model"]
    calibration, gains = _curve(company, "calibration", model), _curve(company, "captured", model)
    if calibration.empty or gains.empty:
        return []
    tested = "Active customers, on months the model had not seen"
    gains = gains.assign(who=MODEL)
    if model != BASELINE:
        gains = pd.concat([gains, _curve(company, "captured", BASELINE).assign(who=formatting.model(BASELINE))])
    tenth = gains[(gains["who"] == MODEL) & (gains["x"] >= 0.0999)]["y"].iloc[0]
    return [
        Figure(
            "Does what it forecasts happen?",
            last,
            f"{tested}, in tenths by forecast: share forecast not to come back beside the share that did not. On the "
            "dashed line the forecast is right.",
            _quality(company),
            charts.calibration(calibration.rename(columns={"x": "predicted_rate", "y": "observed_rate"})),
        ),
        Figure(
            "How many does a call list reach?",
            last,
            f"{tested}, contacted from the highest forecast down: share of those who did not come back among them. "
            "Dashed: contacted by chance.",
            f"The tenth with the highest forecast holds {formatting.percent(tenth)} of those who do not come back.",
            charts.gains(gains.rename(columns={"x": "contacted_share", "y": "reached_share"})),
        ),
    ]


def _curve(company: Company, curve: str, model: str | None) -> pd.DataFrame:
    """Points of one curve of one model at its last posting: x, y, customers_count."""
    return company.marts.frame(
        """
        select x, y, customers_count from marts.rpt_churn_curves
        where curve = $curve and model = $model and as_of_date = (select max(as_of_date) from marts.rpt_churn_curves)
        order by x
        """,
        curve=curve,
        model=model,
    )


def _scoring_model(company: Company) -> dict[str, str | None]:
    """The run whose scores are valid, and the model that it published; empty if runs are not recorded."""
    if not company.marts.has("fct_model_runs", "model_run_id", "model"):
        return {"run": None, "model": None}
    rows = company.marts.rows(
        """
        select runs.model_run_id as run, runs.model from marts.fct_model_runs as runs
        where runs.model_run_id in (
            select model_run_id from marts.fct_churn_scores
            where as_of_date = (select max(as_of_date) from marts.fct_churn_scores)
        )
        order by runs.model_run_id limit 1
        """
    )
    return rows[0] if rows else {"run": None, "model": None}


def _quality(company: Company) -> str:
    model = _scoring_model(company)
    if not company.marts.has("fct_model_metrics", "model_run_id", "metric", "slice", "baseline"):
        return ""
    rows = company.marts.rows(
        """
        select value, baseline from marts.fct_model_metrics
        where model_run_id = $run and model = $model and slice = 'mean;population=active' and metric = 'auc'
        """,
        **model,
    )
    if not rows or rows[0]["value"] is None:
        return ""
    own, recency = rows[0]["value"], rows[0]["baseline"]
    beside = (
        f", and going by {formatting.model(BASELINE)} in {100 * recency:.0f}"
        if recency is not None and model["model"] != BASELINE
        else ""
    )
    return (
        f"Of a customer who left and one who stayed, the model ({formatting.model(model['model'] or '')}) gives the one"
        f" who left the higher risk in {100 * own:.0f} of 100 pairs (AUC {own:.2f}). Guessing does in 50{beside}."
    )


def _deciles(company: Company) -> Figure:
    title = "Where future value lies"
    marts, months = company.marts, _horizon(company)
    if months is None:
        why = _limits(company) or "the model has not run, or the history is too short for it"
        return Figure(title, missing=f"No lifetime values: {why}.", width=12)
    last = marts.last_day("rpt_lifetime_value_deciles")
    frame = marts.frame(
        """
        select
            decile, clv_amount as amount, average_clv_amount as amount_per_customer, clv_share_rate as share
        from marts.rpt_lifetime_value_deciles
        where as_of_date = $last and horizon_months = $months
        order by decile
        """,
        last=last,
        months=months,
    )
    limits = _limits(company)
    return Figure(
        title,
        last,
        f"Margin of the orders each customer is expected to place in the next {months} months, discounted at "
        "10% a year.",
        f"The most valuable tenth of customers will bring {formatting.percent(frame['share'].iloc[0])} of "
        f"{company.money(frame['amount'].sum())} expected.{f' Limits: {limits}.' if limits else ''}",
        charts.value_by_decile(frame, company.currency),
        assumed=company.assumed_margin,
        width=12,
    )


def _horizon(company: Company) -> int | None:
    """The horizon of the values in months: 12 if the history allows it, else 3, else none."""
    if not company.marts.has("rpt_lifetime_value_deciles", "horizon_months", "clv_amount", "clv_share_rate"):
        return None
    return company.marts.one(
        """
        select max(horizon_months) from marts.rpt_lifetime_value_deciles
        where horizon_months <= 12 and as_of_date = (select max(as_of_date) from marts.rpt_lifetime_value_deciles)
        """
    )


def _limits(company: Company) -> str:
    if not company.marts.has("fct_customer_lifetime_value", "status"):
        return ""
    statuses = company.marts.one(
        """
        select string_agg(distinct status, ' ' order by status) from marts.fct_customer_lifetime_value
        where as_of_date = (select max(as_of_date) from marts.fct_customer_lifetime_value) and status <> 'ok'
        """
    )
    found = [status for status in formatting.STATUSES if status in (statuses or "").replace(";", " ").split()]
    return formatting.listed([formatting.reason(status) for status in found])


def _forecast_and_actual(company: Company) -> list[Figure]:
    """Forecasts of past days beside actual values; empty if no forecast could be tested."""
    marts = company.marts
    runs_told = all(marts.has(table, "model_run_id") for table in ("fct_model_runs", "fct_customer_lifetime_value"))
    if not runs_told or not marts.has("rpt_lifetime_value_backtest", "model", "average_actual_amount"):
        return []
    frame = marts.frame(
        """
        with published as (
            select model from marts.fct_model_runs
            where model_run_id in (
                select model_run_id from marts.fct_customer_lifetime_value
                where as_of_date = (select max(as_of_date) from marts.fct_customer_lifetime_value)
            )
        ),

        tenths as (
            select decile, average_expected_amount as forecast, average_actual_amount as happened
            from marts.rpt_lifetime_value_backtest
            where model in (select model from published)
                and as_of_date = (select max(as_of_date) from marts.rpt_lifetime_value_backtest)
        )

        select decile, kind, amount from tenths unpivot (amount for kind in (forecast, happened))
        order by all
        """
    )
    if frame.empty:
        return []
    definition = (
        "Customers in tenths by the net sales forecast for them at several past days, from what was known then; "
        "forecast "
        "and actual net sales per customer in the time after, over all those days."
    )
    chart = charts.forecast_and_actual(frame, company.currency)
    last = marts.last_day("rpt_lifetime_value_backtest")
    return [Figure("Did earlier forecasts come true?", last, definition, chart=chart, width=12)]


def _fitted(company: Company) -> list[Figure]:
    """Parameters of the models that the values come from; nothing where none was fitted."""
    marts = company.marts
    if not marts.has("rpt_lifetime_value_parameters", "model", "parameter", "value", "standard_error", "is_champion"):
        return []
    rows = marts.rows(
        """
        select model, parameter, value, standard_error from marts.rpt_lifetime_value_parameters
        where is_champion and as_of_date = (select max(as_of_date) from marts.rpt_lifetime_value_parameters)
        order by model = 'gamma_gamma', model, parameter
        """
    )
    if not rows:
        return []
    definition = (
        "Of the models that expected orders and order amounts come from: k stages of a wait between purchase days "
        "(1: random in time, more: a rhythm), r and alpha the rate of purchases, a and b the chance to stop after one, "
        "p, q and v the amounts. Standard errors are those of the likelihood's curvature."
    )
    cells = [
        [formatting.model(row["model"]), row["parameter"], _number(row["value"]), _number(row["standard_error"])]
        for row in rows
    ]
    table = Table(["Model", "Parameter", "Value", "Standard error"], cells, left=frozenset({0, 1}))
    last = marts.last_day("rpt_lifetime_value_parameters")
    return [Figure("What do the value models rest on?", last, definition, table=table, width=12)]


def _number(value: float | None) -> str:
    return formatting.NONE if value is None else f"{value:,.4g}"
