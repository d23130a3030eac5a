"""The tier: how the customer came to it, until when it holds, and what is missing for the next."""

from serving.explain.explanation import Arithmetic, Explanation, Metric, NotToldError, told
from serving.explain.facts import Facts, Row

NAME = "tier"
HISTORY = """
select valid_from, tier, reason, metric_from_date, metric_amount, expires_on
from fct_customer_tiers
where customer_id = $customer_id and valid_from <= $as_of_date
order by valid_from desc
"""
# What each row of the history was decided by: the sum of its lines, and the rules of its day.
JUDGED = """
with history as (
    select * from fct_customer_tiers
    where customer_id = $customer_id and valid_from <= $as_of_date
),
summed as (
    select history.valid_from, coalesce(sum(lines.net_amount), 0)::decimal(18, 4) as lines_amount
    from history
    left join fct_order_lines as lines
        on lines.customer_id = $customer_id and lines.is_valid
        and lines.order_date between history.metric_from_date and history.valid_from
    group by history.valid_from
)
select
    history.*, summed.lines_amount, reached.threshold_amount, checked.keep_amount,
    reached.next_threshold_amount as threshold_above
from history
inner join summed on history.valid_from = summed.valid_from
left join dim_tier_rules as reached
    on history.tier_rank = reached.tier_rank
    and history.valid_from >= reached.valid_from and history.valid_from < coalesce(reached.valid_to, date '9999-12-31')
left join dim_tier_rules as checked
    on history.previous_tier = checked.tier
    and history.valid_from >= checked.valid_from and history.valid_from < coalesce(checked.valid_to, date '9999-12-31')
order by history.valid_from desc
"""
WINDOW = """
select order_date, order_id, is_return, sum(net_amount)::decimal(18, 4) as net_amount
from fct_order_lines
where customer_id = $customer_id and is_valid
    and order_date > $as_of_date - 365 and order_date <= $as_of_date
group by all
order by order_date desc, order_id
"""
TRAILING = f"""
select
    coalesce(sum(net_amount) filter (where not is_return), 0)::decimal(18, 4) as sales_amount,
    coalesce(sum(net_amount) filter (where is_return), 0)::decimal(18, 4) as return_amount
from ({WINDOW})
"""
RULES = """
select tier, tier_rank, threshold_amount, keep_amount, grace_days, validity_months
from dim_tier_rules
where valid_from <= $as_of_date and (valid_to > $as_of_date or valid_to is null)
order by tier_rank
"""


def explain(facts: Facts) -> Explanation:
    """A tier is reached at once, kept while it is valid, and looked at again when its grace ends."""
    history = facts.rows(JUDGED)
    if not history:
        raise NotToldError(f"no tier on {facts.as_of_date}: the customer or the rules were not known yet")
    sums, held, rules = Arithmetic(), history[0], facts.rows(RULES)
    for row in history:
        _judge(sums, row)
    sums.say(_how(held))
    _ahead(sums, facts, held, rules)
    until = f", valid until {held['expires_on']}" if held["expires_on"] else ""
    listings = [
        facts.listed("Tiers so far, the latest first", HISTORY),
        facts.listed(f"Sales and returns in the 365 days to {facts.as_of_date}", WINDOW),
    ]
    figure = f"{held['tier']} since {held['valid_from']}{until}"
    return Explanation(NAME, figure, _rules(facts, rules), listings, sums.lines, sums.differences)


def _judge(sums: Arithmetic, row: Row) -> None:
    """The sum of the window, and whether it decided as it must; a tier that is no more has no threshold."""
    day, tier, amount = row["valid_from"], row["tier"], row["metric_amount"]
    threshold, above, kept = row["threshold_amount"], row["threshold_above"], row["keep_amount"]
    sums.check(f"net sales of the 365 days to {day}", row["lines_amount"], amount)
    reasons = {
        "upgrade": amount >= threshold and (above is None or amount < above) if threshold is not None else True,
        "renewal": kept is None or amount >= kept,
        "downgrade": kept is None or amount < kept,
    }
    if not reasons.get(row["reason"], True):
        sums.differences.append(
            f"{row['reason']} to {tier} on {day}: {told(amount)} is not what the rules of that day ask"
        )


def _how(row: Row) -> str:
    """How the customer came to a row of the history, in words."""
    day, tier, before = row["valid_from"], row["tier"], row["previous_tier"]
    amount = f"net sales of the 365 days from {row['metric_from_date']} to {day} were {told(row['metric_amount'])}"
    kept = "the tier had gone" if row["keep_amount"] is None else f"{told(row['keep_amount'])} keep the tier"
    return {
        "enrolment": f"Enrolled on {day} in {tier}, the lowest tier: {amount}.",
        "upgrade": f"Reached on {day}: {amount}, and {tier} takes {told(row['threshold_amount'])}.",
        "return": f"On {day} returns took the sales that had reached {before} below its threshold: {amount}.",
        "renewal": f"Renewed on {day}, when the grace ended: {amount}, and {kept}.",
        "downgrade": f"Lowered from {before} on {day}, when the grace ended: {amount}, and {kept}.",
    }[row["reason"]]


def _ahead(sums: Arithmetic, facts: Facts, held: Row, rules: list[Row]) -> None:
    """What keeps the tier, and what is missing for the next, by the rules of the day."""
    trailing = facts.rows(TRAILING)[0]
    sales, returns = trailing["sales_amount"], trailing["return_amount"]
    net = sales + returns
    sums.say(f"365 days to {facts.as_of_date}: {told(sales)} of sales - {told(-returns)} of returns = {told(net)}.")
    for rule in rules:
        if held["expires_on"] and rule["tier_rank"] == held["tier_rank"] and rule["keep_amount"] is not None:
            sums.say(
                f"{rule['grace_days']} days after {held['expires_on']}, {told(rule['keep_amount'])} in 365 days keep it"
                f" for {rule['validity_months']} months more."
            )
    above = [rule for rule in rules if rule["tier_rank"] > held["tier_rank"] and rule["threshold_amount"] is not None]
    missing = above[0]["threshold_amount"] - net if above else None
    if above:
        needed = told(above[0]["threshold_amount"])
        sums.say(f"{above[0]['tier']} takes {needed}: {needed} - {told(net)} = {told(missing)} missing.")
    if facts.is_today and held["is_current"]:
        sums.check("amount missing for the next tier", missing, held["amount_to_next_tier"])


def _rules(facts: Facts, rules: list[Row]) -> list[str]:
    reached = [rule for rule in rules if rule["threshold_amount"] is not None]
    levels = ", ".join(f"{rule['tier']} {told(rule['threshold_amount'])}" for rule in reached)
    days = facts.told_settings["points.return_window_days"]
    return [
        f"Net sales of 365 days, returns subtracted, decide: {levels}. A tier is held at once when they reach it.",
        f"Returns within {days} days of their order can take a tier back; otherwise it holds until it expires.",
    ]


METRIC = Metric(
    NAME,
    {
        "fct_customer_tiers": (
            "customer_id valid_from tier tier_rank expires_on previous_tier reason metric_amount "
            "metric_from_date amount_to_next_tier is_current"
        ),
        "dim_tier_rules": (
            "tier tier_rank valid_from valid_to threshold_amount next_threshold_amount keep_amount grace_days "
            "validity_months"
        ),
        "fct_order_lines": "customer_id order_id order_date net_amount is_return is_valid",
        "dim_settings": "setting value",
    },
    explain,
)
