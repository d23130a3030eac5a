"""A warehouse of the version before keeps what cannot be computed again."""

from warehouse.builds import CREATE, last_build, open_build
from warehouse.migrations import COLUMNS, TABLES, rename_earlier_names
from warehouse.sql import connect

VERSION_0_1 = """
create schema ops; create schema ml; create schema intermediate;
create table ops.gates (
    generation bigint primary key, run_id varchar not null, as_of_date date, opened_at timestamptz not null,
    passed_at timestamptz, failed_at timestamptz, failure varchar, expected_checks bigint, passed_checks bigint
);
insert into ops.gates (generation, run_id, opened_at) values (7, 'run-old', now());
create table ops.messages (message_id varchar, generation bigint);
insert into ops.messages values ('m1', 7);
create table ml.postings (posting_id bigint, result varchar);
insert into ml.postings values (3, 'churn_scores');
create table intermediate.int_points_postings (journal_id varchar, posting_number bigint);
insert into intermediate.int_points_postings values ('j1', 2);
"""


def test_what_an_earlier_version_wrote_is_found_under_the_names_of_today() -> None:
    with connect() as connection:
        connection.execute(VERSION_0_1)
        for _ in range(2):  # a second run finds nothing left to rename
            rename_earlier_names(connection)
            connection.execute(CREATE)
        last = last_build(connection)
        assert last is not None and (last.build_id, last.run_id) == (7, "run-old")
        assert open_build(connection, "run-new") == 8
        assert connection.execute("select message_id, build_id from ops.messages").fetchall() == [("m1", 7)]
        assert connection.execute("select result_version_id, result from ml.result_versions").fetchall() == [
            (3, "churn_scores")
        ]
        assert connection.execute(
            "select journal_id, journal_version from intermediate.int_points_journal_entries"
        ).fetchall() == [("j1", 2)]


def test_an_empty_warehouse_has_nothing_to_rename() -> None:
    with connect() as connection:
        rename_earlier_names(connection)
        assert last_build(connection) is None


def test_no_name_becomes_itself() -> None:
    """Whoever renames a word everywhere renames it here as well, and the earlier version is known no more."""
    assert all(table.name != name for table, name in TABLES.items())
    assert all(earlier != name for (_, earlier), name in COLUMNS.items())
