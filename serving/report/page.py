"""The report as one HTML file: text is escaped, charts and their scripts are inside, and nothing is fetched."""

import json
from functools import cache as once
from importlib.metadata import version
from pathlib import Path
from typing import Any

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from serving.report import formatting, theme
from serving.report.parts import Figure, Report
from warehouse.files import write_atomically

HERE = Path(__file__).parent

# Nothing may be loaded: what is in the file is all there is.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def render(report: Report, cache: Path) -> str:
    """The page. `cache` keeps the charts' script between runs: bundling it takes seconds, and it never changes."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(day=formatting.day, spec=_spec)
    template = environment.get_template("page.html.jinja")
    return template.render(
        report=report,
        policy=POLICY,
        style=_markup((HERE / "page.css").read_text(encoding="utf-8")),
        colours={
            name.lower(): value for name, value in vars(theme).items() if isinstance(value, str) and value[:1] == "#"
        },
        library=_markup(_script(_library(cache))),
        drawing=_markup((HERE / "draw.js").read_text(encoding="utf-8")),
        has_charts=any(figure.chart is not None for section in report.sections for figure in section.figures),
    )


def _spec(figure: Figure) -> Markup:
    """The chart's specification as JSON that no text inside can end or turn into markup."""
    assert figure.chart is not None
    text = json.dumps({**theme.themed(figure.chart), "description": figure.title}, default=_plain, sort_keys=True)
    return _markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _markup(text: str) -> Markup:
    """Text that is markup already: files of this package, the chart library, and escaped JSON."""
    # nothing of data comes by here but as JSON, in which every < and & is escaped
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
