"""The content of a published DuckDB file: tables copied out of the warehouse, described, checked and fingerprinted.

`serving.publication.publish` decides where the files are and how they replace one another.
"""

import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import md5
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from serving.publication.declared_marts import TodaysRows, create_views
from warehouse.errors import UserError
from warehouse.identity.columns import is_identifier
from warehouse.relations import Relation
from warehouse.sql import connect, limit_beside, quote_identifier, quote_literal, transaction, wal_of

# The name under which rows on their way into a published file are read.
ARRIVING = "arriving_rows"
# DuckDB's rows per row group; a batch of as many fills one.
ROW_GROUP = 122_880
# Types whose values Arrow changes or cuts off.
NOT_IN_ARROW = re.compile(r"HUGEINT|\bBIT\b|\bTIME WITH TIME ZONE")

WIDE_DECIMAL = re.compile(r"DECIMAL\((\d+),")

PUBLICATION_COLUMNS = {
    "publication_id": "varchar",
    "run_id": "varchar",
    "build_id": "bigint",
    "as_of_date": "date",
    "data_through": "date",
    "company": "varchar",
}
PUBLICATION_COMMENTS = {
    "": "One row per published copy, so one row: which publication this file is.",
    "publication_id": "Name of the publication; published/history holds the last ones under it.",
    "run_id": "Run that built these marts.",
    "build_id": "Build of the warehouse that these marts come from; it passed every check.",
    "as_of_date": "Day as of which everything that depends on time was computed.",
    "data_through": "Last complete business day of the data.",
    "company": "Company that the warehouse holds.",
}


PUBLICATION = Relation("marts", "publication")
# What a publication changed, which is known once its other marts are copied.
CHANGES = Relation("marts", "fct_publication_changes")


@dataclass(frozen=True)
class Base:
    """A finished database file that another one may start from, and the fingerprints of its tables by
    `schema.table`."""

    path: Path
    fingerprints: Mapping[str, str]

    def holds(self, wanted: Mapping[Relation, str]) -> set[Relation]:
        """The relations of `wanted` (relation -> fingerprint) that this file holds row for row."""
        return {relation for relation, value in wanted.items() if self.fingerprints.get(str(relation)) == value}


def checksums(connection: DuckDBPyConnection, schema: str = "marts") -> dict[str, str]:
    """A fingerprint of each table and view of `schema`, by name.

    Equal for equal rows in any order, columns and types included. Comparable within one DuckDB version only, which is
    therefore part of it. `publication` and what changed since the one before are left out: they tell of a build, and
    are not part of its content.
    """
    found = [relation for relation in relations(connection, schema) if relation not in (PUBLICATION, CHANGES)]
    return {relation.name: value for relation, value in fingerprints(connection, found).items()}


def fingerprints(connection: DuckDBPyConnection, wanted: Iterable[Relation]) -> dict[Relation, str]:
    """The fingerprint of each of the tables and views `wanted`; see `checksums`."""
    described = published_columns(connection)
    return {relation: _fingerprint(connection, relation, described[relation]) for relation in wanted}


def _fingerprint(connection: DuckDBPyConnection, relation: Relation, columns: Mapping[str, str]) -> str:
    names = ", ".join(quote_identifier(name) for name in columns)
    row = connection.execute(
        f"""
        select count(*), bit_xor(row_hash), sum(row_hash::hugeint)
        from (select hash({names}) as row_hash from {relation.sql})
        """
    ).fetchone()
    return md5(repr((duckdb.__version__, dict(columns), row)).encode(), usedforsecurity=False).hexdigest()


def relations(connection: DuckDBPyConnection, schema: str, database: str | None = None) -> list[Relation]:
    """The tables and views of a schema of `database` (default: the connection's own), sorted by name."""
    rows = connection.execute(
        """
        select table_name from information_schema.tables
        where table_catalog = coalesce($database, current_database()) and table_schema = $schema
        order by table_name
        """,
        {"database": database, "schema": schema},
    ).fetchall()
    return [Relation(schema, name) for (name,) in rows]


def published_columns(connection: DuckDBPyConnection) -> dict[Relation, dict[str, str]]:
    """Names and types of the columns that are copied, in order, of every table and view of the connection's database.

    All columns of a mart, since direct identifiers in marts are an error (see `check`); of other tables all columns but
    direct identifiers.
    """
    rows = connection.execute(
        """
        select schema_name, table_name, column_name, data_type from duckdb_columns()
        where database_name = current_database() and not internal
        order by schema_name, table_name, column_index
        """
    ).fetchall()
    found: dict[Relation, dict[str, str]] = {}
    for schema, table, column, data_type in rows:
        found.setdefault(Relation(schema, table), {})[column] = data_type
    return {relation: _without_identifiers(relation, columns) for relation, columns in found.items()}


