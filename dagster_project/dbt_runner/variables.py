"""What dbt is told about a company: which staging models it brings, and the values its SQL reads.

The first part shapes the graph and so is known when dbt parses; the second reaches the SQL of one run alone.
"""

import hashlib
import json
from typing import Any

from warehouse.files import hash_files
from warehouse.ingest.sources import load_sources_config
from warehouse.settings import PROJECT_ROOT, Settings

DBT_DIR = PROJECT_ROOT / "dbt"
# Keys that documents of one source carry: two sources may use the same number for different things.
KEY_COLUMNS = (
    "order_line_id",
    "order_id",
    "original_order_id",
    "customer_id",
    "product_id",
    "campaign_id",
    "reward_id",
    "redemption_id",
    "event_id",
    "feedback_id",
    "cost_id",
    "adjustment_id",
    "store_id",
)
# What the kept order history is computed from; a change of any of it builds that history anew.
HISTORY_PATHS = (
    "macros/entities.sql",
    "macros/currency.sql",
    "macros/portable.sql",
    "macros/incremental.sql",
    "models/intermediate/entities/int_exchange_rate_versions.sql",
    "models/intermediate/orders",
    "models/staging",
    "seeds/online_retail_line_kinds.csv",
)


def graph_variables(settings: Settings) -> dict[str, Any]:
    """The variables that decide which models exist: the staging models and key prefixes of each source."""
    sources = load_sources_config(settings)
    prefixes = {
        name: {key: source.key_prefix for key in KEY_COLUMNS if key not in source.shared_keys}
        for name, source in sources.items()
        if source.key_prefix
    }
    return {
        "source_entities": {name: staging_entities(name) for name in sources},
        "table_entities": {
            name: {table_name: table.entity for table_name, table in source.tables.items() if table.entity}
            for name, source in sources.items()
        },
        "key_prefixes": prefixes,
    }


def staging_entities(source: str) -> list[str]:
    """The input entities that a source's staging folder maps, in name order."""
    prefix = f"stg_{source}__"
    files = (DBT_DIR / "models" / "staging" / source).glob(f"{prefix}*.sql")
    return sorted(file.stem.removeprefix(prefix) for file in files)


def run_variables(settings: Settings) -> dict[str, Any]:
    """All variables of one run, ready for `--vars`."""
    variables = graph_variables(settings)
    values = settings.model_dump(
        mode="json",
        include={
            "company",
            "business_timezone",
            "base_currency",
            "data_through",
            "as_of_date",
            "churn_horizon_days",
            "assumed",
            "rfm",
            "points",
            "abuse",
            "language",
            "messages",
        },
    )
    return {**variables, **values, "history_signature": history_signature(settings, variables)}


def history_signature(settings: Settings, variables: dict[str, Any]) -> str:
    """A hash of the code and the settings that the incremental order history depends on."""
    relevant = {
        **variables,
        "business_timezone": settings.business_timezone,
        "base_currency": settings.base_currency,
        "margin_rate": settings.assumed.margin_rate,
    }
    digest = hashlib.sha256(json.dumps(relevant, sort_keys=True).encode())
    for path in HISTORY_PATHS:
        hash_files(digest, DBT_DIR / path)
    return digest.hexdigest()[:16]
