"""What a second delivery changed, as commands and the report tell it, and a publication that it holds back."""

import json
from pathlib import Path

import pytest

from serving.publication.changes import ALL_COLUMNS
from serving.publication.state import publications
from tests.support.company import Company, Generated
from warehouse.sql import connect, quote_literal

pytestmark = pytest.mark.slow

CHANGES = """
select mart, column_name, difference, rows_count - rows_before_count from marts.fct_publication_changes
where build_id = (select build_id from marts.publication)
"""


def test_counts_and_sums_are_those_of_the_two_publications(changed: Company) -> None:
    settings = changed.settings
    first, second = (settings.published_dir / "history" / one.publication_id for one in publications(settings))
    rows = changed.published(CHANGES)
    with connect() as both:
        for name, folder in (("before", first), ("after", second)):
            both.execute(f"attach {quote_literal(str(folder / 'loyalty.duckdb'))} as {name} (read_only)")
        for mart in sorted({mart for mart, *_ in rows}):
            told: dict[str, float] = {}
            for _, column, difference, count in (row for row in rows if row[0] == mart):
                told[column] = told.get(column, 0) + (count if column == ALL_COLUMNS else difference or 0)
            for column, value in told.items():
                what = "count(*)" if column == ALL_COLUMNS else f'coalesce(sum("{column}"), 0)'
                query = f"select (select {what} from after.marts.{mart}) - (select {what} from before.marts.{mart})"
                assert float(both.execute(query).fetchall()[0][0]) == pytest.approx(value, abs=1e-4), (mart, column)
    assert {"fct_orders", "fct_order_lines", "rpt_sales_monthly", "dim_customers"} <= {mart for mart, *_ in rows}


def test_the_command_tells_rows_and_numbers(changed: Company, built: Company) -> None:
    done = changed.loyalty("diff", "--format", "json")
    rows = {(row["mart"], row["days"]): row for row in map(json.loads, done.out.splitlines())}
    assert 0 < rows["fct_orders", "published_before"]["restated_rate"] < 1
    numbers = changed.loyalty("diff", "fct_orders", "--format", "csv").out.splitlines()
    assert numbers[0] == "mart,days,column_name,differing_count,difference"
    assert {"net_amount", "lines_count"} <= {line.split(",")[2] for line in numbers[1:]}
    assert "marts changed since the publication before" in changed.loyalty("diff").text
    assert "did you mean" in changed.loyalty("diff", "fct_order").text
    assert "Nothing changed since the publication before" in built.loyalty("diff").text


def test_the_report_ends_with_what_changed(changed: Company) -> None:
    page = (changed.settings.published_dir / "report.html").read_text(encoding="utf-8")
    assert page.index("What changed since the last publication") > 0
    before = publications(changed.settings)[0].publication_id
    assert f"Beside publication {before}" in page


def test_a_publication_that_restates_too_much_waits_to_be_accepted(
    built: Company, generated: Generated, tmp_path: Path
) -> None:
    settings = {**generated.settings(generated.changed_folder), "publish": {"max_restated_rate": 0.001}}
    own = built.copy(tmp_path / "home", **settings)
    live = own.marts()
    done = own.loyalty("run")
    assert done.code == 1 and "The publication is held back" in done.text and "rows of fct_orders" in done.text
    assert "--accept` publishes it" in done.text and own.marts() == live
    assert "held back The publication is held back" in own.loyalty("status").text
    diff = own.loyalty("diff")
    assert "The publication is held back" in diff.text and "fct_orders" in diff.out
    assert own.loyalty("run", "--accept").code == 0 and own.marts() != live
    assert "held back The publication" not in own.loyalty("status").text
    assert "Beside publication" in (own.settings.published_dir / "report.html").read_text(encoding="utf-8")
