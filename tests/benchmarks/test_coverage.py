"""The promises of the randomized analysis, over 1,000 simulated campaigns a design."""

import numpy as np
import pytest

from benchmarks.coverage import (
    CHOSEN_DESIGNS,
    RANDOMISED_DESIGNS,
    Design,
    blocked_rate,
    chosen_coverage,
    coverage,
    simulate,
)

BY_NAME = {design.name: design for design in RANDOMISED_DESIGNS}


def test_planted_truth_is_the_mean_of_what_is_simulated():
    design = Design("truth", treated=400_000, control=400_000, lift=0.3)
    campaign = simulate(design, 0)
    for values, lift in ((campaign.treatment, design.lift), (campaign.control, 0.0), (campaign.treatment_pre, 0.0)):
        error = values.std() / np.sqrt(values.size)
        assert abs(values.mean() - design.mean(lift)) < 4 * error
        assert 0.4 < (values == 0).mean() < 0.8
    assert np.corrcoef(campaign.control, campaign.control_pre)[0, 1] > 0.1


def test_same_seed_same_campaign_other_seed_or_design_another():
    design = BY_NAME["no effect"]
    assert (simulate(design, 3).treatment == simulate(design, 3).treatment).all()
    assert (simulate(design, 3).treatment != simulate(design, 4).treatment).any()
    assert (simulate(design, 3).control != simulate(BY_NAME["planted lift"], 3).control).any()


@pytest.mark.parametrize("name", ["planted lift", "no effect"])
def test_intervals_keep_their_promise_with_2000_customers_an_arm(name):
    reached = coverage(BY_NAME[name])
    assert (reached["treated"], reached["control"]) == (2000, 2000)
    assert 0.935 <= reached["coverage"] <= 0.965
    assert 0.935 <= reached["cuped_coverage"] <= 0.965
    assert abs(reached["bias_in_errors"]) < 3


def test_campaigns_without_effect_are_seldom_called_effective():
    assert coverage(BY_NAME["no effect"])["called_effective_rate"] <= 0.065


def test_a_lift_is_found_more_often_with_more_customers():
    few, many = (coverage(BY_NAME[name])["called_effective_rate"] for name in ("100 an arm, lift", "planted lift"))
    assert many > few + 0.2


def test_a_broken_split_is_blocked_and_a_sound_one_is_not():
    assert blocked_rate("10% of one arm lost, 5,000 an arm") == 1.0
    assert blocked_rate("sound, 10,000 customers drawn") <= 0.005


def test_gates_of_chosen_customers_pass_the_sound_and_stop_the_growing():
    sound, planted, growing = (chosen_coverage(design, seeds=40) for design in CHOSEN_DESIGNS)
    for reached in (sound, planted):
        assert reached["passed_rate"] >= 0.7
        assert reached["coverage"] >= 0.85
        assert abs(reached["bias_in_errors"]) < 3
    assert planted["called_effective_rate"] > 0.9
    assert growing["passed_rate"] <= 0.4
