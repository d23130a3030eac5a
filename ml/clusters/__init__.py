"""Customers grouped by behaviour."""

from ml.clusters.clustering import Centroids, ClusterConfig, ClusterResult, cluster_customers
from ml.clusters.model_card import segments_card

__all__ = [
    "Centroids",
    "ClusterConfig",
    "ClusterResult",
    "cluster_customers",
    "segments_card",
]
