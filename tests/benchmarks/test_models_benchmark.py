"""The benchmark of the models measures every step, and its peer computes the features it claims."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks import models, plain_models
from dagster_project.steps.registry import STEPS


@pytest.mark.campaign
def test_every_step_and_every_part_of_the_peer_is_measured(tmp_path: Path) -> None:
    costs = models.measure(tmp_path, customers=300, seed=7)
    expected = ["generate", "load, and features in SQL", *(step.name for step in STEPS)]
    assert list(costs) == expected + [f"plain: {name}" for name in plain_models.PARTS]
    assert all(cost.seconds > 0 and cost.processor_seconds > 0 and cost.peak_mb > 50 for cost in costs.values())


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Orders o1 and o2 of c1, 40 days apart; one of c2, one of a guest, one cancelled, and one returned."""
    rows = [
        ("c1", "o1", "2024-01-01 10:00", 5, 1, "completed"),
        ("c1", "o1", "2024-01-01 10:00", 3, 1, "completed"),
        ("c1", "o2", "2024-02-10 10:00", 7, 2, "completed"),
        ("c2", "o3", "2024-02-01 10:00", 2, 1, "completed"),
        (None, "o4", "2024-02-01 10:00", 9, 1, "completed"),
        ("c2", "o5", "2024-02-02 10:00", 9, 1, "cancelled"),
        ("c2", "o6", "2024-02-03 10:00", -2, -1, "completed"),
    ]
    frame = pd.DataFrame(
        rows, columns=["customer_id", "order_id", "ordered_at", "net_amount", "quantity", "order_status"]
    )
    frame["ordered_at"] = pd.to_datetime(frame["ordered_at"])
    frame.to_parquet(tmp_path / "lines.parquet")
    return tmp_path / "lines.parquet"


def test_the_peers_features_are_those_of_the_day(lines: Path) -> None:
    days = plain_models.purchase_days(lines)
    assert days.groupby("customer_id")["net_amount"].sum().to_dict() == {"c1": 15.0, "c2": 2.0}
    found = plain_models.features_at(days, pd.Timestamp("2024-02-11")).loc["c1"]
    assert found[["recency", "tenure", "days", "gap"]].tolist() == [1, 41, 2, 40]
    assert found[["net_amount_30", "net_amount_90", "orders_30", "orders_90"]].tolist() == [7, 15, 1, 2]
    assert list(plain_models.features_at(days, pd.Timestamp("2024-01-31")).index) == ["c1"]
