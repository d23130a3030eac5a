"""Dagster's runs, events and schedules in PostgreSQL, where the settings name a database, in place of SQLite's files.

dagster.yaml names an environment variable, and never holds the connection itself. The variable is made from the one
that the settings name: without the driver's name SQLAlchemy takes another one than Dagster is written for, with which
the connections of its web server are closed as soon as they are made.
"""

import os
from pathlib import Path
from secrets import token_hex
from typing import Any

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from warehouse.errors import UserError
from warehouse.files import write_private
from warehouse.secrets import hide_connection, read_secret
from warehouse.settings import Settings

SCHEME, DRIVER = "postgresql://", "postgresql+psycopg2://"
URL_VARIABLE = "DAGSTER_POSTGRES_URL"
# Whose runs a database keeps, among Dagster's own marks.
HOME_KEY, HOME_FILE = "loyalty_warehouse_home", "home.id"
# Connections stay open for the length of a run: Dagster would make one for each of its several hundred events.
KEPT_CONNECTIONS: dict[str, int] = {"statement_timeout": 0, "pool_recycle": 3600, "max_overflow": 20}


def storage_section(settings: Settings) -> dict[str, Any]:
    """The part of dagster.yaml that says where everything is stored; none where that is the home folder."""
    return {"storage": {"postgres": {"postgres_url": {"env": URL_VARIABLE}}}} if settings.dagster.dsn_env else {}


def hand_over_connection(variable: str) -> str:
    """Give this process, and what it starts, the connection as Dagster reads it. Returns it as it was given.

    Raises UserError, without the value, for one that is missing or of another kind.
    """
    dsn = read_secret("dagster.dsn_env", variable)
    if not dsn.startswith(SCHEME):
        raise UserError(
            f"dagster.dsn_env: the connection in {variable} has to be written as"
            f" {SCHEME}user:password@host:5432/database."
        )
    os.environ[URL_VARIABLE] = DRIVER + dsn.removeprefix(SCHEME)
    return dsn


def open_postgres_instance(settings: Settings, variable: str) -> dg.DagsterInstance:
    """The instance of this process's DAGSTER_HOME, whose storage is the database that `variable` names.

    Raises UserError, without secrets, where the database cannot be used, or keeps the runs of another home folder.
    """
    from dagster_postgres.utils import DagsterPostgresException

    dsn = hand_over_connection(variable)
    try:
        instance = dg.DagsterInstance.get()
        instance.optimize_for_webserver(**KEPT_CONNECTIONS)
        _require_own(instance, settings, variable)
    except (SQLAlchemyError, DagsterPostgresException, ValueError) as error:
        raise UserError(
            f"Dagster's store in PostgreSQL ({variable}): {hide_connection(_said(error), dsn)}. No number"
            " depends on it; see dagster.dsn_env in the settings."
        ) from None
    return instance


def _said(error: BaseException) -> str:
    cause = error.__cause__ or error
    return " ".join(str(getattr(cause, "orig", None) or cause).split())


def _require_own(instance: dg.DagsterInstance, settings: Settings, variable: str) -> None:
    """Two homes with one database would take each other's runs for killed ones."""
    marks = instance.daemon_cursor_storage
    own, found = _home_id(settings.dagster_home / HOME_FILE), marks.get_cursor_values({HOME_KEY})
    if found.get(HOME_KEY, own) != own:
        raise UserError(
            f"dagster.dsn_env: the database in {variable} keeps Dagster's runs of another home folder than"
            f" {settings.home}. Each company needs one of its own; empty this one if that folder is gone."
        )
    if not found:
        marks.set_cursor_values({HOME_KEY: own})


def _home_id(file: Path) -> str:
    if not file.exists():
        write_private(file, token_hex(16))
    return file.read_text(encoding="utf-8")
