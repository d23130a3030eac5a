"""What a company says of the chapters that it adds to the report, by `report/<name>.yml` of its folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from warehouse.errors import UserError
from warehouse.settings import Settings
from warehouse.typed_files import validated
from warehouse.values import Header, Sentence, Text
from warehouse.yaml_files import YamlFile, read_yaml

FOLDER = "report"

Format = Literal["text", "day", "month", "money", "count", "number", "percent"]
Query = Annotated[str, Field(min_length=1, max_length=100_000)]


class _Typed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnConfig(_Typed):
    """A column of a table: the query's, under which title, and how its values are written."""

    column: Header
    title: Text | None = None
    format: Format = "text"


class FigureConfig(_Typed):
    """A chart or a table: what of the query is shown, and the sentence that says what it means."""

    title: Text
    kind: Literal["table", "bars", "line"]
    definition: Sentence
    sql: Query | None = None
    columns: Annotated[tuple[ColumnConfig, ...], Field(max_length=20)] = ()
    x: Header | None = None
    y: Header | None = None
    series: Header | None = None
    label: Text | None = None
    format: Literal["money", "count", "number", "percent"] = "number"

    @model_validator(mode="after")
    def _has_what_its_kind_shows(self) -> Self:
        is_table = self.kind == "table"
        if is_table and (not self.columns or self.x or self.y or self.series):
            raise ValueError("a table has columns, and neither x nor y nor series")
        if not is_table and (not self.x or not self.y or self.columns):
            raise ValueError(f"{self.kind} have x and y, and no columns")
        return self

    @property
    def wanted(self) -> list[str]:
        """The columns of the query that are shown."""
        return [one.column for one in self.columns] or [name for name in (self.x, self.y, self.series) if name]


class SectionConfig(_Typed):
    """A chapter: its title, a sentence before its figures, and the figures."""

    title: Text
    lead: Sentence = ""
    figures: Annotated[tuple[FigureConfig, ...], Field(min_length=1, max_length=20)]


@dataclass(frozen=True)
class CompanySection:
    """What a file says: its keys, and of each figure the SQL and, for messages, where that stands."""

    said: SectionConfig
    queries: tuple[str, ...]
    places: tuple[str, ...]


def section_files(settings: Settings) -> list[Path]:
    """The files of the company's report/, in the order of their chapters."""
    return sorted((settings.folder / FOLDER).glob("*.yml"))


def read_section(file: Path) -> CompanySection:
    """One file, with its SQL. Raises UserError with file, line and key of everything wrong."""
    read = read_yaml(file, "the keys title and figures")
    said = validated(read, SectionConfig)
    found = [_query(read, file.with_suffix(".sql"), number, figure) for number, figure in enumerate(said.figures)]
    return CompanySection(said, tuple(query for query, _ in found), tuple(place for _, place in found))


def _query(read: YamlFile, beside: Path, number: int, figure: FigureConfig) -> tuple[str, str]:
    """The SQL of a figure, which is the section's own file where none stands in the figure, and where it stands."""
    if figure.sql is not None:
        return figure.sql, read.place(("figures", number, "sql"))
    if not beside.is_file():
        raise UserError(
            f"{read.place(('figures', number))}: the figure has no SQL. Write it below `sql:`, or into {beside.name}"
            " beside this file."
        )
    try:
        return beside.read_text(encoding="utf-8"), str(beside)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{beside}: cannot be read as text in UTF-8: {error}.") from error
