"""Files that people or programs mangled: each is read as it stands, or refused in a sentence that names its place."""

import copy
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from tests.support.messages import FORBIDDEN
from warehouse.errors import UserError
from warehouse.experiments.registry import read_plan
from warehouse.ingest.sources import known_sources, read_source
from warehouse.settings import PROJECT_ROOT, load_settings
from warehouse.sql import connect
from whatif.scenarios import read_scenarios

PLAN = {
    "campaign_id": "spring", "start_date": "2024-03-01", "end_date": "2024-03-28", "metrics": ["margin_amount"],
    "arms": {"letter": 0.5, "phone": 0.2}, "holdout_share": 0.1, "salt": "s",
}  # fmt: skip
SCENARIOS = {"short": {"points.expiry_months": 6}, "rich": {"budget": "2x", "tiers": {"all": {"earn_rate": "1.5x"}}}}
# What the companies that are shipped do not say, and what reaches headers, schedules and pages.
SETTINGS = {
    "company": "Corner shop", "sources": {"shop": {"input_path": "landing/shop"}}, "business_timezone": "UTC",
    "base_currency": "EUR", "churn_horizon_days": 30, "memory_limit": "2GB", "schedule": {"cron": "0 5 * * *"},
    "messages": {
        "channel": "email", "sender": "Shop <a@b.example>", "unsubscribe_url": "https://b.example/stop?id={message_id}",
        "smtp": {"host": "b.example", "password_env": "LOYALTY_SMTP_PASSWORD"},
    },
    "identity": {"stop_list": ["till@b.example"]}, "rewards": {"caps": {"voucher": 200}}, "publish": {"group": "all"},
}  # fmt: skip
TEXTS = [
    "",
    " ",
    "Moe's",
    "'; drop table x; --",
    "' || (select 1) || '",
    '"',
    "\\",
    "\\'",
    "{{ 1 / 0 }}",
    "{% raw %}",
    "[/]",
    "[red]",
    "\0",
    "\n",
    "\r\nBcc: x@y.z",
    "\x1b]0;x\x07",
    "\u202e",
    "\u200b",
    "\ud800",
    "\ufeff",
    "=1+1",
    "../../x",
    "/",
    "~",
    "a" * 500,
    "a" * 100_000,
    "inf",
    "nan",
    "1e400",
    "0x10",
    "1_000",
    "2023-02-30",
    "9999-12-31",
    "null",
    "yes",
    "$(id)",
    "%s%n",
    "😀",
    "ﬀ",
    "İ",
    "١٢٣",
]
VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    2**64,
    10**30,
    -(10**30),
    0.0,
    -0.0,
    1e-320,
    1e308,
    float("inf"),
    float("-inf"),
    float("nan"),
    [],
    {},
    [1],
    [[]],
    [1, 1, 1, 1],
    [4, 3, 2, 1],
    {"a": {"b": {"c": 1}}},
    {"": ""},
    {1: 2},
    list(range(2000)),
    *TEXTS,
]
JUNK = [b"\0", b"\xff", b"\t", b"&a ", b"*a ", b"!!python/name:os.system ", b"{", b"- ", b": ", b"\n", b"'"]
SUITE, CAMPAIGN = 50, 2_000


