import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest

from ml.churn.backtest import fit, judge, judge_prior
from ml.churn.calibration import CalibratedModel
from ml.churn.candidates import BASELINE, CANDIDATES, RECENCY_ALONE
from ml.churn.champion import CHAMPION, Backtest, Champion, judge_champion
from ml.churn.config import ChurnConfig, MinimumHistory
from ml.churn.evaluation import means
from ml.churn.scores import SCORE_COLUMNS, churn_bands
from ml.churn.training import RUN_METRIC_COLUMNS, train_and_score
from ml.churn.tuning import tune_all
from ml.churn.windows import rolling_origins, split_judged
from ml.common.determinism import deterministic
from ml.common.model_runs import model_run_id
from tests.ml.churn.generated_customers import HORIZON, churn_frame, features_of, labelled_panel, month_ends, trained

QUICK = ChurnConfig(horizon_days=HORIZON, trials=2, candidates=("logistic_regression",))
COARSE = dataclasses.replace(QUICK, trials=0, candidates=("decision_tree",))


@pytest.fixture(autouse=True)
def one_thread():
    with deterministic():
        yield


@pytest.fixture(scope="module")
def frame():
    return churn_frame()


@pytest.fixture(scope="module")
def result(frame):
    return trained(features_of(frame), QUICK)


@pytest.fixture(scope="module")
def coarse(frame):
    return trained(features_of(frame), COARSE)


def champion_of(result):
    return Champion(result.run, result.model)


def test_probabilities_recover_the_truth(frame, result):
    truth = frame[frame["snapshot_date"] == frame["snapshot_date"].max()].set_index("customer_id")["true_probability"]
    probability = result.scores.set_index("customer_id")["churn_probability"]
    assert (result.status, result.run["model"]) == ("promoted", "logistic_regression")
    assert (probability - truth).abs().mean() < 0.04
    assert probability.corr(truth, method="spearman") > 0.97


def test_every_model_of_the_candidates_beats_recency_where_pace_matters(frame):
    matrix = labelled_panel(frame)
    origin = rolling_origins(month_ends(8), HORIZON)[-1]
    truth = frame[frame["snapshot_date"] == pd.Timestamp(origin.test)]["true_probability"].to_numpy()
    baseline = judge(matrix, [origin], BASELINE, BASELINE.defaults, 1)["probability"]
    for candidate in CANDIDATES.values():
        found = judge(matrix, [origin], candidate, candidate.defaults, 1)["probability"]
        assert np.abs(found - truth).mean() < 0.7 * np.abs(baseline - truth).mean(), candidate.name


def test_scores_are_complete(frame, result):
    scores = result.scores
    assert list(scores.columns) == SCORE_COLUMNS
    assert scores["customer_id"].tolist() == sorted(set(frame["customer_id"]))
    assert set(scores["as_of_date"]) == {frame["snapshot_date"].max()}
    assert scores["churn_probability"].between(0, 1).all()
    assert set(scores["model_run_id"]) == {result.run["model_run_id"]}
    expected = pd.cut(
        scores["churn_probability"], [0, 0.2, 0.5, 0.8, 1], right=False, labels=["low", "medium", "high", "critical"]
    )
    assert (scores["churn_band"] == expected.astype(str)).all()
    assert scores["churn_band"].nunique() >= 3


def test_bands_begin_at_their_cut_points():
    found = churn_bands(np.array([0.0, 0.1999, 0.2, 0.5, 0.7999, 0.8, 1.0]), (0.2, 0.5, 0.8))
    assert found.tolist() == ["low", "low", "medium", "high", "high", "critical", "critical"]


