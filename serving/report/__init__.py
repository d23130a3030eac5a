"""The report: reads published marts and writes one offline HTML file, for an owner with little time.

`marts` reads, `formatting` says, `charts` draws, `sections` puts the three together, `page` writes the file. Numbers
that a mart holds are not computed here; only sums and shares for display are. Nothing reads the clock, so the same
publication gives the same bytes. The chart library is imported on first use, because that takes a second and most
commands draw no chart.
"""

from pathlib import Path

import pandas as pd
from duckdb import DuckDBPyConnection

from warehouse.settings import Settings


def write_report(connection: DuckDBPyConnection, settings: Settings, target: Path) -> list[str]:
    """Write the report on schema marts of `connection` to `target`, one HTML file that needs nothing beside it.

    If a company has no data for a part, a sentence in its place says so. Returns a sentence for each of the company's
    own sections that cannot be shown.
    """
    from serving.report.marts import Marts
    from serving.report.page import render
    from serving.report.sections import report_of

    report = report_of(Marts(connection), settings)
    target.write_text(render(report, cache=settings.home / "cache"), encoding="utf-8")
    return list(report.problems)


def cohort_svg(frame: pd.DataFrame) -> str:
    """The heat map of the cohorts' months as an SVG picture.

    `frame`: rows of fct_cohort_retention (cohort_month, period_unit, period, cohort_size, retention_rate,
    is_left_truncated, is_small). Raises ValueError when no month of it is complete, since there is nothing to draw.
    """
    import vl_convert

    from serving.report.charts.retention import cohort_heat_map
    from serving.report.theme import themed

    months = frame[frame["period_unit"] == "month"]
    if not months["retention_rate"].notna().any():
        raise ValueError("No cohort has a complete month, so there is no picture to draw.")
    spec = themed(cohort_heat_map(months).properties(width=760))
    return vl_convert.vegalite_to_svg(spec)
