"""Other engines make the same rows of the same models (docs/scale.md)."""

from pathlib import Path

import pytest

from benchmarks.parity import ENGINES, compare
from tests.support.company import Company
from tests.support.system_packages import require_environment, require_program


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_another_engine_makes_the_rows_of_duckdb(engine: str, built: Company, tmp_path: Path) -> None:
    require_environment(ENGINES[engine], engine)
    if engine == "spark":
        require_program("java", "default-jre-headless")
    compared = compare(built.settings, engine, tmp_path)
    assert [one for one in compared if not one.is_none] == []
    rows = {one.table: one.rows for one in compared}
    assert rows["marts.fct_order_lines"] > 3_000 and rows["marts.fct_points_entries"] > 100
    assert sum(count > 0 for count in rows.values()) > 240
