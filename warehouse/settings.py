"""Settings: one typed object from the settings.yml of a company's folder and the environment, read nowhere else."""

import os
import re
import shlex
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from warehouse.errors import UserError, nearest
from warehouse.secrets import wrong_secret
from warehouse.values import (
    Amount,
    Bound,
    ClockTime,
    Count,
    Cron,
    Day,
    Days,
    DsnVariable,
    Elasticity,
    ExpiryMonths,
    Folder,
    HolidayPlace,
    MailHost,
    Memory,
    Minutes,
    MoneyRate,
    Number,
    Rate,
    Recipient,
    Return,
    Rising,
    Scale,
    Seconds,
    Sender,
    SmtpVariable,
    SourceName,
    Span,
    Text,
    TimeZone,
    WebAddress,
    WebhookVariable,
    Whole,
    what_is_wrong,
)
from warehouse.yaml_files import YamlFile, read_yaml, shown_value

PROJECT_ROOT = Path(__file__).resolve().parent.parent
COMPANIES_DIR = PROJECT_ROOT / "companies"
# The companies that the product brings. Their sources can be named by any other company.
SHIPPED_COMPANIES = ("complete_journey", "generated", "online_retail")
SETTINGS_FILE = "settings.yml"
DEFAULT_SETTINGS = COMPANIES_DIR / "complete_journey" / SETTINGS_FILE

# Environment variables that set a top-level key of the settings file, for one run or one machine.
ENVIRONMENT_KEYS = {
    "LOYALTY_HOME": "home",
    "LOYALTY_AS_OF": "as_of_date",
    "LOYALTY_LOCK_WAIT_SECONDS": "lock_wait_seconds",
    "LOYALTY_AUTOMATION": "automation",
}
# Variables with a meaning of their own: the company, folders of sources, secrets and test switches.
OTHER_ENVIRONMENT = {
    "LOYALTY_COMPANY",
    "LOYALTY_SHARED_DATA",
    "LOYALTY_HASH_SALT",
    # set by the project itself for dbt's profile
    "LOYALTY_WAREHOUSE_PATH",
    "LOYALTY_DEV_PATH",
    "LOYALTY_WORK_PATH",
}
# Steps of pydantic's way to a value that are no key of the file.
PATTERN_PARTS = ("[key]",)
# A number with fewer digits is no phone number.
SHORTEST_PHONE = 6
INPUT_PATH_PREFIX = "LOYALTY_INPUT_PATH_"
# The environment variable that holds a secret is named in the settings, and starts with one of these.
SECRET_PREFIXES = ("LOYALTY_DSN_", "LOYALTY_WEBHOOK_", "LOYALTY_SMTP_")


class _Section(BaseModel):
    """A section of the settings. The docstring after each key is its description in docs/settings.md."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SourceSettings(_Section):
    """A company's settings for one of its sources; all other keys are in its `sources/SOURCE.yml`."""

    input_path: Annotated[Folder, Field(examples=["landing/shop"])] | None = None
    """The folder that the source's files are delivered to; `LOYALTY_INPUT_PATH_SOURCE` takes precedence."""


class AssumedSettings(_Section):
    """Rates used where the data has none. Every figure computed with an assumed rate is marked as assumed."""

    margin_rate: Rate = 0.25
    """Margin as a part of net sales, for lines without a cost and for expected orders."""
    contact_cost_amount: MoneyRate = 0.0
    """Cost of writing to one customer once, for campaigns without a contact cost."""
    point_value_amount: MoneyRate = 0.01
    """Value of a point when it is redeemed, for the liability of points."""
    redemption_rate: Rate = 0.7
    """The part of points that will be redeemed, used until all points of some month have passed their expiry."""
    reward_response_rate: Rate = 0.05
    """The part of customers who take up a reward, if no campaign of its type was measured."""
    reward_return: Annotated[tuple[Return, Return], Span] = (0.5, 1.5)
    """Margin that a unit of reward cost brings, as a 95% interval, if no randomized campaigns measure it."""
    reward_elasticity: Annotated[tuple[Elasticity, Elasticity], Span] = (0.3, 0.7)
    """Growth of that margin with the cost, as an interval: 1% more reward cost brings this many % more margin. Must be
    below 1, else there is no optimum."""


