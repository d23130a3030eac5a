"""The command line `loyalty`: see `loyalty --help`.

Exit codes: 0 done; 1 the run failed, a check of sources found problems, or messages were refused or are left; the
`exit_code` of a UserError (2 wrong usage, settings or input; 3 another run holds the warehouse); 143 ended by SIGTERM
(137 where it had to be killed); 130 interrupted.
"""

import argparse
import ipaddress
import math
import os
import signal
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import get_args

from dagster_project.cli.parser import Commands, Parser, parse
from dagster_project.unchanged import forget_inputs, nothing_new, unchanged_since
from dagster_project.watchdog import terminated_in_words
from serving.audiences import has_daily
from serving.audiences.definitions import Destination, FileDestination
from warehouse.errors import UserError, printable
from warehouse.permissions import private_files
from warehouse.settings import PROJECT_ROOT, Settings, load_settings

DONE, FAILED, INTERRUPTED = 0, 1, 130
AGAIN_SECONDS = 0.05


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the console script. Returns the exit code."""
    options = parse(command_line(), arguments)
    if options.handler is None:
        options.parser.print_help(sys.stderr)
        return UserError.exit_code
    settings = None
    try:
        with terminated_in_words(), private_files(), _quiet_libraries(), _heard_interrupts():
            if getattr(options, "founds_company", False):  # there are no settings yet
                code, wants_run = _init(options)
                if not wants_run:
                    return code
                options = parse(command_line(), ["--company", str(wants_run), "run"])
            settings = load_settings(getattr(options, "company", None))
            return options.handler(settings, options)
    except KeyboardInterrupt:
        return _told("interrupted.", INTERRUPTED)
    except UserError as error:
        return _told(str(error), error.exit_code)
    except BrokenPipeError:
        # the reader of a pipe has gone; what is left to flush has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:  # noqa: BLE001  # nobody is shown a traceback; it is kept for who mends the product
        return _told(_unexpected(error, settings), FAILED)


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Warnings of libraries are for developers: `python -W` shows them, and the tests fail on them.

    A filter would not do: scikit-learn changes the filters in threads, which now and then undoes it.
    """
    shown = warnings.showwarning
    if not sys.warnoptions:
        warnings.showwarning = _not_shown  # type: ignore[assignment]  # it takes anything
    try:
        yield
    finally:
        warnings.showwarning = shown


@contextmanager
def _heard_interrupts() -> Iterator[None]:
    """Python only prints a Ctrl-C that comes while it frees an object, and forgets it. This raises such a Ctrl-C
    again."""
    shown = sys.unraisablehook

    def hear(unraisable: "sys.UnraisableHookArgs") -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), signal.SIGINT)).start()
        else:
            shown(unraisable)

    sys.unraisablehook = hear
    try:
        yield
    finally:
        sys.unraisablehook = shown


def _not_shown(*_: object) -> None:
    """Takes the place of the function that prints a warning."""


def _say(text: str) -> None:
    """Print a line of output, which may contain texts of files and databases."""
    sys.stdout.write(f"{printable(text)}\n")


def _told(message: str, code: int) -> int:
    sys.stderr.write(printable(f"loyalty: {message}\n"))
    return code


def _unexpected(error: Exception, settings: Settings | None) -> str:
    """An error of a library or the machine in words; for an unforeseen one, the place of its traceback."""
    from dagster_project.words import error_in_words, is_known

    settings = settings or load_settings()
    told = error_in_words(error, settings)
    if is_known(error):
        return told
    with tempfile.NamedTemporaryFile(
        "w", prefix="loyalty-error-", suffix=".txt", delete=False, encoding="utf-8"
    ) as kept:
        kept.write(printable("".join(traceback.format_exception(error))))
    return f"{told} What happened where stands in {kept.name}; it helps whoever mends it."


