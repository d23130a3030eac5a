"""Messages in words: `templates/<template>.<language>.txt`, filled with the values that SQL provides.

The first line of a template is the subject, the rest the text; the HTML is the same text in templates/layout.html,
where everything is escaped. A variable of a template without a value is an error that names the variable.
"""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, UndefinedError

from warehouse.errors import UserError
from warehouse.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "templates"
SUBJECT = "Subject: "
LAYOUT = "layout.html"


@dataclass(frozen=True)
class Text:
    """A message in words: subject (one line), plain text and HTML."""

    subject: str
    plain: str
    html: str


def render(template: str, language: str, payload: str, company: str, own: Path | None = None) -> Text:
    """The message in words. `payload` is a JSON object, whose keys are the template's variables beside `company`.

    A template in `own`, the company's folder of templates, replaces the shipped template of its name.

    Raises UserError naming the template where there is none, where it cannot be read, and for a variable that the
    payload does not have.
    """
    name = f"{template}.{language}.txt"
    folders = (own, FOLDER) if own else (FOLDER,)
    environment = _environment(folders)
    subject, body = _parts(folders, name)
    values = {**json.loads(payload), "company": company, "language": language}
    try:
        # one line, whatever a value holds: a subject is a header
        line = " ".join(environment.from_string(subject).render(values).split())
        plain = environment.from_string(body).render(values).strip() + "\n"
        paragraphs = [paragraph.splitlines() for paragraph in plain.strip().split("\n\n")]
        html = environment.get_template(LAYOUT).render(subject=line, paragraphs=paragraphs, language=language)
    except UndefinedError as error:
        raise UserError(f"templates/{name}: {error.message}. It is given: {', '.join(sorted(values))}.") from error
    except (TemplateError, ValueError, InvalidOperation) as error:
        raise UserError(f"templates/{name}: {error}") from error
    return Text(line, plain, html)


@cache
def _environment(folders: tuple[Path, ...]) -> Environment:
    # HTML templates escape, text ones have nothing to escape
    environment = Environment(  # nosec B701
        loader=FileSystemLoader(folders),
        autoescape=lambda name: bool(name and name.endswith(".html")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(day=_day, number=_number)
    return environment


@cache
def _parts(folders: tuple[Path, ...], name: str) -> tuple[str, str]:
    file = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if file is None:
        known = ", ".join(sorted({found.name for folder in folders for found in folder.glob("*.txt")}))
        raise UserError(f"templates/{name}: there is no such template. There are: {known}.")
    first, _, body = file.read_text(encoding="utf-8").partition("\n")
    if not first.startswith(SUBJECT):
        raise UserError(f'templates/{name}: the first line has to be "{SUBJECT}" and the subject.')
    return first.removeprefix(SUBJECT), body


# The filters ask for the value as text first: of a variable that is missing, that is the error which names it.
def _day(iso: object, language: str) -> str:
    """An ISO date as people write it."""
    day = date.fromisoformat(str(iso))
    return f"{day.year}年{day.month}月{day.day}日" if language == "zh" else f"{day.day} {day:%B %Y}"


def _number(value: object) -> str:
    """Thousands apart, and no more decimals than two."""
    return f"{Decimal(str(value)):,.2f}".removesuffix(".00")