class RfmSettings(_Section):
    """Cut points for data with too few customers or too many ties to rank; four ascending bounds each."""

    minimum_customers: Count = 100
    """With fewer customers, or fewer than five different values, scores come from the cut points below instead of
    ranks."""
    recency_days_cuts: Annotated[tuple[Days, Days, Days, Days], Rising] = (14, 30, 60, 120)
    """Days since the last order: up to the first bound the score is 5, above the last bound 1."""
    frequency_cuts: Annotated[tuple[Count, Count, Count, Count], Rising] = (1, 3, 6, 12)
    """Orders: above the last bound the score is 5, up to the first bound 1."""
    monetary_cuts: Annotated[tuple[Bound, Bound, Bound, Bound], Rising] = (50, 150, 400, 1000)
    """Net sales: above the last bound the score is 5, up to the first bound 1."""


class ChurnSettings(_Section):
    """Cut points of the churn bands and the size of the model search."""

    bands: Annotated[tuple[Rate, Rate, Rate], Rising] = (0.2, 0.5, 0.8)
    """Probabilities at which the bands medium, high and critical begin."""
    trials: Annotated[Whole, Field(ge=0, le=1000)] = 12
    """Number of parameter sets that are tried for each model."""


class PointsSettings(_Section):
    """The programme's rules for points, except those in the seed of tier rules."""

    return_window_days: Annotated[Whole, Field(ge=0, le=36500)] = 30
    """Days in which an order may be returned. After these days its points can be used, and a campaign's results are
    final. Only returns within these days lower the spend that counts for the tier."""
    expiry_months: ExpiryMonths = 12
    """Months after which unused points expire."""
    earns_from: Literal["first_purchase", "joined_at"] = "first_purchase"
    """When a customer starts to earn points: with the first order, or on the day of joining the programme."""


class AbuseSettings(_Section):
    """Thresholds from which a customer's behaviour in the last `window_days` is flagged for a second look."""

    window_days: Days = 90
    """Number of past days in which behaviour counts."""
    returned_orders: Count = 3
    """Number of orders with returns; `returned_share` must be reached too."""
    returned_share: Rate = 0.5
    """Orders with returns as a part of all orders; `returned_orders` must be reached too."""
    redemptions_a_day: Annotated[Count, Field(ge=2)] = 8
    """Redemptions on one day."""
    uses_of_a_coupon: Annotated[Count, Field(ge=2)] = 4
    """Uses of one coupon."""
    customers_a_contact: Annotated[Count, Field(ge=2)] = 3
    """Customers who share one address or number."""
    purchase_days: Days = 72
    """Days with orders."""
    discounted_orders: Count = 10
    """Number of orders; `discount_rate` must be reached too."""
    discount_rate: Rate = 0.6
    """Discounts as a part of gross sales; `discounted_orders` must be reached too."""


def _contact(entry: str) -> str:
    if "@" not in entry and len(re.sub(r"\D", "", entry)) < SHORTEST_PHONE:
        raise ValueError("it has to be an e-mail address, a domain with @ in front, or a phone number")
    return entry.strip()


class IdentitySettings(_Section):
    """Which customer ids belong to one person. Ids are joined by e-mail addresses and phone numbers in the same rows,
    never by name."""

    resolve: bool = False
    """Whether ids of one person become one customer; leave it off if the sources' ids are good."""
    most_ids: Annotated[Count, Field(ge=2)] = 5
    """An address or number that more ids have belongs to a shop or is a placeholder: it joins no ids and is listed."""
    stop_list: Annotated[
        tuple[Annotated[Text, AfterValidator(_contact)], ...],
        Field(max_length=1000, examples=[["till@example.org", "@marketplace.example", "030 1234567"]]),
    ] = ()
    """E-mail addresses, domains (`@example.org`) and phone numbers that join no ids."""
    country_code: Annotated[str, Field(pattern=r"^[1-9]\d{0,2}$", examples=["49"])] | None = None
    """The country's calling code, in quotes, for phone numbers written without one."""