def test_metrics_cover_every_origin_population_and_baseline(result):
    metrics = result.metrics
    assert list(metrics.columns) == RUN_METRIC_COLUMNS
    assert not metrics.duplicated(["model_run_id", "metric", "slice"]).any()
    assert set(metrics["model"]) == {"logistic_regression", "recency_alone", "class_prior"}
    judged = [f"origin={day}" for day in month_ends(8)[-4:]]
    assert {s.split(";")[0] for s in metrics["slice"]} == {*judged, "mean"}
    assert {run["model_run_id"] for run in result.runs} == set(metrics["model_run_id"])
    model, recency, prior = (means(metrics, name) for name in ("logistic_regression", "recency_alone", "class_prior"))
    assert model["auc"] > recency["auc"] > prior["auc"] == 0.5
    assert model["brier"] < recency["brier"] < prior["brier"]
    own = metrics[(metrics["model"] == "logistic_regression") & (metrics["metric"] == "auc")].set_index("slice")
    assert own.loc["mean;population=active", "baseline"] == recency["auc"]


def test_the_class_prior_knows_the_churn_rate_of_active_customers(frame):
    matrix = labelled_panel(frame)
    origin = rolling_origins(month_ends(8), HORIZON)[-1]
    found = judge_prior(matrix, [origin])
    train = matrix.at(origin.train)
    assert set(found.loc[found["is_active"], "probability"]) == {train.label[train.active].mean()}
    assert set(found.loc[~found["is_active"], "probability"]) == {train.label[~train.active].mean()}


def test_order_of_rows_and_columns_changes_no_byte(frame):
    config = dataclasses.replace(QUICK, candidates=("logistic_regression", "hist_gradient_boosting"))
    features = features_of(frame)
    shuffled = features.sample(frac=1, random_state=7)[features.columns[::-1]]
    one, other = (trained(f, config) for f in (features, shuffled))
    assert one.scores.to_csv() == other.scores.to_csv()
    assert one.metrics.to_csv() == other.metrics.to_csv()
    assert one.curves.to_csv() == other.curves.to_csv()
    assert (one.runs, one.training_key) == (other.runs, other.training_key)


def test_a_run_is_known_by_its_data(frame, result):
    features = features_of(frame)
    features.loc[5, "weekend_rate"] = 0.987
    assert trained(features, COARSE).training_key != result.training_key
    first_day = features["snapshot_date"] == features["snapshot_date"].max()
    unlabelled = features_of(frame)
    unlabelled.loc[first_day, "weekend_rate"] = 0.5
    again = trained(unlabelled, QUICK)
    assert again.run["model_run_id"] == result.run["model_run_id"]


# No look into the future


def test_labels_open_at_an_origin_change_no_prediction_there(frame):
    matrix = labelled_panel(frame)
    for origin in rolling_origins(month_ends(8), HORIZON)[-3:]:
        open_then = matrix.snapshot > np.datetime64(max(origin.train))
        turned = dataclasses.replace(matrix, label=np.where(open_then, 1 - matrix.label, matrix.label))
        for candidate in (CANDIDATES["logistic_regression"], BASELINE):
            before, after = (judge(p, [origin], candidate, candidate.defaults, 1) for p in (matrix, turned))
            np.testing.assert_array_equal(before["probability"], after["probability"])


def test_judged_origins_have_no_say_in_the_search(frame):
    matrix = labelled_panel(frame)
    tuning, judged = split_judged(rolling_origins(month_ends(8), HORIZON), HORIZON, fewest=3, most=6)
    at_judged = np.isin(matrix.snapshot, np.array([origin.test for origin in judged], dtype="datetime64[D]"))
    assert at_judged.any() and len(tuning) >= 2
    turned = dataclasses.replace(matrix, label=np.where(at_judged, 1 - matrix.label, matrix.label))
    one, other = (tune_all([CANDIDATES["decision_tree"]], p, tuning, trials=4, seed=1) for p in (matrix, turned))
    assert one == other


def test_nobody_is_too_little_history(frame):
    found = trained(features_of(frame).iloc[:0], QUICK)
    assert found.status == "insufficient_history" and found.scores.empty and found.model is None


