"""Settings: one typed object from one YAML file a company and the environment. No other place reads either."""

import os
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from warehouse.errors import UserError, nearest

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DEFAULT_SETTINGS = PROJECT_ROOT / "settings" / "complete_journey.yml"

# Environment variables that set a top-level key of the settings file, for one run or one machine.
ENVIRONMENT_KEYS = {
    "LOYALTY_HOME": "home",
    "LOYALTY_AS_OF": "as_of_date",
    "LOYALTY_LOCK_WAIT_SECONDS": "lock_wait_seconds",
}
# Variables with a meaning of their own: the file itself, folders of sources, secrets and test switches.
OTHER_ENVIRONMENT = {
    "LOYALTY_SETTINGS",
    "LOYALTY_SHARED_DATA",
    "LOYALTY_HASH_SALT",
    # set by the project itself for dbt's profile
    "LOYALTY_WAREHOUSE_PATH",
    "LOYALTY_DEV_PATH",
    "LOYALTY_WORK_PATH",
}
INPUT_PATH_PREFIX = "LOYALTY_INPUT_PATH_"
# The environment variable that holds a secret is named in the settings, and starts with one of these.
SECRET_PREFIXES = ("LOYALTY_DSN_", "LOYALTY_WEBHOOK_", "LOYALTY_SMTP_")


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f'"{name}" is no IANA time zone{nearest(name, available_timezones())}')
    return name


def _ascending(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"the lower end, {ends[0]}, is above the upper one, {ends[1]}")
    return ends


TimeZone = Annotated[str, AfterValidator(_time_zone)]
Rate = Annotated[float, Field(ge=0, le=1)]
# Text, which YAML makes of hours only in quotes: 21:00 without them is the number 1260.
ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Positive = Annotated[float, Field(gt=0)]
Minutes = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Elasticity = Annotated[float, Field(gt=0, lt=1)]
ExpiryMonths = Annotated[int, Field(ge=1)]
Span = AfterValidator(_ascending)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceSettings(_Section):
    """What a company says about one of its sources; everything else stands in sources/<source>.yml."""

    input_path: Path | None = None


class AssumedSettings(_Section):
    """Rates used where the data has none. Every figure that rests on one is marked as assumed."""

    margin_rate: Rate = 0.25
    contact_cost_amount: Annotated[float, Field(ge=0)] = 0.0
    point_value_amount: Annotated[float, Field(ge=0)] = 0.01
    redemption_rate: Rate = 0.7
    reward_response_rate: Rate = 0.05
    # Margin that a unit of reward cost brings, as a 95% interval, where no randomized campaigns measure it.
    reward_return: Annotated[tuple[float, float], Span] = (0.5, 1.5)
    # How that margin grows with the cost: 1% more reward brings so many % more margin. Under 1, or none were too many.
    reward_elasticity: Annotated[tuple[Elasticity, Elasticity], Span] = (0.3, 0.7)


class RfmSettings(_Section):
    """Cut points for populations too small or too tied to rank; four ascending bounds each."""

    minimum_customers: Annotated[int, Field(ge=1)] = 100
    recency_days_cuts: tuple[int, int, int, int] = (14, 30, 60, 120)
    frequency_cuts: tuple[int, int, int, int] = (1, 3, 6, 12)
    monetary_cuts: tuple[float, float, float, float] = (50, 150, 400, 1000)


class ChurnSettings(_Section):
    """Cut points of the churn bands and the size of the model search."""

    bands: tuple[Rate, Rate, Rate] = (0.2, 0.5, 0.8)
    trials: Annotated[int, Field(ge=0)] = 12


class PointsSettings(_Section):
    """The programme's rules for points that the tier seed does not hold."""

    return_window_days: Annotated[int, Field(ge=0)] = 30
    expiry_months: ExpiryMonths = 12
    earns_from: Literal["first_purchase", "joined_at"] = "first_purchase"