class RewardSettings(_Section):
    """What next month's rewards may cost."""

    budget_amount: Annotated[Amount, Field(examples=[500])] | None = None
    """The most that a month's rewards may cost in total; without it there is no limit."""
    caps: Annotated[dict[Text, Amount], Field(examples=[{"voucher": 200}])] = {}
    """The most for each type of campaign."""


class SimulateSettings(_Section):
    """Bounds of the search of `loyalty simulate --search`; scales multiply today's values of every tier."""

    threshold_scale: Annotated[tuple[Scale, Scale], Span] = (0.5, 2.0)
    """Lowest and highest scale of the tiers' thresholds."""
    earn_rate_scale: Annotated[tuple[Scale, Scale], Span] = (0.1, 2.0)
    """Lowest and highest scale of the points earned for each unit of money."""
    expiry_months: Annotated[tuple[ExpiryMonths, ExpiryMonths], Span] = (3, 24)
    """Fewest and most months after which points expire."""


class PostgresSettings(_Section):
    """A PostgreSQL database that gets each publication as well, for tools that cannot open a DuckDB file."""

    dsn_env: Annotated[DsnVariable, Field(examples=["LOYALTY_DSN_MARTS"])]
    """The environment variable with the connection, as `postgresql://user:password@host:5432/database`."""
    reader_role: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=60)] | None = "loyalty_reader"
    """The role that may read schemas marts and today, created if it is not there; make the users of people and tools
    members of it. `null` grants nobody anything."""
    lock_wait_seconds: Seconds = 60
    """How long a lock that somebody holds on a table is waited for."""


class PublishSettings(_Section):
    """Who may read publications, how many are kept, what holds one back, and whether PostgreSQL gets them, too."""

    group: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9._-]*$", max_length=32, examples=["analysts"])] | None = (
        None
    )
    """The group of the machine whose members may read publications; without it, only the run's own user may."""
    keep: Annotated[Whole, Field(ge=1, le=1000)] = 5
    """Number of publications that are kept for `loyalty rollback`."""
    max_restated_rate: Annotated[Rate, Field(examples=[0.02])] | None = None
    """The largest part of a mart's rows of days published before that may change. A publication that changes more is
    held back until `loyalty run --accept`; without it, none is."""
    postgres: PostgresSettings | None = None
    """The PostgreSQL database, if there is one."""


class RetentionSettings(_Section):
    """How many days daily scores and Dagster's runs are kept."""

    score_days: Days = 35
    """Days of scores, counted back from the latest day with results; the last results of each month are kept longer."""
    run_days: Days = 35
    """Days after its start that a run of Dagster is kept, with its events and logs."""


class LimitsSettings(_Section):
    """The longest that work may take. Work that takes longer is ended, and the last publication stays live."""

    run_minutes: Minutes = 360
    """The longest for a run, from the moment it holds the warehouse."""
    step_minutes: Minutes = 120
    """The longest for one step of a run."""
    delivery_minutes: Minutes = 30
    """The longest for a delivery of messages or of daily audiences."""


