"""Which products to offer a customer."""

from ml.recommend.recommending import OK, RecommendConfig, RecommendResult, recommend

__all__ = [
    "OK",
    "RecommendConfig",
    "RecommendResult",
    "recommend",
]
