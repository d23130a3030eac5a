"""`loyalty sources`: a table loaded anew, and what was rejected, masked and as delivered."""

from functools import partial
from pathlib import Path

import pytest

from dagster_project.cli import sources
from warehouse.errors import UserError
from warehouse.ingest.load import load_source
from warehouse.ingest.row_reports import kept_sentences
from warehouse.ingest.sources import load_sources_config, read_source
from warehouse.settings import Settings, load_settings
from warehouse.sql import connect

KIOSK = """
name: kiosk
tables:
  sales: {files: "*.csv", key: [id], columns: {id: {required: true}, price: {type: "decimal(18, 4)"}}}
"""
WATERMARKS = "create or replace table ops.watermarks as select 'int_order_line_versions' as model, 1 as batch_id"


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A kiosk with two files, loaded once; one line has a price that is none."""
    (tmp_path / "kiosk.yml").write_text(KIOSK, encoding="utf-8")
    (tmp_path / "a.csv").write_text("id,price\n1,1.50\n2,jane@example.org\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("id,price\n3,2.50\n", encoding="utf-8")
    settings = load_settings(environ={}, home=tmp_path / "home", sources={"kiosk": {"input_path": str(tmp_path)}})
    settings.home.mkdir()
    monkeypatch.setattr(sources, "load_sources_config", partial(load_sources_config, folder=tmp_path))
    with connect(settings.warehouse_path) as connection:
        load_source(connection, read_source("kiosk", tmp_path), settings)
        connection.execute(WATERMARKS)
    return settings


def prices(settings: Settings) -> list[tuple[str, str, int]]:
    with connect(settings.warehouse_path, read_only=True) as connection:
        return connection.execute("select id, price, _batch_id from raw_kiosk.sales order by id").fetchall()


def test_reload_takes_what_is_there_now(kiosk: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("id,price\n1,1.75\n", encoding="utf-8")
    sources.reload(kiosk, "kiosk.sales")
    assert prices(kiosk) == [("1", "1.75", 3), ("3", "2.50", 4)]
    assert "kiosk.sales: 2 lines read, 2 loaded" in capsys.readouterr().out
    assert kept_sentences(kiosk)["ingest kiosk"][0] == "kiosk.sales: 2 lines read, 2 loaded"
    with connect(kiosk.warehouse_path, read_only=True) as connection:
        assert connection.execute("select count(*) from ops.watermarks").fetchone() == (0,), "history is built anew"


def test_reload_does_not_lose_files_that_are_gone(kiosk: Settings, tmp_path: Path) -> None:
    before = prices(kiosk)
    (tmp_path / "b.csv").unlink()
    with pytest.raises(UserError, match=r"1 files that were loaded are no longer in their folder: b\.csv"):
        sources.reload(kiosk, "kiosk")
    assert prices(kiosk) == before
    sources.reload(kiosk, "kiosk", force=True)
    assert [row[0] for row in prices(kiosk)] == ["1"]


@pytest.mark.parametrize(
    ("place", "message"),
    [("kiosks", 'no source is called "kiosks" .did you mean "kiosk"'), ("kiosk.sale", 'no table "sale" .did you mean')],
)
def test_reload_names_what_there_is(kiosk: Settings, place: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        sources.reload(kiosk, place)


def test_rejected_lines_as_delivered_only_on_request(kiosk: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    sources.rejected(kiosk, raw=True, limit=10)
    assert 'a.csv row 3: price is not a decimal(18,4): {"id":"2","price":"jane@example.org"' in capsys.readouterr().out
    sources.rejected(kiosk, raw=False, limit=10)
    masked, hint = capsys.readouterr().out.splitlines()
    assert masked == "kiosk: a.csv row 3: price is not a decimal(18,4): xxxx@xxxxxxx.xxx", "also before a publication"
    assert "Letters are shown as x" in hint and "sources rejected --raw` shows" in hint
