"""Arms against one control: Hillstrom's published counts, the gates in their order, and Holm over arms and metrics."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from ml.campaigns.arm_metrics import METRICS
from ml.campaigns.arms import analyse_arms, arm_ratio_p_value
from ml.campaigns.experiments import analyse_experiments
from ml.campaigns.sequential import half_width

# Kevin Hillstrom's MineThatData e-mail challenge (2008): customers, of whom visited, of whom bought.
HILLSTROM = {"mens": (21_307, 3_894, 267), "womens": (21_387, 3_238, 189), "control": (21_306, 2_262, 122)}
EQUAL = dict.fromkeys(HILLSTROM, 1 / 3)
OVER = {"is_over": True, "is_final": True, "is_assignment_broken": False, "observed_share": 1.0}


def plan(shares, controls=("control",), campaign_id="k"):
    rows = [(campaign_id, arm, arm in controls, share) for arm, share in shares.items()]
    return pd.DataFrame(rows, columns=["campaign_id", "arm", "is_control", "planned_share"])


def state(campaign_id="k", **changes):
    return pd.DataFrame([{"campaign_id": campaign_id, **OVER, **changes}])


def outcomes(by_arm, campaign_id="k"):
    """Long rows of each arm's customers from their orders and net amounts; the margin is a quarter of it."""
    frames = []
    for arm, (orders, net) in by_arm.items():
        customers = [f"{arm}-{number}" for number in range(len(orders))]
        for metric, values in (("orders_count", orders), ("net_amount", net), ("margin_amount", net * 0.25)):
            frames.append(pd.DataFrame({"customer_id": customers, "arm": arm, "metric": metric, "value": values}))
    return pd.concat(frames, ignore_index=True).assign(campaign_id=campaign_id)


def counted(yes):
    """Customers of whom the first `yes` placed one order of 10."""
    return {
        arm: (flags := (np.arange(HILLSTROM[arm][0]) < number).astype(float), 10 * flags) for arm, number in yes.items()
    }


def drawn(sizes, seed=1, lift=0.0):
    generator = np.random.default_rng(seed)
    made = {}
    for arm, size in sizes.items():
        orders = generator.poisson(generator.gamma(2, 0.8, size) + (lift if arm != "control" else 0)).astype(float)
        made[arm] = (orders, orders * generator.lognormal(3, 0.5, size))
    return outcomes(made)


def result(frame, shares, controls=("control",), **changes):
    found = analyse_arms(frame, plan(shares, controls), state(**changes))
    return found.arms.set_index("arm"), found.metrics.set_index(["arm", "metric"])


@pytest.fixture(scope="module")
def visits():
    return result(outcomes(counted({arm: counts[1] for arm, counts in HILLSTROM.items()})), EQUAL)


def test_hillstroms_three_arms_come_out_as_published(visits):
    """Visits of 18.28%, 15.14% and 10.62%: 7.66 and 4.52 percentage points more than nothing sent."""
    arms, metrics = visits
    rates = metrics.xs("conversion_rate", level="metric")
    assert arms["members_count"].sum() == 64_000
    assert arms["srm_p_value"].iloc[0] == pytest.approx(stats.chisquare([21_307, 21_387, 21_306]).pvalue)
    assert rates["value"].round(4).to_dict() == {"mens": 0.1828, "womens": 0.1514, "control": 0.1062}
    assert rates["difference"].drop("control").round(4).to_dict() == {"mens": 0.0766, "womens": 0.0452}
    p, q = 3_894 / 21_307, 2_262 / 21_306
    error = np.sqrt(p * (1 - p) / 21_306 + q * (1 - q) / 21_305)
    assert rates.loc["mens", "difference_low"] == pytest.approx(p - q - 1.96 * error, abs=1e-6)
    assert rates.loc["mens", "sequential_high"] == pytest.approx(p - q + half_width(1) * error)
    assert (rates.loc[["mens", "womens"], "sequential_low"] > 0).all()