def _without_identifiers(relation: Relation, columns: dict[str, str]) -> dict[str, str]:
    if relation.schema == PUBLICATION.schema:
        return columns
    of_people = "customer_id" in columns
    return {name: data_type for name, data_type in columns.items() if not is_identifier(name, data_type, of_people)}


def row_counts(connection: DuckDBPyConnection, wanted: Iterable[Relation]) -> dict[str, int]:
    """Rows of each relation, by its name."""
    counts = {}
    for relation in wanted:
        row = connection.execute(f"select count(*) from {relation.sql}").fetchone()
        counts[relation.name] = int(row[0]) if row else 0
    return counts


def assemble(
    connection: DuckDBPyConnection,
    file: Path,
    wanted: Mapping[Relation, str],
    bases: Iterable[Base],
    *,
    storage_version: str,
    publication: Mapping[str, str | int | date | None] | None = None,
    today: Sequence[TodaysRows] = (),
) -> None:
    """Make `file` hold exactly the relations `wanted` (relation -> fingerprint) of the connection's database.

    They become tables, with their comments. The file starts as a copy of the one of `bases` that saves most.
    `storage_version` is the oldest DuckDB that is to open it. `publication` becomes the one row of marts.publication.
    `today`: what schema `today` shows. Leaves no WAL behind.

    The file is opened by a database instance of its own and never attached to the warehouse: attaching, detaching and
    checkpointing a file while other threads query the same instance invalidates it, or never ends.
    """
    rows = _estimated_rows(connection)
    best, saved, kept = None, 0, set[Relation]()
    for base in bases:
        held = base.holds(wanted)
        saving = sum(1 + rows.get(relation, 0) for relation in held)
        if saving > saved:
            best, saved, kept = base, saving, held
    if best:
        shutil.copyfile(best.path, file)
    with connect(file, storage_version=storage_version) as target:
        limit_beside(target, connection)
        # rows arrive a batch after the other: further threads only split them into row groups that fill less well
        target.execute("set threads = 1")
        _fill(connection, target, list(wanted), kept, publication, today)
    if wal_of(file).exists():
        raise OSError(f"{file}: DuckDB left a write-ahead log beside the file, so it is not whole. Publish again.")


def _estimated_rows(connection: DuckDBPyConnection) -> dict[Relation, int]:
    rows = connection.execute(
        "select schema_name, table_name, estimated_size from duckdb_tables() where database_name = current_database()"
    ).fetchall()
    return {Relation(schema, name): size for schema, name, size in rows}


def _fill(
    source: DuckDBPyConnection,
    target: DuckDBPyConnection,
    wanted: Sequence[Relation],
    kept: Collection[Relation],
    publication: Mapping[str, str | int | date | None] | None,
    today: Sequence[TodaysRows],
) -> None:
    """Make the database of `target` hold exactly `wanted`; it already holds `kept` row for row."""
    _drop_others(target, {*kept})
    described = published_columns(source)
    with transaction(target):
        for relation in wanted:
            if relation not in kept:
                _copy(source, target, relation, described[relation])
        if publication:
            _write_publication(target, publication)
        _copy_comments(source, target, wanted)
        create_views(target, today)
    target.execute("checkpoint")


def refresh(connection: DuckDBPyConnection, file: Path, relation: Relation, storage_version: str) -> None:
    """Copy one relation of the connection's database into a finished file anew, in place of its earlier rows."""
    with connect(file, storage_version=storage_version) as target:
        limit_beside(target, connection)
        # rows arrive a batch after the other: further threads only split them into row groups that fill less well
        target.execute("set threads = 1")
        with transaction(target):
            target.execute(f"drop table {relation.sql}")
            _copy(connection, target, relation, published_columns(connection)[relation])
            _copy_comments(connection, target, [relation])
        target.execute("checkpoint")


def check(connection: DuckDBPyConnection, expected: Mapping[Relation, str]) -> None:
    """Check a finished file on a fresh read-only connection to it.

    `expected`: fingerprint of each relation in the warehouse. Raises UserError naming the table and column that must
    not be published: other rows than the warehouse, types that Parquet or BI tools cannot hold, direct identifiers.
    """
    found = fingerprints(connection, expected)
    differing = [str(relation) for relation, value in expected.items() if found[relation] != value]
    if differing:
        raise UserError(f"The copies of {', '.join(differing)} differ from the warehouse. Publish again.")
    rows = connection.execute(
        """
        select schema_name, table_name, column_name, data_type from duckdb_columns()
        where database_name = current_database() and not internal
        order by all
        """
    ).fetchall()
    problems = [*_bad_types(rows), *_identifiers(rows)]
    if problems:
        raise UserError("Not published:\n" + "\n".join(f"  {problem}" for problem in problems))


