"""Coverage of the intervals: thousands of simulated campaigns with a known effect, through the real analysis.

`python -m benchmarks.coverage` prints three tables: coverage and false alarms of randomized campaigns, how often a
broken split is blocked, and what the gates let through if the treated were chosen for high spend. Margins are skewed
and mostly zero, as a shop's are; the same seeds give the same tables. The statistics are all in `ml`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import pandas as pd
from scipy import stats

from ml.campaigns.experiments import ExperimentConfig, cuped, sample_ratio_p_value, welch, winsorise
from ml.campaigns.observational import PASSED, analyse_observational
from ml.campaigns.results import CONTROL, TREATMENT

SEEDS = 1000
CHUNK = 250
FIRST_DAY = date(2025, 1, 1)

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Design:
    """A randomized campaign: how many customers, how they buy, and what the treatment adds.

    A customer with liking z ~ N(0, 1) buys with probability Phi(buying + 0.7 z) and then leaves a margin of
    exp(2 + 0.6 z + spread * e), e ~ N(0, 1). The treatment adds `lift` to `buying` and to the margin's exponent.
    """

    name: str
    treated: int = 2000
    control: int = 2000
    buying: float = -0.5
    spread: float = 0.9
    lift: float = 0.0

    BUYING_SLOPE = 0.7
    MARGIN_LEVEL = 2.0
    MARGIN_SLOPE = 0.6

    def mean(self, lift: float) -> float:
        """Expected margin per customer, zeros included.

        E[Phi(a + b z) exp(s z)] = exp(s^2 / 2) Phi((a + b s) / sqrt(1 + b^2)) for z ~ N(0, 1).
        """
        slope, s = self.BUYING_SLOPE, self.MARGIN_SLOPE
        buys = stats.norm.cdf((self.buying + lift + slope * s) / np.sqrt(1 + slope**2))
        return float(np.exp(self.MARGIN_LEVEL + lift + (s**2 + self.spread**2) / 2) * buys)

    @property
    def truth(self) -> float:
        """The effect per customer that was planted."""
        return self.mean(self.lift) - self.mean(0.0)

    def margins(self, liking: Array, lift: float, generator: np.random.Generator) -> Array:
        """One window's margin of each customer."""
        buys = generator.standard_normal(liking.size) < self.buying + lift + self.BUYING_SLOPE * liking
        noise = self.spread * generator.standard_normal(liking.size)
        return np.where(buys, np.exp(self.MARGIN_LEVEL + lift + self.MARGIN_SLOPE * liking + noise), 0.0)


class Campaign(NamedTuple):
    """Margins during and before the campaign, by arm: shape (customers,) or (customers, seeds)."""

    treatment: Array
    control: Array
    treatment_pre: Array
    control_pre: Array


RANDOMISED_DESIGNS = (
    Design("planted lift", lift=0.1),
    Design("no effect"),
    Design("500 an arm, lift", treated=500, control=500, lift=0.1),
    Design("500 an arm, no effect", treated=500, control=500),
    Design("100 an arm, lift", treated=100, control=100, lift=0.1),
    Design("100 an arm, no effect", treated=100, control=100),
    Design("few buyers, heavy tail, lift", buying=-2.0, spread=1.8, lift=0.1),
    Design("few buyers, heavy tail, no effect", buying=-2.0, spread=1.8),
    Design("the same, 200 an arm, no effect", treated=200, control=200, buying=-2.0, spread=1.8),
    Design("95% treated, lift", treated=3800, control=200, lift=0.1),
    Design("95% treated, heavy tail, lift", treated=3800, control=200, buying=-2.0, spread=1.8, lift=0.1),
)


def simulate(design: Design, seed: int) -> Campaign:
    """One campaign of this design; the same seed gives the same campaign, and another design other random numbers."""
    generator = np.random.default_rng([seed, crc32(design.name.encode())])
    liking = generator.standard_normal(design.treated + design.control)
    treated, control = liking[: design.treated], liking[design.treated :]
    return Campaign(
        treatment=design.margins(treated, design.lift, generator),
        control=design.margins(control, 0.0, generator),
        treatment_pre=design.margins(treated, 0.0, generator),
        control_pre=design.margins(control, 0.0, generator),
    )


def _chunks(design: Design, seeds: int) -> Iterator[Campaign]:
    for first in range(0, seeds, CHUNK):
        campaigns = [simulate(design, seed) for seed in range(first, min(first + CHUNK, seeds))]
        yield Campaign(*(np.stack(arrays, axis=1) for arrays in zip(*campaigns, strict=True)))


