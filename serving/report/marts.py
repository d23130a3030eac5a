"""Reading marts for the report: which marts exist, and small frames for charts."""

from datetime import date
from typing import Any

import pandas as pd
from duckdb import DuckDBPyConnection

# Who still comes and who has stayed away, of activity_status; the bands of churn_band in which a customer may leave.
# Each also reads as a list of SQL.
COMING, GONE = ("active", "reactivated"), ("at_risk", "lapsed")
AT_RISK = ("high", "critical")


class Marts:
    """Schema marts of one connection. A query that is asked twice is read once."""

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self.connection = connection
        self.columns: dict[str, set[str]] = {}
        self._frames: dict[str, pd.DataFrame] = {}
        self._rows: dict[str, list[dict[str, Any]]] = {}
        rows = connection.execute(
            """
            select table_name, column_name from duckdb_columns()
            where database_name = current_database() and schema_name = 'marts'
            """
        ).fetchall()
        for table, column in rows:
            self.columns.setdefault(table, set()).add(column)

    def has(self, table: str, *columns: str) -> bool:
        """Whether the mart is there, with these columns and at least one row."""
        if table not in self.columns or not self.columns[table].issuperset(columns):
            return False
        return self.one(f"select exists (select 1 from marts.{table})") is True

    def frame(self, query: str, **values: Any) -> pd.DataFrame:
        """The rows of `query`, decimals as floats: for showing, not for summing."""
        key = repr((query, values))
        if key not in self._frames:
            self._frames[key] = self.connection.execute(query, values or None).df()
        return self._frames[key].copy()

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """The rows of `query` by column name, with exact decimals."""
        key = repr((query, values))
        if key not in self._rows:
            answer = self.connection.execute(query, values or None)
            names = [column[0] for column in answer.description or []]
            self._rows[key] = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
        return [dict(row) for row in self._rows[key]]

    def one(self, query: str, **values: Any) -> Any:
        """The first column of the first row, or None."""
        rows = self.rows(query, **values)
        return next(iter(rows[0].values())) if rows else None

    def last_day(self, table: str) -> date | None:
        """The latest as_of_date of a mart that is posted again and again."""
        return self.one(f"select max(as_of_date) from marts.{table}")
