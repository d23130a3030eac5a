"""Spend a budget on rewards where it returns most.

This module only chooses: expected margin and cost come with the offers (see `uplift`), and the outbox sends messages.
Amounts are whole ten-thousandths, as in the warehouse's decimal(18,4), so that caps are met exactly.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ml.campaigns.results import require_columns

OFFER_COLUMNS = (
    "customer_id",
    "reward_id",
    "campaign_id",
    "month",
    "expected_incremental_margin_amount",
    "cost_amount",
)
CAP_COLUMNS = ("campaign_id", "month", "cap_amount")
KEY = ["month", "customer_id", "reward_id", "campaign_id"]
UNITS = Decimal(10_000)

Units = np.ndarray[Any, np.dtype[np.int64]]


class _Offer(NamedTuple):
    """One offer: its row, whose and when, the cap it draws on, what it costs and what it leaves after that."""

    number: int
    group: Hashable
    cap: Hashable
    cost: int
    gain: int

    def efficiency(self, cost: int = 0, gain: int = 0) -> float:
        """Gain per cost, each beyond those of the reward held already."""
        return (self.gain - gain) / (self.cost - cost) if self.cost > cost else np.inf


@dataclass
class _Purse:
    """The rest of the budget and of each cap; a campaign and month without a cap only use the budget."""

    budget: int
    caps: dict[Hashable, int]

    def swap(self, old: _Offer | None, new: _Offer) -> bool:
        """Pay for an offer and get back the one it replaces; False, and nothing paid, where that does not fit."""
        returned = old.cost if old is not None else 0
        room = self.caps.get(new.cap)
        if room is not None and old is not None and old.cap == new.cap:
            room += returned
        if new.cost - returned > self.budget or (room is not None and new.cost > room):
            return False
        self.budget -= new.cost - returned
        if old is not None and old.cap in self.caps:
            self.caps[old.cap] += returned
        if new.cap in self.caps:
            self.caps[new.cap] -= new.cost
        return True


def _to_units(amounts: Iterable[Any]) -> Units:
    """Money as whole ten-thousandths, half to even; Decimal, int and float alike."""
    return np.array([int((Decimal(str(amount)) * UNITS).to_integral_value()) for amount in amounts], dtype=np.int64)


def _offers(usable: pd.DataFrame) -> list[_Offer]:
    """The offers that leave something after their cost."""
    cost = _to_units(usable["cost_amount"]).tolist()
    margin = _to_units(usable["expected_incremental_margin_amount"]).tolist()
    groups = zip(usable["month"], usable["customer_id"], strict=True)
    caps = zip(usable["campaign_id"], usable["month"], strict=True)
    rows = zip(range(len(usable)), groups, caps, cost, margin, strict=True)
    return [
        _Offer(number, group, cap, cost, margin - cost) for number, group, cap, cost, margin in rows if margin > cost
    ]


def _hull(offers: list[_Offer]) -> list[tuple[float, _Offer]]:
    """One customer's offers worth going through, each with its gain per cost beyond the one before it.

    The upper hull of gain over cost from (0, 0) on, by rising cost and falling efficiency: an offer under it has no
    part in the best fractional choice (Sinha, Zoltners 1979).
    """
    hull: list[tuple[float, _Offer]] = []
    for offer in sorted(offers, key=lambda offer: (offer.cost, -offer.gain, offer.number)):
        while True:
            last = hull[-1][1] if hull else None
            if last is not None and offer.gain <= last.gain:
                break
            efficiency = offer.efficiency(last.cost, last.gain) if last is not None else offer.efficiency()
            if last is None or efficiency < hull[-1][0]:
                hull.append((efficiency, offer))
                break
            hull.pop()
    return hull


def _take(ranked: Iterable[tuple[float, _Offer]], held: dict[Hashable, _Offer], purse: _Purse) -> None:
    """Go through offers from the most efficient on, and take each that fits and beats what its customer holds."""
    for _, offer in sorted(ranked, key=lambda entry: (-entry[0], entry[1].number)):
        current = held.get(offer.group)
        if (current is None or offer.gain > current.gain) and purse.swap(current, offer):
            held[offer.group] = offer


def _check(offers: pd.DataFrame, caps: pd.DataFrame, budget_amount: Decimal | int) -> None:
    require_columns(offers, OFFER_COLUMNS, "offers")
    require_columns(caps, CAP_COLUMNS, "caps")
    if offers.duplicated(KEY).any():
        raise ValueError("offers has more than one row for a customer, month, reward and campaign")
    if caps.duplicated(["campaign_id", "month"]).any():
        raise ValueError("caps has more than one row for a campaign and month")
    amounts = pd.concat([offers["cost_amount"], caps["cap_amount"], pd.Series([budget_amount])])
    if amounts.isna().any() or (amounts < 0).any():
        raise ValueError("a cost, a cap or the budget is missing or negative")


def allocate(offers: pd.DataFrame, budget_amount: Decimal | int, caps: pd.DataFrame) -> pd.DataFrame:
    """At most one reward per customer and month, with the highest expected margin after cost that the budget allows.

    `offers`: customer_id, reward_id, campaign_id, month, expected_incremental_margin_amount (before cost), cost_amount.
    `budget_amount` is for all offers together; `caps`: campaign_id, month, cap_amount, and a campaign and month without
    a row is bound by the budget alone. Offers that bring no more than they cost, or without an expected margin, are
    never made.

    Returns the offers chosen with `net_margin_amount` added, sorted by month and customer. Without caps the total falls
    short of the best possible by less than the gain of one offer: greedy on the fractional optimum of the
    multiple-choice knapsack, then whatever still fits. Ties go to the first by month, customer, reward, campaign.

    Raises `ValueError` for a missing column, a repeated key, or a cost, cap or budget that is missing or negative.
    """
    _check(offers, caps, budget_amount)
    margin, cost = offers["expected_incremental_margin_amount"].astype(float), offers["cost_amount"].astype(float)
    usable = offers[margin > cost].sort_values(KEY, ignore_index=True)  # exactly, in whole units, below
    worthwhile = _offers(usable)
    by_group: dict[Hashable, list[_Offer]] = {}
    for offer in worthwhile:
        by_group.setdefault(offer.group, []).append(offer)
    cap_keys = zip(caps["campaign_id"], caps["month"], strict=True)
    cap_units: dict[Hashable, int] = dict(zip(cap_keys, _to_units(caps["cap_amount"]).tolist(), strict=True))
    purse, held = _Purse(int(_to_units([budget_amount])[0]), cap_units), dict[Hashable, _Offer]()
    _take((step for group in by_group.values() for step in _hull(group)), held, purse)
    _take(((offer.efficiency(), offer) for offer in worthwhile), held, purse)
    chosen = sorted(held.values(), key=lambda offer: offer.number)
    net_margin = [Decimal(offer.gain) / UNITS for offer in chosen]
    rows = usable.iloc[[offer.number for offer in chosen]]
    return rows.assign(net_margin_amount=pd.Series(net_margin, index=rows.index, dtype=object)).reset_index(drop=True)