class AbuseSettings(_Section):
    """From where on a customer's behaviour in the last `window_days` is worth a second look."""

    window_days: Annotated[int, Field(ge=1)] = 90
    returned_orders: Annotated[int, Field(ge=1)] = 3
    returned_share: Rate = 0.5
    redemptions_a_day: Annotated[int, Field(ge=2)] = 8
    uses_of_a_coupon: Annotated[int, Field(ge=2)] = 4
    customers_a_contact: Annotated[int, Field(ge=2)] = 3
    purchase_days: Annotated[int, Field(ge=1)] = 72
    discounted_orders: Annotated[int, Field(ge=1)] = 10
    discount_rate: Rate = 0.6


Amount = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4)]


class RewardSettings(_Section):
    """What next month's rewards may cost: in all, and by type of campaign; no amount is no limit."""

    budget_amount: Amount | None = None
    caps: dict[str, Amount] = {}


class SimulateSettings(_Section):
    """Between which bounds `loyalty simulate --search` looks; scales multiply today's values of every tier."""

    threshold_scale: Annotated[tuple[Positive, Positive], Span] = (0.5, 2.0)
    earn_rate_scale: Annotated[tuple[Positive, Positive], Span] = (0.1, 2.0)
    expiry_months: Annotated[tuple[ExpiryMonths, ExpiryMonths], Span] = (3, 24)


class PublishSettings(_Section):
    """How many publications are kept for going back."""

    keep: Annotated[int, Field(ge=1)] = 5


class RetentionSettings(_Section):
    """How many days daily scores and Dagster's runs are kept.

    score_days: up to the latest day with results; the last results of each month stay beyond it. run_days: from a
    run's start by the clock, with its events and logs.
    """

    score_days: Annotated[int, Field(ge=1, le=36500)] = 35
    run_days: Annotated[int, Field(ge=1, le=36500)] = 35


class LimitsSettings(_Section):
    """The longest that a run may take once it holds the warehouse, one of its steps, and a delivery of messages.

    What takes longer is ended; the last publication stays live.
    """

    run_minutes: Minutes = 360
    step_minutes: Minutes = 120
    delivery_minutes: Minutes = 30


class ScheduleSettings(_Section):
    """When the daily run starts, in business time, and where a failure is reported."""

    cron: str = "0 5 * * *"
    failure_webhook_env: str | None = None


class SmtpSettings(_Section):
    """The mail server, and the environment variables that hold its user and password, if it asks for them."""

    host: str = "localhost"
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    starttls: bool = True
    username_env: Annotated[str, Field(pattern="^LOYALTY_SMTP_")] | None = None
    password_env: Annotated[str, Field(pattern="^LOYALTY_SMTP_")] | None = None
    timeout_seconds: Annotated[float, Field(gt=0)] = 30


class WebhookSettings(_Section):
    """The environment variables that hold the address messages are posted to, and the bearer token, if any."""

    url_env: Annotated[str, Field(pattern="^LOYALTY_WEBHOOK_")] = "LOYALTY_WEBHOOK_MESSAGES"
    token_env: Annotated[str, Field(pattern="^LOYALTY_WEBHOOK_")] | None = None
    timeout_seconds: Annotated[float, Field(gt=0)] = 30


