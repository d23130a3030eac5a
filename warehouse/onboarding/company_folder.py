"""A company's folder, written from a proposal. Nothing that is there is replaced unless that is asked for."""

import re
from pathlib import Path

import yaml

from warehouse.errors import UserError
from warehouse.files import write_atomically
from warehouse.onboarding.proposal import CHURN_DAYS, Proposal
from warehouse.settings import COMPANIES_DIR, PROJECT_ROOT, SETTINGS_FILE


def company_folder(company: str) -> Path:
    """Where a company's folder is, by its name or a path to it. Raises UserError for a name that cannot be one."""
    path = Path(company)
    if path.name != company:
        return path
    if not re.fullmatch("[a-z][a-z0-9_]{0,59}", company):
        raise UserError(
            f'"{company}" is no name of a company: lower-case letters, digits and _, a letter first. Say --company'
            " NAME."
        )
    return COMPANIES_DIR / company


def write_company(proposal: Proposal, folder: Path, *, force: bool = False) -> list[Path]:
    """Write settings.yml and the source's YAML; the files that were written. Raises UserError where they are there."""
    files = {
        folder / SETTINGS_FILE: _settings_text(proposal, folder.resolve().name),
        folder / "sources" / f"{proposal.source_name}.yml": _source_text(proposal),
    }
    there = [file for file in files if file.exists()]
    if there and not force:
        raise UserError(f"{there[0]}: is there already. Say --force to replace it, or --company for another company.")
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, text, mode=0o644)
    return list(files)


def _settings_text(proposal: Proposal, name: str) -> str:
    home = Path("data") / name
    place = proposal.folder
    if place and place.is_relative_to(PROJECT_ROOT):
        place = place.relative_to(PROJECT_ROOT)
    said = {"input_path": str(place)} if place else {}

    def line(key: str, value: str, because: str) -> str:
        return f"{yaml.safe_dump({key: value}, allow_unicode=True, width=1000).strip()} # {because}\n"

    sources = yaml.safe_dump({"sources": {proposal.source_name: said}}, allow_unicode=True)
    return (
        f"# Written by `loyalty init`; docs/settings.md says what each key means.\n"
        f"{yaml.safe_dump({'company': name}).strip()}\n{yaml.safe_dump({'home': str(home)}).strip()}\n{sources}"
        + line("business_timezone", proposal.zone.value, proposal.zone.because)
        + line("base_currency", proposal.currency.value, proposal.currency.because)
        + f"churn_horizon_days: {CHURN_DAYS} # without an order for so long, a customer counts as lost\n"
    )


def _source_text(proposal: Proposal) -> str:
    notes = "".join(f"# {note}\n" for note in proposal.notes)
    body = yaml.safe_dump(proposal.source, allow_unicode=True, sort_keys=False, width=110)
    return f"# Written by `loyalty init`: {proposal.system}. docs/mapping.md says what each form means.\n{notes}{body}"
