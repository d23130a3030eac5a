"""Tables and views by schema and name."""

from typing import NamedTuple

import duckdb

from warehouse.sql import quote_identifier


class Relation(NamedTuple):
    """A table or view by schema and name."""

    schema: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "Relation":
        """The relation that is written `schema.name`."""
        schema, _, name = text.partition(".")
        return cls(schema, name)

    @property
    def sql(self) -> str:
        """The quoted name within a database."""
        return f"{quote_identifier(self.schema)}.{quote_identifier(self.name)}"

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def relations_of(connection: duckdb.DuckDBPyConnection) -> set[Relation]:
    """Every table and view of the open database."""
    rows = connection.execute(
        "select table_schema, table_name from information_schema.tables where table_catalog = current_database()"
    ).fetchall()
    return set(map(Relation._make, rows))