class MessagesSettings(_Section):
    """Who is written to, about what, how often and when; without a channel, nobody.

    sender: `Name <address>`. unsubscribe_url: https:// or mailto:, in which {message_id} becomes the message's.
    quiet_hours: from and until, business time; nothing is delivered meanwhile. At most cap_messages a customer are
    created in cap_days; about one and the same thing, one in repeat_days. The other windows say how long after a change
    (or before an expiry) it is worth a message. valid_days: how long after its day a message may still be delivered.
    attempts: tries a delivery makes with what is refused for now, waiting retry_seconds, then twice as long, and so on.
    """

    channel: Literal["email", "webhook", "file"] | None = None
    sender: str | None = None
    unsubscribe_url: Annotated[str, Field(pattern="^(https://|mailto:)")] | None = None
    quiet_hours: tuple[ClockTime, ClockTime] = ("20:00", "08:00")
    cap_messages: Annotated[int, Field(ge=1)] = 2
    cap_days: Annotated[int, Field(ge=1)] = 7
    repeat_days: Annotated[int, Field(ge=1)] = 30
    tier_change_days: Annotated[int, Field(ge=1)] = 7
    points_expiry_days: Annotated[int, Field(ge=1)] = 30
    win_back_days: Annotated[int, Field(ge=1)] = 7
    response_days: Annotated[int, Field(ge=1)] = 14
    valid_days: Annotated[int, Field(ge=1)] = 3
    attempts: Annotated[int, Field(ge=1)] = 4
    retry_seconds: Annotated[float, Field(ge=0)] = 5
    delivery_cron: str = "0 9 * * *"
    smtp: SmtpSettings = SmtpSettings()
    webhook: WebhookSettings = WebhookSettings()

    @model_validator(mode="after")
    def _mail_says_whose_it_is(self) -> Self:
        if self.channel == "email" and not (self.unsubscribe_url and _is_sender(self.sender or "")):
            raise ValueError("the channel email needs a sender (Name <address>) and an unsubscribe_url")
        return self


def _is_sender(text: str) -> bool:
    try:
        return bool(Address(addr_spec=parseaddr(text)[1]).domain)
    except (ValueError, IndexError, MessageError):
        return False


class Settings(_Section):
    """Everything a run needs to know about its company. Frozen: a change is a new object."""

    company: str
    home: Path = PROJECT_ROOT / "data"
    sources: Annotated[dict[str, SourceSettings], Field(min_length=1)]
    business_timezone: TimeZone
    base_currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    exchange_rate_days: Annotated[int, Field(ge=0, le=366)] = 7
    data_through: date | None = None
    as_of_date: date | None = None
    churn_horizon_days: Annotated[int, Field(ge=1)]
    seed: int = 20170101
    threads: Annotated[int, Field(ge=1)] | None = None
    memory_limit: str | None = None
    lock_wait_seconds: Annotated[float, Field(ge=0)] = 3600
    language: Literal["en", "zh"] = "en"
    assumed: AssumedSettings = AssumedSettings()
    rfm: RfmSettings = RfmSettings()
    churn: ChurnSettings = ChurnSettings()
    points: PointsSettings = PointsSettings()
    abuse: AbuseSettings = AbuseSettings()
    rewards: RewardSettings = RewardSettings()
    simulate: SimulateSettings = SimulateSettings()
    publish: PublishSettings = PublishSettings()
    retention: RetentionSettings = RetentionSettings()
    limits: LimitsSettings = LimitsSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    messages: MessagesSettings = MessagesSettings()
    # Where these settings came from, for messages; not a key of the file.
    path: Path = Field(default=DEFAULT_SETTINGS, exclude=True)

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file that only a run opens."""
        return self.home / "warehouse.duckdb"

    @property
    def lock_path(self) -> Path:
        """The file whose exclusive lock is the right to write the warehouse."""
        return self.home / "warehouse.lock"

    @property
    def published_dir(self) -> Path:
        """What people and BI tools read."""
        return self.home / "published"

    @property
    def published_path(self) -> Path:
        """The published DuckDB file."""
        return self.published_dir / "loyalty.duckdb"

    @property
    def dev_path(self) -> Path:
        """The analyst's own file, beside the published working copy."""
        return self.home / "dev.duckdb"

    @property
    def outbox_path(self) -> Path:
        """Where the channel `file` delivers to."""
        return self.home / "outbox" / "messages.jsonl"

    @property
    def models_dir(self) -> Path:
        """Saved models and their cards."""
        return self.home / "models"

    @property
    def dagster_home(self) -> Path:
        """Dagster's instance folder."""
        return self.home / "dagster"

    @property
    def dbt_target_root(self) -> Path:
        """Compiled SQL and kept manifests, one folder a purpose."""
        return self.home / "dbt"

    @property
    def zone(self) -> ZoneInfo:
        """The business time zone."""
        return ZoneInfo(self.business_timezone)


