"""The picture of scenarios beside today's rules: one offline HTML file in the report's look, or its charts as a PNG."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import cycle

import altair as alt
import pandas as pd
import vl_convert

from serving.report import formatting, theme
from serving.report.charts import scenarios as charts
from serving.report.charts.drawing import Chart
from serving.report.charts.shares import shares
from serving.report.page import render
from serving.report.parts import Cell, Figure, Report, Section, Table
from warehouse.settings import Settings
from whatif.comparison import changes_text, comparison, told
from whatif.outcome import Simulated

PNG_WIDTH = 760
LIMITS = (
    "Purchases, returns and redemptions are as they were: tiers, points, liability and cost follow exactly.",
    "Outstanding points are valued at today's expected redemption rate in every scenario.",
    "Incremental margin is what rewards cause. Where campaigns measured it, points are taken to return as they do; "
    "it grows with the cost with diminishing returns. A difference whose interval holds 0 cannot be told apart.",
)


@dataclass(frozen=True)
class WhatIf:
    """The data of the picture: `shown` has today's rules first; a search adds its trials and its cap."""

    settings: Settings
    publication: str
    as_of: date
    shown: Sequence[Simulated]
    response: str
    tried: Sequence[Simulated] = ()
    cost_cap: float = 0.0

    @property
    def currency(self) -> str:
        """Code of the base currency."""
        return self.settings.base_currency


def drawn(page: WhatIf, ending: str) -> bytes | str:
    """The picture as a file's content: a .png of the charts, or .html with the table and the rules too."""
    return _png(page) if ending == ".png" else render(_report(page), cache=page.settings.home / "cache")


def _report(page: WhatIf) -> Report:
    sections = [Section("scenarios", "Scenarios beside today", [*_figures(page), _table(page)])]
    return Report(
        company=formatting.title(page.settings.company),
        as_of=page.as_of,
        data_through=None,
        publication=page.publication,
        tiles=(),
        sentences=[_sentence(one, page) for one in page.shown[1:]],
        sections=sections,
        facts=LIMITS,
        kind="What if",
    )


def _sentence(one: Simulated, page: WhatIf) -> str:
    low, high = (formatting.money(value, page.currency) for value in (one.difference.low, one.difference.high))
    expected = formatting.money(one.difference.expected, page.currency)
    return (
        f"{one.outcome.name} ({changes_text(one)}): net incremental margin beside today's {expected}, between {low} "
        f"and {high}, {page.response}: {told(one.difference)}."
    )


def _figures(page: WhatIf) -> list[Figure]:
    assumed = page.settings.assumed
    low, high = assumed.reward_return
    rests = f"a unit of reward cost brings {low:g} to {high:g} of margin; " if page.response == "assumed" else ""
    rests += f"1% more cost brings {assumed.reward_elasticity[0]:g} to {assumed.reward_elasticity[1]:g}% more"
    figures = [
        Figure("Customers by tier", page.as_of, "The tier held at the end.", chart=_tiers(page)),
        Figure(
            "What it costs",
            page.as_of,
            "Points by accrual: redeemed and owed. Liability: what is owed at the end.",
            chart=_costs(page),
        ),
        Figure(
            f"Net incremental margin beside today's, {page.response}",
            page.as_of,
            "Margin caused by rewards less their cost: expected value and 95% interval.",
            chart=_differences(page),
            assumed=rests,
            width=12,
        ),
    ]
    if not page.tried:
        return figures
    definition = "One point for each set of rules tried; the line is the cost cap."
    return [*figures, Figure("What the search tried", page.as_of, definition, chart=_trials(page), width=12)]


def _table(page: WhatIf) -> Figure:
    rows: list[list[str | Cell]] = [
        [row.label, *(Cell(entry.text, entry.note) for entry in row.entries)]
        for row in comparison(page.shown, page.currency, page.response)
    ]
    table = Table(("Figure", *(one.outcome.name for one in page.shown)), rows)
    return Figure("Side by side", page.as_of, "Over the whole history, beside today's.", table=table, width=12)


def _tiers(page: WhatIf) -> Chart:
    customers = {one.outcome.name: one.outcome.customers for one in page.shown}
    frame = pd.DataFrame(
        [
            {"measure": name, "part": tier, "value": count, "share": count / max(sum(by_tier.values()), 1)}
            for name, by_tier in customers.items()
            for tier, count in by_tier.items()
        ]
    )
    colours = dict(zip(page.shown[0].outcome.customers, cycle(theme.STEPS), strict=False))
    return shares(frame, colours, 60 * len(page.shown) + 40)


def _costs(page: WhatIf) -> Chart:
    rows = []
    for one in page.shown:
        outcome = one.outcome
        amounts = (outcome.liability_amount, outcome.points_cost_amount, outcome.budget_amount)
        for kind, amount in zip(theme.COSTS, amounts, strict=True):
            rows.append({"scenario": outcome.name, "kind": kind, "amount": float(amount)})
    return charts.scenario_costs(pd.DataFrame(rows), page.currency)


def _differences(page: WhatIf) -> Chart:
    rows = [
        {
            "scenario": one.outcome.name,
            "expected": one.difference.expected,
            "low": one.difference.low,
            "high": one.difference.high,
            "outcome": told(one.difference),
        }
        for one in page.shown[1:]
    ]
    return charts.scenario_differences(pd.DataFrame(rows), page.currency)


def _trials(page: WhatIf) -> Chart:
    today, best = page.shown[0], page.shown[-1]

    def kind(one: Simulated) -> str:
        if one is today or one.changes == best.changes:
            return "today" if one is today else "best found"
        return "tried" if float(one.outcome.highest_cost_amount) <= page.cost_cap else "over the cap"

    rows = [
        {
            "kind": kind(one),
            "net": one.net.expected,
            "cost": float(one.outcome.highest_cost_amount),
            "changes": changes_text(one),
        }
        for one in [*page.tried, today]
    ]
    return charts.search_trials(pd.DataFrame(rows), page.cost_cap, page.currency)


def _png(page: WhatIf) -> bytes:
    drawn = [
        figure.chart.properties(width=PNG_WIDTH, title=alt.Title(figure.title, anchor="start", frame="group"))
        for figure in _figures(page)
        if figure.chart is not None
    ]
    chart = alt.vconcat(*drawn, title=f"{formatting.title(page.settings.company)}: what if").resolve_scale(
        color="independent"
    )
    return vl_convert.vegalite_to_png({**theme.themed(chart), "background": theme.PAPER}, scale=1.5)