def coverage(design: Design, seeds: int = SEEDS) -> dict[str, Any]:
    """Coverage of the intervals of one design over seeds 0 to `seeds` - 1.

    `*_coverage`: share of 95% intervals that contain the planted effect. `called_effective_rate`: share with p < 0.05,
    whichever way. `bias_in_errors`: mean estimate less the truth, in standard errors of that mean. `cuped_width_ratio`:
    mean width of the CUPED interval over that of the plain one.
    """
    config = ExperimentConfig()
    plain, winsorised, adjusted = [], [], []
    for campaign in _chunks(design, seeds):
        plain.append(welch(campaign.treatment, campaign.control))
        cut_treatment, cut_control, _ = winsorise(campaign.treatment, campaign.control, config.winsorise_quantile)
        winsorised.append(welch(cut_treatment, cut_control))
        adjusted.append(welch(*cuped(*campaign)))

    def column(estimates: Sequence[Any], name: str) -> Array:
        return np.concatenate([getattr(estimate, name) for estimate in estimates])

    def contains(estimates: Sequence[Any]) -> float:
        return float(((column(estimates, "low") <= design.truth) & (design.truth <= column(estimates, "high"))).mean())

    def width(estimates: Sequence[Any]) -> float:
        return float((column(estimates, "high") - column(estimates, "low")).mean())

    effects = column(plain, "effect")
    return {
        "design": design.name,
        "treated": design.treated,
        "control": design.control,
        "truth": design.truth,
        "mean_estimate": float(effects.mean()),
        "bias_in_errors": float((effects.mean() - design.truth) / (effects.std(ddof=1) / np.sqrt(seeds))),
        "coverage": contains(plain),
        "called_effective_rate": float((column(plain, "p_value") < config.alpha).mean()),
        "winsorised_coverage": contains(winsorised),
        "cuped_coverage": contains(adjusted),
        "cuped_width_ratio": width(adjusted) / width(plain),
    }


def _all_kept(generator: np.random.Generator) -> tuple[int, int]:
    treated = int(generator.binomial(10_000, 0.5))
    return treated, 10_000 - treated


def _tenth_lost(generator: np.random.Generator) -> tuple[int, int]:
    return int(generator.binomial(5_000, 0.9)), 5_000


def _tenth_lost_after_draw(generator: np.random.Generator) -> tuple[int, int]:
    treated, control = _all_kept(generator)
    return int(generator.binomial(treated, 0.9)), control


SPLITS: dict[str, Callable[[np.random.Generator], tuple[int, int]]] = {
    "sound, 10,000 customers drawn": _all_kept,
    "10% of one arm lost, 5,000 an arm": _tenth_lost,
    "10% of one arm lost, 10,000 drawn": _tenth_lost_after_draw,
}


def blocked_rate(split: str, seeds: int = SEEDS) -> float:
    """Share of campaigns that the sample-ratio check blocks, over seeds 0 to `seeds` - 1."""
    sizes = np.array([SPLITS[split](np.random.default_rng(seed)) for seed in range(seeds)])
    p_values = sample_ratio_p_value(sizes[:, 0], sizes[:, 1], 0.5)
    return float((p_values < ExperimentConfig().sample_ratio_alpha).mean())


@dataclass(frozen=True)
class ChosenDesign:
    """A campaign whose customers were chosen: the more they like the shop, the likelier (`selection`).

    The treated buy `lift` more within the window and, where `growth` is not 0, grew by so much every 28 days anyway.
    """

    name: str
    selection: float = 0.6
    lift: float = 0.0
    growth: float = 0.0
    customers: int = 2000
    treated: int = 200

    DAYS = 240
    START = 180
    LENGTH = 30
    DAILY_ORDERS = 0.08
    MARGIN_LEVEL = 2.5
    MARGIN_SPREAD = 0.6


CHOSEN_DESIGNS = (
    ChosenDesign("no effect"),
    ChosenDesign("planted lift", lift=0.4),
    ChosenDesign("no effect, treated growing anyway", growth=0.2),
)