def _bad_types(rows: list[tuple[str, str, str, str]]) -> Iterator[str]:
    for schema, table, column, data_type in rows:
        wide = any(int(width) > 18 for width in WIDE_DECIMAL.findall(data_type))
        if schema == "marts" and (wide or "HUGEINT" in data_type):
            yield f"{schema}.{table}.{column} is {data_type}: cast it to bigint or a decimal of at most 18 digits"


def _identifiers(rows: list[tuple[str, str, str, str]]) -> Iterator[str]:
    of_people = {(schema, table) for schema, table, column, _ in rows if column == "customer_id"}
    for schema, table, column, data_type in rows:
        if is_identifier(column, data_type, (schema, table) in of_people):
            yield f"{schema}.{table}.{column} looks like a direct identifier: leave it out, or rename it if it is none"


def _drop_others(target: DuckDBPyConnection, kept: set[Relation]) -> None:
    rows = target.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = current_database()"
    ).fetchall()
    for relation in {Relation(*row) for row in rows} - kept:
        target.execute(f"drop table {relation.sql}")
    target.execute("checkpoint")  # so that the new tables take the dropped ones' space


def _copy(
    source: DuckDBPyConnection, target: DuckDBPyConnection, relation: Relation, columns: Mapping[str, str]
) -> None:
    """Copy a table or view, whose rows pass from one database instance to the other as Arrow batches."""
    typed = ", ".join(f"{quote_identifier(name)} {data_type}" for name, data_type in columns.items())
    target.execute(f"create schema if not exists {quote_identifier(relation.schema)}")
    target.execute(f"create table {relation.sql} ({typed})")
    names = ", ".join(_for_arrow(name, data_type) for name, data_type in columns.items())
    order = ", ".join(f"{relation.sql}.{quote_identifier(name)}" for name in _stored_order(relation, columns))
    rows = source.execute(f"select {names} from {relation.sql} {order and f'order by {order}'}")
    target.register(ARRIVING, rows.to_arrow_reader(ROW_GROUP))
    target.execute(f"insert into {relation.sql} from {ARRIVING}")
    target.unregister(ARRIVING)


def _for_arrow(name: str, data_type: str) -> str:
    """A column as it is selected: as text where Arrow has no type for its values; inserting converts it back."""
    column = quote_identifier(name)
    return f"cast({column} as varchar) as {column}" if NOT_IN_ARROW.search(data_type) else column


def _stored_order(relation: Relation, columns: Mapping[str, str]) -> list[str]:
    """By the first date, so that a filter on time reads little; a mart by all else, too: same rows, same table."""
    dates = [name for name, data_type in columns.items() if data_type == "DATE"]
    return list(dict.fromkeys([*dates[:1], *(columns if relation.schema == PUBLICATION.schema else ())]))


def _write_publication(target: DuckDBPyConnection, publication: Mapping[str, str | int | date | None]) -> None:
    described = ", ".join(f"{name} {data_type}" for name, data_type in PUBLICATION_COLUMNS.items())
    values = ", ".join(f"${name}" for name in PUBLICATION_COLUMNS)
    target.execute("create schema if not exists marts")
    target.execute(f"create table {PUBLICATION.sql} ({described})")
    target.execute(
        f"insert into {PUBLICATION.sql} values ({values})",
        {name: publication.get(name) for name in PUBLICATION_COLUMNS},
    )
    for column, comment in PUBLICATION_COMMENTS.items():
        _comment(target, PUBLICATION, column, comment)


def _copy_comments(source: DuckDBPyConnection, target: DuckDBPyConnection, wanted: Sequence[Relation]) -> None:
    standing = _comments(target)
    for (relation, column), comment in _comments(source).items():
        if relation in wanted and (relation, column) in standing and standing[relation, column] != comment:
            _comment(target, relation, column, comment)


def _comments(connection: DuckDBPyConnection) -> dict[tuple[Relation, str], str | None]:
    """The comment of each table and view (column '') and of each column of a database, None where it has none."""
    rows = connection.execute(
        """
        select schema_name, table_name, '', comment from duckdb_tables() where database_name = current_database()
        union all
        select schema_name, view_name, '', comment from duckdb_views()
        where database_name = current_database() and not internal
        union all
        select schema_name, table_name, column_name, comment from duckdb_columns()
        where database_name = current_database() and not internal
        """
    ).fetchall()
    return {(Relation(schema, table), column): comment for schema, table, column, comment in rows}


def _comment(target: DuckDBPyConnection, relation: Relation, column: str, comment: str | None) -> None:
    text = "null" if comment is None else quote_literal(comment)
    what = f"column {relation.sql}.{quote_identifier(column)}" if column else f"table {relation.sql}"
    target.execute(f"comment on {what} is {text}")
