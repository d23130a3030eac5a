"""The loyalty score: three parts, each a percentile, and their weighted mean."""

from serving.explain.explanation import Arithmetic, Explanation, Metric, NotToldError, counted, told
from serving.explain.facts import Facts, Row

NAME = "score"
PUBLISHED = """
select recency_percentile, frequency_percentile, monetary_percentile, events_count, average_rating, purchase_part,
    usage_part, feedback_part, coverage, loyalty_score, loyalty_band
from fct_loyalty_scores
where customer_id = $customer_id and as_of_date = $as_of_date
"""
VALUES = """
select recency_days, frequency as orders_count, monetary_amount as net_amount
from fct_customer_rfm
where customer_id = $customer_id and as_of_date = $as_of_date and rfm_window = 'lifetime'
"""
PARTS = ("purchase", "usage", "feedback")
# What a percentile of six decimals leaves open in the score of 100.
ROUNDING = 0.0002


def explain(facts: Facts) -> Explanation:
    """A percentile says which share of customers is below, in the reference of the month before."""
    published = facts.row(PUBLISHED)
    if published is None:
        kept = facts.days_kept("fct_loyalty_scores")
        raise NotToldError(f"no score of {facts.as_of_date} is kept; days nearest to it: {kept}")
    sums, ranked = Arithmetic(), facts.row(VALUES)
    if ranked and ranked["recency_days"] is not None:
        sums.say(
            f"Ranked: {counted(ranked['recency_days'], 'day')} since the last order,"
            f" {counted(ranked['orders_count'], 'order')} and {told(ranked['net_amount'])} of net sales so far."
        )
    _purchase(sums, published)
    _weighted(sums, facts, published)
    score, figure = published["loyalty_score"], "no score, as there is no purchase part"
    if score is not None:
        figure = f"{score:.1f} of 100, {published['loyalty_band']}"
    return Explanation(NAME, figure, _rules(facts, published), [], sums.lines, sums.differences)


def _purchase(sums: Arithmetic, published: Row) -> None:
    """The mean of three percentiles."""
    percentiles = [published[f"{name}_percentile"] for name in ("recency", "frequency", "monetary")]
    if None in percentiles:
        sums.check("purchase part", None, published["purchase_part"])
        sums.say("Purchase part: none, without a valid order or with too few customers to rank among.")
        return
    part = sum(percentiles) / 3
    sums.check_near("purchase part", part, published["purchase_part"], 0.000001)
    said = " + ".join(f"{value:.4f}" for value in percentiles)
    sums.say(f"Purchase part: percentiles of recency, frequency and net sales ({said}) / 3 = {part:.4f}.")


def _weighted(sums: Arithmetic, facts: Facts, published: Row) -> None:
    """The weighted mean of the parts that are there."""
    weights = {name: facts.number(f"loyalty_score.{name}_weight") for name in PARTS}
    there = {name: published[f"{name}_part"] for name in PARTS if published[f"{name}_part"] is not None}
    for name in ("usage", "feedback"):
        if name not in there:
            sums.say(f"{name.capitalize()} part: none, so its weight of {weights[name]:g} does not count.")
    coverage = sum(weights[name] for name in there)
    sums.check_near("coverage", coverage, published["coverage"], 0.05)
    if "purchase" not in there:
        sums.check("score", None, published["loyalty_score"])
        return
    total = sum(weights[name] * value for name, value in there.items())
    score = 100 * total / coverage
    sums.check_near("score", score, published["loyalty_score"], ROUNDING)
    said = " + ".join(f"{weights[name]:g} * {value:.4f}" for name, value in there.items())
    sums.say(f"100 * ({said}) / {coverage:.1f} = {score:.1f}.")
    sums.check("band", _band(facts, published["loyalty_score"]), published["loyalty_band"])


def _band(facts: Facts, score: float) -> str:
    if score < facts.number("loyalty_score.mid_from"):
        return "low"
    return "mid" if score < facts.number("loyalty_score.high_from") else "high"


def _rules(facts: Facts, published: Row) -> list[str]:
    said = facts.told_settings
    events = "" if published["events_count"] is None else f" ({told(published['events_count'])})"
    rating = "" if published["average_rating"] is None else f" ({published['average_rating']:.1f} of 10)"
    weights = ", ".join(f"{name} {said[f'loyalty_score.{name}_weight']}" for name in PARTS)
    return [
        f"The mean of the parts that are there, by weight: {weights}. A part is the share of customers with lower"
        " values at the end of the month before, and half of those with equal ones.",
        f"Usage is events in {said['loyalty_score.usage_days']} days{events}, feedback the mean rating in"
        f" {said['loyalty_score.feedback_days']} days{rating}.",
        f"Bands: mid from {said['loyalty_score.mid_from']}, high from {said['loyalty_score.high_from']}.",
    ]


METRIC = Metric(
    NAME,
    {
        "fct_loyalty_scores": (
            "customer_id as_of_date recency_percentile frequency_percentile monetary_percentile events_count "
            "average_rating purchase_part usage_part feedback_part coverage loyalty_score loyalty_band"
        ),
        "fct_customer_rfm": "customer_id as_of_date rfm_window recency_days frequency monetary_amount",
        "dim_settings": "setting value",
    },
    explain,
)
