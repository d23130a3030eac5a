"""sources/<source>.yml of a company's folder, typed: where files or tables are, and what their columns are called.

An unknown key, a wrong type or a contradiction is a UserError that names the file, the key and the nearest one.
"""

import codecs
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import duckdb
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from warehouse.errors import UserError, nearest
from warehouse.ingest.entities import TEXT, delivered_columns, load_entities, staged_entities
from warehouse.ingest.mappings import (
    AMOUNTS,
    Constant,
    Mapping,
    Negative,
    Taken,
    columns_of,
    columns_of_table,
    hashed_in,
    needed_columns,
    number_types,
    wrong_mapping,
)
from warehouse.settings import COMPANIES_DIR, SHIPPED_COMPANIES, Settings
from warehouse.values import Header, Sentence, SourceName, Text, Whole, what_is_wrong
from warehouse.yaml_files import YamlFile, read_yaml, shown_value

META_COLUMNS = {"_batch_id": "bigint", "_file": "varchar", "_row_number": "bigint"}
FORMAT_OF_ENDING = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".xlsx": "excel",
}
TEXT_FORMATS = frozenset({"csv", "json", "excel"})
NO_ENCODINGS_OF_FILES = frozenset(
    {"idna", "punycode", "utf-7", "raw-unicode-escape", "unicode-escape", "rot13", "palmos"}
)

Package = Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]
Format = Literal["csv", "parquet", "json", "excel"]
Names = Annotated[
    tuple[Header, ...],
    Field(max_length=1000),
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
]


def format_of(name: str) -> str | None:
    """The format for a file name's ending, or None. For a compressed file (.gz) the ending before that one counts; a
    .zip is expected to hold one text file."""
    packed = Path(name.lower())
    if packed.suffix == ".zip":
        return "csv" if FORMAT_OF_ENDING.get(Path(packed.stem).suffix, "csv") == "csv" else None
    return FORMAT_OF_ENDING.get(Path(packed.stem if packed.suffix == ".gz" else packed).suffix)


