"""What changed in a mart between two published files, as CSV files that PostgreSQL copies."""

from dataclasses import dataclass
from pathlib import Path

from serving.postgres.relations import Mart
from serving.publication.published_files import CURRENT, PublishedFiles
from warehouse.relations import Relation
from warehouse.settings import Settings
from warehouse.sql import quote_identifier, quote_literal

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


class MartFiles(PublishedFiles):
    """The published file to load, and earlier ones, opened beside each other; files are written into `folder`."""

    def __init__(self, settings: Settings, live: Path, folder: Path) -> None:
        super().__init__(settings, live)
        self.folder = folder

    def comments(self) -> dict[tuple[Relation, str], str]:
        """The comment of each mart (column '') and of each of its columns."""
        rows = self.connection.execute(
            "select schema_name, table_name, '', comment from duckdb_tables() where database_name = $current"
            " union all select schema_name, table_name, column_name, comment from duckdb_columns()"
            " where database_name = $current",
            {"current": CURRENT},
        ).fetchall()
        return {(Relation(schema, table), column): text for schema, table, column, text in rows if text}

    def difference(self, mart: Mart, earlier: Path | None) -> Difference:
        """From the mart in the file `earlier` to the live one; the whole mart without `earlier`, or where it is less
        work."""
        if earlier is not None and mart.key:
            found = self._small_difference(mart, self.attach(earlier))
            if found is not None:
                return found
        rows = f"from {CURRENT}.{mart.relation.sql}"
        return Difference(None, self._write(mart, "added", f"select {_values(mart)} {rows}"), 0, self.count(rows))

    def _small_difference(self, mart: Mart, earlier: str) -> Difference | None:
        """The rows that only one of both has; None where they are too many."""
        columns, name = _values(mart), mart.relation.sql
        removed, added = self.rows_apart(
            f"select {columns} from {earlier}.{name}", f"select {columns} from {CURRENT}.{name}"
        )
        if removed + added > LARGEST_SHARE * max(1, self.count(f"from {CURRENT}.{name}")):
            return None
        return Difference(
            self._write(mart, "removed", f"select {', '.join(map(quote_identifier, mart.key))} from removed"),
            self._write(mart, "added", "from added"),
            removed,
            added,
        )

    def _write(self, mart: Mart, what: str, query: str) -> Path:
        file = self.folder / f"{mart.relation.name}.{what}.csv"
        options = f"format csv, header false, nullstr {quote_literal(NULL_TEXT)}"
        self.connection.execute(f"copy ({query}) to {quote_literal(str(file))} ({options})")
        return file


def _values(mart: Mart) -> str:
    """The columns as they are selected; PostgreSQL has no text with a zero byte."""
    return ", ".join(_value(quote_identifier(name), kind) for name, kind in mart.columns.items())


def _value(column: str, kind: str) -> str:
    return f"replace({column}, chr(0), '') as {column}" if kind == "text" else column
