"""The next reward: what it is expected to bring, what it costs, and why it is offered or not."""

from serving.explain.explanation import Arithmetic, Explanation, Metric, NotToldError, told
from serving.explain.facts import Facts, Row

NAME = "reward"
PUBLISHED = """
select plan_month, reward_name, expected_incremental_margin_amount, cost_amount, margin_per_order_amount, basis, status,
    reason
from fct_next_best_rewards
where customer_id = $customer_id
"""
STATUSES = {
    "offered": "It is offered: it brings more than it costs, and the month's budget pays for it.",
    "budget_spent": "It is not offered: it would bring more than it costs, but others bring more for the budget.",
    "not_worthwhile": "It is not offered: no reward that the customer may have brings more than it costs.",
    "effect_not_shown": "It is not offered: the campaign that tried it showed no effect.",
}
BASES = {
    "uplift_model": "the campaign that tried it, for customers like this one",
    "average_effect": "the campaign that tried it, on average over its customers",
    "assumed": "an assumed rate, as no campaign tried it",
    "effect_not_shown": "nothing, as the campaign that tried it showed no effect",
}


def explain(facts: Facts) -> Explanation:
    """Expected margin less cost, of the reward that the plan chose for the customer."""
    if not facts.is_today:
        raise NotToldError(f"rewards are planned as of {facts.published_day} only, the day of the publication")
    published = facts.row(PUBLISHED)
    if published is None:
        raise NotToldError(
            "none fits the tier, or the customer is in the permanent holdout or did not order in 365 days"
        )
    sums = Arithmetic()
    _gain(sums, facts, published)
    sums.say(STATUSES[published["status"]])
    figure = f"{published['reward_name']}, {published['plan_month']:%B %Y}: {published['status']}"
    return Explanation(NAME, figure, _rules(facts, published), [], sums.lines, sums.differences)


def _gain(sums: Arithmetic, facts: Facts, published: Row) -> None:
    expected, cost = published["expected_incremental_margin_amount"], published["cost_amount"]
    if expected is None:
        sums.say("Expected margin: none.")
        sums.check("status", "effect_not_shown", published["status"])
        return
    if published["basis"] == "assumed" and published["margin_per_order_amount"] is not None:
        rate, margin = facts.number("assumed.reward_response_rate"), published["margin_per_order_amount"]
        sums.check_near("expected margin", rate * float(margin), float(expected), 0.0002)
        sums.say(f"Expected margin: {rate:g} orders more * {told(margin)} of margin an order = {told(expected)}.")
    gain = expected - cost
    sums.say(f"{told(expected)} of expected margin - {told(cost)} of cost = {told(gain)}.")
    if (gain > 0) != (published["status"] in ("offered", "budget_spent")):
        sums.differences.append(f"the gain of {told(gain)} does not go with the status {published['status']}")


def _rules(facts: Facts, published: Row) -> list[str]:
    budget = facts.told_settings["rewards.budget_amount"]
    limit = f"a budget of {budget} a month" if budget else "no budget that limits them"
    return [
        f"Of the rewards that the customer may have, the one that brings most after its cost, within {limit}.",
        f"What it brings comes from {BASES[published['basis']]}. In words: {published['reason']}.",
    ]


METRIC = Metric(
    NAME,
    {
        "fct_next_best_rewards": (
            "customer_id plan_month reward_name expected_incremental_margin_amount cost_amount "
            "margin_per_order_amount basis status reason"
        ),
        "dim_settings": "setting value",
    },
    explain,
)
