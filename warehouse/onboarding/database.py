"""A guessed mapping of a shop's database: which tables hold order lines, orders, customers and products.

Tables are recognised by the names and types of their columns, and joins by values: a column refers to another table's
key if nearly all of its values are keys there.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.errors import UserError, first_of, nearest
from warehouse.onboarding.amounts import NUMBERS
from warehouse.onboarding.file_format import Sample
from warehouse.onboarding.guess import currency_of_lines, guess_customers
from warehouse.onboarding.guessed_columns import Guess
from warehouse.onboarding.guessed_lines import Ask, guess_lines
from warehouse.onboarding.guessed_mapping import customers_mapping, order_lines_mapping, products_mapping
from warehouse.onboarding.joined_orders import MOST_REFER, Reference, joined_to_orders, with_orders
from warehouse.onboarding.proposal import Proposal, copy_of, find_currency, find_zone
from warehouse.onboarding.readers import load_readers
from warehouse.onboarding.remote_tables import RemoteDatabase, RemoteTable, with_database
from warehouse.onboarding.vocabulary import CONTACTS, ORDERS_PREFIX, fields_of

ROLES = ("lines", "orders", "customers", "products")
DESCRIPTIONS = {
    "lines": "One row per line of an order.",
    "orders": "One row per order.",
    "customers": "One row per customer.",
    "products": "One row per product.",
}
NUMERIC = ("DECIMAL", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "UINTEGER", "UBIGINT", "DOUBLE", "FLOAT", "HUGEINT")
READ_WHOLE = (
    "Every table is read whole at each run, so that changed and deleted rows are seen; a `watermark` reads what is new"
    " alone (docs/sources.md)."
)
SHOWN = 20


@dataclass(frozen=True)
class TableReference(Reference):
    """A reference to a table of the database."""

    table: RemoteTable


def propose_database(variable: str, named: Mapping[str, str], said: Mapping[str, str], ask: Ask) -> Proposal:
    """The company of a database; `named` gives tables by role, `said` columns by field. Raises UserError."""
    return with_database(variable, lambda database: _propose(database, variable, named, said, ask))


@dataclass
class _Draft:
    """A draft of a source: the table of each role, the use of columns, and the reasons."""

    tables: dict[str, RemoteTable]
    mapping: dict[str, Any]
    told: list[str]
    guesses: list[tuple[str, str, str]]

    def add(self, role: str, reference: TableReference, guess: Guess, mapping: dict[str, Any]) -> None:
        """Add a table besides those of lines and orders."""
        self.tables[role] = reference.table
        self.mapping[role] = mapping
        self.told.append(f"{reference.table.name}: {role}; {reference.because}")
        self.guesses += [(f"{role}.{name}", header, guess.because[name]) for name, header in guess.columns.items()]


def _propose(
    database: RemoteDatabase, variable: str, named: Mapping[str, str], said: Mapping[str, str], ask: Ask
) -> Proposal:
    tables = database.tables()
    if not (named or said) and (recognised := _recognised(database, tables, variable)):
        return recognised
    chosen = {role: _named(tables, role, name) for role, name in named.items()}
    lines_table = chosen.get("lines") or _likeliest_lines(tables)
    lines = database.sample(lines_table)
    if not lines.rows:
        raise UserError(f"{lines_table.name}: the table has no rows.")
    orders = _reference(database, tables, lines, "order_id", chosen.get("orders"))
    guess = _guess(lines, lines_table, orders, said, ask)
    if status := guess.columns.get("order_status"):
        holder = orders.table if orders and status.startswith(ORDERS_PREFIX) else lines_table
        guess.texts["order_status"] = database.texts(holder, status.removeprefix(ORDERS_PREFIX))
    notes = _notes(tables, orders, guess)
    draft = _drafted(lines_table, orders, guess)
    if customers := _reference(database, tables, _only(guess, "customer_id"), "customer_id", chosen.get("customers")):
        found = guess_customers(customers.rows, guess)
        draft.add("customers", customers, found, customers_mapping(found))
    if products := _reference(database, tables, _only(guess, "product_id"), "product_id", chosen.get("products")):
        found = _guess_products(products)
        draft.add("products", products, found, products_mapping(found, "products"))
    _say_utc(draft.mapping, draft.tables)
    source = {
        "name": "shop",
        "description": f"Guessed from the {database.kind} database of {variable}.",
        "database": {"type": database.kind, "dsn_env": variable},
        "tables": {role: _table(table, role) for role, table in draft.tables.items()},
        "mapping": draft.mapping,
    }
    currency = find_currency(guess.sample, guess.columns.get("currency"), None)
    currency = currency if currency.is_known else currency_of_lines(guess, currency)
    zone = find_zone(guess.sample, guess.columns["ordered_at"], None, currency.value)
    system = f"a {database.kind} database"
    return Proposal("shop", system, source, None, currency, zone, draft.told, notes, draft.guesses)


def _guess(
    lines: Sample, table: RemoteTable, orders: TableReference | None, said: Mapping[str, str], ask: Ask
) -> Guess:
    """The columns of the lines, together with those of their orders."""
    joined = with_orders(lines, orders) if orders else lines
    for name, header in said.items():
        if header not in joined.header:
            raise UserError(f"--map {name}={header}: no such column{nearest(header, joined.header)}.")
    return guess_lines(joined, said, ask, _known_of(table, orders))


def _drafted(lines: RemoteTable, orders: TableReference | None, guess: Guess) -> _Draft:
    """The source of lines and their orders; addresses are no ids, and a database has no ids made of them."""
    for name in (*CONTACTS, "email_consent"):
        guess.columns.pop(name, None)
    mapping = {"order_lines": order_lines_mapping(guess, {})}
    guesses = [(name, header, guess.because[name]) for name, header in guess.columns.items()]
    draft = _Draft({"lines": lines}, mapping, [f"{lines.name}: order lines"], guesses)
    if orders:
        draft.tables["orders"] = orders.table
        mapping["order_lines"] = joined_to_orders(mapping["order_lines"], orders)
        draft.told.append(f"{orders.table.name}: orders, joined by {orders.column} = {orders.key}")
    return draft


def _say_utc(mapping: Mapping[str, Any], tables: Mapping[str, RemoteTable]) -> None:
    """Write the zone beside moments that are in UTC without an offset."""
    for entity, role, column in (("order_lines", "lines", "ordered_at"), ("customers", "customers", "joined_at")):
        columns = mapping.get(entity, {}).get("columns", {})
        said = columns.get(column)
        name = said["column"] if isinstance(said, dict) and "column" in said else said
        if isinstance(name, str):
            table = tables["orders" if name.startswith(ORDERS_PREFIX) else role]
            if name.removeprefix(ORDERS_PREFIX) in table.in_utc:
                columns[column] = {"column": name, "zone": "UTC"}


def _recognised(database: RemoteDatabase, tables: Sequence[RemoteTable], variable: str) -> Proposal | None:
    """The company of a system whose tables are known; None if the database belongs to no such system."""
    for name, reader in load_readers().items():
        found = {role: _table_of(tables, role, kind.headers) for role, kind in reader.tables.items()}
        if reader.database != database.kind or any(
            table is None and not reader.source["tables"][role].get("optional") for role, table in found.items()
        ):
            continue
        there = {role: table for role, table in found.items() if table}
        connection = {"type": database.kind, "dsn_env": variable}
        source = {"name": name, "database": connection, **copy_of(reader.source)}
        _leave_out(source, found.keys() - there.keys())
        for role, table in there.items():
            source["tables"][role]["table"] = table.name
        role, column = next((role, kind.currency) for role, kind in reader.tables.items() if kind.currency)
        currency = find_currency(database.sample(there[role]), column, None)
        zone = find_zone(Sample(Path(name), (), (), {}), None, None, currency.value)
        told = [f"{table.name}: {reader.system}, {role}" for role, table in there.items()]
        return Proposal(name, reader.system, source, None, currency, zone, told, [*reader.notes, READ_WHOLE])
    return None


def _leave_out(source: dict[str, Any], roles: AbstractSet[str]) -> None:
    """Take tables that a database does not show out of a source, and the entities that are mapped from them."""
    for role in roles:
        del source["tables"][role]
    source["mapping"] = {
        entity: mapping
        for entity, mapping in source["mapping"].items()
        if not roles & {mapping["from"], *(join["table"] for join in mapping.get("join", {}).values())}
    }


def _table_of(tables: Sequence[RemoteTable], role: str, headers: Sequence[str]) -> RemoteTable | None:
    fitting = (table for table in tables if table.table.lower().endswith(role) and set(headers) <= set(table.columns))
    return next(fitting, None)


def _named(tables: Sequence[RemoteTable], role: str, name: str) -> RemoteTable:
    found = [table for table in tables if name.lower() in (table.name.lower(), table.table.lower())]
    if len(found) != 1:
        names = [table.name for table in found or tables]
        many = "more than one table has that name" if found else "there is no such table"
        raise UserError(f"--table {role}={name}: {many}{nearest(name, names)}. There are {_listed(names)}.")
    return found[0]


def _listed(names: Sequence[str]) -> str:
    return first_of(names, SHOWN) or "none"


def _likeliest_lines(tables: Sequence[RemoteTable]) -> RemoteTable:
    """The table with the most columns whose names and types fit order lines."""

    def likeness(table: RemoteTable) -> int:
        fields = {name for column in table.columns for name in fields_of(column)}
        numeric = [column for column, kind in table.columns.items() if kind.startswith(NUMERIC)]
        numbers = {name for column in numeric for name in fields_of(column)}
        if "order_id" not in fields or not numbers & {"quantity", "unit_price", "amount"}:
            return 0
        return 3 * len(numbers & set(NUMBERS)) + 2 * ("ordered_at" in fields) + 2 * ("product_id" in fields)

    best = max(tables, key=lambda table: (likeness(table), table.name), default=None)
    if best is None or not likeness(best):
        raise UserError(
            "No table could be told to hold order lines: one with an order's id and a quantity, a price or an amount."
            f" There are {_listed([table.name for table in tables])}. Say which, as in --table lines=shop.order_items."
        )
    return best


def _reference(
    database: RemoteDatabase, tables: Sequence[RemoteTable], of: Sample, field: str, chosen: RemoteTable | None
) -> TableReference | None:
    """The table whose key the sample's column of a field refers to.

    Where several fit, one of the same schema goes before others: a database may hold more than one shop, or an archive.
    """
    found, schema = [], str(of.path).rpartition(".")[0]
    for column in of.header:
        values = sorted(set(of.column(column)))
        if field not in fields_of(column) or not values:
            continue
        for table in [chosen] if chosen else tables:
            key = _single_key(table, column)
            if table.name == str(of.path) or key is None or not (chosen or _is_called(table, field)):
                continue
            rows = database.sample(table, key, values)
            share = len(set(rows.column(key))) / len(values)
            if rows.rows and share >= MOST_REFER:
                found.append(TableReference(column, key, share, rows, table))
    if chosen and not found:
        raise UserError(f"{chosen.name}: no column of {of.path} refers to it by its key.")

    def likeness(reference: TableReference) -> tuple[float, bool, int, str]:
        table = reference.table
        return reference.share, table.name.rpartition(".")[0] == schema, -len(table.table), table.name

    return max(found, key=likeness, default=None)


def _is_called(table: RemoteTable, field: str) -> bool:
    """Whether a table's name fits the field's id. Values alone do not suffice, because small numbers are keys of many
    tables."""
    words = {"order_id": ("order", "sale", "receipt", "invoice", "transaction"), "product_id": ("product", "item",
             "article", "sku"), "customer_id": ("customer", "client", "user", "member", "account")}  # fmt: skip
    return any(word in table.table.lower() for word in words[field])


def _single_key(table: RemoteTable, column: str) -> str | None:
    """The column that tells a table's rows apart, if it is one: its primary key, else one called like the reference."""
    if len(table.key) == 1:
        return table.key[0]
    bare = column.removeprefix(ORDERS_PREFIX)
    return next((name for name in (bare, "id") if name in table.columns), None) if not table.key else None


