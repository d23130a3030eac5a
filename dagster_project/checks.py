"""The checks of a run, on a copy of the publication: an erasure publishes nothing that a run would not publish."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster_project.assets.transform import is_run_check
from dagster_project.dbt_runner.project import DbtProject
from serving.publication.state import WORK, live_publication
from warehouse.errors import UserError
from warehouse.settings import Settings
from warehouse.sql import connect


def require_sound(settings: Settings, copy: Path) -> None:
    """Raises UserError where a working copy fails a check of runs that the live one passes."""
    failed = _failed_checks(settings, copy)
    if failed:
        failed -= _failed_checks(settings, settings.published_dir / WORK)
    if failed:
        raise UserError(
            "Nothing was published, as what is left without the customer fails the checks of a run: "
            f"{', '.join(sorted(failed))}. The erasure goes on where it stopped when the command is started again."
        )


def _failed_checks(settings: Settings, copy: Path) -> set[str]:
    with _home_of(settings, copy) as scratch:
        project = DbtProject(scratch)
        names = _checks_of(project.manifest(), copy)
        return {result.name for result in project.build(names) if not result.is_good} if names else set()


def _checks_of(manifest: Mapping[str, Any], copy: Path) -> list[str]:
    """The names of those checks of runs that read only tables in the copy."""
    with connect(copy, read_only=True) as connection:
        rows = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
    held, nodes = set(rows), {**manifest["nodes"], **manifest["sources"]}
    return [
        test["name"]
        for test in manifest["nodes"].values()
        if test["resource_type"] == "test"
        and is_run_check(test)
        and all((nodes[one]["schema"], nodes[one]["name"]) in held for one in test["depends_on"]["nodes"])
    ]


@contextmanager
def _home_of(settings: Settings, copy: Path) -> Iterator[Settings]:
    """A home folder whose warehouse is the copy, for dbt, which calls a database by its file's name."""
    live = live_publication(settings)
    home = settings.home / "tmp" / "checks"
    shutil.rmtree(home, ignore_errors=True)
    scratch = settings.model_copy(update={"home": home, "as_of_date": live.as_of_date if live else None})
    manifests = settings.dbt_target_root / "manifests"
    manifests.mkdir(parents=True, exist_ok=True)
    scratch.dbt_target_root.mkdir(parents=True)
    try:
        (scratch.dbt_target_root / manifests.name).symlink_to(manifests.resolve(), target_is_directory=True)
        shutil.copyfile(copy, scratch.warehouse_path)
        yield scratch
    finally:
        shutil.rmtree(home, ignore_errors=True)
