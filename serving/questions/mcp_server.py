"""`loyalty mcp`: the live publication for assistants, by the Model Context Protocol. It reads, and nothing else."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from typing import Any

from duckdb import DuckDBPyConnection
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from serving.explain.explaining import explain as explained
from serving.publication.declared_marts import TODAY
from serving.publication.reader import opened_publication
from serving.questions.metric import metric_query, parse_condition
from serving.questions.published import MOST_ROWS, MOST_SECONDS, select
from warehouse.errors import UserError
from warehouse.settings import Settings

INSTRUCTIONS = f"""Figures of one shop's loyalty warehouse: customers, segments, tiers, points, retention, churn,
lifetime value, campaigns and their return. Look a metric up with list_metrics and ask for it with metric: it is defined
once, so prefer it to SQL of your own. Ask explain why one customer has a figure. Every figure is as of the day that
about tells. In schema {TODAY}, marts that keep their history have the rows of that day alone; sums over schema marts
would count customers once a day. A NULL beside a status means that the data does not support the figure: say so, and do
not estimate it. Money is text with every digit, in the base currency. At most {MOST_ROWS:,} rows and
{MOST_SECONDS:.0f} seconds a question."""


def build_server(settings: Settings) -> MCPServer[Any]:
    """The server of one company, which `run()` serves on standard input and output."""
    server: MCPServer[Any] = MCPServer("loyalty-warehouse", instructions=INSTRUCTIONS, log_level="ERROR")

    @server.tool()
    def about() -> dict[str, Any]:
        """Which company and publication answers, as of which day, and through which day the data goes."""
        told = _told(settings, "select * from publication")
        return dict(zip(told["columns"], told["rows"][0], strict=True))

    @server.tool()
    def list_metrics(contains: str = "") -> dict[str, Any]:
        """Names, definitions and marts of the metrics whose name or definition contains a text; all of them without."""
        query = "select name, definition, model as mart, grain from fct_metric_definitions where "
        return _told(settings, query + "contains(lower(name || ' ' || definition), lower(?)) order by name", [contains])

    @server.tool()
    def metric(name: str, by: list[str] | None = None, where: list[str] | None = None) -> dict[str, Any]:
        """A metric, or any column as mart.column, for each row of its mart; of today, where the mart keeps its history.

        by: the columns to show it by, such as ["rfm_segment"]. where: conditions such as ["month>=2024-01-01",
        "channel=web"]. Nothing is summed.
        """
        with _answering(settings) as connection:
            asked = metric_query(settings, connection, name, by or (), [parse_condition(text) for text in where or ()])
            told = asdict(select(connection, asked.query, asked.values))
        return {"metric": name, "definition": asked.definition, "of": str(asked.source), **told}

    @server.tool()
    def explain(customer_id: str, metric: str = "", as_of: str = "") -> dict[str, Any]:
        """Why a customer has a figure: the rule, the rows and the arithmetic behind it. metric: one figure, such as
        tier or points; all without. as_of: a day, such as 2024-01-31; today without.

        `differences` are errors of the warehouse: say so, and trust neither number.
        """
        try:
            told = explained(settings, customer_id, metric or None, date.fromisoformat(as_of) if as_of else None)
        except ValueError:
            raise ToolError(f'"{as_of}" is no day; write it as 2024-01-31.') from None
        except UserError as error:
            raise ToolError(str(error)) from None
        return {**asdict(told), "as_of_date": told.as_of_date.isoformat()}

    @server.tool()
    def list_tables() -> dict[str, Any]:
        """The published tables with their descriptions, and whether schema today has their rows of today."""
        return _told(
            settings,
            "select table_name as mart, comment as description, table_name in (select view_name from duckdb_views()"
            f" where schema_name = '{TODAY}') as is_in_today"
            " from duckdb_tables() where schema_name = 'marts' order by mart",
        )

    @server.tool()
    def describe_table(table: str) -> dict[str, Any]:
        """The columns of a published table with types and descriptions."""
        told = _told(
            settings,
            "select column_name, data_type, comment as description from duckdb_columns() where schema_name = 'marts'"
            " and table_name = ? order by column_index",
            [table],
        )
        if not told["rows"]:
            raise ToolError(f'There is no table "{table}"; list_tables tells which there are.')
        return told

    @server.tool()
    def query(sql: str) -> dict[str, Any]:
        """One select of DuckDB's SQL on schemas marts and today, for what no metric answers."""
        return _told(settings, sql)

    return server


@contextmanager
def _answering(settings: Settings) -> Iterator[DuckDBPyConnection]:
    """The live publication; what cannot be answered is told to the assistant."""
    try:
        with opened_publication(settings) as connection:
            yield connection
    except UserError as error:
        raise ToolError(str(error)) from None


def _told(settings: Settings, query: str, values: Sequence[object] = ()) -> dict[str, Any]:
    with _answering(settings) as connection:
        return asdict(select(connection, query, values))
