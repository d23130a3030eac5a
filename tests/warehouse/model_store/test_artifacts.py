import datetime as dt
import json
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import skops.io

from ml.churn.calibration import CalibratedModel
from ml.churn.candidates import BASELINE, CANDIDATES
from ml.churn.champion import Champion
from ml.churn.config import ChurnConfig
from ml.churn.model_card import churn_card
from ml.clusters.clustering import Centroids, ClusterConfig, cluster_customers
from ml.clusters.model_card import segments_card
from ml.common.determinism import deterministic
from tests.ml.churn.generated_customers import HORIZON, churn_frame, features_of, segment_frame, trained
from warehouse.errors import UserError
from warehouse.files import write_atomically
from warehouse.model_store import artifacts

RUN = {"model_run_id": "0123456789abcdef", "model": "logistic_regression"}
FIRST, SECOND = dt.date(2024, 5, 1), dt.date(2024, 5, 2)


@pytest.fixture(scope="module")
def rows():
    draws = np.random.default_rng(1)
    x = draws.normal(size=(300, 4))
    x[::7, 2] = np.nan
    return x, (x[:, 0] + draws.normal(size=300) > 0).astype(int)


@pytest.fixture(scope="module")
def fitted(rows):
    x, y = rows
    return CalibratedModel(BASELINE.build(BASELINE.defaults, 1)).fit(x, y, np.arange(len(y)))


SHAPES = [
    (candidate, {**candidate.defaults, **({"shape": shape} if "shape" in candidate.defaults else {})})
    for candidate in (*CANDIDATES.values(), BASELINE)
    for shape in (("curved", "linear") if "shape" in candidate.defaults else ("",))
]


@pytest.mark.parametrize(("candidate", "params"), SHAPES, ids=lambda value: getattr(value, "name", ""))
def test_every_model_comes_back_as_it_was(tmp_path, rows, candidate, params):
    x, y = rows
    with deterministic():
        model = CalibratedModel(candidate.build(params, 1)).fit(x, y, np.arange(len(y)))
        artifacts.save_model(tmp_path, "churn", RUN, model, "card")
        again = artifacts.load_model(tmp_path, "churn", RUN["model_run_id"])
        np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))


def test_a_saved_model_has_its_record_and_card_and_leaves_nothing_else(tmp_path, fitted):
    path = artifacts.save_model(tmp_path, "churn", RUN, fitted, "# Card\n")
    assert {file.name for file in path.parent.iterdir()} == {
        f"0123456789abcdef.{end}" for end in ("skops", "json", "md")
    }
    assert json.loads(path.with_suffix(".json").read_text()) == RUN
    assert path.with_suffix(".md").read_text() == "# Card\n"


def test_the_same_run_is_written_once(tmp_path, fitted):
    path = artifacts.save_model(tmp_path, "churn", RUN, fitted, "card")
    before = path.read_bytes()
    artifacts.save_model(tmp_path, "churn", RUN, fitted, "another card")
    assert path.read_bytes() == before and path.with_suffix(".md").read_text() == "card"


def test_other_types_are_not_loaded(tmp_path):
    folder = tmp_path / "churn"
    folder.mkdir()
    (folder / "bad.skops").write_bytes(skops.io.dumps({"model": Fraction(1, 3)}))
    with pytest.raises(UserError, match=r"bad\.skops holds types .*fractions\.Fraction"):
        artifacts.load_model(tmp_path, "churn", "bad")


def test_a_champion_of_other_types_is_none_and_a_warning_says_so(tmp_path, caplog):
    path = artifacts.save_model(tmp_path, "churn", {"model_run_id": "old"}, {"model": 1}, "card")
    path.write_bytes(skops.io.dumps({"model": Fraction(1, 3)}))
    artifacts.set_champion(tmp_path, "churn", FIRST, "old")
    assert artifacts.load_champion(tmp_path, "churn", SECOND) is None
    assert "No champion is used for churn" in caplog.text and "fractions.Fraction" in caplog.text


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04 half of one"])
def test_a_damaged_model_is_named(tmp_path, content):
    write_atomically(tmp_path / "churn" / "torn.skops", content)
    with pytest.raises(UserError, match=r"torn\.skops is damaged"):
        artifacts.load_model(tmp_path, "churn", "torn")


def test_a_half_written_model_is_named(tmp_path, fitted):
    path = artifacts.save_model(tmp_path, "churn", RUN, fitted, "card")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="is damaged"):
        artifacts.load_model(tmp_path, "churn", RUN["model_run_id"])