class IngestSettings(_Section):
    """Limits for delivered data, so that no single file or row stops the rest or uses up the machine."""

    largest_amount: Annotated[Whole, Field(ge=1, le=10**12)] = 10**10
    """A row with a larger amount is rejected as a mistake."""
    largest_quantity: Annotated[Whole, Field(ge=1, le=10**12)] = 10**9
    """A row with a larger quantity is rejected as a mistake."""
    rejected_share: Rate = 0.5
    """A run fails if a larger part of a table's lines, or of the lines of one file that is not very small, is
    rejected."""
    columns: Annotated[Whole, Field(ge=1, le=100_000)] = 1_000
    """A file with more columns is refused."""
    malformed_lines: Annotated[Whole, Field(ge=1, le=10**9)] = 1_000_000
    """A file with more unreadable lines is refused."""
    unpacked_gigabytes: Annotated[Number, Field(gt=0, le=100_000)] = 20
    """A compressed file that unpacks to more is refused."""
    nesting: Annotated[Whole, Field(ge=1, le=900)] = 100
    """A JSON file with more levels is refused."""


class ReconciliationSettings(_Section):
    """When a difference between what orders cost and what their lines explain is reported."""

    unexplained_rate: Rate = 0.005
    """The run, `loyalty status` and the report warn of a month in which a larger part of a source's order totals is
    explained neither by lines nor by shipping, tax and the like."""


class ScheduleSettings(_Section):
    """When the daily run starts, and where a failure is reported."""

    cron: Cron = "0 5 * * *"
    """Minute, hour, day, month and weekday of the daily run, in business time."""
    failure_webhook_env: Annotated[WebhookVariable, Field(examples=["LOYALTY_WEBHOOK_FAILURES"])] | None = None
    """The environment variable with the address that failures are posted to."""


class DagsterSettings(_Section):
    """Where Dagster keeps its runs, events and schedules."""

    dsn_env: Annotated[DsnVariable, Field(examples=["LOYALTY_DSN_DAGSTER"])] | None = None
    """The environment variable with the connection to a PostgreSQL database of this company alone, as
    `postgresql://user:password@host:5432/database`; without it, SQLite files of the home folder keep them."""


class SparkSettings(_Section):
    """Where `engine` is `spark`: which Spark, and how it works."""

    python: Annotated[Folder, Field(examples=[".spark-venv/bin/python"])] = Path(".spark-venv/bin/python")
    """The Python of an environment with dbt-spark and Spark, relative to the project's root; `make spark` makes it."""
    options: Annotated[dict[Text, Text], Field(examples=[{"spark.master": "spark://host:7077"}])] = {}
    """Spark's own settings by their names; without any, it runs in one process on this machine."""


class SmtpSettings(_Section):
    """The mail server."""

    host: MailHost = "localhost"
    """Name or address of the mail server."""
    port: Annotated[Whole, Field(ge=1, le=65535)] = 587
    """Port of the mail server."""
    starttls: bool = True
    """Whether the connection is encrypted before anything is sent."""
    username_env: Annotated[SmtpVariable, Field(examples=["LOYALTY_SMTP_USERNAME"])] | None = None
    """The environment variable with the user, if the server asks for one."""
    password_env: Annotated[SmtpVariable, Field(examples=["LOYALTY_SMTP_PASSWORD"])] | None = None
    """The environment variable with the password."""
    timeout_seconds: Seconds = 30
    """How long an answer is waited for."""


class WebhookSettings(_Section):
    """The address to which the channel `webhook` posts messages."""

    url_env: WebhookVariable = "LOYALTY_WEBHOOK_MESSAGES"
    """The environment variable with the address."""
    token_env: Annotated[WebhookVariable, Field(examples=["LOYALTY_WEBHOOK_TOKEN"])] | None = None
    """The environment variable with the bearer token, if the receiver asks for one."""
    secret_env: Annotated[WebhookVariable, Field(examples=["LOYALTY_WEBHOOK_SECRET"])] | None = None
    """The environment variable with the secret that bodies are signed with (Standard Webhooks, HMAC-SHA256)."""
    timeout_seconds: Seconds = 30
    """How long an answer is waited for."""


