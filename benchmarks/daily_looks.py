"""How often a campaign without an effect is called one by whoever looks every day: fixed and sequential intervals.

`python -m benchmarks.daily_looks` prints a table per shape of a campaign. Customers differ in how often and for how
much they buy, so what one of them has bought goes with what is bought next, and the days of a campaign are not alike.
The statistics are all in `ml`; the same seeds give the same tables.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from ml.campaigns.arm_metrics import METRICS, Outcomes, difference
from ml.campaigns.sequential import half_width

SEEDS = 400
CUSTOMERS = 300
DAYS = 28
FIXED_HALF_WIDTH = float(stats.norm.ppf(0.975))
# How much of what a campaign sells falls on each of its days, over what an even day would have.
SHAPES = {
    "every day alike": np.ones(DAYS),
    "a rush at the start": np.where(np.arange(DAYS) < 3, 5.0, 0.52),
    "a rush at the end": np.where(np.arange(DAYS) >= DAYS - 3, 5.0, 0.52),
}

Array = np.ndarray[Any, np.dtype[np.float32]]


class Purchases(NamedTuple):
    """Orders and net sales by day, customer and simulated campaign: shape (DAYS, CUSTOMERS, SEEDS)."""

    orders: Array
    amounts: Array

    def until(self, day: int) -> Outcomes:
        """What each customer has bought by the end of a day, the first being 0; a margin of 30%."""
        bought, spent = (values[: day + 1].sum(axis=0, dtype=float) for values in self)
        return Outcomes(bought, spent, 0.3 * spent)


def purchases(shape: str, generator: np.random.Generator, seeds: int = SEEDS) -> Purchases:
    """An arm of customers who buy by their own rates (gamma, 2 orders in 28 days on average) and sizes of order."""
    rates = generator.gamma(0.6, 0.12, (CUSTOMERS, seeds)) * SHAPES[shape][:, None, None]
    sizes = generator.lognormal(3, 0.5, (CUSTOMERS, seeds))
    orders = generator.poisson(rates).astype(np.float32)
    amounts = orders * sizes * generator.lognormal(0, 0.6, orders.shape)
    return Purchases(orders, amounts.astype(np.float32))


def called_effective(shape: str, seeds: int = SEEDS) -> pd.DataFrame:
    """Share of campaigns in which 0 was outside of the interval on any day: by metric, columns fixed and sequential."""
    generator = np.random.default_rng(13)
    treatment, control = purchases(shape, generator, seeds), purchases(shape, generator, seeds)
    outside = {kind: {metric: np.zeros(seeds, bool) for metric in METRICS} for kind in ("fixed", "sequential")}
    for day in range(DAYS):
        widths = {"fixed": FIXED_HALF_WIDTH, "sequential": half_width((day + 1) / DAYS)}
        arms = treatment.until(day), control.until(day)
        for metric, figure in METRICS.items():
            found = difference(*map(figure, arms))
            for kind, width in widths.items():
                outside[kind][metric] |= (found.error > 0) & (np.abs(found.value) > width * found.error)
    return pd.DataFrame({kind: {name: seen.mean() for name, seen in found.items()} for kind, found in outside.items()})


def main() -> None:
    """Print the tables."""
    print(f"The sequential interval is {half_width(1) / FIXED_HALF_WIDTH:.4f} times as wide at the planned size.")
    for shape in SHAPES:
        print(f"\n{shape}: called an effect on any of {DAYS} days, of {SEEDS} campaigns without one")
        print(called_effective(shape).round(3).to_string())


if __name__ == "__main__":
    main()
