"""The table of scenarios: which figures it has, and how each is written beside today's."""

from dataclasses import replace
from decimal import Decimal

from whatif.comparison import amount, changes_text, comparison, told
from whatif.outcome import Outcome, Range, Simulated

TODAY = Outcome(
    name="today",
    customers={"Bronze": 100, "Silver": 10},
    upgrades_count=20,
    downgrades_count=0,
    issued_points=1_000,
    redeemed_points=300,
    expired_points=100,
    outstanding_points=600,
    liability_amount=Decimal(6),
    points_cost_amount=Decimal(9),
    highest_points_cost_amount=Decimal(15),
    budget_amount=Decimal(1_000),
    margin_amount=Decimal(5_009),
    cost_by_group={},
)
TRIED = replace(
    TODAY,
    name="tried",
    customers={"Bronze": 95, "Silver": 15, "not a tier today": 1},
    upgrades_count=25,
    downgrades_count=3,
    issued_points=1_500,
    redeemed_points=330,
    expired_points=50,
    outstanding_points=1_200,
    liability_amount=Decimal(12),
    points_cost_amount=Decimal(18),
    highest_points_cost_amount=Decimal(30),
    budget_amount=Decimal(2_000),
)
NOTHING = Range(0, 0, 0)


def rows(*simulated: Simulated) -> dict[str, list[tuple[str, ...]]]:
    return {row.label: [tuple(entry) for entry in row.entries] for row in comparison(simulated, "EUR", "assumed")}


def test_every_figure_stands_beside_todays():
    found = rows(
        Simulated(TODAY, {}, Range(1_400, 700, 2_100), Range(400, -300, 1_100), NOTHING),
        Simulated(TRIED, {"budget": "2x"}, Range(2_000, 1_000, 3_000), Range(-18, -1_018, 982), Range(-418, -700, -50)),
    )
    assert found == {
        "Customers, Bronze": [("100", ""), ("95", "−5.0%")],
        "Customers, Silver": [("10", ""), ("15", "+50.0%")],
        "Upgrades": [("20", ""), ("25", "+25.0%")],
        "Downgrades": [("0", ""), ("3", "+3")],
        "Points issued": [("1,000", ""), ("1,500", "+50.0%")],
        "Points redeemed": [("300", ""), ("330", "+10.0%")],
        "Points expired": [("100", ""), ("50", "−50.0%")],
        "Points outstanding": [("600", ""), ("1,200", "+100.0%")],
        "Liability, EUR": [("6", ""), ("12", "+100.0%")],
        "Points cost, EUR": [("9", ""), ("18", "+100.0%")],
        "Campaign cost, EUR": [("1,000", ""), ("2,000", "+100.0%")],
        "Cost, all points redeemed, EUR": [("1,015", ""), ("2,030", "+100.0%")],
        "Margin less cost, EUR": [("4,000", ""), ("2,991", "−25.2%")],
        "Incremental margin, assumed, EUR": [("1,400", "700 to 2,100"), ("2,000", "1,000 to 3,000")],
        "Net incremental margin, assumed, EUR": [("400", "−300 to 1,100"), ("−18", "−1,018 to 982")],
        "Net beside today's": [("–", ""), ("−418", "−700 to −50")],
        "Which is": [("–", ""), ("less than today", "")],
    }


def test_what_did_not_change_is_the_same_and_of_a_loss_the_change_is_an_amount():
    loss = replace(TODAY, margin_amount=Decimal(9), liability_amount=Decimal("0.6"))
    less = replace(loss, budget_amount=Decimal(400), liability_amount=Decimal("0.9"))
    found = rows(Simulated(loss, {}, NOTHING, NOTHING, NOTHING), Simulated(less, {}, NOTHING, NOTHING, NOTHING))
    assert found["Margin less cost, EUR"] == [("−1,000", ""), ("−400", "+600")]
    assert found["Upgrades"] == [("20", ""), ("20", "same")]
    assert found["Liability, EUR"] == [("1", ""), ("1", "+50.0%")]
    assert found["Which is"] == [("–", ""), ("cannot be told apart", "")]


def test_a_difference_is_told_where_its_interval_is_on_one_side():
    assert told(Range(2, 1, 3)) == "more than today"
    assert told(Range(-2, -3, -1)) == "less than today"


def test_changes_and_amounts_in_words():
    assert changes_text(Simulated(TRIED, {"budget": "2x", "points.expiry_months": "6"}, NOTHING, NOTHING, NOTHING)) == (
        "budget=2x, points.expiry_months=6"
    )
    assert changes_text(Simulated(TODAY, {}, NOTHING, NOTHING, NOTHING)) == "the rules in force"
    assert (amount(39_932.6), amount(-1_204)) == ("39,933", "−1,204")
