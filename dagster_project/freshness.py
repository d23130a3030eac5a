"""Whether every source still delivers: how old its last order is by the clock, beside what is usual for it.

A run that finds nothing new publishes nothing and fails nowhere, so the last run's age does not tell that a source has
stopped.
"""

from datetime import UTC, date, datetime

from serving.publication.reader import has_mart, opened_publication
from warehouse.errors import UserError
from warehouse.ingest.sources import read_source
from warehouse.settings import Settings

FRESHNESS = "select source, last_order_date, late_after_days from marts.rpt_source_freshness order by source"


def late_sources(settings: Settings, today: date | None = None) -> dict[str, str]:
    """A sentence for each source whose last published order is older than usual, or than the source's file allows.

    today: the business day; by the clock, if None. Nothing is late where the settings end the data on a day.
    """
    if settings.data_through or not settings.published_path.exists():
        return {}
    today = today or datetime.now(UTC).astimezone(settings.zone).date()
    with opened_publication(settings) as connection:
        known = has_mart(connection, "rpt_source_freshness")
        rows = connection.execute(FRESHNESS).fetchall() if known else []
    ages = [(source, last, (today - last).days, _limit(settings, source, usual)) for source, last, usual in rows]
    return {
        source: f"{source}: the last order is of {last}, {age} days ago; new ones were expected within {limit}. If its"
        " deliveries have not stopped, `late_after_days` in the source's file changes the limit."
        for source, last, age, limit in ages
        if limit is not None and age > limit
    }


def _limit(settings: Settings, source: str, usual: int | None) -> int | None:
    """The days of the source's file, else those learned; None where nothing is expected, or the file cannot be read: of
    that the run tells."""
    if source not in settings.sources:
        return None
    try:
        declared = read_source(source, asked_by=settings).late_after_days
    except UserError:
        return None
    return None if declared == "never" else declared or usual
