"""`loyalty init`: a company's folder from the files that its shop system exports, or from its database, in one go and
without a question that they answer themselves."""

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console as RichConsole
from rich.table import Table

from dagster_project.cli.console import Console
from warehouse.errors import UserError, nearest, printable
from warehouse.ingest.check import check_source
from warehouse.ingest.sources import load_sources_config
from warehouse.onboarding.addition import add_files, files_of
from warehouse.onboarding.company_folder import company_folder, write_company
from warehouse.onboarding.database import ROLES, propose_database
from warehouse.onboarding.file_format import Sample, look_at
from warehouse.onboarding.guess import propose_guessed
from warehouse.onboarding.guessed_lines import FIELDS
from warehouse.onboarding.proposal import Finding, Proposal, check_zone, propose_recognised
from warehouse.onboarding.readers import recognise
from warehouse.settings import load_settings


def init(
    files: Sequence[Path],
    company: Path | None,
    mapped: Sequence[str],
    asked: Mapping[str, str | None],
    force: bool,
) -> Path | None:
    """Write a company's folder from files, and return it if nothing is left that would stop a run. Raises UserError.

    Files that a company of this name still waits for, such as the customers beside its orders, are added to it.
    """
    samples = [look_at(file) for file in files]
    there = company_folder(str(company)) if company else None
    if there and not force and not mapped and (added := add_files(there, samples)):
        Console().print("\n".join(added), soft_wrap=True)
        return there if _checked(there, str(company)) else None
    try:
        proposal = _proposed(samples, mapped)
    except UserError as error:
        raise _with_the_others(error, files, there) from error
    return _write(proposal, company, asked, force)


def _proposed(samples: Sequence[Sample], mapped: Sequence[str]) -> Proposal:
    said = _said(mapped, [header for sample in samples for header in sample.header])
    found = None if said else recognise(samples)
    return propose_recognised(found) if found else propose_guessed(samples, said, _asked_of_person)


def _with_the_others(error: UserError, files: Sequence[Path], company: Path | None) -> UserError:
    """The error, with how to give the files together with those that a company has already."""
    others = [path for path in files_of(company) if path not in {file.resolve() for file in files}] if company else []
    if not others:
        return error
    listed = " ".join(shlex.quote(str(path)) for path in [*others, *files])
    return UserError(
        f"{error} To add it to the company, give it together with the files that are there: `loyalty init {listed}"
        f" --company {shlex.quote(str(company))} --force`. This writes the company anew, so repeat what you changed."
    )


def init_from_database(
    variable: str,
    company: Path | None,
    named: Sequence[str],
    mapped: Sequence[str],
    asked: Mapping[str, str | None],
    force: bool,
) -> Path | None:
    """Write a company's folder from a database, and return it as `init` does. Raises UserError."""
    proposal = propose_database(variable, _roles(named), _said(mapped, None), _asked_of_person)
    return _write(proposal, company, asked, force)


def _write(proposal: Proposal, company: Path | None, asked: Mapping[str, str | None], force: bool) -> Path | None:
    _decide(proposal, asked)
    folder = company_folder(str(company) if company else proposal.source_name)
    written = write_company(proposal, folder, force=force)
    _tell(proposal, written)
    return folder if _checked(folder, str(company or folder.name)) else None


def wants_run() -> bool:
    """Whether a person at a terminal wants a run at once."""
    return _asked_of_person("Run it now, and see the report?", ("yes", "no")) == "yes"


def _roles(named: Sequence[str]) -> dict[str, str]:
    """The tables by role, from --table. Raises UserError for an unknown role."""
    found = {}
    for text in named:
        role, equals, table = text.partition("=")
        if not equals or role not in ROLES:
            raise UserError(f"--table {text}: say ROLE=TABLE{nearest(role, ROLES)}; roles are {', '.join(ROLES)}.")
        found[role] = table
    return found


def _said(mapped: Sequence[str], headers: Sequence[str] | None) -> dict[str, str]:
    """The headers by field, from --map. Raises UserError for an unknown field or header."""
    found = {}
    for text in mapped:
        name, equals, header = text.partition("=")
        if not equals or name not in FIELDS:
            raise UserError(f"--map {text}: say FIELD=HEADER{nearest(name, FIELDS)}; fields are {', '.join(FIELDS)}.")
        if headers is not None and header not in headers:
            raise UserError(f'--map {text}: no file has the column "{header}"{nearest(header, headers)}.')
        found[name] = header
    return found


def _asked_of_person(question: str, choices: Sequence[str]) -> str | None:
    """The answers of a person at a terminal; without a terminal no question is asked."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    answer = RichConsole().input(f"{printable(question)} ({', '.join(map(printable, choices))}) ").strip()
    return answer if answer in choices else None


def _decide(proposal: Proposal, asked: Mapping[str, str | None]) -> None:
    """Replace findings by the values of the command line. Raises UserError."""
    if zone := asked["timezone"]:
        try:
            proposal.zone = Finding(check_zone(zone), "as said")
        except (KeyError, ValueError, OSError) as error:
            raise UserError(f"--timezone {zone}: no IANA time zone, such as Europe/Berlin.") from error
    if code := asked["currency"]:
        if not re.fullmatch("[A-Z]{3}", code.upper()):
            raise UserError(f"--currency {code}: three letters, such as EUR, are expected.")
        proposal.currency = Finding(code.upper(), "as said")


def _tell(proposal: Proposal, written: Sequence[Path]) -> None:
    console = Console()
    for line in proposal.files:
        console.print(line, soft_wrap=True)
    if proposal.guesses:
        table = Table("field", "column", "because", box=None, pad_edge=False)
        for row in proposal.guesses:
            table.add_row(*map(printable, row))
        console.print(table)
    for name, finding, option in (
        ("Time zone", proposal.zone, "--timezone"),
        ("Currency", proposal.currency, "--currency"),
    ):
        hint = "" if finding.is_known else f"; say {option} for another"
        console.print(f"{name}: {finding.value} ({finding.because}{hint})", soft_wrap=True)
    for note in proposal.notes:
        console.print(f"Note: {note}", soft_wrap=True)
    console.print(f"Written: {', '.join(str(file) for file in written)}", soft_wrap=True)


def _checked(folder: Path, company: str) -> bool:
    """Check the new company as `loyalty sources check` does, and print the next step."""
    console = Console()
    settings = load_settings(folder)
    problems = 0
    sources = load_sources_config(settings)
    for source in sources.values():
        for finding in check_source(source, settings):
            problems += finding.is_error
            if finding.is_error:
                console.print(str(finding), soft_wrap=True)
    if not problems:
        command = f"loyalty --company {company}"
        console.print(
            f"Checked: the files have these columns. Next: {command} sources try {', '.join(sources)}", soft_wrap=True
        )
        console.print(f"shows what becomes of their rows, in seconds. Then: {command} run", soft_wrap=True)
    return not problems
