"""Rules of the whole repository that no single module can hold itself to."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml

from warehouse.ingest.entities import Entity, load_entities
from warehouse.ingest.sources import known_sources, read_source
from warehouse.settings import PROJECT_ROOT, SHIPPED_COMPANIES

ROOMS = {
    "dagster_project", "whatif", "serving", "warehouse", "dbt", "ml", "generator", "companies", "tests",
    "benchmarks", "bi", "docs", ".ci", ".github",
}  # fmt: skip
# Staging folders of what the project itself writes: model results and operations.
OWN_SCHEMAS = {"ml", "ops"}
MACHINE_PATHS = re.compile(r"(?<![\w.~])/(?:work|home|root|Users|tmp)/[\w.]")
SQL_CLOCK = re.compile(
    r"\b(?:current_date|current_time|current_timestamp|localtimestamp|localtime|get_current_timestamp|getdate|sysdate"
    r"|run_started_at|now\s*\(|today\s*\(|transaction_timestamp\s*\(|modules\.datetime)",
    re.IGNORECASE,
)
PYTHON_CLOCK = {
    "now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter", "process_time", "localtime", "gmtime",
}  # fmt: skip
LATER_ROWS_CUT = re.compile(r"<=\s*\(?(?:select\s+)?(?:run_dates\.)?as_of_date")
# Where rows later than as_of_date are left out: the dated entities and facts, a history that a model derives by itself,
# and the reconciliation, which counts again what others have counted.
KNOW_AS_OF_DATE = {
    "int_as_of_dates", "int_campaign_members", "int_campaigns", "int_customer_daily", "int_customer_events",
    "int_customer_feedback", "int_customer_movements", "int_customers", "int_latest_results", "int_marketing_spend",
    "int_messages",
    "int_order_lines", "int_orders", "int_permanent_holdout", "int_point_adjustments", "int_points_lot_positions",
    "int_programme_costs", "int_redemptions", "int_returned_lines", "int_rows_daily", "int_run_dates",
    "int_source_customers",
    "int_tier_members", "int_tier_metrics", "int_tier_rules", "int_tier_states", "fct_model_runs",
    "rpt_roi_reconciliation", "rpt_sales_monthly", "rpt_source_freshness",
}  # fmt: skip
# The kept history, which no day may shape.
READ_EVERY_DAY = {"int_order_days"}
# What each room may import of the house.
IMPORTS = {
    "dagster_project": {"whatif", "serving", "warehouse", "ml"},
    "whatif": {"serving", "warehouse", "ml"},
    "serving": {"warehouse"},
    "warehouse": set(),
    "ml": set(),
    "generator": set(),
}  # fmt: skip
# And what of the packages it must not know.
CLOSED_TO = {
    "whatif": {"dagster", "dagster_dbt", "dbt"},
    "serving": {"dagster", "dagster_dbt", "dbt", "sklearn"},
    "warehouse": {"dagster", "dagster_dbt", "dbt", "sklearn"},
    "ml": {"dagster", "dagster_dbt", "dbt", "duckdb"},
    "generator": {"dagster", "dagster_dbt", "dbt", "duckdb"},
}
MEASURED = re.compile(r"(?<![\w.`])\d[\d.,]*\s?(?:s|ms|MB|GB|seconds|processor seconds)\b|\d% of the time")
COMMAND = re.compile(
    r"`(?:make|loyalty|python -m|pytest|tests/|\.venv/bin|systemd-run|/usr/bin/time)[^`]*`"
    r"|```sh|^ {4}(?:make|python|loyalty)",
    re.MULTILINE,
)
SQL_COMMENT = re.compile(r"--[^\n]*|\{#.*?#\}|/\*.*?\*/", re.DOTALL)
RUN_VARIABLE = re.compile(r"var\(\s*['\"]as_of_date['\"]")
JINJA = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})")
VARIABLE = re.compile(r"\b(?:var|setting)\(")
# A text of Jinja that ends or begins with a quote of SQL.
VARIABLE_BESIDE_QUOTE = re.compile(r"'\"\s*~\s*(?:var|setting)\(|'\"'\s*~\s*(?:var|setting)\(")
CONFIG_CALL = re.compile(r"\bconfig\s*\((?!\s*['\"])(.*?)\)\s*\}\}", re.DOTALL)


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [PROJECT_ROOT / name for name in listed.split("\0") if name and (PROJECT_ROOT / name).is_file()]


def sql(file: Path) -> str:
    return SQL_COMMENT.sub("", file.read_text(encoding="utf-8"))


def imports(file: Path) -> Iterator[tuple[str, list[str]]]:
    """The modules that a file imports, each with the names taken from it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((name.name, []) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, [name.name for name in node.names]


def imported_modules(file: Path, known: set[str]) -> set[str]:
    """Those of the modules `known` that a file imports; a module taken out of a package stands for itself alone."""
    found = set()
    for module, names in imports(file):
        taken = {f"{module}.{name}" for name in names} & known
        found |= taken
        if module in known and len(taken) < max(1, len(names)):
            found.add(module)
    return found


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(PROJECT_ROOT).with_suffix("").parts).removesuffix(".__init__")


