"""Campaigns with a known effect on margin: the arm of each customer, and the orders that the campaign caused.

Two kinds of effect have an exactly known size: additional orders (prompted), and a discount on orders that would have
happened anyway. Campaigns do not overlap in time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generator.company import Company
from generator.customers import Customers
from generator.draws import Flags, Floats, Ints


@dataclass(frozen=True)
class Plan:
    """The effect of a campaign on its treated members; costs in units of money, `prompt_rate` 0 to 1."""

    name: str
    kind: str
    prompt_rate: float
    discount_percent: int
    label_share: float
    contact_cost: int
    starts_at: float
    """Position of the first day in the window, 0 to 1; 1 starts half a campaign before its end."""
    is_randomized: bool = True
    treatments: tuple[str, ...] = ("treatment",)
    """Arms that share the treated evenly. Their effect is the same, so that each shows the campaign's."""


PLANS = (
    Plan("Spring voucher", "voucher", 0.30, 0, 0.4, 2_000, 0.25, treatments=("letter", "email")),
    Plan("Newsletter", "email", 0.0, 0, 0.4, 500, 0.40),
    Plan("Ten percent for all", "discount", 0.0, 10, 1.0, 500, 0.55),
    Plan("Win-back letter", "letter", 0.05, 0, 0.2, 15_000, 0.70),
    Plan("Best customers' evening", "event", 0.0, 0, 0.5, 20_000, 0.85, is_randomized=False),
    Plan("Autumn voucher", "voucher", 0.30, 0, 0.4, 2_000, 1.0),
)
"""Earns, changes nothing, costs margin, earns less than it costs, not randomized, not over by the end."""


@dataclass(frozen=True)
class Campaign:
    """One campaign: days [start, end) from the start of the window, and its members."""

    number: int
    plan: Plan
    start: int
    end: int
    member: Ints
    is_treated: Flags
    treatment: Ints
    """Which of the plan's treatments each member would get."""
    prompted: Ints
    """Treated members who placed one order more because of it."""
    fixed_cost: int
    """Units of money, a fifth of an amount a treated member."""

    @property
    def treated(self) -> Ints:
        """Members of the treatment arms."""
        return self.member[self.is_treated]


def draw_campaigns(company: Company, customers: Customers) -> list[Campaign]:
    """Draw all campaigns; members had bought before the start, arms are a fair coin."""
    length = int(np.clip(company.days // 12, 1, 28))
    starts = [min(round(plan.starts_at * company.days), company.days - (length + 1) // 2) for plan in PLANS]
    return [_draw_campaign(company, customers, number, start, length) for number, start in enumerate(starts)]


def _draw_campaign(company: Company, customers: Customers, number: int, start: int, length: int) -> Campaign:
    plan = PLANS[number]
    everyone = np.arange(customers.buyer_count)
    invited = (customers.first_at[everyone] < start) & _is_invited(company, customers, number, plan)
    member = everyone[invited]
    is_treated = np.ones(len(member), dtype=bool)
    if plan.is_randomized:
        is_treated = company.draws.uniform(f"arm/{number}", member) < 0.5
    treated = member[is_treated]
    willing = treated[customers.dropped_out_at[treated] >= start + length]
    picks = company.draws.choose(f"prompted/{number}", len(willing), round(plan.prompt_rate * len(treated)))
    treatment = company.draws.below(f"treatment/{number}", member, len(plan.treatments))
    return Campaign(
        number, plan, start, start + length, member, is_treated, treatment, willing[picks], len(treated) * 2_000
    )


def _is_invited(company: Company, customers: Customers, number: int, plan: Plan) -> Flags:
    """Flag a random half of the buyers, or the most frequent ones where nothing is randomized."""
    rate = customers.rate_per_week[: customers.buyer_count]
    if not plan.is_randomized:
        return rate > np.quantile(rate, 0.75)
    return company.draws.uniform(f"invited/{number}", np.arange(len(rate))) < 0.6


def prompted_at(company: Company, campaign: Campaign) -> Floats:
    """Return when the prompted orders were placed, in days, inside both campaign and window."""
    length = min(campaign.end, company.days) - campaign.start
    return campaign.start + length * company.draws.uniform(f"prompted_at/{campaign.number}", campaign.prompted)
