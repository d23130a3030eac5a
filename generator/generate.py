"""Generate a company of any size as Parquet, together with the results that a warehouse must find.

    python -m generator --size 10m --seed 7 --out DIR [--changes 0.001]

The same arguments give the same bytes, whatever the number of threads. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from generator.campaigns import draw_campaigns
from generator.changes import draw_changes, write_change_truth, write_changes
from generator.company import SOURCES, Company
from generator.customers import draw_customers
from generator.order_lines import Catalogue, write_order_lines
from generator.orders import draw_orders, label_campaigns
from generator.programme import Programme, write_programme
from generator.returns import draw_returns
from generator.tables import Folder
from generator.truth import campaign_truth, customer_truth, totals

ENTITIES = (
    "order_lines",
    "customers",
    "products",
    "campaigns",
    "campaign_members",
    "campaign_arms",
    "reward_redemptions",
    "customer_events",
    "customer_feedback",
    "programme_costs",
    "marketing_spend",
    "exchange_rates",
    "point_adjustments",
)
_SIZE_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}
_OWN_FOLDERS = (*SOURCES, "changes", "truth")


@dataclass(frozen=True)
class Truth:
    """The generated company, and the results that must come out of it."""

    out: Path
    totals: dict[str, Any]
    """`delivered`, with `--changes` also `after_changes`: see `truth/totals.json`."""

    @property
    def customers_path(self) -> Path:
        """One row per customer, as of the first delivery."""
        return self.out / "truth" / "customers.parquet"

    @property
    def campaigns_path(self) -> Path:
        """One row per campaign with its planted effect."""
        return self.out / "truth" / "campaigns.parquet"


def generate(
    out: Path,
    *,
    size: int,
    seed: int,
    days: int = 730,
    start: date = date(2024, 1, 1),
    business_timezone: str = "UTC",
    sources: Sequence[str] = ("shop",),
    customers: int | None = None,
    changes: float = 0.0,
    only: Collection[str] | None = None,
    threads: int | None = None,
) -> Truth:
    """Write a company of `size` order lines below `out` and return its truth.

    `customers` sets the number of buyers, otherwise size and days do. `changes` is the share of lines in the
    second delivery (0: none). `only` names the entities to write. A folder generated before is replaced.

    Raises:
        ValueError: an argument is out of its range, or `out` holds files that were not generated.
    """
    _check(size, days, sources, customers, changes, only)
    company = Company(size, seed, start, days, business_timezone, tuple(sources), customers, changes)
    _clear(out)
    folder = Folder(out, only)
    return _write_company(company, folder, threads or os.cpu_count() or 1)


def _check(
    size: int, days: int, sources: Sequence[str], customers: int | None, changes: float, only: Collection[str] | None
) -> None:
    """Raise ValueError for the first argument that is out of its range."""
    if size < 500:
        raise ValueError(f"size is {size}: a company has at least 500 order lines")
    if days < 60:
        raise ValueError(f"days is {days}: a company has at least 60 days")
    if tuple(sources) not in (SOURCES[:1], SOURCES):
        raise ValueError(f"sources are {tuple(sources)}: choose {SOURCES[:1]} or {SOURCES}")
    if customers is not None and customers < 2:
        raise ValueError(f"customers is {customers}: a company has at least two")
    if not 0 <= changes <= 0.1:
        raise ValueError(f"changes is {changes}: choose a share from 0 to 0.1")
    unknown = sorted(set(only or ()) - set(ENTITIES))
    if unknown:
        raise ValueError(f"no entity is called {', '.join(unknown)}: choose from {', '.join(ENTITIES)}")


def _clear(out: Path) -> None:
    """Remove what an earlier call generated; refuse a folder with anything else in it."""
    if out.exists() and any(out.iterdir()) and not (out / "truth" / "totals.json").exists():
        raise ValueError(f"{out} is not empty and was not generated: choose another folder")
    for name in _OWN_FOLDERS:
        shutil.rmtree(out / name, ignore_errors=True)


def _write_company(company: Company, folder: Folder, threads: int) -> Truth:
    customers, purchases = draw_customers(company)
    campaigns = draw_campaigns(company, customers)
    orders = draw_orders(company, customers, purchases, campaigns)
    label_campaigns(company, orders, campaigns, customers.buyer_count)
    returns = draw_returns(company, customers, orders)
    catalogue = Catalogue.of(company, customers)
    write_order_lines(company, catalogue, orders, returns, folder, threads)
    write_programme(Programme(company, customers, campaigns, orders, catalogue), folder)

    states = {"delivered": totals(company, customers, orders, returns)}
    folder.write(customer_truth(company, customers, orders, returns), "truth", "customers.parquet")
    folder.write(campaign_truth(company, orders, campaigns), "truth", "campaigns.parquet")
    if company.changes:
        second = draw_changes(company, customers, orders, returns)
        write_changes(company, catalogue, second, folder)
        write_change_truth(company, second, folder)
        states["after_changes"] = totals(company, customers, second.orders, second.returns)
        after = customer_truth(company, customers, second.orders, second.returns)
        folder.write(after, "truth", "customers_after_changes.parquet")
    return _write_totals(company, folder, states)


def _write_totals(company: Company, folder: Folder, states: dict[str, Any]) -> Truth:
    """Write truth/totals.json, last of all files: its presence says that the folder is complete."""
    content = {
        "size": company.size,
        "seed": company.seed,
        "start": company.start.isoformat(),
        "data_through": company.date_of(company.days - 1).isoformat(),
        "business_timezone": company.business_timezone,
        "files": [{"path": file.path, "rows": file.rows} for file in sorted(folder.files, key=lambda f: f.path)],
        **states,
    }
    path = folder.root / "truth" / "totals.json"
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return Truth(folder.root, content)


def deliver_changes(out: Path) -> list[Path]:
    """Copy the second delivery beside the first, as new files of the sources, and return their paths.

    Raises:
        ValueError: the company was generated without changes.
    """
    updates = sorted((out / "changes").rglob("*.parquet"))
    if not updates:
        raise ValueError(f"{out} has no second delivery: generate it with changes")
    targets = [out / update.relative_to(out / "changes") for update in updates]
    for update, target in zip(updates, targets, strict=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(update, target)
    return targets


def parse_size(text: str) -> int:
    """Return a number of order lines: 2000, 2k, 1.5m.

    Raises:
        ValueError: the text is not such a number.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([km]?)", text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is not a size: write a number such as 2000, 2k or 10m")
    return round(float(match[1]) * _SIZE_UNITS[match[2]])