def load_settings(
    path: Path | str | None = None, environ: Mapping[str, str] = os.environ, **overrides: Any
) -> Settings:
    """The settings of one company.

    `path` wins over LOYALTY_SETTINGS, which wins over the default company; `overrides` (top-level keys, None is
    ignored) win over the environment, which wins over the file. Relative paths in the file are relative to the
    project's root. Raises UserError naming the key, the file and the nearest valid key.
    """
    file = Path(path or environ.get("LOYALTY_SETTINGS") or DEFAULT_SETTINGS)
    values = _read(file)
    _apply_environment(values, environ)
    values.update({key: value for key, value in overrides.items() if value is not None})
    try:
        settings = Settings.model_validate({**values, "path": file})
    except ValidationError as error:
        set_by = {key: variable for variable, key in ENVIRONMENT_KEYS.items() if variable in environ}
        lines = [_explain(dict(detail), set_by.get(str(detail["loc"][0]), str(file))) for detail in error.errors()]
        raise UserError("\n".join(lines)) from error
    return _absolute(settings)


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        found = ", ".join(sorted(p.name for p in (PROJECT_ROOT / "settings").glob("*.yml")))
        raise UserError(f"{file}: no such settings file. The project brings: {found} (in settings/).")
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{file}: not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"{file}: expected `key: value` lines at the top level.")
    if "path" in values:
        raise UserError(f'{file}: unknown key "path"{nearest("path", _keys(Settings))}.')
    return values


def _apply_environment(values: dict[str, Any], environ: Mapping[str, str]) -> None:
    known = [*ENVIRONMENT_KEYS, *OTHER_ENVIRONMENT]
    for name, value in environ.items():
        if not name.startswith("LOYALTY_") or name in OTHER_ENVIRONMENT or name.startswith(SECRET_PREFIXES):
            continue
        if name in ENVIRONMENT_KEYS:
            values[ENVIRONMENT_KEYS[name]] = value
        elif name.startswith(INPUT_PATH_PREFIX):
            _set_input_path(values, name, value)
        else:
            raise UserError(
                f"Environment: unknown variable {name}{nearest(name, known)}. Known: {', '.join(sorted(known))}."
            )


def _set_input_path(values: dict[str, Any], variable: str, path: str) -> None:
    source = variable.removeprefix(INPUT_PATH_PREFIX).lower()
    sources = values.get("sources")
    if not isinstance(sources, dict) or source not in sources:
        return  # a machine may hold the folders of several companies; this one does not use that source
    sources[source] = {**(sources[source] or {}), "input_path": path}


def _absolute(settings: Settings) -> Settings:
    def rooted(path: Path | None) -> Path | None:
        return None if path is None else (PROJECT_ROOT / path.expanduser()).resolve()

    sources = {
        name: source.model_copy(update={"input_path": rooted(source.input_path)})
        for name, source in settings.sources.items()
    }
    return settings.model_copy(update={"home": rooted(settings.home), "sources": sources})


def _explain(detail: dict[str, Any], where: str) -> str:
    """One problem as a sentence; `where` is the file or the environment variable it stands in."""
    place = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        *parents, key = detail["loc"]
        return f'{where}: unknown key "{place}"{nearest(str(key), _keys(_section(parents)))}.'
    if detail["type"] == "missing":
        return f'{where}: the key "{place}" is missing; add it.'
    return f'{where}: "{place}": {detail["msg"]} (found {detail["input"]!r}).'


def _section(parents: list[Any]) -> type[BaseModel]:
    model: type[BaseModel] = Settings
    for parent in parents:
        if parent == "sources":
            return SourceSettings
        annotation = model.model_fields[parent].annotation if parent in model.model_fields else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return model


def _keys(model: type[BaseModel]) -> list[str]:
    return [key for key in model.model_fields if key != "path"]
