"""What `loyalty run` prints of rejected rows: how to see them, where there are any."""

import pytest

from dagster_project.cli.console import Console
from dagster_project.cli.run import StageLog
from warehouse.settings import load_settings

HINT = "`loyalty sources rejected` lists rejected rows, with --raw as they were delivered."


@pytest.mark.parametrize(
    ("told", "failure", "is_shown"),
    [
        ("till.lines: 3 lines read, 3 loaded", None, False),
        ("till: 3 order lines: 3 accepted, 0 superseded by a later version, 0 rejected", "a check failed", False),
        ('till: 1,203 order lines: 1 accepted, 1,202 rejected "x" (a.csv row 2)', None, True),
        ('till.lines: 3 lines read, 0 loaded, 3 malformed ("x" (a.csv row 2))', None, True),
        ("nothing new", "till, all files: 3 rows of order_lines, 0 accepted, 3 rejected, for the most part ...", True),
    ],
)  # fmt: skip
def test_where_rows_were_rejected_it_is_said_how_to_see_them(
    capsys: pytest.CaptureFixture[str], told: str, failure: str | None, is_shown: bool
) -> None:
    stages = StageLog(Console())
    stages.tell(told, "rows", None)
    stages.tell_of_rejected(load_settings(environ={}), [failure] if failure else [])
    assert (HINT in capsys.readouterr().out) == is_shown