def test_only_models_within_reach_of_the_best_are_searched(frame, monkeypatch):
    matrix = labelled_panel(frame)
    tuning, _ = split_judged(rolling_origins(month_ends(8), HORIZON), HORIZON, fewest=3, most=6)
    candidates = [CANDIDATES[name] for name in ("decision_tree", "logistic_regression")]
    by_default = tune_all(candidates, matrix, tuning, trials=1, seed=1)
    alone = [tune_all([one], matrix, tuning, trials=4, seed=1)[0] for one in candidates]
    assert all(found.auc > default.auc for found, default in zip(alone, by_default, strict=True))
    best = int(np.argmax([found.auc for found in by_default]))
    for reach, searched in ((0.0, {best}), (1.0, {0, 1})):
        monkeypatch.setattr("ml.churn.tuning._WORTH_SEARCHING", reach)
        found = tune_all(candidates, matrix, tuning, trials=4, seed=1)
        assert found == [(alone if place in searched else by_default)[place] for place in range(2)]


def test_a_planted_leak_stops_the_scores(frame):
    leaking = features_of(frame)
    draws = np.random.default_rng(5)
    answer = leaking["churned"].astype("boolean").to_numpy(dtype=float, na_value=0.0)
    leaking["orders_to_come"] = answer + draws.normal(0, 0.2, len(leaking))
    found = trained(leaking, QUICK)
    assert found.status == "leak_suspected"
    assert "orders_to_come" in found.detail
    assert len(found.scores) == 0 and found.model is None


def test_a_leak_through_missing_values_stops_the_scores(frame):
    leaking = features_of(frame)
    leaking["days_to_next_order"] = np.where(leaking["churned"].fillna(False).astype(bool), np.nan, 3.0)
    assert "days_to_next_order" in trained(leaking, QUICK).detail


def test_labels_whose_horizon_is_not_over_are_refused(frame):
    features = features_of(frame)
    features["churned"] = features["churned"].fillna(False)
    with pytest.raises(ValueError, match="leave `churned` empty"):
        trained(features, QUICK)


# Who publishes


def test_where_recency_is_all_there_is_the_baseline_is_published_by_name():
    features = features_of(churn_frame(pace_weight=0.0, seed=3))
    found = trained(features, COARSE)
    assert (found.status, found.run["model"]) == ("baseline_published", RECENCY_ALONE)
    assert found.run["is_champion"] and found.run["features"] == ["recency_days"]
    assert found.scores["reason_1"].dropna().str.startswith("Last bought").all()
    assert found.scores[["reason_2", "reason_3"]].isna().all(axis=None)
    by_recency = found.scores.merge(features[features["snapshot_date"] == features["snapshot_date"].max()])
    assert by_recency.sort_values("recency_days")["churn_probability"].is_monotonic_increasing


def test_a_worse_challenger_is_kept_out(frame, result):
    found = trained(features_of(frame), COARSE, champion_of(result))
    assert (found.status, found.run["model_run_id"]) == ("champion_kept", result.run["model_run_id"])
    assert found.model is result.model
    pd.testing.assert_frame_equal(found.scores, result.scores)
    kept, tried = (means(found.metrics, name) for name in (CHAMPION, "decision_tree"))
    assert tried["brier"] > kept["brier"]
    challenger = next(run for run in found.runs if run["model"] == "decision_tree")
    assert not challenger["is_champion"]


def test_a_better_challenger_takes_over(frame, coarse):
    found = trained(features_of(frame), QUICK, champion_of(coarse))
    assert (coarse.run["model"], found.status) == ("decision_tree", "promoted")
    assert found.run["model"] == "logistic_regression"
    assert sum(run["is_champion"] for run in found.runs) == 1


def test_an_equal_challenger_changes_nothing(frame, result):
    found = trained(features_of(frame), QUICK, champion_of(result))
    assert found.status == "champion_kept"
    assert found.scores.to_csv() == result.scores.to_csv()