def quoted_variables(line: str) -> list[str]:
    """Jinja of a line of SQL that puts a variable between quotes, of SQL or of a text that becomes SQL."""
    found, quote = [], ""
    for part in JINJA.split(line):
        if JINJA.fullmatch(part):
            if (quote and VARIABLE.search(part)) or VARIABLE_BESIDE_QUOTE.search(part):
                found.append(part)
            continue
        for character in part:
            if character in "'\"" and quote in ("", character):
                quote = "" if quote else character
    return found


def rooms_imported(file: Path) -> set[str]:
    return {module.partition(".")[0] for module, _ in imports(file)}


def test_no_file_names_a_folder_of_one_machine() -> None:
    found = []
    for file in tracked("*.py", "*.sql", "*.yml", "*.yaml", "*.md", "*.toml", "*.csv", "Makefile", ".ci/run"):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if MACHINE_PATHS.search(line):
                found.append(f"{file.relative_to(PROJECT_ROOT)}:{number}: {line.strip()}")
    assert found == []


def test_every_folder_has_its_place_in_the_architecture() -> None:
    decisions = PROJECT_ROOT / "DECISIONS.md"
    told = decisions.read_text(encoding="utf-8") if decisions.exists() else ""
    folders = {file.relative_to(PROJECT_ROOT).parts[0] for file in tracked() if file.parent != PROJECT_ROOT}
    assert {folder for folder in folders - ROOMS if f"{folder}/" not in told} == set()


@pytest.mark.parametrize("environment", ["clients", "lint", "sail", "spark"])
def test_every_package_of_an_environment_has_its_version(environment: str) -> None:
    asked, locked = (
        (PROJECT_ROOT / ".environments" / f"{environment}.{suffix}").read_text(encoding="utf-8").splitlines()
        for suffix in ("in", "txt")
    )
    pinned = [re.fullmatch(r"([a-z0-9-]+)(?:\[[a-z,]+\])?==[\w.]+(?: ; .+)?", line) for line in locked]
    assert all(pinned)
    wanted = {re.split(r"[\[=<>~]", line)[0] for line in asked if not line.startswith("#")}
    assert wanted <= {pin[1] for pin in pinned if pin}


def test_the_readme_says_how_to_run_and_test() -> None:
    readme = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("make run", "make test"):
        assert re.search(rf"^\s*\$?\s*{command}\b", readme, re.MULTILINE), f"README.md does not show `{command}`"


def test_a_measured_figure_in_the_docs_stands_in_a_section_that_names_its_command() -> None:
    found = []
    for file in tracked("*.md"):
        for section in re.split(r"^(?=#+ )", file.read_text(encoding="utf-8"), flags=re.MULTILINE):
            if MEASURED.search(section) and not COMMAND.search(section):
                found.append(f"{file.relative_to(PROJECT_ROOT)}: {section.splitlines()[0]}")
    assert found == []


