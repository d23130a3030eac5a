"""`loyalty simulate`: today's rules give what is published, other rules what they must, and nothing is touched."""

import hashlib
import re
import tempfile
from pathlib import Path

import pytest

from dagster_project.dbt_runner.project import DbtProject, analyst_project
from tests.support.company import Company, Generated, company, held
from warehouse.settings import PROJECT_ROOT, PointsSettings
from warehouse.sql import connect
from whatif.replay import RULES, Replay, replay_inputs, replayed_models, replaying
from whatif.scenarios import Scenario, read_scenarios
from whatif.scenarios import changed as changed_rules
from whatif.simulator import SearchPlan, Simulator

MARTS = (
    "dim_tiers",
    "fct_customer_tiers",
    "fct_points_entries",
    "rpt_points_balances",
    "rpt_points_breakage",
    "rpt_points_liability",
    "rpt_tier_movements",
)
SECONDS = re.compile(r"[0-9.]+ s$", re.MULTILINE)


def home_of(one: Company) -> dict[str, tuple[int, str]]:
    """Every file of a home but the kept manifests, which are a cache: when it was written, and what is in it."""
    files = [file for file in one.settings.home.rglob("*") if file.is_file() and "manifests" not in file.parts]
    return {
        str(file): (file.stat().st_mtime_ns, hashlib.sha256(file.read_bytes()).hexdigest())
        for file in files
        if file != one.settings.lock_path
    }


def different_rows(replay: Replay, mart: str) -> int:
    ours, published = f"select * from dev.marts.{mart}", f"select * from warehouse.marts.{mart}"
    with replay.opened() as connection:
        return sum(
            len(connection.execute(f"({one}) except all ({other})").fetchall())
            for one, other in ((ours, published), (published, ours))
        )


@pytest.mark.slow
def test_todays_rules_replay_to_what_is_published_row_for_row(built: Company) -> None:
    with replaying(built.settings, analyst_project, MARTS) as replay:
        replay.build(replay.today())
        assert {mart: different_rows(replay, mart) for mart in MARTS} == dict.fromkeys(MARTS, 0)
        assert Simulator(built.settings, replay).is_as_published


@pytest.mark.slow
def test_a_ledger_with_corrections_replays_to_the_same_balances_and_liability(changed: Company) -> None:
    corrections = changed.published("select count(*) from marts.fct_points_entries where is_correction")
    assert corrections[0][0] > 0
    with replaying(changed.settings, analyst_project) as replay:
        assert Simulator(changed.settings, replay).is_as_published


