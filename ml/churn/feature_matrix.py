"""The features frame as arrays: sorted, typed, checked, and small enough to learn from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

KEY_COLUMNS = ("snapshot_date", "customer_id")
NOT_FEATURES = (*KEY_COLUMNS, "is_active", "churned")


@dataclass(frozen=True)
class FeatureMatrix:
    """Rows by (snapshot, customer), in that order.

    snapshot: (n,) days; customer: (n,) text; active: (n,) bool; label: (n,) 1.0 churned, 0.0 not, NaN unknown;
    group: (n,) a number that depends on the customer alone; x: (n, len(features)) with NaN where unknown.
    """

    snapshot: np.ndarray
    customer: np.ndarray
    active: np.ndarray
    label: np.ndarray
    group: np.ndarray
    x: np.ndarray
    features: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.snapshot)

    def rows(self, keep: np.ndarray) -> FeatureMatrix:
        """The rows of a mask or of an index array."""
        return FeatureMatrix(
            self.snapshot[keep],
            self.customer[keep],
            self.active[keep],
            self.label[keep],
            self.group[keep],
            self.x[keep],
            self.features,
        )

    def at(self, snapshots: Iterable[dt.date]) -> FeatureMatrix:
        """The rows of some snapshots."""
        days = np.array(sorted(snapshots), dtype="datetime64[D]")
        return self.rows(np.isin(self.snapshot, days))

    def columns(self, features: Sequence[str]) -> np.ndarray:
        """(n, len(features)) values, in the order asked for; KeyError for a feature that is not here."""
        missing = [name for name in features if name not in self.features]
        if missing:
            raise KeyError(f"the features frame has no column {', '.join(missing)}")
        return self.x[:, [self.features.index(name) for name in features]]

    def telling(self) -> FeatureMatrix:
        """The features that differ between rows; one that never does, or is never known, can teach nothing."""
        if not len(self):
            return self
        first = self.x[0]
        differs = ((self.x != first) & ~(np.isnan(self.x) & np.isnan(first))).any(axis=0)
        kept = tuple(name for name, useful in zip(self.features, differs, strict=True) if useful)
        return replace(self, x=self.x[:, differs], features=kept)

    def frame(self) -> pd.DataFrame:
        """The rows as a frame again, to be fingerprinted."""
        keys = {"snapshot_date": self.snapshot.astype("datetime64[us]"), "customer_id": self.customer}
        values = pd.DataFrame(self.x, columns=list(self.features))
        return pd.concat([pd.DataFrame({**keys, "is_active": self.active, "churned": self.label}), values], axis=1)


def feature_names(features: pd.DataFrame) -> tuple[str, ...]:
    """Every column that is neither key, population nor label, in alphabetical order."""
    return tuple(sorted(column for column in features.columns if column not in NOT_FEATURES))


def snapshot_days(features: pd.DataFrame) -> np.ndarray:
    """(n,) the snapshot dates as days, whether they come as timestamps, dates or text."""
    return pd.to_datetime(features["snapshot_date"]).to_numpy().astype("datetime64[D]")


def labels(features: pd.DataFrame) -> np.ndarray:
    """(n,) 1.0 churned, 0.0 not churned, NaN unknown."""
    return features["churned"].astype("boolean").to_numpy(dtype=float, na_value=np.nan)


def customer_groups(customers: Iterable[str]) -> np.ndarray:
    """(n,) uint64, a checksum per customer: splits and samples by it depend on the customer, not on the position in the
    frame."""
    return pd.util.hash_array(np.array([str(customer) for customer in customers], dtype=object))


def make_feature_matrix(features: pd.DataFrame, rows: np.ndarray | None = None) -> FeatureMatrix:
    """The chosen rows (all by default) as a FeatureMatrix; ValueError for a missing column or a repeated key."""
    missing = [column for column in NOT_FEATURES if column not in features.columns]
    if missing:
        raise ValueError(f"the features frame lacks {', '.join(missing)}; it has {', '.join(features.columns)}")
    chosen = features if rows is None else features.iloc[rows]
    days, customers = snapshot_days(chosen), chosen["customer_id"].astype(str).to_numpy(dtype=object)
    order = np.lexsort((customers, days))
    names = feature_names(features)
    matrix = FeatureMatrix(
        snapshot=days[order],
        customer=customers[order],
        active=chosen["is_active"].to_numpy(dtype=bool)[order],
        label=labels(chosen)[order],
        group=customer_groups(customers[order]),
        x=_values(chosen, names)[order],
        features=names,
    )
    _require_unique(matrix)
    return matrix


def _values(frame: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    columns = [frame[name].to_numpy(dtype=float, na_value=np.nan) for name in names]
    values = np.column_stack(columns) if columns else np.empty((len(frame), 0))
    values[~np.isfinite(values)] = np.nan
    return values


def _require_unique(matrix: FeatureMatrix) -> None:
    same = (matrix.snapshot[1:] == matrix.snapshot[:-1]) & (matrix.customer[1:] == matrix.customer[:-1])
    if same.any():
        row = int(np.argmax(same))
        raise ValueError(
            f"customer {matrix.customer[row]} occurs twice at snapshot {matrix.snapshot[row]} in the features frame"
        )


def sample_rows(features: pd.DataFrame, rows: np.ndarray, most: int) -> np.ndarray:
    """At most about `most` of the row numbers, keeping whole customers: those with the smallest checksums."""
    if len(rows) <= most:
        return rows
    groups = customer_groups(features["customer_id"].iloc[rows])
    return rows[groups <= np.sort(groups)[most - 1]]
