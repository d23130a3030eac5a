"""Deterministic id of a model run: a hash of its inputs, independent of when or where it ran."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

METRIC_COLUMNS = ["model", "metric", "slice", "value", "baseline"]
_LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn")


def model_run_id(model: str, parameters: Mapping[str, Any], *training: pd.DataFrame) -> str:
    """Sixteen hex digits of a hash over model name, parameters, library versions and the training frames.

    The order of rows and columns does not matter, a changed value does. Parameters have to be expressible in JSON;
    dates may be given as they are.
    """
    content = {
        "model": model,
        "parameters": parameters,
        "python": platform.python_version(),
        "libraries": {library: version(library) for library in _LIBRARIES},
        "training": [fingerprint(frame) for frame in training],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def fingerprint(frame: pd.DataFrame) -> str:
    """Hash of a frame's rows as a bag: columns by name, row order and index ignored, repeated rows counted."""
    columns = sorted(frame.columns)
    rows = np.sort(pd.util.hash_pandas_object(frame[columns], index=False).to_numpy())
    return hashlib.sha256(json.dumps(columns).encode() + rows.tobytes()).hexdigest()
