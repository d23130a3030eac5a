"""The command line `loyalty`: see `loyalty --help`.

Exit codes: 0 done; 1 the run failed, a check of sources found problems, or messages were refused or are left; the
`exit_code` of a UserError (2 wrong usage, settings or input; 3 another run holds the warehouse); 143 ended by SIGTERM
(137 where it had to be killed).
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from dagster_project.watchdog import terminated_in_words
from warehouse.errors import UserError
from warehouse.permissions import private_files
from warehouse.settings import PROJECT_ROOT, Settings, load_settings

DONE, FAILED = 0, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the console script. Returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        with terminated_in_words(), private_files():
            return options.handler(load_settings(options.settings), options)
    except UserError as error:
        print(f"loyalty: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # the reader of a pipe has gone; what is left to flush has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="loyalty", description="Loyalty Warehouse: orders in, loyalty marts out.")
    parser.add_argument("--settings", type=Path, help="the company's settings file (default: LOYALTY_SETTINGS)")
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_run(commands)
    _add(commands, "status", "what is published, since when, and why the last run failed", _status)
    sql = _add(commands, "sql", "query the published copy", _sql)
    sql.add_argument("query", help="one SQL statement; tables are in schema marts")
    sql.add_argument("--format", choices=("table", "csv", "json"), default="table")
    sql.add_argument("--allow-files", action="store_true", help="let it read and write other files, with your rights")
    _add_sources(commands)
    rollback = _add(commands, "rollback", "make an earlier publication live again", _rollback)
    rollback.add_argument("--to", help="publication id (default: the one before the live one)")
    messages = _add(commands, "messages", "look at the outbox, or deliver it by hand", _messages)
    messages.add_argument("action", choices=("preview", "send"), help="print it without addresses, or deliver it")
    messages.add_argument("--limit", type=int, default=10, help="how many messages a preview shows")
    _add_simulate(commands)
    ui = _add(commands, "ui", "open Dagster's UI on the same graph, with schedule and sensors", _ui)
    ui.add_argument("--port", type=int, default=3000)
    _add_dev(commands)
    _add_experiments(commands)
    _add_privacy(commands)
    _add(commands, "docs", "write docs/metrics.md from the models' YAML", _docs)
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    description: str,
    handler: Callable[[Settings, argparse.Namespace], int],
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=description, description=description)
    parser.set_defaults(handler=handler)
    return parser


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = _add(commands, "run", "load, build, check, train, publish", _run)
    run.add_argument("--select", help="part of the graph: an asset selection, or names with + for what is around them")
    run.add_argument(
        "--as-of", dest="as_of_date", type=_past_day, metavar="YYYY-MM-DD", help="tell every figure as of this day"
    )
    run.add_argument("--full-refresh", action="store_true", help="build the incremental history anew")
    run.add_argument("--new-warehouse", action="store_true", help="start anew where the warehouse is lost")
    run.add_argument("--wait", type=float, metavar="SECONDS", help="how long to wait for another run to end")


def _past_day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write it as YYYY-MM-DD") from None
    if day > date.today():
        raise argparse.ArgumentTypeError(f"{text} lies in the future; figures can be told up to the last day loaded")
    return day


def _add_dev(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    dev = _add(commands, "dev", "build a changed model in a file of your own, from published data", _dev)
    dev.add_argument("action", choices=("build",))
    dev.add_argument("models", nargs="+", metavar="MODEL")


def _add_experiments(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    experiments = _add(commands, "experiments", "plan a campaign whose effect can be told", _experiments)
    experiments.add_argument("action", choices=("assign",), help="register the plan and draw who gets the campaign")
    experiments.add_argument("plan", type=Path, help="YAML: campaign_id, start_date, end_date, metrics, shares")
    experiments.add_argument("--out", type=Path, required=True, help="CSV of campaign_id, customer_id, arm")
    _add_force(experiments)


def _add_simulate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    simulate = _add(commands, "simulate", "replay history under other rules, beside today's", _simulate)
    simulate.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a changed rule: a number, or a multiple of today's: tiers.Gold.threshold_amount=600, "
        "tiers.all.earn_rate=1.5x, points.expiry_months=6, points.return_window_days=14, budget=2x",
    )
    simulate.add_argument("--scenarios", type=Path, metavar="FILE", help="YAML of scenarios, `name: {key: value}`")
    simulate.add_argument("--search", action="store_true", help="look for better rules, beside what --set fixes")
    simulate.add_argument("--trials", type=int, default=20, help="how many rules a search tries (default: 20)")
    simulate.add_argument("--cost-cap", type=float, metavar="AMOUNT", help="what they may cost (default: as today's)")
    simulate.add_argument("--out", type=Path, metavar="FILE", help="draw a picture, .html or .png")
    _add_force(simulate)


def _add_sources(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("sources", help="look at the sources, and at what was rejected of them")
    actions = parser.add_subparsers(required=True, metavar="action")
    _add(actions, "check", "validate files and mappings without loading", _check_sources)
    reload = _add(actions, "reload", "load a source, or one table of it, anew", _reload_source)
    reload.add_argument("place", metavar="SOURCE[.TABLE]")
    reload.add_argument("--force", action="store_true", help="also where files that were loaded are gone by now")
    rejected = _add(actions, "rejected", "rows that were rejected, with their reasons", _rejected_rows)
    rejected.add_argument("--raw", action="store_true", help="as delivered, with whatever stands in them")
    rejected.add_argument("--limit", type=int, default=100, help="how many are shown, the latest first (default: 100)")


def _add_privacy(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("privacy", help="hand over or erase everything about one customer")
    actions = parser.add_subparsers(required=True, metavar="action")
    export = _add(actions, "export", "write everything the warehouse holds on a customer as JSON", _export_customer)
    export.add_argument("customer_id", metavar="CUSTOMER_ID")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file, or a folder for it")
    _add_force(export)
    erase = _add(actions, "erase", "make a customer unidentifiable in the warehouse and every copy", _erase_customer)
    erase.add_argument("customer_id", metavar="CUSTOMER_ID")
    erase.add_argument("--yes", action="store_true", help="do not ask")
    _add(actions, "reapply", "erase again whom a warehouse from a backup has as they were", _reapply_erasures)


def _add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="replace the file that --out names")


def _run(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.run import run

    settings = load_settings(options.settings, as_of_date=options.as_of_date, lock_wait_seconds=options.wait)
    return run(settings, select=options.select, full_refresh=options.full_refresh, new_warehouse=options.new_warehouse)


def _status(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.status import print_status

    print_status(settings)
    return DONE


def _sql(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.sql import print_query

    print_query(settings, options.query, options.format, allow_files=options.allow_files)
    return DONE


def _check_sources(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.sources import check

    return DONE if check(settings) else FAILED


def _reload_source(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.sources import reload

    reload(settings, options.place, force=options.force)
    return DONE


def _rejected_rows(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.sources import rejected

    rejected(settings, raw=options.raw, limit=options.limit)
    return DONE


def _rollback(settings: Settings, options: argparse.Namespace) -> int:
    from serving.publication.publish import rollback

    publication = rollback(settings, options.to)
    print(f"Live again: {publication.publication_id}, as of {publication.as_of_date}.")
    return DONE


def _messages(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.messages import preview, send

    if options.action == "send":
        return DONE if send(settings) else FAILED
    preview(settings, options.limit)
    return DONE


def _simulate(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.simulate import simulate
    from whatif.scenarios import read_scenarios, scenario_of
    from whatif.simulator import SearchPlan

    changes = scenario_of(options.changes)
    scenarios = [changes] if changes.changes else []
    scenarios += read_scenarios(options.scenarios) if options.scenarios else []
    if not scenarios and not options.search:
        raise UserError("simulate: nothing to simulate; give --set, --scenarios or --search.")
    if options.search and options.trials < 1:
        raise UserError(f"--trials {options.trials}: a search needs at least one.")
    if options.cost_cap is not None and not options.search:
        raise UserError("--cost-cap: only a search goes by a cap; add --search.")
    plan = SearchPlan(options.trials, options.cost_cap, changes.changes) if options.search else None
    simulate(settings, scenarios, plan, options.out, force=options.force)
    return DONE


def _ui(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.runs import prepare_dagster_home

    prepare_dagster_home(settings)
    os.environ["LOYALTY_SETTINGS"] = str(settings.path.resolve())
    dagster = Path(sys.executable).with_name("dagster")
    command = [str(dagster), "dev", "-w", str(PROJECT_ROOT / "workspace.yaml"), "-h", "127.0.0.1"]
    os.chdir(PROJECT_ROOT)
    # the program is this environment's own, and its words come from the command line alone
    os.execv(dagster, [*command, "-p", str(options.port)])


def _dev(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.dev import build

    return DONE if build(settings, options.models) else FAILED


def _experiments(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.experiments import assign_members

    print(assign_members(settings, options.plan, options.out, force=options.force))
    return DONE


def _export_customer(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.privacy import export_customer

    export_customer(settings, options.customer_id, options.out, force=options.force)
    return DONE


def _erase_customer(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.privacy import erase_customer

    return DONE if erase_customer(settings, options.customer_id, is_sure=options.yes) else FAILED


def _reapply_erasures(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.privacy import reapply_erasures

    reapply_erasures(settings)
    return DONE


def _docs(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.dbt_runner.project import DbtProject
    from serving.publication.metric_dictionary import metric_definitions, render_markdown

    target = PROJECT_ROOT / "docs" / "metrics.md"
    target.write_text(render_markdown(metric_definitions(DbtProject(settings).manifest())), encoding="utf-8")
    print(target)
    return DONE
