"""The SQL of a staging model for a source with a `mapping:` in its YAML.

The meaning of a mapping's forms is defined only here; warehouse/ingest/mappings.py defines how they are written. The
model reads its raw tables, cleans what it uses, puts joined rows beside each row, fills order fields forward, and
computes one value after the other, each in a CTE of its own. Rows are never left out: a row that does not belong to the
entity is rejected with its reason, so that every row is accounted for.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from warehouse.ingest import mappings as forms
from warehouse.ingest.entities import EntityColumn, delivered_columns, load_entities
from warehouse.ingest.sources import META_COLUMNS, SourceConfig, TableConfig
from warehouse.sql import quote_literal

META = tuple(META_COLUMNS)
# From where on the parts of a row are numbered that are no lines side by side; of those there are fewer.
FURTHER = 1000
# A conversion that fails is the row's reason to be rejected, so a price may have more digits than an amount.
# A call of a macro within SQL. Texts in it hold no braces (see _jinja).
CALL = re.compile(r"\{\{ (.*?) \}\}", re.DOTALL)
PRICE_TYPE, NUMBER_TYPE, MOMENT_TYPE = "decimal(20, 8)", "decimal(18, 4)", "timestamptz"


def mapped_model(source: SourceConfig, entity: str) -> str:
    """The text of the staging model of a mapped entity: SQL with the project's macros."""
    return _Model(source, entity).text()


def has_further_lines(mapping: forms.Mapping) -> bool:
    """Whether a row may stand for more than one row of the entity."""
    return bool(mapping.unpivot or mapping.further_lines)


def depends_on_order(mapping: forms.Mapping) -> bool:
    """Whether a line's values depend on the other lines of its order."""
    return bool(mapping.fill_forward) or any(_looks_around(value) for value in _values_of(mapping))


def _values_of(mapping: forms.Mapping) -> list[Any]:
    further = [value for line in mapping.further_lines for value in line.columns.values()]
    return [*mapping.columns.values(), *mapping.values.values(), *further]


def _looks_around(value: Any) -> bool:
    if isinstance(value, forms.Spread | forms.Total):
        return True
    parts = value if isinstance(value, tuple) else ()
    if isinstance(value, forms.Form):
        parts = tuple(getattr(value, name) for name in type(value).model_fields)
    return any(_looks_around(part) for part in parts)


def _jinja(text: str) -> str:
    """A text as a constant of Jinja, whatever its content; braces are escaped, so that they only mark macros."""
    escaped = text.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return '"' + escaped.replace("{", "\\x7b").replace("}", "\\x7d") + '"'


def _expression(sql: str) -> str:
    """SQL with calls of macros in it as one expression of Jinja, which another macro can be given."""
    parts = CALL.split(sql)
    shown = [part if number % 2 else _jinja(part) for number, part in enumerate(parts) if part or number % 2]
    return " ~ ".join(shown) or '""'


def _macro(name: str, *arguments: str | list[list[str]]) -> str:
    """A call of a macro with pieces of SQL, or with a list of [text, text]."""
    shown = [
        _expression(one)
        if isinstance(one, str)
        else "[" + ", ".join("[" + ", ".join(map(_expression, pair)) + "]" for pair in one) + "]"
        for one in arguments
    ]
    return f"{{{{ {name}({', '.join(shown)}) }}}}"


def _name(column: str) -> str:
    """A column's name in the quotes of the engine that runs the model."""
    return _macro("quoted_name", column)


def _literal(text: str) -> str:
    """A text of the YAML as SQL, unchanged if every engine reads it alike."""
    return _macro("text_literal", text) if "\\" in text or "{" in text else quote_literal(text)


def _indented(lines: Iterable[str], step: int = 4) -> str:
    return ",\n".join(" " * step + line for line in lines)


