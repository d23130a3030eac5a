"""The steps of a measurement are taken once, however often it is interrupted."""

from pathlib import Path

import pytest

from benchmarks.steps import Cost, Steps, measured_in, meter


def counted(rows: int) -> Cost:
    return meter()(rows=rows, models={"fct_orders": 0.5})


def interrupted() -> Cost:
    raise KeyboardInterrupt


@pytest.mark.parametrize("is_isolated", [True, False])
def test_an_interrupted_measurement_goes_on_with_the_step_it_stopped_in(tmp_path: Path, is_isolated: bool) -> None:
    first = Steps(tmp_path / "costs.json", is_isolated=is_isolated)
    first.take("load", counted, 3)
    with pytest.raises(KeyboardInterrupt):
        Steps(tmp_path / "costs.json", is_isolated=False).take("full", interrupted)
    second = Steps(tmp_path / "costs.json", is_isolated=is_isolated)
    assert second.costs == first.costs
    second.take("load", counted, 4)
    second.take("full", counted, 5)
    assert {name: cost.rows for name, cost in second.costs.items()} == {"load": 3, "full": 5}
    assert second.costs["full"].models == {"fct_orders": 0.5}


def test_a_folder_is_of_one_measurement(tmp_path: Path) -> None:
    for _ in range(2):
        with measured_in(tmp_path / "kept", {"size": "1m", "folder": tmp_path / "kept"}) as folder:
            (folder / "costs.json").touch()
    with pytest.raises(SystemExit, match="holds a measurement with size 1m"), measured_in(folder, {"size": "10m"}):
        pass
    with pytest.raises(SystemExit, match="holds something else"), measured_in(tmp_path, {"size": "1m"}):
        pass
    with measured_in(None, {"size": "1m"}) as folder:
        assert folder.is_dir()
    assert not folder.exists()
