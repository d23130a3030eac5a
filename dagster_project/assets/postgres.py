"""The publication in PostgreSQL, for a company that says where."""

import dagster as dg

from dagster_project.publication import PUBLICATION_KEY
from dagster_project.resources import WarehouseRun
from dagster_project.tables import DEFAULT_OWNER
from serving.postgres import load_live
from warehouse.settings import Settings

POSTGRES_KEY = dg.AssetKey(["published", "postgres"])


def build_postgres_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The load behind the publication; no asset without `publish.postgres`."""

    @dg.asset(
        key=POSTGRES_KEY,
        deps=[PUBLICATION_KEY],
        group_name="published",
        kinds={"postgres"},
        owners=[DEFAULT_OWNER],
        required_resource_keys={"warehouse"},
        description="Schemas marts and today of the PostgreSQL database: what the live publication holds.",
    )
    def postgres(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        run: WarehouseRun = context.resources.warehouse
        with run.stage("load PostgreSQL"), run.away():
            loaded = load_live(run.settings)
        return dg.MaterializeResult(
            metadata={
                "publication": loaded.publication_id,
                "rows removed": loaded.removed,
                "rows added": loaded.added,
                "changed": ", ".join(loaded.changed) or "none",
                "loaded whole": ", ".join(loaded.whole) or "none",
            }
        )

    return [postgres] if settings.publish.postgres else []
