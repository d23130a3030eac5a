"""CONTRIBUTING's recipes, followed block by block in a copy of the project, and what then comes out."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.company import Company, Done, Generated, company
from warehouse.settings import PROJECT_ROOT
from warehouse.sql import connect

pytestmark = pytest.mark.slow

FOLDERS = ("companies", "dagster_project", "dbt", "docs", "ml", "serving", "templates", "warehouse", "whatif")
BLOCK = re.compile(r"^( *)```(?:yaml|sql|python|text)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r'(?:#|--) (?P<path>\S+?)(?:, (?P<side>below|above) "(?P<line>.*)")?')
RECIPES = (
    "Add a source", "Add a mart", "Add a chart for one company", "Add an asset that learns", "Add a message trigger",
)  # fmt: skip
BROKEN = """title: Broken
figures:
  - {title: Nothing, kind: table, definition: Nothing., sql: select * from fct_nothing, columns: [{column: x}]}
"""
START = "import sys; from dagster_project.cli.main import main; sys.exit(main())"
RECEIPTS = """Customer ID,line,receipt,sold,article,units,price
kiosk-fan,1,r1,2024-03-01 12:00:00,mug,2,3.50
kiosk-fan,2,r1,2024-03-01 12:00:00,pen,1,1.25
,3,r2,2024-03-02 09:30:00,mug,1,3.50
kiosk-fan,4,r3,2024-03-11 17:45:00,mug,1,free
kiosk-fan,5,r4,2024-03-11 17:50:00,mug,1,3.25
kiosk-fan,6,r5,2024-04-20 10:00:00,mug,-1,3.50
kiosk-fan,7,r6,2024-04-22 10:00:00,pen,4,1.25
"""


@dataclass(frozen=True)
class ProjectCopy:
    """A copy of the project, and a company that its command line runs."""

    root: Path
    company: Company

    def follow(self, recipe: str) -> None:
        """Do to the copy's files what the blocks of a recipe say."""
        text = (PROJECT_ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
        section = text.split(f"## {recipe}\n")[1].split("\n## ")[0]
        blocks = BLOCK.findall(section)
        assert blocks
        for indent, block in blocks:
            place, _, content = _without_indent(block, indent).partition("\n")
            self._put(place, content)

    def _put(self, place: str, content: str) -> None:
        found = PLACE.fullmatch(place)
        assert found, place
        file = self.root / found["path"]
        if not found["side"]:
            assert not file.exists(), file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
            return
        lines = file.read_text(encoding="utf-8").split("\n")
        assert lines.count(found["line"]) == 1, place
        position = lines.index(found["line"]) + (found["side"] == "below")
        file.write_text("\n".join([*lines[:position], content.removesuffix("\n"), *lines[position:]]), encoding="utf-8")

    def loyalty(self, *arguments: str) -> Done:
        """A command of the copy's command line."""
        command = [sys.executable, "-c", START, "--company", str(self.company.file), *arguments]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("LOYALTY_")}
        done = subprocess.run(
            command,
            cwd=self.root,
            env={**environ, "PYTHONPATH": str(self.root), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def extended(generated: Generated, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """The project with one more of each, after a run. Not to be changed, save by the last test."""
    root = tmp_path_factory.mktemp("project")
    for folder in FOLDERS:
        shutil.copytree(
            PROJECT_ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", "target", "logs")
        )
    shutil.copy(PROJECT_ROOT / "dagster.yaml", root)
    kiosk = root / "data" / "kiosk"
    kiosk.mkdir(parents=True)
    (kiosk / "sales-2024.csv").write_text(RECEIPTS, encoding="utf-8")
    values = generated.settings(generated.folder)
    sources = {"shop": values["sources"]["shop"], "kiosk": {"input_path": "data/kiosk"}}
    # the days of the data are long past
    messages = {"channel": "file", "quiet_hours": ["00:00", "00:00"], "valid_days": 99_999}
    made = company(root / "data", {**values, "sources": sources, "messages": messages})
    own = root / "companies" / "corner_shop"
    own.mkdir()
    copy = ProjectCopy(root, Company(Path(shutil.move(made.file, own / "settings.yml"))))
    for recipe in RECIPES:
        copy.follow(recipe)
    (own / "report" / "broken.yml").write_text(BROKEN, encoding="utf-8")
    checked = copy.loyalty("sources", "check")
    assert checked.code == 0, checked.text
    run = copy.loyalty("run")
    assert run.code == 0, run.out + run.err
    return copy


def test_lines_of_an_added_source_arrive(extended: ProjectCopy) -> None:
    lines = """
    select order_line_id, order_id, customer_id, cast(ordered_at as varchar), quantity, cast(net_amount as varchar)
    from marts.fct_order_lines where source = 'kiosk' order by order_line_id
    """
    assert extended.company.published(lines) == [
        ("kiosk-1", "kiosk-r1", "kiosk-fan", "2024-03-01 12:00:00", 2, "7.0000"),
        ("kiosk-2", "kiosk-r1", "kiosk-fan", "2024-03-01 12:00:00", 1, "1.2500"),
        ("kiosk-3", "kiosk-r2", None, "2024-03-02 09:30:00", 1, "3.5000"),
        ("kiosk-5", "kiosk-r4", "kiosk-fan", "2024-03-11 17:50:00", 1, "3.2500"),
        ("kiosk-6", "kiosk-r5", "kiosk-fan", "2024-04-20 10:00:00", -1, "-3.5000"),
        ("kiosk-7", "kiosk-r6", "kiosk-fan", "2024-04-22 10:00:00", 4, "5.0000"),
    ]
    rejected = "select row_number, reason from marts.fct_rejected_rows where source = 'kiosk'"
    assert extended.company.published(rejected) == [(5, "price is not a decimal(18,8)")]  # line 5 of the file


def test_an_added_mart_is_published_and_adds_up(extended: ProjectCopy) -> None:
    kiosk = """
    select strftime(month, '%Y-%m'), orders_count, cast(net_amount as varchar)
    from marts.rpt_channel_orders_monthly where channel = 'kiosk' order by month
    """
    assert extended.company.published(kiosk) == [("2024-03", 2, "11.5000"), ("2024-04", 1, "5.0000")]
    both = """
    select (select sum(net_amount) from marts.rpt_channel_orders_monthly),
        (select sum(net_amount) from marts.fct_orders where is_valid)
    """
    assert len({*extended.company.published(both)[0]}) == 1
    assert (extended.company.settings.published_dir / "parquet" / "rpt_channel_orders_monthly.parquet").exists()


def test_an_added_chart_is_in_the_report_and_a_broken_one_stops_nothing(extended: ProjectCopy) -> None:
    page = (extended.company.settings.published_dir / "report.html").read_text(encoding="utf-8")
    assert (
        page.index('<a href="#campaigns">')
        < page.index('<a href="#company-1">Broken')
        < page.index('<a href="#company-2">Channels')
    )
    chapter = page.split('<section id="company-2">')[1]
    spec = json.loads(re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', chapter)[0])
    (rows,) = spec["datasets"].values()
    kiosk = [(row["x"], row["y"]) for row in rows if row["series"] == "kiosk"]
    assert kiosk == [("2024-03-01", 11.5), ("2024-04-01", 5.0)]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", chapter.split(">Channels in all</h3>")[1])
    assert cells[cells.index("kiosk") :][:3] == ["kiosk", "3", "€16.50"]
    told = "broken.yml: line 3: the query fails: Catalog Error: Table with name fct_nothing does not exist!"
    assert told in page and told in extended.loyalty("status").text


def test_an_added_asset_that_learns_is_published_with_its_run(extended: ProjectCopy) -> None:
    learned = "select customer_id, usual_gap_days from marts.fct_usual_gaps order by customer_id"
    expected = """
    with days as (select distinct customer_id, order_date from marts.fct_orders where is_valid),
    gaps as (
        select customer_id, order_date - lag(order_date) over (partition by customer_id order by order_date) as gap
        from days
    )
    select customer_id, median(gap) from gaps group by customer_id having count(gap) > 0 order by customer_id
    """
    found = extended.company.published(learned)
    assert found == extended.company.published(expected)
    assert dict(found)["kiosk-fan"] == 26.0  # 10 and 42 days
    runs = "select count(*) from marts.fct_usual_gaps join marts.fct_model_runs using (model_run_id) where is_champion"
    assert extended.company.published(runs) == [(len(found),)]


def test_an_added_message_is_delivered(extended: ProjectCopy) -> None:
    told = "select message_id from marts.fct_reward_messages where trigger = 'first_order' and status = 'pending'"
    created = {message_id for (message_id,) in extended.company.published(told)}
    lines = extended.company.settings.outbox_path.read_text(encoding="utf-8").splitlines()
    delivered = {line["message_id"]: line for line in map(json.loads, lines) if line["trigger"] == "first_order"}
    assert created and set(delivered) == created
    assert {line["subject"] for line in delivered.values()} <= {"Welcome", "欢迎光临"}


def test_a_metric_in_five_minutes_leaves_production_alone(extended: ProjectCopy) -> None:
    extended.follow("Add a metric in five minutes")
    settings = extended.company.settings
    production = [settings.warehouse_path, *settings.published_dir.glob("*.*")]
    before = [_state(file) for file in production]
    # the warehouse is open in this process, which is how a run holds it
    with connect(settings.warehouse_path):
        built = extended.loyalty("dev", "build", "fct_orders")
    assert built.code == 0, built.text
    assert [_state(file) for file in production] == before
    for name in ("fct_orders", "fct_orders_is_sound", "margin_rate_is_margin_over_net"):
        assert re.search(rf"^(success|pass) .* {name}\b", built.out, re.MULTILINE), built.out
    rates = "select order_id, round(margin_rate, 9) from {table} order by order_id"
    by_hand = "(select order_id, margin_amount::double / nullif(net_amount, 0) as margin_rate from marts.fct_orders)"
    with connect(settings.dev_path, read_only=True) as connection:
        found = connection.execute(rates.format(table="marts.fct_orders")).fetchall()
    assert found == extended.company.published(rates.format(table=by_hand))

    documented = extended.loyalty("docs")
    assert documented.code == 0, documented.text
    page = (extended.root / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert "A margin of 5 on an order of 20 is a rate of 25%" in page.split("## margin_rate\n")[1].split("\n## ")[0]


def _without_indent(block: str, indent: str) -> str:
    """A block of a numbered step, without the step's indent."""
    return "\n".join(line.removeprefix(indent) for line in block.split("\n"))


def _state(file: Path) -> tuple[str, int, str]:
    stat = file.stat()
    return file.name, stat.st_mtime_ns, hashlib.sha256(file.read_bytes()).hexdigest()