class AudienceWebhookSettings(WebhookSettings):
    """The address to which audiences with the destination `webhook` are posted; https, unless it is this machine."""

    url_env: WebhookVariable = "LOYALTY_WEBHOOK_AUDIENCES"
    """The environment variable with the address."""
    secret_env: WebhookVariable = "LOYALTY_WEBHOOK_AUDIENCES_SECRET"
    """The environment variable with the secret that bodies are signed with (Standard Webhooks, HMAC-SHA256)."""


class AudiencesSettings(_Section):
    """Delivery of audiences; the audiences themselves are files of the company's folder."""

    webhook: AudienceWebhookSettings = AudienceWebhookSettings()
    """Where audiences are posted to."""


class DigestWebhookSettings(WebhookSettings):
    """The address that the digest and alerts are posted to."""

    url_env: WebhookVariable = "LOYALTY_WEBHOOK_DIGEST"
    """The environment variable with the address."""


class DigestSettings(_Section):
    """The weekly digest and alerts of days that stand out, to the people who run the shop."""

    channel: Annotated[Literal["email", "webhook", "slack"], Field(examples=["slack"])] | None = None
    """How they are sent: by `email` through `messages.smtp`, from `messages.sender`; to a `webhook` values and text as
    JSON; to `slack` the text as Slack and its like take it. Without it nothing is sent."""
    to: Annotated[tuple[Recipient, ...], Field(max_length=100, examples=[["owner@example.org"]])] = ()
    """The addresses of the channel `email`."""
    alerts: bool = True
    """Whether days that stand out are told after the run that finds them, beside the digest."""
    cron: Cron = "0 8 * * 1"
    """When the digest is sent, in business time, where the daily run has not sent it yet."""
    webhook: DigestWebhookSettings = DigestWebhookSettings()
    """Where they are posted to."""


class MessagesSettings(_Section):
    """Channel, occasions, frequency and times of messages to customers; without a channel nobody is written to."""

    channel: Annotated[Literal["email", "webhook", "file"], Field(examples=["file"])] | None = None
    """How messages are delivered; `file` writes them to outbox/messages.jsonl of the home folder."""
    sender: Annotated[Sender, Field(examples=["Corner shop <loyalty@example.org>"])] | None = None
    """The sender, as `Name <address>`; the channel `email` needs it."""
    unsubscribe_url: Annotated[WebAddress, Field(examples=["https://example.org/stop?id={message_id}"])] | None = None
    """An https:// or mailto: address; {message_id} is replaced by the message's id. The channel `email` needs it."""
    quiet_hours: tuple[ClockTime, ClockTime] = ("20:00", "08:00")
    """Begin and end of the hours without delivery, in business time."""
    cap_messages: Count = 2
    """The most messages to one customer in `cap_days`."""
    cap_days: Days = 7
    """The number of days over which `cap_messages` counts."""
    repeat_days: Days = 30
    """Days before a customer may be written to about the same subject again."""
    tier_change_days: Days = 7
    """Days after a change of tier in which a message about it is created."""
    points_expiry_days: Days = 30
    """Days before points expire in which a message about it is created."""
    replenishment_days: Annotated[Whole, Field(ge=0, le=100_000)] = 0
    """Days after half of a product's buyers have bought it again in which others are reminded of it; 0: nobody is."""
    next_purchase_days: Annotated[Whole, Field(ge=0, le=100_000)] = 0
    """Days after a customer's expected next purchase (`due_date`) in which a reminder is created; 0: none is."""
    win_back_days: Days = 7
    """Days after a customer became at risk or lapsed in which a message is created."""
    response_days: Days = 14
    """Days after a message in which an order counts as a response."""
    valid_days: Days = 3
    """Days after its own day that a message may still be delivered."""
    attempts: Annotated[Whole, Field(ge=1, le=100)] = 4
    """How often a delivery tries a message that was refused for the moment."""
    retry_seconds: Annotated[Number, Field(ge=0, le=3600)] = 5
    """The wait before the second try; each further wait is twice as long."""
    delivery_cron: Cron = "0 9 * * *"
    """When messages are delivered, in business time."""
    smtp: SmtpSettings = SmtpSettings()
    """The mail server."""
    webhook: WebhookSettings = WebhookSettings()
    """Where messages are posted to."""

    @model_validator(mode="after")
    def _mail_says_whose_it_is(self) -> Self:
        if self.channel == "email" and not (self.unsubscribe_url and self.sender):
            raise ValueError("the channel email needs a sender (Name <address>) and an unsubscribe_url")
        return self


