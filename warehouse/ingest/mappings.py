"""`mapping:` of a source's YAML, typed: how a raw table's columns become an entity's columns, without SQL.

A value is a column of the raw table (or a value named before it under `values`), or one of the forms below.
dagster_project/dbt_runner/mapped_models.py writes its SQL; docs/mapping.md shows every form.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from warehouse.errors import nearest
from warehouse.ingest.entities import delivered_columns, load_entities, staged_entities
from warehouse.values import Header, SourceName, Text, TimeZone, Whole, what_is_wrong

AMOUNTS = ("gross_amount", "discount_amount", "net_amount")
# Columns that an order line has even where its mapping says nothing of them.
GIVEN_OF_LINES = ("order_line_id", *AMOUNTS)
NUMBER, PRICE, MOMENT, DAY = "decimal(18, 4)", "decimal(18, 8)", "timestamp", "date"


def _no_jinja(text: str) -> str:
    if any(mark in text for mark in ("{{", "}}", "{%", "{#")):
        raise ValueError("it holds {{, }}, {% or {#, which dbt reads as Jinja")
    return text


def _as_text(value: Any) -> Any:
    """YAML makes numbers of bare 1 and truth of bare yes, and files hold texts."""
    if isinstance(value, bool):
        raise ValueError('a text is expected, and YAML reads yes, no, true and false as truth; write "yes" in quotes')
    return str(value) if isinstance(value, int | float) else value


Word = Annotated[Text, BeforeValidator(_as_text)]
Words = Annotated[tuple[Word, ...], BeforeValidator(lambda value: value if isinstance(value, list) else [value])]
Name = Annotated[Header, BeforeValidator(_no_jinja)]


class Form(BaseModel):
    """A part of a mapping."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Test(Form):
    """A condition on a column: one of some texts (in any case), filled or empty, above or below a number, and so on."""

    one_of: Words | None = Field(default=None, alias="in")
    not_in: Words | None = None
    filled: bool | None = None
    above: float | None = None
    below: float | None = None
    contains: Words | None = None
    starts_with: Words | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"in": value}

    @model_validator(mode="after")
    def _tests_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("say what the column has to be: a text, a list of texts, or {filled: true}, {above: 0}")
        return self


# All columns of a condition have to pass; of a list of conditions, one is enough.
Condition = Annotated[
    tuple[dict[Name, Test], ...],
    Field(min_length=1),
    BeforeValidator(lambda value: [value] if isinstance(value, dict) else value),
]


class Taken(Form):
    """A column of the table; `format` and `zone` say how a timestamp is written, `values` the meaning of each text."""

    column: Name
    format: Text | None = None
    zone: TimeZone | None = None
    values: dict[Word, Word] | None = None
    otherwise: Word | None = None


class Constant(Form):
    """The same for every row."""

    constant: Word


class Joined(Form):
    """Texts joined one after the other, such as a day and its time, or the numbers of an order and its line; empty if
    one is."""

    columns: Annotated[tuple[Name, ...], Field(min_length=2, max_length=20)]
    separator: Annotated[str, Field(max_length=20), BeforeValidator(_no_jinja)] = "-"


class DayOf(Form):
    """The business's day of a moment, as a text: a part of a key where numbers begin anew each day."""

    day_of: Name
    format: Text | None = None
    zone: TimeZone | None = None


class FirstOf(Form):
    """The first of the values that is not empty."""

    first_of: Annotated[tuple["Value", ...], Field(min_length=1, max_length=20)]


class Cases(Form):
    """The value of the first condition that holds."""

    cases: Annotated[tuple["Case", ...], Field(min_length=1, max_length=100)]
    otherwise: "Value | None" = None


class Case(Form):
    """One condition and its value."""

    when: Condition
    value: "Value"


class Product(Form):
    """A price times a quantity, rounded half away from zero to `places`, if given."""

    product: Annotated[tuple["Value", "Value"], Field()]
    places: Annotated[Whole, Field(ge=0, le=4)] | None = None


class Sum(Form):
    """Amounts added up; an empty amount counts as 0, and the sum is empty if all are."""

    sum: Annotated[tuple["Value", ...], Field(min_length=2, max_length=20)]


class Difference(Form):
    """The first amount less the others; of the others an empty one counts as 0."""

    difference: Annotated[tuple["Value", ...], Field(min_length=2, max_length=20)]


class Negative(Form):
    """An amount or quantity made negative where the condition holds, and positive elsewhere, whatever sign it has."""

    negative: "Value"
    when: Condition


class Spread(Form):
    """An order's amount, shared among its lines by `by`, to the cent by largest remainder.

    `taken` says where the order's amount is: on the order's first row, or repeated on each row (then the largest
    counts).
    """

    spread: "Value"
    by: "Value"
    over: Name
    taken: Literal["first", "largest"] = "first"


