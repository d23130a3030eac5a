"""What this publication changed beside the one before it."""

from typing import Any

from serving.report import formatting
from serving.report.parts import Company, Figure, Section, Table

LEAD = (
    "Each table of this publication beside the same table of the one before it, row by row. Days that were published "
    "before should hardly change: where they do, data came late, a definition changed, or a file came twice."
)
TITLE = "Tables that changed"
FIRST = "There was no publication before this one, or nothing in it has changed."
MARTS_SHOWN = 40
KINDS = {"published_before": "published before", "new": "new", "undated": "of no day"}
CHANGED = """
select changes.* from marts.fct_publication_changes as changes
inner join marts.publication on changes.build_id = publication.build_id
where changes.column_name = '*'
order by changes.restated_rate desc nulls last, changes.differing_count desc, changes.mart, changes.days
limit $shown
"""


def changes(company: Company) -> Section:
    """The tables with rows added, removed or changed; those of which most was restated come first."""
    known = company.marts.has("fct_publication_changes", "restated_rate") and company.marts.has("publication")
    rows = company.marts.rows(CHANGED, shown=MARTS_SHOWN) if known else []
    return Section("changes", "What changed since the last publication", [_figure(company, rows)], LEAD)


def _figure(company: Company, rows: list[dict[str, Any]]) -> Figure:
    if not rows:
        return Figure(TITLE, missing=FIRST, width=12)
    return Figure(
        TITLE,
        company.as_of,
        f"Beside publication {rows[0]['compared_with']}. Days: up to its as-of date, or later. Restated: rows added, "
        "removed or changed on days published before, over the rows that they had. `loyalty diff TABLE` shows which "
        "numbers differ, and by how much.",
        table=Table(
            ("Table", "Days", "Rows before", "Rows now", "Added", "Removed", "Changed", "Restated"),
            [_row(row) for row in rows],
            left=frozenset({0, 1}),
        ),
        width=12,
    )


def _row(row: dict[str, Any]) -> list[str]:
    counts = ("rows_before_count", "rows_count", "added_count", "removed_count", "changed_count")
    rate = row["restated_rate"]
    return [
        row["mart"],
        KINDS[row["days"]],
        *(formatting.count(row[name]) for name in counts),
        "" if rate is None else formatting.percent(rate),
    ]
