"""How numbers, days and statuses are written, at the edges of each form."""

from datetime import date
from decimal import Decimal

import pytest

from serving.report.formatting import (
    NONE,
    Written,
    count,
    day,
    listed,
    model,
    money,
    month,
    one_digit,
    percent,
    plain,
    reason,
    signed,
    some,
    span,
    times,
    title,
)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (None, "–"),
        (0, "$0.00"),
        (4.5, "$4.50"),
        (-0.5, "−$0.50"),
        (99.99, "$99.99"),
        (-100, "−$100"),
        (999.94, "$1,000"),
        (999.95, "$1.00k"),
        (Decimal("4596.2"), "$4.60k"),
        (10_000, "$10.0k"),
        (100_000, "$100k"),
        (999_950, "$1.00m"),
        (-12_345_678, "−$12.3m"),
        (999_950_000, "$1.00bn"),
        (1_234_000_000_000, "$1234bn"),
    ],
)
def test_money_has_three_digits_and_a_scale(amount, written):
    assert money(amount, "USD") == written


def test_a_currency_without_a_sign_is_written_by_its_code():
    assert [money(5, currency) for currency in ("GBP", "EUR", "CNY", "JPY")] == ["£5.00", "€5.00", "¥5.00", "¥5.00"]
    assert money(-99, "CHF") == "−CHF 99.00"


def test_counts_and_shares():
    assert (count(None), count(1_469_306.6), count(0)) == ("–", "1,469,307", "0")
    assert (percent(None), percent(0.423), percent(-0.0949, 1), percent(12.5)) == ("–", "42%", "−9.5%", "1,250%")
    assert percent(-0.004) == "0%"
    assert (percent(0.12345, 1), percent(0.12345, 2)) == ("12.3%", "12.35%")


def test_a_change_has_its_sign():
    assert (signed(0.092, ".1%"), signed(-1, ".1f"), signed(-1_200, ",d")) == ("+9.2%", "−1.0", "−1,200")


def test_days_months_and_spans():
    first, last = date(2017, 3, 3), date(2017, 4, 9)
    assert (day(last), day(None), month(last), month(None)) == ("9 Apr 2017", "–", "Apr 2017", "–")
    assert span(first, last) == "3 Mar – 9 Apr 2017"
    assert span(date(2016, 12, 30), first) == "30 Dec 2016 – 3 Mar 2017"
    assert (span(None, last), span(first, None)) == ("– – 9 Apr 2017", "3 Mar 2017 – –")


def test_a_number_goes_with_its_noun():
    assert (some(1, "campaign"), some(27, "campaign"), some(0, "campaign")) == (
        "1 campaign",
        "27 campaigns",
        "0 campaigns",
    )
    assert (some(1_000, "company", "companies"), some(1, "company", "companies")) == ("1,000 companies", "1 company")


def test_names_of_settings_and_models():
    assert (title("complete_journey"), plain("at_risk_now")) == ("Complete Journey", "at risk now")
    assert (model("bg_nbd"), model("random_forest")) == ("BG/NBD", "random forest")


def test_a_status_is_told_in_words():
    assert reason("no_cost") == "it has no cost to compare with"
    assert reason("not_known_here") == "not known here"
    assert reason(None) == reason("") == "no reason given"


def test_a_list_in_a_sentence():
    assert [listed(list(letters)) for letters in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


@pytest.mark.parametrize(
    ("written", "text", "value"),
    [
        (money(Decimal("1234.5"), "USD"), "$1.23k", 1234.5),
        (count(1_469_307), "1,469,307", 1_469_307),
        (percent(0.423), "42%", 0.423),
        (one_digit(Decimal("4.55")), "4.5", 4.55),
        (month(date(2017, 12, 1)), "Dec 2017", date(2017, 12, 1)),
        (times(None), NONE, None),
    ],
)
def test_a_written_value_is_kept_beside_its_text(written: str, text: str, value: object) -> None:
    assert written == text
    assert isinstance(written, Written) and written.value == value
