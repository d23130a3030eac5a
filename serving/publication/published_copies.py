"""The published copies as an erasure sees them: it names them, and has them written anew without the customer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serving.postgres import load_live
from serving.publication.publish import republish
from serving.publication.state import publications
from warehouse.settings import Settings


@dataclass(frozen=True)
class PublishedCopies:
    """The kept publications of one company; see `warehouse.privacy.erase.Copies`.

    `check` raises UserError where a working copy must not be published.
    """

    settings: Settings
    check: Callable[[Path], None] | None = None

    def names(self) -> list[str]:
        """The kept publications, oldest first."""
        return [publication.publication_id for publication in publications(self.settings)]

    def rewrite(self, rewrite: Callable[[Path, Path], None]) -> str | None:
        """Publish the live publication as rewritten by `rewrite` and keep nothing earlier. Returns its new name; None
        before the first. A PostgreSQL database of the settings is brought to it.
        """
        published = republish(self.settings, rewrite, check=self.check)
        if published and self.settings.publish.postgres:
            load_live(self.settings)
        return published.publication_id if published else None
