"""Blanks are the same where rows are loaded and where ids are made of them."""

from warehouse.ingest.blanks import BLANK
from warehouse.settings import PROJECT_ROOT


def test_ids_and_addresses_have_the_same_blanks() -> None:
    macro = (PROJECT_ROOT / "dbt" / "macros" / "ids.sql").read_text(encoding="utf-8")
    assert f"'^{BLANK}+|{BLANK}+$'" in macro
