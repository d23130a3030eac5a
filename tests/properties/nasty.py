"""Companies whose files are well formed and whose content nobody expects: few cases or none, odd names, edges."""

import random
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

Rows = list[dict[str, Any]]

ENDS = date(2024, 6, 30)
# Blanks, quotes, markup, other scripts, a formula, a number, a filler that is one only by chance.
NAMES = (
    "O'Brien", 'say "x"', "<b>&amp;", "Grüße 客户", "=1+1", "007", "12345.0", " edge ", "a;b,c|d", "x" * 120, "null-1",
)  # fmt: skip
AMOUNTS = ("0", "0.01", "1", "9.99", "10", "10", "33.3333", "250", "99999.99", "1000000000")
QUANTITIES = ("1", "1", "1", "2", "0.25", "3.3333", "0", "1000")
# Midnight, hours that a clock change skips or repeats, the last second.
CLOCKS = (time(0), time(1, 30), time(2, 30), time(12), time(23, 59, 59))
ARMS = ("treatment", "control", "<b>letter")
HABITS = ("any", "any", "any", "monthly", "once", "alike", "returns", "cancelled", "guests", "nothing")


class Nasty:
    """Draws one company. `data_through` and `as_of` are the days that its settings would name."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.habit = self.draw.choice(HABITS)
        self.days = self.draw.choice((1, 2, 10, 70, 400, 900))
        count = self.draw.choice((1, 2, 2, 5, 20, 60))
        self.customers = [f"C{n}" for n in range(count)]
        if self.draw.random() < 0.4:
            self.customers[: len(NAMES)] = NAMES[:count]
        self.products = ["P1", "P2", *self.draw.sample(NAMES, self.draw.randrange(4))][: self.draw.choice((1, 2, 6))]
        self.campaigns = [f"K{n}" for n in range(self.draw.randrange(4))]
        self.orders = 0
        end = ENDS + timedelta(days=self.draw.choice((0, 1, 60)))
        self.data_through = self.draw.choice((None, None, ENDS, end))
        earlier = [ENDS - timedelta(days=days) for days in (self.days // 2, 1_000)]
        self.as_of = self.draw.choice((None, None, None, ENDS, end, *earlier))

    def files(self) -> dict[str, Rows]:
        """The rows of each entity's file; entities but order lines are there or not."""
        made: dict[str, Callable[[], Rows]] = {
            "customers": self._customers, "products": self._products, "campaigns": self._campaigns,
            "campaign_members": self._members, "campaign_arms": self._arms, "reward_redemptions": self._redemptions,
            "customer_events": self._events, "customer_feedback": self._feedback, "programme_costs": self._costs,
            "exchange_rates": self._rates, "point_adjustments": self._adjustments, "marketing_spend": self._spend,
        }  # fmt: skip
        there = {name: rows() for name, rows in made.items() if self.draw.random() < 0.6}
        return {"order_lines": self._lines(), **there}

    def _day(self, over: int = 0) -> date:
        return ENDS - timedelta(days=self.draw.randint(-over, self.days - 1 + over))

    def _moment(self, over: int = 0) -> datetime:
        return datetime.combine(self._day(over), self.draw.choice(CLOCKS))

    def _some(self, values: Sequence[Any], most: int) -> list[Any]:
        return [self.draw.choice(values) for _ in range(self.draw.randint(0, most))] if values else []

    def _maybe(self, value: Any) -> Any:
        return self.draw.choice((None, value))

    def _lines(self) -> Rows:
        if self.habit == "nothing":
            return []
        orders = [(customer, moment) for customer in self.customers for moment in self._moments()]
        return [line for customer, moment in orders for line in self._order(customer, moment)]

    def _moments(self) -> list[datetime]:
        """When a customer orders: by the company's habit."""
        if self.habit == "monthly":
            return [datetime.combine(ENDS, time(12)) - timedelta(days=30 * n) for n in range(1 + self.days // 30)]
        if self.habit in ("once", "alike"):
            return [datetime.combine(ENDS - timedelta(days=self.days - 1), time(12))]
        return [self._moment() for _ in range(self.draw.choice((0, 1, 1, 2, 6)))]

    def _order(self, customer: str, moment: datetime) -> Rows:
        self.orders += 1
        order = {
            "order_id": f"O{self.orders}",
            "customer_id": None if self.habit == "guests" or self.draw.random() < 0.1 else customer,
            "ordered_at": moment,
            "currency": self.draw.choice((None, "EUR", "EUR", "EUR", "USD")),
            "channel": self._maybe(self.draw.choice(NAMES)),
            "store_id": self._maybe("S1"),
            "country": self._maybe("DE"),
            "discount_code": self._maybe(self.draw.choice(NAMES)),
            "campaign_id": self._maybe(self.draw.choice([*self.campaigns, "unknown"])),
            "order_status": self.draw.choice(("completed",) * 8 + ("test",)),
        }
        if self.habit == "cancelled":
            order["order_status"] = "cancelled"
        return [self._line(order, number) for number in range(self.draw.choice((1, 1, 2, 3)))]

    def _line(self, order: dict[str, Any], number: int) -> dict[str, Any]:
        if self.habit == "alike":
            net, discount, quantity = Decimal(10), Decimal(0), Decimal(1)
        else:
            drawn = [self.draw.choice(values) for values in (AMOUNTS, ("0", "0", "0", "1", "5.5"), QUANTITIES)]
            net, discount, quantity = map(Decimal, drawn)
        returned = self.habit == "returns" or (self.habit == "any" and self.draw.random() < 0.15)
        sign = -1 if returned else 1
        names = f"O{self.draw.randint(1, self.orders + 1)}" if returned else None
        return {
            **order, "order_line_id": f"{order['order_id']}-{number}",
            "product_id": self._maybe(self.draw.choice(self.products)),
            "quantity": sign * quantity, "net_amount": sign * net, "discount_amount": sign * discount,
            "gross_amount": sign * (net + discount), "cost_amount": self._maybe(sign * net),
            "original_order_id": self._maybe(names),
        }  # fmt: skip

    def _customers(self) -> Rows:
        more = [f"prospect {n}" for n in range(self.draw.randrange(3))]
        return [
            {"customer_id": who, "joined_at": self._maybe(self._moment(over=30)), "country": self._maybe("DE"),
             "birth_year": self._maybe(1980), "email_consent": self._maybe(True), "language": self._maybe("en"),
             "email": self._maybe("a@shop.example"), "first_name": self._maybe("Ann"),
             "last_name": self._maybe("O'Hara"), "postal_code": self._maybe("'01067")}
            for who in [*self.customers, *more]
        ]  # fmt: skip

    def _products(self) -> Rows:
        return [
            {"product_id": product, "product_name": self._maybe(self.draw.choice(NAMES)),
             "category": self._maybe(self.draw.choice(NAMES)), "unit_cost": self._maybe(Decimal("0.5"))}
            for product in [*self.products, "never sold"]
        ]  # fmt: skip

    def _campaigns(self) -> Rows:
        return [self._campaign(name, self._day(over=40)) for name in self.campaigns]

    def _campaign(self, name: str, start: date) -> dict[str, Any]:
        ends = self.draw.choice((start, start + timedelta(days=20), date(9999, 12, 31)))
        return {
            "campaign_id": name, "campaign_name": self._maybe(self.draw.choice(NAMES)),
            "campaign_type": self._maybe(self.draw.choice(("voucher", *NAMES))), "start_date": start, "end_date": ends,
            "fixed_cost_amount": self._maybe(Decimal(100)), "contact_cost_amount": self._maybe(Decimal("0.5")),
            "is_randomized": self._maybe(True),
            "planned_treatment_share": self._maybe(self.draw.choice((0.0, 0.5, 1.0, 50.0))),
        }  # fmt: skip

    def _arms(self) -> Rows:
        return [
            {"campaign_id": campaign, "arm": arm, "is_control": self.draw.random() < 0.5,
             "planned_share": self.draw.choice((0.0, 0.2, 1.0, 50.0))}
            for campaign in [*self.campaigns, "unknown"] for arm in self._some(ARMS, 3)
        ]  # fmt: skip

    def _members(self) -> Rows:
        return [
            {"campaign_id": campaign, "customer_id": who, "arm": self.draw.choice(ARMS),
             "assigned_at": self._maybe(self._moment(over=40))}
            for campaign in [*self.campaigns, "unknown"] for who in self._some([*self.customers, "nobody"], 30)
        ]  # fmt: skip

    def _redemptions(self) -> Rows:
        return [
            {"redemption_id": f"R{n}", "customer_id": who,
             "campaign_id": self._maybe(self.draw.choice([*self.campaigns, "unknown"])),
             "reward_id": self._maybe("gift"), "redeemed_at": self._moment(over=5), "order_id": self._maybe(f"O{n}"),
             "points": self.draw.choice((None, 0, 5, 500, -5, 2**40)), "cost_amount": self._maybe(Decimal(3))}
            for n, who in enumerate(self._some([*self.customers, "nobody"], 20))
        ]  # fmt: skip

    def _events(self) -> Rows:
        return [
            {"event_id": f"E{n}", "customer_id": who,
             "event_type": self.draw.choice(("visit", "message_opened", *NAMES[:3])),
             "occurred_at": self._moment(over=5), "duration_seconds": self._maybe(self.draw.choice((0, 60, -1, 10**9))),
             "reference_id": self._maybe("m1")}
            for n, who in enumerate(self._some([*self.customers, "nobody"], 30))
        ]  # fmt: skip

    def _feedback(self) -> Rows:
        return [
            {"feedback_id": f"F{n}", "customer_id": who, "given_at": self._moment(),
             "rating": self.draw.choice((0.0, 5.0, 10.0)), "comment": self._maybe(self.draw.choice(NAMES))}
            for n, who in enumerate(self._some(self.customers, 10))
        ]  # fmt: skip

    def _costs(self) -> Rows:
        return [
            {"cost_id": f"X{n}", "cost_date": self._day(over=50), "category": kind,
             "amount": Decimal(self.draw.choice(AMOUNTS[:7])), "campaign_id": self._maybe("unknown")}
            for n, kind in enumerate(self._some(("platform", "staff", *NAMES[:2]), 5))
        ]  # fmt: skip

    def _spend(self) -> Rows:
        return [
            {"spend_id": f"W{n}", "spend_date": self._day(over=5), "channel": channel,
             "amount": Decimal(self.draw.choice((*AMOUNTS[:7], "-5"))),
             "currency": self.draw.choice((None, "EUR", "eur", "USD", "QQQ")),
             "clicks": self._maybe(self.draw.choice((0, -1, 2**40)))}
            for n, channel in enumerate(self._some(("web", " WEB ", "all", "unknown", "", *NAMES[:3]), 20))
        ]  # fmt: skip

    def _rates(self) -> Rows:
        days = {self._day() for _ in range(self.draw.randrange(40))}
        rates = [(day, Decimal(self.draw.choice(("0.9", "1.1")))) for day in sorted(days)]
        return [{"rate_date": day, "currency": "USD", "rate": rate} for day, rate in rates]

    def _adjustments(self) -> Rows:
        return [
            {"adjustment_id": f"A{n}", "customer_id": who, "adjusted_at": self._moment(over=5),
             "points": self.draw.choice((1, -1, 0, 500, 10**12))}
            for n, who in enumerate(self._some([*self.customers, "nobody"], 8))
        ]  # fmt: skip