def test_the_site_has_every_page_of_the_docs() -> None:
    def pages(entry: object) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        else:
            for part in entry.values() if isinstance(entry, dict) else entry:  # type: ignore[attr-defined]
                yield from pages(part)

    site = tomllib.loads((PROJECT_ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    listed = list(pages(site["nav"]))
    assert sorted(listed) == sorted(page.name for page in (PROJECT_ROOT / "docs").glob("*.md"))


def test_no_variable_stands_between_quotes() -> None:
    """Whatever a validator has seen: a text goes into SQL through `text_literal`, which doubles its quotes."""
    found = [
        f"{file.relative_to(PROJECT_ROOT)}:{number}: {line.strip()}"
        for file in tracked("dbt/*.sql")
        for number, line in enumerate(sql(file).splitlines(), 1)
        if quoted_variables(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "is_quoted"),
    [
        ("where company = '{{ var(\"company\") }}'", True),
        ("where company = '{{- var('company', '') -}}'", True),
        ("where note = 'of {{ setting('messages', 'x') }}'", True),
        ("select \"{{ var('company') }}\"", True),
        ("{% set query = \"where a = '\" ~ var('company') ~ \"'\" %}", True),
        ("where company = {{ text_literal(var('company')) }}", False),
        ("where days > {{ var('churn_horizon_days') }} and note = 'x'", False),
        ("path: '{{ env_var('LOYALTY_HOME') }}'", False),
    ],
)
def test_a_variable_between_quotes_is_seen(line: str, is_quoted: bool) -> None:
    assert bool(quoted_variables(line)) == is_quoted


def test_every_line_that_the_security_check_passes_over_says_why() -> None:
    for file in (file for room in IMPORTS for file in tracked(f"{room}/*.py")):
        lines = file.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            if "# nosec" in line:
                assert re.search(r"# nosec B\d+", line) and lines[number - 1].strip().startswith("#"), f"{file}: {line}"


def test_models_are_named_after_their_layer_and_marts_read_no_staging() -> None:
    prefixes = {"staging": ("stg_",), "intermediate": ("int_",), "marts": ("dim_", "fct_", "rpt_")}
    for file in tracked("dbt/models/*.sql"):
        layer = file.relative_to(PROJECT_ROOT / "dbt" / "models").parts[0]
        assert file.stem.startswith(prefixes.get(layer, ("",))), file
        if layer == "marts":
            assert not re.search(r"ref\(\s*['\"]stg_(?!ml__|ops__)", sql(file)), f"{file} reads a source's staging view"


def test_a_mart_that_keeps_days_says_which_rows_are_todays() -> None:
    silent = []
    for file in tracked("dbt/models/marts/*.yml", "companies/*/marts/*.yml"):
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", []):
            (sound,) = [test["sound_rows"] for test in model["data_tests"] if "sound_rows" in test]
            columns = {column["name"] for column in model["columns"]}
            by_day = "as_of_date" in sound["arguments"]["key"] or "is_current" in columns
            if by_day and "today" not in model.get("config", {}).get("meta", {}):
                silent.append(model["name"])
    assert silent == []


def test_no_model_is_ephemeral() -> None:
    assert [file for file in tracked("dbt/*.sql", "dbt/*.yml") if "ephemeral" in file.read_text(encoding="utf-8")] == []


def test_as_of_date_is_no_part_of_what_is_parsed() -> None:
    """A kept manifest would hold on to the day it was parsed on."""
    for file in tracked("dbt/*.yml"):
        assert not RUN_VARIABLE.search(file.read_text(encoding="utf-8")), file
    for file in tracked("dbt/*.sql"):
        for call in CONFIG_CALL.findall(sql(file)):
            assert "as_of_date" not in call, file


def test_nothing_that_is_computed_reads_the_clock() -> None:
    found = [
        f"{file.relative_to(PROJECT_ROOT)}: {match.group()}"
        for file in tracked("dbt/*.sql")
        for match in SQL_CLOCK.finditer(sql(file))
    ]
    for file in tracked("ml/*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in PYTHON_CLOCK:
                found.append(f"{file.relative_to(PROJECT_ROOT)}:{node.lineno}: {ast.unparse(node.func)}")
    assert found == []


@pytest.mark.parametrize("room", sorted(IMPORTS))
def test_rooms_import_downwards_only(room: str) -> None:
    files = tracked(f"{room}/*.py")
    assert files
    foreign = (set(IMPORTS) | CLOSED_TO.get(room, set())) - IMPORTS[room] - {room}
    climbing = {str(file.relative_to(PROJECT_ROOT)): rooms_imported(file) & foreign for file in files}
    assert {file: rooms for file, rooms in climbing.items() if rooms} == {}


def test_no_files_import_each_other_in_a_circle() -> None:
    modules = {module_name(file): file for room in IMPORTS for file in tracked(f"{room}/*.py")}
    graph = {module: sorted(imported_modules(file, set(modules)) - {module}) for module, file in modules.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_intermediate_models_read_no_mart() -> None:
    read = {
        file.stem: re.findall(r"ref\(\s*['\"]((?:dim|fct|rpt)_\w+)", sql(file))
        for file in tracked("dbt/models/intermediate/*.sql")
    }
    assert {model: marts for model, marts in read.items() if marts} == {}


def test_valid_order_lines_are_joined_with_their_returns_once() -> None:
    """In one stored table. The other two readers show lines that are not valid, too."""
    readers = {file.stem: file for file in tracked("dbt/models/*.sql") if "ref('int_order_lines')" in sql(file)}
    assert set(readers) == {"int_sale_lines", "fct_order_lines", "rpt_unexplained_amounts_monthly"}
    assert "materialized" not in sql(readers["int_sale_lines"]), "dbt_project.yml makes intermediate models tables"


def test_an_exposure_names_the_models_that_its_code_reads() -> None:
    """The lineage ends at people: what is drawn, written and told is read from just these models."""
    models = {file.stem for file in tracked("dbt/models/*.sql")}
    exposures = yaml.safe_load((PROJECT_ROOT / "dbt" / "models" / "exposures.yml").read_text(encoding="utf-8"))
    for exposure in exposures["exposures"]:
        code = [file.read_text(encoding="utf-8") for file in tracked(f"{exposure['config']['meta']['read_by']}/*.py")]
        read = models.intersection(re.findall(r"\w+", "\n".join(code)))
        assert exposure["depends_on"] == [f"ref('{name}')" for name in sorted(read)], exposure["name"]


def test_as_of_date_cuts_once() -> None:
    cutting = {file.stem for file in tracked("dbt/models/*.sql") if LATER_ROWS_CUT.search(sql(file))}
    assert cutting == KNOW_AS_OF_DATE


def test_later_rows_reach_only_what_leaves_them_out() -> None:
    """Versions of dated rows know no as_of_date: who reads them cuts, or counts what was delivered."""
    dated = {f"int_{name.removesuffix('s')}_versions" for name, entity in load_entities().items() if _is_dated(entity)}
    assert {"int_order_line_versions", "int_marketing_spend_versions"} <= dated
    reading = {
        file.stem
        for file in tracked("dbt/models/*.sql")
        if dated.intersection(re.findall(r"ref\('(\w+)'\)", sql(file)))
    }
    assert reading - KNOW_AS_OF_DATE == READ_EVERY_DAY


def _is_dated(entity: Entity) -> bool:
    moments = {"date", "timestamp"}
    return any(column.type in moments and column.need == "required" for column in entity.columns.values())


def test_the_report_computes_no_share_and_no_average() -> None:
    computed = re.compile(r"\bover \(|\bntile\(|\bmedian\(|\bavg\(|/ (?:nullif|count|sum)\(")
    files = tracked("serving/report/chapters/*.py")
    assert files and [file.name for file in files if computed.search(file.read_text(encoding="utf-8"))] == []


def test_no_setting_decides_what_a_model_reads() -> None:
    """dbt parses without a company's settings, and does not find what is read where one of them says so."""
    block = re.compile(r"\{%-?\s*if\b(.*?)%\}(.*?)\{%-?\s*endif", re.DOTALL)
    hidden = [
        file.name
        for file in tracked("dbt/models/*.sql")
        for condition, body in block.findall(file.read_text(encoding="utf-8"))
        if "ref(" in body and re.search(r"\b(setting|var)\(", condition)
    ]
    assert hidden == []


def test_dbt_has_no_python_files() -> None:
    """Its folder joins the installed package dbt's search path."""
    assert tracked("dbt/*.py") == []


def test_every_source_is_mapped_and_every_mapping_has_its_source() -> None:
    sources = {file.stem for file in tracked("companies/*/sources/*.yml")}
    written = {file.stem.removeprefix("stg_").partition("__")[0] for file in tracked("companies/*/staging/*.sql")}
    assert written <= sources == set(known_sources())
    for name in sources - written:
        assert read_source(name).canonical, name
    own = PROJECT_ROOT / "dbt" / "models" / "staging"
    assert {file.relative_to(own).parts[0] for file in tracked("dbt/models/staging/*.sql")} == OWN_SCHEMAS


def test_the_companies_that_are_shipped_are_those_that_the_settings_name() -> None:
    assert {file.parent.name for file in tracked("companies/*/settings.yml")} == set(SHIPPED_COMPANIES)


def test_a_source_is_named_in_files_of_its_own_alone() -> None:
    """So that adding one touches new files only."""
    names = re.compile(rf"\b({'|'.join(sorted(file.stem for file in tracked('companies/*/sources/*.yml')))})\b")
    project = (PROJECT_ROOT / "dbt" / "dbt_project.yml").read_text(encoding="utf-8")
    assert names.findall(project) == []
    lists = [file.name for file in tracked("dbt/models/staging/*__sources.yml")]
    assert {name.strip("_").partition("__")[0] for name in lists} == OWN_SCHEMAS
