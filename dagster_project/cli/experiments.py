"""`loyalty experiments assign`: register a campaign's plan, and draw its arms by chance, for good."""

from pathlib import Path

from dagster_project.unchanged import forget_inputs
from warehouse.errors import UserError
from warehouse.experiments.registry import read_plan, register_experiment, write_members
from warehouse.files import require_free
from warehouse.lock import hold_warehouse
from warehouse.settings import Settings
from warehouse.sql import connect


def assign_members(settings: Settings, plan_file: Path, out: Path, *, force: bool = False) -> str:
    """Say how many customers are in each arm. Raises UserError for a bad plan, a file that exists, and without data."""
    plan = read_plan(plan_file, settings)
    require_free(out, force=force)
    if not settings.warehouse_path.exists():
        raise UserError(f"{settings.warehouse_path}: there are no customers to assign yet; start `loyalty run`.")
    holder = hold_warehouse(settings, f"experiment {plan.campaign_id}", on_wait=print)
    with holder, connect(settings.warehouse_path) as connection:
        members = register_experiment(connection, plan)
        forget_inputs(settings)
    counts = write_members(members, out, force=force)
    return f"{plan.campaign_id}: {', '.join(f'{count:,} {arm}' for arm, count in counts.items())}; in {out}"
