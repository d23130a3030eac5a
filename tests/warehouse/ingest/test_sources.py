"""sources/<source>.yml: what is accepted, and how a mistake is told."""

from pathlib import Path

import pytest
import yaml

from warehouse.errors import UserError
from warehouse.ingest.sources import known_sources, load_sources_config, read_source
from warehouse.settings import PROJECT_ROOT, load_settings


def read(folder: Path, text: str, name: str = "till"):
    (folder / f"{name}.yml").write_text(text)
    return read_source(name, folder)


def test_defaults(tmp_path: Path) -> None:
    source = read(tmp_path, "name: till\ntables: {lines: {files: '*.csv', key: id, columns: {id: , v: {aliases: w}}}}")
    table = source.tables["lines"]
    assert source.raw_schema == "raw_till" and source.key_prefix == "" and source.shared_keys == ()
    assert table.files == ("*.csv",) and table.key == ("id",) and not table.replaces_files and table.is_text
    assert table.columns["v"].aliases == ("w",) and not table.columns["id"].required


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: till", 'the key "tables" is missing'),
        ("name: till\ntables: {}", "tables: "),
        ("[1]", "expected `key: value` lines"),
        ("name: [", "not valid YAML"),
        ("name: shop\ntables: {a: {files: '*.csv'}}", 'the name is "shop"; it must be the file\'s, "till"'),
        (
            "name: till\nkeyprefix: a\ntables: {a: {files: '*.csv'}}",
            'unknown key "keyprefix" (did you mean "key_prefix"?)',
        ),
        ("name: till\ntables: {a: {file: '*.csv'}}", 'unknown key "tables.a.file" (did you mean "files"?)'),
        (
            "name: till\ntables: {a: {files: '*.csv', columns: {x: {alias: y}}}}",
            'unknown key "tables.a.columns.x.alias" (did you mean "aliases"?)',
        ),
        ("name: till\ntables: {a: {files: '*.csv', columns: {x: {type: bignt}}}}", '"bignt" is no DuckDB type'),
        ("name: till\ntables: {a: {files: '*'}}", "does not tell the format by its ending"),
        ("name: till\ntables: {a: {files: '../*.csv'}}", "must lie inside the input folder"),
        ("name: till\ntables: {a: {files: '*.csv', entity: orderlines}}", "tables.a.entity"),
        ("name: till\ntables: {a: {files: '*.csv', on_change: upsert}}", "`on_change: upsert` needs a `key`"),
        ("name: till\ntables: {a: {files: '*.csv', watermark: at}}", "belong to a database `table`"),
        (
            "name: till\ntables: {a: {files: '*.csv', key: [idd], columns: {id: }}}",
            'not among the columns (did you mean "id"?)',
        ),
        (
            "name: till\ntables: {a: {files: '*.csv', columns: {x: {aliases: y}, z: {aliases: y}}}}",
            "declared for two columns",
        ),
        ("name: till\ntables: {a: {files: '*.csv', columns: {_file: }}}", '"_file" is reserved'),
        ("name: till\ntables: {a: {table: x, key: id}}", "`files` expected"),
        (
            "name: till\ndatabase: {type: postgres, dsn_env: LOYALTY_DSN_T}\ntables: {a: {table: x}}",
            "needs its `key`",
        ),
        (
            "name: till\ndatabase: {type: oracle, dsn_env: LOYALTY_DSN_T}\ntables: {a: {table: x, key: id}}",
            "database.type",
        ),
        (
            "name: till\ndatabase: {type: mysql, dsn_env: PASSWORD}\ntables: {a: {table: x, key: id}}",
            "database.dsn_env",
        ),
        ("name: till\nfolder: data\ntables: {a: {files: '*.csv'}}", "a folder inside a `package`"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        read(tmp_path, text)
    assert message in str(error.value) and "till.yml" in str(error.value)


def test_a_source_without_a_file_names_the_nearest(tmp_path: Path) -> None:
    read(tmp_path, "name: till\ntables: {a: {files: '*.csv'}}")
    settings = load_settings(environ={}).model_copy(update={"sources": {"tills": {}, "shopp": {}}})
    with pytest.raises(UserError) as error:
        load_sources_config(settings, tmp_path)
    assert 'unknown source "tills" (did you mean "till"?)' in str(error.value)
    assert 'unknown source "shopp"' in str(error.value), "all problems at once"


def test_every_company_of_the_project_has_its_sources() -> None:
    for file in sorted((PROJECT_ROOT / "companies").glob("*/settings.yml")):
        assert load_sources_config(load_settings(file, environ={}))


def test_shop_and_till_differ_only_in_name_and_prefix() -> None:
    shop, till = (yaml.safe_load(known_sources()[name].read_text()) for name in ("shop", "till"))
    assert shop["tables"] == till["tables"]
    assert shop["key_prefix"] == "shop-" and till["key_prefix"] == "till-"
    assert [name for name, table in till["tables"].items() if not table.get("optional")] == ["order_lines"]
