"""The benchmark of the answers counts each model once, and what others read as theirs."""

from pathlib import Path

import pytest

from benchmarks.answers import ANSWERS, measure


@pytest.mark.campaign
def test_answers_own_what_nothing_else_reads(tmp_path: Path) -> None:
    seconds, parts = measure(tmp_path, size=1_000, seed=7)
    assert {answer: set(marts) <= parts[answer] for answer, marts in ANSWERS.items()} == dict.fromkeys(ANSWERS, True)
    every = [name for names in parts.values() for name in names if not name.startswith(("unique_", "sound_"))]
    assert "int_journey_items" in every and "int_sale_lines" not in every and "rpt_sales_monthly" not in every
    assert all(seconds[mart] >= 0 for marts in ANSWERS.values() for mart in marts)