def command_line() -> Parser:
    """The parser of every command."""
    parser = Parser(prog="loyalty", description="Loyalty Warehouse: orders in, loyalty marts out.")
    commands = parser.commands("command")
    _add_init(commands)
    _add_run(commands)
    _add_backfill(commands)
    status = commands.add("status", "what is published, since when, and why the last run failed", _status)
    status.add_argument("--check", action="store_true", help="say only what is wrong, and end with 1 if anything is")
    status.add_argument("--max-age-days", type=_count, metavar="DAYS", help="with --check: how old figures may be")
    sql = commands.add("sql", "query the published copy", _sql)
    sql.add_argument("query", help="one SQL statement; tables are in schema marts")
    sql.add_argument("--warehouse", action="store_true", help="read the warehouse and its raw tables, between runs")
    sql.add_argument("--format", choices=("table", "csv", "json"), default="table")
    sql.add_argument("--allow-files", action="store_true", help="let it read and write other files, with your rights")
    diff = commands.add("diff", "what the last publication changed, or one that is held back would", _diff)
    diff.add_argument("mart", nargs="?", help="the numbers of this mart (default: the rows of every mart)")
    diff.add_argument("--format", choices=("table", "csv", "json"), default="table")
    metric = commands.add("metric", "a metric by its name, from the published copy", _metric)
    metric.add_argument("name", help="a metric of docs/metrics.md, or MART.COLUMN")
    repeated = {"action": "append", "default": []}
    metric.add_argument("--by", metavar="COLUMN", help="show it by this column; may be repeated", **repeated)
    metric.add_argument("--where", metavar="COLUMN=VALUE", help="only these rows; also with <, >= or !=", **repeated)
    metric.add_argument("--format", choices=("table", "csv", "json"), default="table")
    explain = commands.add("explain", "the rows and the arithmetic behind a customer's figures", _explain)
    explain.add_argument("customer_id", metavar="CUSTOMER")
    explain.add_argument(
        "metric", nargs="?", metavar="METRIC", help="the figure, such as tier or points (default: all)"
    )
    explain.add_argument("--as-of", dest="as_of_date", type=_past_day, metavar="YYYY-MM-DD", help="as of this day")
    commands.add("mcp", "answer an assistant's questions on standard input (Model Context Protocol)", _mcp)
    superset = commands.add("superset", "put the marts, metrics and dashboards into an Apache Superset", _superset)
    superset.add_argument("url", metavar="URL", help="where Superset answers, such as http://127.0.0.1:8088")
    superset.add_argument(
        "--database", metavar="VARIABLE",
        help="the environment variable with the SQLAlchemy address under which Superset reads the marts, such as that"
        " of PostgreSQL (default: the published file)",
    )  # fmt: skip
    _add_sources(commands)
    rollback = commands.add("rollback", "make an earlier publication live again", _rollback)
    rollback.add_argument("--to", help="publication id (default: the one before the live one)")
    _add_backup(commands)
    messages = commands.add("messages", "look at the outbox, or deliver it by hand", _messages)
    messages.add_argument("action", choices=("preview", "send"), help="print it without addresses, or deliver it")
    messages.add_argument("--limit", type=_count, default=10, help="how many messages a preview shows")
    digest = commands.add("digest", "the last whole week beside the one before and a year ago", _digest)
    digest.add_argument("--send", action="store_true", help="send it to the receivers of the settings")
    _add_audiences(commands)
    _add_simulate(commands)
    _add_server(commands.add("ui", "Dagster's UI on the same graph; schedule and sensors are off", _ui))
    served = commands.add("serve", "the same for every day: schedule and sensors start runs", _serve)
    _add_server(served)
    served.add_argument(
        "--address", type=_address, default="127.0.0.1",
        help="what the server listens on (default: 127.0.0.1); another one only within a container: there is no login",
    )  # fmt: skip
    _add_dev(commands)
    _add_experiments(commands)
    _add_privacy(commands)
    commands.add("docs", "write the pages of marts, metrics, models, settings and sources, and Superset's files", _docs)
    return parser