class Total(Form):
    """An amount added up over the rows of an order."""

    total: "Value"
    over: Name


class Share(Form):
    """An amount times a part of a whole, to the cent; 0 where the whole is 0."""

    share: "Value"
    part: "Value"
    whole: "Value"


class Occurrence(Form):
    """1 for the first row of the file with these values, 2 for the second, and so on: a key for lines without one."""

    occurrence: Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)]


class PartOf(Form):
    """The part after `named:` in a text such as name:Mug|quantity:2."""

    part_of: Name
    named: Word
    separator: Annotated[str, Field(min_length=1, max_length=1)] = "|"
    mark: Annotated[str, Field(min_length=1, max_length=1)] = ":"


class Hashed(Form):
    """A customer's id: a hash of the first filled column (an e-mail, a phone number), with a secret of the home.

    It is made when rows are loaded, and is a column of its own in the raw table, or in the joined one that it names.
    """

    hashed: Annotated[tuple[Name, ...], Field(min_length=1, max_length=5)]

    @property
    def header(self) -> str:
        """The raw column that holds it; of a joined table, with that table's name before it."""
        first, dot, _ = self.hashed[0].partition(".")
        prefix = first + dot if dot and all(name.startswith(first + dot) for name in self.hashed) else ""
        return f"{prefix}key of " + " or ".join(name.removeprefix(prefix) for name in self.hashed)


FORMS: tuple[type[Form], ...] = (
    Taken, Constant, Joined, DayOf, FirstOf, Cases, Product, Sum, Difference, Negative, Spread, Total, Share,
    Occurrence, PartOf, Hashed,
)  # fmt: skip
KEYS = {next(iter(form.model_fields)): form for form in FORMS}


def _formed(value: Any) -> Any:
    """The form that a value's section has, told by its first key."""
    if isinstance(value, Form):
        return value
    if isinstance(value, str):
        return Taken(column=value)
    if isinstance(value, dict):
        for key, form in KEYS.items():
            if key in value:
                return _validated(form, value)
        found = ", ".join(map(str, value)) or "nothing"
        raise ValueError(
            f"a column's name, or one of {', '.join(KEYS)} is expected{nearest(found, KEYS)}; found {found}"
        )
    raise ValueError(f"a column's name, or one of {', '.join(KEYS)} is expected")


def _validated(form: type[Form], value: dict[Any, Any]) -> Form:
    """The form, its problem in one sentence: which of the forms was meant is known by then."""
    try:
        return form.model_validate(value)
    except ValidationError as error:
        detail = error.errors()[0]
        if detail["type"] == "extra_forbidden":
            key = str(detail["loc"][-1])
            raise ValueError(f'unknown key "{key}"{nearest(key, form.model_fields)}') from error
        place = ".".join(str(part) for part in detail["loc"] if part != "[key]")
        if detail["type"] == "missing":
            raise ValueError(f"{place} is missing") from error
        raise ValueError(f"{place}: {what_is_wrong(detail['msg'])}") from error


Value = Annotated[Form, BeforeValidator(_formed)]
RECURSIVE: tuple[type[Form], ...] = (*FORMS, Case)
for _form in RECURSIVE:
    _form.model_rebuild()


class JoinedTable(Form):
    """Another raw table, whose latest row with the same key is joined to each row: {column here: column there}.

    A row without a match is rejected, unless the join is `optional`.
    """

    table: SourceName
    by: Annotated[dict[Name, Name], Field(min_length=1, max_length=5)]
    optional: bool = False


class FillForward(Form):
    """Columns that only an order's first row holds. An empty key takes the value of the row above."""

    key: Name
    columns: Annotated[tuple[Name, ...], Field(max_length=100)] = ()


class Unpivot(Form):
    """Lines side by side in one row: `item_{n}` are the columns item_1 to item_<up_to>, as far as they exist."""

    columns: Annotated[dict[SourceName, Name], Field(min_length=1, max_length=20)]
    up_to: Annotated[Whole, Field(ge=1, le=500)]

    @field_validator("columns")
    @classmethod
    def _numbered(cls, value: dict[str, str]) -> dict[str, str]:
        for pattern in value.values():
            if "{n}" not in pattern:
                raise ValueError(f'"{pattern}" has no {{n}}, which stands for the number of the line')
        return value

    def headers(self, name: str) -> list[str]:
        """The raw columns from which a line's column is taken, in the order of the lines."""
        return [self.columns[name].replace("{n}", str(number)) for number in range(1, self.up_to + 1)]


