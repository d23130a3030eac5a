"""Customer histories that hypothesis makes up: few customers, many ties, returns, prospects, days after the last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.dbt.customer_reference import CustomerReference
from warehouse.settings import Settings

DATA_FROM = date(2023, 11, 5)
DAYS = 480
# Every example builds some twenty tables, so examples are few, and a failing one is told as it is found.
PROPERTY = hypothesis_settings(max_examples=8, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])


@dataclass(frozen=True)
class Event:
    """A customer's business day: valid orders with their net sales, and returns, linked to an order or not."""

    customer: int
    day: int
    orders: int
    units: int
    returned_units: int
    is_linked: bool

    @property
    def customer_id(self) -> str:
        """The customer's key."""
        return f"customer {self.customer}"

    @property
    def date(self) -> date:
        """The business day."""
        return DATA_FROM + timedelta(days=self.day)


_events = st.builds(
    Event,
    customer=st.integers(0, 15),
    day=st.one_of(st.integers(0, DAYS), st.integers(0, DAYS // 30).map(lambda period: 30 * period)),
    orders=st.sampled_from([1, 1, 1, 2, 3, 5, 0]),
    units=st.sampled_from([10_000, 25_000, 25_001, 100_000, 333_333]),
    returned_units=st.sampled_from([0, 0, 0, 5_000, 50_000]),
    is_linked=st.booleans(),
)


@dataclass(frozen=True)
class History:
    """The days of a few customers, at most one a customer and day, the first on DATA_FROM."""

    events: tuple[Event, ...]
    joined: tuple[int, ...]
    """Days on which a customer without events joined, each once."""

    def until(self, day: int) -> "History":
        """The history with everything after the day deleted."""
        return History(
            tuple(event for event in self.events if event.day <= day),
            tuple(join for join in self.joined if join <= day),
        )

    def tables(self, as_of_day: int) -> dict[str, Sequence[tuple[Any, ...]]]:
        """The rows of the marts' input tables, told as of the day."""
        as_of_date = DATA_FROM + timedelta(days=as_of_day)
        return {
            "int_run_dates": [(DATA_FROM, as_of_date, as_of_date)],
            "int_customer_versions": [
                (f"joined {day}", datetime.combine(DATA_FROM + timedelta(days=day), datetime.min.time()), "accepted")
                for day in self.joined
            ],
            "int_customer_daily": [_customer_day(event) for event in self.events],
            "int_orders": [
                (_order_id(event), event.customer_id, event.date, event.orders > 0) for event in self.events
            ],
            "int_order_returns": [
                (self._returned_order(event), event.date, -_money(event.returned_units), Decimal(0))
                for event in self.events
                if event.is_linked and event.returned_units
            ],
        }

    def _returned_order(self, event: Event) -> str:
        return _order_id(min((other for other in self.events if other.customer == event.customer), key=lambda e: e.day))

    def _is_in_cohort(self, event: Event) -> bool:
        first = min((other for other in self.events if other.customer == event.customer), key=lambda e: e.day)
        return event.is_linked and first.orders > 0

    def reference(self, as_of_day: int, settings: Settings) -> CustomerReference:
        """The independent figures as of the day."""
        days = pd.DataFrame(
            {
                "customer_id": event.customer_id,
                "order_date": pd.Timestamp(event.date),
                "orders_count": event.orders,
                "net_units": _sold(event) - event.returned_units,
                "cohort_units": _sold(event) - event.returned_units * self._is_in_cohort(event),
            }
            for event in self.events
        )
        first_days = days.groupby("customer_id").order_date.min()
        joined = {f"joined {day}": pd.Timestamp(DATA_FROM) + pd.Timedelta(days=day) for day in self.joined}
        return CustomerReference(
            days=days,
            known_since=pd.concat([first_days, pd.Series(joined, dtype="datetime64[ns]")]),
            data_from=DATA_FROM,
            as_of_date=DATA_FROM + timedelta(days=as_of_day),
            horizon=settings.churn_horizon_days,
            **settings.rfm.model_dump(),
        )


def histories(minimum: int = 1) -> st.SearchStrategy[History]:
    """Histories of at least `minimum` customer days."""

    def of_different_days(events: list[Event]) -> tuple[Event, ...]:
        opening = Event(customer=0, day=0, orders=1, units=25_000, returned_units=0, is_linked=False)
        return tuple({(event.customer, event.day): event for event in (*events, opening)}.values())

    events = st.lists(_events, min_size=minimum, max_size=90).map(of_different_days)
    return st.builds(History, events, st.lists(st.integers(0, DAYS), max_size=3, unique=True).map(tuple))


def _customer_day(event: Event) -> tuple[Any, ...]:
    sold, returned = _money(_sold(event)), _money(event.returned_units)
    return event.customer_id, event.date, event.orders, event.orders > 0, sold - returned, sold, -returned, Decimal(0)


def _sold(event: Event) -> int:
    return event.units if event.orders else 0


def _order_id(event: Event) -> str:
    return f"{event.customer_id} on {event.date}"


def _money(units: int) -> Decimal:
    return Decimal(units) / 10_000
