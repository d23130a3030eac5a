import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.campaigns.uplift import UpliftConfig, learn_uplift, qini
from ml.common.model_runs import METRIC_COLUMNS

FEATURES = ["f0", "f1", "f2"]
QUICK = UpliftConfig(permutations=99, trees=40, folds=3)


def experiment(seed: int, heterogeneous: bool, customers: int = 4000) -> tuple[pd.DataFrame, np.ndarray]:
    """A campaign on mostly empty, skewed outcomes; the effect is 0 or 8 by the sign of f0, or 4 for everyone."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(customers, 3))
    treated = generator.random(customers) < 0.5
    effect = np.where(features[:, 0] > 0, 8.0, 0.0) if heterogeneous else np.full(customers, 4.0)
    amount = np.exp(2 + 0.5 * features[:, 1] + 0.6 * generator.normal(size=customers))
    outcome = np.where(generator.random(customers) < 0.4, amount, 0.0) + treated * effect
    frame = pd.DataFrame(features, columns=FEATURES).assign(
        customer_id=np.arange(customers), arm=np.where(treated, "treatment", "control"), outcome=outcome
    )
    return frame, effect


def test_finds_whom_the_campaign_moves_and_by_how_much():
    frame, effect = experiment(1, heterogeneous=True)
    result = learn_uplift(frame, FEATURES, QUICK)
    uplift = result.scores["expected_uplift"].to_numpy()
    assert result.run["status"] == "uplift_model"
    assert np.corrcoef(uplift, effect)[0, 1] > 0.8
    assert uplift[effect == 8].mean() == pytest.approx(8, abs=1.5)
    assert uplift[effect == 0].mean() == pytest.approx(0, abs=1.5)
    metrics = result.metrics.set_index("metric")["value"]
    assert list(result.metrics.columns) == METRIC_COLUMNS
    assert metrics["qini_coefficient"] > 0 and metrics["qini_p_value"] == 0.01
    assert metrics["average_effect"] == pytest.approx(4, abs=1)


def test_the_same_effect_for_everyone_gives_everyone_the_average():
    frame, _ = experiment(2, heterogeneous=False)
    result = learn_uplift(frame, FEATURES, QUICK)
    assert result.run["status"] == "average_effect"
    arms = frame.groupby("arm")["outcome"].mean()
    assert result.scores["expected_uplift"].nunique() == 1
    assert result.scores["expected_uplift"].iloc[0] == pytest.approx(arms["treatment"] - arms["control"], abs=0.2)
    assert result.models is not None and np.ptp(result.models.predict(frame)) == 0


def test_random_ranking_is_seldom_called_better_than_random():
    statuses = [
        learn_uplift(experiment(seed, False, 800)[0], FEATURES, QUICK).run["status"] for seed in range(100, 115)
    ]
    assert statuses.count("uplift_model") <= 3


def test_models_score_customers_outside_the_campaign():
    frame, _ = experiment(1, heterogeneous=True)
    others, effect = experiment(9, heterogeneous=True, customers=500)
    models = learn_uplift(frame, FEATURES, QUICK).models
    assert models is not None
    uplift = models.predict(others.drop(columns=["arm", "outcome"]))
    assert np.corrcoef(uplift, effect)[0, 1] > 0.8


def test_same_customers_same_scores_in_any_order():
    frame, _ = experiment(3, heterogeneous=True, customers=800)
    first = learn_uplift(frame, FEATURES, QUICK)
    second = learn_uplift(frame.sample(frac=1, random_state=1), FEATURES, QUICK)
    pd.testing.assert_frame_equal(first.scores, second.scores)
    assert first.run == second.run
    other = learn_uplift(frame.assign(outcome=frame["outcome"] + 1), FEATURES, QUICK)
    assert other.run["model_run_id"] != first.run["model_run_id"]


def test_too_few_customers_give_no_score():
    frame, _ = experiment(1, heterogeneous=True, customers=150)
    result = learn_uplift(frame, FEATURES, QUICK)
    assert result.run["status"] == "insufficient_data" and result.models is None
    assert result.scores["expected_uplift"].isna().all() and len(result.scores) == 150
    assert result.metrics.empty and list(result.metrics.columns) == METRIC_COLUMNS


def test_the_same_outcome_for_everyone_moves_nobody():
    frame, _ = experiment(1, heterogeneous=True, customers=800)
    result = learn_uplift(frame.assign(outcome=0.1), FEATURES, QUICK)
    assert result.run["status"] == "average_effect"
    np.testing.assert_allclose(result.scores["expected_uplift"], 0, atol=1e-12)
    metrics = result.metrics.set_index("metric")["value"]
    assert (metrics["qini_p_value"], metrics["calibration_slope"]) == (1.0, 0.0)


def test_qini_by_hand():
    """Ranked: treated 10, control 2, control 4, treated 6; two are treated, and controls are scaled to their number."""
    scores, treated, outcome = np.array([1.0, 3, 4, 2]), np.array([True, False, True, False]), np.array([6.0, 2, 10, 4])
    judged = qini(scores, treated, outcome, QUICK)
    gains = [10 / 2, (10 - 2) / 2, (10 - 6 * 1 / 2) / 2, (16 - 6) / 2]
    assert judged.curve["share"].tolist() == [0.25, 0.5, 0.75, 1.0]
    assert judged.curve["gain"].tolist() == gains
    assert judged.coefficient == pytest.approx((0 + 5) / 8 + (5 + 4) / 8 + (4 + 3.5) / 8 + (3.5 + 5) / 8 - 5 / 2)


def test_a_perfect_ranking_beats_its_reverse_and_ties_are_random():
    frame, effect = experiment(4, heterogeneous=True, customers=2000)
    treated, outcome = (frame["arm"] == "treatment").to_numpy(), frame["outcome"].to_numpy()
    best, worst, tied = (qini(scores, treated, outcome, QUICK) for scores in (effect, -effect, np.zeros(2000)))
    assert best.coefficient > 0 > worst.coefficient
    assert (best.p_value, tied.coefficient, tied.p_value) == (0.01, 0.0, 1.0)
    assert worst.p_value > 0.9


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_qini_does_not_depend_on_the_order_within_ties(seed):
    generator = np.random.default_rng(seed)
    scores, treated = generator.integers(0, 4, 40).astype(float), generator.random(40) < 0.5
    treated[:2] = [True, False]
    outcome = generator.exponential(size=40)
    order = generator.permutation(40)
    first = qini(scores, treated, outcome, UpliftConfig(permutations=9))
    second = qini(scores[order], treated[order], outcome[order], UpliftConfig(permutations=9))
    assert second.coefficient == pytest.approx(first.coefficient)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="f1"), "customers lacks f1"),
        (lambda f: pd.concat([f, f.head(1)]), "more than one row"),
        (lambda f: f.assign(arm="holdout"), "holdout"),
    ],
)
def test_what_is_no_experiment_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        learn_uplift(change(experiment(1, True, 100)[0]), FEATURES, QUICK)
