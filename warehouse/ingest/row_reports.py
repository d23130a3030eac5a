"""The outcome of delivered rows, in sentences: after a load, and after the rows of entities are checked.

A sentence shows delivered text only in its masked form (warehouse/identity/shown_text.py).
"""

import json
import re
from collections.abc import Iterable

import duckdb

from warehouse.errors import printable
from warehouse.files import read_note, write_atomically
from warehouse.ingest.batches import LoadReport
from warehouse.ingest.entities import load_entities
from warehouse.settings import Settings

REASONS_TOLD = 3
FILES_TOLD = 3
VALUE_TOLD = 80
NOT_ACCEPTED = re.compile(r"[1-9][0-9,]* (rejected|malformed)\b")
# Fewer lines than this share, with more than a year between them and the rest, look like a clock gone wrong.
STRAY_SHARE = 0.001
STRAY_LINES = 3
LINES = "intermediate.int_order_line_versions"
ORDER_DAYS = "intermediate.int_order_days"
OTHER_ROWS = "other rows"
UNEXPLAINED_AMOUNTS = "unexplained amounts"
UNEXPLAINED = "marts.rpt_unexplained_amounts_monthly"
# Under which sentences on such lines, on rows of other entities and on what lines do not explain are kept.
STRAYS = "far from the rest"
# Where more than this share of a source's orders and so many, or most of few, have sales of several days, their numbers
# come again.
REUSED = "numbers that come again"
REUSED_SHARE = 0.02
REUSED_ORDERS, FEW_REUSED = 10, 2


def tells_of_rejected(sentence: str) -> bool:
    """Whether a sentence of this module, or of the check that rows are accepted, is about rows that were not."""
    return NOT_ACCEPTED.search(sentence) is not None


def load_sentences(connection: duckdb.DuckDBPyConnection, report: LoadReport) -> list[str]:
    """The effect of one load on one raw table; no sentence if it read nothing and there is nothing to report."""
    name = f"{report.source}.{report.table}"
    told = [f"{name}: {note}" for note in report.notes]
    if report.rows_deleted:
        told.append(f"{name}: {report.rows_deleted:,} rows are gone from the database and no longer count")
    if not report.rows_read:
        empty = [*report.files_new, *report.files_changed]
        more = ", …" if len(empty) > FILES_TOLD else ""
        return [f"{name}: 0 lines read ({', '.join(empty[:FILES_TOLD])}{more})", *told] if empty else told
    counts = f"{report.rows_read:,} lines read, {report.rows_loaded:,} loaded"
    if not report.rows_malformed:
        return [f"{name}: {counts}", *told]
    rows = connection.execute(
        "select reason, count(*), arg_min(file, (batch_id, row_number)), min(row_number), arg_min(shown, (batch_id,"
        " row_number)) from ops.rejected_lines where list_contains($1, batch_id) group by reason order by 2 desc, 1",
        [list(report.batch_ids)],
    ).fetchall()
    return [f"{name}: {counts}, {report.rows_malformed:,} malformed ({_reasons(rows)})", *told]


