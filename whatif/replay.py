"""History replayed under other rules: the models of tiers and points built again, in a temporary file.

The SQL is dbt's own. Only the models that depend on the tier rules are built again; all others are read from the
published working copy, which no writer locks. Purchases, returns and redemptions stay as they were.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import duckdb

from serving.publication.state import WORK, live_publication
from warehouse.errors import UserError
from warehouse.relations import Relation
from warehouse.scratch import scratch_folder
from warehouse.settings import Settings
from warehouse.sql import connect, quote_literal
from whatif.scenarios import MoneyRules, Programme, TierRow, TierRule

RULES = Relation("seeds", "tier_rules")
# The company's own rules, else those for any: the same choice as in int_tier_rule_versions.
TODAYS_TIERS = f"""
    select rule_version, tier_rank, tier, {", ".join(TierRule.model_fields)}
    from warehouse.{RULES.sql}
    where company = coalesce((select min(company) from warehouse.{RULES.sql} where company = $1), 'any')
    order by effective_from, tier_rank
"""
OUTPUTS = ("fct_customer_tiers", "rpt_points_balances", "rpt_points_liability")


class BuiltNode(Protocol):
    """The outcome of one dbt node."""

    @property
    def name(self) -> str:
        """The node's name."""

    @property
    def message(self) -> str:
        """dbt's message about the node."""

    @property
    def is_good(self) -> bool:
        """Whether it was built."""


class Project(Protocol):
    """The dbt project of a home folder, which builds models into the analyst's own file there."""

    def manifest(self) -> Mapping[str, Any]:
        """The parsed project."""

    def build(self, selection: Sequence[str]) -> Sequence[BuiltNode]:
        """Build the models named."""


OpenProject = Callable[[Settings], Project]


def replayed_models(manifest: Mapping[str, Any], outputs: Sequence[str] = OUTPUTS) -> set[str]:
    """The unique ids of the models that a replay builds: those that `outputs` depend on and that depend on the tier
    rules."""
    ids = {node["name"]: unique_id for unique_id, node in manifest["nodes"].items()}
    before = _reached(manifest["parent_map"], [ids[name] for name in outputs])
    return before & _reached(manifest["child_map"], manifest["child_map"][ids[RULES.name]])


def replay_inputs(manifest: Mapping[str, Any]) -> list[Relation]:
    """The tables that a replay starts from, the rules among them, by name."""
    replayed = replayed_models(manifest)
    parents = {parent for model in replayed for parent in manifest["parent_map"][model]} - replayed
    nodes = [manifest["nodes"][parent] for parent in parents]
    return sorted(Relation(node["schema"], node["name"]) for node in nodes)


def _reached(neighbours: Mapping[str, Sequence[str]], start: Sequence[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += neighbours.get(node, ())
    return found


class Replay:
    """One publication's history, to be built under any rules, one after another, in `scratch`, a home of its own."""

    def __init__(
        self, settings: Settings, scratch: Settings, open_project: OpenProject, outputs: Sequence[str] = OUTPUTS
    ) -> None:
        self.settings = settings
        self.open_project = open_project
        self.scratch = scratch
        self.publication_id = scratch.published_dir.resolve().name
        manifest = open_project(scratch).manifest()
        self.models = sorted(manifest["nodes"][model]["name"] for model in replayed_models(manifest, outputs))
        self.inputs = replay_inputs(manifest)
        self._require_inputs()

    def _require_inputs(self) -> None:
        with self.opened() as connection:
            held = connection.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = 'warehouse'"
            ).fetchall()
        missing = set(self.inputs) - {Relation(*row) for row in held}
        if missing:
            names = ", ".join(sorted(map(str, missing)))
            raise UserError(f"{self.settings.published_dir / WORK} does not hold {names}; publish with `loyalty run`.")

    @contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The scratch file, with the working copy attached as `warehouse`, for reading."""
        with connect(self.scratch.dev_path) as connection:
            work = quote_literal(str(self.scratch.published_dir / WORK))
            connection.execute(f"attach {work} as warehouse (read_only)")
            yield connection

    def today(self) -> Programme:
        """The rules in force, and the cost of campaigns under them."""
        with self.opened() as connection:
            rows = connection.execute(TODAYS_TIERS, [self.settings.company]).fetchall()
            spent = connection.execute(
                "select coalesce(sum(cost_amount), 0) from warehouse.marts.fct_campaign_results"
                " where metric = 'margin_amount'"
            ).fetchone()
        assert spent is not None
        tiers = tuple(TierRow(tier, rank, name, _rule(rule)) for tier, rank, name, *rule in rows)
        value = self.settings.assumed.point_value_amount
        return Programme(tiers, self.settings.points, MoneyRules(point_value_amount=value, budget_amount=spent[0]))

    def build(self, programme: Programme) -> None:
        """Build the models under these rules, replacing the earlier ones. Raises UserError if one fails."""
        self.scratch.dev_path.unlink(missing_ok=True)
        with self.opened() as connection:
            self._lay_out(connection, programme)
        results = self.open_project(programme.applied_to(self.scratch)).build(self.models)
        failed = [f"{result.name}: {result.message}" for result in results if not result.is_good]
        if failed:
            raise UserError("simulate: the history cannot be replayed:\n" + "\n".join(failed))

    def _lay_out(self, connection: duckdb.DuckDBPyConnection, programme: Programme) -> None:
        for schema in sorted({relation.schema for relation in self.inputs}):
            connection.execute(f"create schema {schema}")
        for relation in self.inputs:
            kind = "table" if relation == RULES else "view"
            connection.execute(f"create {kind} {relation.sql} as select * from warehouse.{relation.sql}")
        assignments = ", ".join(f"{name} = ${name}" for name in TierRule.model_fields)
        for row in programme.tiers:
            connection.execute(
                f"update {RULES.sql} set {assignments} where rule_version = $version and tier_rank = $rank",
                {**row.rule.model_dump(), "version": row.rule_version, "rank": row.tier_rank},
            )


def _rule(values: Sequence[Any]) -> TierRule:
    return TierRule(**dict(zip(TierRule.model_fields, values, strict=True)))


@contextmanager
def replaying(settings: Settings, open_project: OpenProject, outputs: Sequence[str] = OUTPUTS) -> Iterator[Replay]:
    """A replay of the current publication; a publication made meanwhile does not change it.

    `open_project` opens the dbt project of a scratch home. The replay's files are removed at the end, or by the next
    replay. Raises UserError before the first publication, and where the working copy lacks a
    table that the replay starts from.
    """
    live = live_publication(settings)
    folder = settings.published_dir / "history" / live.publication_id if live else None
    if folder is None or not (folder / WORK).exists():
        raise UserError(f"{settings.published_dir}: nothing is published yet to replay; start `loyalty run`.")
    manifests = settings.dbt_target_root / "manifests"
    manifests.mkdir(parents=True, exist_ok=True)
    with scratch_folder(settings.home, "simulate") as home:
        scratch = settings.model_copy(update={"home": home})
        scratch.dbt_target_root.mkdir()
        (scratch.dbt_target_root / manifests.name).symlink_to(manifests.resolve(), target_is_directory=True)
        scratch.published_dir.symlink_to(folder.resolve(), target_is_directory=True)
        yield Replay(settings, scratch, open_project, outputs)