def _add_init(commands: Commands) -> None:
    init = commands.add("init", "make a company's folder from its shop system's exports, or from its database", _status)
    init.set_defaults(founds_company=True)
    init.add_argument("files", nargs="*", type=Path, metavar="FILE", help="exports: CSV, Excel, JSON or Parquet")
    init.add_argument(
        "--database", metavar="VARIABLE",
        help="in place of files: the environment variable LOYALTY_DSN_... with the connection string of the database",
    )  # fmt: skip
    init.add_argument(
        "--table", dest="tables", action="append", default=[], metavar="ROLE=TABLE",
        help="which table of the database holds lines, orders, customers or products, where that is not found",
    )  # fmt: skip
    init.add_argument(
        "--map", dest="mapped", action="append", default=[], metavar="FIELD=HEADER",
        help='what a column is, where that is not found: ordered_at="Sold on"; it may be said several times',
    )  # fmt: skip
    init.add_argument("--timezone", metavar="ZONE", help="the shop's time zone, such as Europe/Berlin")
    init.add_argument("--currency", metavar="CODE", help="the shop's currency, such as EUR")
    init.add_argument("--force", action="store_true", help="replace the company's files that are there")


def _add_backup(commands: Commands) -> None:
    backup = commands.add("backup", "copy what cannot be made again into a new folder", _backup)
    backup.add_argument("folder", type=Path, help="where backups are: each is a folder of its own in it")
    backup.add_argument("--keep", type=_positive, metavar="NUMBER", help="delete all but the last so many backups")
    restore = commands.add("restore", "put a backup in the place of the home folder's files", _restore)
    restore.add_argument("backup", type=Path, help="the folder of one backup")
    restore.add_argument("--force", action="store_true", help="move aside what is there already")


