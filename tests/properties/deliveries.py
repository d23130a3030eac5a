"""Deliveries of a company that gets everything wrong: lines that move, come late, contradict themselves or vanish."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.properties.company import Company

Line = dict[str, Any]

FIRST_DAY = date(2024, 1, 2)
DAYS = 170
FOREIGN_DAYS = 6
CENTS = [Decimal(cents).scaleb(-2) for cents in (0, 1, 33, 250, 999, 1000, 1999, 12345)]
RATES = [Decimal(text) for text in ("0.5", "0.91", "1.23456789", "0.00642", "-1")]


@dataclass
class Mess:
    """Draws one company's deliveries. `lines` holds the last version delivered of each line, by source and key."""

    seed: int
    lines: dict[tuple[str, str], Line] = field(default_factory=dict)
    rates: dict[tuple[date, str], Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.numbers = iter(range(1, 1_000_000))
        self.orders = {source: [self._order(n) for n in range(12)] for source in ("shop", "till")}

    def new_lines(self, source: str, count: int) -> list[Line]:
        """Lines under new keys, on old and new orders."""
        return [self._remember(source, self._line(source)) for _ in range(count)]

    def restated(self, source: str, count: int) -> list[Line]:
        """Lines that were delivered before, most of them changed in one respect or two."""
        known = sorted(key for owner, key in self.lines if owner == source)
        chosen = self.draw.choices(known, k=count) if known else []
        return [self._remember(source, self.changed(source, self.lines[source, key])) for key in chosen]

    def keyless(self, source: str) -> list[Line]:
        """A line without its key, or without what a line needs."""
        missing = self.draw.choice(["order_line_id", "order_id", "ordered_at", "quantity", "net_amount"])
        return [{**self._line(source), missing: None}]

    def new_rates(self, count: int) -> list[Line]:
        """Rates of the few foreign days: new, changed, wrong, or the same again."""
        rows = []
        for _ in range(count):
            key = self._foreign_day(), self.draw.choice(["USD", "JPY", "EUR"])
            self.rates[key] = self.draw.choice([*RATES, self.rates.get(key, RATES[0])])
            rows.append({"rate_date": key[0], "currency": key[1], "rate": self.rates[key]})
        return rows

    def _remember(self, source: str, line: Line) -> Line:
        self.lines[source, line["order_line_id"]] = line
        return line

    def _order(self, number: int) -> Line:
        """What the lines of an order usually share."""
        currency = self.draw.choice([*["EUR", None] * 4, "USD", "USD", "JPY", "CHF"])
        return {
            "order_id": f"O{number}",
            "campaign_id": f"K{number % 4}" if number % 3 == 0 else None,
            "customer_id": self.draw.choice([None, None, *(f"C{n}" for n in range(16))]),
            "currency": currency,
            "ordered_at": self.moment(is_foreign=currency not in ("EUR", None)),
            "channel": self.draw.choice([None, "web", "app"]),
            "order_status": self.draw.choice([*["completed"] * 8, None, "cancelled", "test"]),
        }

    def _line(self, source: str) -> Line:
        if self.draw.random() < 0.3:
            self.orders[source].append(self._order(len(self.orders[source])))
        order = self.draw.choice(self.orders[source])
        line = {**order, **self._content(), "order_line_id": f"L{next(self.numbers)}"}
        line["product_id"] = self.draw.choice([None, "P1", "P2", "P3"])
        return self.changed(source, line) if self.draw.random() < 0.2 else line

    def _content(self) -> Line:
        """Quantity and amounts, a third of them of a return."""
        quantity = self.draw.choice([0, 1, 1, 2, 3, -1, -2])
        net, discount = self.draw.choice(CENTS), self.draw.choice([Decimal(0), Decimal(0), *CENTS])
        sign = -1 if quantity < 0 else 1
        return {
            "quantity": quantity,
            "net_amount": sign * net,
            "discount_amount": sign * discount,
            "gross_amount": sign * (net + discount),
            "cost_amount": self.draw.choice([None, sign * net / 2]),
            "original_order_id": self.draw.choice([None, f"O{self.draw.randrange(20)}"]) if sign < 0 else None,
        }

    def changed(self, source: str, line: Line) -> Line:
        """The line with one or two mistakes or corrections; now and then the same."""
        changes = [
            lambda: {},
            lambda: {"order_id": self.draw.choice(self.orders[source])["order_id"]},
            lambda: {"customer_id": self.draw.choice([None, "C1", "C2", "C99"])},
            lambda: {"ordered_at": self.moment(is_foreign=line["currency"] not in ("EUR", None))},
            lambda: {"ordered_at": (line["ordered_at"] or self.moment()) + timedelta(hours=self.draw.choice([-30, 6]))},
            self._content,
            lambda: {"order_status": self.draw.choice(["completed", "cancelled", "test", "lost"])},
            lambda: {"currency": self.draw.choice(["EUR", "USD", "JPY"]), "ordered_at": self.moment(is_foreign=True)},
            lambda: {"gross_amount": Decimal(7)},
            lambda: {"net_amount": -line["net_amount"] if line["net_amount"] else None},
            lambda: {"order_id": None},
        ]
        changed = {**line}
        for _ in range(self.draw.choice([1, 1, 2])):
            changed.update(self.draw.choice(changes)())
        return changed

    def _foreign_day(self) -> date:
        return FIRST_DAY + timedelta(days=25 * self.draw.randrange(FOREIGN_DAYS))

    def moment(self, is_foreign: bool = False) -> datetime:
        """UTC; a quarter before five o'clock, which is the day before in New York."""
        day = self._foreign_day() if is_foreign else FIRST_DAY + timedelta(days=self.draw.randrange(DAYS))
        return datetime(day.year, day.month, day.day, self.draw.choice([1, 12, 15, 21]), self.draw.randrange(60))


def deliver_mess(company: Company, mess: Mess, number: int, new: int = 25, restated: int = 12) -> None:
    """One delivery of both sources: a file or two of lines each, and rates. The till replaces what it sent before."""
    for source in ("shop", "till"):
        rows = [*mess.new_lines(source, new), *mess.restated(source, restated), *mess.keyless(source)]
        mess.draw.shuffle(rows)
        cut = mess.draw.randrange(len(rows))
        company.deliver(source, "order_lines", f"part-{number}a", rows[:cut])
        company.deliver(source, "order_lines", f"part-{number}b", rows[cut:])
        company.deliver(source, "exchange_rates", f"part-{number}", mess.new_rates(6))


def replace_file(company: Company, mess: Mess, source: str, name: str) -> None:
    """Another content under the name of an earlier file: some of its lines are not in it any more."""
    rows = [*mess.restated(source, 6), *mess.new_lines(source, 3)]
    company.deliver(source, "order_lines", name, _unique(rows))


def _unique(rows: Iterable[Line]) -> list[Line]:
    return list({row["order_line_id"]: row for row in rows}.values())


# Of the first campaign; the others name none.
ARMS = ["letter", "phone", "nothing"]


def people(mess: Mess) -> dict[str, list[Line]]:
    """Customers, campaigns and what else has a date within the days of the orders, by entity."""
    draw, at = mess.draw, mess.moment
    buyers = [f"C{n}" for n in range(9)]
    campaigns = [f"K{n}" for n in range(4)]
    return {
        "customers": [{"customer_id": who, "joined_at": draw.choice([None, at()])} for who in buyers],
        "campaigns": [_campaign(campaign, at().date(), draw.randrange(40)) for campaign in campaigns],
        "campaign_members": [
            {"campaign_id": campaign, "customer_id": who,
             "arm": draw.choice(ARMS if campaign == "K0" else ["treatment", "control"]),
             "assigned_at": draw.choice([None, at(), at()])}
            for campaign in campaigns for who in draw.sample(buyers, 4)
        ],
        "campaign_arms": [
            {"campaign_id": "K0", "arm": arm, "is_control": arm == "nothing", "planned_share": 0.3} for arm in ARMS
        ],
        "reward_redemptions": [
            {"redemption_id": f"R{n}", "customer_id": draw.choice(buyers), "campaign_id": draw.choice(campaigns),
             "reward_id": "W1", "redeemed_at": at()}
            for n in range(15)
        ],
        "customer_events": [
            {"event_id": f"E{n}", "customer_id": draw.choice(buyers), "event_type": "visit", "occurred_at": at()}
            for n in range(30)
        ],
        "marketing_spend": [
            {"spend_id": f"W{n}", "spend_date": at().date(), "channel": draw.choice(["web", "Store", "other"]),
             "amount": Decimal(draw.randrange(1, 400)), "currency": draw.choice([None, "EUR", "USD"])}
            for n in range(20)
        ],
        "customer_feedback": [
            {"feedback_id": f"F{n}", "customer_id": draw.choice(buyers), "given_at": at(),
             "rating": draw.choice([0.1, 0.7, 3.3, 7.0, 9.9])}
            for n in range(30)
        ],
    }  # fmt: skip


def deliver_people(company: Company, mess: Mess) -> None:
    """All of them in one delivery of the shop."""
    for entity, rows in people(mess).items():
        company.deliver("shop", entity, "part-1", rows)


def _campaign(campaign: str, start: date, days: int) -> Line:
    return {
        "campaign_id": campaign,
        "campaign_name": campaign,
        "campaign_type": "voucher",
        "start_date": start,
        "end_date": start + timedelta(days=days),
        "is_randomized": True,
    }
