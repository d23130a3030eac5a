import datetime as dt

import pandas as pd
import pytest

from ml.common.determinism import deterministic
from ml.lifetime.valuation import value_lifetimes
from tests.ml.lifetime.simulated_purchases import CONFIG, DATA_FROM, Truth, shop


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """As in a run: on a busy machine small fits wait for each other's threads."""
    with deterministic():
        yield


@pytest.fixture(scope="package")
def dropping_out():
    """A shop of three years whose customers stop."""
    return shop(Truth(1.0, 5.0, 0.8, 3.0), 1500, 156, seed=1)


@pytest.fixture(scope="package")
def valued(dropping_out):
    return value_lifetimes(dropping_out, dt.date(2024, 12, 27), DATA_FROM, CONFIG)


@pytest.fixture(scope="package")
def regular():
    """A shop of two years, valued, whose customers buy with a rhythm of four stages and stop."""
    days = shop(Truth(2.0, 2.0, 0.8, 5.0, True, k=4), 1200, 104, seed=41)
    return value_lifetimes(days, dt.date(2023, 12, 29), DATA_FROM, CONFIG)


@pytest.fixture(scope="package")
def cdnow_days(shared_data):
    """The purchases of the CDNOW sample."""
    lines = pd.read_csv(
        shared_data / "cdnow" / "CDNOW_sample.txt",
        sep=r"\s+",
        header=None,
        names=["master_id", "customer_id", "order_date", "units", "net_amount"],
        dtype={"order_date": str},
    )
    return lines.assign(order_date=pd.to_datetime(lines["order_date"]), return_amount=0.0)