def test_the_champion_is_judged_as_it_stands_only_where_it_has_not_seen_the_answers(frame):
    matrix = labelled_panel(frame)
    origins = rolling_origins(month_ends(8), HORIZON)
    early = matrix.at(month_ends(8)[:4])
    model = fit(CANDIDATES["decision_tree"], CANDIDATES["decision_tree"].defaults, early, 1)
    run = {
        "model": "decision_tree",
        "parameters": CANDIDATES["decision_tree"].defaults,
        "features": list(matrix.features),
        "horizon_days": HORIZON,
        "seed": 1,
        "snapshot_to": str(month_ends(4)[-1]),
    }
    found = judge_champion(Champion(run, model), matrix, origins)
    for origin in origins:
        seen = origin.test <= month_ends(4)[-1] or max(origin.train) < month_ends(4)[-1]
        expected = fit(CANDIDATES["decision_tree"], run["parameters"], matrix.at(origin.train), 1) if seen else model
        here = found.loc[found["origin"] == str(origin.test), "probability"]
        np.testing.assert_array_equal(here, expected.predict_proba(matrix.at([origin.test]).x)[:, 1])


def test_a_champion_whose_features_are_gone_is_retired(frame, result):
    poorer = features_of(frame).drop(columns="net_amount_per_week_90d")
    found = trained(poorer, QUICK, champion_of(result))
    assert found.status == "promoted"
    assert "net_amount_per_week_90d" not in found.run["features"]


def test_the_same_data_is_not_learned_again(frame, result):
    known = Backtest(result.runs, result.metrics, result.curves)
    champion = Champion(result.run, result.model, result.training_key, known)
    later = features_of(frame)
    today = later["snapshot_date"] == later["snapshot_date"].max()
    later.loc[today, "snapshot_date"] += pd.Timedelta(days=1)
    found = trained(later, QUICK, champion)
    assert found.status == "champion_kept" and "nothing new" in found.detail
    assert found.model is result.model and found.metrics is result.metrics
    expected = result.scores.assign(as_of_date=result.scores["as_of_date"] + pd.Timedelta(days=1))
    pd.testing.assert_frame_equal(found.scores, expected)
    assert [run["model_run_id"] for run in found.runs] == [run["model_run_id"] for run in result.runs]


# Not enough


def test_short_history_has_a_status_figures_and_no_probabilities(frame, result):
    short = frame[frame["snapshot_date"] <= pd.Timestamp(month_ends(4)[-1])].copy()
    short.loc[short["snapshot_date"] == short["snapshot_date"].max(), "churned"] = pd.NA
    found = trained(features_of(short), QUICK)
    assert (found.status, found.run["status"], found.model) == ("insufficient_history", "insufficient_history", None)
    assert found.detail.startswith("1 of at least 3 origins")
    assert list(found.scores.columns) == SCORE_COLUMNS and len(found.scores) == 0
    assert (found.scores.dtypes == result.scores.dtypes).all()
    assert means(found.metrics, "logistic_regression")["auc"] > 0.5
    assert not any(run["is_champion"] for run in found.runs)


@pytest.mark.parametrize("customers", [0, 1, 8])
def test_hardly_any_customers_are_no_error(customers):
    tiny = churn_frame(customers=8)
    tiny = tiny[tiny["customer_id"] < f"c{customers:05d}"] if customers else tiny[tiny["churned"].isna()]
    found = trained(features_of(tiny), QUICK)
    assert found.status == "insufficient_history"
    assert len(found.scores) == len(found.metrics) == 0


@pytest.mark.parametrize("demand", [{"active": 400}, {"churners": 200}, {"others": 400}, {"origins": 8}])
def test_every_minimum_counts_active_customers_of_an_origin(frame, demand):
    labelled = frame[frame["churned"].notna() & frame["is_active"]]
    churners = labelled.groupby("snapshot_date")["churned"].sum()
    assert labelled.groupby("snapshot_date").size().max() < 400 and churners.max() < 200
    demanding = dataclasses.replace(COARSE, minimum=MinimumHistory(**demand))
    assert trained(features_of(frame), demanding).status == "insufficient_history"