class _Model:
    """One mapped entity while its SQL is written."""

    def __init__(self, source: SourceConfig, entity: str) -> None:
        self.source = source
        self.entity = entity
        self.mapping = source.mapping[entity]
        self.table: TableConfig = source.tables[self.mapping.table]
        self.ctes: list[tuple[str, str]] = []
        self.last = ""
        self.columns: list[str] = []
        self.conversions: dict[str, str] = {}
        self.called: dict[str, str] = {}
        self.unlisted: dict[str, forms.Taken] = {}
        self.computed: dict[str, str] = {}

    def text(self) -> str:
        """The whole model."""
        self._delivered()
        self._joined()
        self._unpivoted()
        self._filled()
        for name, value in self.mapping.values.items():
            self._add({f"{name} (value)": self._helper(value)}, f"with_{name}")
        lines = [self._line(self.mapping.columns, None, 0)]
        for number, further in enumerate(self.mapping.further_lines, 1):
            lines.append(self._line({**self.mapping.columns, **further.columns}, further, number))
        known = delivered_columns(load_entities(), self.entity)
        names = [name for name in known if any(name in columns for columns, _, _ in lines)]
        nothing = dict.fromkeys(names, _macro("as_text", "null"))
        selects = [self._select({**nothing, **columns}, further, number) for columns, further, number in lines]
        ctes = [f"{name} as (\n\n{body}\n\n)" for name, body in self.ctes]
        return "with " + ",\n\n".join(ctes) + "\n\n" + "\n\nunion all\n\n".join(selects) + "\n"

    # --- Rows --------------------------------------------------------------------------------------------------

    def _cte(self, name: str, body: str) -> None:
        self.ctes.append((name, body))
        self.last = name

    def _add(self, columns: Mapping[str, str], name: str) -> None:
        """A CTE that adds columns to all existing ones."""
        added = [f"{expression} as {_name(column)}" for column, expression in columns.items()]
        self._cte(name, f"    select\n{_indented(['*', *added], 8)}\n    from {self.last}")

    def _delivered(self) -> None:
        used = [name for name in forms.used_columns(self.mapping) if self.mapping.is_header(name)]
        if self.table.version and self.table.version not in used:
            used.append(self.table.version)
        used += [name for name in self.table.key if name not in used]
        self.columns = used
        self._cte("delivered", self._rows_of(self.mapping.table, used))
        if self._is_by_key:
            is_newest = f"{self._newest_first(self.table, 'delivered')} = 1"
            self._add({"_is_current": f"{is_newest} and not {_macro('is_deleted', 'delivered')}"}, "versions")

    def _rows_of(self, table_name: str, columns: Iterable[str]) -> str:
        table = self.source.tables[table_name]
        selected = []
        for column in columns:
            name = _name(column)
            selected.append(f"nullif(trim({name}), '') as {name}" if table.is_text else name)
        relation = _macro("source", self.source.raw_schema, table_name)
        return f"    select\n{_indented([*selected, *META], 8)}\n    from {relation}"

    def _newest_first(self, table: TableConfig, relation: str) -> str:
        keys = ", ".join(f"{relation}.{_name(name)}" for name in table.key)
        return self._numbered(keys, table)

    def _numbered(self, keys: str, table: TableConfig) -> str:
        """The number of a row within its key, 1 for the newest; rows of replaced files come last."""
        version = f"{_macro('version_of', _name(table.version))} desc nulls last, " if table.version else ""
        return (
            f"row_number() over (partition by {keys} order by case when _batch_id in ("
            f"select batch_id from {_macro('ref', 'stg_ops__batches')} where superseded_by is not null)"
            " then 1 else 0 end, "
            f"{version}_batch_id desc, _file desc, _row_number desc)"
        )

    def _joined(self) -> None:
        for alias, join in self.mapping.join.items():
            there = self.source.tables[join.table]
            prefix = f"{alias}."
            used = [name.removeprefix(prefix) for name in forms.used_columns(self.mapping) if name.startswith(prefix)]
            version = [there.version] if there.version else []
            columns = list(dict.fromkeys([*used, *join.by.values(), *version]))
            keys = ", ".join(map(_name, join.by.values()))
            before = self.last
            self._cte(f"{alias}_versions", self._rows_of(join.table, columns))
            self._cte(
                f"{alias}_latest",
                f"    select *\n    from {alias}_versions\n    where not {_macro('is_deleted', f'{alias}_versions')}\n"
                f"    qualify {self._numbered(keys, there)} = 1",
            )
            added = [f"{alias}_latest.{_name(name)} as {_name(prefix + name)}" for name in used]
            added.append(f"{alias}_latest._row_number is not null as {_name(f'_has_{alias}')}")
            on = " and ".join(
                f"{_macro('as_text', f'{before}.{_name(here)}')} = {_macro('as_text', f'{alias}_latest.{_name(key)}')}"
                for here, key in join.by.items()
            )
            self.columns += [prefix + name for name in used] + [f"_has_{alias}"]
            self._cte(
                f"with_{alias}",
                f"    select\n{_indented([f'{before}.*', *added], 8)}\n    from {before}\n"
                f"    left join {alias}_latest on {on}",
            )

    def _unpivoted(self) -> None:
        if not (unpivot := self.mapping.unpivot):
            return
        before = self.last
        chosen = []
        for name in unpivot.columns:
            cases = " ".join(
                f"when {number} then {_name(header)}" for number, header in enumerate(unpivot.headers(name))
            )
            chosen.append(f"case numbers.number {cases} end as {self._column(name)}")
        numbers = _macro("numbers_to", str(unpivot.up_to - 1))
        self._cte(
            "side_by_side",
            f"    select\n{_indented([f'{before}.*', 'numbers.number as _part', *chosen], 8)}\n    from {before}\n"
            f"    cross join ({numbers}) as numbers",
        )
        # an order without any line keeps its row, and is rejected
        filled = " or ".join(f"{self._column(name)} is not null" for name in unpivot.columns)
        self.columns += [f"{name} (value)" for name in unpivot.columns]
        self._cte("unpivoted", f"    select *\n    from side_by_side\n    where _part = 0 or {filled}")

    def _filled(self) -> None:
        if not (fill := self.mapping.fill_forward):
            return
        above = _macro("last_filled", _name(fill.key), "_batch_id, _file", "_row_number")
        self._replace({fill.key: above}, "keyed")
        made = [one.header for one in forms.hashed_in(self.mapping) if set(one.hashed) & set(fill.columns)]
        partition = self._partition(fill.key)
        columns = [name for name in dict.fromkeys([*fill.columns, *made]) if name in self.columns]
        filled = {name: _macro("first_filled", _name(name), partition, self._order) for name in columns}
        self._replace(filled, "filled")

    def _replace(self, values: Mapping[str, str], name: str) -> None:
        """A CTE with other values in some of the columns that there are."""
        selected = [
            f"{values[column]} as {_name(column)}" if column in values else _name(column) for column in self.columns
        ]
        service = [*(["_is_current"] if self._is_by_key else []), *(["_part"] if self.mapping.unpivot else []), *META]
        self._cte(name, f"    select\n{_indented([*selected, *service], 8)}\n    from {self.last}")

    @property
    def _is_by_key(self) -> bool:
        """Whether earlier versions of an order's rows are recognised by key, not by file."""
        return bool(self.table.key) and not self.table.replaces and not self.table.replaces_files

    @property
    def _order(self) -> str:
        part = ", _part" if self.mapping.unpivot else ""
        return ("_batch_id, _file, _row_number" if self._is_by_key else "_row_number") + part

    def _partition(self, *columns: str) -> str:
        versions = ("_is_current",) if self._is_by_key else ("_batch_id", "_file")
        return ", ".join([*versions, *map(self._column, columns)])

    # --- Values ------------------------------------------------------------------------------------------------

    def _helper(self, value: Any) -> str:
        """A named value: an amount if its form makes one, else the unchanged text."""
        is_number = isinstance(
            value,
            forms.Product | forms.Sum | forms.Difference | forms.Negative | forms.Spread | forms.Total | forms.Share,
        )
        if is_number or (isinstance(value, forms.Cases | forms.FirstOf) and self._is_amount(value)):
            return self._number(value)
        return self._text(value)

    def _is_amount(self, value: Any) -> bool:
        """Whether one of the parts of a choice is an amount."""
        if isinstance(value, forms.Cases):
            return any(self._is_amount(part) for part in [*(case.value for case in value.cases), value.otherwise])
        if isinstance(value, forms.FirstOf):
            return any(self._is_amount(part) for part in value.first_of)
        if isinstance(value, forms.Taken) and value.column in self.mapping.values:
            return self._is_amount(self.mapping.values[value.column])
        return value is not None and not isinstance(
            value,
            forms.Taken | forms.Constant | forms.Joined | forms.DayOf | forms.Occurrence | forms.PartOf | forms.Hashed,
        )

    def _computed(self, value: Any, kind: str, columns: Callable[[], str]) -> str:
        """The column of a value that needs CTEs of its own, made once."""
        key = f"{kind} {value!r}"
        if key not in self.computed:
            self.computed[key] = columns()
        return self.computed[key]

    def _new(self, kind: str) -> str:
        return f"_{kind}_{sum(name.startswith(f'_{kind}_') for name in self.computed.values()) + 1}"

    def _text(self, value: Any) -> str:
        """A value as text."""
        if isinstance(value, forms.Taken):
            return self._listed(value) if value.values is not None else _macro("as_text", self._column(value.column))
        if isinstance(value, forms.Constant):
            return _literal(value.constant)
        if isinstance(value, forms.Hashed):
            return _name(value.header)
        if isinstance(value, forms.Joined):
            parts = [_macro("as_text", self._column(name)) for name in value.columns]
            return f" || {_literal(value.separator)} || ".join(parts)
        if isinstance(value, forms.DayOf):
            moment = forms.Taken(column=value.day_of, format=value.format, zone=value.zone)
            return _macro("as_text", _macro("business_date", self._moment(moment)))
        if isinstance(value, forms.FirstOf):
            return f"coalesce({', '.join(self._text(part) for part in value.first_of)})"
        if isinstance(value, forms.Cases):
            return self._cases(value, self._text)
        if isinstance(value, forms.PartOf):
            start = f"(?:^|[{value.separator}]){value.named}{value.mark}([^{value.separator}]*)"
            return f"nullif(trim({_macro('text_between', self._column(value.part_of), start)}), '')"
        if isinstance(value, forms.Occurrence):
            return _macro("as_text", self._computed(value, "text", lambda: self._occurrence(value)))
        return _macro("as_text", self._number(value))

    def _column(self, name: str) -> str:
        """A raw column, or a value that the mapping names; a database takes item and Item for one name."""
        is_named = name in self.mapping.values or (self.mapping.unpivot and name in self.mapping.unpivot.columns)
        return _name(f"{name} (value)" if is_named else name)

    def _occurrence(self, value: forms.Occurrence) -> str:
        name = self._new("occurrence")
        by = ", ".join(["_batch_id", "_file", *map(self._column, value.occurrence)])
        self._add({name: f"row_number() over (partition by {by} order by {self._order})"}, name.lstrip("_"))
        return name

    def _listed(self, value: forms.Taken) -> str:
        """A text replaced by a list; a text that is not listed rejects the row, unless there is `otherwise`."""
        assert value.values is not None
        key = _lower(_macro("as_text", self._column(value.column)))
        cases = " ".join(
            f"when {_literal(found.lower())} then {_literal(meant)}" for found, meant in value.values.items()
        )
        if value.otherwise is None:
            self.unlisted[value.column] = value
        rest = "" if value.otherwise is None else f" else {_literal(value.otherwise)}"
        return f"case {key} {cases}{rest} end"

    def _cases(self, value: forms.Cases, written: Callable[[Any], str]) -> str:
        # what needs CTEs of its own comes before the conditions that are written into this one
        values = [written(case.value) for case in value.cases]
        rest = f" else {written(value.otherwise)}" if value.otherwise is not None else ""
        conditions = [self._condition(case.when) for case in value.cases]
        cases = " ".join(f"when {when} then {then}" for when, then in zip(conditions, values, strict=True))
        return f"case {cases}{rest} end"

    def _number(self, value: Any, kind: str = NUMBER_TYPE) -> str:
        """A value as an amount or a quantity."""
        if isinstance(value, forms.Taken) and value.values is None:
            return self._number_column(value.column, kind)
        if isinstance(value, forms.Constant):
            return f"cast({_literal(value.constant)} as {kind})"
        if isinstance(value, forms.FirstOf):
            return f"coalesce({', '.join(self._number(part, kind) for part in value.first_of)})"
        if isinstance(value, forms.Cases):
            return self._cases(value, lambda part: self._number(part, kind))
        if isinstance(value, forms.Product):
            return self._product(value)
        if isinstance(value, forms.Sum):
            return self._sum(value)
        if isinstance(value, forms.Difference):
            first, *others = (self._number(part) for part in value.difference)
            return _macro("money", " - ".join([first, *(f"coalesce({other}, 0)" for other in others)]))
        if isinstance(value, forms.Negative):
            amount = self._number(value.negative)
            return f"case when {self._condition(value.when)} then -abs({amount}) else abs({amount}) end"
        if isinstance(value, forms.Spread):
            return self._computed(value, "number", lambda: self._spread(value))
        if isinstance(value, forms.Total):
            return self._computed(value, "number", lambda: self._total(value))
        if isinstance(value, forms.Share):
            amount, part, whole = (self._number(one) for one in (value.share, value.part, value.whole))
            return _macro("share_to_the_cent", amount, part, whole)
        return f"try_cast({self._text(value)} as {kind})"

    def _number_column(self, name: str, kind: str) -> str:
        column = self._column(name)
        if name in self.mapping.values:
            value = self.mapping.values[name]
            is_text = not self._is_amount(value)
            return f"try_cast({column} as {kind})" if is_text else column
        self.conversions.setdefault(column, kind if kind == PRICE_TYPE else NUMBER_TYPE)
        return f"try_cast({column} as {kind})"

    def _product(self, value: forms.Product) -> str:
        price, quantity = self._number(value.product[0], PRICE_TYPE), self._number(value.product[1])
        amount = _macro("price_times", price, quantity)
        return amount if value.places is None else _macro("money", f"round({amount}, {value.places})")

    def _sum(self, value: forms.Sum) -> str:
        parts = [self._number(part) for part in value.sum]
        added = " + ".join(f"coalesce({part}, 0)" for part in parts)
        return f"case when coalesce({', '.join(parts)}) is not null then {_macro('money', added)} end"

    def _total(self, value: forms.Total) -> str:
        part = self._number(value.total)
        name = self._new("total")
        self._add(
            {name: _macro("money", f"sum({part}) over (partition by {self._partition(value.over)})")}, name.lstrip("_")
        )
        return name

    def _spread(self, value: forms.Spread) -> str:
        """Whole cents by largest remainder: each line's floor, and a cent more for those that lost most by it."""
        amount, weight = self._number(value.spread), self._number(value.by)
        name, by = self._new("spread"), self._partition(value.over)
        first = _macro("first_filled", f"{name}_amount", by, self._order)
        largest = f"max({name}_amount) over (partition by {by})"
        step = name.lstrip("_")
        self._add({f"{name}_amount": amount, f"{name}_weight": f"abs(coalesce({weight}, 0))"}, f"{step}_weights")
        self._add(
            {
                f"{name}_whole": first if value.taken == "first" else largest,
                f"{name}_weights": f"sum({name}_weight) over (partition by {by})",
                f"{name}_place": f"row_number() over (partition by {by} order by {self._order})",
            },
            f"{step}_wholes",
        )
        parts = [f"{name}_whole", f"{name}_weight", f"{name}_weights", f"{name}_place"]
        self._add(
            {f"{name}_cents": _macro("cents_of_share", *parts), f"{name}_rest": _macro("rest_of_share", *parts)},
            f"{step}_cents",
        )
        self._add(
            {
                f"{name}_missing": f"round(abs({name}_whole) * 100) - sum({name}_cents) over (partition by {by})",
                f"{name}_rank": f"row_number() over (partition by {by} order by {name}_rest desc, {name}_place)",
            },
            f"{step}_ranks",
        )
        cents = f"{name}_cents + case when {name}_rank <= {name}_missing then 1 else 0 end"
        self._add({name: _macro("money", f"sign({name}_whole) * ({cents}) / 100.0")}, step)
        return name

    def _moment(self, value: Any) -> str:
        """A value as a UTC timestamp."""
        if isinstance(value, forms.FirstOf):
            return f"coalesce({', '.join(self._moment(part) for part in value.first_of)})"
        if isinstance(value, forms.Cases):
            return self._cases(value, self._moment)
        zone = value.zone if isinstance(value, forms.Taken) else None
        name = self._computed(value, "moment", lambda: self._written_moment(value))
        return _macro("to_utc", name, *([zone] if zone else []))

    def _written_moment(self, value: Any) -> str:
        """The text of a timestamp as a column, so that a failed conversion can be detected."""
        is_as_it_stands = isinstance(value, forms.Taken) and value.column not in self.mapping.values
        if is_as_it_stands and not value.format and self._is_text(value.column):
            self.conversions.setdefault(self._column(value.column), MOMENT_TYPE)
            return self._column(value.column)
        if isinstance(value, forms.Joined):
            day, *times = (_macro("as_text", self._column(name)) for name in value.columns)
            text, name = f"left({day}, 10) || ' ' || {_macro('clock_of', *times)}", " and ".join(value.columns)
        elif isinstance(value, forms.Taken) and value.format:
            text, name = _macro("parsed_moment", self._column(value.column), value.format), value.column
        else:
            text, name = self._text(value), value.column if is_as_it_stands else "the moment"
        column = f"_moment_{len(self.conversions) + 1}"
        self._add({column: text}, column.lstrip("_"))
        self.conversions.setdefault(column, MOMENT_TYPE)
        self.called[column] = name
        return column

    def _is_text(self, name: str) -> bool:
        """Whether a raw column is text, as all of files without types are."""
        join = self.mapping.join.get(name.partition(".")[0]) if "." in name else None
        return (self.source.tables[join.table] if join else self.table).is_text

    def _called(self, column: str) -> list[str]:
        return [self.called[column]] if column in self.called else []

    def _value(self, name: str, kind: EntityColumn, value: Any) -> str:
        """A column of the entity."""
        if kind.type == "timestamp":
            return self._moment(value)
        if kind.type == "date":
            return f"cast({self._moment(value)} as date)"
        if kind.type == "text":
            return self._text(value)
        if kind.type == "boolean":
            return f"try_cast({self._text(value)} as boolean)"
        if kind.type.startswith("decimal") and name != "rate":
            return self._number(value)
        return f"try_cast({self._text(value)} as {kind.type})"

    # --- Conditions ----------------------------------------------------------------------------------------------

    def _condition(self, condition: tuple[dict[str, forms.Test], ...]) -> str:
        alternatives = [
            " and ".join(part for name, test in one.items() for part in self._test(name, test)) for one in condition
        ]
        return alternatives[0] if len(alternatives) == 1 else f"({' or '.join(f'({one})' for one in alternatives)})"

    def _test(self, name: str, test: forms.Test) -> list[str]:
        column = self._column(name)
        lower = f"coalesce({_lower(_macro('as_text', column))}, '')"
        found = []
        if test.one_of is not None:
            found.append(f"{lower} in ({', '.join(_literal(word.lower()) for word in test.one_of)})")
        if test.not_in is not None:
            found.append(f"{lower} not in ({', '.join(_literal(word.lower()) for word in test.not_in)})")
        if test.filled is not None:
            found.append(f"{lower} {'<>' if test.filled else '='} ''")
        for sign, bound in ((">", test.above), ("<", test.below)):
            if bound is not None:
                found.append(f"coalesce({self._number_column(name, NUMBER_TYPE)} {sign} {bound!r}, false)")
        if test.contains is not None:
            parts = [f"position({_literal(word.lower())} in {lower}) > 0" for word in test.contains]
            found.append(f"({' or '.join(parts)})")
        if test.starts_with is not None:
            parts = [f"position({_literal(word.lower())} in {lower}) = 1" for word in test.starts_with]
            found.append(f"({' or '.join(parts)})")
        return found

    # --- Lines ---------------------------------------------------------------------------------------------------

    def _line(
        self, columns: Mapping[str, Any], further: forms.FurtherLine | None, number: int
    ) -> tuple[dict[str, str], forms.FurtherLine | None, int]:
        """The columns of a line in SQL; CTEs that they need are there afterwards."""
        known = delivered_columns(load_entities(), self.entity)
        values = {name: columns[name] for name in known if name in columns}
        if self.entity == "order_lines":
            values = self._with_amounts(values)
        if "order_line_id" in known and "order_line_id" not in values:
            order = values["order_id"]
            headers = tuple(forms.columns_of(order))
            nth = self._text(forms.Occurrence(occurrence=headers))
            written = {"order_line_id": f"{self._text(order)} || '-' || {nth}"}
        else:
            written = {}
        return (
            {**written, **{name: self._value(name, known[name], value) for name, value in values.items()}},
            further,
            number,
        )

    @staticmethod
    def _with_amounts(values: dict[str, Any]) -> dict[str, Any]:
        """The three amounts of a line; an amount that is not mapped is computed from the others."""
        gross: Any
        discount: Any
        net: Any
        gross, discount, net = (values.get(name) for name in forms.AMOUNTS)
        if gross is None:
            gross = forms.Sum(sum=(net, discount)) if discount is not None else net
        if net is None:
            net = forms.Difference(difference=(gross, discount)) if discount is not None else gross
        if discount is None:
            discount = forms.Constant(constant="0") if net == gross else forms.Difference(difference=(gross, net))
        else:
            discount = forms.FirstOf(first_of=(discount, forms.Constant(constant="0")))
        return {**values, "gross_amount": gross, "discount_amount": discount, "net_amount": net}

    def _reason(self, number: int) -> str:
        """Why a row is rejected: it does not belong to the entity, or a text did not convert or is not in a list."""
        # what a row is not is about its own line: a gift card may be refunded with goods
        own = self.mapping.filter if not number else ()
        filters = [f"when {self._condition(one.when)} then {_literal(one.reason)}" for one in own]
        filters += [
            f"when not {_name(f'_has_{alias}')} then "
            + _literal(f"no row of {join.table} has its {' and '.join(join.by)}")
            for alias, join in self.mapping.join.items()
            if not join.optional
        ]
        parts = [f"case {' '.join(filters)} end"] if filters else []
        if self.conversions:
            parts.append(
                _macro(
                    "conversion_reason", [[name, kind, *self._called(name)] for name, kind in self.conversions.items()]
                )
            )
        for column, value in self.unlisted.items():
            assert value.values is not None
            name = self._column(column)
            listed = ", ".join(_literal(word.lower()) for word in value.values)
            reason = _macro("unlisted_rejection", column, name)
            parts.append(f"case when {_lower(_macro('as_text', name))} not in ({listed}) then {reason} end")
        if len(parts) < 2:
            return parts[0] if parts else _macro("as_text", "null")
        return f"coalesce({', '.join(parts)})"

    def _select(self, columns: Mapping[str, str], further: forms.FurtherLine | None, number: int) -> str:
        selected = [f"{expression} as {_name(name)}" for name, expression in columns.items()]
        version = _name(self.table.version) if self.table.version else None
        if version:
            selected.append(f"{_macro('version_of', version)} as _version")
        selected.append(f"{self._reason(number)} as _reject_reason")
        if has_further_lines(self.mapping):
            own = "_part" if self.mapping.unpivot else "0"
            selected.append(f"{own if not number else f'{FURTHER * number} + {own}'} as _part")
        where = [self._condition(further.when)] if further else []
        if self.source.tables[self.mapping.table].entity != self.entity:
            key = load_entities()[self.entity].key
            where += [f"{columns[name]} is not null" for name in key if name in columns]
        clause = f"\nwhere {' and '.join(where)}" if where else ""
        return f"select\n{_indented([*selected, *META])}\nfrom {self.last}{clause}"


def _lower(text: str) -> str:
    return f"lower({text})"
