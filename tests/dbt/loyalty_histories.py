"""Programme histories that hypothesis makes up: a few customers over three years, with amounts near the thresholds."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.dbt.compiled_loyalty import Rows
from tests.dbt.points_reference import PointsHistory, Purchase
from tests.dbt.tier_reference import Return, Rule, TierHistory

DATA_FROM = date(2023, 1, 10)
DAYS = 1_100
RETURN_WINDOW_DAYS = 30
EXPIRY_MONTHS = 12
NAMES = {1: "Bronze", 2: "Silver", 3: "Gold", 4: "Diamond"}


def day_of(number: int) -> date:
    """The date of a day number."""
    return DATA_FROM + timedelta(days=number)


def money(units: int) -> Decimal:
    """An amount from ten-thousandths."""
    return Decimal(units) / 10_000


def noon(day: date) -> datetime:
    """An instant inside a business day."""
    return datetime.combine(day, time(12))


@dataclass(frozen=True)
class Order:
    """A valid order, and when its units came back."""

    order_id: str
    customer_id: str
    day: int
    units: int
    returned: tuple[tuple[int, int], ...]
    """Day and units of each linked return."""


@dataclass(frozen=True)
class Happening:
    """Something else: an unlinked return, a redemption or an adjustment, of so many points or units."""

    key: str
    customer_id: str
    day: int
    kind: str
    size: int
    order_id: str | None = None


@dataclass(frozen=True)
class Programme:
    """A few customers' orders, returns and uses of points, and the rules."""

    orders: tuple[Order, ...]
    happenings: tuple[Happening, ...]
    rules: tuple[Rule, ...]

    @property
    def customers(self) -> list[str]:
        """Everybody who did something."""
        return sorted({event.customer_id for event in (*self.orders, *self.happenings)})

    def until(self, day: int) -> "Programme":
        """The programme with everything after a day deleted."""
        orders = tuple(
            Order(
                order.order_id,
                order.customer_id,
                order.day,
                order.units,
                tuple(r for r in order.returned if r[0] <= day),
            )
            for order in self.orders
            if order.day <= day
        )
        return Programme(orders, tuple(event for event in self.happenings if event.day <= day), self.rules)

    def net_by_day(self, customer_id: str) -> dict[date, Decimal]:
        """Sales and returns of a customer's days."""
        net: dict[date, Decimal] = defaultdict(Decimal)
        for order in self.orders:
            if order.customer_id == customer_id:
                net[day_of(order.day)] += money(order.units)
                for day, units in order.returned:
                    net[day_of(day)] -= money(units)
        for event in self.happenings:
            if event.customer_id == customer_id and event.kind == "unlinked_return":
                net[day_of(event.day)] -= money(event.size)
        return dict(net)

    def known_since(self, customer_id: str) -> date:
        """The first day on which the customer did something."""
        return day_of(min(one.day for one in (*self.orders, *self.happenings) if one.customer_id == customer_id))

    def tier_history(self, customer_id: str) -> TierHistory:
        """What the reference of the tiers reads of a customer."""
        returns = [
            Return(day_of(order.day), day_of(day), -money(units))
            for order in self.orders
            if order.customer_id == customer_id
            for day, units in order.returned
        ]
        return TierHistory(self.known_since(customer_id), self.net_by_day(customer_id), returns)

    def points_history(self, customer_id: str) -> PointsHistory:
        """What the reference of the ledger reads of a customer."""
        purchases = [_purchase(order) for order in self.orders if order.customer_id == customer_id]
        mine = [event for event in self.happenings if event.customer_id == customer_id]
        sized = {
            kind: [(event.key, day_of(event.day), event.size) for event in mine if event.kind == kind]
            for kind in ("unlinked_return", "adjustment")
        }
        unlinked = [(key, day, -money(units)) for key, day, units in sized["unlinked_return"]]
        redemptions = [
            (event.key, day_of(event.day), event.size, event.order_id) for event in mine if event.kind == "redemption"
        ]
        named = {order_id for *_, order_id in redemptions}
        paid = [_purchase(order) for order in self.orders if order.order_id in named]
        return PointsHistory(purchases, unlinked, redemptions, sized["adjustment"], paid)

    def rule_rows(self) -> Rows:
        """The rows of the seed."""
        return [
            ("any", str(rule.effective_from), rule.effective_from, rule.rank, NAMES[rule.rank], rule.threshold,
             rule.earn_rate, rule.validity_months, rule.grace_days, rule.keep_rate, "")
            for rule in self.rules
        ]  # fmt: skip

    def tables(self, as_of_day: int) -> dict[str, Rows]:
        """The inputs of the models, as of a day: all that is loaded is in them, also what comes later."""
        as_of = day_of(as_of_day)
        month_ends = {
            last for number in range(as_of_day + 1) if (last := day_of(number)).month != day_of(number + 1).month
        }
        return {
            "int_run_dates": [(DATA_FROM, as_of, as_of)],
            "int_as_of_dates": [(day, day == as_of, day in month_ends) for day in sorted(month_ends | {as_of})],
            "int_customers": [
                (customer, self.known_since(customer))
                for customer in self.customers
                if self.known_since(customer) <= as_of
            ],
            "int_customer_daily": [
                (customer, day, 1, True, amount, amount, Decimal(0))
                for customer in self.customers
                for day, amount in self.net_by_day(customer).items()
            ],
            "int_orders": [
                (order.order_id, order.customer_id, day_of(order.day), money(order.units), True, 2 * money(order.units))
                for order in self.orders
            ],
            "int_order_returns": self._summed_returns(),
            "int_sale_lines": [
                (event.key, event.customer_id, day_of(event.day), -money(event.size), None, True)
                for event in self._of_kind("unlinked_return")
            ],
            "int_reward_redemption_versions": [
                (
                    event.key,
                    event.customer_id,
                    None,
                    "gift",
                    event.order_id,
                    noon(day_of(event.day)),
                    event.size,
                    None,
                    "accepted",
                )
                for event in self._of_kind("redemption")
            ],
            "int_point_adjustment_versions": [
                (event.key, event.customer_id, noon(day_of(event.day)), event.size, None, "accepted")
                for event in self._of_kind("adjustment")
            ],
        }

    def _of_kind(self, kind: str) -> Sequence[Happening]:
        return [event for event in self.happenings if event.kind == kind]

    def _summed_returns(self) -> list[tuple[Any, ...]]:
        by_day: dict[tuple[str, int], int] = defaultdict(int)
        for order in self.orders:
            for day, units in order.returned:
                by_day[order.order_id, day] += units
        return [(order_id, day_of(day), -money(units), -2 * money(units)) for (order_id, day), units in by_day.items()]