class LeftOut(Form):
    """Rows that do not belong to the entity. They are rejected with the reason, so that every row is accounted for."""

    when: Condition
    reason: Text


class FurtherLine(Form):
    """An additional line of a row, such as a refund given on the order's first row; columns not named here are as on
    the row's own line."""

    when: Condition
    columns: Annotated[dict[Name, Value], Field(min_length=1)]


class Mapping(Form):
    """One entity's columns, from one raw table and the tables joined to it."""

    table: SourceName = Field(alias="from")
    join: Annotated[dict[SourceName, JoinedTable], Field(max_length=5)] = {}
    fill_forward: FillForward | None = None
    unpivot: Unpivot | None = None
    values: Annotated[dict[SourceName, Value], Field(max_length=50)] = {}
    filter: Annotated[tuple[LeftOut, ...], Field(max_length=50)] = ()
    columns: Annotated[dict[Name, Value], Field(min_length=1)]
    further_lines: Annotated[tuple[FurtherLine, ...], Field(max_length=5)] = ()

    @model_validator(mode="after")
    def _no_circles(self) -> Self:
        known = set(self.unpivot.columns) if self.unpivot else set()
        for name, value in self.values.items():
            for used in columns_of(value):
                if used in self.values and used not in known:
                    raise ValueError(f"values.{name} uses {used}, which is said after it; put it before")
            known.add(name)
        return self

    def is_header(self, name: str) -> bool:
        """Whether a name is a column of the raw table itself."""
        is_named = name in self.values or (self.unpivot is not None and name in self.unpivot.columns)
        return not (self.joined_table(name) or is_named)

    def joined_table(self, name: str) -> str | None:
        """The joined table, by its name here, that a column is of; None for any other."""
        alias, dot, _ = name.partition(".")
        return alias if dot and alias in self.join else None

    def raw_name(self, name: str) -> str:
        """A column as its raw table calls it."""
        return name.partition(".")[2] if self.joined_table(name) else name


def columns_of(value: Any) -> Iterator[str]:
    """The columns that a value uses, including those in its conditions."""
    if isinstance(value, Taken):
        yield value.column
    elif isinstance(value, PartOf):
        yield value.part_of
    elif isinstance(value, DayOf):
        yield value.day_of
    elif isinstance(value, Joined):
        yield from value.columns
    elif isinstance(value, Occurrence):
        yield from value.occurrence
    elif isinstance(value, Hashed):
        yield value.header
    elif isinstance(value, Form):
        for name in type(value).model_fields:
            part = getattr(value, name)
            if name == "over":
                yield part
            elif name == "when":
                yield from (column for condition in part for column in condition)
            else:
                yield from columns_of(part)
    elif isinstance(value, tuple):
        for part in value:
            yield from columns_of(part)


def hashed_in(mapping: Mapping) -> list[Hashed]:
    """The customer ids that a mapping makes of addresses."""
    return [*_hashed(tuple(mapping.columns.values()))]


def _hashed(value: Any) -> Iterator[Hashed]:
    if isinstance(value, Hashed):
        yield value
    elif isinstance(value, Form):
        for name in type(value).model_fields:
            yield from _hashed(getattr(value, name))
    elif isinstance(value, tuple):
        for part in value:
            yield from _hashed(part)


def used_columns(mapping: Mapping) -> list[str]:
    """Every column that a mapping names, in its order, including columns of joined tables as `name.column`."""
    found: dict[str, None] = {}
    fill = mapping.fill_forward
    found |= dict.fromkeys([fill.key, *fill.columns] if fill else [])
    if mapping.unpivot:
        found |= dict.fromkeys(header for name in mapping.unpivot.columns for header in mapping.unpivot.headers(name))
    for join in mapping.join.values():
        found |= dict.fromkeys(join.by)
    for part in (*mapping.columns.values(), *mapping.values.values(), *mapping.filter, *mapping.further_lines):
        values = part.columns.values() if isinstance(part, FurtherLine) else ()
        found |= dict.fromkeys([*columns_of(part), *(name for value in values for name in columns_of(value))])
    return list(found)


def columns_of_table(mapping: Mapping, table: str) -> dict[str, str]:
    """The raw columns of one table that a mapping names, as the mapping calls them: name: the table's column."""
    used = used_columns(mapping)
    found = {name: name for name in used if mapping.is_header(name)} if mapping.table == table else {}
    for alias, join in mapping.join.items():
        if join.table == table:
            found |= {f"{alias}.{key}": key for key in join.by.values()}
            found |= {name: mapping.raw_name(name) for name in used if mapping.joined_table(name) == alias}
    return found


