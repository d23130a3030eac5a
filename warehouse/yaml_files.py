"""The only way to read a YAML file: plain values, each with its line number.

Settings, mappings, plans and scenarios come from people and other programs. So a file has to be small, with no repeated
key and no aliases that make it grow, and every error is reported with its line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from warehouse.errors import UserError

MOST_BYTES = 1_000_000
# Values after aliases are followed; a company's settings have some hundred.
MOST_VALUES = 100_000
MOST_SHOWN, LONGEST_KEY = 60, 500

Location = tuple[Any, ...]


@dataclass(frozen=True)
class YamlFile:
    """The values of a file, and the lines of its keys and list entries by their way from the top."""

    path: Path
    values: dict[str, Any]
    lines: Mapping[Location, int] = field(default_factory=dict)

    def place(self, location: Location = ()) -> str:
        """The file, and the line of the key at `location`, or of the nearest key above it in the file."""
        while location:
            if location in self.lines:
                return f"{self.path}: line {self.lines[location]}"
            location = location[:-1]
        return str(self.path)


def read_yaml(path: Path, expected: str = "`key: value` lines at the top level") -> YamlFile:
    """A file of keys and values. Raises UserError for any other content, with the line if it is known."""
    try:
        root = _compose(path)
        _require_small(path, root)
        lines = dict(_lines(path, root, ()))
        values = _Loader("").construct_document(root) if root else None
    except yaml.MarkedYAMLError as error:
        raise _not_valid(path, error) from error
    except RecursionError as error:
        raise UserError(f"{path}: it is nested too deeply.") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected {expected}.")
    return YamlFile(path, values, lines)


def shown_value(value: object) -> str:
    """A value for a message: on one line, and not at any length."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}... ({len(text):,} characters)"


class _Loader(yaml.SafeLoader):
    """Plain values only; a day that no calendar has is told with its line."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError) as error:
            kind = node.tag.rpartition(":")[2]
            problem = f"{shown_value(node.value)} is no {kind}: {error}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error

    def construct_scalar(self, node: Any) -> Any:
        """Half a character, as \\ud800 writes one, can be printed, stored and compared nowhere."""
        text = super().construct_scalar(node)
        half = next((character for character in str(text) if "\ud800" <= character <= "\udfff"), None)
        if half:
            problem = f"found U+{ord(half):04X}, which is half a character"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return text


def _compose(path: Path) -> yaml.Node | None:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path}: larger than {MOST_BYTES:,} bytes; no such file is that long.")
        return yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not UTF-8: byte {error.object[error.start]:#04x} at position {error.start}."
        ) from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}.") from error
    except yaml.reader.ReaderError as error:
        found = error.character if isinstance(error.character, int) else ord(error.character)
        raise UserError(f"{path}: holds the character U+{found:04X}, which YAML does not allow.") from error


def _not_valid(path: Path, error: yaml.MarkedYAMLError) -> UserError:
    mark = error.problem_mark or error.context_mark
    place = f"{path}: line {mark.line + 1}" if mark else str(path)
    told = [part for part in (error.context, error.problem) if part]
    return UserError(f"{place}: not valid YAML: {', '.join(told)}.")


def _require_small(path: Path, root: yaml.Node | None) -> None:
    """Raises UserError for aliases that unfold into too much, or into themselves."""
    sizes: dict[int, int | None] = {}

    def size(node: yaml.Node) -> int:
        if id(node) in sizes:
            known = sizes[id(node)]
            if known is None:
                raise UserError(
                    f"{path}: line {node.start_mark.line + 1}: an alias (*name) stands inside of its own anchor."
                )
            return known
        sizes[id(node)] = None
        sizes[id(node)] = found = 1 + sum(map(size, _children(node)))
        if found > MOST_VALUES:
            raise UserError(f"{path}: line {node.start_mark.line + 1}: this unfolds into over {MOST_VALUES:,} values.")
        return found

    if root is not None:
        size(root)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _lines(path: Path, node: yaml.Node | None, above: Location) -> list[tuple[Location, int]]:
    """The line of every key and list entry. Raises UserError for a key that stands twice in one section."""
    found: list[tuple[Location, int]] = []
    if isinstance(node, yaml.MappingNode):
        seen: dict[Any, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if len(key.value) > LONGEST_KEY:
                raise UserError(f"{path}: line {line}: a key of {len(key.value):,} characters; no key is that long.")
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise UserError(
                    f'{path}: line {line}: the key "{key.value}" stands in line {seen[key.value]} already; keep one.'
                )
            seen[key.value] = line
            here = (*above, key.value)
            found += [(here, line), *_lines(path, value, here)]
    elif isinstance(node, yaml.SequenceNode):
        for number, entry in enumerate(node.value):
            here = (*above, number)
            found += [(here, entry.start_mark.line + 1), *_lines(path, entry, here)]
    return found
