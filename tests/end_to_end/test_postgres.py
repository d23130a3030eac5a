"""A run, a rollback and a morning without news with a PostgreSQL database beside the published file."""

from pathlib import Path

import pytest

from tests.serving.postgres.test_load import ask, rows_apart
from tests.support.company import Company
from tests.support.database_servers import postgres_server

pytestmark = pytest.mark.slow


def test_every_mart_of_a_company_is_in_the_database_as_in_the_file(
    built: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres_server() as server:
        monkeypatch.setenv("LOYALTY_DSN_MARTS", server.dsn)
        own = built.copy(tmp_path / "own", publish={"postgres": {"dsn_env": "LOYALTY_DSN_MARTS"}}).run()
        settings = own.settings
        apart = rows_apart(settings, server)
        assert len(apart) > 60 and not any(apart.values())
        customers = own.published("select count(*) from marts.dim_customers")
        assert ask(server, "select sum(customers_count)::int from today.rpt_rfm_segments") == customers
        keys = "select count(*) from pg_constraint where contype = 'p' and connamespace = 'marts'::regnamespace"
        assert ask(server, keys) == [(len(apart) - 1,)]  # every mart but the one row that names the publication
        assert f"postgres   {own.published('select publication_id from marts.publication')[0][0]}, since" in (
            own.loyalty("status").out
        )
        rolled_back = own.loyalty("rollback")
        assert rolled_back.code == 0 and "PostgreSQL: publication" in rolled_back.text, rolled_back.text
        assert not any(rows_apart(settings, server).values())
        monkeypatch.setenv("LOYALTY_DSN_MARTS", server.dsn.replace(str(server.port), "1"))
        failed = own.loyalty("run")
        assert failed.code == 1 and "PostgreSQL (LOYALTY_DSN_MARTS)" in failed.text, failed.text
        assert "which is not the live one" in own.loyalty("status").out
        monkeypatch.setenv("LOYALTY_DSN_MARTS", server.dsn)
        again = own.loyalty("run")
        assert again.code == 0 and "load PostgreSQL" in again.text, again.text
        assert "which is not the live one" not in own.loyalty("status").out
        assert not any(rows_apart(settings, server).values())