def needed_columns(mapping: Mapping, entity: str) -> set[str]:
    """The columns without which no row could be one of the entity: a file that lacks one of them is refused."""
    required = load_entities()[entity].required if entity in load_entities() else ()
    return {name for column in required for name in _needed(mapping, mapping.columns.get(column))}


def _needed(mapping: Mapping, value: Any) -> Iterator[str]:
    if isinstance(value, Taken):
        if value.column in mapping.values:
            yield from _needed(mapping, mapping.values[value.column])
        elif not (value.values and value.otherwise):
            yield value.column
    elif isinstance(value, Joined):
        yield from (found for name in value.columns for found in _needed(mapping, Taken(column=name)))
    elif isinstance(value, DayOf):
        yield value.day_of
    elif isinstance(value, Product):
        yield from (name for part in value.product for name in _needed(mapping, part))
    elif isinstance(value, Difference):
        yield from _needed(mapping, value.difference[0])
    elif isinstance(value, Negative):
        yield from _needed(mapping, value.negative)


def number_types(mapping: Mapping, entity: str) -> dict[str, str]:
    """The raw columns that a mapping takes for numbers or moments, with the type each is held to when it is loaded."""
    kinds = delivered_columns(load_entities(), entity)
    found: dict[str, str] = {}
    for columns in (mapping.columns, *(line.columns for line in mapping.further_lines)):
        for name, value in columns.items():
            if name in kinds and kinds[name].type not in ("text", "boolean"):
                kind = MOMENT if kinds[name].type in ("timestamp", "date") else NUMBER
                found = dict(_typed(mapping, value, kind)) | found
    every = (*mapping.columns.values(), *mapping.values.values(), *mapping.filter, *mapping.further_lines)
    for name, test in (pair for part in every for pair in _tests(part)):
        if test.above is not None or test.below is not None:
            found = dict(_typed(mapping, Taken(column=name), NUMBER)) | found
    return found


def _typed(mapping: Mapping, value: Any, kind: str) -> Iterator[tuple[str, str]]:
    """The columns behind a value that is taken for a number or a moment."""
    if isinstance(value, Taken) and value.column in mapping.values:
        yield from _typed(mapping, mapping.values[value.column], kind)
    elif isinstance(value, Taken):
        if value.values is None and value.format is None:
            yield value.column, kind
    elif isinstance(value, Joined) and kind == MOMENT:
        yield value.columns[0], DAY
    elif isinstance(value, Product):
        yield from _typed(mapping, value.product[0], PRICE)
        yield from _typed(mapping, value.product[1], NUMBER)
    elif isinstance(value, Form):
        for name in type(value).model_fields:
            if name not in ("when", "over"):
                yield from _typed(mapping, getattr(value, name), kind)
    elif isinstance(value, tuple):
        for part in value:
            yield from _typed(mapping, part, kind)


def _tests(value: Any) -> Iterator[tuple[str, Test]]:
    """The columns that conditions look at, each with its test."""
    if isinstance(value, tuple):
        for part in value:
            yield from _tests(part)
    elif isinstance(value, Form):
        for name in type(value).model_fields:
            part = getattr(value, name)
            if name == "when":
                yield from (pair for condition in part for pair in condition.items())
            else:
                yield from _tests(part)


def wrong_mapping(entity: str, mapping: Mapping, tables: Iterator[str] | list[str]) -> str | None:
    """The problem of a mapping, checked against the existing tables and entities; None if there is none."""
    entities = load_entities()
    tables = list(tables)
    if entity not in staged_entities(entities):
        known = staged_entities(entities)
        return f"no entity of dbt/entities.yml{nearest(entity, known)}; there are {', '.join(known)}"
    for table in (mapping.table, *(join.table for join in mapping.join.values())):
        if table not in tables:
            return f'there is no table "{table}"{nearest(table, tables)}; there are {", ".join(tables)}'
    known = list(delivered_columns(entities, entity))
    for columns in (mapping.columns, *(line.columns for line in mapping.further_lines)):
        for name in columns:
            if name not in known:
                return f'"{name}" is no column of {entity}{nearest(name, known)}; there are {", ".join(known)}'
    for one in hashed_in(mapping):
        if len({mapping.joined_table(name) for name in one.hashed}) > 1:
            return f"hashed: {', '.join(one.hashed)} are not of one table; say columns of one"
    missing = [name for name in entities[entity].required if name not in {*mapping.columns, *_given(entity)}]
    if missing:
        return f"{entity} needs the column(s) {', '.join(missing)}"
    if entity == "order_lines" and not {"net_amount", "gross_amount"} & set(mapping.columns):
        return "order_lines needs net_amount or gross_amount; the others of the three amounts follow from what is said"
    return None


def _given(entity: str) -> tuple[str, ...]:
    return GIVEN_OF_LINES if entity == "order_lines" else ()
