"""All metrics that can be explained: every module of `metrics` that has a `METRIC`."""

import pkgutil
from importlib import import_module

import serving.explain.metrics
from serving.explain.explanation import Metric


def _found() -> dict[str, Metric]:
    package = serving.explain.metrics
    modules = [import_module(f"{package.__name__}.{found.name}") for found in pkgutil.iter_modules(package.__path__)]
    metrics = [module.METRIC for module in modules if hasattr(module, "METRIC")]
    return {metric.name: metric for metric in metrics}


METRICS: dict[str, Metric] = _found()
