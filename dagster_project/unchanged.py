"""Whether a run would find nothing new, because everything that decides figures is as it was for the live publication.

Figures depend on the delivered files, the messages sent, the product's code, the installed packages, and the company's
folder and settings. The as-of date comes from the data, so the clock has no influence. Nothing here opens the warehouse
or reads the input, so a morning without new data costs a second. Only a run can read a shop's database, so a company
with one is always run.
"""

import hashlib
import json
import sys
import time
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path

from serving.publication.state import Publication, changed_files, file_marks, live_publication
from warehouse.errors import UserError
from warehouse.files import hash_files, read_note, write_atomically
from warehouse.ingest.landing import SETTLED_AFTER_NS, input_folder
from warehouse.ingest.sources import SourceConfig, load_sources_config
from warehouse.lock import was_killed
from warehouse.register import Register
from warehouse.settings import PROJECT_ROOT, Settings

CODE = ("dagster_project", "dbt", "ml", "serving", "templates", "warehouse", "whatif")
COMPANY = ("sources", "staging", "marts", "seeds", "templates", "report")
# Settings that decide when and where a run takes place, and nothing about its figures.
BESIDE_FIGURES = {"home", "lock_wait_seconds", "schedule", "automation", "limits", "dagster", "spark"}


def unchanged_since(settings: Settings) -> Publication | None:
    """The live publication, where a run would publish the same figures again; None where it might not."""
    record = read_note(_record_path(settings))
    if not record or not settings.warehouse_path.exists() or was_killed(settings):
        return None
    live = live_publication(settings)
    if live is None or live.publication_id != record.get("publication_id"):
        return None
    if record.get("input_state") != input_state(settings):
        return None
    # what was written to since is published anew, as `loyalty status` says
    return None if changed_since(settings, live) else live


def changed_since(settings: Settings, live: Publication) -> list[Path]:
    """Files of the live publication that are not as they were published; it reads only those whose mark differs."""
    record = read_note(_record_path(settings))
    marks = record.get("file_marks") if record.get("publication_id") == live.publication_id else None
    return changed_files(settings.published_dir, live, is_live=True, marks=marks)


def nothing_new(settings: Settings, publication: Publication) -> str:
    """The message about a run that is not needed."""
    when = f"{publication.published_at:%Y-%m-%d %H:%M} UTC"
    return (
        f"{settings.company}: nothing is new since publication {publication.publication_id} of {when}: the same input,"
        f" code and settings. `{settings.command} run --force` builds it again."
    )


def record_inputs(settings: Settings, publication: Publication, state: str | None) -> None:
    """Keep the `input_state` of `publication`, taken before its run read anything."""
    if state is None:
        forget_inputs(settings)
    else:
        marks = file_marks(settings.published_dir, publication)
        record = {"publication_id": publication.publication_id, "input_state": state, "file_marks": marks}
        write_atomically(_record_path(settings), json.dumps(record))


def forget_inputs(settings: Settings) -> None:
    """Make the next run take place, because the warehouse has changed since the live publication."""
    _record_path(settings).unlink(missing_ok=True)


def input_state(settings: Settings) -> str | None:
    """A hash of everything that decides figures now; None if only a run can find out.

    That is the case for a company with a database, for files so young that they may change within the same tick of
    their clock, and for sources that a run would refuse.
    """
    try:
        sources = load_sources_config(settings)
        if any(source.database for source in sources.values()):
            return None
        files = [(str(file), *_size_and_time(file)) for source in sources.values() for file in _files(source, settings)]
    except (UserError, OSError):
        return None
    if any(changed > time.time_ns() - SETTLED_AFTER_NS for _, _, changed in files):
        return None
    values = settings.model_dump(mode="json", exclude=BESIDE_FIGURES)
    about = [files, Register(settings).extent(), values, _installed()]
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for path in _code(settings, sources.values()):
        hash_files(digest, path)
    return digest.hexdigest()[:24]


def _record_path(settings: Settings) -> Path:
    return settings.home / "published_inputs.json"


def _files(source: SourceConfig, settings: Settings) -> list[Path]:
    return sorted(file for file in input_folder(source, settings).rglob("*") if file.is_file())


def _size_and_time(file: Path) -> tuple[int, int]:
    state = file.stat()
    return state.st_size, state.st_mtime_ns


def _installed() -> list[str]:
    """Python and every installed package, by version."""
    return [sys.version, *sorted(f"{one.name} {one.version}" for one in distributions())]


def _code(settings: Settings, sources: Iterable[SourceConfig]) -> list[Path]:
    folders = sorted({settings.folder, *(source.path.parent.parent for source in sources)})
    parts = [PROJECT_ROOT / name for name in CODE] + [folder / name for folder in folders for name in COMPANY]
    return [path for path in parts if path.exists()]
