"""What a company says of an audience, in `audiences/<name>.yml` of its folder."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import duckdb
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from warehouse.errors import UserError, nearest
from warehouse.settings import Settings
from warehouse.typed_files import validated
from warehouse.values import Header, Sentence
from warehouse.yaml_files import read_yaml

FOLDER = "audiences"
NAME = re.compile(r"[a-z][a-z0-9_-]*")

Consent = Literal["email_consent", "sms_consent", "ads_consent"]
# Systems that read a file, and one that is told over the network.
FileDestination = Literal["klaviyo", "mailchimp", "meta", "google", "csv"]
Destination = Literal[FileDestination, "webhook"]
WEBHOOK = "webhook"


def _condition(text: str) -> str:
    """One expression of SQL, and no statement around or behind it."""
    try:
        duckdb.SQLExpression(text)
    except duckdb.Error as error:
        raise ValueError(f"it is no condition of SQL: {str(error).splitlines()[0]}") from error
    return text


class _AudienceFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    description: Sentence = ""
    where: Annotated[str, Field(max_length=10_000), AfterValidator(_condition)]
    consent: Consent
    destination: Destination
    columns: tuple[Header, ...] = ()
    deliver: Literal["daily"] | None = None

    @model_validator(mode="after")
    def _only_a_webhook_is_delivered_to(self) -> Self:
        if self.deliver and self.destination != WEBHOOK:
            raise ValueError(f"deliver: daily needs `destination: {WEBHOOK}`; {self.destination} reads a file")
        return self


@dataclass(frozen=True)
class Audience:
    """An audience: a condition on dim_customers, the consent it needs, and the system that the list is for.

    `columns` of dim_customers go along, to systems that take any. `deliver`: whether every run delivers it. `place` is
    where the condition stands, for messages.
    """

    name: str
    description: str
    where: str
    consent: Consent
    destination: Destination
    columns: tuple[str, ...]
    deliver: Literal["daily"] | None
    place: str


def read_audiences(settings: Settings) -> list[Audience]:
    """The company's audiences, by name. Raises UserError with file, line and key of what is wrong."""
    return [_read(file) for file in sorted((settings.folder / FOLDER).glob("*.yml"))]


def read_audience(settings: Settings, name: str) -> Audience:
    """The audience of this name. Raises UserError where there is none, or where its file is wrong."""
    folder = settings.folder / FOLDER
    known = sorted(file.stem for file in folder.glob("*.yml"))
    if name not in known:
        listed = f"There are: {', '.join(known)}." if known else "There is none yet."
        raise UserError(f'{folder}: no audience "{name}"{nearest(name, known)}. {listed}')
    return _read(folder / f"{name}.yml")


def _read(file: Path) -> Audience:
    if not NAME.fullmatch(file.stem):
        raise UserError(f"{file}: an audience is named with small letters, digits, _ and -, with a letter first.")
    read = read_yaml(file, "the keys where, consent and destination")
    said = validated(read, _AudienceFile)
    return Audience(name=file.stem, place=read.place(("where",)), **said.model_dump())
