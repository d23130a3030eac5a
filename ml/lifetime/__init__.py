"""What a customer will still order, and what that is worth."""

from ml.lifetime.purchase_models import NaiveRate
from ml.lifetime.valuation import LifetimeValueConfig, LifetimeValueResult, value_lifetimes

__all__ = [
    "LifetimeValueConfig",
    "LifetimeValueResult",
    "NaiveRate",
    "value_lifetimes",
]
