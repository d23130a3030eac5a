"""A home folder whose warehouse is gone, although other files show that there was one."""

from pathlib import Path

from warehouse.errors import UserError
from warehouse.identity.erasure_register import SALT_VARIABLE, find_salt, salt_path
from warehouse.register import register_path
from warehouse.settings import Settings
from warehouse.sql import wal_of


def require_warehouse(settings: Settings, *, start_anew: bool = False) -> None:
    """Raises UserError if the warehouse existed before and is missing, unless it is to start anew.

    Even then it needs the register of erased customers, because otherwise the first load would bring them back.
    """
    if settings.warehouse_path.exists():
        return
    traces = [path for path in _traces(settings) if path.exists()]
    if not traces:
        return
    register = register_path(settings)
    if start_anew and (register.exists() or find_salt(settings) is None):
        wal_of(settings.warehouse_path).unlink(missing_ok=True)
        return
    told = f"{settings.warehouse_path}: missing, though {traces[0]} tells that there was a warehouse."
    if not register.exists() and find_salt(settings) is not None:
        raise UserError(
            f"{told} {register} is missing as well: customers who were erased would come back. Restore both from a"
            f" backup. If nobody was ever erased, remove {salt_path(settings)} (or unset {SALT_VARIABLE}) and start"
            " `loyalty run --new-warehouse`."
        )
    raise UserError(
        f"{told} Restore it from a backup, or start anew with `loyalty run --new-warehouse`: it is built from the"
        " sources, erased customers stay erased and no message is sent twice, but posted points, tiers and scores of"
        " earlier days, experiments and what no source delivers any more are lost."
    )


def _traces(settings: Settings) -> list[Path]:
    return [
        settings.published_dir / "publications.json",
        register_path(settings),
        salt_path(settings),
        settings.outbox_path,
        wal_of(settings.warehouse_path),
    ]
