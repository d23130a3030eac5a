def test_what_was_fitted_stands_in_the_parameters(regular):
    rows = regular.parameters
    assert not rows.duplicated(["model", "parameter"]).any()
    by_model = rows.groupby("model")["parameter"].agg(list).to_dict()
    assert by_model == {
        **{model: ["a", "alpha", "b", "k", "r"] for model in ("bg_nbd", "mbg_nbd", "bg_cnbd_k", "mbg_cnbd_k")},
        **{model: ["alpha", "k", "r"] for model in ("nbd", "cnbd_k")},
        "gamma_gamma": ["p", "q", "v"],
    }
    values = rows.set_index(["model", "parameter"])
    assert values.loc[("mbg_cnbd_k", "k"), "value"] == 4
    assert set(rows[rows["is_champion"]]["model"]) == {regular.run["published_model"], "gamma_gamma"}
    known = rows["parameter"] != "k"
    assert (rows[known]["standard_error"] > 0).all() and rows[~known]["standard_error"].isna().all()
    truth = {"r": 2.0, "alpha": 2.0, "a": 0.8, "b": 5.0}
    for name, true in truth.items():
        fitted = values.loc[("mbg_cnbd_k", name)]
        assert abs(fitted["value"] - true) < 4 * fitted["standard_error"] + 0.15 * true, name
