import datetime as dt

from ml.lifetime.model_card import lifetime_card
from ml.lifetime.valuation import value_lifetimes
from tests.ml.lifetime.simulated_purchases import CONFIG, DATA_FROM, Truth, shop


def test_the_card_names_the_models_their_record_and_what_was_fitted(valued):
    card = lifetime_card(valued)
    assert card.startswith(f"# Lifetime value: {valued.run['published_model']}, version {valued.run['version']}")
    assert f"p_alive: {valued.run['p_alive_status']}." in card
    for model in ("bg_nbd", "mbg_cnbd_k", "naive_rate"):
        assert f"| {model} |" in card
    r = valued.parameters.set_index(["model", "parameter"]).loc[("mbg_nbd", "r")]
    assert f"| mbg_nbd | r | {r['value']:.4g} | {r['standard_error']:.4g} |" in card
    assert "inverse Hessian" in card


def test_without_a_backtest_the_card_says_so():
    days = shop(Truth(1.0, 5.0, 0.8, 3.0), 60, 120, seed=21)
    card = lifetime_card(value_lifetimes(days, dt.date(2024, 6, 1), DATA_FROM, CONFIG))
    assert "The history is too short for a test." in card
    assert "p_alive: insufficient_history." in card and "| mbg_nbd |" not in card
