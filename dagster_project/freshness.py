"""Whether every source still delivers: how old its last order is by the clock, beside what is usual for it.

A run that finds nothing new publishes nothing and fails nowhere, so the last run's age does not tell that a source has
stopped.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from serving.publication.reader import has_mart, opened_publication
from warehouse.ingest.sources import SourceConfig, load_sources_config
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
    configs = load_sources_config(settings)
    ages = [(source, last, (today - last).days, _limit(configs, source, usual)) for source, last, usual in rows]
    return {
        source: f"{source}: the last order is of {last}, {age} days ago; new ones were expected within {limit}. If its"
        " deliveries have not stopped, `late_after_days` in the source's file changes the limit."
        for source, last, age, limit in ages
        if limit is not None and age > limit
    }


def _limit(configs: Mapping[str, SourceConfig], source: str, usual: int | None) -> int | None:
    declared = configs[source].late_after_days if source in configs else "never"
    if declared == "never":
        return None
    return usual if declared is None else declared
