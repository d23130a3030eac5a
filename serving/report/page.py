"""The report as one HTML file: text is escaped, charts and their scripts are inside, and nothing is fetched."""

import json
from collections.abc import Sequence
from functools import cache as once
from importlib.metadata import version
from pathlib import Path
from typing import Any

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from serving.report import formatting, theme
from serving.report.cube import FILTERS
from serving.report.parts import Cell, Report
from serving.report.picture import picture
from warehouse.files import write_atomically

HERE = Path(__file__).parent
# One after the other, as one script: what writes numbers and CSV, tables and lists, charts, and the filters.
SCRIPTS = ("figures.js", "tables.js", "draw.js", "filters.js")

# Nothing may be loaded: what is in the file is all there is.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def render(report: Report, cache: Path) -> str:
    """The page. `cache` keeps the charts' script between runs: bundling it takes seconds, and it never changes."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(day=formatting.day, json=_json, spark=_spark, fields=vars, value=_value)
    template = environment.get_template("page.html.jinja")
    return template.render(
        report=report,
        charts=_charts(report),
        policy=POLICY,
        style=_markup((HERE / "page.css").read_text(encoding="utf-8")),
        colours={name.lower(): value for name, value in _colours().items()},
        dark={name.lower(): value for name, value in theme.DARK.items()},
        filters=FILTERS,
        has_figures=any(not figure.missing for section in report.sections for figure in section.figures),
        library=_markup(_script(_library(cache))),
        scripts=_markup("\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)),
    )


def _colours() -> dict[str, str]:
    """The page's colours by their names: those of the charts, and its own."""
    shared = {name: value for name, value in vars(theme).items() if isinstance(value, str) and value[:1] == "#"}
    return {**shared, **theme.PAGE}


def _charts(report: Report) -> dict[str, tuple[Markup, Markup]]:
    """Of each chart, by its place in the page: its specification for the browser, and its picture."""
    found = {}
    for section in report.sections:
        for number, figure in enumerate(section.figures, 1):
            if figure.chart is not None:
                spec = _json(theme.following({**theme.themed(figure.chart), "description": figure.title}))
                found[f"{section.key}-{number}"] = (spec, _markup(picture(str(spec))))
    return found


def _json(value: Any) -> Markup:
    """JSON that no text inside can end or turn into markup."""
    text = json.dumps(value, default=_plain, sort_keys=True, separators=(",", ":"))
    return _markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _value(cell: str | Cell) -> str:
    """What a cell shows, as a number or a day for sorting and CSV; its own text where it is a text."""
    text = cell.text if isinstance(cell, Cell) else cell
    return "" if (value := getattr(text, "value", text)) is None else str(value)


def _spark(values: Sequence[float]) -> str:
    """The points of a line through values, in a field of 100 by 24: its lowest value below, its highest above."""
    low, high = min(values), max(values)
    step, scale = 100 / (len(values) - 1), 22 / ((high - low) or 1)
    return " ".join(f"{place * step:.1f},{23 - (value - low) * scale:.1f}" for place, value in enumerate(values))


def _markup(text: str) -> Markup:
    """Text that is markup already: files of this package, the chart library, and escaped JSON."""
    # nothing of data comes by here but as JSON, in which every < and & is escaped, and as pictures of the engine
    return Markup(text)  # nosec B704


def _plain(value: Any) -> str:
    return str(value)


def _library(cache: Path) -> str:
    """Vega, Vega-Lite and the embedding as one script, from `cache` or bundled into it."""
    file = cache / f"vega-{version('vl-convert-python')}-{vl_convert.get_vega_version()}.js"
    if file.exists():
        return file.read_text(encoding="utf-8")
    text = _bundle()
    write_atomically(file, text)
    return text


@once
def _bundle() -> str:
    return str(vl_convert.javascript_bundle())  # type: ignore[call-arg]  # without a snippet it is the whole bundle


def _script(text: str) -> str:
    """A script whose own strings cannot end the element it stands in."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")