def places(values: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value of nested sections and lists."""
    items = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    return [place for key, value in items for place in [(*above, key), *places(value, (*above, key))]]


def mangled(values: Any, draw: random.Random) -> bytes:
    """The file with some of its values, keys or bytes changed."""
    values = yaml.safe_load(yaml.safe_dump(values))
    for _ in range(draw.choice([1, 1, 1, 2, 5])):
        *parents, last = draw.choice(places(values))
        section = values
        for key in parents:
            section = section[key]
        change = draw.randrange(6)
        if change == 3 and isinstance(section[last], str):  # what is right, and goes on otherwise
            section[last] += draw.choice(TEXTS)
        elif change < 4:
            section[last] = copy.deepcopy(draw.choice(VALUES))
        elif isinstance(section, dict) and len(section) > 1:
            value = section.pop(last)
            if change == 4:
                section[draw.choice([*TEXTS, f"{last}s", str(last).upper()])] = value
        if not places(values):
            break
    text = yaml.safe_dump(values, allow_unicode=draw.random() < 0.5, width=10**6).encode("utf-8", "surrogatepass")
    if draw.random() < 0.3:
        position = draw.randrange(len(text))
        junk = draw.choice(JUNK)
        text = text[:position] + junk + text[position + draw.randrange(3) :]
    return text[: draw.randrange(len(text))] if draw.random() < 0.05 else text


def read_settings(file: Path) -> Any:
    return load_settings(file, environ={}).model_dump()


def read_mapping(file: Path) -> Any:
    return read_source(file.stem, file.parent).model_dump()


def read_experiment(file: Path) -> Any:
    return vars(read_plan(file, load_settings(environ={})))


def read_what_if(file: Path) -> Any:
    return [vars(scenario) for scenario in read_scenarios(file)]


READERS: list[tuple[str, Callable[[Path], Any]]] = [
    *((str(file), read_settings) for file in sorted((PROJECT_ROOT / "companies").glob("*/settings.yml"))),
    *((str(file), read_mapping) for file in sorted(known_sources().values())),
    ("settings", read_settings),
    ("plan", read_experiment),
    ("scenarios", read_what_if),
]
OF_ITS_OWN = {"settings": SETTINGS, "plan": PLAN, "scenarios": SCENARIOS}


@pytest.fixture(scope="module")
def as_literal() -> Callable[[str], str]:
    """The macro by which texts reach SQL, as dbt renders it."""
    source = (PROJECT_ROOT / "dbt" / "macros" / "portable.sql").read_text(encoding="utf-8")
    macro = re.search(r"\{% macro default__text_literal.*?endmacro %\}", source, re.DOTALL)
    assert macro is not None
    text = macro.group().replace("return(", "(")
    return jinja2.Environment().from_string(text).module.default__text_literal  # type: ignore[attr-defined]


def texts_of(values: Any) -> list[str]:
    if isinstance(values, dict):
        return [text for key, value in values.items() for text in [*texts_of(key), *texts_of(value)]]
    if isinstance(values, list | tuple):
        return [text for value in values for text in texts_of(value)]
    return [values] if isinstance(values, str) else []


def hold(folder: Path, as_literal: Callable[[str], str], seeds: range) -> None:
    accepted = 0
    with connect() as connection:
        for seed in seeds:
            draw = random.Random(seed)
            name, read = draw.choice(READERS)
            known = OF_ITS_OWN.get(name) or yaml.safe_load(Path(name).read_text(encoding="utf-8"))
            file = folder / Path(name).with_suffix(".yml").name
            file.write_bytes(mangled(known, draw))
            try:
                found = read(file)
            except UserError as error:
                lines = str(error).splitlines()
                assert lines and all(line.isprintable() for line in lines), (seed, str(error))
                assert lines[0].startswith((f"{file}", "dbt/entities.yml")), (seed, str(error))
                assert not FORBIDDEN.search(str(error).replace(str(file), "")), (seed, str(error))
                assert max(map(len, lines)) < 1_000, (seed, str(error))
                continue
            accepted += 1
            texts = texts_of(found)
            assert all(text.isprintable() for text in texts), (seed, name, texts)
            literals = ", ".join(str(as_literal(text)) for text in texts)
            assert list(connection.execute(f"select {literals}").fetchone() or ()) == texts, seed
    assert 0 < accepted < len(seeds)


def test_a_mangled_file_is_read_as_it_stands_or_refused_by_its_place(
    tmp_path: Path, as_literal: Callable[[str], str]
) -> None:
    hold(tmp_path, as_literal, range(SUITE))


@pytest.mark.campaign
def test_two_thousand_mangled_files(tmp_path: Path, as_literal: Callable[[str], str]) -> None:
    hold(tmp_path, as_literal, range(SUITE, CAMPAIGN))