def test_hillstroms_purchases_come_out_as_published():
    """Conversion of 1.25%, 0.88% and 0.57%; both e-mails sold more, the one for women's clothes less than the other."""
    _, metrics = result(outcomes(counted({arm: counts[2] for arm, counts in HILLSTROM.items()})), EQUAL)
    rates = metrics.xs("conversion_rate", level="metric")
    assert rates["value"].round(4).to_dict() == {"mens": 0.0125, "womens": 0.0088, "control": 0.0057}
    assert rates["difference"].drop("control").round(4).to_dict() == {"mens": 0.0068, "womens": 0.0031}
    assert (rates["arms_holm_p_value"].drop("control") < 0.001).all()
    # hardly anybody bought, and everybody who did for the same amount
    assert metrics.loc[("mens", "net_amount_p90"), "status"] == "too_few_buyers"
    assert metrics.loc[("mens", "average_order_value"), "status"] == "no_variation"


def test_of_one_treatment_the_margin_is_that_of_the_whole_campaign():
    frame = drawn({"treatment": 400, "control": 500}, lift=0.3)
    _, metrics = result(frame, {"treatment": 4 / 9, "control": 5 / 9})
    day = date(2025, 3, 31)
    whole = analyse_experiments(
        frame.assign(pre_value=0.0, planned_share=4 / 9), pd.DataFrame({"campaign_id": ["k"], "end_date": [day]}), day
    ).set_index("metric")
    for metric in ("margin_amount", "net_amount", "orders_count"):
        row, expected = metrics.loc[("treatment", metric)], whole.loc[metric]
        assert row[["difference", "difference_low", "difference_high", "p_value"]].tolist() == pytest.approx(
            expected[["effect_per_member", "effect_low", "effect_high", "p_value"]].tolist()
        )


def test_holm_covers_the_arms_of_a_metric_and_all_of_the_campaign():
    _, metrics = result(
        drawn({"a": 900, "b": 900, "control": 900}, lift=0.1), {"a": 1 / 3, "b": 1 / 3, "control": 1 / 3}
    )
    tested = metrics[metrics["p_value"].notna()]
    assert len(tested) == 2 * 7 and set(metrics.loc["control", "status"]) == {"control"}
    np.testing.assert_allclose(tested["holm_p_value"], multipletests(tested["p_value"], method="holm")[1])
    margins = tested.xs("margin_amount", level="metric")
    np.testing.assert_allclose(margins["arms_holm_p_value"], multipletests(margins["p_value"], method="holm")[1])


def test_an_open_window_has_only_the_interval_that_may_be_looked_at():
    frame = drawn({"a": 300, "control": 300})
    _, done = result(frame, {"a": 0.5, "control": 0.5})
    _, early = result(frame, {"a": 0.5, "control": 0.5}, is_over=False, is_final=False, observed_share=0.25)
    row, last = early.loc[("a", "margin_amount")], done.loc[("a", "margin_amount")]
    assert row["status"] == "window_open" and row[["difference_low", "p_value", "holm_p_value"]].isna().all()
    assert row["difference"] == last["difference"]
    widths = [found["sequential_high"] - found["sequential_low"] for found in (row, last)]
    assert widths[0] / widths[1] == pytest.approx(half_width(0.25) / half_width(1))
    _, late = result(frame, {"a": 0.5, "control": 0.5}, is_final=False)
    assert late.loc[("a", "margin_amount"), "status"] == "provisional"
    assert late.loc[("a", "margin_amount"), "p_value"] == last["p_value"]


@pytest.mark.parametrize(
    ("sizes", "shares", "changes", "status"),
    [
        ({"a": 300, "b": 300, "control": 300}, {"a": 0.5, "b": 0.2, "control": 0.3}, {}, "sample_ratio_mismatch"),
        ({"a": 300, "control": 300}, {"a": 0.5, "control": 0.5}, {"is_assignment_broken": True}, "broken_assignment"),
        ({"a": 300, "control": 1}, {"a": 300 / 301, "control": 1 / 301}, {}, "too_few_customers"),
        ({"a": 300, "b": 300}, {"a": 0.5, "b": 0.5}, {}, "no_single_control"),
    ],
)
def test_what_blocks_a_difference(sizes, shares, changes, status):
    arms, metrics = result(drawn(sizes), shares, **changes)
    row = metrics.loc[("a", "margin_amount")]
    assert row["status"] == status and row["value"] > 0
    assert row.drop(["campaign_id", "value", "status"]).isna().all()
    assert arms.loc["a", "members_count"] == 300


