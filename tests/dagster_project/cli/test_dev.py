"""`loyalty dev build`: a changed model in a file of one's own, from what is published, beside a run at work."""

import hashlib
from pathlib import Path

import pytest

from tests.support.company import Company, Generated, company, held
from warehouse.sql import connect

MODEL = Path("models/marts/retention/rpt_repurchase.sql")
YAML = Path("models/marts/retention/rpt_repurchase.yml")


@pytest.fixture
def own(built: Company, tmp_path: Path) -> Company:
    """A copy of the built company."""
    return built.copy(tmp_path / "home")


def test_it_refuses_before_the_first_publication(generated: Generated, own_environment: None, tmp_path: Path) -> None:
    new = company(tmp_path / "home", generated.settings(generated.folder))
    done = new.loyalty("dev", "build", "fct_orders")
    assert done.code == 2
    assert f"{new.settings.published_dir}: nothing is published yet" in done.text
    assert "run`" in done.text
    assert not new.settings.dev_path.exists()


@pytest.mark.slow
def test_it_builds_from_what_is_published_while_a_run_holds_the_warehouse(own: Company) -> None:
    production = [own.settings.warehouse_path, *own.settings.published_dir.glob("*.*")]
    before = [_state(file) for file in production]
    with held(own):
        done = own.loyalty("dev", "build", "fct_orders", "rpt_customer_growth_monthly")
    assert done.code == 0, done.text
    for name in ("fct_orders", "fct_orders_is_sound", "rpt_customer_growth_monthly"):
        assert f" {name}" in done.text
    assert [_state(file) for file in production] == before
    for mart in ("fct_orders", "rpt_customer_growth_monthly"):
        query = f"select * from marts.{mart} order by all"
        with connect(own.settings.dev_path, read_only=True) as connection:
            assert connection.execute(query).fetchall() == own.published(query)
    with connect(own.settings.dev_path, read_only=True) as connection:
        built = connection.execute("select distinct table_name from duckdb_tables() where schema_name = 'marts'")
        assert {name for (name,) in built.fetchall()} == {"fct_orders", "rpt_customer_growth_monthly"}


@pytest.mark.slow
def test_a_changed_model_is_built_and_a_failing_test_is_told(own: Company, project_copy: Path) -> None:
    model, described = project_copy / MODEL, project_copy / YAML
    sql = model.read_text(encoding="utf-8")
    model.write_text(f"select *, horizon_days * 2 as twice from (\n{sql}\n)\n", encoding="utf-8")
    column = "      - {name: horizon_days, data_type: integer, "
    rule = "              repurchasers_are_mature: "
    text = described.read_text(encoding="utf-8")
    assert text.count(column) == text.count(rule) == 1
    text = text.replace(column, f"      - {{name: twice, data_type: integer, description: Twice the days.}}\n{column}")
    text = text.replace(rule, f"              twice_is_small: twice < 700\n{rule}")
    described.write_text(text, encoding="utf-8")

    done = own.loyalty("dev", "build", "rpt_repurchase")

    assert done.code == 1
    assert "success model rpt_repurchase" in done.text
    assert "fail test rpt_repurchase_is_sound" in done.text
    with connect(own.settings.dev_path, read_only=True) as connection:
        twice = connection.execute("select distinct twice from marts.rpt_repurchase order by 1").fetchall()
    assert twice == [(60,), (120,), (180,), (360,), (730,)]
    assert own.published("select count(*) from duckdb_columns() where column_name = 'twice'") == [(0,)]


@pytest.mark.slow
def test_a_model_that_is_nowhere_is_named(own: Company) -> None:
    done = own.loyalty("dev", "build", "fct_order")
    assert done.code == 2
    assert "no model is called fct_order." in done.text


def _state(file: Path) -> tuple[str, int, str]:
    return file.name, file.stat().st_mtime_ns, hashlib.sha256(file.read_bytes()).hexdigest()
