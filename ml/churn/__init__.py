"""Customers who will place no order in the churn horizon, and behaviours that correlate with orders."""

from ml.churn.champion import Champion
from ml.churn.config import ChurnConfig
from ml.churn.correlations import CorrelationResult, correlate_behaviours
from ml.churn.model_card import churn_card
from ml.churn.training import ChurnResult, train_and_score

__all__ = [
    "Champion",
    "ChurnConfig",
    "ChurnResult",
    "CorrelationResult",
    "churn_card",
    "correlate_behaviours",
    "train_and_score",
]
