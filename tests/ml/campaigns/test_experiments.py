from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from benchmarks.coverage import Design, experiment_outcomes, simulate
from ml.campaigns.experiments import (
    ExperimentConfig,
    analyse_experiments,
    cuped,
    detectable_in_deviations,
    sample_ratio_p_value,
    welch,
    winsorise,
)
from ml.campaigns.results import COLUMN_TYPES

CAMPAIGNS = pd.DataFrame({"campaign_id": ["simulated"], "end_date": [date(2025, 3, 31)]})
THROUGH = date(2025, 3, 31)
ESTIMATES = [
    name for name in COLUMN_TYPES if name.startswith(("effect", "winsorised", "cuped", "p_value", "holm", "reached"))
]


def outcomes(seed=1, **design) -> pd.DataFrame:
    return experiment_outcomes(simulate(Design("test", **{"treated": 400, "control": 400, "lift": 0.3} | design), seed))


def result(frame, through=THROUGH, config=None) -> pd.Series:
    rows = analyse_experiments(frame, CAMPAIGNS, through, config)
    assert len(rows) == 1
    return rows.iloc[0]


def test_effect_is_welch_over_everyone_assigned_zeros_included():
    frame = outcomes()
    treated = frame.loc[frame["arm"] == "treatment", "value"].to_numpy()
    control = frame.loc[frame["arm"] == "control", "value"].to_numpy()
    row = result(frame)
    low, high = CompareMeans(DescrStatsW(treated), DescrStatsW(control)).tconfint_diff(usevar="unequal")
    assert (treated == 0).any()
    assert row["effect_per_member"] == pytest.approx(treated.mean() - control.mean())
    assert (row["effect_low"], row["effect_high"]) == pytest.approx((low, high))
    assert row["p_value"] == pytest.approx(stats.ttest_ind(treated, control, equal_var=False).pvalue)
    assert (row["status"], row["method"], row["treated_count"], row["control_count"]) == ("ok", "randomized", 400, 400)
    assert (row["campaign_id"], row["metric"], row["assigned_count"]) == ("simulated", frame["metric"].iloc[0], 800)


def test_an_arm_that_varies_by_rounding_alone_leaves_the_other_one_to_decide():
    treated, alike = np.array([1.0, 2.0, 4.0]), np.full(5, 3.0)
    almost = alike + np.array([0, 1, -1, 0, 1]) * np.finfo(float).eps
    assert welch(treated, almost) == pytest.approx(welch(treated, alike), rel=1e-12)
    assert welch(treated, alike).effect == pytest.approx(treated.mean() - 3)
    low, high = stats.t.interval(0.95, 2, treated.mean() - 3, stats.sem(treated))
    assert welch(treated, alike)[1:3] == pytest.approx((low, high))
    assert np.isnan(welch(alike, alike).p_value)


def test_a_customer_without_a_value_counts_as_zero():
    frame = outcomes()
    missing = frame.assign(
        value=frame["value"].where(frame["value"] > 0), pre_value=frame["pre_value"].replace(0, None)
    )
    pd.testing.assert_series_equal(result(missing), result(frame))


def test_both_arms_are_cut_at_one_cutoff_of_both_together():
    treated, control = np.array([0.0, 1, 2, 100]), np.array([0.0, 1, 2, -50])
    cut_treated, cut_control, cutoff = winsorise(treated, control, 0.75)
    assert cutoff == np.quantile([0, 1, 2, 100, 0, 1, 2, 50], 0.75)
    assert (cut_treated.max(), cut_control.min()) == (cutoff, -cutoff)
    assert winsorise(control, treated, 0.75)[0].min() == -cutoff
    frame = outcomes(spread=1.8)
    row = result(frame)
    assert row["winsorised_cutoff"] == pytest.approx(frame["value"].quantile(0.99))
    assert row["winsorised_effect_high"] - row["winsorised_effect_low"] < row["effect_high"] - row["effect_low"]


def test_cuped_removes_what_the_time_before_explains():
    generator = np.random.default_rng(3)
    pre = generator.normal(size=1000)
    value = 5 * pre + generator.normal(size=1000)
    arms = value[:500] + 0.2, value[500:], pre[:500], pre[500:]
    adjusted_treated, adjusted_control = cuped(*arms)
    slope = stats.linregress(pre, np.concatenate(arms[:2])).slope
    expected = arms[0].mean() - arms[1].mean() - slope * (pre[:500].mean() - pre[500:].mean())
    adjusted, plain = welch(adjusted_treated, adjusted_control), welch(*arms[:2])
    assert adjusted.effect == pytest.approx(expected)
    assert adjusted.high - adjusted.low < (plain.high - plain.low) / 4
    assert np.concatenate([adjusted_treated, adjusted_control]).mean() == pytest.approx(np.concatenate(arms[:2]).mean())


def test_without_a_time_before_there_is_no_cuped_and_no_planned_effect():
    row = result(outcomes().assign(pre_value=0.0))
    assert row["status"] == "ok" and row["effect_per_member"] != 0
    assert row[["cuped_effect_per_member", "cuped_effect_low", "cuped_effect_high", "planned_mde"]].isna().all()


