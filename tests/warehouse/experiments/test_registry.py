"""Plans of experiments: read, registered before their start, and drawn the same way each time."""

import csv
from datetime import date
from pathlib import Path

import pytest

from dagster_project.cli.experiments import assign_members
from warehouse.errors import UserError
from warehouse.settings import Settings, load_settings
from warehouse.sql import connect

PLAN = """
campaign_id: spring
start_date: 2024-03-01
end_date: 2024-03-28
metrics: [margin_amount, orders_count]
holdout_share: 0.1
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A warehouse of 2,000 customers with sales to the end of January."""
    settings = load_settings("generated", home=tmp_path / "home")
    settings.home.mkdir()
    with connect(settings.warehouse_path) as connection:
        connection.execute("create schema marts; create schema intermediate")
        connection.execute(
            "create table marts.dim_customers as select 'c' || n as customer_id from range(2000) as t(n)"
        )
        connection.execute("create table intermediate.int_run_dates as select date '2024-01-31' as data_through")
    return settings


def later(settings: Settings, day: date) -> None:
    """Sales are loaded up to another day."""
    with connect(settings.warehouse_path) as connection:
        connection.execute("update intermediate.int_run_dates set data_through = ?", [day])


def assign(settings: Settings, text: str) -> list[list[str]]:
    """The rows of the list drawn for a plan."""
    plan, out = settings.home / "plan.yml", settings.home / "members.csv"
    plan.write_text(text, encoding="utf-8")
    assign_members(settings, plan, out, force=True)
    with out.open(encoding="utf-8") as file:
        return list(csv.reader(file))


def test_everybody_is_drawn_once_and_the_same_way_again(settings: Settings) -> None:
    rows = assign(settings, PLAN)
    assert rows[0] == ["campaign_id", "customer_id", "arm"]
    arms = [arm for _, _, arm in rows[1:]]
    assert len({customer for _, customer, _ in rows[1:]}) == 2000
    assert 140 <= arms.count("holdout") <= 260
    assert 800 <= arms.count("treatment") <= 1000
    later(settings, date(2024, 3, 15))
    assert assign(settings, PLAN) == rows


def test_the_holdout_is_the_same_customers_in_every_campaign(settings: Settings) -> None:
    def holdout(text: str) -> set[str]:
        return {customer for _, customer, arm in assign(settings, text)[1:] if arm == "holdout"}

    assert holdout(PLAN) == holdout(PLAN.replace("spring", "summer"))


def test_a_plan_that_changes_after_its_start_is_refused(settings: Settings) -> None:
    assign(settings, PLAN)
    assign(settings, PLAN.replace("2024-03-28", "2024-03-29"))  # not begun: plans may change
    later(settings, date(2024, 3, 15))
    with pytest.raises(UserError, match=r"end_date was 2024-03-29.*now 2024-03-28"):
        assign(settings, PLAN)
    with connect(settings.warehouse_path) as connection:
        assert connection.execute("select end_date from ops.experiments").fetchall() == [(date(2024, 3, 29),)]


SEVERAL = PLAN + "arms: {letter: 0.2, phone call: 0.3}"


def test_several_treatments_are_drawn_with_their_shares(settings: Settings) -> None:
    rows = assign(settings, SEVERAL)
    arms = [arm for _, _, arm in rows[1:]]
    assert set(arms) == {"letter", "phone call", "control", "holdout"}
    assert 280 <= arms.count("letter") <= 440 and 800 <= arms.count("control") <= 1000
    later(settings, date(2024, 3, 15))
    assert assign(settings, SEVERAL) == rows
    with pytest.raises(UserError, match=r"arms was letter=0\.2,phone call=0\.3, now letter=0\.3,phone call=0\.3"):
        assign(settings, SEVERAL.replace("letter: 0.2", "letter: 0.3"))


def test_a_home_of_before_keeps_its_plans(settings: Settings) -> None:
    """Its table lacks the column; the plan of one treatment is the same as ever."""
    rows = assign(settings, PLAN)
    with connect(settings.warehouse_path) as connection:
        connection.execute("alter table ops.experiments drop column arms")
    later(settings, date(2024, 3, 15))
    assert assign(settings, PLAN) == rows


def test_a_plan_first_registered_after_its_start_is_refused(settings: Settings) -> None:
    later(settings, date(2024, 3, 1))
    with pytest.raises(UserError, match="register an experiment before its start"):
        assign(settings, PLAN)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            PLAN + "treatment_shares: 0.4",
            r'plan.yml: line 7: unknown key "treatment_shares" \(did you mean "treatment_share"',
        ),
        (PLAN.replace("2024-03-28", "soon"), r"plan.yml: line \d: \"end_date\": "),
        (PLAN + "treatment_share: 1.5", 'treatment_share": Input should be less than or equal to 1'),
        (
            SEVERAL + "\ntreatment_share: 0.5",
            "plan.yml: arms has the share of each treatment; take treatment_share out",
        ),
        (PLAN + "arms: {letter: 0.7, phone: 0.3}", "plan.yml: .* of all of them together, must lie between 0 and 1"),
        (PLAN + "arms: {}", "arms"),
        ("just text", "plan.yml: expected a plan's keys with values"),
    ],
)
def test_a_bad_plan_is_named(settings: Settings, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        assign(settings, text)


def test_before_the_first_run_there_is_nobody_to_draw(tmp_path: Path) -> None:
    empty = load_settings("generated", home=tmp_path)
    with pytest.raises(UserError, match="start `loyalty run`"):
        assign(empty, PLAN)