def simulate_chosen(design: ChosenDesign, seed: int) -> tuple[dict[str, Any], float]:
    """Arguments of `analyse_observational` for one such campaign, and the planted effect per treated customer."""
    generator = np.random.default_rng([seed, crc32(design.name.encode())])
    liking = generator.standard_normal(design.customers)
    weight = np.exp(design.selection * liking)
    treated = generator.choice(design.customers, design.treated, replace=False, p=weight / weight.sum())
    day = np.arange(design.DAYS)
    in_window = (day >= design.START) & (day < design.START + design.LENGTH)
    rate = np.repeat(design.DAILY_ORDERS * np.exp(0.6 * liking - 0.18)[:, None], design.DAYS, axis=1)
    rate[treated] *= np.exp(design.growth * (day - design.START) / 28)
    added = rate[treated][:, in_window] * design.lift
    rate[np.ix_(treated, np.flatnonzero(in_window))] += added
    customer, order_day = np.nonzero(generator.random(rate.shape) < rate)
    margin = np.exp(generator.normal(design.MARGIN_LEVEL, design.MARGIN_SPREAD, customer.size))
    first = np.datetime64(FIRST_DAY)
    window = {"start_date": first + design.START, "end_date": first + design.START + design.LENGTH - 1}
    arguments = {
        "customer_days": pd.DataFrame({"customer_id": customer, "order_date": first + order_day, "value": margin}),
        "members": pd.DataFrame({"campaign_id": "chosen", "customer_id": np.sort(treated)}),
        "campaigns": pd.DataFrame([{"campaign_id": "chosen"} | window]),
        "data_from": FIRST_DAY,
        "data_through": (first + design.DAYS - 1).item(),
    }
    mean_margin = np.exp(design.MARGIN_LEVEL + design.MARGIN_SPREAD**2 / 2)
    return arguments, float(added.sum(axis=1).mean() * mean_margin)


def chosen_coverage(design: ChosenDesign, seeds: int = 200) -> dict[str, Any]:
    """Results of the observational gates over seeds 0 to `seeds` - 1, and coverage of the estimates that pass."""
    rows = []
    for seed in range(seeds):
        arguments, truth = simulate_chosen(design, seed)
        rows.append(analyse_observational(**arguments).iloc[0].to_dict() | {"truth": truth})
    frame = pd.DataFrame(rows)
    passed = frame[frame["status"] == PASSED]
    error = passed["effect_per_member"] - passed["truth"]
    inside = (passed["effect_low"] <= passed["truth"]) & (passed["truth"] <= passed["effect_high"])
    return {
        "design": design.name,
        "truth": float(frame["truth"].mean()),
        "passed_rate": len(passed) / seeds,
        "pretrend_failed_rate": float((frame["pretrend_z"].abs() >= 1.96).mean()),
        "placebo_28_failed_rate": float((frame["placebo_28_z"].abs() >= 1.96).mean()),
        "placebo_56_failed_rate": float((frame["placebo_56_z"].abs() >= 1.96).mean()),
        "bias_in_errors": float(error.mean() / (error.std(ddof=1) / np.sqrt(len(passed)))),
        "coverage": float(inside.mean()),
        "called_effective_rate": float((passed["p_value"] < 0.05).mean()),
    }


def experiment_outcomes(campaign: Campaign, planned_share: float = 0.5) -> pd.DataFrame:
    """One simulated campaign as the outcomes frame that `ml.campaigns.experiments.analyse_experiments` reads."""
    treated, control = campaign.treatment.size, campaign.control.size
    return pd.DataFrame(
        {
            "campaign_id": "simulated",
            "customer_id": np.arange(treated + control),
            "arm": np.repeat([TREATMENT, CONTROL], [treated, control]),
            "metric": "margin_amount",
            "value": np.concatenate([campaign.treatment, campaign.control]),
            "pre_value": np.concatenate([campaign.treatment_pre, campaign.control_pre]),
            "planned_share": planned_share,
        }
    )


def main() -> None:
    """Print the three tables."""
    randomized = pd.DataFrame([coverage(design) for design in RANDOMISED_DESIGNS])
    blocked = pd.DataFrame({"split": list(SPLITS), "blocked_rate": [blocked_rate(split) for split in SPLITS]})
    chosen = pd.DataFrame([chosen_coverage(design) for design in CHOSEN_DESIGNS])
    print(f"Randomized campaigns, {SEEDS} seeds each\n{randomized.round(3).to_string(index=False)}\n")
    print(f"Sample-ratio check, {SEEDS} seeds each\n{blocked.round(4).to_string(index=False)}\n")
    print(
        f"Chosen customers, matched difference-in-differences, 200 seeds each\n{chosen.round(3).to_string(index=False)}"
    )


if __name__ == "__main__":
    main()
