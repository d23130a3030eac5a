"""The variables that dbt gets about a company: its staging models, and the values its SQL reads.

The first part shapes the graph, so dbt needs it for parsing; the second reaches only the SQL of one run.
"""

import hashlib
import json
from typing import Any

from dagster_project.dbt_runner.mapped_models import depends_on_order
from dagster_project.dbt_runner.source_models import (
    seed_folder,
    staging_entities,
    write_company_files,
    write_source_models,
)
from warehouse.files import hash_files
from warehouse.identity.shown_text import SHOWN_TEXT
from warehouse.ingest.entities import load_entities, prefixed_columns
from warehouse.ingest.sources import SourceConfig, load_sources_config
from warehouse.settings import PROJECT_ROOT, Settings, load_settings

DBT_DIR = PROJECT_ROOT / "dbt"
# What the kept order history is computed from; a change of any of it builds that history anew. What its sources add is
# covered by the variable `source_models`.
HISTORY_PATHS = (
    "macros/entities_union.sql",
    "macros/entities_versions.sql",
    "macros/ids.sql",
    "macros/mapping.sql",
    "macros/plausible.sql",
    "macros/staging.sql",
    "macros/currency.sql",
    "macros/portable.sql",
    "macros/incremental.sql",
    "macros/incremental_spark.sql",
    "models/intermediate/entities/int_exchange_rate_periods.sql",
    "models/intermediate/entities/int_exchange_rate_versions.sql",
    "models/intermediate/entities/int_product_versions.sql",
    "models/intermediate/orders/int_changed_order_lines.sql",
    "models/intermediate/orders/int_order_days.sql",
    "models/intermediate/orders/int_order_line_versions.sql",
    "models/staging/ops/stg_ops__batches.sql",
    "models/staging/ops/stg_ops__deleted_rows.sql",
)
# The settings that figures of a customer depend on, which dim_settings tells with the words of the settings' page.
TOLD_SETTINGS = (
    "churn_horizon_days", "churn.bands", "points.return_window_days", "points.expiry_months", "points.earns_from",
    "assumed.margin_rate", "assumed.reward_response_rate", "rewards.budget_amount",
)  # fmt: skip
# What shapes the graph and not the order history: ids of a person are joined by what reads it.
BESIDE_HISTORY = ("company_files", "seed_folder", "resolves_identities")


def graph_variables(settings: Settings) -> dict[str, Any]:
    """The variables that decide which models exist: the registry of entities, and the entities of each source.

    Writes the sources' files for dbt (source_models.py), since a graph cannot be parsed without them.
    """
    sources = load_sources_config(settings)
    entities = load_entities()
    prefixes = {
        name: {key: source.key_prefix for key in prefixed_columns(entities) if key not in source.shared_keys}
        for name, source in sources.items()
        if source.key_prefix
    }
    company_files = write_company_files(sources, DBT_DIR, settings.folder)
    return {
        "entities": {name: entity.model_dump() for name, entity in entities.items()},
        "source_models": write_source_models(sources, DBT_DIR),
        "company_files": company_files,
        "seed_folder": seed_folder(company_files, DBT_DIR),
        "source_entities": {name: staging_entities(source) for name, source in sources.items()},
        "table_entities": {
            name: {table_name: table.entity for table_name, table in source.tables.items() if table.entity}
            for name, source in sources.items()
        },
        "key_prefixes": prefixes,
        "order_replacing_sources": sorted(
            name
            for name, source in sources.items()
            if any(table.entity == "order_lines" and table.replaces for table in source.tables.values())
        ),
        "whole_order_sources": sorted(name for name, source in sources.items() if _moves_whole_orders(source)),
        "id_rules": {
            name: source.model_dump(mode="json", include={"no_id", "guest_ids", "id_case"})
            for name, source in sources.items()
        },
        "resolves_identities": settings.identity.resolve,
        "shown_text": SHOWN_TEXT,
    }


def _moves_whole_orders(source: SourceConfig) -> bool:
    """Whether a change of one line can be one of any line of its order."""
    mapping = source.mapping.get("order_lines")
    replaces = any(table.entity == "order_lines" and table.replaces for table in source.tables.values())
    return replaces or (mapping is not None and depends_on_order(mapping))


def run_variables(settings: Settings) -> dict[str, Any]:
    """All variables of one run, ready for `--vars`."""
    variables = graph_variables(settings)
    values = settings.model_dump(
        mode="json",
        include={
            "company",
            "business_timezone",
            "base_currency",
            "exchange_rate_days",
            "earliest_date",
            "ingest",
            "data_through",
            "as_of_date",
            "churn_horizon_days",
            "assumed",
            "rfm",
            "points",
            "abuse",
            "identity",
            "language",
            "messages",
            "reconciliation",
        },
    )
    signature = history_signature(settings, variables)
    return {**variables, **values, "told_settings": _told_settings(settings), "history_signature": signature}


def _told_settings(settings: Settings) -> list[tuple[str, str | None, str]]:
    """Name, value as text (several of one setting in their order; None for no limit) and meaning of each setting."""
    told = []
    for name in TOLD_SETTINGS:
        *sections, key = name.split(".")
        holder: Any = settings
        for section in sections:
            holder = getattr(holder, section)
        value = holder.model_dump(mode="json", include={key})[key]
        text = ", ".join(map(str, value)) if isinstance(value, list) else None if value is None else str(value)
        told.append((name, text, " ".join((type(holder).model_fields[key].description or "").split())))
    return told


def history_signature(settings: Settings, variables: dict[str, Any]) -> str:
    """A hash of the code and the settings that the incremental order history depends on."""
    relevant = {
        **{name: value for name, value in variables.items() if name not in BESIDE_HISTORY},
        "business_timezone": settings.business_timezone,
        "base_currency": settings.base_currency,
        "exchange_rate_days": settings.exchange_rate_days,
        "earliest_date": settings.earliest_date.isoformat(),
        "ingest": settings.ingest.model_dump(mode="json"),
        "margin_rate": settings.assumed.margin_rate,
    }
    digest = hashlib.sha256(json.dumps(relevant, sort_keys=True).encode())
    for path in HISTORY_PATHS:
        hash_files(digest, DBT_DIR / path)
    return digest.hexdigest()[:16]


if __name__ == "__main__":  # writes what dbt reads of the sources
    graph_variables(load_settings())
