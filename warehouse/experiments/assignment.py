"""Assignment of customers to the arms of a campaign, and a register that holds each campaign to its plan.

An arm is a salted hash of campaign and customer: no state, no clock, the same answer in any order, on any machine and
in SQL. A permanent holdout is drawn the same way, once for all campaigns. The effects of campaigns are computed in
`experiments`.
"""

import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from warehouse.errors import UserError

TREATMENT, CONTROL, HOLDOUT = "treatment", "control", "holdout"
# Takes the campaign's place in the hash that draws the permanent holdout.
HOLDOUT_DRAW = "permanent_holdout"
SEPARATOR = "|"
HEX_DIGITS = 13
# What the register's list of treatments can hold, without the marks between them.
TREATMENT_NAME = re.compile(r"\w(?:[\w .-]{0,48}[\w.-])?")

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class ExperimentDefinition:
    """A randomized campaign as planned, before its start. Raises `UserError` where the plan makes no sense.

    `treatments`: the share of each treatment's customers outside the holdout, in the order in which they are drawn; the
    others are the control. `end_date`: last day of the window. `metrics`: the family that the campaign will be judged
    by, the main one first.
    """

    campaign_id: str
    salt: str
    treatments: Mapping[str, float]
    start_date: date
    end_date: date
    metrics: tuple[str, ...]
    holdout_salt: str
    holdout_share: float = 0.0

    @property
    def treatment_share(self) -> float:
        """The share of all treatments together."""
        return math.fsum(self.treatments.values())

    def __post_init__(self) -> None:
        problems = [
            (not self.campaign_id or self.campaign_id == HOLDOUT_DRAW, "campaign_id is empty or reserved"),
            (not self.salt or not self.holdout_salt, "salt and holdout_salt must not be empty"),
            (
                any(SEPARATOR in part for part in (self.campaign_id, self.salt, self.holdout_salt)),
                f'campaign_id, salt and holdout_salt must not contain "{SEPARATOR}"',
            ),
            (
                not 0 < self.treatment_share < 1 or min(self.treatments.values()) <= 0,
                "the share of each treatment, and of all of them together, must lie between 0 and 1",
            ),
            (
                any(not TREATMENT_NAME.fullmatch(arm) or arm in (CONTROL, HOLDOUT) for arm in self.treatments),
                "a treatment is named with up to 50 letters, digits, blanks, dots, hyphens and underscores, and "
                f"neither {CONTROL} nor {HOLDOUT}",
            ),
            (not 0 <= self.holdout_share < 1, "holdout_share must be at least 0 and under 1"),
            (self.end_date < self.start_date, "end_date lies before start_date"),
            (
                not self.metrics or len(set(self.metrics)) < len(self.metrics) or any("," in m for m in self.metrics),
                "metrics must name at least one metric, each once and without a comma",
            ),
        ]
        found = [text for is_problem, text in problems if is_problem]
        if found:
            raise UserError(f'experiment "{self.campaign_id}": {"; ".join(found)}')


REGISTRY_COLUMNS = (
    "campaign_id", "salt", "treatment_share", "start_date", "end_date", "metrics", "holdout_salt", "holdout_share",
    "registered_on", "arms",
)  # fmt: skip


def assignment_unit(salt: str, campaign_id: str, customer_ids: Iterable[Any]) -> Array:
    """A number in [0, 1) per customer, as if drawn evenly, fixed by salt, campaign and customer.

    The first 13 hexadecimal digits of md5("salt|campaign|customer"), over 16^13, exact in a double. In DuckDB:
    `('0x' || substr(md5(concat_ws('|', salt, campaign_id, customer_id)), 1, 13))::bigint / 16::double ^ 13`.
    """
    prefix = f"{salt}{SEPARATOR}{campaign_id}{SEPARATOR}"
    digests = (
        int(hashlib.md5(f"{prefix}{customer}".encode(), usedforsecurity=False).hexdigest()[:HEX_DIGITS], 16)
        for customer in customer_ids
    )
    return np.fromiter(digests, dtype=np.float64) / 16.0**HEX_DIGITS