def _known_of(lines: RemoteTable, orders: TableReference | None) -> dict[str, tuple[str, str]]:
    """Columns that keys tell: the line's and the order's."""
    known = {}
    if orders:
        known["order_id"] = (orders.column, orders.because)
    own = [column for column in lines.key if not orders or column != orders.column]
    if len(own) == 1:
        known["order_line_id"] = (own[0], "its primary key")
    return known


def _guess_products(products: TableReference) -> Guess:
    guess = Guess(products.rows)
    guess.take("product_id", products.key, products.because)
    for header in products.table.columns:
        for name in ("product_name", "category", "brand", "unit_cost"):
            if name in fields_of(header) and name not in guess.columns and header not in guess.columns.values():
                guess.take(name, header, "its name")
    return guess


def _only(lines: Guess, field: str) -> Sample:
    """The lines' column of a field alone, so that no other column is taken for a reference."""
    header = lines.columns.get(field)
    if header is None:
        return Sample(lines.sample.path, (), (), {})
    rows = tuple((value,) for value in lines.values(field))
    return Sample(lines.sample.path, (header,), rows, {})


def _table(table: RemoteTable, role: str) -> dict[str, Any]:
    key = list(table.key) or [column for column in ("id",) if column in table.columns]
    if not key:
        raise UserError(
            f"{table.name}: it has no primary key, by which rows are recognised when they come again. Leave it out, or"
            " write the source by hand (docs/sources.md)."
        )
    return {"description": DESCRIPTIONS[role], "table": table.name, "key": key}


def _notes(tables: Sequence[RemoteTable], orders: TableReference | None, guess: Guess) -> list[str]:
    notes = [READ_WHOLE]
    if "customer_id" not in guess.columns and {"email", "phone"} & set(guess.columns):
        notes.append("Orders name their customers by addresses alone, which are no ids. They count in revenue alone.")
    if orders and any("discount" in fields_of(column) for column in orders.table.columns):
        notes.append(
            f"{orders.table.name} has discounts of whole orders, which are not in the lines' amounts: `spread` in"
            " docs/mapping.md shares them among lines."
        )
    refunds = [table.name for table in tables if any(word in table.table.lower() for word in ("refund", "return"))]
    if refunds:
        notes.append(f"Returns in {', '.join(refunds)} are not counted: a staging model adds them (docs/companies.md).")
    return notes
