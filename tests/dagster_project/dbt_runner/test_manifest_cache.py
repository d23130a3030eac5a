"""What of dbt's private API is used, on the dbt that is installed, and what becomes of a build without it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dbt.contracts.graph.manifest import Manifest

from dagster_project.dbt_runner import manifest_cache
from dagster_project.dbt_runner.manifest_cache import SELECTED, pack, selected, unpack
from dagster_project.dbt_runner.project import DbtProject
from tests.support.company import Company

NODES = ["dim_dates", "dim_dates_is_sound"]


@pytest.fixture
def packed(built: Company) -> bytes:
    return DbtProject(built.settings)._kept("msgpack").read_bytes()


@pytest.fixture
def own(built: Company, tmp_path: Path) -> Iterator[Company]:
    """A copy of the built company with manifests of its own."""
    copy = built.copy(tmp_path / "home")
    manifests = copy.settings.dbt_target_root / "manifests"
    if manifests.is_symlink():
        manifests.unlink()
    yield copy


def statuses(company: Company, names: list[str]) -> dict[str, str]:
    return {result.name: result.status for result in DbtProject(company.settings).build(names)}


def test_a_manifest_comes_back_from_its_bytes(packed: bytes) -> None:
    manifest = unpack(packed)
    assert isinstance(manifest, Manifest) and "model.loyalty_warehouse.fct_orders" in manifest.nodes
    again = unpack(pack(manifest))
    assert again is not None and again is not manifest
    assert again.writable_manifest().to_dict() == manifest.writable_manifest().to_dict()


def test_nodes_and_unit_tests_of_one_invocation_carry_a_tag(packed: bytes) -> None:
    manifest = unpack(packed)
    assert manifest is not None
    unit_test = next(iter(manifest.unit_tests.values()))
    assert selected(manifest, [*NODES, unit_test.name]) == [f"tag:{SELECTED}"]
    tagged = {node.name for node in manifest.nodes.values() if SELECTED in node.tags}
    assert tagged == set(NODES) and SELECTED in unit_test.config.tags


def test_names_that_are_no_nodes_are_left_to_dbt(packed: bytes) -> None:
    manifest = unpack(packed)
    assert manifest is not None
    assert selected(manifest, ["dim_dates", "tag:x"]) == ["dim_dates", "tag:x"]
    assert not any(SELECTED in node.tags for node in manifest.nodes.values())
    assert selected(None, NODES) == NODES


def test_bytes_that_are_no_manifest_are_none_and_a_warning_says_so(
    packed: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert unpack(b"") is None and not caplog.text
    for damaged in (b"no manifest", packed[:-100], b"\xc0"):
        caplog.clear()
        assert unpack(damaged) is None
        assert "dbt parses the project for this invocation" in caplog.text


@pytest.mark.slow
def test_without_the_codecs_dbt_parses_and_builds_the_same(
    own: Company, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone() -> None:
        raise ImportError("cannot import name 'extended_mashumaro_encoder'")

    monkeypatch.setattr(manifest_cache, "_codecs", gone)
    assert statuses(own, NODES) == {"dim_dates": "success", "dim_dates_is_sound": "pass"}
    assert "cannot pack its manifest" in caplog.text


@pytest.mark.slow
def test_without_tags_nodes_are_selected_by_name(
    own: Company, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def changed(_manifest: Manifest, _names: list[str]) -> bool:
        raise AttributeError("tags")

    monkeypatch.setattr(manifest_cache, "_tag", changed)
    assert statuses(own, NODES) == {"dim_dates": "success", "dim_dates_is_sound": "pass"}
    assert "selected by name" in caplog.text
