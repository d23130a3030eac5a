"""docs/your_shop.md, followed command by command with small exports, up to the figures that are published."""

import re
import shlex
from pathlib import Path

import pytest

from dagster_project.cli.main import main
from tests.warehouse.onboarding.exports import SHOPIFY
from warehouse.settings import PROJECT_ROOT

pytestmark = pytest.mark.slow

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TILL = """Receipt,Sold on,Booked on,Article,Qty,Price
1,2024-05-01,2024-05-02,Mug,2,3.00
2,2024-05-02,2024-05-02,Mug,1,3.00
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_environment: None) -> Path:
    """A folder with exports in it, and companies and homes of its own."""
    for module in ("warehouse.settings", "warehouse.onboarding.company_folder"):
        monkeypatch.setattr(f"{module}.COMPANIES_DIR", tmp_path / "companies")
    monkeypatch.setenv("LOYALTY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders_export_1.csv").write_bytes(SHOPIFY.files["orders_export_1.csv"])
    (tmp_path / "till.csv").write_text(TILL, encoding="utf-8")
    return tmp_path


def test_every_command_of_the_page_works(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (PROJECT_ROOT / "docs" / "your_shop.md").read_text(encoding="utf-8")
    # that of a database is tested beside real servers, in tests/warehouse/onboarding/test_database.py
    commands = [line for block in BLOCK.findall(page) for line in block.splitlines() if "--database" not in line]
    assert len(commands) >= 8
    said = {}
    for command in commands:
        name, *arguments = shlex.split(command)
        assert name == "loyalty"
        code = main(arguments)
        told = capsys.readouterr()
        assert code == 0, f"{command}\n{told.out}{told.err}"
        said[command] = told.out
    tried = next(text for command, text in said.items() if "sources try" in command)
    assert re.search(r"2024-01 +22\.95 +1 +1", tried) and '1 "gift_card" (orders_export_1.csv row 5)' in tried
    assert "In all: net sales 55.00, 4 orders, 3 customers" in tried
    assert "spread" in next(text for command, text in said.items() if "explain" in command)
    published = next(text for command, text in said.items() if "rpt_sales_monthly" in command)
    assert "22.95" in published and "24.55" in published, "the last day of the file, with 7.50, is not complete"
    assert (desk / "home" / "published" / "report.html").exists()
