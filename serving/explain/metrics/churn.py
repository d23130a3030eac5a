"""The risk of churn: the typical customer's, and what each theme makes of it."""

import math

from serving.explain.explanation import Arithmetic, Explanation, Metric, NotToldError
from serving.explain.facts import Facts, Row

NAME = "churn"
PUBLISHED = """
select scores.churn_probability, scores.churn_band, scores.reason_1, scores.reason_2, scores.reason_3, runs.model
from fct_churn_scores as scores
left join fct_model_runs as runs on scores.model_run_id = runs.model_run_id
where scores.customer_id = $customer_id and scores.as_of_date = $as_of_date
"""
CONTRIBUTIONS = """
select contribution, sentence
from fct_churn_contributions
where customer_id = $customer_id
order by contribution_rank
"""
REFERENCE = "select base_log_odds, base_probability from rpt_churn_references where as_of_date = $as_of_date"
WHY_NONE = """
select status, detail from fct_model_runs where model = 'none' and as_of_date = $as_of_date and detail is not null
"""
BANDS = ("low", "medium", "high", "critical")
# Probabilities are published to six decimals.
ROUNDING = 0.000002


def explain(facts: Facts) -> Explanation:
    """Contributions add up on the scale of log-odds; a probability of 50% is 0 there."""
    published = facts.row(PUBLISHED)
    if published is None:
        raise NotToldError(_why_none(facts))
    sums, probability = Arithmetic(), published["churn_probability"]
    sums.check("band", _band(facts, probability), published["churn_band"])
    horizon = facts.told_settings["churn_horizon_days"]
    figure = f"{probability:.1%} risk of no order within {horizon} days, {published['churn_band']}"
    reference = facts.row(REFERENCE)
    if facts.is_today and reference:
        _add_up(sums, reference, facts.rows(CONTRIBUTIONS), probability)
    else:
        sums.say("What adds up to the risk is kept for the day of the publication only. Reasons of this day:")
        sums.lines += [f"{published[name]}." for name in ("reason_1", "reason_2", "reason_3") if published[name]]
    return Explanation(NAME, figure, _rules(facts, published), [], sums.lines, sums.differences)


def _add_up(sums: Arithmetic, reference: Row, parts: list[Row], probability: float) -> None:
    base = reference["base_log_odds"]
    total = base + sum(part["contribution"] for part in parts)
    computed = 1 / (1 + math.exp(-total))
    sums.check_near("risk", computed, probability, ROUNDING)
    sums.say(f"A typical active customer: {base:+.3f}, a risk of {reference['base_probability']:.1%}.")
    reached = base
    for part in parts:
        reached += part["contribution"]
        said = part["sentence"] or "Everything else"
        sums.say(f"{said}: {part['contribution']:+.3f} -> {reached:+.3f}, {1 / (1 + math.exp(-reached)):.1%}.")
    sums.say(f"1 / (1 + exp(-({total:.3f}))) = {computed:.1%}.")


def _band(facts: Facts, probability: float) -> str:
    return BANDS[sum(probability >= cut for cut in _cuts(facts))]


def _cuts(facts: Facts) -> list[float]:
    return [float(cut) for cut in (facts.told_settings["churn.bands"] or "").split(", ")]


def _why_none(facts: Facts) -> str:
    why = facts.row(WHY_NONE)
    if why and facts.is_today:
        return f"no risk is told of anybody, {why['status']}: {why['detail']}"
    days = facts.days_kept("fct_churn_scores")
    return f"no risk of {facts.as_of_date}, or no order in the 365 days before it; days nearest to it: {days}"


def _rules(facts: Facts, published: Row) -> list[str]:
    medium, high, critical = _cuts(facts)
    return [
        f"The model, {published['model']}, learned from past customers who placed no order for"
        f" {facts.told_settings['churn_horizon_days']} days.",
        f"Bands: medium from {medium:.0%}, high from {high:.0%}, critical from {critical:.0%}.",
        "A theme adds what changes when its values go from a typical customer's to this one's, in log-odds."
        " It says what the model goes by, not what would keep the customer.",
    ]


METRIC = Metric(
    NAME,
    {
        "fct_churn_scores": (
            "customer_id as_of_date churn_probability churn_band reason_1 reason_2 reason_3 model_run_id"
        ),
        "fct_churn_contributions": "customer_id contribution_rank contribution sentence",
        "rpt_churn_references": "as_of_date base_log_odds base_probability",
        "fct_model_runs": "model_run_id model status detail as_of_date",
        "dim_settings": "setting value",
    },
    explain,
)
