"""What is read of what mutmut prints."""

import tomllib

from benchmarks.python_mutants import Survivor, statuses, survivor
from warehouse.settings import PROJECT_ROOT

RESULTS = """
    whatif.comparison.x_told__mutmut_1: killed
    whatif.outcome.xǁRangeǁsign__mutmut_12: survived
    whatif.outcome.x__margin__mutmut_3: no tests
"""
DIFFERENCE = """# whatif.outcome.xǁRangeǁsign__mutmut_12: survived
--- whatif/outcome.py
+++ whatif/outcome.py
@@ -1,5 +1,5 @@
     def sign(self) -> int:
-        return (self.low > 0) - (self.high < 0)
+        return (self.low > 0) - (self.high <= 0)
"""


def test_results_are_read_by_mutant():
    assert statuses(RESULTS) == {
        "whatif.comparison.x_told__mutmut_1": "killed",
        "whatif.outcome.xǁRangeǁsign__mutmut_12": "survived",
        "whatif.outcome.x__margin__mutmut_3": "no tests",
    }


def test_a_survivor_has_its_function_its_line_and_the_change():
    found = survivor("whatif.outcome.xǁRangeǁsign__mutmut_12", DIFFERENCE)
    line = "return (self.low > 0) - (self.high < 0)"
    assert found == Survivor("whatif.outcome.Range.sign", line, line.replace("< 0)", "<= 0)"))
    assert found.key == ("whatif.outcome.Range.sign", found.change, line)
    assert survivor("whatif.outcome.x__margin__mutmut_3", DIFFERENCE).function == "whatif.outcome._margin"


def test_the_modules_and_tests_that_are_listed_exist():
    listed = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    paths = [*listed["source_paths"], *listed["only_mutate"], *listed["pytest_add_cli_args_test_selection"]]
    assert [path for path in paths if not (PROJECT_ROOT / path).exists()] == []