def _purchase(order: Order) -> Purchase:
    returns = tuple((day_of(day), -money(units)) for day, units in order.returned)
    return Purchase(order.order_id, day_of(order.day), money(order.units), returns)


FIRST_RULES = (
    Rule(date(1900, 1, 1), 1, Decimal(0), Decimal("1.0")),
    Rule(date(1900, 1, 1), 2, Decimal(100), Decimal("1.25")),
    Rule(date(1900, 1, 1), 3, Decimal(200), Decimal("1.5")),
    Rule(date(1900, 1, 1), 4, Decimal(400), Decimal("2.0")),
)
LATER_RULES = (
    Rule(date(2024, 3, 15), 1, Decimal(0), Decimal("0.5")),
    Rule(date(2024, 3, 15), 2, Decimal(80), Decimal("1.0"), validity_months=6, keep_rate=Decimal("0.9")),
    Rule(date(2024, 3, 15), 3, Decimal(250), Decimal("1.5"), validity_months=6, grace_days=10),
    Rule(date(2024, 3, 15), 4, Decimal(300), Decimal("3.0"), validity_months=6),
)
_rules = st.sampled_from([FIRST_RULES, FIRST_RULES, FIRST_RULES + LATER_RULES])
_units = st.sampled_from([50_000, 199_999, 400_000, 500_000, 800_000, 1_000_000, 1_000_001, 2_500_000])


@st.composite
def _orders(draw: st.DrawFn, number: int, customers: int) -> Order:
    day = draw(st.one_of(st.integers(0, DAYS), st.integers(0, 90), st.integers(365, 480)))
    units = draw(_units)
    returned = []
    for part in draw(st.sampled_from([(), (), (1.0,), (0.5,), (0.25, 0.75), (0.1, 0.2)])):
        delay = draw(st.one_of(st.integers(0, 32), st.integers(0, 400)))
        returned.append((day + delay, int(units * part)))
    return Order(f"O{number}", f"C{draw(st.integers(0, customers - 1))}", day, units, tuple(returned))


@st.composite
def _happenings(draw: st.DrawFn, number: int, customers: int) -> Happening:
    kind = draw(st.sampled_from(["unlinked_return", "redemption", "redemption", "adjustment"]))
    sizes = {
        "unlinked_return": st.sampled_from([9_999, 100_000, 600_000, 1_500_000]),
        "redemption": st.sampled_from([1, 20, 75, 120, 300, -20, -75]),
        "adjustment": st.sampled_from([-40, 10, 55, 200]),
    }
    customer = f"C{draw(st.integers(0, customers - 1))}"
    day = draw(st.one_of(st.integers(0, DAYS), st.integers(0, 120), st.integers(365, 480)))
    names_order = kind == "redemption" and draw(st.booleans())
    order_id = f"O{draw(st.integers(0, 9))}" if names_order else None
    return Happening(f"H{number}", customer, day, kind, draw(sizes[kind]), order_id)


@st.composite
def programmes(draw: st.DrawFn, customers: int = 6, events: int = 40) -> Programme:
    """A programme of so many customers, with at most so many orders and half as many other events."""
    orders = tuple(draw(_orders(number, customers)) for number in range(draw(st.integers(1, events))))
    happenings = tuple(draw(_happenings(number, customers)) for number in range(draw(st.integers(0, events // 2))))
    return Programme(orders, happenings, draw(_rules))