class _Section(BaseModel):
    """A section of a source's file. The docstring after each key is its description in docs/sources.md."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ColumnConfig(_Section):
    """One declared column."""

    required: bool = False
    """Whether a file without the column is refused."""
    aliases: Annotated[Names, Field(examples=[["Order no."]])] = ()
    """Other spellings of its header."""
    type: Annotated[Text, Field(examples=["decimal(18, 2)"])] | None = None
    """A DuckDB type: a row whose value does not convert to it without loss is rejected. For Parquet and databases it is
    the raw column's type; text files are loaded as text, with days and numbers written in one form."""
    hash_of: Annotated[Names, Field(examples=[["email", "phone"]])] = ()
    """For a column that is not in the file: a hash of the first of these columns that is filled, in lower case and
    without surrounding blanks, with a secret of the home folder."""

    @field_validator("type")
    @classmethod
    def _known_type(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                duckdb.sqltype(value)
            except duckdb.Error as error:
                raise ValueError(f'"{value}" is no DuckDB type') from error
        return value


class DatabaseConfig(_Section):
    """A database server. Its address, user and password are in an environment variable and nowhere else."""

    type: Annotated[Literal["postgres", "mysql"], Field(examples=["postgres"])]
    """The kind of server; use `mysql` also for MariaDB."""
    dsn_env: Annotated[str, Field(pattern="^LOYALTY_DSN_[A-Z0-9_]+$", max_length=100, examples=["LOYALTY_DSN_SHOP"])]
    """The environment variable with postgresql://user:password@host:port/database or
    mysql://user:password@host/database."""


class TableConfig(_Section):
    """One raw table, and the files or the database table that fill it."""

    description: Annotated[Sentence, Field(examples=["One row per line of a till's receipt"])] = ""
    """The table's content, for dbt's documentation."""
    files: Annotated[Names, Field(examples=["orders_*.csv"])] | None = None
    """The names of its files in the input folder; `*` stands for anything."""
    format: Annotated[Format, Field(examples=["csv"])] | None = None
    """The files' format, if their ending does not show it."""
    delimiter: Literal[",", ";", "\t", "|"] = ","
    """The character between the values of a text file."""
    encoding: Annotated[str, Field(max_length=40)] = "utf-8"
    """How a text file is encoded, by Python's name: cp1252, gb18030."""
    date_order: Annotated[Literal["dmy", "mdy"], Field(examples=["dmy"])] | None = None
    """Whether days or months come first in dates, if a file's values leave it open."""
    decimal_mark: Annotated[Literal[".", ","], Field(examples=[","])] | None = None
    """The mark before a number's decimals, if a file's values leave it open."""
    preamble: bool = False
    """Whether a text file or a sheet may have lines above its header. The header is the first line with every required
    column; in Excel it may be two rows with merged cells."""
    other_columns: Literal["load", "ignore"] = "load"
    """Whether columns that are not declared are loaded or ignored."""
    version: Annotated[Header, Field(examples=["updated_at"])] | None = None
    """The column of timestamps or numbers that shows the newest row of a key; without it the later file wins."""
    sheets: Annotated[Names, Field(examples=[["Orders"]])] | None = None
    """The sheets of an Excel file to load, as names or patterns; without it, all visible sheets."""
    table: Annotated[Header, Field(examples=["public.order_lines"])] | None = None
    """The table of the `database`, in place of `files`."""
    watermark: Annotated[Header, Field(examples=["updated_at"])] | None = None
    """The column of a database table that grows with every change: only rows beyond its last value are read."""
    overlap: Annotated[Whole, Field(ge=0, le=10**12)] = 0
    """How far before the watermark rows are read again, because some are committed late: in seconds for timestamps,
    days for dates, the column's own unit for numbers."""
    deleted_rows: Annotated[Literal["compare", "keep"], Field(examples=["compare"])] | None = None
    """How deleted rows of a database table are handled: `compare` reads every key at each load, and rows that are gone
    no longer count; `keep` does not look for them. Without it, `compare` for tables without a watermark, else
    `keep`."""
    deleted_when: Annotated[Header, Field(examples=["deleted_at"])] | None = None
    """The column that is filled, or true, in rows that the shop has only marked as deleted. Such rows do not count."""
    key: Annotated[Names, Field(examples=[["order_id", "line_number"]])] = ()
    """The columns by which a row is recognised when it comes again."""
    entity: Annotated[Text, Field(examples=["order_lines"])] | None = None
    """The entity that the rows become, for tables with a staging model and for canonical sources."""
    optional: bool = False
    """Whether a delivery may lack the table."""
    on_change: Annotated[Literal["upsert", "replace"], Field(examples=["replace"])] | None = None
    """How a changed file affects its earlier version: `upsert` keeps both, and the newer row of a key wins; `replace`
    supersedes the earlier file as a whole. Without it, `upsert` if there is a key, else `replace`."""
    replaces: Annotated[Literal["order_id"], Field(examples=["order_id"])] | None = None
    """If an order is delivered again, its new lines replace all earlier ones, so that a line removed from it
    disappears."""
    columns: Annotated[
        dict[Header, ColumnConfig], Field(max_length=10_000, examples=[{"order_id": {"required": True}}])
    ] = {}
    """The table's columns, by their headers."""

    @field_validator("entity")
    @classmethod
    def _known_entity(cls, value: str | None) -> str | None:
        known = staged_entities(load_entities())
        if value is not None and value not in known:
            raise ValueError(f"no entity of dbt/entities.yml{nearest(value, known)}; there are {', '.join(known)}")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            "\n".encode(value)
            name = codecs.lookup(value).name
        except (LookupError, UnicodeError) as error:
            raise ValueError(f'"{value}" is no encoding that Python knows, such as cp1252 or gb18030') from error
        if name in NO_ENCODINGS_OF_FILES:
            raise ValueError(f'"{value}" is no encoding of a file')
        return {"iso8859-1": "latin-1"}.get(name, name)

    @field_validator("columns", mode="before")
    @classmethod
    def _bare_columns(cls, value: Any) -> Any:
        return {name: column or {} for name, column in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for complaint in (self._wrong_place(), self._wrong_files(), self._wrong_columns()):
            if complaint:
                raise ValueError(complaint)
        return self

    def _wrong_place(self) -> str | None:
        if (self.files is None) == (self.table is None):
            return "say either `files` (a pattern) or `table` (of a database)"
        if self.table is None and (self.watermark or self.overlap or self.deleted_rows or self.deleted_when):
            return (
                "`watermark`, `overlap`, `deleted_rows` and `deleted_when` belong to a database `table`, not to `files`"
            )
        if self.table is not None and not self.key:
            return "a database table needs its `key`, by which rows are recognised when they come again"
        if self.overlap and not self.watermark:
            return "`overlap` needs a `watermark`"
        if self.on_change == "upsert" and not self.key:
            return "`on_change: upsert` needs a `key`; without one say `replace`"
        if self.table is not None and self.on_change == "replace":
            return "rows of a database table supersede each other by key; `on_change: replace` is for files"
        return None

    def _wrong_files(self) -> str | None:
        for pattern in self.files or ():
            if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
                return f'`files: "{pattern}"` must lie inside the input folder'
            if self.format is None and format_of(pattern) is None:
                return f'`files: "{pattern}"` does not tell the format by its ending; add `format`'
        return None

    def _wrong_columns(self) -> str | None:
        owner: dict[str, str] = {}
        for name, column in self.columns.items():
            if name.lower() in META_COLUMNS:
                return f'the column name "{name}" is reserved'
            for spelling in {name, *column.aliases}:
                if owner.setdefault(spelling, name) != name:
                    return f'the header "{spelling}" is declared for two columns, {owner[spelling]} and {name}'
        if len({name.lower() for name in self.columns}) < len(self.columns):
            return "two columns differ only in upper and lower case"
        for name in {*self.key, *filter(None, (self.watermark, self.version, self.deleted_when))}:
            if self.columns and name not in self.columns:
                similar = nearest(name, self.columns)
                return (
                    f'"{name}" (of `key`, `watermark`, `version` or `deleted_when`) is not among the columns{similar}'
                )
        return None

    @property
    def replaces_files(self) -> bool:
        """Whether a changed file supersedes its earlier version as a whole."""
        return (self.on_change or ("upsert" if self.key else "replace")) == "replace"

    @property
    def finds_deleted_rows(self) -> bool:
        """Whether every key of a database table is compared with those that were loaded."""
        return (self.deleted_rows or ("keep" if self.watermark else "compare")) == "compare"

    @property
    def is_text(self) -> bool:
        """Whether every column of the raw table is varchar because some file format of it has no types."""
        formats = {self.format or format_of(pattern) for pattern in self.files or ()}
        return bool(formats & TEXT_FORMATS)

    def declared_type(self, column: str) -> str | None:
        """The type that the raw column must have, or None if the first file or table decides."""
        if self.is_text:
            return "VARCHAR"
        declared = self.columns[column].type if column in self.columns else None
        return str(duckdb.sqltype(declared)) if declared else None


class SourceConfig(_Section):
    """One source: a folder, an installed package or a database, and its tables."""

    name: Annotated[SourceName, Field(examples=["till"])]
    """The source's name, as in its file's name; raw tables are in the schema `raw_NAME`."""
    description: Annotated[Sentence, Field(examples=["The till of the shop in the high street"])] = ""
    """A description of the source, for dbt's documentation."""
    canonical: bool = False
    """Whether every table is an entity under its own name, with the entity's columns. What this file does not say of
    the columns is taken from dbt/entities.yml, and no mapping is needed."""
    package: Annotated[Package, Field(examples=["my_data"])] | None = None
    """The installed Python package that contains the source's files, in place of an input folder."""
    folder: Annotated[Header, Field(examples=["files"])] | None = None
    """The folder inside the package."""
    database: DatabaseConfig | None = None
    """The server with the source's tables, in place of files."""
    key_prefix: Annotated[str, Field(pattern="^[a-z0-9_-]*$", max_length=60, examples=["till-"])] = ""
    """Prefix for the keys of orders, lines and the like, if keys of several sources could collide."""
    shared_keys: Annotated[Names, Field(examples=[["customer_id"]])] = ()
    """Keys without a prefix, because they mean the same in every source."""
    no_id: Names = ("null", "nan", "none", "nil", "\\N", "n/a", "#n/a", "<na>", "-")
    """Words that mean that there is no id, in upper or lower case."""
    guest_ids: Names = ("0",)
    """Customer ids that mean an unknown customer."""
    id_case: Literal["exact", "upper", "lower"] = "exact"
    """Whether ids that differ only in case are different (`exact`), or are written in upper or lower case."""
    customer_columns: Names = ("customer_id",)
    """The raw columns with the id of a row's customer; erasing a customer searches these columns."""
    late_after_days: Annotated[
        Annotated[Whole, Field(ge=1, le=10_000)] | Literal["never"] | None, Field(examples=[10])
    ] = None
    """How many days old the source's last order may be before it is late; `never` for a shop that has closed. Without
    it, one day more than before any delivery of the last eight weeks."""
    tables: Annotated[
        dict[SourceName, TableConfig], Field(min_length=1, max_length=1000, examples=[{"lines": {"files": "*.csv"}}])
    ]
    """The source's raw tables, by name."""
    mapping: Annotated[dict[SourceName, Mapping], Field(max_length=50)] = {}
    """For each entity, how columns become the entity's columns, without SQL ([mapping.md](mapping.md)). Columns named
    in a mapping need not be declared again. A table's rows count for the first entity that is mapped from it."""
    # Where the configuration was read from, for messages; not a key of the file.
    path: Path = Field(default=COMPANIES_DIR, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _from_the_registry(cls, values: Any) -> Any:
        tables = values.get("tables") if isinstance(values, dict) else None
        if not isinstance(tables, dict):
            return values
        if values.get("canonical") is True:
            return {**values, "tables": {name: _canonical_table(name, table) for name, table in tables.items()}}
        return _with_mapped_columns(values)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.package and self.database:
            raise ValueError("say either `package` or `database`")
        if self.folder and not self.package:
            raise ValueError(
                "`folder` is a folder inside a `package`; a company's folder is `input_path` of its settings"
            )
        if self.folder and (Path(self.folder).is_absolute() or ".." in Path(self.folder).parts):
            raise ValueError(f'`folder: "{self.folder}"` must lie inside the package')
        for name, table in self.tables.items():
            if (table.table is None) == (self.database is not None):
                raise ValueError(f"tables.{name}: {'`table`' if self.database else '`files`'} expected")
            if self.canonical and (complaint := _not_canonical(table)):
                raise ValueError(f"tables.{name}: {complaint}")
            if self.database and any(column.hash_of for column in table.columns.values()):
                raise ValueError(f"tables.{name}: ids are hashed from files alone; a database has ids of its own")
        for entity, mapping in self.mapping.items():
            if complaint := wrong_mapping(entity, mapping, list(self.tables)):
                raise ValueError(f"mapping.{entity}: {complaint}")
        return self

    @property
    def staging_dir(self) -> Path:
        """Where the company that this source is of keeps staging models written by hand."""
        return self.path.parent.parent / "staging"

    @property
    def raw_schema(self) -> str:
        """The schema of the warehouse that this source's raw tables live in."""
        return f"raw_{self.name}"

    def is_amount(self, table: str, column: str) -> bool:
        """Whether a raw column is an amount of order lines just as it stands."""
        mapping = self.mapping.get("order_lines")
        if mapping is None or mapping.table != table:
            return False
        values = [mapping.columns.get(name) for name in AMOUNTS]
        return column in [value.column if isinstance(value, Taken) else value for value in values]

    def is_quantity(self, table: str, column: str) -> bool:
        """Whether a raw column is the quantity of order lines, but for its sign."""
        mapping = self.mapping.get("order_lines")
        value = mapping.columns.get("quantity") if mapping and mapping.table == table else None
        value = value.negative if isinstance(value, Negative) else value
        return isinstance(value, Taken) and value.column == column

    def tells_currency(self, table: str) -> bool:
        """Whether the currency of each of a table's rows is told by a column, or by SQL that is not looked into."""
        told = [mapping.columns.get("currency") for mapping in self.mapping.values() if mapping.table == table]
        return not told or any(value is not None and not isinstance(value, Constant) for value in told)

    @property
    def customer_prefix(self) -> str:
        """The prefix of this source's customer numbers in all tables after its raw tables."""
        return "" if "customer_id" in self.shared_keys else self.key_prefix


def _canonical_table(name: str, table: Any) -> Any:
    """A table's section, completed from the registry with the keys that it leaves out."""
    entities = load_entities()
    if not isinstance(table, dict) or table.get("entity", name) not in staged_entities(entities):
        return table
    entity = table.get("entity", name)
    columns = {
        column: {"type": "varchar" if kind.type == TEXT else kind.type, "required": kind.need != "optional"}
        for column, kind in delivered_columns(entities, entity).items()
    }
    given = {
        "description": entities[entity].description,
        "entity": entity,
        "key": entities[entity].key,
        "other_columns": "ignore",
        "columns": columns,
    }
    return {**given, **table}


def _not_canonical(table: TableConfig) -> str | None:
    entities = load_entities()
    if table.entity is None:
        return f"a table of a `canonical` source is an entity; there are {', '.join(staged_entities(entities))}"
    known = delivered_columns(entities, table.entity)
    for column in table.columns:
        if column not in known:
            return f'"{column}" is no column of {table.entity}{nearest(column, known)}; the source is `canonical`'
    missing = [column for column in entities[table.entity].required if column not in table.columns]
    return f"{table.entity} needs the column(s) {', '.join(missing)}" if missing else None


def _with_mapped_columns(values: dict[str, Any]) -> dict[str, Any]:
    """A source's section, completed from its mappings: columns with their types, each table's entity."""
    try:
        mapped = {entity: Mapping.model_validate(section) for entity, section in (values.get("mapping") or {}).items()}
    except (ValidationError, AttributeError):
        return values  # what is wrong with it is told when the field itself is read
    tables, customers = dict(values["tables"]), dict.fromkeys(_customer_columns(mapped))
    known = staged_entities(load_entities())
    for entity, mapping in mapped.items():
        for name in {mapping.table, *(join.table for join in mapping.join.values())} & set(tables):
            if isinstance(tables[name], dict) and entity in known:
                tables[name] = _mapped_table(tables[name], name, entity, mapping)
    said = {"customer_columns": [*customers]} if customers else {}
    return {**said, **values, "tables": tables}


def _customer_columns(mapped: dict[str, Mapping]) -> list[str]:
    return [
        mapping.raw_name(column)
        for mapping in mapped.values()
        for column in columns_of(mapping.columns.get("customer_id"))
    ]


def _mapped_table(table: dict[str, Any], name: str, entity: str, mapping: Mapping) -> dict[str, Any]:
    """A table's section with the columns that a mapping names; the section's own keys take precedence."""
    used = columns_of_table(mapping, name)
    types = {} if table.get("table") else number_types(mapping, entity)
    needed = needed_columns(mapping, entity)
    hashed = {
        one.header: [mapping.raw_name(part) for part in one.hashed] for one in hashed_in(mapping) if one.header in used
    }
    columns = {header: column or {} for header, column in (table.get("columns") or {}).items()}
    for place, header in used.items():
        said: dict[str, Any] = {"type": types[place]} if place in types else {}
        said |= {"hash_of": hashed[place]} if place in hashed else {}
        said |= {"required": True} if place in needed else {}
        if isinstance(columns.get(header, {}), dict):
            columns[header] = {**said, **columns.get(header, {})}
    columns |= {part: columns.get(part, {}) for parts in hashed.values() for part in parts}
    # rows are told apart by the key, whether or not the mapping names it
    key = table.get("key")
    columns |= {part: columns.get(part, {}) for part in key} if isinstance(key, list) else {}
    given = {"other_columns": "ignore"} | ({"entity": entity} if mapping.table == name else {})
    return {**given, **table, "columns": columns}


def source_folders(settings: Settings | None = None) -> list[Path]:
    """The folders that are searched for sources: the company's own folder, then those of the shipped companies."""
    own = [settings.folder / "sources"] if settings else []
    return [*own, *(COMPANIES_DIR / name / "sources" for name in SHIPPED_COMPANIES)]


def known_sources(settings: Settings | None = None) -> dict[str, Path]:
    """The file of each source that there is, by name."""
    files = [file for folder in source_folders(settings) for file in sorted(folder.glob("*.yml"))]
    return {file.stem: file for file in reversed(files)}


def load_sources_config(settings: Settings, folder: Path | None = None) -> dict[str, SourceConfig]:
    """The configurations of the sources that the settings switch on, by name, in the settings' order.

    They are in `folder`, or where a company's sources are looked for.

    Raises UserError with every problem found, one a line.
    """
    sources: dict[str, SourceConfig] = {}
    problems: list[str] = []
    for name in settings.sources:
        try:
            sources[name] = read_source(name, folder, settings)
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    return sources


def read_source(name: str, folder: Path | None = None, asked_by: Settings | None = None) -> SourceConfig:
    """The configuration of a source: `folder`/<name>.yml, or where the company's sources are. Raises UserError."""
    known = {file.stem: file for file in folder.glob("*.yml")} if folder else known_sources(asked_by)
    if name not in known:
        place = f"{asked_by.path}: " if asked_by else ""
        first = folder or source_folders(asked_by)[0]
        raise UserError(f'{place}unknown source "{name}"{nearest(name, known)}: there is no {first / name}.yml.')
    file = known[name]
    read = read_yaml(file)
    if "path" in read.values:
        raise UserError(f'{read.place(("path",))}: unknown key "path".')
    try:
        source = SourceConfig.model_validate({**read.values, "path": file})
    except ValidationError as error:
        raise UserError("\n".join(_explain(dict(detail), read) for detail in error.errors())) from error
    if source.name != name:
        raise UserError(f'{file}: the name is "{source.name}"; it must be the file\'s, "{name}".')
    return source


def _explain(detail: dict[str, Any], read: YamlFile) -> str:
    location = tuple(part for part in detail["loc"] if part != "[key]")
    where, names = read.place(location), [str(part) for part in location]
    place = ".".join(names)
    if detail["type"] == "extra_forbidden":
        keys = [key for key in _section(names).model_fields if key != "path"]
        return f'{where}: unknown key "{place}"{nearest(names[-1], keys)}.'
    if detail["type"] == "missing":
        return f'{where}: the key "{place}" is missing; add it.'
    message = what_is_wrong(detail["msg"])
    is_plain = isinstance(detail["input"], str | int | float | bool) and not place.endswith("_env")
    found = f" (found {shown_value(detail['input'])})" if is_plain else ""
    return f"{where}: {place + ': ' if place else ''}{message}{found}."


def _section(location: list[str]) -> type[BaseModel]:
    if location[0] == "database":
        return DatabaseConfig
    if location[0] == "tables" and len(location) > 3:
        return ColumnConfig
    return TableConfig if location[0] == "tables" and len(location) > 2 else SourceConfig