def _positive(text: str) -> int:
    number = _count(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _add_server(parser: Parser) -> None:
    parser.add_argument("--port", type=_port, default=3000, help="port of this machine (default: 3000)")
    parser.add_argument(
        "--proxy-host", metavar="NAME", help="the name under which a proxy with a login shows the pages"
    )


def _address(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ipaddress.AddressValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no address such as 0.0.0.0") from None


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port (1 to 65535)")
    return int(text)


def _count(text: str) -> int:
    if not text.isdigit() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _seconds(text: str) -> float:
    return _number(text, "number of seconds")


def _amount(text: str) -> float:
    return _number(text, "amount")


def _number(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1e12:
        raise argparse.ArgumentTypeError(f"{text!r} is no {what}")
    return number


def _add_run(commands: Commands) -> None:
    run = commands.add("run", "load, build, check, train, publish", _run)
    run.add_argument("--select", help="part of the graph: an asset selection, or names with + for what is around them")
    run.add_argument(
        "--as-of", dest="as_of_date", type=_past_day, metavar="YYYY-MM-DD", help="tell every figure as of this day"
    )
    run.add_argument("--full-refresh", action="store_true", help="build the incremental history anew")
    run.add_argument("--force", action="store_true", help="run although nothing is new, and build what is unchanged")
    run.add_argument("--new-warehouse", action="store_true", help="start anew where the warehouse is lost")
    run.add_argument("--accept", action="store_true", help="publish what was held back, see `diff`")
    run.add_argument("--wait", type=_seconds, metavar="SECONDS", help="how long to wait for another run to end")


def _add_backfill(commands: Commands) -> None:
    backfill = commands.add("backfill", "post the results of earlier days, then publish", _backfill)
    backfill.add_argument("first", type=_past_day, metavar="FIRST", help="the first day, YYYY-MM-DD")
    backfill.add_argument("last", type=_past_day, metavar="LAST", help="the last day")
    backfill.add_argument("--by", choices=("month", "day"), default="month", help="ends of months, or each day")


def _past_day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write it as YYYY-MM-DD") from None
    if day > date.today():
        raise argparse.ArgumentTypeError(f"{text} lies in the future; figures can be told up to the last day loaded")
    return day


def _add_dev(commands: Commands) -> None:
    dev = commands.add("dev", "build a changed model in a file of your own, from published data", _dev)
    dev.add_argument("action", choices=("build",))
    dev.add_argument("models", nargs="+", metavar="MODEL")


def _add_experiments(commands: Commands) -> None:
    experiments = commands.add("experiments", "plan a campaign whose effect can be told", _experiments)
    experiments.add_argument("action", choices=("assign",), help="register the plan and draw who gets the campaign")
    experiments.add_argument(
        "plan", type=Path, help="YAML: campaign_id, start_date, end_date, metrics, arms with their shares"
    )
    experiments.add_argument("--out", type=Path, required=True, help="CSV of campaign_id, customer_id, arm")
    _add_force(experiments)


def _add_audiences(commands: Commands) -> None:
    actions = commands.add("audiences", "lists of customers for mail, text and advertising systems").commands("action")
    actions.add("list", "the company's audiences, and when each was last exported", _list_audiences)
    preview = actions.add(
        "preview", "how many would be handed over, and the first, without contacts", _preview_audience
    )
    export = actions.add("export", "write who is in an audience, who entered and who left", _export_audience)
    deliver = actions.add("deliver", "post an audience to the webhook of the settings", _deliver_audience)
    for parser in (preview, export, deliver):
        parser.add_argument("name", metavar="NAME", help="a file of the company's audiences/, without .yml")
        parser.add_argument("--with-holdout", action="store_true", help="with customers of the permanent holdout")
    for parser, systems in ((preview, Destination), (export, FileDestination)):
        parser.add_argument(
            "--format", choices=get_args(systems), help="the system it is for (default: the audience's destination)"
        )
    preview.add_argument("--limit", type=_count, default=10, help="how many members are shown (default: 10)")
    export.add_argument("--hashed", action="store_true", help="contacts as SHA-256, for meta and google")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="CSV; two more are written beside it")
    _add_force(export)


def _add_simulate(commands: Commands) -> None:
    simulate = commands.add("simulate", "replay history under other rules, beside today's", _simulate)
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
    simulate.add_argument("--trials", type=_count, default=20, help="how many rules a search tries (default: 20)")
    simulate.add_argument("--cost-cap", type=_amount, metavar="AMOUNT", help="what they may cost (default: as today's)")
    simulate.add_argument("--out", type=Path, metavar="FILE", help="draw a picture, .html or .png")
    _add_force(simulate)


def _add_sources(commands: Commands) -> None:
    actions = commands.add("sources", "look at the sources, and at what was rejected of them").commands("action")
    actions.add("check", "validate files and mappings without loading", _check_sources)
    trial = actions.add("try", "what would become of a source's rows, in seconds and without a run", _try_source)
    trial.add_argument("name", metavar="SOURCE", nargs="?", help="not needed where there is one alone")
    explain = actions.add("explain", "the SQL that a source's rows are mapped by", _explain_source)
    explain.add_argument("name", metavar="SOURCE")
    reload = actions.add("reload", "load a source, or one table of it, anew", _reload_source)
    reload.add_argument("place", metavar="SOURCE[.TABLE]")
    reload.add_argument("--force", action="store_true", help="also where files that were loaded are gone by now")
    rejected = actions.add("rejected", "rows that were rejected, with their reasons", _rejected_rows)
    rejected.add_argument("--raw", action="store_true", help="as delivered, with whatever stands in them")
    rejected.add_argument(
        "--limit", type=_count, default=100, help="how many are shown, the latest first (default: 100)"
    )


def _add_privacy(commands: Commands) -> None:
    actions = commands.add("privacy", "hand over or erase everything about one customer").commands("action")
    export = actions.add("export", "write everything the warehouse holds on a customer as JSON", _export_customer)
    export.add_argument("customer_id", metavar="CUSTOMER_ID")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file, or a folder for it")
    _add_force(export)
    erase = actions.add("erase", "make a customer unidentifiable in the warehouse and every copy", _erase_customer)
    erase.add_argument("customer_id", metavar="CUSTOMER_ID")
    erase.add_argument("--yes", action="store_true", help="do not ask")
    actions.add("reapply", "erase again whom a warehouse from a backup has as they were", _reapply_erasures)


def _add_force(parser: Parser) -> None:
    parser.add_argument("--force", action="store_true", help="replace the file that --out names")


def _run(settings: Settings, options: argparse.Namespace) -> int:
    settings = load_settings(settings.path, as_of_date=options.as_of_date, lock_wait_seconds=options.wait)
    if not (options.select or options.full_refresh or options.new_warehouse or options.force or options.accept):
        live = unchanged_since(settings)
        if live:
            _say(nothing_new(settings, live))
            return _deliver(settings)
    import skops.io  # noqa: F401  before Dagster: it looks names up in every module there is, which takes 2.5 s less now

    from dagster_project.cli.run import run

    return run(
        settings,
        select=options.select,
        full_refresh=options.full_refresh,
        new_warehouse=options.new_warehouse,
        everything=options.force,
        accept=options.accept,
    )


def _backfill(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.backfill import backfill

    return backfill(settings, options.first, options.last, options.by)


def _is_behind_in_postgres(settings: Settings) -> bool:
    if settings.publish.postgres is None:
        return False
    from serving.postgres import is_behind

    return is_behind(settings)


def _deliver(settings: Settings) -> int:
    """What waits goes out although nothing is new: a load that PostgreSQL refused, messages until the end of quiet
    hours, audiences and a digest that were not accepted."""
    due = ["published/postgres"] if _is_behind_in_postgres(settings) else []
    due += ["outbox/delivery"] if settings.messages.channel else []
    due += ["outbox/audiences"] if has_daily(settings) else []
    due += ["outbox/digest"] if settings.digest.channel else []
    if not due:
        return DONE
    from dagster_project.cli.run import run

    return run(settings, select=" or ".join(due))


def _init(options: argparse.Namespace) -> tuple[int, Path | None]:
    """The exit code, and the new company where a person wants to see its report at once."""
    from dagster_project.cli.init import init, init_from_database, wants_run

    if bool(options.files) == bool(options.database):
        raise UserError("init: say either files or --database VARIABLE.")
    company = getattr(options, "company", None)
    asked = {"timezone": options.timezone, "currency": options.currency}
    if options.database:
        made = init_from_database(options.database, company, options.tables, options.mapped, asked, options.force)
    else:
        made = init(options.files, company, options.mapped, asked, options.force)
    return (DONE, made if wants_run() else None) if made else (FAILED, None)


def _status(settings: Settings, options: argparse.Namespace) -> int:
    if options.check or options.max_age_days is not None:
        from dagster_project.cli.health import ailments

        found = ailments(settings, options.max_age_days)
        for sentence in found or ["all is well"]:
            _say(f"{settings.company}: {sentence}")
        return FAILED if found else DONE
    from dagster_project.cli.status import print_status

    print_status(settings)
    return DONE


def _sql(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.sql import print_query

    print_query(
        settings, options.query, options.format, allow_files=options.allow_files, in_warehouse=options.warehouse
    )
    return DONE


def _diff(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.diff import print_changes

    print_changes(settings, options.mart, options.format)
    return DONE


def _check_sources(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.sources import check

    return DONE if check(settings) else FAILED


def _try_source(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.sources import chosen_source
    from dagster_project.cli.try_source import try_source

    try_source(settings, chosen_source(settings, options.name))
    return DONE


def _explain_source(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.sources import explain

    explain(settings, options.name)
    return DONE


def _reload_source(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.sources import reload

    reload(settings, options.place, force=options.force)
    return DONE


def _rejected_rows(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.sources import rejected

    rejected(settings, raw=options.raw, limit=options.limit)
    return DONE


def _metric(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.metric import print_metric

    print_metric(settings, options.name, options.by, options.where, options.format)
    return DONE


def _explain(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.explain import print_explanation

    agrees = print_explanation(settings, options.customer_id, options.metric, options.as_of_date)
    return DONE if agrees else FAILED


def _mcp(settings: Settings, _options: argparse.Namespace) -> int:
    from serving.questions.mcp_server import build_server

    build_server(settings).run()
    return DONE


def _superset(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.superset import import_dashboards

    files = import_dashboards(settings, options.url, options.database)
    _say(f"{files} files imported: {options.url.rstrip('/')}/dashboard/list/")
    return DONE


def _rollback(settings: Settings, options: argparse.Namespace) -> int:
    from serving.publication.publish import rollback

    publication = rollback(settings, options.to)
    _say(f"Live again: {publication.publication_id}, as of {publication.as_of_date}.")
    if settings.publish.postgres:
        from serving.postgres import load_live

        _say(f"PostgreSQL: {load_live(settings).in_words()}")
    return DONE


def _backup(settings: Settings, options: argparse.Namespace) -> int:
    from warehouse.backup import back_up

    made = back_up(settings, options.folder, _say, keep=options.keep)
    _say(f"Backed up {settings.company}: {len(made.files)} files, {made.size / 1e6:,.1f} MB, in {made.folder}.")
    return DONE


def _restore(settings: Settings, options: argparse.Namespace) -> int:
    from warehouse.backup import restore

    restored = restore(settings, options.backup, _say, force=options.force)
    forget_inputs(settings)
    _say(
        f"Restored {settings.company} as of {restored.created_at:%Y-%m-%d %H:%M} UTC in {settings.home}."
        f" `{settings.command} run` loads what has come since, and publishes."
    )
    return DONE


def _messages(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.messages import preview, send

    if options.action == "send":
        return DONE if send(settings) else FAILED
    preview(settings, options.limit)
    return DONE


def _digest(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.digest import digest

    return DONE if digest(settings, send=options.send) else FAILED


def _list_audiences(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.audiences import list_audiences

    list_audiences(settings)
    return DONE


def _preview_audience(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.audiences import preview

    preview(settings, options.name, options.format, options.limit, with_holdout=options.with_holdout)
    return DONE


def _export_audience(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.audiences import export_audience

    export_audience(
        settings,
        options.name,
        options.format,
        options.out,
        is_hashed=options.hashed,
        with_holdout=options.with_holdout,
        force=options.force,
    )
    return DONE


def _deliver_audience(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.audiences import deliver_audience

    return DONE if deliver_audience(settings, options.name, with_holdout=options.with_holdout) else FAILED


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
    from dagster_project.cli.serve import serve

    return serve(settings, options.port, automation=False, proxy_host=options.proxy_host)


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.serve import serve

    return serve(settings, options.port, automation=True, proxy_host=options.proxy_host, address=options.address)


def _dev(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.dev import build

    return DONE if build(settings, options.models) else FAILED


def _experiments(settings: Settings, options: argparse.Namespace) -> int:
    from dagster_project.cli.experiments import assign_members

    _say(assign_members(settings, options.plan, options.out, force=options.force))
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
    from dagster_project.cli.model_cards import card_pages
    from dagster_project.cli.reference import reference_pages
    from dagster_project.cli.superset import write_files
    from dagster_project.dbt_runner.project import DbtProject
    from serving.publication.mart_dictionary import render_marts
    from serving.publication.metric_dictionary import metric_definitions, render_markdown

    project = DbtProject(settings)
    manifest = project.manifest()
    pages = {"metrics.md": render_markdown(metric_definitions(manifest)), "marts.md": render_marts(manifest)}
    for name, text in {**pages, **reference_pages(), **card_pages(manifest)}.items():
        target = PROJECT_ROOT / "docs" / name
        target.write_text(text, encoding="utf-8")
        _say(str(target))
    superset = PROJECT_ROOT / "bi" / "superset"
    write_files(project.manifest_path(), superset)
    _say(str(superset))
    return DONE
