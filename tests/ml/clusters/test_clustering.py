import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from ml.clusters.cluster_count import choose_count
from ml.clusters.cluster_names import Roles, match_clusters, name_clusters
from ml.clusters.clustering import ASSIGNMENT_COLUMNS, Centroids, ClusterConfig, cluster_customers, population_stability
from ml.common.outliers import mark_outliers
from tests.ml.churn.generated_customers import SEGMENTS, segment_frame

CONFIG = ClusterConfig(repeats=3, most_k=5)
ROLES = Roles("monetary_amount", "frequency", "recency_days")


def untold(frame):
    return frame.drop(columns="truth")


@pytest.fixture(scope="module")
def frame():
    return segment_frame()


@pytest.fixture(scope="module")
def result(frame):
    return cluster_customers(untold(frame), CONFIG, None)


def test_known_groups_are_found_and_ordered_by_value(frame, result):
    merged = result.assignments.merge(frame[["customer_id", "truth", "monetary_amount"]], on="customer_id")
    assert adjusted_rand_score(merged["truth"], merged["cluster_id"]) > 0.97
    worth = merged.groupby("cluster_id")["monetary_amount"].mean()
    assert worth.is_monotonic_decreasing and worth.index.tolist() == [1, 2, 3]
    best = merged[merged["cluster_id"] == 1]["truth"].mode()[0]
    assert best == "rich"


def test_names_say_what_the_groups_are(result):
    names = result.profile.drop_duplicates("cluster_id").set_index("cluster_id")["cluster_name"].to_dict()
    assert names[1] == "High value, frequent"
    assert names[3] == "Low value, occasional, quiet lately"
    assert len(set(names.values())) == 3


def test_every_customer_is_assigned_once(frame, result):
    assigned = result.assignments
    assert list(assigned.columns) == ASSIGNMENT_COLUMNS
    assert assigned["customer_id"].tolist() == sorted(frame["customer_id"])
    assert set(assigned["model_run_id"]) == {result.run["model_run_id"]}
    assert set(assigned["as_of_date"]) == {pd.Timestamp("2024-12-31")}
    assert assigned["distance"].ge(0).all()


def test_profile_and_metrics_agree_with_the_assignments(frame, result):
    joined = result.assignments.merge(frame, on="customer_id")
    medians = joined.groupby("cluster_id")["frequency"].median()
    profile = result.profile[result.profile["feature"] == "frequency"].set_index("cluster_id")
    pd.testing.assert_series_equal(profile["median"], medians, check_names=False)
    assert profile["share_rate"].sum() == pytest.approx(1)
    metrics = result.metrics.set_index(["metric", "slice"])["value"]
    assert metrics["k", "chosen"] == 3
    assert metrics["stability", "chosen"] > 0.95
    assert metrics["outlier_rate", "all"] == result.assignments["is_outlier"].mean()
    assert result.stability["k"].tolist() == [3, 4, 5]
    assert result.stability["is_chosen"].tolist() == [True, False, False]


def test_order_of_rows_and_columns_changes_no_byte(frame, result):
    features = untold(frame)
    shuffled = features.sample(frac=1, random_state=3)[features.columns[::-1]]
    other = cluster_customers(shuffled, CONFIG, None)
    for name in ("assignments", "profile", "stability", "drift", "metrics"):
        assert getattr(result, name).to_csv() == getattr(other, name).to_csv()
    assert result.run == other.run


def test_names_stay_put_while_customers_move_a_little(frame, result):
    kept = tuple(f"Our {number}" for number in range(3))
    previous = dataclasses.replace(result.centroids, names=kept)
    draws = np.random.default_rng(9)
    later = untold(frame)
    for column in ("frequency", "monetary_amount", "recency_days"):
        later[column] *= np.exp(draws.normal(0, 0.1, len(later)))
    found = cluster_customers(later, CONFIG, previous)
    before = result.assignments.set_index("customer_id")["cluster_id"].map(dict(enumerate(kept, start=1)))
    after = found.assignments.set_index("customer_id")["cluster_name"]
    assert (before == after).mean() > 0.98
    assert found.drift["is_matched"].all()
    assert found.drift["share_rate"].sub(found.drift["previous_share_rate"]).abs().max() < 0.02
    psi = found.metrics.set_index("metric")["value"]["share_psi"]
    assert 0 <= psi < 0.01


def test_a_group_that_was_not_there_gets_a_name_of_its_own(frame, result):
    later = untold(frame)
    gone = frame["truth"] == "gone"
    later.loc[gone, "recency_days"] = 1.0
    later.loc[gone, "frequency"] = 300.0
    later.loc[gone, "monetary_amount"] = 300.0 * later.loc[gone, "net_amount_per_order"]
    found = cluster_customers(later, CONFIG, result.centroids)
    assert not found.drift.set_index("cluster_id").loc[1, "is_matched"]
    assert found.drift["cluster_name"].is_unique
    assert np.isnan(found.metrics.set_index("metric")["value"]["share_psi"])


def test_a_previous_run_on_other_features_is_not_compared_with(frame, result):
    found = cluster_customers(untold(frame).drop(columns="discount_rate"), CONFIG, result.centroids)
    assert not found.drift["is_matched"].any()


def test_centroids_survive_being_stored(result):
    again = Centroids.from_state(result.centroids.state())
    assert again.names == result.centroids.names
    np.testing.assert_array_equal(again.centers, result.centroids.centers)


def test_strange_customers_are_marked_and_still_assigned(frame):
    strange = untold(frame)
    strange.loc[[0, 400], ["frequency", "monetary_amount"]] = [[90_000.0, 1.0], [1.0, 9e8]]
    found = cluster_customers(strange, CONFIG, None).assignments.set_index("customer_id")
    assert found.loc[["s00000", "s00400"], "is_outlier"].all()
    assert found["is_outlier"].mean() < 0.05
    assert found["cluster_id"].notna().all()


