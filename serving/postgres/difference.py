"""What changed in a mart between two published files, as CSV files that PostgreSQL copies."""

from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from serving.postgres.relations import Mart
from warehouse.relations import Relation
from warehouse.settings import Settings
from warehouse.sql import connect, limit_resources, quote_identifier, quote_literal

# What stands for NULL in the files. A text that is the same is quoted, and so told apart.
NULL_TEXT = r"\N"
# Where a larger part of a mart's rows changed, deleting and adding one by one takes longer than loading it whole.
LARGEST_SHARE = 0.3


@dataclass(frozen=True)
class Difference:
    """`removed` (file of keys) and `added` (file of rows), and how many of each; where `is_whole`, all rows are in
    `added`, and those that were there before all go."""

    removed: Path | None
    added: Path
    removed_count: int
    added_count: int

    @property
    def is_whole(self) -> bool:
        """Whether the rows replace everything that was there."""
        return self.removed is None


class PublishedFiles:
    """The published file to load, and earlier ones, opened beside each other; files are written into `folder`."""

    def __init__(self, settings: Settings, live: Path, folder: Path) -> None:
        self.connection: DuckDBPyConnection = connect()
        limit_resources(self.connection, settings)
        self.folder = folder
        self._names = {live: "live"}
        self._attach(live, "live")

    def close(self) -> None:
        """Close all files."""
        self.connection.close()

    def columns(self) -> dict[Relation, dict[str, str]]:
        """Names and types of the columns of each mart, in order."""
        rows = self.connection.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns()"
            " where database_name = 'live' and schema_name = 'marts' order by schema_name, table_name, column_index"
        ).fetchall()
        found: dict[Relation, dict[str, str]] = {}
        for schema, table, column, data_type in rows:
            found.setdefault(Relation(schema, table), {})[column] = data_type
        return found

    def comments(self) -> dict[tuple[Relation, str], str]:
        """The comment of each mart (column '') and of each of its columns."""
        rows = self.connection.execute(
            "select schema_name, table_name, '', comment from duckdb_tables() where database_name = 'live'"
            " union all select schema_name, table_name, column_name, comment from duckdb_columns()"
            " where database_name = 'live'"
        ).fetchall()
        return {(Relation(schema, table), column): text for schema, table, column, text in rows if text}

    def difference(self, mart: Mart, earlier: Path | None) -> Difference:
        """From the mart in the file `earlier` to the live one; the whole mart without `earlier`, or where it is less
        work."""
        if earlier is not None and mart.key:
            self._attach_once(earlier)
            found = self._rows_apart(mart, self._names[earlier])
            if found is not None:
                return found
        rows = f"from live.{mart.relation.sql}"
        return Difference(None, self._write(mart, "added", f"select {_values(mart)} {rows}"), 0, self._count(rows))

    def _rows_apart(self, mart: Mart, earlier: str) -> Difference | None:
        """The rows that only one of both has; None where they are too many."""
        columns, name = _values(mart), mart.relation.sql
        live, before = f"select {columns} from live.{name}", f"select {columns} from {earlier}.{name}"
        self.connection.execute(f"create or replace temp table removed as {before} except all {live}")
        self.connection.execute(f"create or replace temp table added as {live} except all {before}")
        removed, added = self._count("from removed"), self._count("from added")
        if removed + added > LARGEST_SHARE * max(1, self._count(f"from live.{name}")):
            return None
        return Difference(
            self._write(mart, "removed", f"select {', '.join(map(quote_identifier, mart.key))} from removed"),
            self._write(mart, "added", "from added"),
            removed,
            added,
        )

    def _count(self, rows: str) -> int:
        found = self.connection.execute(f"select count(*) {rows}").fetchone()
        assert found is not None
        return int(found[0])

    def _write(self, mart: Mart, what: str, query: str) -> Path:
        file = self.folder / f"{mart.relation.name}.{what}.csv"
        options = f"format csv, header false, nullstr {quote_literal(NULL_TEXT)}"
        self.connection.execute(f"copy ({query}) to {quote_literal(str(file))} ({options})")
        return file

    def _attach_once(self, file: Path) -> None:
        if file not in self._names:
            self._names[file] = f"earlier_{len(self._names)}"
            self._attach(file, self._names[file])

    def _attach(self, file: Path, name: str) -> None:
        self.connection.execute(f"attach {quote_literal(str(file))} as {name} (read_only)")


def _values(mart: Mart) -> str:
    """The columns as they are selected; PostgreSQL has no text with a zero byte."""
    return ", ".join(_value(quote_identifier(name), kind) for name, kind in mart.columns.items())


def _value(column: str, kind: str) -> str:
    return f"replace({column}, chr(0), '') as {column}" if kind == "text" else column
