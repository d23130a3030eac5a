"""Explanations of mutants: which count, and which no longer do."""

import re

import pytest

from benchmarks import equivalent_mutants as explained
from warehouse.errors import UserError

ENTRY = """
sql:
  - {place: m, changes: ["> -> >="], line: where a > 0, reason: a is never 0}
python: []
"""


@pytest.fixture
def entry(monkeypatch, tmp_path):
    file = tmp_path / "equivalent_mutants.yml"
    file.write_text(ENTRY, encoding="utf-8")
    monkeypatch.setattr(explained, "FILE", file)


@pytest.mark.usefixtures("entry")
def test_the_keys_of_a_kind_are_given():
    key = ("m", "> -> >=", "where a > 0")
    assert explained.equivalent_mutants("sql", {key, ("n", "> -> >=", "where a > 0")}) == {key}
    assert explained.equivalent_mutants("python", {key}) == set()


@pytest.mark.usefixtures("entry")
def test_an_explanation_of_no_mutant_is_refused():
    with pytest.raises(UserError, match=re.escape("equivalent_mutants.yml: no such mutant: m | > -> >= | where a > 0")):
        explained.equivalent_mutants("sql", {("m", "> -> >=", "where a > 1")})
