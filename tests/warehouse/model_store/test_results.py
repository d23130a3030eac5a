"""Tables of results in a home that is older than the code."""

from datetime import date

import duckdb
import pandas as pd

from warehouse.model_store.results import create_tables, post


def test_a_home_older_than_a_column_gets_it_and_keeps_its_rows() -> None:
    with duckdb.connect() as connection:
        create_tables(connection)
        for table, column in (("lifetime_values", "overdue_date"), ("model_runs", "detail")):
            connection.execute(f"alter table ml.{table} drop column {column}")
        connection.execute("insert into ml.lifetime_values (as_of_date, customer_id) values (date '2024-01-01', 'a')")
        for _ in range(2):
            create_tables(connection)
        run = {"model_run_id": "r", "model": "m", "version": "2", "rows": 1, "is_champion": True, "status": "ok"}
        scores = pd.DataFrame({"customer_id": ["a"], "overdue_date": [pd.Timestamp("2024-02-03")]})
        metrics = pd.DataFrame(columns=["model", "metric", "slice", "value", "baseline"])
        post(connection, "lifetime_values", date(2024, 1, 2), [run], {"lifetime_values": scores}, metrics, "key")
        rows = connection.execute("select as_of_date, overdue_date from ml.lifetime_values order by as_of_date")
        assert rows.fetchall() == [(date(2024, 1, 1), None), (date(2024, 1, 2), date(2024, 2, 3))]
