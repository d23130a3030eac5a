"""`loyalty simulate`: history under other rules beside today's, and a search for better ones; table and picture."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.table import Column, Table
from rich.text import Text

from dagster_project.cli.console import Console, styled
from dagster_project.dbt_runner.project import analyst_project
from warehouse.errors import UserError
from warehouse.files import require_free, write_out
from warehouse.settings import Settings
from whatif.comparison import Entry, amount, changes_text, comparison, told
from whatif.outcome import Simulated
from whatif.replay import replaying
from whatif.reward_response import MEASURED
from whatif.scenarios import Scenario, changed
from whatif.simulator import Searched, SearchPlan, Simulator

PICTURES = (".html", ".png")
SHORT_NOTE = 12


def simulate(
    settings: Settings,
    scenarios: Sequence[Scenario],
    plan: SearchPlan | None = None,
    out: Path | None = None,
    *,
    force: bool = False,
) -> None:
    """Print today's rules beside the scenarios, and with a plan the best found; draw them into `out`.

    Never opens, locks or waits for the warehouse. Raises UserError for invalid input, before the first publication, and
    if no trial is under the cap.
    """
    if out and out.suffix.lower() not in PICTURES:
        raise UserError(f"--out {out}: expected a file ending in {' or '.join(PICTURES)}.")
    if out:
        require_free(out, force=force)
    console = Console()
    began = time.perf_counter()
    with replaying(settings, analyst_project) as replay:
        programme = replay.today()
        for scenario in scenarios:  # a mistake in the last one is told before the first is replayed
            changed(programme, scenario)
        simulator = Simulator(settings, replay)
        simulated = [simulator.today, *map(simulator.simulate, scenarios)]
        searched = _search(console, simulator, plan) if plan else None
    seconds = time.perf_counter() - began
    shown = [*simulated, searched.best] if searched else simulated
    _print(console, settings, simulator, shown)
    if searched:
        console.print(search_outcome(searched))
    console.print(f"{simulator.replays_count} replays of {settings.company} in {seconds:.1f} s")
    if out:
        from whatif.picture import WhatIf, drawn  # charts take a second to import

        page = WhatIf(settings, simulator.replay.publication_id, simulator.as_of_date, shown, response_text(simulator))
        page = replace(page, tried=searched.tried, cost_cap=searched.cost_cap) if searched else page
        write_out(out, drawn(page, out.suffix.lower()), force=force)
        console.print(str(out), soft_wrap=True)


def _search(console: Console, simulator: Simulator, plan: SearchPlan) -> Searched:
    cap = simulator.cap(plan)
    console.print(f"search: {plan.trials} trials, cost at most {amount(cap)} if every point is redeemed")

    def tell(one: Simulated) -> None:
        cost = float(one.outcome.highest_cost_amount)
        mark = Text() if cost <= cap else styled("  over the cap", "yellow")
        net = f"net {amount(one.net.expected):>10}  may cost {amount(cost):>10}"
        console.print(styled(f"  {one.outcome.name:<9} {net}  {changes_text(one)}", "") + mark, soft_wrap=True)

    return simulator.search(plan, tell)


def response_text(simulator: Simulator) -> str:
    """Where the response to rewards comes from, in a word or two."""
    response = simulator.response
    return f"{MEASURED} on {response.campaigns_count} campaigns" if response.source == MEASURED else response.source


def search_outcome(searched: Searched) -> str:
    """The result of the search, in one sentence."""
    best, difference = searched.best, searched.best.difference
    if difference.expected <= 0:
        return f"None of the {len(searched.tried)} tried is expected to bring more than today's rules."
    return (
        f"Best of {len(searched.tried)} tried: {changes_text(best)}. Net beside today's {amount(difference.expected)} "
        f"({amount(difference.low)} to {amount(difference.high)}): {told(difference)}."
    )


def _print(console: Console, settings: Settings, simulator: Simulator, shown: Sequence[Simulated]) -> None:
    columns = (Column(one.outcome.name, justify="right") for one in shown)
    title = f"History under other rules, from publication {simulator.replay.publication_id}"
    table = Table("", *columns, title=title, title_justify="left")
    for row in comparison(shown, settings.base_currency, response_text(simulator)):
        table.add_row(row.label, *map(_cell, row.entries))
    console.print(table)
    for one in shown[1:]:
        console.print(f"{one.outcome.name}: {changes_text(one)}", soft_wrap=True)
    if not simulator.is_as_published:
        console.print("Today's rules do not give what is published: SQL or settings changed since.", style="yellow")


def _cell(entry: Entry) -> Text:
    between = "\n" if len(entry.note) > SHORT_NOTE else "  "
    return styled(entry.text, "") + styled(f"{between}{entry.note}" if entry.note else "", "dim")