@pytest.mark.slow
def test_the_scenarios_of_the_guide_are_valid(built: Company, tmp_path: Path) -> None:
    guide = (PROJECT_ROOT / "docs" / "what_if.md").read_text(encoding="utf-8")
    file = tmp_path / "scenarios.yml"
    file.write_text(guide.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    with replaying(built.settings, analyst_project) as replay:
        today = replay.today()
    names = [scenario.name for scenario in read_scenarios(file) if changed_rules(today, scenario) != today]
    assert names == ["early gold", "generous", "half a year"]


@pytest.mark.slow
def test_changed_settings_are_told_from_what_is_published(built: Company) -> None:
    settings = built.settings.model_copy(update={"points": PointsSettings(expiry_months=1)})
    with replaying(settings, analyst_project) as replay:
        assert not Simulator(settings, replay).is_as_published


@pytest.mark.slow
def test_rules_move_what_they_should_and_nothing_else(built: Company) -> None:
    with replaying(built.settings, analyst_project) as replay:
        simulator = Simulator(built.settings, replay)
        today = simulator.today.outcome
        lower = simulator.simulate(Scenario("lower", {"tiers.all.threshold_amount": "0.5x"})).outcome
        twice = simulator.simulate(Scenario("twice", {"tiers.all.earn_rate": "2x", "budget": "2x"})).outcome
    assert lower.upgrades_count > today.upgrades_count
    assert lower.customers["Bronze"] < today.customers["Bronze"]
    assert sum(lower.customers.values()) == sum(today.customers.values())
    assert lower.issued_points > today.issued_points
    assert twice.customers == today.customers
    assert 1.95 < twice.issued_points / today.issued_points < 2.03  # less what is rounded down, and adjustments
    assert twice.redeemed_points == lower.redeemed_points == today.redeemed_points > 0
    assert twice.margin_amount == today.margin_amount
    assert twice.budget_amount == 2 * today.budget_amount > 0
    for outcome in (today, lower, twice):
        assert sum(outcome.cost_by_group.values()) == pytest.approx(float(outcome.cost_amount), abs=0.01)
        assert outcome.cost_amount <= outcome.highest_cost_amount


@pytest.mark.slow
def test_a_shorter_life_of_points_never_raises_the_liability(built: Company) -> None:
    with replaying(built.settings, analyst_project) as replay:
        simulator = Simulator(built.settings, replay)
        owed = [simulator.today.outcome.liability_amount]
        for months in (6, 3, 1):
            one = simulator.simulate(Scenario("short", {"points.expiry_months": str(months)})).outcome
            assert one.expired_points > 0
            owed.append(one.liability_amount)
    assert owed == sorted(owed, reverse=True)
    assert owed[-1] < owed[0]


@pytest.mark.slow
def test_it_runs_beside_a_writer_and_readers_and_leaves_nothing(
    built: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, temporary = built.copy(tmp_path / "home"), tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    before = home_of(own)
    with held(own), connect(own.settings.published_path, read_only=True) as reader:
        done = own.loyalty("simulate", "--set", "tiers.all.threshold_amount=0.8x")
        assert reader.execute("select count(*) from marts.fct_orders").fetchone()
    assert done.code == 0, done.text
    assert home_of(own) == before
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_the_table_shows_scenarios_beside_today_and_the_picture_escapes_their_names(
    built: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    own = built.copy(tmp_path / "home")
    file, page, picture = tmp_path / "scenarios.yml", tmp_path / "page.html", tmp_path / "picture.png"
    file.write_text("</script><b>: {points: {expiry_months: 3}}\nrich: {budget: 2x}\n", encoding="utf-8")
    done = own.loyalty("simulate", "--scenarios", str(file), "--out", str(page))
    assert done.code == 0, done.text
    for told in ("today", "rich", "Customers, Gold", "Liability, EUR", "Net beside today's", "budget=2x", "3 replays"):
        assert told in done.text
    html = page.read_text(encoding="utf-8")
    assert "&lt;/script&gt;&lt;b&gt;" in html and "</script><b>" not in html
    assert "What if" in html and " src=" not in html.split("<script", 1)[0]
    assert own.loyalty("simulate", "--set", "budget=2x", "--out", str(picture)).code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_search_stays_under_its_cap_and_repeats_itself(built: Company) -> None:
    first, again = (built.loyalty("simulate", "--search", "--trials", "3") for _ in range(2))
    assert first.code == 0, first.text
    assert SECONDS.sub("", first.out) == SECONDS.sub("", again.out)
    assert "best found" in first.out and "trial 1" in first.out
    with replaying(built.settings, analyst_project) as replay:
        simulator = Simulator(built.settings, replay)
        cap = 0.7 * float(simulator.today.outcome.highest_cost_amount)
        found = simulator.search(SearchPlan(4, cap, {"points.expiry_months": "6"}), lambda one: None)
    affordable = [one for one in found.tried if float(one.outcome.highest_cost_amount) <= cap]
    assert found.best.changes["points.expiry_months"] == "6"
    assert found.best.net.expected == max(one.net.expected for one in affordable)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "nothing to simulate; give --set, --scenarios or --search"),
        (["--set", "tiers.Glod.earn_rate=2"], '"tiers.Glod.earn_rate" (did you mean "tiers.Gold.earn_rate"?)'),
        (["--set", "budget=2x", "--cost-cap", "9"], "--cost-cap: only a search goes by a cap; add --search"),
        (["--search", "--trials", "0"], "--trials 0: a search needs at least one"),
        (["--search", "--trials", "2", "--cost-cap", "1"], "nothing tried costs 1 or less; the cheapest may cost"),
        (["--set", "budget=2x", "--out", "picture.pdf"], "--out picture.pdf: expected a file"),
    ],
)
def test_what_cannot_be_done_is_told(built: Company, arguments: list[str], told: str) -> None:
    done = built.loyalty("simulate", *arguments)
    assert done.code == 2
    assert told in done.text


def test_it_refuses_before_the_first_publication(generated: Generated, own_environment: None, tmp_path: Path) -> None:
    new = company(tmp_path / "home", generated.settings(generated.folder))
    done = new.loyalty("simulate", "--set", "budget=2x")
    assert done.code == 2
    assert f"{new.settings.published_dir}: nothing is published yet to replay; start `loyalty run`" in done.text


def test_every_model_that_reads_a_changed_setting_is_replayed(built: Company) -> None:
    manifest = DbtProject(built.settings).manifest()
    replayed = replayed_models(manifest, MARTS)
    readers = {
        name
        for name, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
        and node["fqn"][2] != "campaigns"  # what a campaign brought is counted, not replayed
        and node["name"] != "rpt_tier_customers"  # who holds a tier today, and whether the company has rules at all
        and re.search(r"setting\('points'|'point_value_amount'|ref\('tier_rules'", node["raw_code"])
    }
    assert readers and readers <= replayed
    assert RULES in replay_inputs(manifest)
