"""The warehouse as commands open it that look at it or note something in it, between runs."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from duckdb import DuckDBPyConnection

from dagster_project.cli.console import Console
from warehouse.errors import UserError
from warehouse.lock import hold_warehouse
from warehouse.settings import Settings
from warehouse.sql import connect


@contextmanager
def opened_warehouse(settings: Settings, holder: str, console: Console) -> Iterator[DuckDBPyConnection]:
    """The warehouse, held by `holder` for the length of the block; the console says who is waited for.

    Raises UserError before the first run, and WarehouseBusyError where a run holds it for too long.
    """
    if not settings.warehouse_path.exists():
        raise UserError(f"{settings.warehouse_path}: nothing is built yet; start `{settings.command} run`.")
    held = hold_warehouse(settings, holder, on_wait=lambda told: console.print(told, style="yellow"))
    with held, closing(connect(settings.warehouse_path)) as connection:
        yield connection