def _arguments(argv: Sequence[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = argparse.ArgumentParser(prog="python -m generator", description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="100k", help="order lines of the first delivery, such as 2k or 10m")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another company")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--days", type=int, default=730, help="length of the history")
    parser.add_argument("--start", type=date.fromisoformat, default=date(2024, 1, 1), help="first business day")
    parser.add_argument("--business-timezone", default="UTC", help="time zone in which business days start")
    parser.add_argument("--sources", nargs="+", default=["shop"], choices=SOURCES, help="shop, or shop till")
    parser.add_argument("--customers", type=int, help="number of buyers (default: what the size needs)")
    parser.add_argument("--changes", type=float, default=0.0, help="share of lines in a second delivery")
    parser.add_argument("--only", nargs="+", choices=ENTITIES, help="write these entities alone")
    parser.add_argument("--threads", type=int, help="threads that write (default: one a processor)")
    return parser, parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; bad arguments end it with status 2 and a message."""
    parser, arguments = _arguments(argv)
    began = time.perf_counter()
    options = {name: value for name, value in vars(arguments).items() if name != "size"}
    try:
        truth = generate(size=parse_size(arguments.size), **options)
    except ValueError as error:
        parser.error(str(error))
    delivered = truth.totals["delivered"]
    print(
        f"{delivered['order_lines']:,} order lines, {delivered['valid_orders']:,} valid orders of "
        f"{delivered['customers_with_valid_order']:,} customers in {len(truth.totals['files'])} files "
        f"below {truth.out} in {time.perf_counter() - began:.1f} s"
    )
