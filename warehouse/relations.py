"""Tables and views by schema and name."""

from typing import NamedTuple

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
