"""The marts as PostgreSQL has them: types, keys and indexes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from warehouse.relations import Relation

# DuckDB's types that PostgreSQL calls otherwise; `decimal(18,4)` it understands.
TYPES = {"VARCHAR": "text", "DOUBLE": "double precision", "FLOAT": "real", "TINYINT": "smallint",
         "UTINYINT": "smallint", "USMALLINT": "integer", "UINTEGER": "bigint",
         "TIMESTAMP WITH TIME ZONE": "timestamptz"}  # fmt: skip
SAME_IN_BOTH = re.compile(r"BOOLEAN|SMALLINT|INTEGER|BIGINT|DATE|TIMESTAMP|TIME|UUID|DECIMAL\(\d+,\d+\)")
# Columns by which people filter and join, beyond the key: they get an index.
LOOKED_UP = re.compile(r"(customer|order|product|campaign)_id|as_of_date|month|cohort_month|order_date|entry_date")


@dataclass(frozen=True)
class Mart:
    """A mart: `columns` name -> type of PostgreSQL, in order, `key` the columns that tell its rows apart."""

    relation: Relation
    columns: Mapping[str, str]
    key: Sequence[str] = field(default_factory=tuple)

    @property
    def indexed(self) -> list[str]:
        """The columns that get an index of their own."""
        return [name for name in self.columns if LOOKED_UP.fullmatch(name) and name not in self.key[:1]]


def postgres_type(data_type: str) -> str:
    """PostgreSQL's name of a DuckDB type; text for a type that it does not have."""
    if SAME_IN_BOTH.fullmatch(data_type):
        return data_type.lower()
    return TYPES.get(data_type, "text")


def marts_of(columns: Mapping[Relation, Mapping[str, str]], keys: Mapping[str, tuple[str, ...]]) -> list[Mart]:
    """The marts of a published file, with their keys by name."""
    return [
        Mart(relation, {name: postgres_type(kind) for name, kind in types.items()}, keys.get(relation.name, ()))
        for relation, types in columns.items()
    ]