def test_a_broken_split_blocks_the_effect_and_keeps_its_evidence():
    frame = outcomes(treated=2000, control=1700)
    row = result(frame)
    assert row["status"] == "sample_ratio_mismatch"
    assert row["srm_p_value"] == pytest.approx(stats.chisquare([2000, 1700]).pvalue)
    assert row[ESTIMATES].isna().all() and row["planned_mde"] > 0
    assert result(frame.assign(planned_share=2000 / 3700))["status"] == "ok"


def test_an_open_window_has_no_effect_yet():
    row = result(outcomes(), through=date(2025, 3, 30))
    assert row["status"] == "window_open" and row[ESTIMATES].isna().all()
    assert result(outcomes(), through=date(2025, 3, 31))["status"] == "ok"


def test_small_and_constant_campaigns_have_no_effect():
    assert result(outcomes(treated=1, control=2))["status"] == "too_few_customers"
    assert result(outcomes().query("arm == 'treatment'").head(3))["status"] == "too_few_customers"
    for value in (2.0, 0.1):  # 0.1 has no exact mean
        constant = result(outcomes().assign(value=value))
        assert constant["status"] == "no_variation" and constant[ESTIMATES].isna().all()


def test_what_is_constant_once_cut_or_adjusted_has_no_error_of_its_own():
    frame = outcomes().assign(value=2.0)
    frame.loc[frame.groupby("arm").head(1).index, "value"] = [3.0, 4.0]
    row = result(frame)
    assert row["status"] == "ok" and row["winsorised_cutoff"] == 2.0
    assert np.isnan(row["winsorised_effect_per_member"]) and not np.isnan(row["effect_per_member"])
    explained = result(outcomes().assign(value=lambda rows: 3 * rows["pre_value"] + 0.1))
    assert np.isnan(explained["cuped_effect_per_member"]) and not np.isnan(explained["effect_low"])


def test_a_time_before_that_is_the_same_for_all_adjusts_nothing():
    row = result(outcomes().assign(pre_value=0.1))
    assert np.isnan(row["cuped_effect_per_member"]) and np.isnan(row["planned_mde"])


def test_holm_covers_the_metrics_of_one_campaign():
    metrics = [outcomes(seed=seed, lift=0.2).assign(metric=f"m{seed}") for seed in range(4)]
    other = metrics[0].assign(campaign_id="other")
    campaigns = pd.DataFrame({"campaign_id": ["simulated", "other"], "end_date": [THROUGH, THROUGH]})
    rows = analyse_experiments(pd.concat([*metrics, other]), campaigns, THROUGH).set_index("campaign_id")
    family = rows.loc["simulated"]
    assert family["holm_p_value"].tolist() == multipletests(family["p_value"], method="holm")[1].tolist()
    assert (family["holm_p_value"] > family["p_value"]).any()
    assert (family["holm_p_value"] < multipletests(family["p_value"], method="bonferroni")[1]).any()
    assert rows.loc["other", "holm_p_value"] == rows.loc["other", "p_value"]


def test_detectable_effect_is_found_with_the_stated_power():
    generator = np.random.default_rng(5)
    treated, control = 300, 900
    shift = detectable_in_deviations(treated, control, 0.05, 0.8)
    test = welch(generator.normal(shift, 1, (treated, 4000)), generator.normal(0, 1, (control, 4000)))
    assert (test.p_value < 0.05).mean() == pytest.approx(0.8, abs=0.02)


def test_planned_effect_uses_the_time_before_and_reached_effect_the_campaign():
    frame = outcomes()
    row = result(frame)
    deviations = detectable_in_deviations(400, 400, 0.05, 0.8)
    assert row["planned_mde"] == pytest.approx(deviations * frame["pre_value"].std())
    spread = frame.groupby("arm")["value"].var()
    assert row["reached_mde"] == pytest.approx(deviations * np.sqrt(spread.mean()))
    assert result(frame.assign(pre_value=frame["pre_value"] * 2))["planned_mde"] == pytest.approx(
        2 * row["planned_mde"]
    )


def test_row_order_changes_nothing():
    frame = pd.concat([outcomes(), outcomes(seed=2).assign(metric="net_amount")])
    expected = analyse_experiments(frame, CAMPAIGNS, THROUGH)
    shuffled = analyse_experiments(frame.sample(frac=1, random_state=0), CAMPAIGNS, THROUGH)
    pd.testing.assert_frame_equal(shuffled, expected, rtol=1e-12)


