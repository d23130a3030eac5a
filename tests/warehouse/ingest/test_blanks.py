"""Blanks, and numbers without their digits, are the same where rows are loaded and where ids are made of them."""

from warehouse.ingest.blanks import BLANK
from warehouse.ingest.hashed_ids import SCIENTIFIC
from warehouse.settings import PROJECT_ROOT

MACROS = (PROJECT_ROOT / "dbt" / "macros" / "ids.sql").read_text(encoding="utf-8")


def test_ids_and_addresses_have_the_same_blanks() -> None:
    assert f"'^{BLANK}+|{BLANK}+$'" in MACROS


def test_ids_and_addresses_lose_their_digits_in_the_same_ways() -> None:
    assert f"'{SCIENTIFIC}'" in MACROS
