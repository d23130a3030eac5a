"""The registry of entities: what stands in it, and what is said of one that is wrong."""

from pathlib import Path

import duckdb
import pytest
import yaml

from warehouse.errors import UserError
from warehouse.ingest.entities import (
    delivered_columns,
    load_entities,
    prefixed_columns,
    staged_entities,
)

GOOD = """
visits:
  description: One row per visit.
  columns:
    visit_id: {type: text, need: key, prefixed: true}
    visited_at: {type: timestamp, need: required}
    seconds: {type: bigint}
visit_notes:
  description: One row per visit with a note.
  delivered_with: visits
  reconciled: false
  columns:
    visit_id: {type: text, need: key, prefixed: true}
    note: {type: text}
"""


def registry(folder: Path, text: str) -> Path:
    file = folder / "entities.yml"
    file.write_text(text, encoding="utf-8")
    return file


def test_what_stands_in_a_registry(tmp_path: Path) -> None:
    entities = load_entities(registry(tmp_path, GOOD))
    assert entities["visits"].key == ("visit_id",)
    assert entities["visits"].required == ("visit_id", "visited_at")
    assert staged_entities(entities) == ["visits"]
    assert set(delivered_columns(entities, "visits")) == {"visit_id", "visited_at", "seconds", "note"}
    assert prefixed_columns(entities) == ["visit_id"]


@pytest.mark.parametrize(
    "wrong, right, message",
    [
        ("need: required}", "need: sometimes}", "visits.columns.visited_at.need: Input should be 'key', 'required'"),
        ("{type: bigint}", "{type: hugeish}", 'visits.columns.seconds.type: "hugeish" is no DuckDB type'),
        ("{type: bigint}", "{type: bigint, prefixed: true}", "only text takes a source's prefix, and this is bigint"),
        ("{type: bigint}", "{typ: bigint}", r'unknown key "visits.columns.seconds.typ" \(did you mean "type"\?\)'),
        ("{type: text, need: key, prefixed: true}", "{type: text}", "no column is its key; say `need: key`"),
        ("delivered_with: visits", "delivered_with: visit", "visit is no entity with staging models of its own"),
        ("delivered_with: visits", "given_with: visits", 'unknown key "visit_notes.given_with"'),
        ("  description: One row per visit.\n", "", 'the key "visits.description" is missing; add it'),
    ],
)
def test_a_wrong_registry_names_the_entity_and_the_key(tmp_path: Path, wrong: str, right: str, message: str) -> None:
    file = registry(tmp_path, GOOD.replace(wrong, right))
    with pytest.raises(UserError, match=message) as raised:
        load_entities(file)
    assert str(raised.value).startswith(f"{file}: ")


def test_a_key_is_prefixed_in_every_entity_or_in_none(tmp_path: Path) -> None:
    values = yaml.safe_load(GOOD)
    del values["visit_notes"]["columns"]["visit_id"]["prefixed"]
    with pytest.raises(
        UserError, match=r"visit_notes\.columns\.visit_id: another entity's visit_id takes the source's"
    ):
        load_entities(registry(tmp_path, yaml.safe_dump(values)))


def test_rules_read_columns_of_their_entity() -> None:
    """Each condition runs on an empty table of the entity's columns and types."""
    for name, entity in load_entities().items():
        columns = ", ".join(f"{column} {kind.type}" for column, kind in entity.columns.items())
        connection = duckdb.connect()
        connection.execute(f"create table rows ({columns})")
        for rule in entity.rules:
            assert connection.execute(f"select count(*) from rows where {rule.wrong}").fetchall() == [(0,)], name
