"""Published files opened beside each other, to see in which rows a mart of one differs from another's."""

from pathlib import Path

from duckdb import DuckDBPyConnection

from warehouse.relations import Relation
from warehouse.settings import Settings
from warehouse.sql import connect, limit_reader, quote_literal

# The name that the file in question is attached under.
CURRENT = "current"
ROWS_OF_ONE = """
select * exclude ("(hash)") from (select *, hash(*columns(*)) as "(hash)" from ({here})) as here
anti join (select hash(*columns(*)) as "(hash)" from ({there})) as there using ("(hash)")
"""


class PublishedFiles:
    """The file `current`, and earlier ones as they are asked for, in a database instance of its own."""

    def __init__(self, settings: Settings, current: Path) -> None:
        self.connection: DuckDBPyConnection = connect(beside=current)
        limit_reader(self.connection, settings)
        self._names: dict[Path, str] = {}
        self.attach(current)

    def close(self) -> None:
        """Close all files."""
        self.connection.close()

    def attach(self, file: Path) -> str:
        """The name under which the file can be read."""
        if file not in self._names:
            self._names[file] = f"earlier_{len(self._names)}" if self._names else CURRENT
            self.connection.execute(f"attach {quote_literal(str(file))} as {self._names[file]} (read_only)")
        return self._names[file]

    def columns(self, name: str = CURRENT) -> dict[Relation, dict[str, str]]:
        """Names and types of the columns of each mart of an attached file, in order."""
        rows = self.connection.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns()"
            " where database_name = ? and schema_name = 'marts' order by schema_name, table_name, column_index",
            [name],
        ).fetchall()
        found: dict[Relation, dict[str, str]] = {}
        for schema, table, column, data_type in rows:
            found.setdefault(Relation(schema, table), {})[column] = data_type
        return found

    def rows_apart(self, before: str, after: str, *, is_keyed: bool = True) -> tuple[int, int]:
        """Compare two selects of the same columns. Table `removed` then holds the rows that only `before` has, table
        `added` those that only `after` has; returns how many each holds.

        Rows of a key are told apart by their hashes, as by fingerprints, in a tenth of the time that comparing every
        value takes. Without a key a row may come several times, and is compared as a whole.
        """
        for name, here, there in (("removed", before, after), ("added", after, before)):
            rows = ROWS_OF_ONE.format(here=here, there=there) if is_keyed else f"{here} except all {there}"
            self.connection.execute(f"create or replace temp table {name} as {rows}")
        return self.count("from removed"), self.count("from added")

    def count(self, rows: str) -> int:
        """How many rows a from clause has."""
        found = self.connection.execute(f"select count(*) {rows}").fetchone()
        assert found is not None
        return int(found[0])