def assign(customer_ids: Iterable[Any], definition: ExperimentDefinition) -> pd.DataFrame:
    """campaign_id, customer_id, arm (a treatment, control, holdout): one row per customer, in the order given.

    A customer's number lies in the part of [0, 1) that belongs to an arm: the treatments one after the other, then the
    control. Customers in the holdout belong to no campaign: they are neither treated nor in the comparison. A higher
    `holdout_share` keeps every customer who is in it already. Raises `ValueError` if a customer is listed twice.
    """
    customers = pd.Index(customer_ids)
    if customers.has_duplicates:
        raise ValueError(f"customer {customers[customers.duplicated()][0]} is listed more than once")
    is_held_out = assignment_unit(definition.holdout_salt, HOLDOUT_DRAW, customers) < definition.holdout_share
    ends = np.cumsum([*definition.treatments.values()])
    drawn = np.searchsorted(ends, assignment_unit(definition.salt, definition.campaign_id, customers), side="right")
    arm = np.where(is_held_out, HOLDOUT, np.array([*definition.treatments, CONTROL])[drawn])
    return pd.DataFrame({"campaign_id": definition.campaign_id, "customer_id": customers, "arm": arm})


def empty_registry() -> pd.DataFrame:
    """The registry before the first experiment."""
    return pd.DataFrame(columns=list(REGISTRY_COLUMNS))


def _registered(definition: ExperimentDefinition) -> dict[str, Any]:
    """The plan as a row of the registry; `arms` is empty where the one treatment is called so."""
    arms = ",".join(f"{arm}={share!r}" for arm, share in definition.treatments.items())
    return {name: getattr(definition, name) for name in REGISTRY_COLUMNS if hasattr(definition, name)} | {
        "metrics": ",".join(definition.metrics),
        "arms": "" if list(definition.treatments) == [TREATMENT] else arms,
    }


def _same(old: Any, new: Any) -> bool:
    """Equal as a plan: dates as days, however a database returned them, shares to the last few bits."""
    if isinstance(new, date):
        return pd.Timestamp(old) == pd.Timestamp(new)
    return math.isclose(old, new, rel_tol=1e-12) if isinstance(new, float) else bool(old == new)


def _check_holdout(registry: pd.DataFrame, new: dict[str, Any], as_of_date: date) -> None:
    """A holdout is permanent: once a campaign that keeps one has started, its draw stays and it may only grow."""
    started = pd.to_datetime(registry["start_date"]) <= pd.Timestamp(as_of_date)
    keeping = registry[started & (registry["holdout_share"].astype(float) > 0)]
    for row in keeping.to_dict("records"):
        if row["holdout_salt"] != new["holdout_salt"] or row["holdout_share"] > new["holdout_share"]:
            raise UserError(
                f'experiment "{new["campaign_id"]}": the holdout of "{row["campaign_id"]}" is permanent; keep '
                f'holdout_salt "{row["holdout_salt"]}" and a holdout_share of at least {row["holdout_share"]:g}'
            )


def _refuse_change(old: dict[str, Any], new: dict[str, Any]) -> None:
    changed = [name for name in new if not _same(old[name], new[name])]
    if changed:
        told = "; ".join(f"{name} was {old[name]}, now {new[name]}" for name in changed)
        raise UserError(
            f'experiment "{new["campaign_id"]}" started on {pd.Timestamp(old["start_date"]).date()} and cannot change: '
            f"{told}. Put back the registered values, or register a new campaign_id."
        )


def register(registry: pd.DataFrame, definition: ExperimentDefinition, as_of_date: date) -> pd.DataFrame:
    """The registry with this experiment in it; the one given is left as it is.

    Up to the day before the start a plan may be replaced. From the start on the same plan is accepted and leaves
    the registry as it was, a changed one raises `UserError` that names what changed; so do a plan first registered
    after its start, which might have been made with the results in hand, and a change of the permanent holdout.
    """
    new = _registered(definition)
    known = registry[registry["campaign_id"] == definition.campaign_id].to_dict("records")
    old = known[0] if known else None
    if old is not None and all(_same(old[name], new[name]) for name in new):
        return registry.copy()
    if old is not None and pd.Timestamp(old["start_date"]) <= pd.Timestamp(as_of_date):
        _refuse_change(old, new)
    if definition.start_date <= as_of_date:
        raise UserError(
            f'experiment "{definition.campaign_id}" starts on {definition.start_date}, not after {as_of_date}: '
            "register an experiment before its start, or move the start."
        )
    others = registry[registry["campaign_id"] != definition.campaign_id]
    _check_holdout(others, new, as_of_date)
    row = pd.DataFrame([new | {"registered_on": as_of_date}], columns=list(REGISTRY_COLUMNS))
    joined = row if others.empty else pd.concat([others, row])
    return joined.sort_values("campaign_id", ignore_index=True)
