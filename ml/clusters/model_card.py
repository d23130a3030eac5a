"""The card of the clusters of a day: their profiles, the possible numbers of clusters, and how they moved."""

from __future__ import annotations

from ml.clusters.clustering import ClusterResult
from ml.common.markdown import table


def segments_card(result: ClusterResult) -> str:
    """Markdown about the clusters of a day: their profiles, the possible numbers of clusters, and how they moved."""
    run = result.run
    medians = result.profile.pivot(
        index=["cluster_id", "cluster_name", "customers_count"], columns="feature", values="median"
    ).reset_index()
    parts = [
        f"# Segments: {run['model']}, version {run['version']}",
        f"{run['rows']:,d} customers as of {run['as_of_date']}, grouped by logged and scaled behaviour; "
        f"cluster 1 is worth most. Run {run['model_run_id']}.",
        "## Median customer",
        table(medians.columns, medians.itertuples(index=False)),
        "## How many clusters",
        "Silhouette says how well they are apart, stability how far other samples of customers give the same ones "
        "(adjusted Rand index).",
        table(result.stability.columns, result.stability.itertuples(index=False)),
        "## Against the run before",
        table(result.drift.columns[1:], result.drift.iloc[:, 1:].itertuples(index=False)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