def order_sentences(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The outcome of each source's order lines, with the reasons for rejected ones."""
    return [told for told, _ in _entity_sentences(connection, "order_lines")]


def other_sentences(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The same of every other entity of which a source's rows were rejected."""
    others = [name for name in load_entities() if name != "order_lines"]
    return [told for name in others for told, rejected in _entity_sentences(connection, name) if rejected]


def _entity_sentences(connection: duckdb.DuckDBPyConnection, entity: str) -> list[tuple[str, int]]:
    """A sentence for each source, and how many rows of it were rejected."""
    versions = f"intermediate.int_{entity.removesuffix('s')}_versions"
    counted = connection.execute(
        f"select _source, count(*), count(*) filter (row_status = 'accepted'), count(*) filter (row_status ="
        f" 'rejected'),"
        f" count(*) filter (row_status = 'superseded') from {versions} group by 1 order by 1"
    ).fetchall()
    told = []
    for source, read, accepted, rejected, superseded in counted:
        rows = connection.execute(
            f"select split_part(reject_reason, chr(9), 1), count(*), arg_min(_file, (_batch_id, _row_number)),"
            f" arg_min(_row_number, (_batch_id, _row_number)),"
            f" arg_min(nullif(split_part(reject_reason, chr(9), 2), ''), (_batch_id, _row_number)) from {versions}"
            " where _source = $1 and row_status = 'rejected' group by 1 order by 2 desc, 1",
            [source],
        ).fetchall()
        reasons = f"{':' if len(rows) > 1 else ''} {_reasons(rows)}" if rows else ""
        sentence = (
            f"{source}: {read:,} {entity.replace('_', ' ')}: {accepted:,} accepted, {superseded:,} superseded by a"
            f" later version, {rejected:,} rejected{reasons}"
        )
        told.append((sentence, rejected))
    return told


def _reasons(rows: list[tuple[str, int, str, int, str | None]]) -> str:
    """The commonest reasons, each with the first row of it: its file, its place and what may be shown of its value."""
    told = [
        f'{f"{number:,} " if len(rows) > 1 else ""}"{reason}" ({file} row {row}{f", {_short(value)}" if value else ""})'
        for reason, number, file, row, value in rows[:REASONS_TOLD]
    ]
    others = sum(number for _, number, *_ in rows[REASONS_TOLD:])
    return "; ".join([*told, *([f"{others:,} for other reasons"] if others else [])])


def _short(value: str) -> str:
    shown = " ".join(printable(value).split())
    return f'"{shown[:VALUE_TOLD]}{"…" if len(shown) > VALUE_TOLD else ""}"'


def stray_sentences(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Sentences about a few lines far before or after all others: such lines count, and set the first or last day of
    figures."""
    rows = connection.execute(
        f"""
        with days as (
            select order_date, count(*) as lines,
                arg_min(_source || ': ' || _file || ' row ' || _row_number, _row_number) as place
            from {LINES} where row_status = 'accepted' group by order_date
        ),

        gaps as (
            select *, sum(lines) over (order by order_date) as so_far, sum(lines) over () as total,
                lead(order_date) over (order by order_date) as next_date,
                lead(place) over (order by order_date) as next_place
            from days
        )

        select so_far, total, order_date, next_date, place, next_place from gaps
        where next_date - order_date > 365
            and least(so_far, total - so_far) <= greatest({STRAY_SHARE} * total, {STRAY_LINES})
            and total > 10 * least(so_far, total - so_far)
        order by order_date
        """
    ).fetchall()
    told = []
    for so_far, total, day, next_day, place, next_place in rows:
        is_before = so_far <= total - so_far
        number, at = (so_far, place) if is_before else (total - so_far, next_place)
        apart = (
            f"up to {day}, and the rest begins on {next_day}"
            if is_before
            else f"from {next_day} on, and the rest ends on {day}"
        )
        told.append(
            f"{number:,} of {total:,} accepted order lines lie {apart} ({at}). If a clock was wrong, set"
            f" earliest_date or mend"
            " the file: these lines bound what figures are told for."
        )
    return told


def reused_sentences(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """A warning for each source whose orders have sales of several days, or took the place of sales of other days: of
    numbers that begin anew, sales are lost or added to one another."""
    rows = connection.execute(
        f"""
        with orders as (
            select source, order_id, min(order_date) as first_day, max(order_date) as last_day
            from {ORDER_DAYS} where sale_lines_count > 0 group by source, order_id
        ),

        replaced as (
            select order_id, min(order_date) as first_day, max(order_date) as last_day
            from {LINES} where row_status = 'superseded' and not is_return group by order_id
        ),

        days as (
            select
                orders.source, least(orders.first_day, replaced.first_day) as first_day,
                greatest(orders.last_day, replaced.last_day) as last_day
            from orders left join replaced on orders.order_id = replaced.order_id
        )

        select
            source, count(*) filter (first_day < last_day), count(*),
            arg_min({{'first': first_day, 'last': last_day}}, last_day) filter (first_day < last_day)
        from days group by source
        having count(*) filter (first_day < last_day)
            > greatest(least(greatest({REUSED_SHARE} * count(*), {REUSED_ORDERS}), count(*) / 2), {FEW_REUSED})
        order by source
        """
    ).fetchall()
    return [
        f"{source}: {reused:,} of {orders:,} orders have sales of several days, or took the place of sales of another"
        f" day, one of them those of {days['first']} and {days['last']}. Where numbers begin anew each day or year, an"
        " order's key needs its day as well: `day_of` in docs/mapping.md; then `loyalty sources reload"
        f" {source}`"
        for source, reused, orders, days in rows
    ]


def unexplained_sentences(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """A warning for each source with months of which more than the settings' rate is not explained, with the worst; the
    totals of a month may come to 0, and then there is no rate."""
    rows = connection.execute(
        f"""
        select
            source, count(*) filter (is_above_warning_rate), count(*),
            arg_max({{'month': month, 'rate': unexplained_rate, 'amount': unexplained_absolute_amount_delivered,
            'currency': currency, 'orders': unexplained_orders_count}}, coalesce(unexplained_rate, 0))
            filter (is_above_warning_rate)
        from {UNEXPLAINED} group by source having bool_or(is_above_warning_rate) order by source
        """
    ).fetchall()
    return [
        f"{source}: in {above:,} of {months:,} months lines, shipping and tax do not explain what orders cost; at"
        f" worst {_rate(worst['rate'])}in {worst['month']:%Y-%m}, {worst['amount']:,.2f} {worst['currency']} in"
        f" {worst['orders']:,} orders."
        " A column may mean something else than assumed; `loyalty sources explain` shows it"
        for source, above, months, worst in rows
    ]


def _rate(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.1%} "


def keep_sentences(settings: Settings, about: str, sentences: Iterable[str]) -> None:
    """Keep the sentences about a load, for `loyalty status`."""
    kept = {**kept_sentences(settings), about: list(sentences)}
    write_atomically(settings.home / "rows.json", json.dumps(kept, ensure_ascii=False, indent=1), mode=0o600)


def kept_sentences(settings: Settings) -> dict[str, list[str]]:
    """The last sentences, by subject; none in a home that has loaded nothing."""
    kept = read_note(settings.home / "rows.json")
    return {about: [str(one) for one in told] for about, told in kept.items() if isinstance(told, list)}
