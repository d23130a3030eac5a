"""`loyalty status` tells the days that stand out."""

import pytest

from dagster_project.cli.status import ALERTS_SHOWN, print_status
from warehouse.settings import Settings
from warehouse.sql import connect

MARTS = """
create schema marts;
create table marts.publication as select date '2026-11-30' as data_through;
create table marts.fct_alerts as
select 'orders' as series, 'shop' as source, channel, date '2026-11-30' as date_day, 50.0::double as value,
    100.0::double as expected_value, -0.5::double as change_rate, -5.0::double as z_score, true as is_flagged,
    'far_from_expected' as reason
from (select unnest(range($count)) as number), lateral (select 'c' || number as channel);
"""


@pytest.mark.parametrize(("count", "more"), [(ALERTS_SHOWN, ""), (7, "and 2 more: the report lists them")])
def test_five_days_that_stand_out_are_told_and_how_many_more_there_are(
    settings: Settings, capsys: pytest.CaptureFixture[str], count: int, more: str
) -> None:
    settings.published_dir.mkdir(parents=True)
    with connect(settings.published_path) as connection:
        connection.execute(MARTS.replace("$count", str(count)))
    print_status(settings)
    told = [line.removeprefix("alert").strip() for line in capsys.readouterr().out.splitlines() if line[:5] == "alert"]
    assert told[0].startswith("2026-11-30: Orders, shop / c0: 50, expected 100 (−50%); far from")
    assert told[ALERTS_SHOWN:] == ([more] if more else [])
