"""The loyalty score against the formula of definitions.md, over customers that a seed makes up."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.dbt.compiled_loyalty import LoyaltyModels, compile_loyalty
from tests.support.compiled import Rows

MONTH_ENDS = [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31)]
TODAY = date(2024, 4, 12)
DATES = [*MONTH_ENDS, TODAY]


@dataclass(frozen=True)
class Person:
    """What is known of a customer: purchases so far on each date, days of events, and ratings by day."""

    customer_id: str
    activity: dict[date, tuple[int | None, int, Decimal]]
    events: tuple[date, ...]
    ratings: tuple[tuple[date, int], ...]

    def values(self, day: date) -> dict[str, float | None]:
        """What the score ranks, higher is better."""
        recency, orders, net = self.activity[day]
        rated = [rating for given_on, rating in self.ratings if 0 <= (day - given_on).days < 365]
        return {
            "recency": None if recency is None else -recency,
            "frequency": None if recency is None else orders,
            "monetary": None if recency is None else float(net),
            "usage": sum(0 <= (day - event).days < 90 for event in self.events),
            "feedback": round(sum(rated) / len(rated) / 10, 6) if rated else None,
        }


def made_up(seed: int, count: int) -> list[Person]:
    """Customers with many equal values; some never bought, some are rated."""
    chance = random.Random(seed)
    people = []
    for number in range(count):
        buys = chance.random() < 0.9
        activity = {
            day: (
                chance.randrange(0, 40) if buys else None,
                chance.randrange(1, 9),
                Decimal(chance.randrange(-20, 300)),
            )
            for day in DATES
        }
        events = tuple(date(2023, 11, 1) + timedelta(days=chance.randrange(170)) for _ in range(chance.randrange(5)))
        ratings = tuple(
            (date(2023, 2, 1) + timedelta(days=chance.randrange(430)), chance.randrange(11))
            for _ in range(chance.choice([0, 1, 2, 3]))
        )
        people.append(Person(f"C{number}", activity, events, ratings))
    return people


def tables(people: Iterable[Person]) -> dict[str, Rows]:
    """The inputs of the models."""
    people = list(people)
    return {
        "int_run_dates": [(date(2023, 11, 1), TODAY, TODAY)],
        "int_as_of_dates": [(day, day == TODAY, day in MONTH_ENDS) for day in DATES],
        "int_customer_activity": [
            (one.customer_id, day, *one.activity[day]) for one in people for day in DATES
        ],
        "int_customer_event_versions": [
            # whoever opts out says so, but does not use anything by it
            (f"{one.customer_id}-{number}", one.customer_id, kind, datetime.combine(day, time(12)), None, "accepted")
            for one in people
            for number, (kind, day) in enumerate([*(("visit", day) for day in one.events), ("opt_out", TODAY)])
        ],
        "int_customer_feedback_versions": [
            (f"{one.customer_id}-{number}", one.customer_id, datetime.combine(day, time(12)), float(rating), "accepted")
            for one in people
            for number, (day, rating) in enumerate(one.ratings)
        ],
    }  # fmt: skip


def expected(people: list[Person], day: date) -> dict[str, tuple[float | None, float]]:
    """Score and coverage of each customer, from counting the reference one by one."""
    reference_date = day.replace(day=1) - timedelta(days=1)
    known = [one.values(reference_date) for one in people] if reference_date in DATES else []
    reference = {
        measure: [values[measure] for values in known if values[measure] is not None]
        for measure in ("recency", "frequency", "monetary", "usage", "feedback")
    }

    def percentile(measure: str, value: float | None) -> float | None:
        among = reference[measure]
        if value is None or len(among) < 100:
            return None
        return (sum(other < value for other in among) + sum(other == value for other in among) / 2) / len(among)

    scores = {}
    for one in people:
        part = {measure: percentile(measure, value) for measure, value in one.values(day).items()}
        bought = [part[measure] for measure in ("recency", "frequency", "monetary")]
        purchase = None if None in bought else sum(bought) / 3
        parts = [(0.4, purchase), (0.4, part["usage"]), (0.2, part["feedback"])]
        present = [(weight, value) for weight, value in parts if value is not None]
        coverage = sum(weight for weight, _ in present)
        score = None if purchase is None else 100 * sum(weight * value for weight, value in present) / coverage
        scores[one.customer_id] = (score, coverage)
    return scores


@pytest.fixture(scope="module")
def models(generated_manifests: Path) -> LoyaltyModels:
    return LoyaltyModels(compile_loyalty(generated_manifests))


def told(models: LoyaltyModels, people: list[Person], day: date) -> dict[str, tuple[float | None, float]]:
    models.fill(tables(people))
    models.build(["fct_loyalty_scores"])
    rows = models.rows("fct_loyalty_scores", "customer_id, loyalty_score, coverage", f"as_of_date = date '{day}'")
    return {customer: (score, coverage) for customer, score, coverage in rows}


@pytest.mark.parametrize(("seed", "count"), [(1, 170), (2, 115), (3, 99)])
def test_scores_equal_the_formula(models, seed, count):
    people = made_up(seed, count)
    for day in DATES:
        actual, wanted = told(models, people, day), expected(people, day)
        assert actual.keys() == wanted.keys()
        for customer, (score, coverage) in wanted.items():
            assert actual[customer][0] == (None if score is None else pytest.approx(score, abs=1e-4)), customer
            assert actual[customer][1] == pytest.approx(coverage)
    scored = [score for score, _ in told(models, people, TODAY).values()]
    assert any(score is not None for score in scored) == (count >= 110), "99 customers are no reference"
    assert len({coverage for _, coverage in told(models, people, TODAY).values()}) > 1 or count == 99


def test_nobody_moves_within_a_month_because_others_did(models):
    people = made_up(4, 150)
    before = told(models, people, TODAY)
    _, orders, net = people[0].activity[TODAY]
    best = {**people[0].activity, TODAY: (0, orders + 50, net + 10_000)}
    after = told(models, [Person("C0", best, people[0].events, people[0].ratings), *people[1:]], TODAY)
    assert {customer: score for customer, score in after.items() if customer != "C0"} == {
        customer: score for customer, score in before.items() if customer != "C0"
    }
    assert after["C0"] != before["C0"]


def test_bands_are_low_below_30_and_high_from_60_on(models):
    told(models, made_up(5, 160), TODAY)
    rows = models.rows("fct_loyalty_scores", "loyalty_score, loyalty_band", "loyalty_score is not null")
    assert {band for _, band in rows} == {"low", "mid", "high"}
    assert all(band == ("low" if score < 30 else "mid" if score < 60 else "high") for score, band in rows)
