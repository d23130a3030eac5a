"""docs/model_*.md: one card per family of models.

Sentences stand here; names, bounds, tables, settings and columns come from the code that runs, so that a page that no
longer fits it is found by a test.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster_project.steps.base import Step
from dagster_project.steps.registry import STEPS
from ml.campaigns.uplift import UpliftConfig
from ml.churn.candidates import BASELINE, CANDIDATES
from ml.churn.config import MOST_JUDGED, ChurnConfig
from ml.churn.reason_texts import THEMES
from ml.churn.scores import BANDS
from ml.clusters.cluster_count import STABLE
from ml.clusters.cluster_fit import CLIP
from ml.clusters.clustering import ClusterConfig
from ml.forecasts.backtest import HORIZON, LEAST_MONTHS, LEVELS
from ml.forecasts.forecasting import ALWAYS
from ml.forecasts.gate import LEAST_COVERAGE, LEAST_JUDGED, MOST_COVERAGE
from ml.forecasts.gate import MOST_JUDGED as MOST_JUDGED_ORIGINS
from ml.lifetime.gamma_gamma import MINIMUM_REPEATERS
from ml.lifetime.scores import HORIZON_MONTHS
from ml.lifetime.valuation import MINIMUM_ORIGINS, LifetimeValueConfig
from ml.recommend.recommending import BASELINES, RecommendConfig
from serving.publication.declared_marts import declared_keys


@dataclass(frozen=True)
class Card:
    """One family. `steps` are names of learning steps; the texts are paragraphs in the order of the page."""

    page: str
    title: str
    steps: tuple[str, ...]
    purpose: str
    features: str
    training: str
    champion: str
    gates: str
    limits: str

    def texts(self) -> Iterator[tuple[str, str]]:
        """Heading and text of each paragraph that is written by hand."""
        yield "What it is for", self.purpose
        yield "What it learns from", self.features
        yield "Training window", self.training
        yield "How the champion is chosen", self.champion
        yield "Gates", self.gates
        yield "Known limits", self.limits


def card_pages(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The pages by file name, in Markdown; `manifest` tells which marts show which table."""
    return {card.page: _page(card, manifest) for card in cards()}


def cards() -> tuple[Card, ...]:
    """The families, in the order of the site."""
    return (_churn(), _lifetime_value(), _clusters(), _recommendations(), _rewards(), _forecasts())


def _churn() -> Card:
    config = ChurnConfig(horizon_days=1)
    least = config.minimum
    return Card(
        "model_churn.md",
        "Churn",
        ("churn_scores",),
        "The probability that a customer places no valid order within the churn horizon after `as_of_date`, as one of"
        f" the bands {_listed(BANDS)}, with the themes that move it most. For lists of customers to win back; no proof"
        " that writing to them helps.",
        "What each customer had done by a snapshot day, by theme: "
        f"{_listed([theme.name for theme in THEMES])}. Whatever happened after the snapshot is unknown to it.",
        f"Snapshots at month ends, labelled once their horizon is over. A model judged at one snapshot learns from at"
        f" most {config.most_train_snapshots} earlier ones whose horizons had ended by then, and from at most"
        f" {config.most_training_rows:,} rows, sampled by whole customers.",
        f"Candidates: {_listed(CANDIDATES)}. Each is tuned on at most {config.most_tuning_origins} earlier snapshots"
        f" and judged on up to {MOST_JUDGED} later ones, on active customers. It is published only if neither its"
        f" mean AUC nor its mean Brier score is worse than `{BASELINE.name}`'s, and replaces the champion only if it"
        " beats it on the same snapshots; on ties the champion stays. If none passes, the baseline is published"
        " under its name.",
        f"An origin needs {least.active} active customers, {least.churners} of whom churn and {least.others} of whom do"
        f" not, and {least.origins} origins are needed; otherwise the status is `insufficient_history`. A single"
        f" feature that separates churners with an AUC above {config.leak_auc} stops the results as a suspected leak.",
        "Seasons shorter than the history are unknown to it. Customers with one order have little to tell them apart."
        " Reasons are what moves the score, not why a customer leaves. Probabilities are calibrated on past snapshots:"
        " after a change of prices or assortment they lag behind.",
    )