def test_two_controls_are_no_control():
    frame = drawn({"a": 300, "control": 300, "other": 300})
    shares = dict.fromkeys(("a", "control", "other"), 1 / 3)
    _, metrics = result(frame, shares, controls=("control", "other"))
    assert set(metrics["status"]) == {"no_single_control"}


def test_an_arm_without_a_customer_is_shown_and_counts_in_the_split():
    arms, metrics = result(drawn({"a": 10, "control": 10}), {"a": 0.45, "b": 0.1, "control": 0.45})
    assert arms.loc["b", "members_count"] == 0
    assert metrics.loc[("b", "margin_amount"), "status"] == "too_few_customers"
    assert np.isnan(metrics.loc[("b", "margin_amount"), "value"])
    assert arms.loc["b", "srm_p_value"] == pytest.approx(stats.chisquare([10, 0, 10], [9, 2, 9]).pvalue)
    # 20 customers: the fixed interval of a small sample, and none that an estimated variance has to carry
    row = metrics.loc[("a", "margin_amount")]
    assert row["status"] == "ok" and row["difference_low"] < row["difference_high"] and np.isnan(row["sequential_low"])


def test_equal_amounts_have_no_interval():
    everybody = {arm: (np.ones(60), np.full(60, 0.1)) for arm in ("a", "control")}
    _, metrics = result(outcomes(everybody), {"a": 0.5, "control": 0.5})
    rows = metrics.xs("a", level="arm")
    assert set(rows["status"]) == {"no_variation", "too_few_buyers"}
    assert rows[["difference_low", "sequential_low", "p_value"]].isna().all(axis=None)


def test_a_split_of_two_is_tested_as_ever_and_of_nobody_is_not():
    assert arm_ratio_p_value([10, 30], [0.5, 0.5]) == stats.binomtest(10, 40, 0.5).pvalue
    assert arm_ratio_p_value([0, 0, 0], [0.2, 0.3, 0.5]) == 1


def test_every_arm_has_every_metric_and_campaigns_do_not_mix():
    frame = pd.concat(
        [drawn({"a": 60, "control": 60}), drawn({"a": 60, "control": 60}, seed=2).assign(campaign_id="l")]
    )
    plans = pd.concat([plan({"a": 0.5, "control": 0.5}), plan({"a": 0.5, "control": 0.5}, campaign_id="l")])
    found = analyse_arms(frame, plans, pd.concat([state(), state("l")]))
    assert len(found.metrics) == 2 * 2 * len(METRICS) and len(found.arms) == 4
    alone = analyse_arms(frame[frame["campaign_id"] == "l"], plans, state("l"))
    pd.testing.assert_frame_equal(
        found.metrics[found.metrics["campaign_id"] == "l"].reset_index(drop=True), alone.metrics
    )


def test_what_is_not_planned_is_refused():
    frame = drawn({"a": 60, "control": 60})
    with pytest.raises(ValueError, match=r"arms that are not planned: \['a'\]"):
        analyse_arms(frame, plan({"b": 0.5, "control": 0.5}), state())
    with pytest.raises(ValueError, match=r"campaigns that are not planned: \['k'\]"):
        analyse_arms(frame, plan({"a": 0.5, "control": 0.5}), state("l"))
    with pytest.raises(ValueError, match="in two arms"):
        analyse_arms(
            pd.concat([frame, frame.assign(arm="control")]).drop_duplicates(["customer_id", "metric", "arm"]),
            plan({"a": 0.5, "control": 0.5}),
            state(),
        )
