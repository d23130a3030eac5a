"""Lifetime value: expected orders, the expected amount of one, and the margin on it."""

from serving.explain.explanation import Arithmetic, Explanation, Metric, NotToldError, told
from serving.explain.facts import Facts, Row

NAME = "value"
PUBLISHED = """
select
    worth.p_alive, worth.expected_orders_12m, worth.expected_order_amount, worth.clv_3m_amount, worth.clv_12m_amount,
    worth.clv_24m_amount, worth.status, runs.model
from fct_customer_lifetime_value as worth
left join fct_model_runs as runs on worth.model_run_id = runs.model_run_id
where worth.customer_id = $customer_id and worth.as_of_date = $as_of_date
"""
INPUTS = """
select repeat_days_count, active_span_days, observed_days, repeat_amount, return_rate, is_own_amount,
    discounted_orders_3m, discounted_orders_12m, discounted_orders_24m
from fct_lifetime_value_inputs
where customer_id = $customer_id
"""
TERMS = """
select margin_rate, discount_rate, population_amount from rpt_lifetime_value_terms where as_of_date = $as_of_date
"""
AMOUNTS = """
select parameter, value from rpt_lifetime_value_parameters
where as_of_date = $as_of_date and model = 'gamma_gamma' and is_champion
"""
ORDERS = """
select order_date, count(*) as orders_count, sum(net_amount)::decimal(18, 4) as net_amount
from fct_orders
where customer_id = $customer_id and is_valid and order_date <= $as_of_date
group by order_date
order by order_date desc
"""
# What is published is rounded to a hundredth of a cent.
CENT = 0.01


def explain(facts: Facts) -> Explanation:
    """Discounted orders times their amount times the margin rate."""
    published = facts.row(PUBLISHED)
    if published is None:
        days = facts.days_kept("fct_customer_lifetime_value")
        raise NotToldError(f"no value of {facts.as_of_date}, or no purchase by then; days nearest to it: {days}")
    sums, listings = Arithmetic(), [facts.listed("Purchase days, the latest first", ORDERS)]
    inputs, terms = facts.row(INPUTS) if facts.is_today else None, facts.row(TERMS)
    if inputs and terms:
        sums.say(_history(published, inputs))
        _worth(sums, published, inputs, terms, _amount(sums, facts, published, inputs, terms))
    else:
        sums.say("What the value comes from is kept for the day of the publication only.")
    value, status = published["clv_12m_amount"], published["status"]
    figure = "no value of the next 12 months" if value is None else f"{value:,.2f} of margin in the next 12 months"
    figure += "" if status == "ok" else f" ({status})"
    return Explanation(NAME, figure, _rules(published, terms), listings, sums.lines, sums.differences)


def _amount(sums: Arithmetic, facts: Facts, published: Row, inputs: Row, terms: Row) -> float | None:
    """The amount of a coming order, after what is expected to come back."""
    kept, expected = 1 - inputs["return_rate"], published["expected_order_amount"]
    if expected is None:
        sums.say("Amount of an order: none, as nobody has bought twice.")
        return None
    back = f"(1 - {inputs['return_rate']:.4f})"
    if not inputs["is_own_amount"]:
        mean = terms["population_amount"]
        amount = kept * float(mean)
        sums.say(f"Amount of an order, that of customers on average: {back} * {told(mean)} = {amount:,.2f}.")
    else:
        fitted = {row["parameter"]: row["value"] for row in facts.rows(AMOUNTS)}
        p, q, v = (fitted[name] for name in ("p", "q", "v"))
        x, sales = inputs["repeat_days_count"], inputs["repeat_amount"]
        amount = kept * p * (v + float(sales)) / (p * x + q - 1)
        sums.say(
            f"Amount of an order, the customer's own mean drawn towards that of all: {back} * {p:.4f} *"
            f" ({v:.4f} + {told(sales)}) / ({p:.4f} * {x} + {q:.4f} - 1) = {amount:,.2f}."
        )
    sums.check_near("amount of an order", amount, float(expected), CENT)
    return amount


def _worth(sums: Arithmetic, published: Row, inputs: Row, terms: Row, amount: float | None) -> None:
    """Each horizon that the history supports."""
    rate = terms["margin_rate"]
    for months in (3, 12, 24):
        value, orders = published[f"clv_{months}m_amount"], inputs[f"discounted_orders_{months}m"]
        if value is None or orders is None or amount is None:
            sums.say(f"{months} months: no value, as the history is shorter than that.")
            continue
        computed = orders * amount * rate
        sums.check_near(f"value of {months} months", computed, float(value), CENT)
        sums.say(f"{months} months: {orders:.4f} discounted orders * {amount:,.4f} * {rate:g} = {computed:,.2f}.")


def _history(published: Row, inputs: Row) -> str:
    """What the model has seen, and what it expects."""
    repeats, span, seen = (told(inputs[name]) for name in ("repeat_days_count", "active_span_days", "observed_days"))
    expected = published["expected_orders_12m"]
    orders = "no number of" if expected is None else f"{expected:.2f}"
    alive = (
        "" if published["p_alive"] is None else f", and {published['p_alive']:.1%} that the customer is still active"
    )
    return (
        f"Purchase days after the first: {repeats}, the last {span} days after it, seen for {seen} days."
        f" {published['model']} expects {orders} orders in 12 months{alive}."
    )


def _rules(published: Row, terms: Row | None) -> list[str]:
    rules = [
        "Expected orders, each discounted from the end of its month, times the amount of one, times the margin rate.",
        f"Orders come from {published['model']}, fitted to all customers (rpt_lifetime_value_parameters).",
    ]
    if terms:
        rules.append(f"The margin rate is {terms['margin_rate']:g}, the discount {terms['discount_rate']:.0%} a year.")
    return rules


METRIC = Metric(
    NAME,
    {
        "fct_customer_lifetime_value": (
            "customer_id as_of_date p_alive expected_orders_12m expected_order_amount clv_3m_amount "
            "clv_12m_amount clv_24m_amount status model_run_id"
        ),
        "fct_lifetime_value_inputs": (
            "customer_id repeat_days_count active_span_days observed_days repeat_amount return_rate "
            "is_own_amount discounted_orders_3m discounted_orders_12m discounted_orders_24m"
        ),
        "rpt_lifetime_value_terms": "as_of_date margin_rate discount_rate population_amount",
        "rpt_lifetime_value_parameters": "as_of_date model parameter value is_champion",
        "fct_model_runs": "model_run_id model",
        "fct_orders": "customer_id order_date net_amount is_valid",
    },
    explain,
)
