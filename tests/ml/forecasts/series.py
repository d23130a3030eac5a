"""Made-up monthly series, and purchase days of made-up customers."""

import datetime as dt

import numpy as np
import pandas as pd

FIRST = pd.Period("2020-01", "M")


def months(values: np.ndarray, series: str = "net_sales", tier: str = "all") -> pd.DataFrame:
    """A series as the step hands it over, from January 2020 on."""
    starts = [(FIRST + place).start_time for place in range(len(values))]
    return pd.DataFrame({"series": series, "tier": tier, "month": starts, "value": np.asarray(values, dtype=float)})


def last_day(count: int) -> dt.date:
    """The last day of so many months."""
    return (FIRST + count - 1).end_time.date()


def purchase_days(customers: int, count: int, seed: int) -> pd.DataFrame:
    """Days on which customers bought, who came in any of `count` months and buy at rates of their own, for ever."""
    random = np.random.default_rng(seed)
    start, end = FIRST.start_time, (FIRST + count - 1).end_time.normalize()
    rows = []
    for number in range(customers):
        day = start + pd.Timedelta(days=int(random.integers(0, (end - start).days)))
        rate = random.gamma(1.5, 1 / 25)
        while day <= end:
            rows.append((f"c{number}", number / customers, day))
            day += pd.Timedelta(days=max(1, round(random.exponential(1 / rate))))
    return pd.DataFrame(rows, columns=["customer_id", "hash_share", "order_date"])


NO_DAYS = pd.DataFrame(columns=["customer_id", "hash_share", "order_date"])
SEASON = 0.3 * np.sin(2 * np.pi * np.arange(12) / 12) + np.where(np.arange(12) == 11, 0.3, 0.0)


def seasonal(count: int, seed: int, noise: float = 0.04) -> np.ndarray:
    """A shop that grows by a percent a month, with a season and a strong December."""
    random = np.random.default_rng(seed)
    place = np.arange(count)
    return 1000 * np.exp(0.01 * place + SEASON[place % 12] + random.normal(0, noise, count))
