import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.churn.windows import Origin, label_closes, require_embargo, rolling_origins, split_judged

DAY = dt.date(2024, 1, 31)
SNAPSHOTS = st.lists(st.integers(0, 900), max_size=25).map(lambda days: [DAY + dt.timedelta(days=d) for d in days])


@settings(deadline=None)
@given(SNAPSHOTS, st.integers(1, 200), st.integers(1, 5))
def test_no_origin_learns_from_a_label_that_is_still_open(snapshots, horizon, fewest):
    origins = rolling_origins(snapshots, horizon)
    require_embargo(origins, horizon)
    for origin in origins:
        known = [s for s in set(snapshots) if label_closes(s, horizon) <= origin.test]
        assert sorted(known) == list(origin.train)
    tuning, judged = split_judged(origins, horizon, fewest=fewest, most=6)
    assert not set(tuning) & set(judged)
    assert all(label_closes(t.test, horizon) <= j.test for t in tuning for j in judged)
    assert len(judged) == min(len(origins), max(fewest, min(6, len(origins) // 2 + 1)))


def test_the_newest_teachers_are_kept():
    snapshots = [DAY + dt.timedelta(days=30 * number) for number in range(6)]
    origins = rolling_origins(snapshots, 30, most_train=2)
    assert origins[-1] == Origin(snapshots[5], (snapshots[3], snapshots[4]))


def test_an_open_label_is_named():
    origin = Origin(dt.date(2024, 3, 31), (dt.date(2024, 1, 31), dt.date(2024, 3, 15)))
    with pytest.raises(ValueError, match="2024-03-15 close on 2024-04-14"):
        require_embargo([origin], 30)
