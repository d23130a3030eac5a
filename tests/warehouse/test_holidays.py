"""The days that raise no alert are those of the settings' place, and none without one."""

from datetime import date

from duckdb import DuckDBPyConnection

from warehouse.holidays import CREATE, public_holidays, store_holidays

EPIPHANY = date(2026, 1, 6)


def stored(warehouse: DuckDBPyConnection, place: str | None) -> dict[date, str]:
    store_holidays(warehouse, place, 2025)
    return dict(warehouse.execute("from ops.holidays").fetchall())


def test_a_part_of_a_country_has_days_that_the_country_has_not() -> None:
    bavaria, germany = dict(public_holidays("DE-BY", 2025)), dict(public_holidays("DE", 2025))
    assert EPIPHANY in bavaria and EPIPHANY not in germany
    assert germany.items() <= bavaria.items() and min(germany).year == 2025


def test_another_place_replaces_the_days_of_the_one_before(warehouse: DuckDBPyConnection) -> None:
    warehouse.execute(CREATE)
    assert EPIPHANY in stored(warehouse, "DE-BY")
    french = stored(warehouse, "FR")
    assert date(2026, 7, 14) in french and EPIPHANY not in french
    assert stored(warehouse, None) == {}
