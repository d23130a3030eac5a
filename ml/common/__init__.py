"""Code common to all models."""

from ml.common.model_runs import METRIC_COLUMNS, fingerprint, model_run_id

__all__ = [
    "METRIC_COLUMNS",
    "fingerprint",
    "model_run_id",
]
