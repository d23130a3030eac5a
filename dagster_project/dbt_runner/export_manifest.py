"""`python -m dagster_project.dbt_runner.export_manifest`: the parsed manifest as dbt/target/manifest.json.

For tools that judge the project by its manifest and look for it there. A kept manifest is not parsed again, and no
database is opened.
"""

from dagster_project.dbt_runner.project import DbtProject
from dagster_project.dbt_runner.variables import DBT_DIR
from warehouse.files import write_atomically
from warehouse.settings import load_settings


def export_manifest() -> None:
    """Write the manifest of the company that the settings name. Raises UserError where dbt cannot parse.

    With the models for ids of one person, which most companies leave out: they are judged as well.
    """
    settings = load_settings()
    identity = settings.identity.model_copy(update={"resolve": True})
    project = DbtProject(settings.model_copy(update={"identity": identity}))
    write_atomically(DBT_DIR / "target" / "manifest.json", project.manifest_path().read_bytes())


if __name__ == "__main__":
    export_manifest()
