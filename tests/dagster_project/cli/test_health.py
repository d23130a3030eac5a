"""`loyalty status --check` ends with 1 exactly when something is wrong, and says what."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dagster_project.runs import open_instance
from tests.support.company import Company, Generated, company
from warehouse.privacy.erase import unfinished_path


@pytest.fixture
def own(built: Company, tmp_path: Path) -> Company:
    return built.copy(tmp_path / "home")


def test_a_company_whose_last_run_published_is_well_whatever_its_age(own: Company) -> None:
    done = own.loyalty("status", "--check")
    assert (done.code, done.text) == (0, "generated: all is well")
    (as_of,) = own.published("select as_of_date from marts.publication")[0]
    days = (datetime.now(UTC).date() - as_of).days
    assert own.loyalty("status", "--check", "--max-age-days", str(days)).code == 0
    done = own.loyalty("status", "--max-age-days", str(days - 1))
    assert done.code == 1 and f"by the end of {as_of}, {days} days ago" in done.text


def test_each_thing_that_is_wrong_is_a_sentence(own: Company) -> None:
    file = own.settings.published_path.resolve()
    file.chmod(0o644)
    file.write_bytes(b"\0" + file.read_bytes()[1:])
    unfinished_path(own.settings).parent.mkdir(exist_ok=True)
    unfinished_path(own.settings).write_text("{}")
    with open_instance(own.settings) as instance:
        instance.report_run_failed(instance.get_runs(limit=1)[0])
    done = own.loyalty("status", "--check")
    assert done.code == 1
    for told in ("is not as it was published", "an erasure was not ended", "failed: `loyalty", "status` says why"):
        assert told in done.text, done.text


def test_before_the_first_run_nothing_is_published(generated: Generated, tmp_path: Path) -> None:
    new = company(tmp_path / "new", generated.settings(generated.folder))
    done = new.loyalty("status", "--check")
    assert done.code == 1 and "nothing is published yet" in done.text, done.text