def _lifetime_value() -> Card:
    config = LifetimeValueConfig(churn_horizon_days=0, margin_rate=0)
    months = _listed([str(months) for months in HORIZON_MONTHS], code=False)
    return Card(
        "model_lifetime_value.md",
        "Lifetime value",
        ("lifetime_values",),
        f"Expected orders and discounted margin of each customer over {months} months, and when the next order is due."
        " For what a customer may cost, not for judging one customer's next month.",
        "Days with valid orders and their net amounts: number of repeat days, time of the last one, waits between them,"
        " mean amount, share returned. No attribute of the person.",
        f"All days since the first order. The backtest fits at up to {config.backtest_origins_count} past days,"
        f" {config.backtest_step_days} days apart, each with at least {config.minimum_training_days} days before it,"
        f" and looks {config.backtest_horizon_days} days ahead.",
        "NBD and BG/NBD, MBG/NBD and their forms with a rhythm of k stages (CNBD-k, BG/CNBD-k, MBG/CNBD-k), beside the"
        " naive rate of each customer. Drop-out has to be significant in a likelihood-ratio test at"
        f" {config.significance:.0%}. A model is published if it is not worse than the naive rate in the error of the"
        " total and in the mean absolute error; else the naive rate is.",
        f"{MINIMUM_ORIGINS} origins and {MINIMUM_REPEATERS} customers with repeat orders, else the naive rate. The"
        f" chance of being active is shown if it was right within {config.calibration_tolerance} on average."
        " Horizons longer than what was observed are marked `not_backtestable`; amounts come from Gamma-Gamma only"
        " where it has an optimum with a mean, else from the mean of all customers (`population_mean`).",
        "Customers are taken to be alike but for their rates: seasons, campaigns and prices to come are not in it."
        f" Margin is discounted by {config.discount_rate:.0%} a year. Customers of one order differ only by the time"
        " future.",
    )


def _clusters() -> Card:
    config = ClusterConfig()
    return Card(
        "model_clusters.md",
        "Clusters",
        ("customer_clusters",),
        "Groups of customers who buy alike, with plain names, for speaking about them. They are not RFM's segments,"
        " which follow fixed rules.",
        f"`{config.recency}`, `{config.frequency}` and `{config.value}` in full, other behaviour (discounts, returns,"
        f" weekends, baskets) by a weight of {config.behaviour_weight}; logged, scaled, and cut at {CLIP:g} standard"
        " deviations.",
        f"Each customer's state as of the day. Centres are fitted on at most {config.most_fitted:,} customers, and all"
        " are assigned.",
        f"k-means with {config.fewest_k} to {config.most_k} clusters: of the numbers whose clusters are found again in"
        f" bootstrap samples (a Rand index of {STABLE}, or nearly the best) the one with the best silhouette. The"
        " number of the run before stays while it is nearly as good.",
        f"{config.minimum_customers} customers, else the status is `insufficient_customers`. Customers far from all"
        " centres are marked as outliers.",
        "Borders between clusters are drawn through a crowd: a customer next to one may change sides with one order. A"
        " cluster keeps its name only while its centre has moved less than half the way to the nearest other.",
    )


def _recommendations() -> Card:
    config = RecommendConfig()
    filtering = config.filtering
    return Card(
        "model_recommendations.md",
        "Recommendations",
        ("recommendations",),
        f"Two lists of at most {config.list_length} products per customer: new ones, and ones to buy again.",
        "Who bought which product on which days, and the category of each product. A day bought loses half its weight"
        f" in {config.half_life_days:.0f} days.",
        f"All sales but the last {config.judged_days} days for judging, then all sales. Candidates score the"
        f" {filtering.products_count:,} products with most customers.",
        "Item-item and user-user collaborative filtering against the simple answers: "
        + "; ".join(f"{name}: {_listed(baselines)}" for name, baselines in BASELINES.items())
        + ". The list with the better recall after the split is published, each for itself.",
        f"{config.minimum_judged_customers} customers who bought after the split, else the status is"
        f" `insufficient_history`. Products not sold for {config.on_sale_days} days are not offered.",
        "The choice and the recall that is reported come from the same split, so the recall is slightly too good. A"
        " product bought by few is never recommended. Stock and margin are unknown to it.",
    )


def _rewards() -> Card:
    config = UpliftConfig()
    return Card(
        "model_rewards.md",
        "Response to rewards and campaigns",
        ("campaign_effects", "campaign_arms", "next_best_rewards"),
        "What a campaign earned per member, and which reward next month's budget gives each customer.",
        "Margin of members and controls within the campaign's window and before it. The ranking of customers uses their"
        " features as of the day before the campaign.",
        "One campaign at a time. A reward's effect is learned from the last randomized campaign of its type that was"
        f" over by the plan's month, by {config.folds}-fold cross-fitting.",
        "There is no champion: an effect is an estimate, not a forecast. The ranking of customers is used if it beats a"
        f" random one (Qini, {config.permutations} permutations, p < {config.alpha}), otherwise the average effect.",
        f"A split as planned (sample ratio), and {config.minimum_per_arm} customers in each arm for a ranking."
        " If the interval of the average contains zero, no reward is offered (`effect_not_shown`)."
        " Campaigns without chance are shown, marked `observational`, only behind matching, balance, trend and placebo"
        " checks.",
        "An effect holds for those who were in the campaign, in its season. Without any randomized campaign the"
        " response is a setting, and every figure made of it says `assumed`. Several rewards at once are not looked"
        " at together.",
    )