@pytest.mark.parametrize(
    "change", [{"bands": (0.5, 0.2, 0.8)}, {"candidates": ("oracle",)}, {"candidates": ()}, {"horizon_days": 0}]
)
def test_nonsense_is_refused(change):
    with pytest.raises(ValueError):
        dataclasses.replace(QUICK, **change)


def test_missing_columns_and_repeated_keys_are_named(frame):
    features = features_of(frame)
    with pytest.raises(ValueError, match="lacks is_active"):
        trained(features.drop(columns="is_active"), QUICK)
    with pytest.raises(ValueError, match="c00000 occurs twice"):
        trained(pd.concat([features, features.iloc[[0]]]), QUICK)


def test_features_that_never_differ_are_left_out(frame):
    dull = features_of(frame).assign(usage_events_90d=0.0, feedback_rating_365d=np.nan)
    dull.loc[dull["churned"].isna(), "usage_events_90d"] = 3.0
    found = trained(dull, COARSE)
    assert not {"usage_events_90d", "feedback_rating_365d"} & set(found.run["features"])
    plain = trained(features_of(frame), COARSE).scores
    columns = ["customer_id", "churn_probability", "reason_1", "reason_2", "reason_3"]
    pd.testing.assert_frame_equal(found.scores[columns], plain[columns], check_exact=True)


def test_a_champion_may_know_a_feature_that_has_stopped_differing(frame, result):
    stopped = features_of(frame).assign(weekend_rate=0.5)
    found = trained(stopped, COARSE, champion_of(result))
    assert found.status == "champion_kept" and "weekend_rate" in found.run["features"]


def test_rows_beyond_the_bound_are_sampled_by_customer(frame):
    bounded = dataclasses.replace(QUICK, most_training_rows=2_400)
    found = trained(features_of(frame), bounded)
    assert found.status == "promoted"
    assert 0.8 * 2_400 < found.run["rows"] <= 2_400
    assert found.run["rows"] % 8 == 0
    assert len(found.scores) == 420


def test_the_model_is_one_that_can_be_saved(result):
    assert isinstance(result.model, CalibratedModel)


@pytest.mark.parametrize("changes", [{"churned": True}, {"churned": False}, {"recency_days": 5.0}])
def test_labels_or_recency_that_are_all_the_same_leave_nothing_to_learn(frame, changes):
    """One class has no boundary, one recency no baseline: both are told before anything is fitted."""
    known = frame["churned"].notna()
    alike = frame.assign(**{name: frame[name].mask(known, value) for name, value in changes.items()})
    if "recency_days" in changes:
        alike["is_active"] = True
    found = trained(features_of(alike), COARSE)
    assert found.status == "insufficient_history" and len(found.scores) == 0
    assert ("recency_days is the same" in found.detail) is ("recency_days" in changes)


def test_where_nobody_is_left_to_score_nobody_is_scored_as_of_an_earlier_day(frame):
    """Customers who all left long ago are in no snapshot of today."""
    today = frame["snapshot_date"].max().date() + dt.timedelta(days=300)
    found = train_and_score(features_of(frame), COARSE, None, today)
    assert found.status == "insufficient_history" and len(found.scores) == 0
    assert found.detail == f"nobody is to be scored on {today}" and found.run["as_of_date"] == str(today)
    with pytest.raises(ValueError, match="snapshots after"):
        train_and_score(features_of(frame), COARSE, None, today - dt.timedelta(days=301))


def test_an_id_is_a_hash_of_what_went_in_and_of_nothing_that_came_out(result):
    """The tuned parameters are not in it: a search may end elsewhere by a last digit."""
    for run in result.runs:
        inputs = {"features": run["features"], "training": result.training_key}
        assert run["model_run_id"] == model_run_id(f"churn/{run['model']}", inputs)
    assert len({run["model_run_id"] for run in result.runs}) == len(result.runs)
