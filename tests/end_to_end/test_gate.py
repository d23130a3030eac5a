"""What fails a check is not published, even by publish alone; the last good copy stays, and status says why."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.assets import models
from tests.support.company import Company
from warehouse.builds import Build, last_build
from warehouse.sql import connect

UNFORESEEN = "it could not be computed: Dagster's log of this run has the details"
FAILING_TEST = "select date_day from {{ ref('dim_dates') }} where date_day is not null limit 3\n"
FAILING_UNIT_TEST = """
unit_tests:
  - name: a_product_nobody_described
    model: dim_products
    given:
      - {input: ref('int_run_dates'), rows: [{as_of_date: 2024-12-31}]}
      - {input: ref('int_product_versions'), rows: []}
      - input: ref('int_sale_lines')
        rows: [{product_id: P1, order_date: 2024-01-31, net_amount: 2.50}]
    expect:
      rows: [{product_id: P1, net_amount: 3.00}]
"""


@pytest.fixture
def own(built: Company, tmp_path: Path) -> Company:
    return built.copy(tmp_path / "home")


@pytest.fixture
def flawed_project(project_copy: Path) -> Path:
    """dbt with a data test and a unit test that fail."""
    (project_copy / "tests" / "singular" / "no_day_has_come.sql").write_text(FAILING_TEST)
    (project_copy / "models" / "marts" / "core" / "flawed.yml").write_text(FAILING_UNIT_TEST)
    return project_copy


def build_of(made: Company) -> Build:
    with connect(made.settings.warehouse_path) as connection:
        last = last_build(connection)
    assert last
    return last


@contextmanager
def refused(made: Company, reason: str) -> Iterator[None]:
    """The block's run leaves a build that is refused for `reason`; what was published before stays as it was."""
    before, live = build_of(made), made.published("from marts.publication")
    yield
    last = build_of(made)
    assert (last.build_id, last.status == "passed") == (before.build_id + 1, False)
    done = made.loyalty("run", "--select", "published/loyalty")
    assert done.code == 1 and reason in done.text and "last good copy stays" in done.text
    assert build_of(made) == last
    assert made.published("from marts.publication") == live
    status = made.loyalty("status").text
    assert f"published {live[0][0]}" in status and "live since 2" in status
    assert "last fault" in status and reason in status


@pytest.mark.slow
def test_a_failing_data_test(own: Company, flawed_project: Path) -> None:
    with refused(own, "no day has come: 3 rows"):
        done = own.loyalty("run", "--select", "dim_dates")
        assert done.code == 1 and "no day has come" in done.text and "no_day_has_come" not in done.text
        assert build_of(own).status == "failed"


@pytest.mark.slow
def test_a_failing_unit_test(own: Company, flawed_project: Path) -> None:
    marts = own.marts()
    with refused(own, "unit_test a_product_nobody_described: actual differs from expected"):
        done = own.loyalty("run", "--select", "dim_products")
        assert done.code == 1 and "a_product_nobody_described" in done.text
        assert build_of(own).status == "failed"
    assert own.marts() == marts


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (None, "planted: p_alive is outside 0 to 1"),
        pytest.param(
            ValueError("planted: nobody to fit"),
            "it could not be computed: planted: nobody to fit",
            marks=pytest.mark.slow,
        ),
        pytest.param(TypeError("RankedList.__init__()"), UNFORESEEN, marks=pytest.mark.slow),
        pytest.param(duckdb.OutOfRangeException("Overflow"), UNFORESEEN, marks=pytest.mark.slow),
    ],
)
def test_a_model_whose_results_are_unsound_is_held_back_alone(
    built: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception | None, told: str
) -> None:
    """Another rate in the settings, as a model learns nothing again from the same input."""
    own = built.copy(tmp_path / "home", assumed={"margin_rate": 0.31})
    step = next(step for step in models.STEPS if step.name == "lifetime_values")

    def learn(*arguments: Any) -> Any:
        if fault:
            raise fault
        return replace(step.learn(*arguments), problems=["planted: p_alive is outside 0 to 1"])

    monkeypatch.setattr(
        models, "STEPS", tuple(replace(one, learn=learn) if one is step else one for one in models.STEPS)
    )
    postings = own.warehouse("from ml.result_versions order by all")
    done = own.loyalty("run", "--select", "lifetime_values")
    assert done.code == 0 and f"held back model lifetime_values: {told}; its tables stay as they were" in done.text
    assert "TypeError" not in done.text and "Overflow" not in done.text
    assert build_of(own).status != "failed"
    assert own.warehouse("from ml.result_versions order by all") == postings
    held_back = "select model, detail from ml.model_runs where status = 'held_back'"
    assert own.warehouse(held_back) == [("lifetime_values", told)]
    assert f"held back model lifetime_values: {told}" in own.loyalty("status").text
    monkeypatch.undo()
    assert own.loyalty("run", "--select", "lifetime_values").code == 0
    assert own.warehouse(held_back) == []
    assert "held back" not in own.loyalty("status").text


@pytest.mark.parametrize(
    "selection",
    [
        "rpt_sales_monthly+",
        pytest.param("dim_dates or ops/build_status or published/loyalty", marks=pytest.mark.slow),
    ],
)
def test_a_part_is_built_and_checked_and_not_published(own: Company, selection: str) -> None:
    with refused(own, "did not finish"):
        done = own.loyalty("run", "--select", selection)
        assert done.code == 0 and "Nothing was published: a part was built and checked" in done.text
        assert build_of(own).status == "open"


@pytest.mark.slow
def test_publish_alone_publishes_what_has_passed(own: Company) -> None:
    live = own.published("from marts.publication")
    own.run("--select", "published/loyalty")
    assert own.published("from marts.publication") != live
    assert own.published("select build_id from marts.publication") == [(build_of(own).build_id,)]