def test_outliers_of_a_sample_are_those_of_all(frame):
    draws = np.random.default_rng(4)
    points = np.vstack([draws.normal(0, 1, (1_500, 3)), [[15, 15, 15], [-12, 0, 12]]])
    all_rows = np.arange(len(points))
    whole, part = mark_outliers(points, all_rows), mark_outliers(points, all_rows[::3])
    assert whole[-2:].all() and part[-2:].all()
    assert (whole != part).mean() < 0.01
    assert not mark_outliers(points[:5], np.arange(5)).any()


def test_more_customers_than_are_fitted_are_all_assigned(frame, result):
    bounded = dataclasses.replace(CONFIG, most_fitted=200, most_compared=150, most_outlier_sample=150)
    found = cluster_customers(untold(frame), bounded, None)
    both = result.assignments.merge(found.assignments, on="customer_id")
    assert len(both) == sum(group[0] for group in SEGMENTS.values())
    assert adjusted_rand_score(both["cluster_id_x"], both["cluster_id_y"]) > 0.97


def test_too_few_customers_have_a_status(frame, result):
    few = cluster_customers(untold(frame).head(40), CONFIG, None)
    assert (few.status, few.run["status"], few.centroids) == ("insufficient_customers", "insufficient_customers", None)
    assert len(few.assignments) == 0
    assert (few.assignments.dtypes == result.assignments.dtypes).all()
    assert cluster_customers(untold(frame).head(0), CONFIG, None).status == "insufficient_customers"


def test_unknown_and_constant_features_are_no_obstacle(frame):
    gappy = untold(frame).assign(points=np.nan, stores=3.0)
    gappy.loc[::5, "discount_rate"] = np.nan
    assert cluster_customers(gappy, CONFIG, None).status == "ok"


@pytest.mark.parametrize("kinds", [1, 2, 3])
def test_fewer_kinds_of_customers_than_clusters_are_not_grouped(frame, kinds):
    """0.1 has no exact mean: what is left of it must not pass for a spread."""
    alike = untold(frame)
    alike.iloc[:, 2:] = 0.1
    alike["monetary_amount"] = 0.1 + np.arange(len(alike)) % kinds
    found = cluster_customers(alike, CONFIG, None)
    assert found.status == ("ok" if kinds == 3 else "insufficient_customers")
    assert found.assignments["cluster_id"].nunique() == (3 if kinds == 3 else 0)
    assert kinds == 3 or found.run["detail"] == f"{len(alike)} customers are too much alike to group"


def test_bad_input_is_named(frame):
    with pytest.raises(ValueError, match="lack frequency"):
        cluster_customers(untold(frame).drop(columns="frequency"), CONFIG, None)
    with pytest.raises(ValueError, match="a customer twice"):
        cluster_customers(pd.concat([untold(frame), untold(frame).head(1)]), CONFIG, None)
    with pytest.raises(ValueError, match="at least 2"):
        ClusterConfig(fewest_k=1)


def compared(*rows):
    return pd.DataFrame(rows, columns=["k", "silhouette", "stability"])


def test_the_number_of_clusters_is_the_best_stable_one():
    assert choose_count(compared((3, 0.30, 0.9), (4, 0.35, 0.85), (5, 0.40, 0.5)), None) == 4
    assert choose_count(compared((3, 0.30, 0.5), (4, 0.35, 0.45), (5, 0.40, 0.2)), None) == 4
    assert choose_count(compared((3, 0.30, 0.9), (4, 0.30, 0.9)), None) == 3


def test_the_number_of_clusters_stays_while_it_is_as_good():
    assert choose_count(compared((3, 0.33, 0.75), (4, 0.34, 0.9)), 3) == 3
    assert choose_count(compared((3, 0.33, 0.60), (4, 0.34, 0.9)), 3) == 4
    assert choose_count(compared((3, 0.30, 0.9), (4, 0.34, 0.9)), 3) == 4


def test_matching_takes_the_least_total_distance_and_refuses_strangers():
    centers = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    found = match_clusters(centers, centers[[2, 0]] + 1.0)
    assert found.previous.tolist() == [1, -1, 0]
    assert match_clusters(centers, centers + 6.0).previous.tolist() == [-1, -1, -1]
    assert match_clusters(centers, centers[:0]).previous.tolist() == [-1, -1, -1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.sampled_from([0.0, 1.0, 2.0])] * 4), min_size=1, max_size=8),
    st.lists(st.sampled_from([None, None, "High value, frequent", "Mid value, regular"]), min_size=8, max_size=8),
)
def test_names_are_always_distinct_and_kept_names_stay(medians, kept):
    kept = [name if name not in kept[:place] else None for place, name in enumerate(kept)][: len(medians)]
    population = np.repeat([[0.0], [1.0], [2.0]], 4, axis=1)
    features = ("monetary_amount", "frequency", "recency_days", "discount_rate")
    names = name_clusters(np.array(medians), population, features, ROLES, kept)
    assert len(set(names)) == len(medians)
    assert all(name == was for name, was in zip(names, kept, strict=True) if was)


def test_stability_of_shares_by_hand():
    assert population_stability(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 0
    expected = 0.1 * np.log(0.6 / 0.5) - 0.1 * np.log(0.4 / 0.5)
    assert population_stability(np.array([0.6, 0.4]), np.array([0.5, 0.5])) == pytest.approx(expected)
    assert np.isnan(population_stability(np.array([0.6, 0.4]), np.array([np.nan, 0.5])))
