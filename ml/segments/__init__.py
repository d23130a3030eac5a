"""Customers grouped by behaviour."""

from ml.segments.clustering import Centroids, ClusterConfig, ClusterResult, cluster_customers
from ml.segments.model_card import segments_card

__all__ = [
    "Centroids",
    "ClusterConfig",
    "ClusterResult",
    "cluster_customers",
    "segments_card",
]
