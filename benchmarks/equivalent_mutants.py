"""Mutants that no input tells from the original: each with its reason, in `equivalent_mutants.yml`."""

from collections.abc import Set
from pathlib import Path

import yaml

from warehouse.errors import UserError

FILE = Path(__file__).with_suffix(".yml")
# Where it is, what is changed, and the line before the change.
Key = tuple[str, str, str]


def equivalent_mutants(kind: str, existing: Set[Key]) -> set[Key]:
    """The keys of the equivalent mutants of a kind, "sql" or "python".

    Raises:
        UserError: an entry is of none of the `existing` mutants: its line was changed, its reason may no longer hold.
    """
    entries = yaml.safe_load(FILE.read_text(encoding="utf-8"))[kind]
    keys = {(entry["place"], change, entry["line"]) for entry in entries for change in entry["changes"]}
    if gone := keys - existing:
        raise UserError(f"{FILE.name}: no such mutant: {'; '.join(' | '.join(key) for key in sorted(gone))}")
    return keys
