"""Points in time: which snapshots may teach a model that is judged at a later one.

A snapshot s has a label once its horizon is over, at s + H. A model judged at t may learn from s only when that is
not after t (the embargo): otherwise it would learn from days that the model in use could not have seen.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """A snapshot on which a model is judged, and the earlier ones it may learn from, oldest first."""

    test: dt.date
    train: tuple[dt.date, ...]


def rolling_origins(
    snapshots: Iterable[dt.date], horizon_days: int, *, most_train: int | None = None
) -> tuple[Origin, ...]:
    """Every labelled snapshot that has at least one teachable predecessor, oldest first.

    `snapshots`: dates whose labels are known. `most_train` keeps that many of the newest teachers of each origin.
    """
    ordered = sorted(set(snapshots))
    origins = []
    for test in ordered:
        train = [snapshot for snapshot in ordered if label_closes(snapshot, horizon_days) <= test]
        if train:
            origins.append(Origin(test, tuple(train[-most_train:] if most_train else train)))
    return tuple(origins)


def label_closes(snapshot: dt.date, horizon_days: int) -> dt.date:
    """The last day of the label window `(s, s + H]`."""
    return snapshot + dt.timedelta(days=horizon_days)


def require_embargo(origins: Iterable[Origin], horizon_days: int) -> None:
    """Raise ValueError when a training label of an origin was still open on the day it is judged at."""
    for origin in origins:
        for snapshot in origin.train:
            if label_closes(snapshot, horizon_days) > origin.test:
                raise ValueError(
                    f"labels of snapshot {snapshot} close on {label_closes(snapshot, horizon_days)}, "
                    f"after the origin {origin.test} that is to be judged: the model would see the future"
                )


def split_judged(
    origins: Sequence[Origin], horizon_days: int, *, fewest: int, most: int
) -> tuple[tuple[Origin, ...], tuple[Origin, ...]]:
    """Earlier origins to tune on, and the newest to be judged: (tuning, judged), disjoint.

    About half of the origins are judged, between `fewest` and `most`. A tuning origin's own labels have to be closed
    when the first judged one comes, so that nothing chosen on it knows anything of the judged ones.
    """
    count = min(most, max(fewest, len(origins) // 2 + 1))
    judged = tuple(origins[-count:])
    first = judged[0].test if judged else None
    tuning = tuple(o for o in origins[:-count] if first and label_closes(o.test, horizon_days) <= first)
    return tuning, judged
