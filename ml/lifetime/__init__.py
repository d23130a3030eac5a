"""Expected future orders of a customer, and their value."""

from ml.lifetime.model_card import lifetime_card
from ml.lifetime.purchase_models import NaiveRate
from ml.lifetime.valuation import LifetimeValueConfig, LifetimeValueResult, value_lifetimes

__all__ = [
    "LifetimeValueConfig",
    "LifetimeValueResult",
    "NaiveRate",
    "lifetime_card",
    "value_lifetimes",
]