def _own_folder(path: Path) -> Path:
    """Erasing removes files of the home folder, so it has to be the company's alone."""
    whole = (PROJECT_ROOT / path.expanduser()).resolve()
    if whole == PROJECT_ROOT or whole in PROJECT_ROOT.parents or whole == Path.home().resolve():
        raise ValueError("it has to be a folder of the company's own")
    return path


class Settings(_Section):
    """All settings of a company."""

    company: Annotated[Text, Field(examples=["Corner shop"])]
    """The company's name, as reports and messages write it."""
    home: Annotated[Folder, AfterValidator(_own_folder), Field(examples=["data/corner_shop"])] = PROJECT_ROOT / "data"
    """The folder for all data that runs create, relative to the project's root; each company needs its own."""
    sources: Annotated[
        dict[SourceName, SourceSettings],
        Field(min_length=1, max_length=100, examples=[{"shop": {"input_path": "landing/shop"}}]),
    ]
    """The sources that are loaded, by name; each has its own `sources/SOURCE.yml`."""
    business_timezone: Annotated[TimeZone, Field(examples=["Europe/Berlin"])]
    """The time zone that decides an order's day, by its IANA name."""
    base_currency: Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["EUR"])]
    """The currency of all figures, by its ISO code; other currencies are converted by the delivered exchange rates."""
    exchange_rate_days: Annotated[Whole, Field(ge=0, le=366)] = 7
    """How many days older than its order an exchange rate may be, because banks publish none on weekends."""
    holidays: Annotated[HolidayPlace, Field(examples=["DE-BY"])] | None = None
    """The country whose public holidays raise no alert, or a part of it, by ISO code (`DE`, `DE-BY`); `null`: none."""
    earliest_date: Day = date(1990, 1, 1)
    """The earliest date that can be right: a row with an earlier date is rejected."""
    data_through: Annotated[Day, Field(examples=["2026-10-31"])] | None = None
    """The last day that is delivered in full; without it, the day before the last order."""
    as_of_date: Annotated[Day, Field(examples=["2026-10-31"])] | None = None
    """The day as of which everything is computed; without it, `data_through`."""
    churn_horizon_days: Annotated[Whole, Field(ge=1, le=3660, examples=[90])]
    """A customer who does not order for this many days has churned."""
    seed: Annotated[Whole, Field(ge=0, le=2**32 - 1)] = 20170101
    """The seed of every random draw: the same seed and data give the same figures."""
    threads: Annotated[Whole, Field(ge=1, le=1024, examples=[2])] | None = None
    """Threads of DuckDB; without it, the processors that the run may use."""
    memory_limit: Annotated[Memory, Field(examples=["4GB"])] | None = None
    """Memory of DuckDB; without it, a part of the memory of the machine or its container."""
    engine: Literal["duckdb", "spark"] = "duckdb"
    """Where dbt's models are built; Spark is for companies that one machine is too small for (docs/scale.md)."""
    spark: SparkSettings = SparkSettings()
    """How Spark builds them."""
    automation: bool = True
    """Whether Dagster's schedules and sensors start runs by themselves."""
    lock_wait_seconds: Annotated[Number, Field(ge=0, le=604_800)] = 3600
    """How long a run waits for another one to end."""
    language: Literal["en", "zh"] = "en"
    """The language of reports and messages."""
    assumed: AssumedSettings = AssumedSettings()
    """Rates used where the data has none."""
    rfm: RfmSettings = RfmSettings()
    """Cut points of RFM scores for few customers."""
    churn: ChurnSettings = ChurnSettings()
    """Churn bands and the model search."""
    points: PointsSettings = PointsSettings()
    """Rules of points."""
    abuse: AbuseSettings = AbuseSettings()
    """Thresholds of abuse flags."""
    identity: IdentitySettings = IdentitySettings()
    """Several ids of one person."""
    rewards: RewardSettings = RewardSettings()
    """What rewards may cost."""
    simulate: SimulateSettings = SimulateSettings()
    """Bounds of the search for better rules."""
    publish: PublishSettings = PublishSettings()
    """Readers of publications."""
    retention: RetentionSettings = RetentionSettings()
    """How long scores and runs are kept."""
    limits: LimitsSettings = LimitsSettings()
    """The longest that work may take."""
    ingest: IngestSettings = IngestSettings()
    """What a delivery may hold."""
    reconciliation: ReconciliationSettings = ReconciliationSettings()
    """When unexplained amounts are reported."""
    schedule: ScheduleSettings = ScheduleSettings()
    """When the daily run starts."""
    dagster: DagsterSettings = DagsterSettings()
    """Dagster's storage."""
    messages: MessagesSettings = MessagesSettings()
    """Messages to customers."""
    audiences: AudiencesSettings = AudiencesSettings()
    """Delivery of audiences."""
    digest: DigestSettings = DigestSettings()
    """The weekly digest and alerts."""
    # Where these settings came from, for messages; not a key of the file.
    path: Path = Field(default=DEFAULT_SETTINGS, exclude=True)

    @model_validator(mode="after")
    def _a_mailed_digest_has_both_ends(self) -> Self:
        if self.digest.channel == "email" and not (self.digest.to and self.messages.sender):
            raise ValueError("the digest's channel email needs digest.to and messages.sender (Name <address>)")
        return self

    @model_validator(mode="after")
    def _spark_joins_no_ids(self) -> Self:
        if self.engine == "spark" and self.identity.resolve:
            raise ValueError("identity.resolve needs the engine duckdb: Spark cannot join the ids of a person")
        return self

    @property
    def folder(self) -> Path:
        """The company's folder: its sources, and its own files that add to or replace shipped ones."""
        return self.path.parent

    @property
    def command(self) -> str:
        """The command line for this company, for messages that say what to type."""
        if self.path == DEFAULT_SETTINGS:
            return "loyalty"
        is_named = self.folder.parent == COMPANIES_DIR and self.path.name == SETTINGS_FILE
        return f"loyalty --company {shlex.quote(self.folder.name if is_named else str(self.path))}"

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file that only a run opens."""
        return self.home / "warehouse.duckdb"

    @property
    def spark_path(self) -> Path:
        """The folder of what Spark keeps, where it builds the models; a run makes it again where it is lost."""
        return self.home / "spark"

    @property
    def lock_path(self) -> Path:
        """The file whose exclusive lock is the right to write the warehouse."""
        return self.home / "warehouse.lock"

    @property
    def published_dir(self) -> Path:
        """The folder that people and BI tools read."""
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


def settings_file(company: Path | str) -> Path:
    """The settings file of a company, given its name (a folder of companies/), its folder, or the file itself.

    Raises UserError if there is none.
    """
    named = COMPANIES_DIR / company / SETTINGS_FILE
    if Path(company).name == str(company) and named.is_file():
        return named
    path = Path(company)
    file = path / SETTINGS_FILE if path.is_dir() else path
    if not file.is_file():
        known = sorted(found.parent.name for found in COMPANIES_DIR.glob(f"*/{SETTINGS_FILE}"))
        raise UserError(
            f"{company}: no such company{nearest(path.name, known)}. Say the name of a folder of companies/"
            f" ({', '.join(known)}), or a path to one, with a {SETTINGS_FILE} in it; `loyalty init` makes one."
        )
    return file


def load_settings(
    company: Path | str | None = None, environ: Mapping[str, str] = os.environ, **overrides: Any
) -> Settings:
    """The settings of one company.

    `company` (see `settings_file`) wins over LOYALTY_COMPANY, which wins over the default company; `overrides`
    (top-level keys, None is ignored) win over the environment, which wins over the file. Relative paths in the file are
    relative to the project's root. Raises UserError naming the key, the file and the nearest valid key.
    """
    file = settings_file(company or environ.get("LOYALTY_COMPANY") or DEFAULT_SETTINGS)
    read = _read(file)
    values = dict(read.values)
    _apply_environment(values, environ)
    given = {key: value for key, value in overrides.items() if value is not None}
    try:
        settings = Settings.model_validate({**values, **given, "path": file})
    except ValidationError as error:
        set_by = {key: f"Environment, {variable}" for variable, key in ENVIRONMENT_KEYS.items() if variable in environ}
        places = set_by | dict.fromkeys(given, "Command line")
        lines = [_explain(detail, read, places) for detail in error.errors(include_context=False, include_url=False)]
        raise UserError("\n".join(dict.fromkeys(lines))) from error
    _require_usable_secrets(settings, environ)
    return _absolute(settings)


def _require_usable_secrets(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raises UserError, without the value, for a secret that no mail server or web server could be told."""
    smtp, webhook, audiences = settings.messages.smtp, settings.messages.webhook, settings.audiences.webhook
    digest = settings.digest.webhook
    secrets = {
        "messages.smtp.username_env": (smtp.username_env, False),
        "messages.smtp.password_env": (smtp.password_env, False),
        "messages.webhook.url_env": (webhook.url_env, True),
        "messages.webhook.token_env": (webhook.token_env, False),
        "messages.webhook.secret_env": (webhook.secret_env, False),
        "audiences.webhook.url_env": (audiences.url_env, True),
        "audiences.webhook.token_env": (audiences.token_env, False),
        "audiences.webhook.secret_env": (audiences.secret_env, False),
        "digest.webhook.url_env": (digest.url_env, True),
        "digest.webhook.token_env": (digest.token_env, False),
        "digest.webhook.secret_env": (digest.secret_env, False),
        "schedule.failure_webhook_env": (settings.schedule.failure_webhook_env, True),
    }
    problems = [
        f"Environment: {variable}, which {setting} of {settings.path} names, {wrong}."
        for setting, (variable, is_address) in secrets.items()
        if variable and (wrong := wrong_secret(environ.get(variable) or "http://unset", is_address=is_address))
    ]
    if problems:
        raise UserError("\n".join(problems))


def _read(file: Path) -> YamlFile:
    read = read_yaml(file)
    if "path" in read.values:
        raise UserError(f'{read.place(("path",))}: unknown key "path"{nearest("path", _keys(Settings))}.')
    return read


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


def _explain(detail: Mapping[str, Any], read: YamlFile, set_by: Mapping[str, str]) -> str:
    """One problem as a sentence, with where the value was set: a line of the file, or what stands above it."""
    location = tuple(part for part in detail["loc"] if part not in PATTERN_PARTS)
    where = set_by.get(str(location[0]) if location else "") or read.place(location)
    place = ".".join(str(part) for part in location)
    if detail["type"] == "extra_forbidden":
        *parents, key = location
        return f'{where}: unknown key "{place}"{nearest(str(key), _keys(_section(parents)))}.'
    if detail["type"] == "missing":
        return f'{where}: the key "{place}" is missing; add it.'
    # of a section, or of a variable that may be the secret itself, the value is not repeated
    is_plain = not isinstance(detail["input"], dict | BaseModel) and not place.endswith("_env")
    found = f" (found {shown_value(detail['input'])})" if is_plain else ""
    return f'{where}: "{place}": {what_is_wrong(detail["msg"])}{found}.'


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
