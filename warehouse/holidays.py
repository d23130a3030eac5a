"""Public holidays of the company's country, in `ops.holidays`: days on which sales differ for a known reason."""

from collections.abc import Sequence
from datetime import date

from duckdb import DuckDBPyConnection

from warehouse.sql import transaction

CREATE = """
create schema if not exists ops;
create table if not exists ops.holidays (date_day date, name varchar);
"""
# Data reaches back to the settings' earliest_date; nobody judges days after this year.
LAST_YEAR = 2100


def public_holidays(place: str, first_year: int) -> Sequence[tuple[date, str]]:
    """The public holidays of a place (`DE`, `DE-BY`) from that year on, by day, with their names."""
    from holidays import country_holidays  # here, as most companies name no country

    country, _, part = place.partition("-")
    return sorted(country_holidays(country, subdiv=part or None, years=range(first_year, LAST_YEAR + 1)).items())


def store_holidays(connection: DuckDBPyConnection, place: str | None, first_year: int) -> None:
    """Make ops.holidays, which has to exist, hold the holidays of the settings' place, and none without one."""
    days = public_holidays(place, first_year) if place else []
    with transaction(connection):
        connection.execute("delete from ops.holidays")
        if days:
            connection.executemany("insert into ops.holidays values (?, ?)", [list(day) for day in days])
