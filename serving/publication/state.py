"""Which publications are kept and which one is live: published/publications.json and the files it speaks of."""

import hashlib
import json
import stat
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from serving.publication.database_file import Base
from warehouse.builds import require_passed
from warehouse.errors import UserError
from warehouse.files import write_atomically
from warehouse.settings import Settings
from warehouse.sql import STORAGE_VERSION, wal_of

DATABASE = "loyalty.duckdb"
WORK = "work.duckdb"
# What BI tools read is stored as every DuckDB since 0.10 opens it. The newer format of the working
# copy, which only the project's own DuckDB opens, takes a third less time to write.
STORAGE_VERSIONS = {DATABASE: "v1.0.0", WORK: STORAGE_VERSION}


@dataclass(frozen=True)
class Publication:
    """One published state. `digests` are of its files, `seconds` (stage -> duration) of its making."""

    publication_id: str
    run_id: str
    build_id: int
    as_of_date: date | None
    data_through: date | None
    company: str
    published_at: datetime
    row_counts: dict[str, int] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict, compare=False)
    live_since: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class State:
    """The content of publications.json: the live publication, since when it is live, and the kept ones, oldest
    first."""

    live: str | None = None
    since: datetime | None = None
    kept: tuple[Publication, ...] = ()

    @property
    def live_publication(self) -> Publication | None:
        """The publication whose name is `live`."""
        return next((one for one in self.kept if one.publication_id == self.live), None)


def live_publication(settings: Settings) -> Publication | None:
    """The publication that is live, with `live_since`; None before the first. Opens no database."""
    published = settings.published_dir
    state = read_state(published)
    shown = next((one for one in state.kept if _shows(published, one)), None)
    live = shown or (state.live_publication if settings.published_path.exists() else None)
    if live is None:
        return None
    # They differ where a crash came between the decision and the replacement.
    return replace(live, live_since=state.since if live.publication_id == state.live else live.published_at)


def require_live(settings: Settings, connection: DuckDBPyConnection) -> Publication:
    """The live publication, which has to be the warehouse's last build before anything of it goes out to people.

    Raises UserError where it is not.
    """
    passed, live = require_passed(connection), live_publication(settings)
    if live is None or live.build_id != passed.build_id:
        shown = f"build {live.build_id}" if live else "nothing"
        raise UserError(
            f"Messages and audiences go out once their build is published: build {passed.build_id} was built, and"
            f" {shown} is live. Start `loyalty run`."
        )
    return live


def publications(settings: Settings) -> list[Publication]:
    """The kept publications, oldest first."""
    return list(read_state(settings.published_dir).kept)


def live_base(published: Path, state: State, file: str) -> Base | None:
    """The live publication's copy of `file`, if it has not changed since it was published."""
    live = state.live_publication
    path = published / "history" / live.publication_id / file if live else None
    if live and path and path.exists() and digest(path) == live.digests[file]:
        return Base(path, live.checksums)
    return None


def read_state(published: Path) -> State:
    """The state in the folder of published files; an empty state if nothing is published yet."""
    file = published / "publications.json"
    if not file.exists():
        return State()
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        kept = tuple(_from_json(entry) for entry in values["publications"])
        return State(values["live"], _moment(values["since"]), kept)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{file}: damaged, so that nobody can tell which publications are kept. Restore it from a backup, or remove"
            " it: the next run publishes anew."
        ) from error


def write_state(published: Path, state: State) -> None:
    """Replace the state in the folder, in one step and flushed to disk."""
    entries = [asdict(publication) for publication in state.kept]
    for entry in entries:
        del entry["seconds"], entry["live_since"]
    values = {"live": state.live, "since": state.since, "publications": entries}
    mode = stat.S_IMODE(published.stat().st_mode) & 0o044 | 0o600  # for whoever may read the folder
    write_atomically(published / "publications.json", json.dumps(values, indent=2, default=_plain), mode)


def _from_json(entry: dict[str, Any]) -> Publication:
    if "generation" in entry:  # the name of the build in version 0.1
        entry = {"build_id" if key == "generation" else key: value for key, value in entry.items()}
    dates = {key: entry[key] and date.fromisoformat(entry[key]) for key in ("as_of_date", "data_through")}
    return Publication(**{**entry, **dates, "published_at": _moment(entry["published_at"])})


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _plain(value: date) -> str:
    return value.isoformat()


def _shows(published: Path, publication: Publication) -> bool:
    """Whether the live file is that publication's."""
    live, kept = published / DATABASE, published / "history" / publication.publication_id / DATABASE
    return live.exists() and kept.exists() and live.samefile(kept)


def file_marks(published: Path, publication: Publication) -> dict[str, list[int]]:
    """Inode, size and times of each file of a publication, by its name.

    Any write to a file changes its mark, because nobody can set the time of the last change of an inode.
    """
    history = published / "history" / publication.publication_id
    return {name: _mark(published / name if "/" in name else history / name) for name in publication.digests}


def _mark(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def changed_files(
    published: Path,
    publication: Publication,
    *,
    is_live: bool = False,
    marks: Mapping[str, Sequence[int]] | None = None,
) -> list[Path]:
    """The files of a publication that were changed or removed since it was published.

    is_live: looks at the names that people read as well, which another file may have taken. marks: the `file_marks`
    from when it was published; a file with the same mark is not read.
    """
    known = marks or {}
    history = published / "history" / publication.publication_id
    files = [(name, published / name if "/" in name else history / name) for name in publication.digests]
    if is_live:
        live = [(name, published / name) for name in publication.digests if "/" not in name]
        files += [(name, path) for name, path in live if not _is_same(path, history / name)]
    changed = [
        path
        for name, path in files
        if not path.exists() or (_mark(path) != known.get(name) and digest(path) != publication.digests[name])
    ]
    return [*changed, *_led_astray(published, publication)] if is_live else changed


def _led_astray(published: Path, publication: Publication) -> list[Path]:
    """Whatever makes readers see other data although no file has changed: a log that DuckDB replays, or a pointer."""
    found = [log for file in (DATABASE, WORK) if (log := wal_of(published / file)).exists()]
    folders = {name.partition("/")[0] for name in publication.digests if "/" in name}
    pointer = published / "parquet"
    return [*found, pointer] if folders and pointer.resolve().name not in folders else found


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def digest(file: Path) -> str:
    """BLAKE2b of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "blake2b").hexdigest()


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)
