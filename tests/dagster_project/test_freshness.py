"""A source that has stopped is told of by the clock, whether or not anything runs."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml

from dagster_project import sensors
from dagster_project.assets.publish import SOURCES_DELIVER
from dagster_project.freshness import late_sources
from dagster_project.publication import PUBLICATION_KEY
from dagster_project.runs import open_instance
from dagster_project.sensors import build_late_source_sensor
from tests.support.company import Company
from warehouse.settings import COMPANIES_DIR, Settings
from warehouse.sql import connect

LIMITS = {"shop": 3, "till": None}


@pytest.fixture
def own(built: Company, tmp_path: Path) -> Company:
    """A company whose shop is late after three days; of the till too little is known."""
    copy = built.copy(tmp_path / "home", data_through=None)
    path = copy.settings.published_path
    path.chmod(0o600)
    with connect(path) as connection:
        for source, limit in LIMITS.items():
            connection.execute(
                "update marts.rpt_source_freshness set late_after_days = $limit where source = $source",
                {"limit": limit, "source": source},
            )
    return copy


@pytest.fixture
def last(own: Company) -> date:
    """The day of the shop's last order."""
    ((day,),) = own.published("select last_order_date from marts.rpt_source_freshness where source = 'shop'")
    assert isinstance(day, date)
    return day


@pytest.fixture
def instance(own: Company) -> Iterator[dg.DagsterInstance]:
    with open_instance(own.settings) as instance:
        yield instance


def declare(own: Company, **keys: object) -> Settings:
    """The company with a file of its own for the shop, which has further keys."""
    shipped = yaml.safe_load((COMPANIES_DIR / "generated" / "sources" / "shop.yml").read_text(encoding="utf-8"))
    file = own.settings.folder / "sources" / "shop.yml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump({**shipped, **keys}), encoding="utf-8")
    return own.settings


def test_a_source_is_late_the_day_after_its_limit(own: Company, last: date) -> None:
    assert late_sources(own.settings, last + timedelta(3)) == {}
    late = late_sources(own.settings, last + timedelta(4))
    assert list(late) == ["shop"]
    assert f"the last order is of {last}, 4 days ago; new ones were expected within 3" in late["shop"]


def test_the_sources_file_has_the_last_word(own: Company, last: date) -> None:
    longer = declare(own, late_after_days=10)
    assert late_sources(longer, last + timedelta(10)) == {}
    assert "within 10" in late_sources(longer, last + timedelta(11))["shop"]
    assert late_sources(declare(own, late_after_days="never"), last + timedelta(999)) == {}


def test_a_file_that_cannot_be_read_does_not_keep_status_from_telling(own: Company) -> None:
    (own.settings.folder / "sources").mkdir()
    (own.settings.folder / "sources" / "shop.yml").write_text("name: [")
    done = own.loyalty("status")
    assert done.code == 0 and "published  " in done.out and "expected within" not in done.out, done.out


def test_a_sample_that_ends_is_never_late(own: Company, built: Company, last: date) -> None:
    assert late_sources(own.settings.model_copy(update={"data_through": last}), last + timedelta(99)) == {}
    # the company as it was built has come once alone, so nothing is known of its rhythm
    assert built.published("select distinct deliveries_count, late_after_days from marts.rpt_source_freshness") == [
        (1, None)
    ]


def test_the_sensor_marks_the_check_and_tells_the_webhook_once(
    own: Company, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted: list[str] = []
    monkeypatch.setattr(sensors, "post_failure", lambda _, payload: posted.append(payload["text"]))
    sensor = build_late_source_sensor(own.settings)
    with dg.build_sensor_context(instance=instance) as context:
        found = sensor(context)
    assert isinstance(found, dg.SensorResult)
    (marked,) = found.asset_events
    assert isinstance(marked, dg.AssetCheckEvaluation)
    assert (marked.asset_key, marked.check_name, marked.passed) == (PUBLICATION_KEY, SOURCES_DELIVER, False)
    assert marked.severity == dg.AssetCheckSeverity.WARN and "shop: the last order" in str(marked.description)
    assert len(posted) == 1 and "generated: shop: the last order" in posted[0]
    with dg.build_sensor_context(instance=instance, cursor=found.cursor) as context:
        assert isinstance(sensor(context), dg.SkipReason)
    yesterday = json.dumps({"shop": "another day's sentence"})
    with dg.build_sensor_context(instance=instance, cursor=yesterday) as context:
        assert isinstance(sensor(context), dg.SensorResult)
    assert len(posted) == 1


def test_status_says_it_and_the_monitor_hears_it(own: Company) -> None:
    assert "late shop: the last order is of" in own.loyalty("status").text
    done = own.loyalty("status", "--check")
    assert done.code == 1 and "shop: the last order is of" in done.text
