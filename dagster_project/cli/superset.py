"""`loyalty superset`: marts, metrics and dashboards into an Apache Superset; `loyalty docs` writes the same files."""

import os
from pathlib import Path

from serving.publication.publish import MANIFEST
from serving.superset import Login, asset_files, import_assets, superset_database
from warehouse.errors import UserError
from warehouse.secrets import wrong_secret
from warehouse.settings import DEFAULT_SETTINGS, Settings

USER, PASSWORD = "SUPERSET_USER", "SUPERSET_PASSWORD"
# What the files of the repository say in place of a company's own file.
SOMEWHERE = Path("/path/to/published/loyalty.duckdb")


def import_dashboards(settings: Settings, url: str, variable: str | None) -> int:
    """Import the live publication's datasets and dashboards; returns how many files. `variable` names the environment
    variable with the address under which Superset reads the marts, for other than the published file. Raises UserError
    where something is missing or Superset refuses."""
    if wrong := wrong_secret(url, is_address=True):
        raise UserError(f"The address of Superset {wrong}: http://host:8088, for example.")
    manifest = settings.published_dir / MANIFEST
    if not manifest.exists():
        raise UserError(f"{settings.published_path}: nothing is published yet; start `{settings.command} run`.")
    # not what a link leads to: that is one publication, and stays it
    address = superset_database(settings.published_path.absolute())
    if variable:
        address = _required(variable, "the address under which Superset reads the marts")
    user, password = (_required(name, "who imports into Superset, of role Admin") for name in (USER, PASSWORD))
    files = asset_files(manifest, settings.company, address)
    import_assets(Login(url, user, password), files, address)
    return len(files)


def write_files(manifest: Path, folder: Path) -> None:
    """Make `folder` hold the files of the default company, and no other YAML."""
    files = shipped_files(manifest)
    for old in folder.rglob("*.yaml"):
        old.unlink()
    for name, text in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def shipped_files(manifest: Path) -> dict[str, str]:
    """The files of the repository, whose database is somewhere."""
    return asset_files(manifest, DEFAULT_SETTINGS.parent.name, superset_database(SOMEWHERE))


def _required(variable: str, meaning: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise UserError(f"The environment variable {variable} is not set: {meaning}.")
    return value
