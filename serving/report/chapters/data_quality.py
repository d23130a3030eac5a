"""What became of the rows that were delivered: how many count, and why others do not."""

from typing import Any

from serving.report import formatting
from serving.report.charts import flows as charts
from serving.report.parts import Company, Figure, Section, Table

REASONS_SHOWN = 12
LEAD = (
    "Every row that was read is accepted, rejected with a reason, or replaced by a later version of itself. Rows read "
    "less these three is 0 in each line, or nothing would have been published."
)


def data_quality(company: Company) -> Section:
    """Rows by source and entity, and why rows were rejected."""
    return Section("data", "Data quality", [_rows(company), _reasons(company)], LEAD)


def _rows(company: Company) -> Figure:
    title = "What became of the rows"
    if not company.marts.has("fct_ingest_reconciliation", "source", "entity", "batch_id", "rows_superseded"):
        return Figure(title, missing="No row has been read yet.", width=12)
    found = company.marts.rows(
        """
        select
            source, entity, count(distinct batch_id) as batches_count, sum(rows_read) as rows_read,
            sum(rows_accepted) as rows_accepted, sum(rows_rejected) as rows_rejected,
            sum(rows_superseded) as rows_superseded
        from marts.fct_ingest_reconciliation group by source, entity order by source, entity
        """
    )
    counted = ("batches_count", "rows_read", "rows_accepted", "rows_rejected", "rows_superseded")
    table = Table(
        ("Source", "Entity", "Batches", "Rows read", "Accepted", "Rejected", "Replaced by a later version"),
        [[row["source"], formatting.plain(row["entity"]), *_counts(row, counted)] for row in found],
        left=frozenset({0, 1}),
    )
    definition = "A batch is one version of a file, or one extract of a table; rows of all batches so far."
    return Figure(title, company.as_of, definition, table=table, width=12)


def _counts(row: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    return [formatting.count(row[name]) for name in names]


def _reasons(company: Company) -> Figure:
    title = "Why rows were rejected"
    marts = company.marts
    if not marts.has("fct_rejected_rows", "source", "entity", "reason"):
        return Figure(title, missing="No row was rejected.", width=12)
    frame = marts.frame(
        """
        select source || ', ' || replace(entity, '_', ' ') || ': ' || reason as name, count(*) as rows_count
        from marts.fct_rejected_rows group by all order by rows_count desc, name limit $shown
        """,
        shown=REASONS_SHOWN,
    )
    definition = (
        "Rejected rows by source, entity and reason, the twelve most frequent. fct_rejected_rows has each of them, "
        "with its file, line and reason."
    )
    return Figure(title, company.as_of, definition, chart=charts.counts(frame, "Rows rejected"), width=12)
