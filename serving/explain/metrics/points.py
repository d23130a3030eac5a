"""The points balance: what came, what went, and how each lot was earned."""

import math
from decimal import Decimal

from serving.explain.explanation import Arithmetic, Explanation, Metric, NotToldError, told
from serving.explain.facts import Facts, Row

NAME = "points"
ENTRIES = """
select
    entry_date, kind, source_id,
    coalesce(sum(points) filter (where account = 'member_pending'), 0)::bigint as pending,
    coalesce(sum(points) filter (where account = 'member_available'), 0)::bigint as available
from fct_points_entries
where customer_id = $customer_id and entry_date <= $as_of_date
group by entry_date, kind, source_id, journal_id, journal_version
order by entry_date desc, journal_id, journal_version
"""
ACCOUNTS = """
select account, sum(points)::bigint as points
from fct_points_entries
where customer_id = $customer_id and entry_date <= $as_of_date
group by account
"""
LOTS = """
select lot_id, issued_on, expires_on, base_amount, earn_rate, earned_points, reversed_points, used_points,
    expired_points, remaining_points
from fct_points_lots
where customer_id = $customer_id
order by remaining_points = 0, issued_on desc, lot_id
"""
PUBLISHED = """
select points_balance, pending_points, available_points, debt_points, next_expiry_on, next_expiry_points
from rpt_points_balances
where customer_id = $customer_id
"""


def explain(facts: Facts) -> Explanation:
    """The ledger adds up to the balance; lots say what each order earned, and what is left of it."""
    accounts = {row["account"]: row["points"] for row in facts.rows(ACCOUNTS)}
    if not accounts:
        raise NotToldError(f"no points and no entry in the ledger by {facts.as_of_date}")
    sums = Arithmetic()
    balance = _balance(sums, accounts)
    listings = [facts.listed("What came and went, the latest first", ENTRIES)]
    if facts.is_today:
        _check_published(sums, facts, accounts, balance)
        listings.append(facts.listed("Lots, those with points left first", LOTS))
    figure = f"{told(balance)} points"
    return Explanation(NAME, figure, _rules(facts), listings, sums.lines, sums.differences)


def _balance(sums: Arithmetic, accounts: dict[str, int]) -> int:
    """What the programme gave less what it took, which the customer's two accounts hold."""
    pending, available = accounts.get("member_pending", 0), accounts.get("member_available", 0)
    given = {"earned": -accounts.get("issued", 0), "adjusted": -accounts.get("adjustment", 0)}
    taken = {name: accounts.get(name, 0) for name in ("redeemed", "expired", "reversed")}
    balance = sum(given.values()) - sum(taken.values())
    sums.say(
        " + ".join(f"{told(points)} {name}" for name, points in given.items())
        + "".join(f" - {told(points)} {name}" for name, points in taken.items())
        + f" = {told(balance)}."
    )
    sums.say(f"{told(pending)} pending + {told(available)} available = {told(pending + available)}.")
    sums.check("what came less what went", balance, pending + available)
    return balance


def _check_published(sums: Arithmetic, facts: Facts, accounts: dict[str, int], balance: int) -> None:
    published, lots = facts.row(PUBLISHED) or {}, facts.rows(LOTS)
    sums.check("balance", balance, published.get("points_balance"))
    sums.check("pending points", accounts.get("member_pending", 0), published.get("pending_points"))
    for lot in lots:
        if lot["earn_rate"] is not None:
            sums.check(f"points of {lot['lot_id']}", _earned(lot), lot["earned_points"])
    left, debt = sum(lot["remaining_points"] for lot in lots), published.get("debt_points") or 0
    sums.check("points left in lots less points owed", left - debt, balance)
    sums.say(f"{told(left)} left in lots - {told(debt)} owed = {told(left - debt)}.")
    example = next((lot for lot in lots if lot["earn_rate"] is not None), None)
    if example:
        amount, rate = told(example["base_amount"]), told(example["earn_rate"])
        sums.say(
            "An order earns its amount times the rate of the tier held that morning, rounded down:"
            f" {example['lot_id']}, {amount} * {rate}, earned {told(_earned(example))}."
        )
    if published.get("next_expiry_on"):
        sums.say(f"{told(published['next_expiry_points'])} of them expire after {published['next_expiry_on']}.")


def _earned(lot: Row) -> int:
    return math.floor(Decimal(lot["base_amount"]) * Decimal(lot["earn_rate"]))


def _rules(facts: Facts) -> list[str]:
    days, months = (facts.told_settings[f"points.{name}"] for name in ("return_window_days", "expiry_months"))
    return [
        f"Points of an order are pending for {days} days, can then be used, and expire at the end of the month {months}"
        " months after it. The oldest are used first; what came back is taken from the lot of its order.",
    ]


METRIC = Metric(
    NAME,
    {
        "fct_points_entries": "customer_id account points entry_date kind source_id journal_id journal_version",
        "fct_points_lots": (
            "customer_id lot_id issued_on expires_on base_amount earn_rate earned_points reversed_points "
            "used_points expired_points remaining_points"
        ),
        "rpt_points_balances": (
            "customer_id points_balance pending_points available_points debt_points next_expiry_on next_expiry_points"
        ),
        "dim_settings": "setting value",
    },
    explain,
)
