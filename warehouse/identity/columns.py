"""Which columns of a database speak of a customer, by DuckDB's catalog, so that a new table is covered by its names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from duckdb import DuckDBPyConnection

from warehouse.relations import Relation
from warehouse.sql import quote_identifier

# Direct identifiers: never published. Names of people only beside a customer, as campaigns and metrics have names too.
IDENTIFIERS = re.compile(
    r"(.*_)?(e_?mail|e_?mail_address|phone|phone_number|telephone|mobile|mobile_number"
    r"|first_?name|last_?name|full_name|surname|family_name|given_name|customer_name|street|street_address)"
)
# Identifies together with a name, and is too common among texts to be looked for in them.
POSTAL_CODE = re.compile(r"(.*_)?(zip|zip_?code|postal_?code|post_?code)")
PERSON_NAMES = {"name", "contact", "address"}
CUSTOMER = re.compile(r"(.*_)?customer_id")
# What describes a person without naming one, and hashes by which a contact could be recognised.
DETAILS = re.compile(
    r"attributes|birth_?(year|date|day)|date_of_birth|age|gender|income|home_ownership|marital_status"
    r"|household_(size|comp)|kids_count|comments?|notes?|free_text|(.*_)?(e_?mail|phone|contact)_(hash|md5|sha1|sha256)"
)
# Keys of things that have nothing to do with who bought them: a product may be called like a customer.
OF_OTHER_THINGS = {"product_id", "store_id", "campaign_id", "reward_id"}
TEXT = ("VARCHAR", "JSON")
PLAIN = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*|BOOLEAN|DATE|TIME.*|INTERVAL|UUID)")


class Column(NamedTuple):
    """A column of a table, as the catalog has it."""

    name: str
    data_type: str
    is_nullable: bool = True

    @property
    def sql(self) -> str:
        """The quoted name."""
        return quote_identifier(self.name)

    @property
    def is_text(self) -> bool:
        """Whether it holds text."""
        return self.data_type in TEXT

    @property
    def is_nested(self) -> bool:
        """Whether it may hold text inside of something else: a list, a record, bytes."""
        return not self.is_text and not (PLAIN.fullmatch(self.data_type) and not self.data_type.endswith("]"))


class CustomerSource(Protocol):
    """The part of a source's configuration that classifies raw columns; `warehouse.ingest.sources.SourceConfig` has
    it."""

    @property
    def raw_schema(self) -> str:
        """The schema of its raw tables."""

    @property
    def customer_columns(self) -> tuple[str, ...]:
        """The columns that hold the id of the row's customer."""

    @property
    def customer_prefix(self) -> str:
        """The prefix that the warehouse puts before the source's own customer ids."""

    @property
    def id_case(self) -> str:
        """Whether ids that differ in case are the same, and how they are written then: exact, upper or lower."""


@dataclass(frozen=True)
class Table:
    """A table, its columns with customers' ids, and the prefix that these ids have elsewhere.

    is_any_case: ids that differ only in upper and lower case belong to one customer, as the source's mapping says.
    """

    relation: Relation
    columns: tuple[Column, ...]
    owners: tuple[str, ...] = ("customer_id",)
    prefix: str = ""
    description: str | None = None
    is_any_case: bool = False

    @property
    def owner_columns(self) -> list[Column]:
        """The columns that say which customer a row is of; none in a table that is not about customers."""
        names = {name.lower() for name in self.owners} | {"customer_id"}
        return [column for column in self.columns if column.name.lower() in names]

    def is_customer(self, column: Column) -> bool:
        """Whether a column holds a customer's id, of the row's customer or another."""
        return column in self.owner_columns or bool(CUSTOMER.fullmatch(column.name.lower()))

    def is_personal(self, column: Column) -> bool:
        """Whether a column of a table about customers identifies or describes a customer."""
        name = _snake_case(column.name)
        return is_identifier(column.name, column.data_type, True) or bool(DETAILS.fullmatch(name))


def is_identifier(column: str, data_type: str, has_customer: bool) -> bool:
    """Whether a column, of a table with or without a customer_id, holds a direct identifier by its name."""
    name = _snake_case(column)
    is_of_person = has_customer and (name in PERSON_NAMES or bool(POSTAL_CODE.fullmatch(name)))
    return data_type != "BOOLEAN" and (is_of_person or bool(IDENTIFIERS.fullmatch(name)))


def is_postal_code(column: str) -> bool:
    """Whether a column holds postal codes by its name."""
    return bool(POSTAL_CODE.fullmatch(_snake_case(column)))


def _snake_case(header: str) -> str:
    """A header as a column is named: `Last Name` is last_name."""
    return re.sub(r"\W+", "_", header.lower()).strip("_")


def database_tables(
    connection: DuckDBPyConnection, sources: Mapping[str, CustomerSource], with_views_of: str | None = None
) -> list[Table]:
    """Every table of the connection's database, sorted by schema and name, and the views of one schema."""
    rows = connection.execute(
        """
        with wanted as (
            select database_name, schema_name, table_name, comment from duckdb_tables()
            where not internal and not temporary
            union all
            select database_name, schema_name, view_name, comment from duckdb_views() where schema_name = $views
        )

        select wanted.schema_name, wanted.table_name, wanted.comment, found.column_name, found.data_type,
            found.is_nullable
        from wanted
        inner join duckdb_columns() as found using (database_name, schema_name, table_name)
        where database_name = current_database()
        order by wanted.schema_name, wanted.table_name, found.column_index
        """,
        {"views": with_views_of},
    ).fetchall()
    columns: dict[tuple[Relation, str | None], list[Column]] = {}
    for schema, table, comment, *column in rows:
        columns.setdefault((Relation(schema, table), comment), []).append(Column(*column))
    by_schema = {source.raw_schema: source for source in sources.values()}
    return [
        source_table(by_schema.get(relation.schema), relation, tuple(found), comment)
        for (relation, comment), found in columns.items()
    ]


def source_table(
    source: CustomerSource | None, relation: Relation, columns: tuple[Column, ...], description: str | None = None
) -> Table:
    """A table of a source's raw schema, or, without one, of the rest of the warehouse."""
    if source is None:
        return Table(relation, columns, description=description)
    is_any_case = source.id_case != "exact"
    return Table(relation, columns, source.customer_columns, source.customer_prefix, description, is_any_case)
