import datetime as dt

import pandas as pd

from ml.common.model_runs import fingerprint, model_run_id

FRAME = pd.DataFrame({"customer_id": ["a", "b", "c"], "x": [1, 2, 3], "amount": [1.5, None, 2.5]})


def test_order_of_rows_and_columns_does_not_matter():
    assert fingerprint(FRAME) == fingerprint(FRAME.iloc[[2, 0, 1]][["amount", "x", "customer_id"]])


def test_every_value_matters_and_so_does_how_often_a_row_stands():
    changed = FRAME.assign(amount=[1.5, None, 2.500001])
    assert len({fingerprint(frame) for frame in (FRAME, changed, FRAME.iloc[[0, 1, 2, 2]])}) == 3
    assert fingerprint(FRAME) != fingerprint(FRAME.rename(columns={"x": "y"}))


def test_identity_follows_from_what_went_in():
    one = model_run_id("churn", {"as_of_date": dt.date(2024, 1, 1), "trials": 5}, FRAME)
    assert one == model_run_id("churn", {"trials": 5, "as_of_date": dt.date(2024, 1, 1)}, FRAME)
    assert len(one) == 16
    others = [
        model_run_id("churn", {"as_of_date": dt.date(2024, 1, 2), "trials": 5}, FRAME),
        model_run_id("segments", {"as_of_date": dt.date(2024, 1, 1), "trials": 5}, FRAME),
        model_run_id("churn", {"as_of_date": dt.date(2024, 1, 1), "trials": 5}, FRAME.head(2)),
    ]
    assert len({one, *others}) == 4
