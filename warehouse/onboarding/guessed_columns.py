"""The columns of a file that is no known system's, as far as they were guessed."""

from dataclasses import dataclass, field

from warehouse.onboarding.file_format import Sample


@dataclass
class Guess:
    """The columns of one file by field, each with its reason; `texts` are all values of a field, `notes` what else is
    assumed."""

    sample: Sample
    columns: dict[str, str] = field(default_factory=dict)
    because: dict[str, str] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def take(self, name: str, header: str, because: str) -> None:
        """A column for a field."""
        self.columns[name], self.because[name] = header, because

    def values(self, name: str) -> list[str]:
        """A field's values in the order of rows, empty ones too."""
        place = self.sample.place(self.columns[name])
        return [row[place] for row in self.sample.rows] if place is not None else []
