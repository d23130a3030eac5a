import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.churn import evaluation
from ml.common.model_runs import METRIC_COLUMNS

LABELS_AND_SCORES = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])), min_size=1, max_size=60
)


def predictions(
    model: str, origin: str, churned: list[int], probability: list[float], active: list[bool] | None = None
):
    return pd.DataFrame(
        {
            "model": model,
            "origin": origin,
            "is_active": [True] * len(churned) if active is None else active,
            "churned": churned,
            "probability": probability,
        }
    )


def test_a_small_case_by_hand():
    found = evaluation.score(np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9]))
    assert found["auc"] == 0.75
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4)
    assert found["average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert found["churn_rate"] == 0.5
    assert found["lift_at_10pct"] == pytest.approx(2.0)


def test_one_label_only_has_no_discrimination():
    found = evaluation.score(np.zeros(5), np.linspace(0, 1, 5))
    assert all(np.isnan(found[metric]) for metric in ("auc", "average_precision", "lift_at_10pct"))
    assert found["brier"] > 0


def test_lift_shares_out_ties():
    churned = np.array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0])
    assert evaluation.lift(churned, np.full(10, 0.3), 0.1) == pytest.approx(1.0)
    assert evaluation.lift(churned, np.r_[0.9, np.full(9, 0.3)], 0.1) == pytest.approx(5.0)


@settings(deadline=None)
@given(LABELS_AND_SCORES, st.randoms(use_true_random=False))
def test_row_order_changes_nothing(rows, shuffler):
    def measured(some):
        churned, probability = (np.array(column, dtype=float) for column in zip(*some, strict=True))
        return evaluation.score(churned, probability), evaluation.calibration_by_decile(churned, probability)

    scores, deciles = measured(rows)
    shuffler.shuffle(rows)
    again, deciles_again = measured(rows)
    np.testing.assert_array_equal(list(scores.values()), list(again.values()))
    pd.testing.assert_frame_equal(deciles, deciles_again, check_exact=True)


@settings(deadline=None)
@given(LABELS_AND_SCORES)
def test_deciles_hold_everybody_once_and_equal_scores_together(rows):
    churned, probability = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    deciles = evaluation.calibration_by_decile(churned, probability)
    assert deciles["customers_count"].sum() == len(rows)
    assert deciles["decile"].is_monotonic_increasing and deciles["decile"].between(1, 10).all()
    assert len(deciles) <= len(set(probability))
    assert (deciles["observed_rate"] * deciles["customers_count"]).sum() == pytest.approx(churned.sum())


def test_metrics_have_every_slice_beside_the_baseline():
    frame = pd.concat(
        [
            predictions("good", "2024-01-31", [0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], [True, True, True, False]),
            predictions("good", "2024-02-29", [0, 1, 0, 1], [0.1, 0.2, 0.3, 0.9]),
            predictions("plain", "2024-01-31", [0, 0, 1, 1], [0.5, 0.5, 0.5, 0.5], [True, True, True, False]),
            predictions("plain", "2024-02-29", [0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5]),
        ]
    )
    metrics = evaluation.backtest_metrics(frame, "plain")
    assert list(metrics.columns) == METRIC_COLUMNS
    auc = metrics[(metrics["model"] == "good") & (metrics["metric"] == "auc")].set_index("slice")
    assert auc.loc["origin=2024-01-31;population=active", "value"] == 1.0
    assert auc.loc["origin=2024-02-29;population=eligible", "value"] == 0.75
    assert auc.loc["mean;population=active", "value"] == pytest.approx(0.875)
    assert (auc["baseline"] == 0.5).all()
    counted = metrics[(metrics["metric"] == "customers_count") & (metrics["model"] == "good")].set_index("slice")[
        "value"
    ]
    assert counted["origin=2024-01-31;population=active"] == 3
    assert counted["origin=2024-01-31;population=eligible"] == 4
    last = metrics[metrics["slice"] == "origin=2024-02-29;population=active;decile=10"]
    assert last[last["model"] == "good"].set_index("metric")["value"].to_dict() == {
        "customers_count": 1.0,
        "predicted_rate": 0.9,
        "observed_rate": 1.0,
    }
    assert not metrics.duplicated(["model", "metric", "slice"]).any()


def test_beating_is_better_in_one_and_worse_in_none():
    one, same = {"auc": 0.8, "brier": 0.1}, {"auc": 0.8, "brier": 0.1}
    assert evaluation.not_worse(one, same) and not evaluation.beats(one, same)
    assert evaluation.beats({"auc": 0.8, "brier": 0.09}, one)
    assert not evaluation.not_worse({"auc": 0.9, "brier": 0.11}, one)
    assert not evaluation.not_worse({"auc": float("nan"), "brier": 0.0}, one)


def test_curves_end_where_everybody_is_addressed():
    frame = predictions("good", "2024-01-31", [0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    found = evaluation.curves(frame)
    assert list(found.columns) == evaluation.CURVE_COLUMNS
    captured = found[found["curve"] == "captured"]
    assert captured["y"].iloc[[0, 10, 20]].tolist() == [0.0, 1.0, 1.0]
    calibration = found[found["curve"] == "calibration"]
    assert calibration["customers_count"].sum() == 4
    assert len(evaluation.curves(frame.iloc[:0])) == 0
