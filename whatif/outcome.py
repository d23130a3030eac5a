"""The outcome of a programme's rules: tiers, points, liability and cost, read from the marts that a replay built.

The marts decide everything but one thing: outstanding points are valued at today's expected redemption rate in every
scenario. The history holds the points that were redeemed, not those that would have been redeemed if there had been
more, so a rate observed under other rules would be an artefact of the replay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from duckdb import DuckDBPyConnection

from warehouse.sql import quote_identifier

CAMPAIGNS = "campaigns"


@dataclass(frozen=True)
class Outcome:
    """One scenario's figures over the whole history; amounts in the base currency.

    `customers` by tier, lowest first. `points_cost_amount` is accrued: points redeemed and the liability.
    `highest_points_cost_amount` is the cost if every outstanding point were redeemed. `cost_by_group` splits the
    expected cost by the tier that a customer holds today, whatever the scenario, and by campaigns.
    """

    name: str
    customers: Mapping[str, int]
    upgrades_count: int
    downgrades_count: int
    issued_points: int
    redeemed_points: int
    expired_points: int
    outstanding_points: int
    liability_amount: Decimal
    points_cost_amount: Decimal
    highest_points_cost_amount: Decimal
    budget_amount: Decimal
    margin_amount: Decimal
    cost_by_group: Mapping[str, float]

    @property
    def cost_amount(self) -> Decimal:
        """Points and campaigns."""
        return self.points_cost_amount + self.budget_amount

    @property
    def highest_cost_amount(self) -> Decimal:
        """Points and campaigns, if every outstanding point were redeemed."""
        return self.highest_points_cost_amount + self.budget_amount


@dataclass(frozen=True)
class Range:
    """An expected amount with its 95% interval."""

    expected: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 if the whole interval is above zero, -1 if it is below, else 0 (undecided)."""
        return (self.low > 0) - (self.high < 0)


@dataclass(frozen=True)
class Simulated:
    """A scenario, its outcome, and the expected effect of its rewards.

    `changes` as they were given. `incremental` is the margin that rewards cause, `net` that margin after their cost,
    `difference` the net less today's.
    """

    outcome: Outcome
    changes: Mapping[str, str]
    incremental: Range
    net: Range
    difference: Range


def read_outcome(
    connection: DuckDBPyConnection, name: str, tiers: list[str], budget_amount: Decimal, database: str
) -> Outcome:
    """The outcome in the marts of `database`; `warehouse` is the publication, which has today's rates."""
    marts = f"{quote_identifier(database)}.marts"
    groups = _by_group(connection, marts)
    return Outcome(
        name=name,
        customers=_customers(connection, marts, tiers),
        **_moves(connection, marts),
        **_points(connection, marts),
        budget_amount=budget_amount,
        margin_amount=_margin(connection),
        cost_by_group={**groups, CAMPAIGNS: float(budget_amount)},
    )


def _customers(connection: DuckDBPyConnection, marts: str, tiers: list[str]) -> dict[str, int]:
    rows = connection.execute(
        f"select tier, count(*) from {marts}.fct_customer_tiers where is_current group by tier"
    ).fetchall()
    return dict.fromkeys(tiers, 0) | dict(rows)


def _moves(connection: DuckDBPyConnection, marts: str) -> dict[str, Any]:
    query = f"""
        select
            count(*) filter (where reason = 'upgrade') as upgrades_count,
            count(*) filter (where reason = 'downgrade') as downgrades_count
        from {marts}.fct_customer_tiers
        """
    return _named(connection, query)


def _points(connection: DuckDBPyConnection, marts: str) -> dict[str, Any]:
    query = f"""
        with sums as (

            select
                cast(sum(issued_points) as bigint) as issued_points,
                cast(sum(redeemed_points) as bigint) as redeemed_points,
                cast(sum(expired_points) as bigint) as expired_points,
                arg_max(closing_points, month) as outstanding_points,
                arg_max(point_value_amount, month) as value
            from {marts}.rpt_points_liability

        ),

        rates as ({_RATE}),

        valued as (

            select
                sums.*,
                cast(round(sums.outstanding_points * sums.value * rates.rate, 4) as decimal(18, 4)) as liability_amount,
                cast(sums.redeemed_points * sums.value as decimal(18, 4)) as redeemed_amount,
                cast(sums.outstanding_points * sums.value as decimal(18, 4)) as outstanding_amount
            from sums
            cross join rates

        )

        select
            issued_points,
            redeemed_points,
            expired_points,
            outstanding_points,
            liability_amount,
            redeemed_amount + liability_amount as points_cost_amount,
            redeemed_amount + greatest(outstanding_amount, liability_amount) as highest_points_cost_amount
        from valued
        """
    return _named(connection, query)


def _by_group(connection: DuckDBPyConnection, marts: str) -> dict[str, float]:
    query = f"""
        with rates as ({_RATE}),

        points as (select arg_max(point_value_amount, month) as value from {marts}.rpt_points_liability)

        select
            coalesce(tiers.tier, 'none') as tier,
            cast(sum((balances.redeemed_points + balances.points_balance * rates.rate) * points.value) as double)
        from {marts}.rpt_points_balances as balances
        cross join rates
        cross join points
        left join warehouse.marts.fct_customer_tiers as tiers
            on balances.customer_id = tiers.customer_id and tiers.is_current
        group by 1
        order by 1
        """
    return dict(connection.execute(query).fetchall())


_RATE = """
    select cast(arg_max(redemption_rate, month) as decimal(9, 6)) as rate
    from warehouse.marts.rpt_points_liability
"""


def _margin(connection: DuckDBPyConnection) -> Decimal:
    query = "select coalesce(sum(margin_amount), 0) as margin from warehouse.marts.fct_orders where is_valid"
    return _named(connection, query)["margin"]


def _named(connection: DuckDBPyConnection, query: str) -> dict[str, Any]:
    result = connection.execute(query)
    row = result.fetchone()
    assert row is not None
    return dict(zip([column[0] for column in result.description], row, strict=True))