def test_no_outcomes_give_an_empty_frame_of_the_same_shape():
    empty = analyse_experiments(outcomes().head(0), CAMPAIGNS, THROUGH)
    assert empty.empty and list(empty.columns) == list(COLUMN_TYPES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="pre_value"), "outcomes lacks pre_value"),
        (lambda f: pd.concat([f, f.head(1).assign(value=99)]), r"more than one row for .* metric \['simulated', "),
        (lambda f: f.assign(arm=f["arm"].replace("control", "holdout")), "holdout"),
        (lambda f: f.assign(planned_share=1.0), "between 0 and 1"),
        (lambda f: f.assign(planned_share=np.nan), "between 0 and 1"),
        (lambda f: f.assign(planned_share=np.linspace(0.4, 0.6, len(f))), "one value per campaign"),
        (lambda f: pd.concat([f, f.head(5).assign(metric="net_amount")]), "zeros included"),
        (lambda f: pd.concat([f, f.assign(metric="b", arm=f["arm"].to_numpy()[::-1])]), "both arms"),
        (lambda f: f.assign(campaign_id="unknown"), "campaigns that campaigns lacks"),
    ],
)
def test_what_is_no_complete_split_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        analyse_experiments(change(outcomes()), CAMPAIGNS, THROUGH)


def test_the_core_along_an_axis_is_the_analysis_of_each_campaign():
    design = Design("axis", treated=300, control=200, lift=0.2)
    campaigns = [simulate(design, seed) for seed in range(5)]
    stacked = [np.stack(arrays, axis=1) for arrays in zip(*campaigns, strict=True)]
    plain, adjusted = welch(*stacked[:2]), welch(*cuped(*stacked))
    winsorised = welch(*winsorise(*stacked[:2], ExperimentConfig().winsorise_quantile)[:2])
    rows = pd.DataFrame([result(experiment_outcomes(campaign, 0.6)) for campaign in campaigns])
    for prefix, estimate in (("", plain), ("winsorised_", winsorised), ("cuped_", adjusted)):
        assert rows[f"{prefix}effect_per_member"].to_numpy() == pytest.approx(estimate.effect)
        assert rows[f"{prefix}effect_low"].to_numpy() == pytest.approx(estimate.low)
        assert rows[f"{prefix}effect_high"].to_numpy() == pytest.approx(estimate.high)
    assert sample_ratio_p_value([300] * 5, [200] * 5, 0.6) == pytest.approx(rows["srm_p_value"].to_numpy())


def test_the_split_of_few_customers_is_judged_exactly():
    """Of 10 nobody in an arm of 95% of them: 0.05^10. Of 20 planned half and half, 19: 2 * 21 / 2^20."""
    assert sample_ratio_p_value(0, 10, 0.95) == pytest.approx(0.05**10, rel=1e-6)
    assert sample_ratio_p_value(19, 1, 0.5) == pytest.approx(2 * 21 / 2**20)
    assert sample_ratio_p_value(0, 0, 0.5) == 1


def test_amounts_below_a_cent_are_adjusted_as_any_other_and_constant_ones_not_at_all():
    generator = np.random.default_rng(4)
    pre, noise = generator.normal(size=(2, 100))
    value = 5 * pre + noise
    plain = cuped(value[:50], value[50:], pre[:50], pre[50:])
    small = cuped(value[:50], value[50:], pre[:50] / 1000, pre[50:] / 1000)
    assert small[0] == pytest.approx(plain[0]) and small[1] == pytest.approx(plain[1])
    constant = np.ones(50)
    assert np.isnan(cuped(value[:50], value[50:], constant, constant)).all()


@pytest.mark.parametrize("arm", ["treatment", "control"])
def test_one_arm_that_varies_is_enough_for_every_estimate(arm):
    frame = outcomes()
    constant = frame.assign(value=frame["value"].where(frame["arm"] == arm, 0.0), pre_value=frame["value"].abs())
    row = result(constant)
    assert row["status"] == "ok"
    assert row[["effect_low", "winsorised_effect_low", "cuped_effect_low"]].notna().all()


def test_two_customers_an_arm_are_enough():
    row = result(outcomes(treated=2, control=2))
    assert row["status"] == "ok" and row["planned_mde"] > 0
    assert np.isfinite(row[["effect_low", "effect_high"]].to_numpy(float)).all()


def test_the_interval_is_as_wide_as_asked_for():
    frame = outcomes()
    wide, narrow = (result(frame, config=ExperimentConfig(alpha=alpha)) for alpha in (0.05, 0.5))
    for estimate in ("effect", "winsorised_effect", "cuped_effect"):
        shares = [row[f"{estimate}_high"] - row[f"{estimate}_low"] for row in (narrow, wide)]
        assert shares[0] < 0.4 * shares[1]


def test_campaigns_without_an_end_are_refused():
    with pytest.raises(ValueError, match="campaigns lacks end_date"):
        analyse_experiments(outcomes(), CAMPAIGNS.drop(columns="end_date"), THROUGH)


def test_each_campaign_of_many_has_the_p_value_of_its_own_split():
    found = sample_ratio_p_value([300, 320], [200, 180], 0.6)
    assert found == pytest.approx([1, stats.chisquare([320, 180], [300, 200]).pvalue])
    # fifty expected in an arm are enough for the approximation
    assert sample_ratio_p_value(60, 40, 0.5) == pytest.approx(stats.chisquare([60, 40]).pvalue)
