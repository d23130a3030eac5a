"""The register of experiments: a campaign's plan before its start, and the arm of each customer.

`warehouse.experiments.assignment` draws the arms and refuses changes. This module reads plans, keeps them in
`ops.experiments` and writes the member list for sending the campaign.
"""

import csv
import io
from datetime import date
from pathlib import Path
from typing import Annotated

import duckdb
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from warehouse.errors import UserError
from warehouse.experiments.assignment import REGISTRY_COLUMNS, TREATMENT, ExperimentDefinition, assign, register
from warehouse.files import csv_cell, write_out
from warehouse.settings import Settings
from warehouse.typed_files import validated
from warehouse.values import Day, Rate, Text
from warehouse.yaml_files import read_yaml

CREATE = """
create table if not exists ops.experiments (
    campaign_id varchar, salt varchar, treatment_share double, start_date date, end_date date, metrics varchar,
    holdout_salt varchar, holdout_share double, registered_on date
);
alter table ops.experiments add column if not exists arms varchar default '';
"""
DEFAULT_SHARE = 0.5


class _Plan(BaseModel):
    model_config = ConfigDict(extra="forbid")

    campaign_id: Text
    start_date: Day
    end_date: Day
    metrics: Annotated[tuple[Text, ...], Field(min_length=1, max_length=20)]
    treatment_share: Rate | None = None
    arms: Annotated[dict[Text, Rate], Field(min_length=1, max_length=20)] | None = None
    holdout_share: Rate = 0.0
    salt: Text | None = None


def read_plan(file: Path, settings: Settings) -> ExperimentDefinition:
    """The plan in a YAML file: `arms` names treatments with their shares, `treatment_share` the share of the only one.

    Without a salt of its own, a campaign is drawn with its id as salt, the holdout with the company's name.

    Raises UserError naming the file and what is wrong in it.
    """
    read = read_yaml(file, f"a plan's keys with values: {', '.join(_Plan.model_fields)}")
    plan = validated(read, _Plan)
    if plan.arms and plan.treatment_share is not None:
        raise UserError(f"{file}: arms has the share of each treatment; take treatment_share out.")
    share = DEFAULT_SHARE if plan.treatment_share is None else plan.treatment_share
    named = plan.model_dump(exclude={"arms", "treatment_share"}) | {
        "treatments": plan.arms or {TREATMENT: share},
        "salt": plan.salt or plan.campaign_id,
        "holdout_salt": settings.company,
    }
    try:
        return ExperimentDefinition(**named)
    except UserError as error:
        raise UserError(f"{file}: {error}") from error


def register_experiment(connection: duckdb.DuckDBPyConnection, plan: ExperimentDefinition) -> pd.DataFrame:
    """Keep the plan, and draw the arms: campaign_id, customer_id, arm (a treatment, control, holdout) of every
    customer.

    The day that decides whether a plan comes before its start is the last one whose sales are loaded: results up to
    then may have been seen. Raises UserError for a plan registered later than that or changed after its start, and
    before the first run.
    """
    connection.execute("create schema if not exists ops")
    connection.execute(CREATE)
    known = connection.execute(f"select {', '.join(REGISTRY_COLUMNS)} from ops.experiments").df()
    connection.register("_registered", register(known, plan, _data_through(connection)))
    connection.execute("begin")
    connection.execute("delete from ops.experiments")
    connection.execute("insert into ops.experiments by name select * from _registered")
    connection.execute("commit")
    customers = connection.execute("select customer_id from marts.dim_customers order by customer_id").fetchall()
    return assign([customer_id for (customer_id,) in customers], plan)


def _data_through(connection: duckdb.DuckDBPyConnection) -> date:
    try:
        row = connection.execute("select data_through from intermediate.int_run_dates").fetchone()
    except duckdb.CatalogException as error:
        raise UserError("There are no customers to assign yet: start `loyalty run`.") from error
    assert row is not None
    return row[0]


def write_members(members: pd.DataFrame, file: Path, *, force: bool = False) -> dict[str, int]:
    """Write the drawn arms as CSV, for the owner alone; the number of customers by arm. Raises UserError."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(members.columns)
    writer.writerows(map(csv_cell, row) for row in members.itertuples(index=False))
    write_out(file, text.getvalue(), force=force, is_private=True)
    return members["arm"].value_counts().sort_index().to_dict()
