"""What failed of a build, in words."""

from collections.abc import Sequence

import duckdb

from dagster_project.dbt_runner.results import NodeResult
from dagster_project.words import known_in_words
from warehouse.errors import first_of
from warehouse.settings import Settings

KEYS_TOLD = 3
NODES_TOLD = 5


def failure_sentences(
    connection: duckdb.DuckDBPyConnection, bad: Sequence[NodeResult], settings: Settings
) -> list[str]:
    """A sentence for each node that failed; what the machine lacked once, with the nodes that needed it."""
    sentences = []
    lacking: dict[str, list[str]] = {}
    for result in bad:
        lacked = known_in_words(result.message, settings) if result.status == "error" else None
        if lacked:
            lacking.setdefault(lacked, []).append(result.name)
        else:
            sentences.append(_failure_sentence(connection, result))
    return [*(f"{first_of(nodes, NODES_TOLD)}: {lacked}" for lacked, nodes in lacking.items()), *sentences]


def _failure_sentence(connection: duckdb.DuckDBPyConnection, result: NodeResult) -> str:
    """The rules that a data test found broken, and the first rows that break them; of others what dbt says."""
    if result.resource_type != "test" or result.status != "fail" or not result.query:
        return f"{result.resource_type} {result.name}: {result.message.strip() or result.status}"
    try:
        rows = connection.execute(
            f"select rule, count(*), list(row_key order by row_key)[:{KEYS_TOLD}] from ({result.query}) as broken"
            " group by rule order by rule"
        ).fetchall()
    except duckdb.Error:  # a test that names neither rule nor key
        return f"{result.name.replace('_', ' ')}: {result.failures:,} rows"
    model = result.name.removesuffix("_is_sound") + ": " if result.name.endswith("_is_sound") else ""
    return "; ".join(model + _broken_rule(rule, number, keys) for rule, number, keys in rows)


def _broken_rule(rule: str, number: int, keys: Sequence[str | None]) -> str:
    shown = ", ".join(key for key in keys if key)
    return f"{rule} ({number:,} rows, such as {shown})" if shown else rule