def test_a_missing_model_is_named(tmp_path):
    artifacts.set_champion(tmp_path, "churn", FIRST, "gone")
    with pytest.raises(UserError, match=r"gone\.json.* is missing"):
        artifacts.load_champion(tmp_path, "churn", SECOND)


def test_a_damaged_pointer_is_named(tmp_path):
    write_atomically(tmp_path / "churn" / "champion.json", b'{"chosen": [')
    with pytest.raises(UserError, match=r"champion\.json is damaged"):
        artifacts.load_champion(tmp_path, "churn", SECOND)


@pytest.mark.parametrize("name", ["", "../escape", "a/b", ".hidden"])
def test_names_stay_inside_the_folder(tmp_path, name):
    with pytest.raises(ValueError):
        artifacts.load_model(tmp_path, name, "x")
    with pytest.raises(ValueError):
        artifacts.load_model(tmp_path, "churn", name)


def test_the_champion_is_the_one_chosen_before_the_day(tmp_path, fitted):
    for run_id in ("one", "two"):
        artifacts.save_model(tmp_path, "churn", {"model_run_id": run_id}, fitted, "card")
    assert artifacts.load_champion(tmp_path, "churn", FIRST) is None
    artifacts.set_champion(tmp_path, "churn", SECOND, "two")
    artifacts.set_champion(tmp_path, "churn", FIRST, "two")
    artifacts.set_champion(tmp_path, "churn", FIRST, "one", training_key="key", comparison={"runs": []})
    assert artifacts.load_champion(tmp_path, "churn", FIRST) is None
    first = artifacts.load_champion(tmp_path, "churn", SECOND)
    assert (first.run["model_run_id"], first.training_key, first.comparison) == ("one", "key", {"runs": []})
    second = artifacts.load_champion(tmp_path, "churn", dt.date(2025, 1, 1))
    assert (second.run["model_run_id"], second.training_key, second.comparison) == ("two", None, None)


def test_an_unfinished_write_is_never_seen(tmp_path, fitted):
    artifacts.save_model(tmp_path, "churn", {"model_run_id": "one"}, fitted, "card")
    artifacts.set_champion(tmp_path, "churn", FIRST, "one")
    (tmp_path / "churn" / ".champion.json.99.tmp").write_bytes(b'{"chos')
    assert artifacts.load_champion(tmp_path, "churn", SECOND).run["model_run_id"] == "one"


def test_churn_goes_through_the_store_and_is_not_learned_again(tmp_path):
    config = ChurnConfig(horizon_days=HORIZON, trials=0, candidates=("decision_tree", "linear_svm"))
    features = features_of(churn_frame())
    as_of = features["snapshot_date"].max().date()
    result = trained(features, config)
    artifacts.save_model(tmp_path, "churn", result.run, result.model, churn_card(result, config))
    artifacts.set_champion(
        tmp_path,
        "churn",
        as_of,
        result.run["model_run_id"],
        training_key=result.training_key,
        comparison=result.comparison(),
    )
    saved = artifacts.load_champion(tmp_path, "churn", as_of + dt.timedelta(days=1))
    champion = Champion.from_saved(saved.run, saved.model, saved.training_key, saved.comparison)
    again = trained(features, config, champion)
    assert "nothing new" in again.detail
    assert again.scores.to_csv() == result.scores.to_csv()
    pd.testing.assert_frame_equal(again.metrics, result.metrics, check_exact=True)
    pd.testing.assert_frame_equal(again.curves, result.curves, check_exact=True)
    changed = trained(features.assign(weekend_rate=0.5), config, champion)
    assert "nothing new" not in changed.detail


def test_the_card_tells_what_happened():
    config = ChurnConfig(horizon_days=HORIZON, trials=0, candidates=("decision_tree",))
    result = trained(features_of(churn_frame()), config)
    card = churn_card(result, config)
    for word in ("# Churn: decision_tree", "recency_alone", "class_prior", "orders_per_week_90d", "critical from 0.8"):
        assert word in card
    assert card.count("| 0.") >= 10
    assert "nan" not in card


def test_segments_go_through_the_store(tmp_path):
    frame = segment_frame().drop(columns="truth")
    result = cluster_customers(frame, ClusterConfig(), None)
    artifacts.save_model(tmp_path, "segments", result.run, result.centroids.state(), segments_card(result))
    again = Centroids.from_state(artifacts.load_model(tmp_path, "segments", result.run["model_run_id"]))
    np.testing.assert_array_equal(again.centers, result.centroids.centers)
    assert (again.names, again.features, again.shares) == (
        result.centroids.names,
        result.centroids.features,
        result.centroids.shares,
    )
    assert "| cluster_id |" in segments_card(result)
