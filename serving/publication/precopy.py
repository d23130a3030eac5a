"""Copying finished tables while a run's models still learn, which is most of the work of publishing.

A mart of orders is final long before the scores are. Copying starts when learning leaves a processor free. The copy is
only a starting point: at the publication every table is compared with the warehouse once more, and tables that differ
or are missing are copied then.
"""

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from serving.publication.database_file import Base, assemble, fingerprints
from serving.publication.state import DATABASE, STORAGE_VERSIONS, WORK, live_base, read_state
from warehouse.memory import is_scarce
from warehouse.relations import Relation
from warehouse.settings import Settings
from warehouse.sql import connect, limit_resources


class Precopy:
    """One run's copies made ahead, in a folder that goes away with it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.home / "tmp" / "ahead"
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="precopy")
        self._finished: Sequence[Relation] = ()
        self._copying: Future[dict[str, Base]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)

    def finished(self, tables: Sequence[Relation]) -> None:
        """Take note of tables and views of the warehouse which this run will not write again, before the start."""
        self._finished = [*self._finished, *tables]

    def start(self) -> None:
        """Copy the tables finished by now, unless memory is scarce. Later calls do nothing."""
        if self._copying is None and self._finished and not is_scarce():
            self._copying = self._pool.submit(self._copy, self._finished)

    def bases(self) -> Mapping[str, Base]:
        """The finished copies, by the name of the published file that may start from each.

        Raises the errors of copying.
        """
        return self._copying.result() if self._copying else {}

    def _copy(self, finished: Sequence[Relation]) -> dict[str, Base]:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        published = self.settings.published_dir
        state = read_state(published)
        bases: dict[str, Base] = {}
        with connect(self.settings.warehouse_path) as connection:
            limit_resources(connection, self.settings)
            wanted = fingerprints(connection, finished)
            marts = {relation: value for relation, value in wanted.items() if relation.schema == "marts"}
            for file, held in ((DATABASE, marts), (WORK, wanted)):
                live = live_base(published, state, file)
                if live and live.holds(held) == set(held):
                    continue
                sources = [base for base in (live, bases.get(DATABASE)) if base]
                assemble(connection, self.folder / file, held, sources, storage_version=STORAGE_VERSIONS[file])
                bases[file] = Base(self.folder / file, {str(relation): value for relation, value in held.items()})
        return bases