def _forecasts() -> Card:
    levels = " and ".join(f"{level:.0%}" for level in LEVELS)
    return Card(
        "model_forecasts.md",
        "Forecasts",
        ("forecasts",),
        f"{_listed(ALWAYS)} and customers by tier for {HORIZON} months, with intervals of {levels}.",
        "The series by month, and purchase days of customers, who are rolled forward by the model of lifetime value.",
        f"All whole months, {LEAST_MONTHS} at least. Each past month end is an origin that knows only what was known by"
        " then.",
        "Exponential smoothing with seasonal factors, without and with a drift (theta), and customers rolled"
        " forward. At each origin the one that had been nearest so far is taken.",
        f"{LEAST_JUDGED} to {MOST_JUDGED_ORIGINS} origins whose months have come: an error not above the naive"
        f" forecast's, and intervals of 95% that held {LEAST_COVERAGE:.0%} to {MOST_COVERAGE:.0%} of them. Else the"
        " status says which failed, and no number is shown.",
        "With under two years there are no seasons in it. It knows no campaign, price or opening that is planned."
        " Intervals come from past errors: a shock of a new kind lies outside them.",
    )


def _page(card: Card, manifest: Mapping[str, Any]) -> str:
    steps = [step for step in STEPS if step.name in card.steps]
    parts = [
        f"# {card.title}",
        "A card of the models: what they do, what they rest on, and where they end. `loyalty docs` writes this page"
        " from the code that runs. The card of a saved model, with its own figures, is beside it in the home folder's"
        " `models/`.",
    ]
    for heading, text in card.texts():
        parts += [f"## {heading}", text]
    parts += [
        "## Settings",
        _settings(steps),
        "## Tables",
        _tables(steps),
        "## Where its figures are",
        *_marts(steps, manifest),
    ]
    return "\n\n".join(parts) + "\n"


def _settings(steps: Sequence[Step]) -> str:
    names = sorted({name for step in steps for name in step.settings})
    if not names:
        return "None: nothing of it can be set."
    return f"{_listed(names)}: [settings](settings.md). A change of one makes the step learn again."


def _tables(steps: Sequence[Step]) -> str:
    rows = [
        f"| `{step.name}` | {_listed(step.reads)} | `ml.{table}` | {told} |"
        for step in steps
        for table, told in step.tables.items()
    ]
    return "\n".join(["| step | reads | writes | which is |", "|---|---|---|---|", *rows])


def _marts(steps: Sequence[Step], manifest: Mapping[str, Any]) -> Iterator[str]:
    tables = {f"stg_ml__{table}" for step in steps for table in step.tables}
    yield (
        "Columns of these [marts](marts.md) beyond their keys; `fct_model_runs` has each model that was compared,"
        " with its status and whether it is the champion, and `fct_model_metrics` each figure out of time with the"
        " baseline's."
    )
    rows = []
    keys = declared_keys(manifest["nodes"])
    for mart in sorted(_shown_by(tables, manifest["nodes"]), key=lambda node: str(node["name"])):
        key = keys.get(mart["name"], ())
        rows.append(f"| `{mart['name']}` | {_listed([column for column in mart['columns'] if column not in key])} |")
    yield "\n".join(["| mart | columns |", "|---|---|", *rows])


def _shown_by(tables: set[str], nodes: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The marts that read one of the staging tables, or an intermediate model that does."""
    known = {name for name, node in nodes.items() if node["name"] in tables}
    known |= {
        name
        for name, node in nodes.items()
        if node["resource_type"] == "model"
        and node["schema"] == "intermediate"
        and known & {*node["depends_on"]["nodes"]}
    }
    return [
        node
        for node in nodes.values()
        if node["resource_type"] == "model" and node["schema"] == "marts" and known & {*node["depends_on"]["nodes"]}
    ]


def _listed(names: Any, *, code: bool = True) -> str:
    return ", ".join(f"`{name}`" if code else str(name) for name in names)
