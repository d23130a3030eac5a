"""The settings of the churn model, and the history that it needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

from ml.churn.candidates import CANDIDATES

# Origins on which models are compared at the most: enough to average over, and a cost that stops growing.
MOST_JUDGED = 6


@dataclass(frozen=True)
class MinimumHistory:
    """The least that an origin needs (active customers, and churners and others among them), and the least number of
    origins."""

    active: int = 200
    churners: int = 50
    others: int = 50
    origins: int = 3


@dataclass(frozen=True)
class ChurnConfig:
    """How churn is learned.

    horizon_days: H. trials: points searched per model. bands: ascending cut points of the probability. candidates:
    names of the models to try; if tuning finds no difference between some, the first one is preferred. threads: of the
    numeric libraries (one is fastest on a busy machine, and adds up in the same order each time). most_*: bounds that
    keep cost from growing with history and customers; more rows are sampled by whole customers. leak_auc: a single
    feature that separates churners this well is suspected to be a leak.
    """

    horizon_days: int
    seed: int = 20170101
    trials: int = 12
    bands: tuple[float, float, float] = (0.2, 0.5, 0.8)
    minimum: MinimumHistory = field(default_factory=MinimumHistory)
    candidates: tuple[str, ...] = tuple(CANDIDATES)
    threads: int = 1
    most_train_snapshots: int = 12
    most_tuning_origins: int = 2
    most_training_rows: int = 50_000
    leak_auc: float = 0.97

    def __post_init__(self) -> None:
        if list(self.bands) != sorted(set(self.bands)) or not 0 < self.bands[0] <= self.bands[-1] < 1:
            raise ValueError(f"churn bands have to ascend between 0 and 1, not {self.bands}")
        if self.horizon_days < 1 or not self.candidates:
            raise ValueError("churn needs a horizon of at least a day and at least one model")
        unknown = [name for name in self.candidates if name not in CANDIDATES]
        if unknown:
            raise ValueError(f"no churn model is called {', '.join(unknown)}: there are {', '.join(CANDIDATES)}")

    @property
    def most_snapshots(self) -> int:
        """How far back anything looks: the teachers of the oldest origin judged, its embargo, and the origins."""
        return self.most_train_snapshots + self.horizon_days // 28 + 1 + MOST_JUDGED

    def learning(self) -> dict[str, Any]:
        """The settings that, besides the data, decide the outcome of a comparison."""
        scoring_only = ("bands", "threads")
        chosen = {key: value for key, value in asdict(self).items() if key not in scoring_only}
        return {**chosen, "optuna": version("optuna")}
