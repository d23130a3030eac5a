"""How long results and models are kept: the last days in full, and of each month before them the last day.

What explains a result, a row or more for each customer, is kept for the latest day alone.
"""

from collections.abc import Collection
from datetime import date, timedelta
from pathlib import Path

import duckdb

from warehouse.model_store.artifacts import expire_choices
from warehouse.model_store.results import SCORE_TABLES, TABLES_OF_TODAY
from warehouse.sql import quote_identifier, transaction

# A run stays when a kept result names it, or when it was compared on the day of such a run or of a kept result.
DELETE_RUNS = """
delete from ml.model_runs where as_of_date not in (
    select as_of_date from ml.result_versions
    union all
    select as_of_date from ml.model_runs where model_run_id in (select model_run_id from ml.result_versions)
)
"""
DELETE_METRICS = "delete from ml.model_metrics where model_run_id not in (select model_run_id from ml.model_runs)"


def recent_days(days: Collection[date], latest: date, score_days: int) -> set[date]:
    """The days in `days` that are among the last `score_days` days up to `latest`."""
    return {day for day in days if day > latest - timedelta(days=score_days)}


def month_ends(days: Collection[date]) -> set[date]:
    """The last of `days` in each month, which is the month's last day where every day has results."""
    return set({(day.year, day.month): day for day in sorted(days)}.values())


def expire_results(connection: duckdb.DuckDBPyConnection, as_of_date: date, score_days: int) -> int:
    """Delete old result versions with their scores, and the model runs and metrics behind them. Returns how many.

    Every version of the last `score_days` days is kept, counted from the latest day with results, so that a run as of
    an earlier day deletes nothing that the next run needs. Of the last day of each month before them, the latest
    version is kept. The results of `as_of_date` stay for the run that works as of it. TABLES_OF_TODAY keep the latest
    day and `as_of_date` only.
    """
    for table in TABLES_OF_TODAY:
        name = quote_identifier(table)
        connection.execute(
            f"delete from ml.{name} where as_of_date <> $day and as_of_date < (select max(as_of_date) from ml.{name})",
            {"day": as_of_date},
        )
    expired = _expired_versions(connection, as_of_date, score_days)
    if not expired:
        return 0
    with transaction(connection):
        connection.execute(
            "delete from ml.result_versions where result_version_id in (select unnest($ids))", {"ids": list(expired)}
        )
        for table in SCORE_TABLES:
            connection.execute(
                f"""
                delete from ml.{quote_identifier(table)} as scores
                where as_of_date in (select unnest($days)) and not exists (
                    from ml.result_versions as versions
                    where versions.as_of_date = scores.as_of_date and versions.model_run_id = scores.model_run_id
                )
                """,
                {"days": sorted(set(expired.values()))},
            )
        connection.execute(DELETE_RUNS)
        connection.execute(DELETE_METRICS)
    return len(expired)


def expire_models(models_dir: Path, as_of_date: date, score_days: int) -> int:
    """Delete the files of models that no kept day needs. Returns how many files.

    A day needs the model that was chosen for it and the one that it started from: the choice before it. Days are kept
    as for results.
    """

    def needed(days: Collection[date]) -> set[date]:
        kept = _kept_days(days, as_of_date, max(days, default=as_of_date), score_days)
        before = {max((day for day in days if day < one), default=one) for one in kept}
        return kept | before

    folders = sorted(models_dir.iterdir()) if models_dir.is_dir() else []
    return sum(expire_choices(models_dir, folder.name, needed) for folder in folders if folder.is_dir())


def _expired_versions(connection: duckdb.DuckDBPyConnection, as_of_date: date, score_days: int) -> dict[int, date]:
    """The versions to delete, by id, and their days."""
    versions = connection.execute(
        "select result_version_id, result, as_of_date from ml.result_versions order by result_version_id"
    ).fetchall()
    latest = max((day for _, _, day in versions), default=as_of_date)
    valid = {(result, day): version for version, result, day in versions}
    expired = {}
    for result in sorted({result for _, result, _ in versions}):
        days = {day for _, name, day in versions if name == result}
        kept = _kept_days(days, as_of_date, latest, score_days)
        recent = recent_days(days, latest, score_days) | {as_of_date}
        for version, name, day in versions:
            is_superseded = valid[name, day] != version
            if name == result and (day not in kept or (is_superseded and day not in recent)):
                expired[version] = day
    return expired


def _kept_days(days: Collection[date], as_of_date: date, latest: date, score_days: int) -> set[date]:
    recent = recent_days(days, max(latest, as_of_date), score_days)
    return recent | month_ends(days) | ({as_of_date} & set(days))
